"""``python -m clr_ref.conformance.peers``: exit 0 if every peer does what is declared of it, 1 if not, 2 for a wrong call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from clr_ref.cli.common import finite
from clr_ref.conformance.peers import report
from clr_ref.conformance.peers.collect import collect
from clr_ref.conformance.peers.registry import PEERS

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--markdown", type=_FILE, default=None, help="Write the page to this file.")
@click.option("--html", type=_FILE, default=None, help="Write the page as HTML to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as one JSON document.")
def main(markdown: Path | None, html: Path | None, as_json: bool) -> None:
    """Hold every peer against the specification, and against the deviations that are declared of it."""
    found = collect(PEERS, lambda words: click.echo(words, err=True))
    if markdown is not None:
        report.write(report.markdown(found), markdown)
    if html is not None:
        report.write(report.html(found), html)
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
