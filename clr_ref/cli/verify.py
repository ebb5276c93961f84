"""``clr-ref verify``."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import numpy as np

import clr_ref
from clr_ref._inputs import unknown
from clr_ref.cli.common import counted, golden_option, json_option, print_json, read_store, short, status_line
from clr_ref.cli.lines import say
from clr_ref.compare import Verdict, percent, percent_of_allowed
from clr_ref.exact import FORMATS
from clr_ref.golden import store as golden

_MODES = {"-": "", "eager": "eager mode", "function": "tf.function", "xla": "XLA"}

_LEGEND = """
ULP: the distance of two rates in floats. 0 is the same rate, 1 is the next float.
error: the distance divided by the larger of the schedule's two bounds, in percent.
allowed error: what the roundings of TFA's formula can add up to at that step. It is derived in \
clr_ref.tfa_arithmetic.error_bound.
A huge number of ULP beside a tiny error is harmless. Floats lie dense near zero, so that a tiny error skips many of them; \
float64 has 2^29 floats for each float32.
A large error is TFA's, not clr_ref's. A float32 cannot hold every whole number above 2^24, so that TFA then takes a step for \
another, or loses its place in the cycle. The allowed error grows with it.
""".strip().replace("\\\n", "")


@dataclasses.dataclass(frozen=True)
class _Check:
    """Verdicts that are printed as one line: what is compared with what, and the outcome if they hold or fail."""

    compared: str
    holds: str
    fails: str
    verdicts: tuple[Verdict, ...]

    @property
    def all_hold(self) -> bool:
        return all(verdict.holds for verdict in self.verdicts)


@click.command()
@click.option("--case", "case_id", metavar="ID", help="Verify only this case of the store.")
@click.option("-v", "--verbose", is_flag=True, help="Print the figures of each check, and what they mean.")
@golden_option
@json_option
def verify(case_id: str | None, verbose: bool, folder: Path | None, as_json: bool) -> None:
    r"""Compare the reference, and our copy of TFA's arithmetic, with exact values and with TFA's recorded values.

    Needs no TensorFlow.

    \b
    Example:
      clr-ref verify --case triangular2-7
    """
    from clr_ref.verify import verify as verdicts

    begin = time.perf_counter()
    store = read_store(folder, as_json, "nothing was compared")
    if case_id is not None and case_id not in store.cases:
        raise click.BadParameter(unknown("a case", case_id, store.cases, "golden/cases.json"), param_hint="--case")
    found = []
    with status_line("reading the store") as status:
        for verdict in verdicts(store, case_id):
            found.append(verdict)
            status.update(f"compared: {_check((verdict,), store).compared}")
    holds = all(verdict.holds for verdict in found)
    if as_json:
        document = {
            "holds": holds,
            "store": {"pairs": len(store.records), "cases": len(store.cases), "values_files": _count_values(store)},
            "verdicts": [dataclasses.asdict(verdict) for verdict in found],
        }
        print_json(document)
    else:
        _print(store, case_id, list(_checks(found, store)), verbose, time.perf_counter() - begin)
    sys.exit(0 if holds else 1)


def _print(store: golden.Store, case_id: str | None, checks: list[_Check], verbose: bool, seconds: float) -> None:
    pairs = sum(record.error is None for record in store.records.values())
    say(f"TFA's record: the rates of {pairs} TFA x TensorFlow pairs in {len(store.cases)} cases; intact.")
    say("Our copy is TFA's formula, evaluated by clr_ref without TensorFlow.")
    if case_id is not None:
        say(f"Only the case {case_id} is compared.")
    click.echo()
    for check in checks:
        outcome = check.holds if check.all_hold else check.fails
        say(f"{check.compared}: {outcome}", first="holds  " if check.all_hold else "FAILS  ")
        for verdict in check.verdicts if verbose else ():
            for line in _figures(verdict, store.digest_steps):
                text = line.lstrip()
                say(text, first=" " * 9 + line.removesuffix(text))
    if verbose:
        click.echo()
        say("What the figures mean:")
        for line in _LEGEND.splitlines():
            say(line, first="- ")
    failed = [check for check in checks if not check.all_hold]
    for check in failed:
        for verdict in check.verdicts:
            if not verdict.holds:
                _print_failure(store, check, verdict)
    if failed:
        click.echo()
        say(f"{len(failed)} of {len(checks)} checks failed, in {seconds:.1f} s.")
        say(
            "What to do: if you changed clr_ref or the record, the change causes this; repeat the check after each attempt to "
            "correct it. If you changed neither, report this output. It is from clr_ref "
            f"{clr_ref.__version__}, Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}."
        )
    else:
        click.echo()
        say(f"All {len(checks)} checks hold, in {seconds:.1f} s." + ("" if verbose else " Figures: clr-ref verify --verbose"))


def _checks(found: Iterable[Verdict], store: golden.Store) -> Iterator[_Check]:
    """Yield the checks in the order of the verdicts; those that a reader need not tell apart are one check."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in found:
        # The modes of execution are told apart only where bits are compared.
        mode = verdict.mode if verdict.bound == "0 ULP" or verdict.mode == "-" else "all"
        groups.setdefault((verdict.bound, mode), []).append(verdict)
    for verdicts in groups.values():
        yield _check(tuple(verdicts), store)


