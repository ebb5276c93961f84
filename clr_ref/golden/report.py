"""docs/RECORD.md, made from the golden store alone."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import compare, pages
from clr_ref.exact import ulp
from clr_ref.golden.record import PAIRS
from clr_ref.golden.store import AppliedRecord, Case, Entry, Record, Store
from clr_ref.schedule import CyclicalLearningRate, exp_range, triangular, triangular2
from clr_ref.tfa import bounds, eager, graphs
from clr_ref.tfa.eager import MODES, Mode

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Upper ends of the ranges of steps for which the drift is reported.
DECADES = (1_000, 10_000, 100_000, 2**20, 2**24, 2**31, 2**63)


@dataclasses.dataclass(frozen=True, eq=False)
class Drift:
    """The distances ``ulps`` of one mode's recorded rates from the exact rate, at ``steps``; both 1-D, of many cases."""

    mode: Mode
    steps: NDArray[np.int64]
    ulps: NDArray[np.float64]


def drift(store: Store) -> list[Drift]:
    """For each mode, the distance of every recorded float32 rate of the triangular family from the exact rate."""
    drifts = []
    for mode in MODES:
        pairs = [pair for case in _plain_cases(store) for pair in _distances(store, case, mode)]
        steps, ulps = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
        drifts.append(Drift(mode, steps, ulps))
    return drifts


def markdown(store: Store, picture: str) -> str:
    """The page, with the whole record.

    Args:
        store: the golden store.
        picture: where the picture of the drift is, relative to the page.
    """
    sections = [
        "# What TensorFlow Addons really does\n\n"
        "Generated from `golden/` by `clr-ref golden show --markdown docs/RECORD.md`; edit neither by hand. Every value,\n"
        "digest and behaviour below comes from the real `tfa.optimizers`, of the version that is named, on the CPU; none\n"
        "comes from `clr_ref`. Distances are in ULP: the number of floats from one value to the other.",
        _pairs(store),
        _changes(store),
        _modes(store),
        _drift(store, picture),
        _arrays(store),
        _errors(store),
        _behaviours(store),
        *([_applied(store)] if store.applied else []),
        _cases(store),
    ]
    return pages.markdown.page(sections)


def _pairs(store: Store) -> str:
    rows = []
    for pair in PAIRS:
        record = store.records.get(pair.name)
        if record is None:
            rows.append((pair.tensorflow, pair.tensorflow_addons, "not recorded", "", "", ""))
        elif record.error is not None:
            rows.append((pair.tensorflow, pair.tensorflow_addons, f"cannot be installed: {record.error}", "", "", ""))
        else:
            errors = sum(entry.error is not None for entry in record.entries)
            p = record.provenance
            outcomes = f"{len(record.entries) - errors} recorded, {errors} raised"
            rows.append((pair.tensorflow, pair.tensorflow_addons, outcomes, p["python"], p["numpy"], p["cpu"]["model"]))
    known = {pair.name for pair in PAIRS}
    for name, record in store.records.items():
        if name not in known:
            rows.append((record.tensorflow, record.tensorflow_addons, "recorded", record.provenance["python"], "", ""))
    table = pages.markdown.table(("TensorFlow", "TFA", "cases x mode x step dtype", "Python", "NumPy", "CPU"), rows)
    return (
        "## The pairs\n\n"
        f"All {len(PAIRS)} pairs in TFA's own table of compatibility, each with its latest patch release. The outcomes are\n"
        f"those of every case in every mode with every dtype of the step.\n\n{table}"
    )


def _changes(store: Store) -> str:
    rows: list[tuple[str, ...]] = []
    records = [record for record in store.records.values() if record.error is None]
    for before, after in itertools.pairwise(records):
        for mode in MODES:
            rows += _change(store, before, after, mode)
    table = pages.markdown.table(
        ("from", "to", "mode", "cases with other values", "worst ULP", "cases with other digests only"), rows
    )
    return (
        "## Which bits changed between releases\n\n"
        "Pairs are in the order of TensorFlow, then TFA, and each is compared with the one before. A pair or mode that is not\n"
        "listed gave the same bits. Values were computed one step at a time, unless the case is an array. Digests are of the\n"
        f"first {store.digest_steps:,} steps, computed as one array. A value after an error is not listed as a change.\n\n"
        f"{table}"
    )


def _change(store: Store, before: Record, after: Record, mode: Mode) -> Iterator[tuple[str, ...]]:
    old = {(e.case, e.step_dtype): e for e in before.entries if e.mode == mode}
    values: dict[str, float] = {}
    digests = set()
    for entry in after.entries:
        other = old.get((entry.case, entry.step_dtype))
        if entry.mode != mode or other is None or entry.error or other.error:
            continue
        if entry.values != other.values:
            apart = ulp.distance(_values(store, entry), _values(store, other))
            values[entry.case] = max(values.get(entry.case, 0.0), float(np.max(np.abs(apart))))
        elif entry.digest != other.digest:
            digests.add(entry.case)
    if values or digests:
        names = ", ".join(f"{case} ({worst:,.0f})" for case, worst in values.items()) or "none"
        worst = f"{max(values.values()):,.0f}" if values else "-"
        yield before.name, after.name, mode, names, worst, ", ".join(sorted(digests - set(values))) or "none"


