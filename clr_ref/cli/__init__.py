"""The command line. Exit codes: 0 all verdicts hold, 1 a verdict failed, 2 the call was wrong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import click

import clr_ref
from clr_ref.cli import bench, conform, diff, golden, migrate, range_test, schedule, study, trace, tutorial, verify
from clr_ref.cli.common import ending_clearly, writing_clearly

#: Stands for a hyphen at which no line may end.
_HYPHEN = "\N{NON-BREAKING HYPHEN}"


class _Help(click.HelpFormatter):
    """Wraps between words only: ``clr-ref[plot]`` in two lines cannot be copied."""

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", _HYPHEN))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(term, text.replace("-", _HYPHEN)) for term, text in rows], col_max, col_spacing)

    def write(self, string: str) -> None:
        super().write(string.replace(_HYPHEN, "-"))


class _Context(click.Context):
    formatter_class = _Help


class _Group(click.Group):
    def main(self, *args: Any, **settings: Any) -> Any:
        with writing_clearly():
            return super().main(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        with ending_clearly():
            return super().invoke(ctx)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(clr_ref.__version__, prog_name="clr-ref")
def main() -> None:
    r"""Cyclical learning rates: exact values, a correctly rounded schedule, and the recorded rates of TFA.

    Each command has a --help of its own. Exit codes: 0 for success, 1 if a comparison fails or another check of the command
    does, 2 if the call is wrong or cannot be carried out.

    \b
    Example:
      clr-ref eval triangular2 -i 1e-4 -m 1e-2 -s 1874 0 1874 3748:3752
    """


def _arrange_help(command: click.Command) -> None:
    """Arrange the help texts of a command and its subcommands, which are docstrings.

    - The block "Example:" stands at the end, after the options. In a raw docstring it begins with a backslash and a
      "b", where click expects the character that keeps the lines of a block.
    - The list of commands has the whole first sentence, where click would cut it.
    """
    text, _, example = inspect.cleandoc(command.help or "").partition("\\b\nExample:\n")
    command.help = text.strip()
    command.epilog = f"\b\nExample:\n{example}" if example else None
    command.short_help = re.split(r"(?<=\.)\s", " ".join(text.split()))[0]
    command.context_class = _Context
    for subcommand in getattr(command, "commands", {}).values():
        _arrange_help(subcommand)


for command in (
    verify.verify,
    schedule.evaluate,
    schedule.plot,
    golden.golden_group,
    conform.conform,
    migrate.migrate,
    tutorial.tutorial,
    range_test.range_test,
    study.study_group,
    trace.trace,
    diff.diff,
    bench.bench,
):
    main.add_command(command)
_arrange_help(main)
