"""Lines of text that fit the terminal."""

from __future__ import annotations

import re
import sys
import textwrap

import click
from rich.console import Console

#: Stands for a blank at which no line may end: textwrap takes only ASCII blanks for such.
_BLANK = "\N{NO-BREAK SPACE}"
_COMMAND = re.compile("`[^`]+`")
#: The width without a terminal, such as in a pipe.
WIDTH = 80


def say(text: str, *, first: str = "", then: str | None = None, err: bool = False) -> None:
    """Print text that wraps at the width of the terminal. No word and no `command` is cut, so that they can be copied.

    Args:
        text: the text; each of its lines begins a new line.
        first: what stands before the first line.
        then: what stands before all other lines. Default: as many blanks as ``first`` is long.
        err: whether the text is printed to stderr.
    """
    console = Console(file=sys.stderr if err else sys.stdout)
    width = console.width if console.is_terminal else WIDTH
    then = " " * len(first) if then is None else then
    for line in text.splitlines() or [""]:
        wrapped = textwrap.wrap(
            _COMMAND.sub(lambda found: found[0].replace(" ", _BLANK), line),
            width,
            initial_indent=first,
            subsequent_indent=then,
            break_long_words=False,
            break_on_hyphens=False,
        )
        click.echo("\n".join(wrapped or [first.rstrip()]).replace(_BLANK, " "), err=err)
        first = then
