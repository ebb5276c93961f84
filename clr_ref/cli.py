"""The command line: it parses, calls and prints. Exit codes: 0 all hold, 1 a verdict failed, 2 the call was wrong."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import clr_ref
from clr_ref import exact, tfa_arithmetic, ulp
from clr_ref.golden import store as golden

DEFAULT_STAGING = Path(".golden-staging")


def _golden_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--golden",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        metavar="DIR",
        help="The golden store. Default: the one that came with clr_ref.",
    )(function)


def _staging_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--staging",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_STAGING,
        show_default=True,
        metavar="DIR",
        help="Where recordings wait to be accepted.",
    )(function)


def _json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")(function)


def _schedule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True),
        click.option("--gamma", type=float, default=None, help="exp_range alone, and there required."),
        click.option("--step-size", type=float, required=True, help="Half the length of a cycle, in steps."),
        click.option("--maximal-learning-rate", type=float, required=True),
        click.option("--initial-learning-rate", type=float, required=True),
        click.argument("policy", type=click.Choice(["triangular", "triangular2", "exp_range"])),
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(clr_ref.__version__, prog_name="clr-ref")
def main() -> None:
    """Cyclical learning rates: exact values, a correctly rounded schedule, and the record of what TFA answers."""


@main.command()
@click.option("--case", "case_id", default=None, metavar="ID", help="Only this case of the store.")
@_golden_option
@_json_option
def verify(case_id: str | None, folder: Path | None, as_json: bool) -> None:
    """Hold the reference and TFA's replayed arithmetic against exact values and the record. Needs no TensorFlow."""
    from clr_ref.verify import verify as verdicts

    store = _read(folder, as_json)
    if case_id is not None and case_id not in store.cases:
        raise click.BadParameter(f"{case_id!r} is no case; one of {', '.join(store.cases)}", param_hint="--case")
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
        click.echo(json.dumps(_finite(document), indent=1))
    else:
        click.echo(
            f"store: {len(store.records)} TFA x TensorFlow pairs, {len(store.cases)} cases, {_count_values(store)} values "
            "files, intact"
        )
        table = _table("subject", "tier", "mode", "bound", ">cases", ">values", ">worst ULP", ">worst share", "verdict")
        for v in found:
            share = "-" if v.worst_share is None else f"{v.worst_share:.3f}"
            table.add_row(
                v.subject,
                v.tier,
                v.mode,
                v.bound,
                f"{v.cases:,}",
                f"{v.values:,}",
                _short(v.worst_ulp),
                share,
                "holds" if v.holds else "FAILS",
            )
        _print(table)
        for v in found:
            if v.note:
                click.echo(f"{v.subject} ({v.mode}): {v.note}")
        for v in found:
            if not v.holds:
                click.echo(f"\n{v.subject} FAILS against the {v.tier} tier")
                click.echo(str(v.first) if v.first else "nothing to compare")
        click.echo("all hold" if holds else "\na verdict failed")
    sys.exit(0 if holds else 1)


@main.command("eval")
@_schedule_options
@click.argument("steps", nargs=-1, required=True)
@click.option(
    "--tier",
    type=click.Choice(["reference", "exact", "tfa"]),
    default="reference",
    show_default=True,
    help="tfa: what TFA's eager formula gives.",
)
@_json_option
def evaluate(
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float | None,
    dtype: str,
    steps: tuple[str, ...],
    tier: str,
    as_json: bool,
) -> None:
    r"""Print the rate at STEPS: single ones, or ranges START:STOP[:STRIDE].

    \b
    clr-ref eval triangular2 --initial-learning-rate 1e-4 --maximal-learning-rate 1e-2 --step-size 1874 0 1874 3748:3752
    """
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype)
    rows = []
    for step in _steps(steps):
        cycle, height = exact.phase(Fraction(schedule.step_size), step)
        row: dict[str, Any] = {"step": step, "cycle": cycle, "height": float(height)}
        if tier == "exact":
            row["rate"] = str(schedule.exact(step))
        else:
            value = schedule(step) if tier == "reference" else tfa_arithmetic.evaluate(schedule, step)
            row.update(rate=ulp.shortest(value), hex=float(value).hex())
        rows.append(row)
    if as_json:
        document = {"schedule": json.loads(schedule.to_json()), "tier": tier, "rates": rows}
        click.echo(json.dumps(document, indent=1))
        return
    table = _table(*(">" + name if name != "rate" else name for name in rows[0]))
    for row in rows:
        table.add_row(*(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row.values()))
    _print(table)


