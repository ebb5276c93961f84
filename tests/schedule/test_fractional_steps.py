"""Steps that are no whole numbers: their rates are rounded once too, alone and beside whole ones."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, strategies as st

import clr_ref
from clr_ref import exact
from clr_ref.exact.power import root_power
from tests.rates import assert_same_floats
from tests.schedules import POLICIES, schedule_of
from tests.strategies import asymmetric

#: Below float64's 53 bits there are fractions up to 2**52.
MOMENTS = st.one_of(st.floats(0, 300), st.floats(0, 2.0**53), st.sampled_from([5e-324, 0.5, 2.5, 2.0**52 - 0.5, 1 - 2.0**-53]))
#: The precision of the rates that mpmath computes, in bits, and of their comparison with the exact ones.
PRECISION, CLOSE = 4000, 200


def by_mpmath(schedule: clr_ref.CyclicalLearningRate, t: float) -> Any:
    """The formula of SPEC, as it stands there, for a real t, in the present precision of mpmath."""
    numbers = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size, schedule.fall)
    low, high, rise, fall = map(mpmath.mpf, numbers)
    cycle = mpmath.floor(1 + mpmath.mpf(t) / (rise + fall))
    r = mpmath.mpf(t) - (cycle - 1) * (rise + fall)
    height = r / rise if r <= rise else (rise + fall - r) / fall
    scale = schedule.policy.scale
    argument = cycle if schedule.scale_mode == "cycle" else mpmath.mpf(t)
    return low + (high - low) * height * mpmath.mpf(scale.base) ** (argument - scale.offset)


def as_mpf(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def test_rates_by_hand() -> None:
    schedule = clr_ref.triangular(0, 8, 4)
    assert schedule(2.5) == 5
    assert schedule(np.float32(6.25)) == 3.5
    assert schedule(np.linspace(0, 8, 5)).tolist() == [0, 4, 8, 4, 0]
    assert schedule(np.arange(0, 6, 1.5)).tolist() == [0, 3, 6, 7]
    assert schedule.exact(2.25) == Fraction(9, 2)
    assert clr_ref.triangular2(0, 8, 4)(8.5) == 0.5
    assert clr_ref.triangular(0, 8, 4, step_size_down=16)(5.5) == 7.25
    assert clr_ref.triangular(0, 8, 0.25)([0.125, 0.25, 0.375, 0.75]).tolist() == [4, 8, 4, 8]
    assert clr_ref.exp_range(0, 8, 4, gamma=0.25)(0.5) == 0.5  # 8 / 8 / 2
    assert clr_ref.exp_range(0, 8, 4, gamma=0.0625).exact(0.25) == Fraction(1, 4)
    assert clr_ref.CyclicalLearningRate(0, 8, 4, lambda step: 2 * step, "iterations")(0.5) == 1


def test_they_may_stand_beside_whole_ones() -> None:
    """Of which none is rounded: 2**53 + 1 is no float64."""
    schedule = clr_ref.triangular(0, 1, 2.0**53)
    assert schedule([2**53 + 1, 0.5]).tolist() == [schedule(2**53 + 1), 2.0**-54]
    assert schedule([[0.5, 1], [2, 3.25]]).shape == (2, 2)
    assert type(schedule(np.array(0.5))) is np.float32
    assert schedule(np.array([0.5, 1], np.float16)).dtype == np.float32


@given(asymmetric(), MOMENTS)
@example(clr_ref.exp_range(0.0, 1.0, 3, 0.9, dtype="float64"), 1e-300)
@example(clr_ref.exp_range(0.0, 1.0, 3, 0.25, dtype="float64"), 5e-324)
@example(clr_ref.exp_range(1e-4, 1e-2, 937, 2.0, dtype="float64"), 0.75)
@example(clr_ref.CyclicalLearningRate(0, 1, 3, "triangular2", "iterations"), 0.25)
@example(clr_ref.CyclicalLearningRate(0, 1, 3, clr_ref.policies.ExpRange(0.5), "cycle"), 6.5)
def test_every_rate_is_the_formula_rounded_once(schedule: clr_ref.CyclicalLearningRate, t: float) -> None:
    with mpmath.workprec(PRECISION):
        expected, found = by_mpmath(schedule, t), as_mpf(schedule.exact(t))
        # Relative to the larger of the two numbers whose sum may cancel; mpmath itself cancels in the phase.
        size = max(abs(schedule.initial_learning_rate), abs(expected - schedule.initial_learning_rate))
        assert abs(expected - found) <= mpmath.ldexp(size, -CLOSE)
    rate = schedule(t)
    assert rate.tobytes() == schedule([t, 0])[0].tobytes()
    if isinstance(schedule.exact(t), Fraction):
        right = exact.round_to(schedule.exact(t), schedule.dtype)
        assert_same_floats(lambda _: f"step {t}", [rate], [right], what="one step", of=schedule)


@pytest.mark.parametrize("gamma", [0.9, 0.99994, 0.5, 0.25, 1e-300, 5e-324, 1.7e308, 2.0, 1 - 2.0**-53])
@pytest.mark.parametrize("exponent", [0.5, 0.75, 1 / 3, 2.0**-40, 5e-324, 1 - 2.0**-53])
@pytest.mark.parametrize("bits", [64, 300])
def test_a_root_power_encloses_what_mpmath_finds(gamma: float, exponent: float, bits: int) -> None:
    low, high, unit = root_power(gamma, Fraction(exponent), bits)
    with mpmath.workprec(PRECISION):
        expected = mpmath.mpf(gamma) ** mpmath.mpf(exponent)
        assert mpmath.ldexp(low, unit) <= expected <= mpmath.ldexp(high, unit)
    assert high - low <= low >> (bits - 2)


def test_rational_powers_have_exact_rates() -> None:
    """They could be midpoints, which no interval decides: 0.5625**0.5 is 3/4."""
    for gamma, t, scale in (
        (0.5625, 0.5, "3/4"),
        (0.5625, 1.5, "27/64"),
        (16.0, 0.25, 2),
        (1.0, 0.3, 1),
        (2.0**-1022, 0.5, 2.0**-511),
    ):
        schedule = clr_ref.exp_range(0.0, 1.0, t, gamma, dtype="float64")
        assert schedule.exact(t) == Fraction(scale)
        low, high = next(exact.enclosures(schedule, Fraction(t)))
        assert low == high == Fraction(scale)
    # The rate of this step is a midpoint of two float32, and is rounded to the even one.
    schedule = clr_ref.exp_range(1.0, 1.0 + 2.0**-22, 0.5, 0.0625)
    assert schedule.exact(0.5) == 1 + Fraction(1, 2**24)
    assert schedule(0.5) == 1.0


@pytest.mark.parametrize("policy", POLICIES)
def test_the_rate_of_a_whole_step_is_that_of_the_steps_beside_it(policy: str) -> None:
    schedule = schedule_of(policy, 12, dtype="float64")
    for step in (3, 12, 24, 100):
        near = schedule([step * (1 - 2.0**-50), step * (1 + 2.0**-50)])
        assert np.allclose(near, schedule(step), rtol=1e-12, atol=0)
        assert not (near == schedule(step)).all() or step in (24,)


def test_a_scale_function_is_called_with_the_fraction_in_mode_iterations_alone() -> None:
    for mode, called in (("cycle", 2.0), ("iterations", 9.5)):
        seen: list[float] = []
        schedule = clr_ref.CyclicalLearningRate(0, 1, 4, lambda x, seen=seen: seen.append(x) or 1.0, mode)
        assert schedule(9.5) == 0.375
        assert set(seen) == {called}
        assert {type(x) for x in seen} == {np.float64}


@pytest.mark.parametrize("bad", [Fraction(1, 3), np.longdouble(2) ** -2000, Fraction(1, 2**1075)], ids=str)
def test_what_no_float64_is_a_multiple_of_is_refused(bad: Any) -> None:
    if bad == 0:
        pytest.skip("no wider float than float64 on this machine")
    with pytest.raises(ValueError, match=r"step must be a multiple of 2\*\*-1074, as every float64 is, got "):
        clr_ref.triangular(0, 1, 4)(bad)


def test_ranges_take_whole_steps_alone() -> None:
    with pytest.raises(ValueError, match=r"start must be a whole number 0 \.\. 2\*\*63, got 0\.5"):
        clr_ref.triangular(0, 1, 4).values(0.5, 3)  # type: ignore[arg-type]
    assert math.isclose(clr_ref.triangular(0, 1, 4)(0.5), 0.125)
