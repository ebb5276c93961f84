"""The midpoint test of arrays finds every float64 value that may be rounded to two float32, and hardly any other."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import exact
from clr_ref.exact import ulp
from clr_ref.fast import general, one_step, settle
from clr_ref.fast.plan import U, plan as plan_of
from tests import midpoints
from tests.rates import assert_same_rates, exact_rates, place
from tests.schedules import POLICIES, schedule_of

FINE = midpoints.FINE_STEP_SIZE
#: Normal and subnormal rates, rates above an initial one, and sums that cancel.
NEAR_MIDPOINTS = [
    *(clr_ref.triangular(0.0, amplitude, FINE) for amplitude in midpoints.AMPLITUDES),
    clr_ref.triangular(0.5, 1.0, FINE / 2),
    clr_ref.triangular(-0.5, 0.5, FINE),
    clr_ref.triangular(0.5, -0.5, FINE),
]
IDS = [f"{one.initial_learning_rate:g} to {one.maximal_learning_rate:g}" for one in NEAR_MIDPOINTS]


def fill(schedule: clr_ref.CyclicalLearningRate, steps: Any) -> tuple[Any, set[int]]:
    """The rates of float64 arithmetic, and the steps that it leaves undecided."""
    out = np.empty(len(steps), np.float32)
    with np.errstate(all="ignore"):
        undecided = general._fill_float32(plan_of(schedule), np.array(steps, np.int64), out)
    return out, {int(steps[index]) for index in undecided}


def fail(schedule: clr_ref.CyclicalLearningRate, step: int, midpoint: Fraction, what: str) -> None:
    __tracebackhide__ = True
    rate, beside = np.float64(schedule.exact(step)), np.float64(midpoint)
    lines = [
        f"midpoint test of arrays: {what} at {place(schedule, step)}",
        f"  float64   {ulp.show(rate)}",
        f"  midpoint  {ulp.show(beside)}, {ulp.distance(rate, beside):+.0f} ULP of float64 away",
        f"  {schedule!r}",
    ]
    pytest.fail("\n".join(lines))


@pytest.mark.parametrize("schedule", NEAR_MIDPOINTS, ids=IDS)
def test_float64_within_its_error_of_a_midpoint_is_undecided(schedule: clr_ref.CyclicalLearningRate) -> None:
    """Values at each midpoint, just below and just above it are undecided, alone and in one array."""
    plan = plan_of(schedule)
    around = midpoints.steps_around(schedule, range(-6, 7))
    _, together = fill(schedule, [step for step, _ in around])
    count = 0
    for step, midpoint in around:
        rate = schedule.exact(step)
        assert isinstance(rate, Fraction)
        error = Fraction(U) * (plan.roundings * abs(rate - Fraction(plan.initial)) + abs(rate))
        if abs(rate - midpoint) <= error:
            count += 1
            _, alone = fill(schedule, [step])
            if step not in together or step not in alone:
                fail(schedule, step, midpoint, "taken for decided")
    assert count >= len(around) / 13  # the midpoints themselves


@pytest.mark.parametrize("schedule", NEAR_MIDPOINTS, ids=IDS)
def test_float64_beyond_its_error_from_a_midpoint_is_decided_and_right(schedule: clr_ref.CyclicalLearningRate) -> None:
    plan = plan_of(schedule)
    around = midpoints.steps_around(schedule, range(-60, 61, 3))
    steps = [step for step, _ in around]
    rates, undecided = fill(schedule, steps)
    for step, midpoint in around:
        rate = schedule.exact(step)
        assert isinstance(rate, Fraction)
        error = 2 * Fraction(U) * (plan.roundings * (abs(rate) + abs(Fraction(plan.initial))) + 2 * abs(rate))
        # The absolute term of 2**-1000 is far below a tenth of any of these.
        if abs(rate - midpoint) > error * Fraction(11, 10) and step in undecided:
            fail(schedule, step, midpoint, "taken for undecided")
    decided = [index for index, step in enumerate(steps) if step not in undecided]
    assert len(decided) > len(steps) / 2
    chosen = [steps[index] for index in decided]
    assert_same_rates(
        schedule, chosen, rates[decided], exact_rates(schedule, chosen), arithmetic="float64 arithmetic of arrays"
    )


def assert_arrays_are_rounded_once(schedule: clr_ref.CyclicalLearningRate, steps: list[int]) -> None:
    """Compare with the exact rates an array of all steps, arrays of one step, and ranges of one step."""
    __tracebackhide__ = True
    expected = exact_rates(schedule, steps)
    assert_same_rates(schedule, steps, schedule(np.array(steps)), expected, arithmetic="arithmetic of arrays")
    alone = np.concatenate([schedule(np.array([step])) for step in steps])
    assert_same_rates(schedule, steps, alone, expected, arithmetic="arithmetic of arrays of one step")
    ranges = np.concatenate([schedule.values(step, step + 1) for step in steps])
    assert_same_rates(schedule, steps, ranges, expected, arithmetic="arithmetic of ranges")


@pytest.mark.parametrize("step_size", [midpoints.FAST_STEP_SIZE, FINE], ids=["fast path", "general path"])
@pytest.mark.parametrize("amplitude", midpoints.AMPLITUDES)
@pytest.mark.parametrize("policy", ["triangular", "triangular2"])
def test_rates_around_every_kind_of_midpoint(policy: str, amplitude: float, step_size: float) -> None:
    """Midpoints of normal and subnormal float32, also on both sides of a power of two, are rounded once."""
    schedule = schedule_of(policy, step_size, 0.0, amplitude)
    assert_arrays_are_rounded_once(schedule, [step for step, _ in midpoints.steps_around(schedule, range(-3, 4))])


def test_near_midpoints_exist_on_both_sides() -> None:
    found = list(midpoints.near_midpoints())
    assert {side for *_, side in found} == {1, -1}
    assert len(found) >= 10
    for schedule, step, side in found:
        rate = schedule.exact(step)
        assert isinstance(rate, Fraction)
        near = Fraction(float(rate))
        assert (near * 2**60).denominator == 1  # the nearest float64 is the midpoint itself
        assert 0 < side * (rate - near) < near / 2**60


@pytest.mark.parametrize(
    "near",
    [midpoints.near_midpoints, midpoints.near_midpoints_of_triangular2, midpoints.near_midpoints_of_exp_range],
    ids=POLICIES,
)
def test_near_midpoints_are_rounded_to_their_side(near: Any) -> None:
    """A rounding to float64 and one to float32 get some of these wrong; so would any float64 formula."""
    rounded_twice_is_wrong = 0
    for schedule, step, _ in near():
        rate = schedule.exact(step)
        rounded_twice_is_wrong += np.float32(float(rate)) != exact.round_to(rate, "float32")
        assert_arrays_are_rounded_once(schedule, [step])
    assert rounded_twice_is_wrong >= 3


def test_near_midpoints_of_subnormals() -> None:
    sides = set()
    for schedule, step, midpoint, expected in midpoints.near_midpoints_of_subnormals():
        assert exact_rates(schedule, [step]) == np.float32(expected)
        assert_arrays_are_rounded_once(schedule, [step])
        up = float(np.float32(midpoint)) > midpoint  # ties go to even: up for some midpoints, down for others
        sides.add((expected > midpoint, up))
    assert {above for above, up in sides if up != above} == {True, False}


def test_ties_go_to_even() -> None:
    schedule = clr_ref.triangular(0.0, 1.0, 2**26)
    steps = np.array([2**25 + 2, 2**25 + 6, 2**25 + 10])  # two bits more than float32 holds, the upper one set
    assert schedule(steps).tolist() == [0.5, (2**25 + 8) / 2**26, (2**25 + 8) / 2**26]


@pytest.fixture
def exactly_computed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls of the exact arithmetic, which decides the roundings that float64 cannot decide."""
    calls: list[Any] = []
    original = exact.rounded
    monkeypatch.setattr(exact, "rounded", lambda *a: calls.append(a) or original(*a))
    return calls


