"""The command line. Exit codes: 0 all verdicts hold, 1 a verdict failed, 2 the call was wrong."""

from __future__ import annotations

from typing import Any

import click

import clr_ref
from clr_ref.cli import bench, conform, golden, range_test, schedule, tutorial, verify
from clr_ref.cli.common import ending_clearly


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        with ending_clearly():
            return super().invoke(ctx)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(clr_ref.__version__, prog_name="clr-ref")
def main() -> None:
    """Cyclical learning rates: exact values, a correctly rounded schedule, and the recorded rates of TFA."""


for command in (
    verify.verify,
    schedule.evaluate,
    schedule.plot,
    golden.golden_group,
    conform.conform,
    tutorial.tutorial,
    range_test.range_test,
    bench.bench,
):
    main.add_command(command)
