"""Calls of the command line in this process."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner, Result

from clr_ref.cli import main

BOUNDS = ["-i", "1e-4", "-m", "1e-2", "-s", "1874"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def commands(group: click.Group = main, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command, such as ("golden", "show")."""
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