@main.command()
@_schedule_options
@click.option("--start", type=int, default=0, show_default=True)
@click.option("--stop", type=int, default=None, help="Default: ten cycles after --start.")
@click.option("--error", is_flag=True, help="Draw the error of TFA's eager formula and its bound instead of the rates.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .png, .svg or .pdf file.")
@_json_option
def plot(
    policy: str,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float | None,
    dtype: str,
    start: int,
    stop: int | None,
    error: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Draw a schedule, or how far TFA's formula drifts from it. Needs clr-ref[plot]."""
    schedule = _schedule(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma, dtype)
    last = start + max(int(20 * schedule.step_size), 20) if stop is None else stop
    if out.suffix not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"must end in .png, .svg or .pdf, got {str(out)!r}", param_hint="--out")
    if not 0 <= start < last <= 2**63:
        raise click.BadParameter(f"0 <= start < stop <= 2**63 must hold, got {start}:{last}", param_hint="--start, --stop")
    plotting = _plotting()
    draw = plotting.error if error else plotting.rates
    draw(schedule, start, last, out)
    click.echo(json.dumps({"out": str(out), "start": start, "stop": last}) if as_json else f"wrote {out}")


# --- golden ----------------------------------------------------------------------------------------------------------


@main.group("golden")
def golden_group() -> None:
    """The record of what TFA answered: record it, compare it, accept it, show it."""


