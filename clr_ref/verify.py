"""The main job: the reference and TFA's replayed arithmetic held against exact values and against the record."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import compare, tfa_arithmetic, tfa_graphs
from clr_ref.compare import Comparison, Truth, Verdict
from clr_ref.exact import FORMATS
from clr_ref.golden.store import Case, Store
from clr_ref.scale import Exponential
from clr_ref.tfa_arithmetic import Mode, StepDtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Steps replayed at once.
PIECE = 12 * 1024


def verify(store: Store, case_id: str | None = None) -> Iterator[Verdict]:
    """Every verdict on a sound store, one after the other; ``case_id`` narrows them to one case.

    Raises:
        ValueError: no case has that id.
    """
    if case_id is not None and case_id not in store.cases:
        raise ValueError(f"case must be one of {', '.join(store.cases)}; got {case_id!r}")
    cases = [case for case in store.cases.values() if case_id in (None, case.id)]
    truths = {case.id: _truth(case) for case in cases}
    yield _reference(cases, truths)
    for dtype in FORMATS:
        if chosen := [case for case in cases if case.dtype == dtype]:
            yield _formula(chosen, truths, dtype)
    for mode in tfa_arithmetic.MODES:
        for power in (False, True):
            if chosen := [case for case in cases if _has_power(case) is power]:
                yield _replayed(store, chosen, mode, power)
    if chosen := [case for case in cases if not _has_power(case)]:
        for mode in tfa_arithmetic.MODES:
            yield _digests(store, chosen, mode)
    for mode in tfa_arithmetic.MODES:
        for dtype in FORMATS:
            if chosen := [case for case in cases if case.dtype == dtype]:
                yield _recorded(store, chosen, truths, mode, dtype)


def _truth(case: Case) -> Truth:
    """The exact rates at all steps at which the case is asked."""
    return compare.truth(case.schedule, _all_steps(case))


def _all_steps(case: Case) -> NDArray[np.int64]:
    return np.union1d(case.steps, np.array(case.traced_steps, np.int64))


def _at(case: Case, truths: Mapping[str, Truth], steps: NDArray[np.int64]) -> Truth:
    return truths[case.id].at(np.searchsorted(_all_steps(case), steps))


def _has_power(case: Case) -> bool:
    return isinstance(case.schedule.scale_fn, Exponential) and case.schedule.scale_fn.gamma != 1


def _repeat(case: Case) -> str:
    return f"clr-ref verify --case {case.id}"


def _reference(cases: list[Case], truths: Mapping[str, Truth]) -> Verdict:
    """The reference schedule, correctly rounded: as an array and one step at a time, in its dtype and in float64."""

    def comparisons() -> Iterator[Comparison]:
        for case in cases:
            for schedule in (case.schedule, case.wide_schedule):
                held = functools.partial(
                    compare.within_ulp, schedule, allowed=0, case=case.id, tier="exact", repeat=_repeat(case)
                )
                truth = _at(case, truths, case.steps)
                expected = truth.rounded if schedule.dtype == case.dtype else truth.high
                yield held(case.steps, schedule(case.steps), expected)
                few = slice(0, 256)
                single = np.array([schedule(int(t)) for t in case.steps[few]], schedule.dtype)
                yield held(case.steps[few], single, expected[few])

    return compare.verdict("reference", "exact", "-", "correctly rounded", comparisons(), cases=len(cases))


def _formula(cases: list[Case], truths: Mapping[str, Truth], dtype: str) -> Verdict:
    """TFA's formula replayed, against the bound that is derived for it."""

    def comparisons() -> Iterator[Comparison]:
        for case in cases:
            actual = tfa_arithmetic.evaluate(case.schedule, case.steps)
            bound = tfa_arithmetic.error_bound(case.schedule, case.steps)
            truth = _at(case, truths, case.steps)
            yield compare.within_bound(case.schedule, case.steps, actual, truth, bound, case=case.id, repeat=_repeat(case))

    return compare.verdict(f"tfa_arithmetic {dtype}", "exact", "-", "error_bound", comparisons(), cases=len(cases))


def _replays(
    store: Store, case: Case, steps: NDArray[np.int64], mode: Mode, step_dtype: StepDtype, array: bool, names: list[str]
) -> Iterator[NDArray[Any]]:
    """What TFA's formula gives in a mode: one answer per way to treat subnormals in eager mode, one in a graph mode.

    None in a graph mode where no record among ``names`` comes from a CPU whose graphs are known.
    """
    if mode == "eager":
        for flush in tfa_arithmetic.FLUSHES:
            # In pieces, so that temporaries stay in the cache: half the time for 2**20 steps.
            pieces = np.split(steps, range(PIECE, len(steps), PIECE))
            replay = functools.partial(tfa_arithmetic.evaluate, case.schedule, step_dtype=step_dtype, flush=flush)
            yield np.concatenate([replay(piece) for piece in pieces])
        return
    for name in names:
        record = store.records[name]
        if tfa_graphs.knows_cpu(record.provenance["cpu"]):
            major, minor = record.tensorflow.split(".")[:2]
            yield tfa_graphs.evaluate(
                case.schedule, steps, mode=mode, tensorflow=(int(major), int(minor)), array=array, step_dtype=step_dtype
            )
            return


