"""The plan of a schedule holds the numbers of its formula, each rounded once, and the end of its fast path."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

import clr_ref
from clr_ref import exact
from clr_ref.fast.plan import plan as plan_of
from tests.rates import assert_same_floats
from tests.schedules import BOUNDS, POLICIES, schedule_of


@pytest.mark.parametrize("step_size", [1, 937, 33.3, 2.5, 1e-3, 2.0**60, 2.0**61, 3e38])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_step_size_is_a_quotient_of_whole_numbers(step_size: float, dtype: Any) -> None:
    plan = plan_of(clr_ref.triangular(0, 1, step_size, dtype=dtype))
    assert Fraction(plan.p, 2**plan.shift) == Fraction(plan.schedule.step_size)
    assert plan.p % 2 == 1 or plan.shift == 0


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("step_size", [1, 937, 33.3])
def test_amplitude_and_slope_are_rounded_once(bounds: tuple[float, float], step_size: float) -> None:
    plan = plan_of(clr_ref.triangular(*bounds, step_size))
    amplitude = Fraction(plan.schedule.maximal_learning_rate) - Fraction(plan.schedule.initial_learning_rate)
    expected = [exact.round_to(number, "float64") for number in (amplitude, amplitude / plan.p)]
    assert_same_floats(["the amplitude", "the slope"].__getitem__, [plan.amplitude, plan.slope], expected, what="plan", of=plan)


@pytest.mark.parametrize(
    ("bounds", "cancels"),
    [((1e-4, 1e-2), False), ((0, 1), False), ((-0.1, -0.2), False), ((1e-2, 1e-4), True), ((-0.3, 0.7), True)],
)
def test_a_sum_cancels_where_the_rate_moves_towards_zero(bounds: tuple[float, float], cancels: bool) -> None:
    for policy in POLICIES:
        assert plan_of(schedule_of(policy, 10, *bounds)).cancels is cancels


def test_the_fast_path_ends_where_a_phase_leaves_2_to_the_51() -> None:
    """Only the policies of the paper in float32 have a fast path."""
    assert [plan_of(schedule_of(policy, 937)).last_fast_step for policy in POLICIES] == [2**51 - 2 * 937] * 3
    assert plan_of(schedule_of("triangular", 2.5)).last_fast_step == (2**51 - 10) // 2
    assert plan_of(schedule_of("triangular", 2.0**50)).last_fast_step == -1
    for other in (
        schedule_of("triangular", 937, dtype="float64"),
        clr_ref.exp_range(0, 1, 937, gamma=1.1),
        clr_ref.CyclicalLearningRate(0, 1, 937, "triangular2", "iterations"),
        clr_ref.CyclicalLearningRate(0, 1, 937, lambda x: 1.0),
    ):
        assert plan_of(other).last_fast_step == -1


@pytest.mark.parametrize("sizes", [(3, 7), (7, 0.75), (33.3, 1e6), (2.0**30, 5)])
def test_an_asymmetric_cycle_has_two_lengths_and_slopes_in_one_unit(sizes: tuple[float, float]) -> None:
    plan = plan_of(clr_ref.triangular(1e-4, 1e-2, sizes[0], step_size_down=sizes[1]))
    schedule, unit = plan.schedule, Fraction(1, 2**plan.shift)
    assert (plan.p * unit, plan.fall * unit) == (Fraction(schedule.step_size), Fraction(schedule.fall))
    assert plan.p % 2 or plan.fall % 2 or plan.shift == 0
    amplitude = Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)
    assert [plan.slope, plan.fall_slope] == [exact.round_to(amplitude / length, "float64") for length in (plan.p, plan.fall)]
    assert (plan.period, plan.is_symmetric) == (plan.p + plan.fall, False)
    assert plan.last_fast_step == (2**51 - plan.period) // 2**plan.shift
    assert not plan_of(clr_ref.triangular(0, 1, 2.0**61, step_size_down=2.0**61)).regular
    assert plan_of(clr_ref.triangular(0, 1, 2.0**61, step_size_down=2.0**60)).regular


def test_float64_arithmetic_is_not_trusted_with_extreme_numbers() -> None:
    """Cycles that leave int64 are evaluated exactly, as are float64 bounds that leave no room for error terms."""
    assert plan_of(clr_ref.triangular(0, 1, 2.0**60)).regular
    assert not plan_of(clr_ref.triangular(0, 1, 2.0**61)).regular
    assert plan_of(clr_ref.triangular(1e-20, 1, 33.3, dtype="float64")).regular
    assert not plan_of(clr_ref.triangular(1e-300, 1, 33.3, dtype="float64")).regular
