"""The bound on TFA's error is as small as it can be: in each regime, the error of a step that is stored comes close to it.

If a share is no longer reached, the bound has grown.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref import CyclicalLearningRate, exact, exp_range, policies, tfa_arithmetic, triangular
from clr_ref.exact import ulp
from clr_ref.tfa import bounds, eager
from tests.tfa.pins import PINS, Pin


def name(pin: Pin) -> str:
    policy = policies.name_of(pin.schedule.scale_fn)
    return " ".join([pin.schedule.dtype, pin.mode, str(policy), pin.step_dtype or "", pin.regime])


def share(rate: Any, schedule: CyclicalLearningRate, step: int, bound: float) -> float:
    """Return the error of a rate divided by the bound."""
    low, _ = next(exact.enclosures(schedule, step))
    return float(abs(Fraction(float(rate)) - low) / Fraction(bound))


@pytest.mark.parametrize("pin", PINS, ids=name)
def test_the_bound_is_nearly_reached(pin: Pin) -> None:
    assert pin.share <= share(pin.rate(), pin.schedule, pin.step, pin.bound()) <= 1


@pytest.fixture
def shift_power(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes TFA's power in eager mode so many floats too large."""
    original = eager._scale

    def shift(floats: int) -> None:
        def shifted(*arguments: Any) -> Any:
            scale = original(*arguments)
            for _ in range(abs(floats)):
                scale = np.nextafter(scale, scale.dtype.type(floats * np.inf))
            return scale

        monkeypatch.setattr(eager, "_scale", shifted)

    return shift


def test_a_power_that_is_as_far_off_as_it_may_be_nearly_reaches_the_bound(shift_power: Any) -> None:
    shift_power(bounds.POW_ULP)
    schedule, step = exp_range(0.06254256, 0.50034046, 818, gamma=0.9930963516235352), 1934
    rate = tfa_arithmetic.evaluate(schedule, step)
    assert 0.998 < share(rate, schedule, step, tfa_arithmetic.error_bound(schedule, step)) <= 1


def test_a_power_that_is_as_far_off_as_it_may_be_nearly_uses_up_the_budget(shift_power: Any) -> None:
    schedule, step = exp_range(0.09351935, 0.7481548, 939, gamma=0.9995845556259155), 1482
    before = tfa_arithmetic.evaluate(schedule, step)
    shift_power(bounds.POW_ULP)
    assert ulp.distance(tfa_arithmetic.evaluate(schedule, step), before) == 4
    assert tfa_arithmetic.power_budget(schedule, step) == 5


@pytest.mark.parametrize(
    ("schedule", "step", "budget"),
    [
        (exp_range(0.1, 0.7842846, 40, gamma=0.9893190043920037), 50, 5),
        (exp_range(1.0, 0.0019984313, 38, gamma=0.9883833002418757), 49, 4),
        (CyclicalLearningRate(0.1, 0.6696332, 50, policies.ExpRange(0.9683476216097365), "cycle"), 229, 5),
    ],
)
def test_power_budgets_that_would_be_larger_if_a_power_were_allowed_a_little_more(
    schedule: CyclicalLearningRate, step: int, budget: int
) -> None:
    """Before two ULP are added, these are within 0.0001 of a whole number."""
    assert tfa_arithmetic.power_budget(schedule, step) == budget


def test_the_bound_is_infinite_from_half_of_where_the_quotient_overflows() -> None:
    schedule = triangular(0.0, 1.0, 2.0**-68)
    steps = np.array([2**59 - 2**10, 2**59, 2**60])
    assert np.isfinite(tfa_arithmetic.error_bound(schedule, steps)).tolist() == [True, False, False]
    assert np.isnan(tfa_arithmetic.evaluate(schedule, steps)).tolist() == [False, False, True]


def test_the_bound_is_infinite_where_the_step_size_may_be_flushed() -> None:
    assert np.isnan(tfa_arithmetic.evaluate(triangular(0.0, 1.0, 1e-40), 0, flush="everywhere"))
    found = [tfa_arithmetic.error_bound(triangular(0.0, 1.0, size), 0) for size in (1e-40, 2.0**-127, 2.0**-126)]
    assert np.isfinite(found).tolist() == [False, False, True]


def test_the_bound_holds_where_the_detour_turns_the_sign_of_the_amplitude() -> None:
    """Both bounds are nearer to one float32 than to any other, and maximal is rounded to the other side of initial."""
    near, ulp32 = float(np.float32(0.01)), float(np.spacing(np.float32(0.01)))
    schedule = triangular(near + 0.2 * ulp32, near + 0.4 * ulp32, 10, dtype="float64")
    for step in (5, 10, 15):
        bound = tfa_arithmetic.error_bound(schedule, step)
        assert 0.999 < share(tfa_arithmetic.evaluate(schedule, step), schedule, step, bound) <= 1


def test_the_bound_holds_where_the_detour_makes_the_step_size_smaller() -> None:
    """The step is rounded to float32 too, so that the product of both errors is not negligible."""
    schedule, step = triangular(0.0, 5.68071088708246e-28, 422705.7337519916, dtype="float64"), 502481467
    rate = tfa_arithmetic.evaluate(schedule, step, step_dtype="float32")
    bound = tfa_arithmetic.error_bound(schedule, step, step_dtype="float32")
    assert 0.999 < share(rate, schedule, step, bound) <= 1


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        (exp_range(0.0, 1.0, 10, gamma=1.5), [217, 218, 219, 220, 225]),
        (exp_range(1.0, -1e10, 10, gamma=2.0), [87, 93, 94, 98, 140]),
        (triangular(-3e38, 3e38, 10), [0, 10]),
        (triangular(1e38, 3.4e38, 10), [0, 9]),
        (exp_range(3e38, 3.2e38, 10, gamma=1.5), [1, 3, 5]),
    ],
)
def test_the_bound_is_infinite_where_tfa_overflows_and_nearly_nowhere_else(
    schedule: CyclicalLearningRate, steps: list[int]
) -> None:
    with np.errstate(all="ignore"):
        rates = tfa_arithmetic.evaluate(schedule, steps)
    found = tfa_arithmetic.error_bound(schedule, steps)
    assert np.isfinite(found).tolist() == np.isfinite(rates).tolist()


def test_the_budget_of_a_power_is_infinite_where_it_overflows() -> None:
    schedule = exp_range(0.0, 1.0, 10, gamma=1.5)
    assert tfa_arithmetic.power_budget(schedule, [5, 220, 225, 2000]).tolist() == [7, np.inf, np.inf, np.inf]