def _modes(store: Store) -> str:
    rows = []
    for case in store.cases.values():
        cells = []
        for mode in MODES[1:]:
            worst, where = 0.0, ""
            for record in store.records.values():
                entries = {(e.mode, e.step_dtype): e for e in record.entries if e.case == case.id and e.values is not None}
                for step_dtype in ("float32", "int64"):
                    graph, eager = entries.get((mode, step_dtype)), entries.get(("eager", step_dtype))
                    if graph is None or eager is None or graph.values is None or eager.values is None:
                        continue
                    apart = float(np.max(np.abs(ulp.distance(_values(store, graph), _values(store, eager)))))
                    if apart > worst:
                        worst, where = apart, f" (TF {record.tensorflow})"
            cells.append(f"{worst:,.0f}{where}")
        rows.append((case.id, case.dtype, *cells))
    table = pages.markdown.table(("case", "dtype", "tf.function", "XLA"), rows)
    return (
        "## Eager against tf.function against XLA\n\n"
        "The same schedule at the same tensor steps: the largest distance of a graph mode from eager mode, in ULP, over all\n"
        f"pairs, and the first release in which it occurs.\n\n{table}"
    )


def _drift(store: Store, picture: str) -> str:
    rows = []
    for each in drift(store):
        cells, low = [], 0
        for high in DECADES:
            inside = each.ulps[(each.steps >= low) & (each.steps < high)]
            cells.append(f"{np.max(inside):,.0f}" if len(inside) else "-")
            low = high
        rows.append((each.mode, *cells))
    names = {2**20: "2^20", 2**24: "2^24", 2**31: "2^31", 2**63: "2^63"}
    table = pages.markdown.table(("mode", *(f"below {names.get(high, f'{high:,}')}" for high in DECADES)), rows)
    shares = []
    for case in _plain_cases(store):
        actual = eager.evaluate(case.schedule, case.steps)
        expected = compare.truth(case.schedule, case.steps)
        bound = bounds.error_bound(case.schedule, case.steps)
        verdict = compare.within_bound(case.schedule, case.steps, actual, expected, bound, case=case.id, repeat="")
        shares.append((case.id, verdict.worst_share or 0.0))
    closest = ", ".join(f"{name} {share:.2f}" for name, share in sorted(shares, key=lambda item: -item[1])[:5])
    return (
        "## Drift against the exact value\n\n"
        "The largest distance from the correctly rounded exact rate, by step, over the float32 cases of the triangular family\n"
        "with usual bounds. TFA rounds the quotient step / step_size to 24 bits, so its error grows with the step. Above 2^24\n"
        f"the step itself is rounded too.\n\n{table}\n\n![Drift of TFA's rates by step]({picture})\n\n"
        "`clr_ref.tfa_arithmetic.error_bound` follows this drift. The cases with the largest errors, each divided by the\n"
        f"bound, which 1 would reach: {closest}."
    )


def _arrays(store: Store) -> str:
    differing: dict[tuple[str, str], int] = {}
    compared: dict[tuple[str, str], int] = {}
    for record in store.records.values():
        for entry in record.entries:
            if entry.differs_in_array is None or store.cases[entry.case].call != "scalar":
                continue
            key = (entry.mode, "exp_range" if store.cases[entry.case].policy == "exp_range" else "triangular family")
            differing[key] = differing.get(key, 0) + entry.differs_in_array
            compared[key] = compared.get(key, 0) + int(np.sum(store.cases[entry.case].steps < store.digest_steps))
    rows = [(*key, f"{differing[key]:,} of {compared[key]:,}") for key in differing]
    table = pages.markdown.table(("mode", "policy", "steps that differ"), rows)
    return (
        "## One step against an array of steps\n\n"
        "TensorFlow runs other code for arrays: vectorised power functions, subnormals flushed to zero, other constants\n"
        "folded in graphs. So `clr(np.arange(n))`, which the tutorial plots, can differ from the rates that an optimizer\n"
        f"uses. Over all pairs:\n\n{table}"
    )


def _errors(store: Store) -> str:
    errors: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for record in store.records.values():
        for entry in record.entries:
            if entry.error is not None:
                key = (entry.mode, entry.step_dtype, f"{entry.error[0]}: {entry.error[1]}")
                errors.setdefault(key, {}).setdefault(record.name, set()).add(entry.case)
    rows = []
    for (mode, step_dtype, message), where in errors.items():
        cases = set().union(*where.values())
        names = f"{len(cases)} cases" if len(cases) > 6 else ", ".join(sorted(cases))
        rows.append((mode, step_dtype, message, names, store.in_ranges(where)))
    table = pages.markdown.table(("mode", "step", "error", "cases", "pairs"), rows)
    return f"## Errors\n\nThe exceptions that TFA raised.\n\n{table}"


