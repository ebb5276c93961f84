"""``clr-ref verify``: compare the reference and our copy of TFA's arithmetic with exact values and with TFA's record."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import compare, policies
from clr_ref.compare import Comparison, Origin, Truth, Verdict
from clr_ref.exact import FORMATS, ulp
from clr_ref.golden import store as golden
from clr_ref.golden.model import MODES, Case, Mode, StepDtype, Store
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.tfa import bounds, eager, graphs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Steps = NDArray[np.int64]

_UNKNOWN_CPU = "from CPUs whose graphs cannot be replayed"
#: So many steps are replayed at a time.
PIECE = 12_288


def verify(store: Store, case_id: str | None = None) -> Iterator[Verdict]:
    """Yield every verdict on the store.

    Args:
        store: an intact golden store.
        case_id: the only case to verify. Default: all.

    Raises:
        ValueError: no case has that id.
    """
    if case_id is not None and case_id not in store.cases:
        raise ValueError(f"case must be one of {', '.join(store.cases)}; got {case_id!r}")
    cases = [case for case in store.cases.values() if case_id in (None, case.id)]
    truths = {case.id: _truth(case) for case in cases}
    yield _reference(store, cases, truths)
    for dtype in FORMATS:
        if chosen := [case for case in cases if case.dtype == dtype]:
            yield _formula(store, chosen, truths, dtype)
    for power in (False, True):
        for mode in MODES:
            if chosen := [case for case in cases if _has_power(case) is power]:
                yield _replayed(store, chosen, mode, power)
    if chosen := [case for case in cases if not _has_power(case)]:
        for mode in MODES:
            yield _digests(store, chosen, mode)
    for mode in MODES:
        for dtype in FORMATS:
            if chosen := [case for case in cases if case.dtype == dtype]:
                yield _recorded(store, chosen, truths, mode, dtype)


def _truth(case: Case) -> Truth:
    """Return the exact rates at all steps of the case."""
    return compare.truth(case.schedule, _all_steps(case))


def _all_steps(case: Case) -> Steps:
    return np.union1d(case.steps, np.array(case.traced_steps, np.int64))


def _at(case: Case, truths: Mapping[str, Truth], steps: Steps) -> Truth:
    return truths[case.id].at(np.searchsorted(_all_steps(case), steps))


def _has_power(case: Case) -> bool:
    return case.schedule.policy.scale not in (policies.ONE, policies.HALVING)


def _repeat(store: Store, case: Case) -> str:
    """Return the command that repeats the comparisons of one case with this store, for a shell."""
    command = ["clr-ref", "verify", "--case", case.id]
    if store.folder != golden.default_folder():
        command += ["--golden", str(store.folder)]
    return shlex.join(command)


def _reference(store: Store, cases: list[Case], truths: Mapping[str, Truth]) -> Verdict:
    """Check that the reference schedule is correctly rounded, in the dtype of each case and in float64."""
    found = [
        comparison
        for case in cases
        for schedule in (case.schedule, case.wide_schedule)
        for comparison in _correctly_rounded(store, case, schedule, _at(case, truths, case.steps))
    ]
    return compare.verdict("reference", "exact", "-", "correctly rounded", found, cases=len(cases))


def _correctly_rounded(store: Store, case: Case, schedule: CyclicalLearningRate, truth: Truth) -> Iterator[Comparison]:
    """Compare all steps as one array, and the first 256 one at a time."""
    repeat = _repeat(store, case)
    compared = functools.partial(compare.within_ulp, schedule, allowed=0, case=case.id, tier="exact", repeat=repeat)
    expected = truth.rounded if schedule.dtype == case.dtype else truth.high
    yield compared(case.steps, schedule(case.steps), expected)
    few = case.steps[:256]
    yield compared(few, np.array([schedule(step) for step in few.tolist()], schedule.dtype), expected[:256])


def _formula(store: Store, cases: list[Case], truths: Mapping[str, Truth], dtype: str) -> Verdict:
    """Check that the error of our copy of TFA's formula is at most the proven bound."""
    found = [
        _within_bound(store, case, case.steps, eager.evaluate(case.schedule, case.steps), truths, "eager", None)
        for case in cases
    ]
    return compare.verdict(f"tfa_arithmetic {dtype}", "exact", "-", "error_bound", found, cases=len(cases))


