"""docs/RECORD.md, made from the golden store alone."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clr_ref import compare, pages
from clr_ref.functions import exp_range, triangular, triangular2
from clr_ref.golden import findings, measured
from clr_ref.golden.measured import Apart, Change, Drift, drift
from clr_ref.golden.record import PAIRS
from clr_ref.golden.store import AppliedRecord, Record, Store
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.tfa import bounds, eager, graphs
from clr_ref.tfa.eager import MODES, Mode

_HEAD = (
    "# What TensorFlow Addons really does\n\n"
    "Generated from `golden/` by `clr-ref golden show --markdown docs/RECORD.md`; do not edit this page. Every value,\n"
    "digest and behaviour below comes from the real `tfa.optimizers`, of the version that is named, on the CPU; none\n"
    "comes from `clr_ref`."
)
_DISTANCES = (
    "## How to read the distances\n\n"
    "A distance is given in ULP: the number of floats from one rate to the other; 0 means the same bits. In brackets\n"
    "stands the error of that rate in percent of the larger of the schedule's two bounds. Another rate can have a larger\n"
    "error with fewer ULP, where floats lie less dense.\n\n"
    "- A huge number of ULP with a tiny percentage is harmless. Floats lie dense near zero, so that a tiny error there\n"
    "  skips many of them. A float64 schedule has 2^29 floats for each float32.\n"
    "- A large percentage is a wrong rate. A float32 does not hold every whole number above 2^24: TFA then takes a step\n"
    "  for another, or loses its place in the cycle. Rates below 1.2e-38 become 0 on most releases."
)
_IN_BRACKETS = (
    "Distances are in ULP and, in brackets, in percent of the larger bound: [how to read them](#how-to-read-the-distances)."
)

#: The steps that separate the ranges for which the drift is reported, with their names.
DECADES = {"1,000": 1_000, "10,000": 10_000, "100,000": 100_000, "2^20": 2**20, "2^24": 2**24, "2^31": 2**31}


def markdown(store: Store, picture: str) -> str:
    """The page, with the whole record.

    Args:
        store: the golden store.
        picture: where the picture of the drift is, relative to the page.
    """
    drifts, changes, from_eager, in_arrays = (
        drift(store),
        measured.changes(store),
        measured.from_eager(store),
        measured.in_arrays(store),
    )
    found = findings.sentences(store, drifts, changes, from_eager, in_arrays)
    sections = [
        "## Findings\n\n" + "\n".join(_item(sentence) for sentence in found),
        _DISTANCES,
        _pairs(store),
        _changes(store, changes),
        _modes(store, from_eager),
        _drift(store, drifts, picture),
        _arrays(in_arrays),
        _errors(store),
        _behaviours(store),
        *([_applied(store)] if store.applied else []),
        _cases(store),
    ]
    titles = [section.partition("\n")[0].removeprefix("## ") for section in sections]
    contents = "\n".join(f"- [{title}](#{_anchor(title)})" for title in titles)
    return pages.markdown.page([_HEAD, contents, *sections])


def _item(text: str) -> str:
    """Return an item of a list, in which no line begins with the % of a number."""
    kept = text.replace(" %", "\N{NO-BREAK SPACE}%")
    return textwrap.fill(kept, 118, initial_indent="- ", subsequent_indent="  ").replace("\N{NO-BREAK SPACE}", " ")


def _anchor(title: str) -> str:
    """Return the name that GitHub and MkDocs give to a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def _pairs(store: Store) -> str:
    pairs = {pair.name: (pair.tensorflow, pair.tensorflow_addons) for pair in PAIRS}
    others = {name: (one.tensorflow, one.tensorflow_addons) for name, one in store.records.items() if name not in pairs}
    rows = [(*versions, *_outcome(store.records.get(name))) for name, versions in (pairs | others).items()]
    table = pages.markdown.table(("TensorFlow", "TFA", "cases x mode x step dtype", "Python", "NumPy", "CPU"), rows)
    return (
        "## The pairs\n\n"
        f"All {len(PAIRS)} pairs in TFA's own table of compatibility, each with its latest patch release. The outcomes are\n"
        f"those of every case in every mode with every dtype of the step.\n\n{table}"
    )


def _outcome(record: Record | None) -> tuple[str, str, str, str]:
    if record is None or record.error is not None:
        return "not recorded" if record is None else f"cannot be installed: {record.error}", "", "", ""
    errors = sum(entry.error is not None for entry in record.entries)
    p = record.provenance
    return f"{len(record.entries) - errors} recorded, {errors} raised", p["python"], p["numpy"], p["cpu"]["model"]


