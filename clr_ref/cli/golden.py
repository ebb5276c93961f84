"""``clr-ref golden``: the recorded results of TFA."""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from clr_ref._files import write_text
from clr_ref._inputs import unknown
from clr_ref.cli.common import (
    Progress,
    check_outputs,
    data_option,
    fail,
    finite,
    golden_option,
    json_option,
    new_table,
    output_option,
    plotting_module,
    print_table,
    read_store,
    short,
)
from clr_ref.golden import store as golden

DEFAULT_STAGING = Path(".golden-staging")


def _staging_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--staging",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_STAGING,
        show_default=True,
        metavar="DIR",
        help="Folder in which recordings wait to be accepted.",
    )(function)


@click.group("golden")
def golden_group() -> None:
    """Record the results of TFA, compare them with the store, accept them, and show them."""


@golden_group.command("record")
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--all", "every", is_flag=True, help="Record all 42 pairs that TFA supported.")
@click.option(
    "--python",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Record the TFA that is installed in this Python, instead of installing a PAIR.",
)
@click.option("--force", is_flag=True, help="Record a pair also if it is already staged or stored.")
@_staging_option
@golden_option
@json_option
def record(
    names: tuple[str, ...],
    every: bool,
    python: Path | None,
    force: bool,
    staging: Path,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Record PAIRs, named like tf-2.15.1_tfa-0.23.0, each in an environment of its own.

    Each pair is recorded twice, and rejected if the two runs differ. A pair is skipped if it is already recorded by this
    recorder with these inputs and steps, so that a second call resumes an interrupted one. The store changes only with
    `clr-ref golden accept`.
    """
    from clr_ref.golden import accept as accepting, record as recording

    known = {pair.name: pair for pair in recording.PAIRS}
    names = tuple(name.removeprefix("record-") for name in names)  # as tox names its environments
    for name in names:
        if name not in known:
            raise click.BadParameter(unknown("a supported pair", name, known, "tox list -m record"), param_hint="PAIR")
    if (python is not None) + every + bool(names) != 1:
        raise click.UsageError("give either PAIRs, or --all, or --python")
    store = folder or golden.default_folder()
    progress = Progress(len(known) if every else len(names) or 1)
    summaries: list[dict[str, Any]] = []
    failures: list[str] = []

    def attempt(title: str, run: Callable[[], Path]) -> None:
        try:
            staged = run()
            summaries.append(recording.summary(staged.name, staging=staging, folder=store))
            progress.done(f"{title}: {'staged' if summaries[-1]['error'] is None else 'cannot be installed'}")
        except (recording.RecordError, accepting.AcceptError) as error:
            failures.append(f"{title}: {error}")
            progress.done(f"{title}: FAILED: {error}")
        except golden.StoreError as error:
            fail(str(error), as_json)

    with progress:
        if python is not None:
            say = functools.partial(recording.record_with, python, None, staging=staging, folder=store)
            attempt(str(python), functools.partial(say, progress=progress.say))
        for pair in known.values() if every else [known[name] for name in names]:
            if not force and recording.up_to_date(pair, staging=staging, folder=store):
                progress.done(f"{pair.name}: up to date")
                continue
            progress.start(pair.name)
            attempt(
                pair.name,
                functools.partial(recording.record_pair, pair, staging=staging, folder=store, progress=progress.say),
            )
    if as_json:
        click.echo(json.dumps({"recorded": summaries, "failures": failures}, indent=1))
    else:
        for summary in summaries:
            click.echo(f"{summary['pair']}: {_in_words(summary)}")
        click.echo(f"recorded {len(summaries)}, failed {len(failures)}; staged in {staging}")
        if summaries:
            click.echo("Next: `clr-ref golden diff` compares this with what is stored; `clr-ref golden accept` moves it in.")
    sys.exit(1 if failures else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--details", is_flag=True, help="Print one line per entry that differs or is new.")
@_staging_option
@golden_option
@json_option
def diff(names: tuple[str, ...], details: bool, staging: Path, folder: Path | None, as_json: bool) -> None:
    """Compare recordings with the store, in ULP. Exit code 1 if a stored result would change; new results do not count."""
    from clr_ref.golden import accept as accepting, record as recording

    chosen = _staged(names, staging)
    try:
        found = [recording.summary(name, staging=staging, folder=folder or golden.default_folder()) for name in chosen]
    except (accepting.AcceptError, golden.StoreError) as error:
        fail(str(error), as_json)
    changed = [s for s in found if s["against"] == s["pair"] and not all(d["new"] for d in s["differences"])]
    if as_json:
        click.echo(json.dumps(finite({"pairs": found}), indent=1))
        sys.exit(1 if changed else 0)
    table = new_table("staged pair", "against", "mode", ">entries", ">same", ">new", ">worst ULP", ">value or error")
    for s in found:
        for mode, m in s["modes"].items():
            against = "-" if s["against"] is None else "itself" if s["against"] == s["pair"] else s["against"]
            cells = (m["entries"], m["same"], m["new"], short(m["worst_ulp"]), m["values_against_errors"])
            table.add_row(s["pair"], against, mode, *(str(cell) for cell in cells))
    print_table(table)
    if details:
        for s in found:
            for d in s["differences"]:
                worst = "" if d["worst_ulp"] is None else f" ({short(d['worst_ulp'])} ULP)"
                click.echo(f"{s['pair']} {d['case']} {d['mode']} {d['step_dtype']}: {d['before']} -> {d['after']}{worst}")
    sys.exit(1 if changed else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--overwrite", is_flag=True, help="Let a recording change or remove stored results of its pair.")
@click.option("--reason", default=None, help="Why the stored results were wrong; kept in the record.")
@_staging_option
@golden_option
@json_option
def accept(
    names: tuple[str, ...], overwrite: bool, reason: str | None, staging: Path, folder: Path | None, as_json: bool
) -> None:
    """Move all recordings, or those of PAIRs, into the store, and renew its SHA256SUMS. After an error nothing is moved."""
    from clr_ref.golden import accept as accepting

    if overwrite != (reason is not None):
        raise click.UsageError("--overwrite and --reason TEXT go together")
    target = folder or golden.default_folder()
    if folder is None and target.name == "data":
        raise click.UsageError(
            f"{target} belongs to an installed package and is not changed; "
            "in a checkout, give --golden golden or install it with `pip install --editable .`"
        )
    try:
        accepted = accepting.accept(_staged(names, staging), staging=staging, folder=target, overwrite=overwrite, reason=reason)
    except (accepting.AcceptError, golden.StoreError, OSError) as error:  # OSError: such as a full disk; the store is unchanged
        fail(str(error), as_json)
    if as_json:
        click.echo(json.dumps({"accepted": accepted}, indent=1))
    else:
        click.echo(f"accepted {len(accepted)}: {', '.join(accepted) or 'no recording was staged; sums renewed'}")


@golden_group.command()
@click.argument("name", required=False, metavar="[PAIR]")
@output_option("--markdown", help="Write the record as a page, with its picture beside it; needs clr-ref[plot].")
@golden_option
@json_option
def show(name: str | None, markdown: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the recorded pairs, or show one: provenance, errors, behaviours."""
    store = read_store(folder, as_json)
    if markdown is not None:
        from clr_ref.golden import report

        picture = markdown.with_name("drift.png")
        check_outputs("--markdown", [markdown, picture])
        plotting_module().drift(report.drift(store), picture)
        write_text(markdown, report.markdown(store, picture.name))
        click.echo(json.dumps({"wrote": [str(markdown), str(picture)]}) if as_json else f"wrote {markdown} and {picture}")
        return
    if name is not None and name not in store.records:
        raise click.BadParameter(unknown("a recorded pair", name, store.records, "clr-ref golden show"), param_hint="PAIR")
    records = [store.records[name]] if name else list(store.records.values())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
        return
    if name is None:
        table = new_table("pair", "python", "numpy", "cpu", ">results", ">errors")
        for r in records:
            errors = sum(entry.error is not None for entry in r.entries)
            cpu = r.provenance.get("cpu", {}).get("model", "-")
            results = str(len(r.entries) - errors) if r.error is None else r.error
            table.add_row(r.name, r.provenance["python"], r.provenance.get("numpy", "-"), cpu, results, str(errors))
        print_table(table)
        return
    (one,) = records
    for key, value in one.provenance.items():
        click.echo(f"{key}: {value if key != 'cpu' else value['model'] + ', ' + ' '.join(value['flags'])}")
    for entry in one.entries:
        if entry.error is not None:
            click.echo(f"{entry.case} {entry.mode} {entry.step_dtype}: {': '.join(entry.error)}")
    for title, outcome in one.behaviours.items():
        click.echo(f"{title}: {outcome}")


@golden_group.command()
@data_option
@click.option("--reason", default=None, metavar="TEXT", help="Why stored digests change; required if one does.")
@golden_option
@json_option
def train(source: Path | None, reason: str | None, folder: Path | None, as_json: bool) -> None:
    """Train the cases of golden/training twice with this TensorFlow, and store the digests if both runs agree."""
    from clr_ref.golden.accept import AcceptError
    from clr_ref.training import data, determinism, digests

    try:
        determinism.prepare()
        found = data.load(source)
    except (ImportError, RuntimeError, data.DataError) as error:
        raise click.UsageError(str(error)) from None
    store = folder or golden.default_folder()
    try:
        record = digests.record(found, store, reason=reason)
    except (AcceptError, golden.StoreError) as error:
        fail(str(error), as_json)
    records = golden.read(store).training.values()
    agreeing = {case: digests.groups(records, case) for case in record.runs}
    if as_json:
        click.echo(json.dumps({"recorded": record.name, "agreeing": agreeing}, indent=1))
        return
    click.echo(f"recorded {record.name}; the final weights of these have the same bits:")
    for case, groups in agreeing.items():
        for group in groups:
            click.echo(f"{case}: {', '.join(group)}")


@golden_group.command()
@click.option("--reason", default=None, metavar="TEXT", help="Why stored rates change; required if one does.")
@golden_option
@json_option
def probe(reason: str | None, folder: Path | None, as_json: bool) -> None:
    """Store the rates that optimizers apply with the schedules of the installed TFA."""
    from clr_ref.golden.accept import AcceptError
    from clr_ref.training import applied

    store = folder or golden.default_folder()
    try:
        record = applied.record(store, reason=reason)
    except ImportError as error:
        raise click.UsageError(f"golden probe needs TensorFlow and TensorFlow Addons: {error}") from None
    except (AcceptError, golden.StoreError) as error:
        fail(str(error), as_json)
    failed = {title: run for title, run in record.runs.items() if isinstance(run, tuple)}
    if as_json:
        click.echo(json.dumps({"recorded": record.name, "runs": len(record.runs), "errors": failed}, indent=1))
        return
    click.echo(f"recorded {record.name}: {len(record.runs)} runs, {len(failed)} of them errors")


def _staged(names: tuple[str, ...], staging: Path) -> list[str]:
    from clr_ref.golden.accept import staged_pairs

    found = staged_pairs(staging)
    missing = [name for name in names if name not in found]
    if missing:
        raise click.BadParameter(
            f"{missing[0]!r} is not staged in {staging}; staged are: {', '.join(found) or 'none'}", param_hint="PAIR"
        )
    return list(names) or found


def _in_words(summary: dict[str, Any]) -> str:
    if summary["error"]:
        return f"cannot be installed: {summary['error']}"
    if summary["against"] is None:
        return "recorded, nothing stored to compare with"
    against = "what is stored" if summary["against"] == summary["pair"] else summary["against"]
    parts = []
    for mode, m in summary["modes"].items():
        new = f", {m['new']} new" if m["new"] else ""
        parts.append(f"{mode} {m['same']}/{m['entries']} as {against}{new}, worst {short(m['worst_ulp'])} ULP")
    return "; ".join(parts)