def _check(verdicts: tuple[Verdict, ...], store: golden.Store) -> _Check:
    one, values = verdicts[0], sum(verdict.values for verdict in verdicts)
    compared_values, record = counted(values, "rate"), "our copy and TFA's record"
    match one.bound:
        case "correctly rounded":
            compared, holds, fails = "clr_ref and the exact rates", "all correctly rounded", "not all correctly rounded"
        case "error_bound":
            compared = ("our copy" if one.mode == "-" else "TFA's record") + " and the exact rates"
            holds, fails = "within the allowed error", "not all within the allowed error"
        case "0 ULP":
            compared, holds, fails = f"{record}, {_MODES[one.mode]}", "the same bits", "not all the same bits"
        case "power_budget":
            apart = max(verdict.worst_ulp for verdict in verdicts)
            compared = f"{record}, exp_range"
            holds = f"at most {counted(apart, 'float')} apart" if apart else "the same bits"
            fails = "further apart than allowed"
        case _:
            compared_values = f"{counted(values // store.digest_steps, 'checksum')} of {store.digest_steps:,} rates"
            compared, holds, fails = record, "the same", "not all the same"
    return _Check(
        compared, f"{compared_values}, {holds}", f"{compared_values}, {fails}" if values else "nothing to compare", verdicts
    )


def _figures(verdict: Verdict, digest_steps: int) -> Iterator[str]:
    """Yield the figures of one verdict in lines; what they belong to comes first."""
    what = counted(verdict.values, "rate")
    if verdict.bound == "sha256":
        what = counted(verdict.values // digest_steps, "checksum")
    which = ", ".join(part for part in (_dtype(verdict), _MODES[verdict.mode]) if part)
    yield f"{which + ': ' if which else ''}{what} of {counted(verdict.cases, 'case')}"
    if verdict.worst_share is not None:
        yield f"  largest error: {percent_of_allowed(verdict.worst_share)} of the allowed error"
    if verdict.bound != "sha256":
        far = verdict.farthest if verdict.worst_ulp else None
        yield f"  farthest: {short(verdict.worst_ulp)} ULP" + (f", error {percent(far.relative)}," if far else "")
        if far:
            yield f"    in {far.case} at step {far.step:,}"
    if verdict.note:
        yield f"  {verdict.note}"


def _dtype(verdict: Verdict) -> str:
    """Return the dtype that the name of the subject ends with, if any."""
    last = verdict.subject.rpartition(" ")[2]
    return last if last in FORMATS else ""


def _print_failure(store: golden.Store, check: _Check, verdict: Verdict) -> None:
    mode, title = _MODES[verdict.mode], check.compared + (", checksums" if verdict.bound == "sha256" else "")
    click.echo()
    say(f"FAILS: {title}" + (f", {mode}" if mode and mode not in title else ""))
    first, origin = verdict.first, verdict.origin
    if first is None:
        say(f"nothing to compare{': ' + verdict.note if verdict.note else ''}", first="  ")
        return
    expected, actual = _sources(verdict)
    rows = [("case", f"{first.case}: {first.policy}")]
    if verdict.bound == "sha256":
        rows.append(("steps", f"0 to {store.digest_steps - 1:,}; a checksum does not say at which step the rates differ"))
        rows += [("expected", f"{first.expected.partition(' over ')[0]}, {expected}"), ("actual", f"{first.actual}, {actual}")]
    else:
        rows.append(("step", f"{first.step} (cycle {first.cycle}, phase {first.phase:.6g} of 2 half cycles)"))
        rows += [("expected", f"{first.expected}, {expected}"), ("actual", f"{first.actual}, {actual}")]
        rows += [("distance", f"{first.ulp:+,.0f} ULP (floats)"), ("allowed", first.bound)]
    if origin is not None:
        rows.append(("file", f"{store.folder / origin.file}"))
        rows.append(("recorded", f"with steps of type {origin.step_dtype}, by {store.in_ranges(origin.pairs)}"))
    for label, text in rows:
        say(text, first=f"  {label:<10}")
    click.echo(f"  repeat    {first.repeat}")  # never wrapped, so that it can be copied


def _sources(verdict: Verdict) -> tuple[str, str]:
    """Return what the expected and what the actual value of a failure are."""
    if verdict.bound == "correctly rounded":
        return "the exact rate, rounded", "from clr_ref"
    copy, record = "from our copy of TFA's formula", "from TFA's record"
    if verdict.tier == "record":
        return record, copy
    return "the exact rate, rounded", copy if verdict.mode == "-" else record


def _count_values(store: golden.Store) -> int:
    return len({(case, name) for case, _, _, name in store.files()})
