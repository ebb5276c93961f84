"""``clr-ref diff``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clr_ref._files import write_text
from clr_ref.cli.common import check_inputs_stay, json_option, output_option, print_json
from clr_ref.cli.lines import say, visible


@click.command()
@click.argument("a", type=click.Path(path_type=Path), metavar="A")
@click.argument("b", type=click.Path(path_type=Path), metavar="B")
@output_option("--html", help="Write a page with the growth of the distance over the steps of two traces.")
@json_option
def diff(a: Path, b: Path, html: Path | None, as_json: bool) -> None:
    r"""Name the first step, and in it the first tensor, at which two trainings differ.

    A and B are two traces of `clr-ref trace`, two reports of seeded training (`Report.to_json`), or two records of the folder
    golden/training. Exit code 0 if nothing differs, 1 if something does, 2 if the call is wrong.

    \b
    Example:
      clr-ref diff before.trace after.trace
    """
    from clr_ref.trace import reports, words
    from clr_ref.trace.format import TraceError, is_trace
    from clr_ref.trace.growth import growth
    from clr_ref.trace.page import page

    check_inputs_stay("--html", html, (a, b))
    try:
        if html is not None and not (is_trace(a) and is_trace(b)):
            raise click.UsageError("--html goes with two traces")
        found = reports.compare(a, b)
        if html is not None:
            write_text(html, page(found, growth(a, b), str(a), str(b)))
    except TraceError as error:
        raise click.UsageError(visible(str(error))) from None
    if as_json:
        print_json(found.to_data())
    else:
        for line in words.lines(found):
            say(line, hang="  ")
        if html is not None:
            say(f"wrote {html}")
    sys.exit(0 if found.first is None else 1)
