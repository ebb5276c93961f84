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
