"""What docs/RECORD.md tells about the recorded rates: distances from exact rates, between modes, and between releases."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import compare
from clr_ref.exact import ulp
from clr_ref.golden.store import Case, Entry, Record, Store
from clr_ref.parameters import Parameters
from clr_ref.tfa.eager import MODES, Mode

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, order=True)
class Apart:
    """The largest distance of two arrays of rates in ULP, and the error there divided by the larger bound."""

    ulps: float
    relative: float

    def __str__(self) -> str:
        return f"{self.ulps:,.0f} ({compare.percent(self.relative)})" if self.ulps else "0"


def apart(schedule: Parameters, actual: Any, expected: Any) -> Apart:
    """Return the largest distance of two arrays of rates of a schedule."""
    ulps = np.abs(ulp.distance(actual, expected))
    index = int(np.argmax(ulps))
    with np.errstate(invalid="ignore"):
        error = abs(float(actual[index]) - float(expected[index]))
    return Apart(float(ulps[index]), compare.relative(schedule, error))


@dataclasses.dataclass(frozen=True, eq=False)
class Drift:
    """The distances ``ulps`` of one mode's recorded rates from the exact rate, at ``steps``; both 1-D, of many cases.

    ``relatives`` are the errors, each divided by the larger bound of its schedule.
    """

    mode: Mode
    steps: NDArray[np.int64]
    ulps: NDArray[np.float64]
    relatives: NDArray[np.float64]

    def within(self, chosen: NDArray[np.bool_]) -> Apart | None:
        """Return the largest of the chosen distances, or None if none is chosen."""
        inside = np.flatnonzero(chosen)
        if not len(inside):
            return None
        index = inside[np.argmax(self.ulps[inside])]
        return Apart(float(self.ulps[index]), float(self.relatives[index]))


def drift(store: Store) -> list[Drift]:
    """For each mode that has any, the distance of every recorded float32 rate of the triangular family from the exact rate."""
    drifts = []
    for mode in MODES:
        if parts := [part for case in plain_cases(store) for part in _distances(store, case, mode)]:
            drifts.append(Drift(mode, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True))))
    return drifts


def plain_cases(store: Store) -> list[Case]:
    """The float32 cases of the triangular family with usual bounds."""
    return [
        case
        for case in store.cases.values()
        if case.dtype == "float32" and case.policy != "exp_range" and "bounds" not in case.flags
    ]


def _distances(
    store: Store, case: Case, mode: Mode
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]]:
    for case_id, recorded_mode, step_dtype, name in store.files():
        if (case_id, recorded_mode) == (case.id, mode):
            steps, values = case.steps_for(mode, step_dtype), store.values(case_id, name)
            expected = case.schedule(steps)  # correctly rounded, which `clr-ref verify` checks
            errors = np.abs(values.astype(np.float64) - expected.astype(np.float64))
            yield steps, np.abs(ulp.distance(values, expected)), errors * compare.relative(case.schedule, 1.0)


@dataclasses.dataclass(frozen=True)
class Change:
    """What changed in a mode from one pair to the next: cases with other values, and cases with other digests only."""

    before: str
    after: str
    mode: Mode
    values: Mapping[str, Apart]
    digests: tuple[str, ...]


def changes(store: Store) -> list[Change]:
    """All changes between successive pairs that ran, in the order of the store."""
    records = [record for record in store.records.values() if record.error is None]
    found = [_change(store, before, after, mode) for before, after in itertools.pairwise(records) for mode in MODES]
    return [change for change in found if change.values or change.digests]


def _change(store: Store, before: Record, after: Record, mode: Mode) -> Change:
    old = {(e.case, e.step_dtype): e for e in before.entries if e.mode == mode}
    values: dict[str, Apart] = {}
    digests = set()
    for entry in after.entries:
        other = old.get((entry.case, entry.step_dtype))
        if entry.mode != mode or other is None or entry.error or other.error:
            continue
        if entry.values != other.values:
            distance = _apart(store, entry, other)
            values[entry.case] = max(values.get(entry.case, distance), distance)
        elif entry.digest != other.digest:
            digests.add(entry.case)
    return Change(before.name, after.name, mode, values, tuple(sorted(digests - set(values))))


def from_eager(store: Store) -> dict[tuple[str, Mode], tuple[Apart, str]]:
    """By case and graph mode, the largest distance from eager mode, and the first record that has it."""
    found = {(case, mode): (Apart(0.0, 0.0), "") for case in store.cases for mode in MODES[1:]}
    step_dtypes: tuple[Literal["float32", "int64"], ...] = ("float32", "int64")
    known = set()  # most records have the rates of another one
    for record in store.records.values():
        entries = {(e.case, e.mode, e.step_dtype): e for e in record.entries if e.values is not None}
        for (case, mode), step_dtype in itertools.product(found, step_dtypes):
            graph, eager = entries.get((case, mode, step_dtype)), entries.get((case, "eager", step_dtype))
            if graph is None or eager is None or (case, graph.values, eager.values) in known:
                continue
            known.add((case, graph.values, eager.values))
            distance = _apart(store, graph, eager)
            if distance.ulps > found[case, mode][0].ulps:
                found[case, mode] = distance, record.name
    return found


def in_arrays(store: Store) -> dict[tuple[Mode, str], tuple[int, int]]:
    """By mode and kind of policy, the steps whose rate differs if an array of steps is given, and the steps compared."""
    found: dict[tuple[Mode, str], tuple[int, int]] = {}
    for record in store.records.values():
        for entry in record.entries:
            case = store.cases[entry.case]
            if entry.differs_in_array is None or case.call != "scalar":
                continue
            key = entry.mode, "exp_range" if case.policy == "exp_range" else "triangular family"
            differing, compared = found.get(key, (0, 0))
            found[key] = differing + entry.differs_in_array, compared + int(np.sum(case.steps < store.digest_steps))
    return found


def _apart(store: Store, one: Entry, other: Entry) -> Apart:
    assert one.values is not None
    assert other.values is not None
    values = (store.values(one.case, one.values), store.values(other.case, other.values))
    return apart(store.cases[one.case].schedule, *values)