def _behaviours(store: Store) -> str:
    titles = list(dict.fromkeys(title for record in store.records.values() for title in record.behaviours))
    parts = []
    for title in titles:
        outcomes: dict[str, list[str]] = {}
        for record in store.records.values():
            if title in record.behaviours:
                outcomes.setdefault(record.behaviours[title], []).append(record.name)
        lines = [f"- {store.in_ranges(names)}: {pages.markdown.escaped(outcome)}" for outcome, names in outcomes.items()]
        parts.append(f"**{title}**\n\n" + "\n".join(lines))
    return (
        "## Behaviours\n\n"
        "Each was tried on every pair. If TFA rejects an argument's type, the message is that of the `typeguard` that was\n"
        "installed with it.\n\n" + "\n\n".join(parts)
    )


def _applied(store: Store) -> str:
    releases: dict[tuple[str, ...], list[str]] = {}
    for record in store.applied.values():
        for title, rates in record.runs.items():
            cls, optimizer, how = title.split(", ", 2)
            policy = cls.removesuffix("CyclicalLearningRate")
            if isinstance(rates, tuple):
                outcome = ("-", "-", f"{rates[0]}: {rates[1]}")
            else:
                schedule = applied_schedule(policy, record.inputs)
                # The power of exp_range is TensorFlow's own, so that its bits cannot be replayed.
                modes = "-" if policy == "Exponential" else ", ".join(matching_modes(schedule, rates, record)) or "none"
                apart = np.abs(ulp.distance(rates, schedule(np.arange(len(rates)))))
                outcome = (f"{np.mean(apart == 0):.0%}", f"{np.max(apart):,.0f}", modes)
            releases.setdefault((policy, optimizer, how, *outcome), []).append(record.provenance["versions"]["tensorflow"])
    rows = [(*key[:3], ", ".join(versions), *key[3:]) for key, versions in sorted(releases.items())]
    columns = ("policy", "optimizer", "how", "TensorFlow", "correct", "worst ULP", "same bits as")
    return (
        "## What optimizers applied\n\n"
        "The rates that plain SGD applied with TFA's schedules under `fit`, read from the weights by\n"
        "`clr_ref.training.probe`. The schedules go from 1e-4 to 1e-2 with step_size 33.3 and gamma 0.999, for 400 updates.\n"
        "*correct* is the share of rates that are the correctly rounded exact rate. *same bits as* names the replayed modes\n"
        "that give the same rates: eager, tf.function or XLA. exp_range is not replayed (-): its power is TensorFlow's own.\n"
        "SGD is the default optimizer; TF 2.11 replaced it by a new one. `clr-ref golden probe` records these rates.\n\n"
        + pages.markdown.table(columns, rows)
    )


def applied_schedule(policy: str, inputs: Mapping[str, float]) -> CyclicalLearningRate:
    """The schedule of a run of the probe; ``policy`` is the first word of TFA's class, ``inputs`` are those of its record."""
    numbers = dict(inputs)
    gamma = numbers.pop("gamma")
    if policy == "Exponential":
        return exp_range(**numbers, gamma=gamma)
    return {"Triangular": triangular, "Triangular2": triangular2}[policy](**numbers)


def matching_modes(schedule: CyclicalLearningRate, rates: Any, record: AppliedRecord) -> list[str]:
    """The replayed modes that give the applied rates, bit for bit."""
    steps = np.arange(len(rates))
    major, minor = (int(part) for part in record.provenance["versions"]["tensorflow"].split(".")[:2])
    replayed = {"eager": eager.evaluate(schedule, steps, flush="everywhere")}
    for mode in ("function", "xla"):
        replayed[mode] = graphs.evaluate(schedule, steps, mode=mode, tensorflow=(major, minor), array=False)
    return [mode for mode, values in replayed.items() if values.tobytes() == rates.tobytes()]


def _cases(store: Store) -> str:
    rows = [(case.id, case.cls, f"{len(case.steps):,}", ", ".join(case.flags), case.note) for case in store.cases.values()]
    flags = "\n".join(f"- `{name}`: {text}" for name, text in store.flags.items())
    return f"## The cases\n\n{pages.markdown.table(('case', 'class', 'steps', 'flags', 'why'), rows)}\n\nFlags:\n\n{flags}"


def _plain_cases(store: Store) -> list[Case]:
    return [
        case
        for case in store.cases.values()
        if case.dtype == "float32" and case.policy != "exp_range" and "bounds" not in case.flags
    ]


def _distances(store: Store, case: Case, mode: Mode) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    for case_id, recorded_mode, step_dtype, name in store.files():
        if (case_id, recorded_mode) == (case.id, mode):
            steps = case.steps_for(mode, step_dtype)
            expected = case.schedule(steps)  # correctly rounded, which `clr-ref verify` checks
            yield steps, np.abs(ulp.distance(store.values(case_id, name), expected))


def _values(store: Store, entry: Entry) -> NDArray[Any]:
    assert entry.values is not None
    return store.values(entry.case, entry.values)
