"""Calls of the command line in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from clr_ref.cli import main

BOUNDS = ["-i", "1e-4", "-m", "1e-2", "-s", "1874"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))