def _changes(store: Store, changes: Sequence[Change]) -> str:
    rows = []
    for change in changes:
        names = ", ".join(f"{case} {apart}" for case, apart in change.values.items()) or "none"
        worst = str(max(change.values.values())) if change.values else "-"
        rows.append((change.before, change.after, change.mode, names, worst, ", ".join(change.digests) or "none"))
    table = pages.markdown.table(
        ("from", "to", "mode", "cases with other values", "largest distance", "cases with other digests only"), rows
    )
    return (
        "## Which bits changed between releases\n\n"
        "Pairs are in the order of TensorFlow, then TFA, and each is compared with the one before. A pair or mode that is not\n"
        "listed gave the same bits. Values were computed one step at a time, unless the case is an array. Digests are of the\n"
        f"first {store.digest_steps:,} steps, computed as one array. A value after an error is not listed as a change.\n\n"
        f"{_IN_BRACKETS}\n\n{table}"
    )


def _modes(store: Store, from_eager: Mapping[tuple[str, Mode], tuple[Apart, str]]) -> str:
    rows = []
    for case in store.cases.values():
        cells = []
        for mode in MODES[1:]:
            apart, name = from_eager[case.id, mode]
            cells.append(f"{apart}, TF {store.records[name].tensorflow}" if name else "0")
        rows.append((case.id, case.dtype, *cells))
    table = pages.markdown.table(("case", "dtype", "tf.function", "XLA"), rows)
    return (
        "## Eager against tf.function against XLA\n\n"
        "The same schedule at the same tensor steps: the largest distance of a graph mode from eager mode, in ULP, over all\n"
        f"pairs, and the first release in which it occurs. {_IN_BRACKETS}\n\n{table}"
    )


def _drift(store: Store, drifts: Sequence[Drift], picture: str) -> str:
    rows = []
    for each in drifts:
        ranges = np.searchsorted(list(DECADES.values()), each.steps, side="right")
        cells = [each.within(ranges == number) for number in range(len(DECADES) + 1)]
        rows.append((each.mode, *("-" if cell is None else str(cell) for cell in cells)))
    table = pages.markdown.table(("mode", *(f"below {words}" for words in (*DECADES, "2^63"))), rows)
    shares = []
    for case in measured.plain_cases(store):
        actual = eager.evaluate(case.schedule, case.steps)
        expected = compare.truth(case.schedule, case.steps)
        bound = bounds.error_bound(case.schedule, case.steps)
        verdict = compare.within_bound(case.schedule, case.steps, actual, expected, bound, case=case.id, repeat="")
        if verdict.worst_share is not None:
            shares.append((case.id, verdict.worst_share))
    closest = sorted(shares, key=lambda item: -item[1])[:5]
    listed = ", ".join(f"{name} {compare.percent_of_allowed(share)}" for name, share in closest)
    return (
        "## Drift against the exact value\n\n"
        "The largest distance from the correctly rounded exact rate, by step, over the float32 cases of the triangular family\n"
        "with usual bounds. TFA rounds the quotient step / step_size to 24 bits, so its error grows with the step. Above 2^24\n"
        f"the step itself is rounded too.\n\n{_IN_BRACKETS}\n\n{table}\n\n![Drift of TFA's rates by step]({picture})\n\n"
        "`clr_ref.tfa_arithmetic.error_bound` follows this drift. In these cases the largest errors come nearest to it, in\n"
        f"percent of the bound: {listed}."
    )


def _arrays(in_arrays: Mapping[tuple[Mode, str], tuple[int, int]]) -> str:
    rows = [(*key, f"{differing:,} of {compared:,}") for key, (differing, compared) in in_arrays.items()]
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
                exact = schedule(np.arange(len(rates)))
                outcome = (f"{np.mean(rates == exact):.0%}", str(measured.apart(schedule, rates, exact)), modes)
            releases.setdefault((policy, optimizer, how, *outcome), []).append(record.provenance["versions"]["tensorflow"])
    rows = [(*key[:3], ", ".join(versions), *key[3:]) for key, versions in sorted(releases.items())]
    columns = ("policy", "optimizer", "how", "TensorFlow", "correct", "largest distance", "same bits as")
    return (
        "## What optimizers applied\n\n"
        "The rates that plain SGD applied with TFA's schedules under `fit`, read from the weights by\n"
        "`clr_ref.training.probe`. The schedules go from 1e-4 to 1e-2 with step_size 33.3 and gamma 0.999, for 400 updates.\n"
        "*correct* is the share of rates that are the correctly rounded exact rate. *same bits as* names the replayed modes\n"
        "that give the same rates: eager, tf.function or XLA. exp_range is not replayed (-): its power is TensorFlow's own.\n"
        "SGD is the default optimizer; TF 2.11 replaced it by a new one. `clr-ref golden probe` records these rates.\n\n"
        f"{_IN_BRACKETS}\n\n" + pages.markdown.table(columns, rows)
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
