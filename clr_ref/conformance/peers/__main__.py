"""``python -m clr_ref.conformance.peers``: exit 0 if every peer does what is declared of it, 1 if not, 2 for a wrong call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from clr_ref._files import write_text
from clr_ref.cli.common import check_outputs, ending_clearly, finite, output_option
from clr_ref.conformance.peers import report
from clr_ref.conformance.peers.collect import collect
from clr_ref.conformance.peers.registry import PEERS


@click.command()
@output_option("--markdown", help="Write the page to this file.")
@output_option("--html", help="Write the page as HTML to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as one JSON document.")
@ending_clearly()
def main(markdown: Path | None, html: Path | None, as_json: bool) -> None:
    """Hold every peer against the specification, and against the deviations that are declared of it."""
    check_outputs("--html", [path for path in (markdown, html) if path is not None])
    found = collect(PEERS, lambda words: click.echo(words, err=True))
    if markdown is not None:
        write_text(markdown, report.markdown(found))
    if html is not None:
        write_text(html, report.html(found))
    if as_json:
        click.echo(json.dumps(finite(found), indent=1))
    else:
        click.echo(report.summary(found))
    wrong = report.surprises(found)
    for line in wrong:
        click.echo(line, err=as_json)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
