"""``clr-ref golden``: the recorded results of TFA."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
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
    counted,
    data_option,
    fail,
    golden_option,
    json_option,
    new_table,
    output_option,
    plotting_module,
    print_json,
    print_table,
    read_store,
    short,
)
from clr_ref.cli.lines import say
from clr_ref.golden import store as golden

DEFAULT_STAGING = Path(".golden-staging")


def _staging_option(*, made: bool) -> Callable[..., Any]:
    """Return the option --staging. A folder that is given and missing is a wrong call, unless the command makes it."""

    def check(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
        given = context.get_parameter_source("staging") != click.core.ParameterSource.DEFAULT
        if given and not made and not path.is_dir():
            raise click.BadParameter(f"there is no folder {str(path)!r}", context, parameter)
        return path

    return click.option(
        "--staging",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_STAGING,
        metavar="DIR",
        callback=check,
        help="Folder in which recordings wait to be accepted.",
    )


def _reason_option(words: str) -> Callable[..., Any]:
    """Return the option --reason. Its text is stored as UTF-8, which bytes of another encoding cannot be."""

    def check(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
        if text is not None and any("\ud800" <= character <= "\udfff" for character in text):
            raise click.BadParameter(f"give text in UTF-8, got {text!a}", context, parameter)
        return text

    return click.option("--reason", metavar="TEXT", callback=check, help=words)


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
@_staging_option(made=True)
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
    r"""Record PAIRs, named like tf-2.15.1_tfa-0.23.0, each in an environment of its own.

    Each pair is recorded twice, and rejected if the two runs differ. A pair is skipped if it is already recorded by this
    recorder with these inputs and steps, so that a second call resumes an interrupted one. The store changes only with
    `clr-ref golden accept`.

    \b
    Example:
      clr-ref golden record tf-2.15.1_tfa-0.23.0
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
            fail(error, folder, as_json, "nothing was recorded")

    with progress:
        if python is not None:
            run = functools.partial(recording.record_with, python, None, staging=staging, folder=store)
            attempt(str(python), functools.partial(run, progress=progress.say))
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
        print_json({"recorded": summaries, "failures": failures})
    else:
        for summary in summaries:
            _print_summary(summary, details=False)
        say(f"recorded {len(summaries)}, failed {len(failures)}; staged in {staging}")
        if summaries:
            say("Next: `clr-ref golden diff` compares this with what is stored; `clr-ref golden accept` moves it in.")
    sys.exit(1 if failures else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--details", is_flag=True, help="Print one line per entry that differs or is new.")
@_staging_option(made=False)
@golden_option
@json_option
def diff(names: tuple[str, ...], details: bool, staging: Path, folder: Path | None, as_json: bool) -> None:
    r"""Compare recordings with the store, in ULP. Exit code 1 if a stored result would change; new results do not count.

    \b
    Example:
      clr-ref golden diff tf-2.15.1_tfa-0.23.0
    """
    from clr_ref.golden import accept as accepting, record as recording

    chosen = _staged(names, staging)
    try:
        found = [recording.summary(name, staging=staging, folder=folder or golden.default_folder()) for name in chosen]
    except (accepting.AcceptError, golden.StoreError) as error:
        fail(error, folder, as_json, "nothing was compared")
    changed = [s for s in found if s["against"] == s["pair"] and any(d["kind"] != "new" for d in s["differences"])]
    if as_json:
        print_json({"pairs": found})
        sys.exit(1 if changed else 0)
    for summary in found:
        _print_summary(summary, details)
    if not found:
        example = shlex.join(["clr-ref", "golden", "record", recording.PAIRS[-1].name, *_given(staging, folder)])
        say(f"Nothing is recorded in {staging}, so that there is nothing to compare with the store.")
        say(f"`{example}` records one pair, and `tox run -m record` all {len(recording.PAIRS)}.")
    elif changed:
        say(f"{counted(len(changed), 'pair')} would change stored results: {', '.join(s['pair'] for s in changed)}.")
        if not details:
            say("`--details` lists each difference.")
        say("`clr-ref golden accept --overwrite --reason TEXT` replaces what is stored.")
    else:
        say("No stored result would change. `clr-ref golden accept` moves the recordings into the store.")
    sys.exit(1 if changed else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--overwrite", is_flag=True, help="Let a recording change or remove stored results of its pair.")
@_reason_option("Why the stored results were wrong; kept in the record.")
@_staging_option(made=False)
@golden_option
@json_option
def accept(
    names: tuple[str, ...], overwrite: bool, reason: str | None, staging: Path, folder: Path | None, as_json: bool
) -> None:
    r"""Move all recordings, or those of PAIRs, into the store, and renew its SHA256SUMS. After an error nothing is moved.

    \b
    Example:
      clr-ref golden accept
    """
    from clr_ref.golden import accept as accepting

    if overwrite != (reason is not None):
        raise click.UsageError("--overwrite and --reason TEXT go together")
    target = _changeable(folder)
    try:
        accepted = accepting.accept(_staged(names, staging), staging=staging, folder=target, overwrite=overwrite, reason=reason)
    except (accepting.AcceptError, golden.StoreError, OSError) as error:  # OSError: such as a full disk
        fail(error, folder, as_json, "nothing was accepted, and the store is unchanged")
    if as_json:
        print_json({"accepted": accepted})
    else:
        say(f"accepted {len(accepted)}: {', '.join(accepted) or 'no recording was staged; sums renewed'}")


@golden_group.command()
@click.argument("name", required=False, metavar="[PAIR]")
@output_option("--markdown", help="Write the record as a page, with its picture beside it; needs clr-ref[plot].")
@golden_option
@json_option
def show(name: str | None, markdown: Path | None, folder: Path | None, as_json: bool) -> None:
    r"""List the recorded pairs, or show one: provenance, errors, behaviours.

    \b
    Example:
      clr-ref golden show tf-2.15.1_tfa-0.23.0
    """
    store = read_store(folder, as_json, "nothing was shown")
    if markdown is not None:
        from clr_ref.golden import measured, report

        picture = markdown.with_name("drift.png")
        check_outputs("--markdown", [markdown, picture])
        if not (drifts := measured.drift(store)):
            raise click.UsageError(
                "--markdown needs recorded float32 rates of triangular or triangular2, and the store has none"
            )
        plotting_module().drift(drifts, picture)
        write_text(markdown, report.markdown(store, picture.name))
        click.echo(json.dumps({"wrote": [str(markdown), str(picture)]}) if as_json else f"wrote {markdown} and {picture}")
        return
    if name is not None and name not in store.records:
        raise click.BadParameter(unknown("a recorded pair", name, store.records, "clr-ref golden show"), param_hint="PAIR")
    records = [store.records[name]] if name else list(store.records.values())
    if as_json:
        print_json([dataclasses.asdict(record) for record in records])
        return
    if name is None:
        _print_pairs(records)
        return
    (one,) = records
    for key, value in one.provenance.items():
        say(f"{key}: {value if key != 'cpu' else value['model'] + ', ' + ' '.join(value['flags'])}", then="  ")
    if one.error is not None:
        say(f"cannot be installed: {one.error}", then="  ")
    for entry in one.entries:
        if entry.error is not None:
            say(f"{entry.case} {entry.mode} {entry.step_dtype}: {': '.join(entry.error)}", then="  ")
    for title, outcome in one.behaviours.items():
        say(f"{title}: {outcome}", then="  ")


def _print_pairs(records: list[golden.Record]) -> None:
    """Print a table of the pairs that ran, and lines for what does not fit its columns: processors, failed installations."""
    table = new_table("pair", "Python", "NumPy", ">results", ">errors")
    processors: dict[str, list[str]] = {}
    for record in records:
        if record.error is not None:
            continue
        errors = sum(entry.error is not None for entry in record.entries)
        processors.setdefault(record.provenance["cpu"]["model"], []).append(record.name)
        p = record.provenance
        table.add_row(record.name, p["python"], p["numpy"], f"{len(record.entries) - errors:,}", f"{errors:,}")
    print_table(table)
    for model, names in processors.items():
        say(f"processor of {', '.join(names) if processors.keys() - {model} else 'all'}: {model}", then="  ")
    for record in records:
        if record.error is not None:
            say(f"{record.name} cannot be installed: {record.error}", then="  ")


@golden_group.command()
@data_option
@_reason_option("Why stored digests change; required if one does.")
@golden_option
@json_option
def train(source: Path | None, reason: str | None, folder: Path | None, as_json: bool) -> None:
    r"""Train the cases of golden/training twice with this TensorFlow, and store the digests if both runs agree.

    \b
    Example:
      clr-ref golden train
    """
    store = _changeable(folder)
    from clr_ref.golden.accept import AcceptError
    from clr_ref.training import data, determinism, digests

    try:
        determinism.prepare()
        found = data.load(source)
    except (ImportError, RuntimeError, data.DataError) as error:
        raise click.UsageError(str(error)) from None
    try:
        record = digests.record(found, store, reason=reason)
    except (AcceptError, golden.StoreError) as error:
        fail(error, folder, as_json, "nothing was recorded")
    records = golden.read(store).training.values()
    agreeing = {case: digests.groups(records, case) for case in record.runs}
    if as_json:
        print_json({"recorded": record.name, "agreeing": agreeing})
        return
    click.echo(f"recorded {record.name}; the final weights of these have the same bits:")
    for case, groups in agreeing.items():
        for group in groups:
            click.echo(f"{case}: {', '.join(group)}")


@golden_group.command()
@_reason_option("Why stored rates change; required if one does.")
@golden_option
@json_option
def probe(reason: str | None, folder: Path | None, as_json: bool) -> None:
    r"""Store the rates that optimizers apply with the schedules of the installed TFA.

    \b
    Example:
      clr-ref golden probe
    """
    store = _changeable(folder)
    from clr_ref.golden.accept import AcceptError
    from clr_ref.training import applied

    try:
        record = applied.record(store, reason=reason)
    except ImportError as error:
        raise click.UsageError(f"golden probe needs TensorFlow and TensorFlow Addons: {error}") from None
    except (AcceptError, golden.StoreError) as error:
        fail(error, folder, as_json, "nothing was recorded")
    failed = {title: run for title, run in record.runs.items() if isinstance(run, tuple)}
    if as_json:
        print_json({"recorded": record.name, "runs": len(record.runs), "errors": failed})
        return
    click.echo(f"recorded {record.name}: {len(record.runs)} runs, {len(failed)} of them errors")


def _changeable(folder: Path | None) -> Path:
    """Return the store that a command changes: the one that is given, or that of the checkout."""
    store = folder or golden.default_folder()
    if folder is None and store.name == "data":
        raise click.UsageError(
            f"{store} belongs to an installed package and is not changed; "
            "in a checkout, give --golden golden or install it with `pip install --editable .`"
        )
    return store


def _staged(names: tuple[str, ...], staging: Path) -> list[str]:
    from clr_ref.golden.accept import staged_pairs

    found = staged_pairs(staging)
    missing = [name for name in names if name not in found]
    if missing:
        named = ", ".join(map(repr, missing))
        raise click.BadParameter(
            f"not staged in {staging}: {named}; staged are: {', '.join(found) or 'none'}", param_hint="PAIR"
        )
    return list(dict.fromkeys(names)) or found


def _given(staging: Path, folder: Path | None) -> list[str]:
    """Return the options that a command needs to work on the same folders."""
    options = [] if staging == DEFAULT_STAGING else ["--staging", str(staging)]
    return options if folder is None else [*options, "--golden", str(folder)]


def _print_summary(summary: dict[str, Any], details: bool) -> None:
    """Print how a recording differs from the store: a line, or one for each mode; with details, lines for each difference."""
    against = summary["against"]
    with_what = "the stored recording of this pair" if against == summary["pair"] else f"{against} (the nearest)"
    differences = summary["differences"]
    say(f"{summary['pair']}: " + ("nothing is stored to compare with" if against is None else f"compared with {with_what}"))
    if summary["error"]:
        say(f"cannot be installed: {summary['error']}", first="  ", then="    ")
    for mode, counts in summary["modes"].items() if against is not None and not summary["error"] else ():
        say(f"{mode}: {_in_words(counts)}", first="  ", then="    ")
    others = sum(d["case"] == "behaviour" for d in differences)
    if others:
        say(f"behaviours: {others} differ", first="  ")
    for d in differences if details else ():
        parts = (d["case"], d["mode"], d["step_dtype"] and f"steps of type {d['step_dtype']}")
        if d["case"] == "behaviour":
            parts = (d["case"], "", repr(d["step_dtype"]))
        worst = "" if d["worst_ulp"] is None else f", {short(d['worst_ulp'])} ULP apart"
        say(f"{', '.join(part for part in parts if part)}{worst}", first="  - ")
        say(f"before: {d['before']}", first="      ", then="        ")
        say(f"after:  {d['after']}", first="      ", then="        ")


def _in_words(counts: dict[str, Any]) -> str:
    from clr_ref.golden.accept import KINDS

    parts = [f"{counts['same']} of {counts['entries']} results are the same"]
    for kind, words in KINDS.items():
        if counts[kind]:
            worst = f", by at most {short(counts['worst_ulp'])} ULP" if kind == "other_rates" else ""
            parts.append(f"{words}: {counts[kind]}{worst}")
    return ", ".join(parts)
