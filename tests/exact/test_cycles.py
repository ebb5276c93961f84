"""Ends and peaks of cycles are the whole steps that exact rates choose among the two next to them."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

import clr_ref
from clr_ref.exact import cycles, enclosures
from tests.policies.test_policies import Sine
from tests.strategies import asymmetric


def distance(schedule: Any, step: int) -> Fraction:
    """The distance of the exact rate from the initial rate, to 4,000 bits where it is not rational."""
    for low, high in enclosures(schedule, step):
        if low == high or abs(high - low) < Fraction(1, 2**4000):
            return abs(low - Fraction(schedule.initial_learning_rate))
    raise AssertionError


def by_brute_force(schedule: Any, stop: int, *, is_peak: bool) -> list[int]:
    """Every end or peak one by one, each at the floor or the ceiling of its moment."""
    rise, fall = Fraction(schedule.step_size), Fraction(schedule.fall)
    moment, found = (rise if is_peak else rise + fall), set()
    while moment < stop:
        near = [math.floor(moment), math.ceil(moment)]
        choose = max if is_peak else min
        found.add(choose(near, key=lambda step: distance(schedule, step)))  # the first of equal ones
        moment += rise + fall
    return sorted(found - {stop})


def schedules(sizes: Any) -> st.SearchStrategy[Any]:
    bounds = st.sampled_from([0.0, 1e-4, 0.1, -0.2, 1.0])

    def made(kind: Any, low: float, high: float, size: float, down: float | None) -> Any:
        return clr_ref.CyclicalLearningRate(low, high, size, *kind, step_size_down=down)

    kinds = [
        (clr_ref.policies.Triangular(),),
        (clr_ref.policies.Triangular2(),),
        (clr_ref.policies.Triangular2(), "iterations"),
        (clr_ref.policies.ExpRange(0.9), "iterations"),
        (clr_ref.policies.ExpRange(1.5), "cycle"),
        (Sine(1.0),),
        (lambda cycle: math.cos(cycle),),
        (lambda step: -1 / (1 + step), "iterations"),
    ]
    return st.builds(made, st.sampled_from(kinds), bounds, bounds, sizes, st.none() | sizes)


FRACTIONAL = st.sampled_from([1.25, 2.5, 3.3, 7.75, 0.5, 1 / 3, 33.3, 0.7, 5.0, 0.125])


@given(schedules(FRACTIONAL), st.integers(0, 60), st.integers(0, 60))
@example(clr_ref.triangular(0.0, 1.0, 1.25), 40, 0)  # 2.5 is as near to 2 as to 3: the earlier one
@example(clr_ref.triangular(0.0, 1.0, 0.125), 12, 0)
def test_fractional_sizes(schedule: Any, stop: int, start: int) -> None:
    stop += start
    ends, peaks = (by_brute_force(schedule, stop + 1, is_peak=is_peak) for is_peak in (False, True))
    assert schedule.cycle_ends(stop).tolist() == [step for step in ends if step < stop]
    assert schedule.peaks(stop).tolist() == [step for step in peaks if step < stop]
    assert schedule.cycle_ends(stop, start=start).tolist() == [step for step in ends if start <= step < stop]
    assert schedule.peaks(stop, start=start).tolist() == [step for step in peaks if start <= step < stop]


def test_ties_are_decided_for_the_earlier_step() -> None:
    assert clr_ref.triangular(0.0, 1.0, 1.25).cycle_ends(12).tolist() == [2, 5, 7, 10]
    assert clr_ref.triangular(0.0, 1.0, 2.5).peaks(12).tolist() == [2, 7]
    # The scale of the next cycle is a half, so the later step is nearer.
    assert clr_ref.triangular2(0.0, 1.0, 1.25).cycle_ends(12).tolist() == [3, 5, 8, 10]


@given(schedules(st.sampled_from([1, 2, 7, 937])), st.integers(0, 5000), st.integers(0, 5000))
def test_whole_sizes(schedule: Any, stop: int, start: int) -> None:
    rise, period = int(schedule.step_size), int(schedule.step_size + schedule.fall)
    stop += start
    assert schedule.cycle_ends(stop, start=start).tolist() == [t for t in range(period, stop, period) if t >= start]
    assert schedule.peaks(stop, start=start).tolist() == [t for t in range(rise, stop, period) if t >= start]


def test_numbers_of_cycles() -> None:
    steps, numbers = clr_ref.triangular(0.0, 1.0, 0.125)._numbered_ends(1, 4)
    assert [steps.tolist(), numbers.tolist()] == [[1, 2, 3], [4, 8, 12]]  # the ends between two steps are at the earlier one
    steps, numbers = clr_ref.triangular(0.0, 1.0, 0.1875)._numbered_ends(0, 4)
    assert [steps.tolist(), numbers.tolist()] == [[0, 1, 3], [1, 3, 6]]  # cycle 8 ends at step 3 too
    for size in (5, 2.6):
        schedule = clr_ref.triangular(0.0, 1.0, size)
        for found, first in ((schedule._numbered_ends, 1), (schedule._numbered_peaks, 1)):
            steps, numbers = found(0, 100)
            assert numbers.tolist() == list(range(first, first + len(steps)))
            later = found(int(steps[4]), 100)
            assert [part.tolist() for part in later] == [steps[4:].tolist(), numbers[4:].tolist()]


def test_sizes_of_an_interval() -> None:
    """An interval around 0 holds 0, whatever its ends are."""
    assert cycles._absolute(Fraction(-1), Fraction(2)) == (0, 2)
    assert cycles._absolute(Fraction(-1), Fraction(-2)) == (1, 2)


@given(asymmetric(), st.integers(0, 2**63 - 1))
def test_the_whole_domain(schedule: Any, start: int) -> None:
    """The first few from any step on are increasing, are int64, and come quickly."""
    period = Fraction(schedule.step_size) + Fraction(schedule.fall)
    stop = min(start + min(max(int(3 * period), 3), 2**62), 2**63)
    for found in (schedule.cycle_ends(stop, start=start), schedule.peaks(stop, start=start)):
        assert found.dtype == np.int64
        assert all(start <= step < stop for step in found.tolist())
        assert (np.diff(found) > 0).all()
        assert len(found) <= 8


def test_the_ends_of_the_domain() -> None:
    schedule = clr_ref.triangular(0.0, 1.0, 2**62)
    assert schedule.cycle_ends(2**63).tolist() == []
    assert schedule.peaks(2**63).tolist() == [2**62]
    assert clr_ref.triangular(0.0, 1.0, 1).cycle_ends(2**63, start=2**63 - 3).tolist() == [2**63 - 2]
    for wrong in (-1, 2.5, 2**63 + 1):
        with pytest.raises(ValueError, match="stop must be a whole number 0"):
            schedule.cycle_ends(wrong)
    with pytest.raises(ValueError, match="stop must be at least start, got start=5, stop=4"):
        schedule.peaks(4, start=5)


def test_tiny_cycles_are_not_counted_one_by_one() -> None:
    """Within a step lie 2**130 cycles."""
    schedule = clr_ref.triangular2(0.0, 1.0, 3e-40, step_size_down=1e-40)
    found = schedule.cycle_ends(50)
    assert (np.diff(found) > 0).all()
    assert len(found) > 5


def test_whole_cycles_are_counted_without_fractions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one, millions of them would take minutes."""
    monkeypatch.setattr(cycles, "_between", None)
    found = clr_ref.triangular2(1e-4, 1e-2, 1).cycle_ends(6_000_001)
    assert (len(found), found[-1]) == (3_000_000, 6_000_000)