def _subject(mode: Mode) -> str:
    return "tfa_arithmetic" if mode == "eager" else "tfa_graphs"


def _replayed(store: Store, cases: list[Case], mode: Mode, power: bool) -> Verdict:
    """TFA's formula replayed, against what TFA answered: the same bits, but for its power function."""
    ids = {case.id for case in cases}
    flushed = unknown = 0

    def comparisons() -> Iterator[Comparison]:
        nonlocal flushed, unknown
        for (case_id, found_mode, step_dtype, name), names in store.files().items():
            if case_id not in ids or found_mode != mode:
                continue
            case = store.cases[case_id]
            steps, recorded = case.steps_for(mode, step_dtype), store.values(case_id, name)
            tried = []
            for replay in _replays(store, case, steps, mode, step_dtype, case.call == "array", names):
                tried.append(replay)
                if same := np.array_equal(replay, recorded, equal_nan=True):
                    break
            if not tried:
                unknown += 1
                continue
            actual = tried[-1] if same else tried[0]
            flushed += same and len(tried) > 1
            allowed = tfa_arithmetic.power_budget(case.schedule, steps) if power else 0.0
            yield compare.within_ulp(
                case.schedule, steps, actual, recorded, allowed, case=case_id, tier="record", repeat=_repeat(case)
            )

    found = list(comparisons())
    notes = [f"{flushed} files with subnormals flushed to zero"] * bool(flushed)
    notes += [f"{unknown} files from CPUs whose graphs are not known, not replayed"] * bool(unknown)
    return compare.verdict(
        _subject(mode) + (", exp_range" if power else ""),
        "record",
        mode,
        "power_budget" if power else "0 ULP",
        found,
        cases=len(cases),
        note="; ".join(notes),
    )


def _digests(store: Store, cases: list[Case], mode: Mode) -> Verdict:
    """TFA's formula replayed over the first 2**20 steps as one array, against the digests."""
    ids = {case.id for case in cases}
    steps = np.arange(store.digest_steps)
    wanted: dict[tuple[str, str], tuple[StepDtype, list[str]]] = {}
    for (case_id, found_mode, step_dtype, digest), names in store.digests().items():
        if case_id in ids and found_mode == mode:
            # Steps below 2**20 are the same numbers as int64 and as float32: one digest is replayed once.
            wanted.setdefault((case_id, digest), (step_dtype, names))
    unknown = 0
    known: dict[tuple[str, str], tuple[list[str], Iterator[NDArray[Any]]]] = {}

    def comparisons() -> Iterator[Comparison]:
        nonlocal unknown
        for (case_id, digest), (step_dtype, names) in wanted.items():
            case = store.cases[case_id]
            # Eager replays do not depend on the records: what was computed for one digest serves the case's others.
            key = (case_id, step_dtype if mode == "eager" else digest)
            answers, replays = known.setdefault(key, ([], _replays(store, case, steps, mode, step_dtype, True, names)))
            while digest not in answers and (values := next(replays, None)) is not None:
                answers.append(_sha256(values))
            if not answers:
                unknown += 1
                continue
            first = None
            if digest not in answers:
                first = compare.Disagreement(
                    case=case_id,
                    policy=compare.policy_name(case.schedule),
                    tier="record",
                    step=0,
                    cycle=1,
                    phase=0.0,
                    expected=f"sha256 {digest} over steps 0 .. {len(steps) - 1} of {names[0]}",
                    actual=f"sha256 {answers[0]}",
                    ulp=float("nan"),
                    bound="0 ULP",
                    repeat=_repeat(case),
                )
            yield Comparison(len(steps), 0.0, None, first)

    found = list(comparisons())
    powers = sum(1 for key in store.digests() if key[1] == mode and _has_power(store.cases[key[0]]))
    notes = [f"{unknown} from CPUs whose graphs are not known, not replayed"] * bool(unknown)
    notes += [f"{powers} digests of exp_range hold TensorFlow's vectorised power, and need it to be replayed"] * bool(powers)
    note = "; ".join(notes)
    return compare.verdict(f"{_subject(mode)}, digests", "record", mode, "sha256", found, cases=len(cases), note=note)


def _recorded(store: Store, cases: list[Case], truths: Mapping[str, Truth], mode: Mode, dtype: str) -> Verdict:
    """What TFA answered, against the exact value and the bound that is derived for the mode."""
    ids = {case.id for case in cases}

    def comparisons() -> Iterator[Comparison]:
        for case_id, found_mode, step_dtype, name in store.files():
            if case_id not in ids or found_mode != mode:
                continue
            case = store.cases[case_id]
            steps = case.steps_for(mode, step_dtype)
            bound = tfa_arithmetic.error_bound(case.schedule, steps, mode=mode, step_dtype=step_dtype)
            recorded, truth = store.values(case_id, name), _at(case, truths, steps)
            yield compare.within_bound(case.schedule, steps, recorded, truth, bound, case=case_id, repeat=_repeat(case))

    return compare.verdict(f"TFA {dtype}", "exact", mode, "error_bound", comparisons(), cases=len(cases))


def _sha256(values: object) -> str:
    array = np.asarray(values)
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data).hexdigest()
