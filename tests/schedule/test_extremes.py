"""Rates at extreme step sizes, bounds and gammas are rounded once, in every way to call a schedule."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref import policies
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import HUGE_GAMMAS, POLICIES, TINY_GAMMAS, schedule_of

MAX_STEP = 2**63 - 1


def assert_rounded_once(schedule: clr_ref.CyclicalLearningRate, steps: list[int], count: int = 12) -> None:
    """Compare with the exact rates one step, an array, and ranges at the first step and at the end (clauses 7.1 and 7.2)."""
    __tracebackhide__ = True
    expected = exact_rates(schedule, steps)
    assert_same_rates(schedule, steps, schedule(np.array(steps)), expected, arithmetic="arithmetic of arrays")
    one_by_one = np.array([schedule(step) for step in steps])
    assert_same_rates(schedule, steps, one_by_one, expected, arithmetic="arithmetic of one step")
    for first in (steps[0], 2**63 - count):
        in_a_row = range(first, first + count)
        rates = schedule.values(first, first + count)
        assert_same_rates(schedule, in_a_row, rates, exact_rates(schedule, in_a_row), arithmetic="arithmetic of ranges")


@pytest.mark.parametrize("step_size", [2.0**61, 2.0**62, 2.0**63, 2.0**100, 1e-30, 2.0**-140, 3e38])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", ["triangular", "triangular2"])
def test_extreme_step_sizes(policy: str, step_size: float, dtype: str) -> None:
    assert_rounded_once(schedule_of(policy, step_size, dtype=dtype), [0, 1, 2, 12345, 2**40 + 1, 2**62, MAX_STEP])


@pytest.mark.parametrize("bounds", [(1e-320, 1e-310), (1e300, 1.7e308), (-1.7e308, 1.7e308), (0, 5e-324), (1e-320, 1e308)])
@pytest.mark.parametrize("policy", POLICIES)
def test_extreme_float64_bounds(bounds: tuple[float, float], policy: str) -> None:
    schedule = schedule_of(policy, 33.3, *bounds, dtype="float64")
    steps = [0, 1, 33, 34, 66, 67, 1000, 10**6, 2**62 + 1]
    assert_rounded_once(schedule, steps)
    assert np.isfinite(schedule(np.array(steps))).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["iterations", "cycle"])
@pytest.mark.parametrize("gamma", HUGE_GAMMAS + TINY_GAMMAS)
def test_rates_of_huge_and_tiny_gammas(gamma: float, mode: str, dtype: str) -> None:
    """Rates are right at step 0, at the ends of cycles, and where they become infinite, vanish, or do neither."""
    largest, smallest = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_subnormal)
    bounds = [(0.0, 1.0), (1e-2, 1e-4), (-0.3, 0.7), (-largest, largest), (smallest, 0.0), (0.0, -smallest)]
    for (low, high), step_size in itertools.product(bounds, (1, 2.5, 2.0**61)):
        schedule = clr_ref.CyclicalLearningRate(low, high, step_size, policies.ExpRange(gamma), mode, dtype)
        assert_rounded_once(schedule, [0, 1, 2, 3, 4, 5, 7, 10, 100, 2**40 + 1, 2**63 - 1])


def test_huge_gammas_by_hand() -> None:
    """The rates are those of Python: 1e21 is the whole number 10**21, and a quotient of two whole numbers is rounded once."""
    rates = clr_ref.exp_range(0, 1, 4, 1e21, dtype="float64")(np.arange(18))
    assert rates[:5].tolist() == [0, 10**21 / 4, 10**42 / 2, 3 * 10**63 / 4, 10.0**84]
    assert rates[8] == rates[16] == 0
    assert rates[14] == 10**294 / 2
    assert np.isinf(rates[[15, 17]]).all()
    assert clr_ref.exp_range(-1, 0, 4, 1e103)(np.array([0, 1, 8])).tolist() == [-1, np.inf, -1]


any_gamma = st.floats(5e-324, allow_infinity=False)


@given(st.data(), any_gamma, st.sampled_from(["float32", "float64"]), st.sampled_from(["iterations", "cycle"]))
def test_rates_of_any_gamma(data: st.DataObject, gamma: float, dtype: Any, mode: str) -> None:
    finite = st.floats(width=32 if dtype == "float32" else 64, allow_nan=False, allow_infinity=False)
    low, high = data.draw(finite | st.just(0.0)), data.draw(finite)
    step_size = data.draw(st.sampled_from([1, 4, 937, 2.5, 33.3, 1e-3]) | st.floats(1e-30, 1e30))
    schedule = clr_ref.CyclicalLearningRate(low, high, step_size, policies.ExpRange(gamma), mode, dtype)
    steps = data.draw(st.lists(st.integers(0, 40) | st.integers(0, 2**63 - 1), min_size=1, max_size=8))
    assert_rounded_once(schedule, [min(steps[0], 2**63 - 12), *steps], count=3)