@golden_group.command("record")
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--all", "every", is_flag=True, help="All 42 pairs that TFA supported.")
@click.option(
    "--python",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Record whatever TFA is installed in this Python, instead of installing a PAIR.",
)
@click.option("--force", is_flag=True, help="Record again what is already staged or stored.")
@_staging_option
@_golden_option
@_json_option
def record(
    names: tuple[str, ...],
    every: bool,
    python: Path | None,
    force: bool,
    staging: Path,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Record PAIRs, named like tf-2.15.1_tfa-0.23.0: each in an environment of its own, twice, and stage what agrees.

    What is staged or stored already, by this recorder and for these cases, is passed over: an interrupted call resumes. The
    store is left as it is; `clr-ref golden accept` moves the recordings in.
    """
    from clr_ref.golden import accept as accepting, record as recording

    known = {pair.name: pair for pair in recording.PAIRS}
    names = tuple(name.removeprefix("record-") for name in names)  # as tox names its environments
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no supported pair; one of {', '.join(known)}", param_hint="PAIR")
    if (python is not None) + every + bool(names) != 1:
        raise click.UsageError("give either PAIRs, or --all, or --python")
    store = folder or golden.default_folder()
    progress = _Progress(len(known) if every else len(names) or 1)
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
            _fail(str(error), as_json)

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
            click.echo("look with: clr-ref golden diff;  take over with: clr-ref golden accept")
    sys.exit(1 if failures else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--details", is_flag=True, help="One line per entry that differs.")
@_staging_option
@_golden_option
@_json_option
def diff(names: tuple[str, ...], details: bool, staging: Path, folder: Path | None, as_json: bool) -> None:
    """Compare what is staged with what is stored, in ULP. Exit code 1 where a stored pair would change."""
    from clr_ref.golden import accept as accepting, record as recording

    chosen = _staged(names, staging)
    try:
        found = [recording.summary(name, staging=staging, folder=folder or golden.default_folder()) for name in chosen]
    except (accepting.AcceptError, golden.StoreError) as error:
        _fail(str(error), as_json)
    changed = [s for s in found if s["against"] == s["pair"] and s["differences"]]
    if as_json:
        click.echo(json.dumps(_finite({"pairs": found}), indent=1))
        sys.exit(1 if changed else 0)
    table = _table("staged pair", "against", "mode", ">entries", ">same", ">worst ULP", ">value or error")
    for s in found:
        for mode, m in s["modes"].items():
            against = "-" if s["against"] is None else "itself" if s["against"] == s["pair"] else s["against"]
            cells = (m["entries"], m["same"], _short(m["worst_ulp"]), m["values_against_errors"])
            table.add_row(s["pair"], against, mode, *(str(cell) for cell in cells))
    _print(table)
    if details:
        for s in found:
            for d in s["differences"]:
                worst = "" if d["worst_ulp"] is None else f" ({_short(d['worst_ulp'])} ULP)"
                click.echo(f"{s['pair']} {d['case']} {d['mode']} {d['step_dtype']}: {d['before']} -> {d['after']}{worst}")
    sys.exit(1 if changed else 0)


@golden_group.command()
@click.argument("names", nargs=-1, metavar="[PAIR]...")
@click.option("--overwrite", is_flag=True, help="Let a recording change what is stored of its pair.")
@click.option("--reason", default=None, help="Why the stored answers were wrong; kept in the record.")
@_staging_option
@_golden_option
@_json_option
def accept(
    names: tuple[str, ...], overwrite: bool, reason: str | None, staging: Path, folder: Path | None, as_json: bool
) -> None:
    """Move the staged recordings (all, or those of PAIRs) into the store, all or none of them, and renew its SHA256SUMS."""
    from clr_ref.golden import accept as accepting

    if overwrite != (reason is not None):
        raise click.UsageError("--overwrite and --reason TEXT go together")
    target = folder or golden.default_folder()
    if folder is None and target.name == "data":
        raise click.UsageError("the store of an installed package is not to be changed: give --golden DIR")
    try:
        accepted = accepting.accept(_staged(names, staging), staging=staging, folder=target, overwrite=overwrite, reason=reason)
    except (accepting.AcceptError, golden.StoreError) as error:
        _fail(str(error), as_json)
    if as_json:
        click.echo(json.dumps({"accepted": accepted}, indent=1))
    else:
        click.echo(f"accepted {len(accepted)}: {', '.join(accepted) or 'no recording was staged; sums renewed'}")


@golden_group.command()
@click.argument("name", required=False, metavar="[PAIR]")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the whole record as a page, with its picture beside it (needs clr-ref[plot]).",
)
@_golden_option
@_json_option
def show(name: str | None, markdown: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the recorded pairs, or show one: provenance, errors, behaviours."""
    store = _read(folder, as_json)
    if markdown is not None:
        from clr_ref.golden import report

        picture = markdown.with_name("drift.png")
        _plotting().drift(report.drift(store), picture)
        markdown.write_text(report.page(store, picture.name), "utf-8")
        click.echo(json.dumps({"wrote": [str(markdown), str(picture)]}) if as_json else f"wrote {markdown} and {picture}")
        return
    if name is not None and name not in store.records:
        raise click.BadParameter(f"{name!r} is not recorded; one of {', '.join(store.records)}", param_hint="PAIR")
    records = [store.records[name]] if name else list(store.records.values())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
        return
    if name is None:
        table = _table("pair", "python", "numpy", "cpu", ">answers", ">errors")
        for r in records:
            errors = sum(entry.error is not None for entry in r.entries)
            cpu = r.provenance.get("cpu", {}).get("model", "-")
            answers = str(len(r.entries) - errors) if r.error is None else r.error
            table.add_row(r.name, r.provenance["python"], r.provenance.get("numpy", "-"), cpu, answers, str(errors))
        _print(table)
        return
    (one,) = records
    for key, value in one.provenance.items():
        click.echo(f"{key}: {value if key != 'cpu' else value['model'] + ', ' + ' '.join(value['flags'])}")
    for entry in one.entries:
        if entry.error is not None:
            click.echo(f"{entry.case} {entry.mode} {entry.step_dtype}: {': '.join(entry.error)}")
    for title, outcome in one.behaviours.items():
        click.echo(f"{title}: {outcome}")


# --- helpers ---------------------------------------------------------------------------------------------------------


class _Progress:
    """Progress on stderr: a bar on a terminal, a line per finished item elsewhere."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)
        self._title = ""

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, title: str) -> None:
        self._title = title
        self.say("")

    def say(self, text: str) -> None:
        self._bar.update(self._task, description=escape(f"{self._title} {text}"))

    def done(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._bar.advance(self._task)


def _schedule(
    policy: str, initial: float, maximal: float, step_size: float, gamma: float | None, dtype: str
) -> clr_ref.CyclicalLearningRate:
    if (policy == "exp_range") != (gamma is not None):
        raise click.UsageError("--gamma goes with exp_range, and exp_range with --gamma")
    try:
        if gamma is not None:
            return clr_ref.exp_range(initial, maximal, step_size, gamma, dtype=dtype)
        return getattr(clr_ref, policy)(initial, maximal, step_size, dtype=dtype)  # type: ignore[no-any-return]
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _steps(texts: Iterable[str]) -> Iterable[int]:
    for text in texts:
        if not re.fullmatch(r"\d+|\d+:\d+(:[1-9]\d*)?", text):
            raise click.BadParameter(f"a step or START:STOP[:STRIDE] of whole numbers, got {text!r}", param_hint="STEPS")
        numbers = [int(part) for part in text.split(":")]
        found = range(numbers[0], numbers[0] + 1) if len(numbers) == 1 else range(*numbers)
        if max(numbers[:2]) > 2**63 or (found and found[-1] >= 2**63):
            raise click.BadParameter(f"steps lie in 0 .. 2**63-1, got {text!r}", param_hint="STEPS")
        yield from found


def _staged(names: tuple[str, ...], staging: Path) -> list[str]:
    from clr_ref.golden.accept import staged_pairs

    found = staged_pairs(staging)
    missing = [name for name in names if name not in found]
    if missing:
        raise click.BadParameter(
            f"{missing[0]!r} is not staged in {staging}; {', '.join(found) or 'nothing'} is", param_hint="PAIR"
        )
    return list(names) or found


def _read(folder: Path | None, as_json: bool) -> golden.Store:
    try:
        return golden.read(folder)
    except golden.StoreError as error:
        _fail(str(error), as_json)


def _fail(message: str, as_json: bool) -> NoReturn:
    """A store that is damaged or unreadable is a failed verdict, not a wrong call."""
    if as_json:
        click.echo(json.dumps({"holds": False, "problems": message.splitlines()}, indent=1))
    click.echo(message, err=True)
    sys.exit(1)


def _plotting() -> Any:
    try:
        from clr_ref import plot as plotting
    except ImportError as error:
        raise click.UsageError(f"drawing needs matplotlib: install clr-ref[plot] ({error})") from None
    return plotting


def _in_words(summary: dict[str, Any]) -> str:
    if summary["error"]:
        return f"cannot be installed: {summary['error']}"
    if summary["against"] is None:
        return "recorded, nothing stored to compare with"
    against = "what is stored" if summary["against"] == summary["pair"] else summary["against"]
    parts = [
        f"{mode} {m['same']}/{m['entries']} as {against}, worst {_short(m['worst_ulp'])} ULP"
        for mode, m in summary["modes"].items()
    ]
    return "; ".join(parts)


def _count_values(store: golden.Store) -> int:
    return len({(case, name) for case, _, _, name in store.files()})


def _short(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else str(number)


def _finite(document: Any) -> Any:
    """JSON has no NaN and no infinity: they become strings."""
    if isinstance(document, dict):
        return {key: _finite(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [_finite(value) for value in document]
    return str(document) if isinstance(document, float) and not np.isfinite(document) else document


def _table(*columns: str) -> Table:
    """A table without frame; a column that starts with '>' is set flush right."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    return table


def _print(table: Table) -> None:
    console = Console()
    # Into a pipe or a file the table is as wide as it needs to be: nothing is cut for a terminal that is not there.
    Console(width=console.width if console.is_terminal else 400, highlight=False).print(table)
