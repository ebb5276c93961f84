"""What a reader learns from the record, in sentences whose numbers are computed from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from clr_ref import compare
from clr_ref.golden.measured import Apart, Change, Drift
from clr_ref.golden.record import PAIRS
from clr_ref.golden.store import Record, Store
from clr_ref.tfa.eager import Mode

#: The modes by the names that TensorFlow's users know.
NAMES = {"eager": "eager mode", "function": "tf.function", "xla": "XLA"}


def sentences(
    store: Store,
    drifts: Sequence[Drift],
    changes: Sequence[Change],
    from_eager: Mapping[tuple[str, Mode], tuple[Apart, str]],
    in_arrays: Mapping[tuple[Mode, str], tuple[int, int]],
) -> Iterator[str]:
    """Yield the findings, each a paragraph. The arguments are what ``measured`` returns for the store."""
    yield from _pairs(store)
    correct = [f"{_share(float(np.mean(each.ulps == 0)))} in {NAMES[each.mode]}" for each in drifts]
    yield (
        f"Of the float32 rates of triangular and triangular2 with usual bounds, {_joined(correct)} are the correctly rounded "
        "exact rate. The others differ from it. [Drift](#drift-against-the-exact-value) has the distances."
    )
    yield from _growth(drifts)
    differing = [
        f"{sum(apart.ulps > 0 for (_, other), (apart, _) in from_eager.items() if other == mode)} with {NAMES[mode]}"
        for mode in dict.fromkeys(mode for _, mode in from_eager)
    ]
    yield f"The mode changes the rates. Of {len(store.cases)} cases, {_joined(differing)} have other bits than in eager mode."
    yield _releases(store, changes)
    differ, compared = (sum(counts[index] for counts in in_arrays.values()) for index in (0, 1))
    yield (
        f"A rate can depend on how many steps are given at once. Of {compared:,} rates that were computed one step at a time, "
        f"{differ:,} differ from those of an array of steps."
    )
    yield from _errors(store)
    titles = {title for record in store.records.values() for title in record.behaviours}
    differ = sum(len({record.behaviours.get(title) for record in _ran(store)}) > 1 for title in titles)
    yield f"Of {len(titles)} behaviours that were tried, {differ} differ{'s' * (differ == 1)} between pairs."
    yield from _applied(store)


def _ran(store: Store) -> list[Record]:
    return [record for record in store.records.values() if record.error is None]


def _pairs(store: Store) -> Iterator[str]:
    ran = _ran(store)
    if not ran:
        return
    supported = {pair.name for pair in PAIRS}
    first, last = (f"TF {record.tensorflow} with TFA {record.tensorflow_addons}" for record in (ran[0], ran[-1]))
    results = sum(len(record.entries) for record in ran)
    yield (
        f"{sum(record.name in supported for record in ran)} of the {len(PAIRS)} supported pairs ran, from {first} to {last}. "
        f"They gave {results:,} results."
    )


def _growth(drifts: Sequence[Drift]) -> Iterator[str]:
    """Yield how the error grows with the step, and what becomes of it beyond 2**24."""
    parts = []
    steps, relatives = (np.concatenate([getattr(each, name) for each in drifts]) for name in ("steps", "relatives"))
    for words, inside in (
        ("below step 1,000", steps < 1000),
        ("below step 2^20", steps < 2**20),
        ("from step 2^24 on", steps >= 2**24),
    ):
        if inside.any():
            parts.append(f"{compare.percent(float(np.max(relatives[inside])))} {words}")
    yield (
        f"The error grows with the step. In percent of the larger bound it is at most {_joined(parts)}. "
        "A float32 does not hold every whole step from 2^24 on."
    )


def _releases(store: Store, changes: Sequence[Change]) -> str:
    """Return which TensorFlow releases changed the bits, and how many changes came with TFA alone."""
    releases: dict[str, None] = {}
    alone = 0
    for change in changes:
        before, after = (store.records[name].tensorflow for name in (change.before, change.after))
        if before == after:
            alone += 1
        else:
            releases[after] = None
    if not releases and not alone:
        return "No release changed the bits of a rate."
    with_tensorflow = f"with TensorFlow {_joined(list(releases))}" if releases else "with no release of TensorFlow"
    return (
        f"The bits of rates changed {with_tensorflow}. "
        f"{alone or 'None'} of the changes came with another TFA on the same TensorFlow."
    )


def _errors(store: Store) -> Iterator[str]:
    entries = [entry for record in _ran(store) for entry in record.entries]
    errors = [entry for entry in entries if entry.error is not None]
    if errors:
        whole = sum(entry.step_dtype == "int64" for entry in errors)
        newest = _ran(store)[-1].entries
        cases = {entry.case for entry in newest if entry.error is not None and entry.step_dtype == "int64"}
        yield (
            f"TFA raised an exception for {len(errors):,} of {len(entries):,} results, {whole:,} of them at an int64 step. "
            f"On the newest pair, {len(cases)} of {len(store.cases)} cases reject int64 steps, which optimizers give since "
            "TF 2.11."
        )


def _applied(store: Store) -> Iterator[str]:
    """Yield what optimizers applied; the exact rates themselves are in the section."""
    runs = [run for record in store.applied.values() for run in record.runs.values()]
    failed = sum(isinstance(run, tuple) for run in runs)
    if runs:
        yield (
            f"Of {len(runs)} trainings with TFA's schedules, {failed} ended with an exception. The others applied the rates "
            "that [What optimizers applied](#what-optimizers-applied) compares with the exact ones."
        )


def _share(part: float) -> str:
    return f"{100 * part:.0f} %"


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else "none"