def _recorded(store: Store, cases: list[Case], truths: Mapping[str, Truth], mode: Mode, dtype: str) -> Verdict:
    """Check that the error of TFA's recorded rates is at most the bound that is proven for the mode."""
    by_id = {case.id: case for case in cases}
    found = [
        dataclasses.replace(
            _within_bound(store, case, case.steps_for(mode, step_dtype), store.values(case_id, name), truths, mode, step_dtype),
            origin=_origin(case, step_dtype, name, names),
        )
        for (case_id, found_mode, step_dtype, name), names in store.files().items()
        if found_mode == mode and (case := by_id.get(case_id))
    ]
    return compare.verdict(f"TFA {dtype}", "exact", mode, "error_bound", found, cases=len(cases))


def _origin(case: Case, step_dtype: StepDtype, name: str, names: list[str]) -> Origin:
    return Origin(f"values/{case.id}/{name}", step_dtype, tuple(names))


def _within_bound(
    store: Store,
    case: Case,
    steps: Steps,
    actual: Any,
    truths: Mapping[str, Truth],
    mode: Mode,
    step_dtype: StepDtype | None,
) -> Comparison:
    allowed = bounds.error_bound(case.schedule, steps, mode=mode, step_dtype=step_dtype)
    truth = _at(case, truths, steps)
    return compare.within_bound(case.schedule, steps, actual, truth, allowed, case=case.id, repeat=_repeat(store, case))


def _replays(
    store: Store, case: Case, steps: Steps, mode: Mode, step_dtype: StepDtype, array: bool, names: list[str]
) -> Iterator[NDArray[Any]]:
    """Yield the rates of TFA's formula in a mode: in eager mode once for each way to treat subnormals, in a graph mode once.

    Yields nothing in graph modes if all records among ``names`` come from CPUs that we cannot replay.
    """
    if mode == "eager":
        for flush in eager.FLUSHES:
            # In pieces, so that temporaries stay in the cache, which halves the time for 2**20 steps.
            pieces = np.split(steps, range(PIECE, len(steps), PIECE))
            replay = functools.partial(eager.evaluate, case.schedule, step_dtype=step_dtype, flush=flush)
            yield np.concatenate([replay(piece) for piece in pieces])
        return
    for name in names:
        record = store.records[name]
        if graphs.knows_cpu(record.provenance["cpu"]):
            major, minor = record.tensorflow.split(".")[:2]
            yield graphs.evaluate(
                case.schedule, steps, mode=mode, tensorflow=(int(major), int(minor)), array=array, step_dtype=step_dtype
            )
            return


def _subject(mode: Mode) -> str:
    return "tfa_arithmetic" if mode == "eager" else "tfa_graphs"


@dataclasses.dataclass(frozen=True)
class _Replayed:
    """The replay of one recorded array; ``comparison`` is None if its CPU cannot be replayed."""

    comparison: Comparison | None
    flushed: bool = False


def _replayed(store: Store, cases: list[Case], mode: Mode, power: bool) -> Verdict:
    """Check that our copy of TFA's formula gives the recorded bits; with exp_range, that it is within the power budget."""
    by_id = {case.id: case for case in cases}
    found = [
        _replayed_file(store, case, mode, step_dtype, name, names, power)
        for (case_id, found_mode, step_dtype, name), names in store.files().items()
        if found_mode == mode and (case := by_id.get(case_id))
    ]
    return compare.verdict(
        _subject(mode) + (", exp_range" if power else ""),
        "record",
        mode,
        "power_budget" if power else "0 ULP",
        [one.comparison for one in found if one.comparison is not None],
        cases=len(cases),
        note=_notes(
            (sum(one.flushed for one in found), "files that match only if subnormal numbers become 0, as on TensorFlow"),
            (sum(one.comparison is None for one in found), f"files skipped, {_UNKNOWN_CPU}"),
            (
                sum(key[0] in by_id and key[1] == mode for key in store.digests()) if power else 0,
                "exp_range checksums skipped, since they contain TensorFlow's own pow",
            ),
        ),
    )


