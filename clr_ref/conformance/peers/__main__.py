"""``python -m clr_ref.conformance.peers``: compare every peer with the specification.

Exit codes: 0 if every peer does what is declared of it, 1 if not, 2 if the call is wrong or a package is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from clr_ref._files import json_text, write_text
from clr_ref.cli.common import check_outputs, ending_clearly, output_option, writing_clearly
from clr_ref.cli.lines import say
from clr_ref.conformance.exceptions import ExceptionsError
from clr_ref.conformance.peers import report, reread
from clr_ref.conformance.peers.collect import collect
from clr_ref.conformance.peers.registry import PeerError, check_installed, choose, read_peers
from clr_ref.conformance.verdict import accuracy_words

EXAMPLE = """\b
Example:
  python -m clr_ref.conformance.peers --peer clr_ref
"""


@click.command(epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--peer", "names", multiple=True, metavar="NAME", help="Test only this peer; can be repeated. Default: all.")
@output_option("--markdown", help="Write the page to this file; with --peer, renew only the rows of those peers in it.")
@output_option("--html", help="The same, as HTML.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as one JSON document.")
@writing_clearly()
@ending_clearly()
def main(names: tuple[str, ...], markdown: Path | None, html: Path | None, as_json: bool) -> None:
    """Compare every peer with the specification and with the deviations that are declared of it.

    All packages must be installed; `tox run -e peers` installs them.
    """
    check_outputs("--markdown, --html", [path for path in (markdown, html) if path is not None])
    try:
        everyone = read_peers()
        chosen = choose(everyone, names)
        check_installed(chosen)
    except (PeerError, ExceptionsError) as error:
        raise click.UsageError(str(error)) from None
    written = [(path, write, _stored(path) if names else []) for path, write in _pages(markdown, html)]
    # Costs are ratios to the first peer, so it runs with every other.
    tested = collect(tuple(dict.fromkeys((everyone[0], *chosen))), lambda line: click.echo(line, err=True))
    found = [peer for peer in tested if peer["name"] in {one.name for one in chosen}]
    for path, write, stored in written:
        write_text(path, write(reread.renew(stored, found, [peer.name for peer in everyone]) if names else found))
    if as_json:
        click.echo(json_text(found))
    else:
        for peer in found:
            _show(peer)
    surprises = report.surprises(found)
    for line in surprises:
        click.echo(line, err=True) if as_json else say(line, hang="  ")
    sys.exit(1 if surprises else 0)


def _show(peer: dict[str, Any]) -> None:
    if "error" in peer:  # it is among the surprises
        return
    cost = f"; a step costs {peer['cost']:.3g} times that of clr_ref" if "cost" in peer else ""
    say(f"{peer['name']} ({peer['package']} {peer['version']}), judged in {peer['report']['dtype']}{cost}", hang="  ")
    for line in peer["report"]["policies"]:
        if line["policy"]:
            offered = line["semantics"] != "not offered"
            grade = f"; {accuracy_words(line['grade'], line['worst_share'])}" if offered else f": {line['reason']}"
            say(f"  {line['policy']:11}  {report.MARKS.get(line['semantics'], line['semantics'])}{grade}", hang=" " * 9)


def _pages(markdown: Path | None, html: Path | None) -> list[tuple[Path, Any]]:
    """Returns the files to write, each with the function that makes its page."""
    return [(path, write) for path, write in ((markdown, report.markdown), (html, report.html)) if path is not None]


def _stored(path: Path) -> Sequence[dict[str, Any]]:
    """Returns what a page says about every peer; nothing if there is no such file.

    Raises:
        click.UsageError: the file is no page about the peers.
    """
    try:
        return reread.read_page(path.read_text("utf-8")) if path.is_file() else []
    except (reread.PageError, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"cannot renew {str(path)!r}: {error}") from None


if __name__ == "__main__":
    main()