@pytest.mark.parametrize("policy", POLICIES)
def test_hardly_any_step_needs_the_exact_arithmetic(policy: str, exactly_computed: list[Any]) -> None:
    schedule_of(policy, 99_991)(np.arange(0, 3_000_000, 3))
    assert len(exactly_computed) <= 3


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1), (1e-2, 1e-4)])
@pytest.mark.parametrize("policy", POLICIES)
def test_hardly_any_step_needs_the_careful_path(
    policy: str, bounds: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = one_step.one_rate
    monkeypatch.setattr(one_step, "one_rate", lambda *a: calls.append(a) or original(*a))
    schedule_of(policy, 99_991, *bounds)(np.arange(0, 1_000_000, 3))
    assert len(calls) <= 3


@pytest.mark.parametrize("bounds", [(-0.3, 0.7), (0.5, 0.0), (0.9, 1e-7)])
def test_cancelling_schedules_hardly_need_the_exact_arithmetic(
    bounds: tuple[float, float], exactly_computed: list[Any]
) -> None:
    """Near a rate of 0 between bounds of both signs the error is large against the rate; the ends of its interval decide it."""
    schedule = clr_ref.triangular(*bounds, 99_991)
    rates = schedule(np.arange(200_000))
    assert len(exactly_computed) <= 20
    steps = np.array([0, 1, 29_997, 29_998, 99_990, 99_991, 199_981])
    assert_same_rates(schedule, steps, rates[steps], exact_rates(schedule, steps), arithmetic="arithmetic of arrays")


@pytest.mark.parametrize("bounds", [(low, high) for low in (-0.0, 0.0) for high in (1.0, -1.0)])
def test_zeros_of_ranges_are_positive(bounds: tuple[float, float]) -> None:
    tiny = clr_ref.CyclicalLearningRate(*bounds, 3, lambda x: -1e-60)
    for schedule in (clr_ref.triangular2(*bounds, 3), clr_ref.exp_range(*bounds, 3, gamma=0.5), tiny):
        assert not np.signbit(schedule.values(3000, 3010)).any()
        assert not np.signbit(schedule(np.arange(3000, 3010))).any()


def looked_at(schedule: clr_ref.CyclicalLearningRate, near: Any, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The indices of the float64 rates whose intervals are computed, since their low bits are beside those of a midpoint."""
    found: set[int] = set()
    original = settle._undecided
    monkeypatch.setattr(settle, "_undecided", lambda plan, near, indices, *more: found.update(indices.tolist()) or ())
    plan = plan_of(schedule)
    settle.round_to_float32(plan, near, np.empty(len(near), np.uint32), plan.roundings, np.empty(len(near), np.float32))
    monkeypatch.setattr(settle, "_undecided", original)
    return found


@pytest.mark.parametrize(("low", "high", "units"), [(0.25, 1.0, 5), (1.0, 0.25, 5 * 32), (0.0, 1.0, 5)])
def test_only_intervals_beside_a_midpoint_are_computed(
    low: float, high: float, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 3 + 2 units of the last place, and within 32 times as many where the sum may cancel."""
    schedule = clr_ref.triangular(low, high, 1000)
    assert plan_of(schedule).roundings == 3
    offsets = np.arange(-200, 201)
    for start in (0.5, 0.75, 1 - 2.0**-24):
        near = start + 2.0**-25 + offsets * 2.0**-53
        found = looked_at(schedule, near, monkeypatch)
        assert {int(offsets[index]) for index in found} == set(range(-units, units + 1)), start
    assert looked_at(schedule, np.array([0.5]), monkeypatch) == set()


def test_small_rates_are_looked_at_where_a_sum_cancels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 4 / 158 of the largest rate and the initial rate together, 32 times the width may be too little."""
    schedule = clr_ref.triangular(-0.5, 0.5, 1000)
    limit = (3 + 1) * (0.5 + 0.5) / (32 * 5 - 2)
    near = np.array([0.5, -0.5, limit * (1 - 1e-9), -limit * (1 - 1e-9), limit * (1 + 1e-9), -limit * (1 + 1e-9)])
    assert looked_at(schedule, near, monkeypatch) == {2, 3}
    tiny = np.array([2.0**-126 * (1 - 2.0**-20), 2.0**-126, 0.0])
    assert looked_at(clr_ref.triangular(0.0, 1e-36, 1000), tiny, monkeypatch) == {0}
