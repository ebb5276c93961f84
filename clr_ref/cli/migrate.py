"""``clr-ref migrate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from clr_ref.cli.common import counted, json_option, print_json, require_extras, status_line
from clr_ref.cli.lines import say, visible

if TYPE_CHECKING:
    from clr_ref.migrate.files import Result

_COLOURS: dict[str, dict[str, Any]] = {
    "---": {"bold": True},
    "+++": {"bold": True},
    "@@": {"fg": "cyan"},
    "-": {"fg": "red"},
    "+": {"fg": "green"},
}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--write", is_flag=True, help="Change the files, instead of printing what would change.")
@json_option
def migrate(paths: tuple[Path, ...], write: bool, as_json: bool) -> None:
    r"""Rewrite code that uses TFA's cyclical learning rates to clr_ref.keras. Needs clr-ref[migrate].

    PATHs are Python files, notebooks, and folders of them. Hidden folders and virtual environments in a folder are left out.

    By default nothing is written: the changes are printed as a diff. Everything else of TFA stays and is listed with its
    counterpart in Keras 3. A warning says where a value changes on purpose, or where an argument was probably forgotten.
    What cannot be changed safely is left to you.

    Exit code 0: no cyclical rate of TFA is left to change. Exit code 1: a file would change, cannot be parsed, or needs a
    change by hand.

    \b
    Example:
      clr-ref migrate .
      clr-ref migrate --write .
    """
    require_extras("migrate")
    from clr_ref.migrate import files

    results = []
    with status_line("searching") as status:
        for path in files.found_in(paths):
            status.update(escape(f"reading {visible(str(path))}"))
            results.append(files.migrate(path, write=write))
    if as_json:
        print_json(_document(results, write))
    else:
        for result in results:
            _print(result, write)
        _print_end(results, write)
    undone = any(result.is_left_to_do or (result.changes and not write) for result in results)
    sys.exit(1 if undone else 0)


def _print(result: Result, write: bool) -> None:
    if result.changes and not write:
        _print_diff(result.diff())
    lines = [(place, f"{kind}: {text}") for place, kind, text in result.findings]
    for name, places, counterpart in result.uses:
        also = f" (also {', '.join(places[1:])})" if places[1:] else ""
        instead = "this command does not know a counterpart" if counterpart is None else f"Keras 3: {counterpart}"
        lines.append((places[0], f"stays: {name}{also}; {instead}"))
    if result.problem:
        say(f"{result.path}: left alone: {result.problem}", then="  ")
    for place, text in lines:
        between = ": " if place.startswith("cell") else ":"
        say(f"{result.path}{between}{place}: {text}", then="  ")
    if lines or result.problem or (result.changes and not write):
        click.echo()


def _print_diff(lines: list[str]) -> None:
    """Print a diff: in a terminal with colours and without control characters, elsewhere as ``patch`` reads it."""
    console = Console()
    for line in lines:
        text = line.rstrip("\r\n")
        if console.is_terminal:
            style = next((style for start, style in _COLOURS.items() if line.startswith(start)), {})
            click.echo(click.style(visible(text), **({} if console.no_color else style)))
        elif text != line:
            click.echo(line, nl=False)
        else:
            click.echo(f"{line}\n\\ No newline at end of file")


def _print_end(results: list[Result], write: bool) -> None:
    changed = sum(result.changes for result in results)
    by_hand = sum(kind == "by hand" for result in results for _, kind, _ in result.findings)
    problems = sum(bool(result.problem) for result in results)
    if changed:
        say(f"{counted(changed, 'file')} {'changed' if write else 'would change'}, of {len(results):,}.")
        say('The rates differ from TFA\'s in the last digits, unless you add arithmetic="tfa": see docs/MIGRATING.md.')
        if not write:
            say("`--write` changes the files.")
    else:
        say(f"Nothing to change in {counted(len(results), 'file')}.")
    if by_hand:
        say(f"To be done by hand: {counted(by_hand, 'line')}, see above.")
    if problems:
        say(f"Left alone: {counted(problems, 'file')}, see above.")


def _document(results: list[Result], write: bool) -> dict[str, Any]:
    """Return the results as JSON data; files without anything to tell are only counted."""
    return {
        "files": len(results),
        "changed" if write else "would_change": [str(result.path) for result in results if result.changes],
        "results": [
            {
                "path": str(result.path),
                "problem": result.problem or None,
                "diff": "".join(result.diff()),
                "findings": [{"place": place, "kind": kind, "text": text} for place, kind, text in result.findings],
                "stays": [
                    {
                        "name": name,
                        "places": list(places),
                        "known": counterpart is not None,
                        "keras": counterpart and counterpart.keras,
                        "note": counterpart.note if counterpart else "",
                    }
                    for name, places, counterpart in result.uses
                ],
            }
            for result in results
            if result.changes or result.problem or result.findings or result.uses
        ],
    }