def test_compositions_have_those_of_the_schedule_inside() -> None:
    schedule = clr_ref.triangular(0.0, 1.0, 5)
    warm, counting = clr_ref.WarmUp(schedule, 7), clr_ref.WarmUp(schedule, 10, counts_warm_up=True)
    later, sooner = clr_ref.Shifted(schedule, -3), clr_ref.Shifted(schedule, 10)
    cool = clr_ref.CoolDown(schedule, 20, 10, 0.0)
    both = clr_ref.CoolDown(warm, 27, 10, 0.0)
    for made, ends, peaks in (
        (warm, [17, 27, 37], [12, 22, 32]),
        (counting, [10, 20, 30], [15, 25, 35]),
        (later, [13, 23, 33], [8, 18, 28, 38]),
        (sooner, [0, 10, 20, 30], [5, 15, 25, 35]),
        (cool, [10, 20], [5, 15]),
        (both, [17, 27], [12, 22]),
        (clr_ref.CoolDown(schedule, 20, 0, 0.0), [10], [5, 15]),
    ):
        assert made.cycle_ends(40).tolist() == ends
        assert made.peaks(40).tolist() == peaks
        assert made.cycle_ends(30, start=17).tolist() == [step for step in ends if 17 <= step < 30]
        assert made.cycle_ends(3).tolist() == [step for step in ends if step < 3]
        assert made.cycle_ends(2**63, start=2**63 - 1).dtype == np.int64
    assert sooner._numbered_ends(0, 40)[1].tolist() == [1, 2, 3, 4]
    assert sooner._numbered_ends(3, 40)[1].tolist() == [2, 3, 4]
    assert warm._numbered_ends(0, 40)[1].tolist() == [1, 2, 3]
