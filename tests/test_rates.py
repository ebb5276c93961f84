"""The comparison that the other tests use, ``tests.rates``: what it takes for the same, and what a failure says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.rates import assert_same_floats, assert_same_rates, exact_rates, place

SCHEDULE = clr_ref.triangular2(0.0, 1.0, 4)
STEPS = np.arange(12)
RATES = SCHEDULE(STEPS)


def changed(index: int, rate: float) -> Any:
    rates = RATES.copy()
    rates[index] = rate
    return rates


def message(actual: Any, expected: Any = RATES, steps: Any = STEPS, **more: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        assert_same_rates(SCHEDULE, steps, actual, expected, arithmetic="tensor arithmetic (jit_compile)", **more)
    return str(caught.value)


def test_a_failure_names_the_arithmetic_the_first_step_and_the_distance() -> None:
    rates = changed(11, 0.0)
    rates[9] = np.nextafter(rates[9], np.float32(1))
    assert message(rates).splitlines() == [
        "tensor arithmetic (jit_compile) of triangular2: wrong at step 9 (cycle 2, phase 0.25 of 2)",
        "  actual    0.12500001 (0x1.000002p-3)",
        "  expected  0.125 (0x1p-3)",
        "  distance  +1 ULP",
        "  2 of 12 differ",
        f"  {SCHEDULE!r}",
    ]


def test_a_rate_that_is_too_small_has_a_negative_distance() -> None:
    assert "\n  distance  -1 ULP\n" in message(changed(4, np.nextafter(np.float32(1), np.float32(0))))


def test_equal_rates_pass() -> None:
    assert_same_rates(SCHEDULE, STEPS, RATES.copy(), RATES, arithmetic="arrays")
    assert_same_rates(SCHEDULE, 3, RATES[3], RATES[3], arithmetic="one step")
    assert_same_rates(SCHEDULE, STEPS.reshape(3, 4), RATES.reshape(3, 4), RATES.reshape(3, 4), arithmetic="arrays")
    assert_same_rates(SCHEDULE, [], RATES[:0], RATES[:0], arithmetic="arrays")


def test_one_wrong_rate_alone_fails() -> None:
    assert "wrong at step 3 (cycle 1, phase 0.75 of 2)" in message(RATES[4], RATES[3], 3)


def test_nan_is_the_same_as_nan_whatever_its_bits() -> None:
    other = np.array([0x7FC00001], np.uint32).view(np.float32)[0]
    assert_same_rates(SCHEDULE, STEPS, changed(2, other), changed(2, np.nan), arithmetic="arrays")
    assert "\n  actual    nan\n  expected  0.5 (0x1p-1)\n  distance  +inf ULP\n" in message(changed(2, np.nan))
    assert "\n  actual    0.5 (0x1p-1)\n  expected  nan\n" in message(RATES, changed(2, np.nan))


def test_zeros_of_both_signs_are_different() -> None:
    text = message(changed(8, -0.0))
    assert "\n  actual    -0 (-0x0p+0)\n  expected  0 (0x0p+0)\n  distance  the sign of zero\n" in text


def test_an_allowance_is_a_number_of_floats_in_both_directions() -> None:
    for towards in (0, 2):
        rates = RATES.copy()
        for _ in range(2):
            rates[4] = np.nextafter(rates[4], np.float32(towards))
        assert_same_rates(SCHEDULE, STEPS, rates, RATES, arithmetic="arrays", ulps=2)
        assert "2 ULP, allowed 1" in message(rates, ulps=1)
    assert "allowed 9" in message(changed(2, np.nan), ulps=9)
    rates = np.nextafter(RATES, np.float32(2))
    assert_same_rates(SCHEDULE, STEPS, rates, RATES, arithmetic="arrays", ulps=np.full(12, 1.5))
    assert "wrong at step 7 (" in message(rates, ulps=np.where(STEPS == 7, 0, 1))
    assert "the sign of zero" in message(changed(8, -0.0), ulps=np.where(STEPS == 8, 0, 1))


@pytest.mark.parametrize(
    ("actual", "found"),
    [
        (RATES.astype(np.float64), "float64 of shape (12,)"),
        (RATES[1:], "float32 of shape (11,)"),
        ([], "float64 of shape (0,)"),
    ],
)
def test_another_dtype_or_shape_fails(actual: Any, found: str) -> None:
    text = message(actual)
    assert text == (f"tensor arithmetic (jit_compile) of triangular2: the result is {found}, expected float32 of shape (12,)")


def test_each_rate_needs_its_step() -> None:
    with pytest.raises(ValueError, match=r"steps must have the shape of expected, \(12,\), got \(11,\)"):
        assert_same_rates(SCHEDULE, STEPS[1:], RATES, RATES, arithmetic="arrays")


def test_steps_outside_the_domain_and_rates_without_a_schedule_have_no_cycle() -> None:
    assert place(SCHEDULE, 9) == "step 9 (cycle 2, phase 0.25 of 2)"
    assert place(SCHEDULE, np.uint64(2**63 - 1)).startswith("step 9223372036854775807 (cycle ")
    assert [place(SCHEDULE, step) for step in (-1.0, np.nan, 2.0**63)] == ["step -1.0", "step nan", f"step {2.0**63}"]
    with pytest.raises(AssertionError, match=r"^logged rates: wrong at step 1\n"):
        assert_same_rates(None, [0, 1], np.array([1.0, 2.0]), np.array([1.0, 3.0]), arithmetic="logged rates")


def test_floats_of_any_kind_are_compared_in_the_same_way() -> None:
    assert_same_floats(str, [0.5], [0.5], what="powers")
    with pytest.raises(AssertionError, match=r"^powers: wrong at entry 1\n(.*\n)+  1 of 2 differ$"):
        assert_same_floats(lambda index: f"entry {index}", [1.0, 0.5], [1.0, 0.25], what="powers")


def test_the_exact_rates_are_rounded_once() -> None:
    found = exact_rates(clr_ref.triangular(0, 1, 3), [1, 2**62])
    assert found.dtype == np.float32
    assert found.tolist() == [float(np.float32(1 / 3)), float(np.float32(2 / 3))]
