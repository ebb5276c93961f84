"""Lines of text that fit the terminal."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap

import click
from rich.console import Console

from clr_ref._inputs import escaped

#: Stands for a blank at which no line may end: textwrap takes only ASCII blanks for such.
_BLANK = "\N{NO-BREAK SPACE}"
_COMMAND = re.compile("`[^`]+`")
_REPEAT = "repeat with: "


def say(text: str = "", *, first: str = "", then: str | None = None, hang: str = "", err: bool = False) -> None:
    """Print text that wraps at the width of the terminal; without a terminal, no line is wrapped.

    No word and no `command` is cut, so that they can be copied. Control characters are escaped.

    Args:
        text: the text; each of its lines begins a new line.
        first: what stands before the first line.
        then: what stands before all other lines. Default: as many blanks as ``first`` is long.
        hang: what else stands before a line that continues the one above.
        err: whether the text is printed to stderr.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # it was closed before the start
        return
    console = Console(file=stream)
    then = " " * len(first) if then is None else then
    for line in visible(text).split("\n"):
        rest = then + line[: len(line) - len(line.lstrip())] + hang
        click.echo(_wrapped(line, console.width, first, rest) if console.is_terminal else (first + line).rstrip(), err=err)
        first = then


def visible(text: str) -> str:
    r"""Return text with its control characters escaped, except for tabs and ends of lines: a terminal would obey them.

    >>> visible("\x1b[31mred")
    '\\x1b[31mred'
    """
    return escaped(text, kept="\t\n")


def _wrapped(line: str, width: int, first: str, rest: str) -> str:
    before, repeat, command = line.partition(_REPEAT)
    if repeat and len(first + line) > width:
        return f"{first}{before}{repeat}\\\n" + _broken(command, width, rest + "  ")
    kept = _COMMAND.sub(lambda found: found[0].replace(" ", _BLANK), line)
    wrapped = textwrap.wrap(
        kept, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(wrapped or [first.rstrip()]).replace(_BLANK, " ")


def _broken(command: str, width: int, indent: str) -> str:
    """Return a shell command in lines that can be pasted together."""
    lines, current = [], ""
    for word in map(shlex.quote, shlex.split(command)):
        if current and len(indent) + len(current) + len(word) + 3 > width:
            lines.append(f"{indent}{current} \\")
            current = ""
        current = f"{current} {word}" if current else word
    return "\n".join([*lines, indent + current])