def _replayed_file(
    store: Store, case: Case, mode: Mode, step_dtype: StepDtype, name: str, names: list[str], power: bool
) -> _Replayed:
    steps, recorded = case.steps_for(mode, step_dtype), store.values(case.id, name)
    tried: list[NDArray[Any]] = []
    same = False
    for replay in _replays(store, case, steps, mode, step_dtype, case.call == "array", names):
        tried.append(replay)
        # ``np.array_equal`` takes subnormal float32 for equal on 32-bit ARM, whose vectors flush them.
        if same := not ulp.distance(replay, recorded).any():
            break
    if not tried:
        return _Replayed(None)
    actual = tried[-1] if same else tried[0]
    allowed = bounds.power_budget(case.schedule, steps) if power else 0.0
    comparison = compare.within_ulp(
        case.schedule, steps, actual, recorded, allowed, case=case.id, tier="record", repeat=_repeat(store, case)
    )
    comparison = dataclasses.replace(comparison, origin=_origin(case, step_dtype, name, names))
    return _Replayed(comparison, flushed=same and len(tried) > 1)


def _digests(store: Store, cases: list[Case], mode: Mode) -> Verdict:
    """Check that our copy of TFA's formula has the recorded checksums of the first 2**20 steps as one array."""
    by_id = {case.id: case for case in cases}
    wanted: dict[tuple[str, str], tuple[StepDtype, list[str]]] = {}
    for (case_id, found_mode, step_dtype, digest), names in store.digests().items():
        if case_id in by_id and found_mode == mode:
            # Steps below 2**20 are the same numbers as int64 and as float32, so a digest is replayed only once.
            wanted.setdefault((case_id, digest), (step_dtype, names))
    steps = np.arange(store.digest_steps)
    known: dict[tuple[str, str], _Checksums] = {}
    found = []
    for (case_id, digest), (step_dtype, names) in wanted.items():
        case = by_id[case_id]
        # Eager replays do not depend on the records, so the other digests of the case use the same replays.
        key = (case_id, step_dtype if mode == "eager" else digest)
        if key not in known:
            known[key] = _Checksums(_replays(store, case, steps, mode, step_dtype, True, names))
        found.append(_replayed_digest(store, case, digest, known[key], len(steps), step_dtype, names))
    return compare.verdict(
        f"{_subject(mode)}, digests",
        "record",
        mode,
        "sha256",
        [comparison for comparison in found if comparison is not None],
        cases=len(cases),
        note=_notes((found.count(None), f"checksums skipped, {_UNKNOWN_CPU}")),
    )


class _Checksums:
    """The checksums of replays; each is computed when it is first needed."""

    def __init__(self, replays: Iterator[NDArray[Any]]) -> None:
        self._replays = replays
        self.known: list[str] = []

    def __contains__(self, digest: str) -> bool:
        while digest not in self.known and (values := next(self._replays, None)) is not None:
            self.known.append(_sha256(values))
        return digest in self.known


def _replayed_digest(
    store: Store, case: Case, digest: str, checksums: _Checksums, steps: int, step_dtype: StepDtype, names: list[str]
) -> Comparison | None:
    """Return the comparison of one checksum, or None if its CPU cannot be replayed."""
    if digest in checksums:
        return Comparison(steps, 0.0, None, None)
    if not checksums.known:
        return None
    first = compare.Disagreement(
        case=case.id,
        policy=compare.policy_name(case.schedule),
        tier="record",
        step=0,
        cycle=1,
        phase=0.0,
        expected=f"sha256 {digest} over steps 0 .. {steps - 1} of {names[0]}",
        actual=f"sha256 {checksums.known[0]}",
        ulp=float("nan"),
        bound="0 ULP",
        repeat=_repeat(store, case),
    )
    return Comparison(steps, 0.0, None, first, origin=Origin(f"records/{names[0]}.json", step_dtype, tuple(names)))


def _notes(*counted: tuple[int, str]) -> str:
    return "; ".join(f"{text}: {count}" for count, text in counted if count)


def _sha256(values: object) -> str:
    array = np.asarray(values)
    return hashlib.sha256(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data).hexdigest()
