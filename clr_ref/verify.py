"""The main job: the reference and TFA's replayed arithmetic held against exact values and against the record."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from clr_ref import compare, tfa_arithmetic
from clr_ref.compare import Comparison, Truth, Verdict
from clr_ref.exact import FORMATS
from clr_ref.golden.store import Case, Store
from clr_ref.scale import Exponential
from clr_ref.tfa_arithmetic import Mode, StepDtype

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    for power in (False, True):
        if chosen := [case for case in cases if _has_power(case) is power]:
            yield _replayed(store, chosen, power)
    if chosen := [case for case in cases if not _has_power(case)]:
        yield _digests(store, chosen)
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


def _replayed(store: Store, cases: list[Case], power: bool) -> Verdict:
    """TFA's formula replayed, against what TFA answered in eager mode: the same bits, but for its power function."""
    ids = {case.id for case in cases}
    flushed = 0

    def comparisons() -> Iterator[Comparison]:
        nonlocal flushed
        for case_id, mode, step_dtype, name in store.files():
            if case_id not in ids or mode != "eager":
                continue
            case = store.cases[case_id]
            steps, recorded = case.steps_for(mode, step_dtype), store.values(case_id, name)
            replays = [
                tfa_arithmetic.evaluate(case.schedule, steps, step_dtype=step_dtype, flush=flush)
                for flush in tfa_arithmetic.FLUSHES
            ]
            same = [np.array_equal(replay, recorded, equal_nan=True) for replay in replays]
            actual = replays[same.index(True)] if any(same) else replays[0]
            flushed += any(same) and not same[0]
            allowed = tfa_arithmetic.power_budget(case.schedule, steps) if power else 0.0
            yield compare.within_ulp(
                case.schedule, steps, actual, recorded, allowed, case=case_id, tier="record", repeat=_repeat(case)
            )

    found = list(comparisons())
    bound = "power_budget" if power else "0 ULP"
    subject = "tfa_arithmetic, exp_range" if power else "tfa_arithmetic"
    note = f"{flushed} answers with subnormals flushed to zero" if flushed else ""
    return compare.verdict(subject, "record", "eager", bound, found, cases=len(cases), note=note)


def _digests(store: Store, cases: list[Case]) -> Verdict:
    """TFA's formula replayed over the first 2**20 steps, against the digests of eager mode."""
    ids = {case.id for case in cases}
    steps = np.arange(store.digest_steps)
    wanted: dict[str, dict[str, StepDtype]] = {}
    for case_id, mode, step_dtype, digest in store.digests():
        if case_id in ids and mode == "eager":
            wanted.setdefault(case_id, {})[digest] = step_dtype

    def comparisons() -> Iterator[Comparison]:
        for case_id, digests in wanted.items():
            case = store.cases[case_id]
            left = dict(digests)
            for flush in tfa_arithmetic.FLUSHES:
                for digest, step_dtype in list(left.items()):
                    values = tfa_arithmetic.evaluate(case.schedule, steps, step_dtype=step_dtype, flush=flush)
                    if _sha256(values) == digest:
                        del left[digest]
                if not left:
                    break
            count = len(steps) * (len(digests) - len(left))
            first = None
            if left:
                digest, step_dtype = next(iter(left.items()))
                first = compare.Disagreement(
                    case=case_id,
                    policy=compare.policy_name(case.schedule),
                    tier="record",
                    step=0,
                    cycle=1,
                    phase=0.0,
                    expected=f"sha256 {digest} over steps 0 .. {len(steps) - 1} as {step_dtype}",
                    actual=f"sha256 {_sha256(tfa_arithmetic.evaluate(case.schedule, steps))}",
                    ulp=float("nan"),
                    bound="0 ULP",
                    repeat=_repeat(case),
                )
            yield Comparison(count, 0.0, None, first)

    others = sum(1 for key in store.digests() if key[0] in ids and key[1] != "eager")
    note = f"{others} digests of graph modes need TensorFlow to be replayed: tox -m all"
    found = list(comparisons())
    return compare.verdict("tfa_arithmetic, digests", "record", "eager", "sha256", found, cases=len(wanted), note=note)


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
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).hexdigest()
