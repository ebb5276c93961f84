"""``clr-ref verify``."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click
from rich.console import Console

from clr_ref._inputs import unknown
from clr_ref.cli.common import finite, golden_option, json_option, new_table, print_table, read_store, short
from clr_ref.golden import store as golden


@click.command()
@click.option("--case", "case_id", default=None, metavar="ID", help="Verify only this case of the store.")
@golden_option
@json_option
def verify(case_id: str | None, folder: Path | None, as_json: bool) -> None:
    """Compare the reference, and our copy of TFA's arithmetic, with exact values and with TFA's recorded values.

    Needs no TensorFlow.
    """
    from clr_ref.verify import verify as verdicts

    store = read_store(folder, as_json)
    if case_id is not None and case_id not in store.cases:
        raise click.BadParameter(unknown("a case", case_id, store.cases, "golden/cases.json"), param_hint="--case")
    console, found = Console(stderr=True), []
    with console.status("reading the store") as status:
        for verdict in verdicts(store, case_id):
            found.append(verdict)
            status.update(f"{verdict.subject} against {verdict.tier}")
    holds = all(verdict.holds for verdict in found)
    if as_json:
        document = {
            "holds": holds,
            "store": {"pairs": len(store.records), "cases": len(store.cases), "values_files": _count_values(store)},
            "verdicts": [dataclasses.asdict(verdict) for verdict in found],
        }
        click.echo(json.dumps(finite(document), indent=1))
    else:
        click.echo(
            f"store: {len(store.records)} TFA x TensorFlow pairs, {len(store.cases)} cases, {_count_values(store)} values "
            "files, intact"
        )
        table = new_table("subject", "tier", "mode", "bound", ">cases", ">values", ">worst ULP", ">worst share", "verdict")
        for v in found:
            share = "-" if v.worst_share is None else f"{v.worst_share:.3f}"
            table.add_row(
                v.subject,
                v.tier,
                v.mode,
                v.bound,
                f"{v.cases:,}",
                f"{v.values:,}",
                short(v.worst_ulp),
                share,
                "holds" if v.holds else "FAILS",
            )
        print_table(table)
        for v in found:
            if v.note:
                click.echo(f"{v.subject} ({v.mode}): {v.note}")
        for v in found:
            if not v.holds:
                click.echo(f"\n{v.subject} FAILS against the {v.tier} tier")
                click.echo(str(v.first) if v.first else "nothing to compare")
        click.echo("all hold" if holds else "\na verdict failed")
    sys.exit(0 if holds else 1)


def _count_values(store: golden.Store) -> int:
    return len({(case, name) for case, _, _, name in store.files()})
