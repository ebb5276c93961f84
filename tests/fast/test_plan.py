"""The plan of a schedule holds the numbers of its formula, each rounded once, and the end of its fast path."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import exact
from clr_ref.fast import arrays, general, ranges
from clr_ref.fast.plan import LARGEST, SMALLEST_NORMAL, SPAN, U, plan as plan_of, twice_the_error
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


@pytest.mark.parametrize(
    ("roundings", "product", "near", "units"), [(3, 1.0, 0.0, 6), (5, 1.0, 0.0, 10), (3, 0.0, 1.0, 4), (3, 2.0, 5.0, 32)]
)
def test_twice_the_error(roundings: int, product: float, near: float, units: int) -> None:
    """2 * (roundings * product + 2 * near) units, and 2**-1000."""
    assert twice_the_error(roundings, product, near) == units * 2.0**-53
    assert twice_the_error(roundings, product * 2.0**-970, near * 2.0**-970) == units * 2.0**-1023 + 2.0**-1000
    assert twice_the_error(roundings, product * 2.0**-947, near * 2.0**-947) == (units + 1) * 2.0**-1000


def test_how_many_roundings_a_product_suffers() -> None:
    """Three, one more for the result of a function, and two more for each of six tables of powers."""
    assert [plan_of(schedule_of(policy, 10)).roundings for policy in POLICIES] == [3, 3, 3 + 2 * 6]
    assert plan_of(clr_ref.CyclicalLearningRate(0, 1, 10, lambda x: 1.0)).roundings == 4
    assert plan_of(clr_ref.exp_range(0, 1, 10, gamma=1)).roundings == 3


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize(("exponent", "regular"), [(-100, False), (-99, True), (99, True), (100, False)])
def test_bounds_of_float64_lie_inside_2_to_the_100th(exponent: int, regular: bool, bounds: tuple[float, float]) -> None:
    low, high = (bound * 2.0**exponent for bound in bounds)
    assert plan_of(clr_ref.triangular(low, high, 10, dtype="float64")).regular is regular


@pytest.mark.parametrize(("step_size", "regular"), [(2**53 - 1, True), (2**53, False), (2.0**-99, True), (2.0**-100, False)])
def test_step_sizes_of_float64_are_below_2_to_the_53rd(step_size: float, regular: bool) -> None:
    assert plan_of(clr_ref.triangular(0, 1, step_size, dtype="float64")).regular is regular


@pytest.mark.parametrize(("dtype", "span"), [("float32", 400), ("float64", 900)])
def test_powers_of_two_are_held_at_the_span(dtype: str, span: int) -> None:
    assert SPAN[dtype] == span
    cycles = np.array([1, 2, span, span + 1, span + 2, 2**62])
    assert general._halved(cycles, span).tolist() == [1.0, 0.5, 2.0 ** (1 - span), *[2.0**-span] * 3]
    assert ranges._halved(399) == 2.0**-399
    assert ranges._halved(400) == ranges._halved(401) == 2.0**-400


def test_the_limits_of_normal_float32() -> None:
    assert (SMALLEST_NORMAL, LARGEST) == (2.0**-126, (2 - 2.0**-23) * 2.0**127)


@dataclasses.dataclass(frozen=True)
class Rounded:
    """A step whose float64 rate is off by at least ``share`` of the error that its path allows.

    The range begins at ``first``; without it, the step is computed alone.
    """

    path: Any
    schedule: clr_ref.CyclicalLearningRate
    step: int
    share: float
    first: int | None = None


#: The sum is exact in all that begin at 0, so that the slope and the product remain: 2 roundings of 3 + 1. With an m of more
#: than 53 bits they are 3. Powers of gamma suffer fewer roundings than the 12 that are allowed for six tables, since most take
#: two tables, or have factors just below 1, where an ULP is 2**-53. An ``exp2`` and its argument may err more on another CPU.
ROUNDED = [
    Rounded(general, clr_ref.triangular(0.06452824, 0.065016404, 893563), 18_845_283_490, 0.96),
    Rounded(general, clr_ref.triangular(0.0, 0.90414584, 940248), 169_250_412_365, 0.49),
    Rounded(general, clr_ref.triangular(0.0, 0.38700566, 1.1034001e17), 846_511_210_892_157_116, 0.72),
    Rounded(general, clr_ref.triangular2(0.06255189, 0.7462959, 113767), 910_279, 0.99),
    Rounded(general, clr_ref.triangular2(0.0, 0.48839626, 510477), 4_839_576, 0.48),
    Rounded(general, clr_ref.exp_range(0.0, 0.8544911, 42, gamma=0.9999286811937257), 193_899, 0.26),
    Rounded(general, clr_ref.exp_range(0.0, 0.60595614, 394, gamma=0.9999999999999999), 198_823_392_229_443_875, 0.35),
    Rounded(arrays, clr_ref.triangular(0.06295313, 0.099548824, 60245), 854_720_635_823, 0.98),
    Rounded(arrays, clr_ref.triangular(0.0, 0.45730323, 948103), 572_166_854_356, 0.49),
    Rounded(arrays, clr_ref.exp_range(0.0, 0.54748726, 617, gamma=0.9999559743821694), 427_856, 0.1),
    Rounded(ranges, clr_ref.triangular(0.06325533, 0.061886497, 679692), 415_354_197_717, 0.98, 415_354_195_608),
    Rounded(ranges, clr_ref.triangular(0.0, 0.8318944, 54345), 826_951_774_740, 0.48, 826_951_773_626),
    Rounded(ranges, clr_ref.triangular(0.0, 0.14215523, 581.9404), 931_188_455_239, 0.49, 931_188_453_050),
    Rounded(ranges, clr_ref.exp_range(0.0, 0.7501299, 373, gamma=0.9918161401756675), 1217, 0.18, 425),
]


@pytest.mark.parametrize("case", ROUNDED, ids=lambda case: f"{case.path.__name__.rpartition('.')[2]} {case.step}")
def test_the_allowed_error_of_a_float64_rate_is_nearly_reached(case: Rounded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is at most U * (roundings * |product| + |rate|), where ``settle`` finds the roundings that it cannot decide."""
    plan, seen = plan_of(case.schedule), []

    def caught(plan: Any, near: Any, words: Any, roundings: int, out: Any) -> Any:
        seen.append((near.copy(), roundings))
        return ()

    monkeypatch.setattr(case.path, "round_to_float32", caught)
    if case.first is not None:
        case.schedule.values(case.first, case.first + 4000)
    elif case.path is general:
        general._fill_float32(plan, np.array([case.step], np.int64), np.empty(1, np.float32))
    else:
        case.schedule(np.array([case.step]))
    ((near, roundings),) = seen
    found = Fraction(float(near[case.step - (case.step if case.first is None else case.first)]))
    rate, _ = next(exact.enclosures(case.schedule, case.step))
    allowed = Fraction(U) * (roundings * abs(rate - Fraction(plan.initial)) + abs(found))
    assert case.share < abs(found - rate) / allowed <= 1
