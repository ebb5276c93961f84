"""TFA's formula has the rates that are computed by hand, stays within its bound, and refuses bad arguments."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import compare, tfa_arithmetic
from clr_ref.tfa import eager
from tests.rates import assert_same_rates

#: 10**8 steps take some minutes: CLR_REF_SAMPLES=100000000 pytest tests/tfa/test_arithmetic.py -k sampled -s
SAMPLES = int(os.environ.get("CLR_REF_SAMPLES", 400_000))

SAMPLED = {
    "triangular-2000": clr_ref.triangular(1e-4, 1e-2, 2000),
    "triangular-33.3": clr_ref.triangular(1e-4, 1e-2, 33.3),
    "triangular-3": clr_ref.triangular(1e-4, 1e-2, 3),
    "triangular-zero": clr_ref.triangular(0.0, 1.0, 937),
    "triangular-inverted": clr_ref.triangular(1e-2, 1e-4, 937),
    "triangular2-tutorial": clr_ref.triangular2(1e-4, 1e-2, 1874),
    "triangular2-100000": clr_ref.triangular2(1e-6, 1e-2, 100_000),
    "exp_range-0.99994": clr_ref.exp_range(1e-4, 1e-2, 2000, gamma=0.99994),
    "exp_range-0.999999": clr_ref.exp_range(1e-4, 1e-2, 33.3, gamma=0.999999),
    "exp_range-0.9": clr_ref.exp_range(1e-4, 1.0, 7, gamma=0.9),
}


def wide(schedule: clr_ref.CyclicalLearningRate) -> clr_ref.CyclicalLearningRate:
    """The schedule with the same rounded inputs in float64, whose error of 2**-53 is far below a float32 bound."""
    s = schedule
    numbers = (s.initial_learning_rate, s.maximal_learning_rate, s.step_size)
    return clr_ref.CyclicalLearningRate(*numbers, s.scale_fn, s.scale_mode, "float64")


def test_the_first_steps_by_hand() -> None:
    """The rates are those of single float32 operations: 1 / 3 and 2 / 3 round up, and 1 - 2 / 3 is exact."""
    schedule = clr_ref.triangular(0.0, 1.0, 3)
    third, two_thirds = np.float32(1 / 3), np.float32(2 / 3)
    minus = two_thirds - np.float32(2) + np.float32(1)
    expected = [0, 1 - abs(third - np.float32(2) + np.float32(1)), 1 - abs(minus), 1, 1 - (np.float32(4 / 3) - 2 + 1)]
    found = tfa_arithmetic.evaluate(schedule, np.arange(5))
    assert_same_rates(schedule, range(5), found, np.array(expected, np.float32), arithmetic="TFA's arithmetic (eager)")


def test_it_differs_from_the_exact_value() -> None:
    schedule = clr_ref.triangular(1e-4, 1e-2, 2000)
    steps = np.arange(100_000)
    apart = tfa_arithmetic.evaluate(schedule, steps) != schedule(steps)
    assert 0.5 < apart.mean() < 1


@pytest.mark.parametrize("name", SAMPLED)
def test_sampled_steps_are_within_the_bound(name: str) -> None:
    """No error exceeds its bound, and below step 2**24 some error is most of it (clause 9.2)."""
    schedule, truth = SAMPLED[name], wide(SAMPLED[name])
    generator = np.random.default_rng(20150603)
    worst = early = 0.0
    left = max(SAMPLES // len(SAMPLED), 1)
    while left > 0:
        count = min(left, 100_000)
        left -= count
        # Uniform in the logarithm, so that every decade of steps is seen, up to 2**40.
        steps = np.exp2(generator.uniform(0, 40, count)).astype(np.int64)
        actual = tfa_arithmetic.evaluate(schedule, steps).astype(np.float64)
        share = np.abs(actual - truth(steps)) / tfa_arithmetic.error_bound(schedule, steps)
        worst, early = max(worst, float(share.max())), max(early, float(share[steps < 2**24].max()))
    print(f"{name}: the worst error is {worst:.4f} of the bound, {early:.4f} below step 2**24")
    assert worst <= 1
    assert early > 0.6


@pytest.mark.parametrize("name", SAMPLED)
def test_every_early_step_is_within_the_bound(name: str) -> None:
    schedule = SAMPLED[name]
    steps = np.arange(20_000)
    actual = tfa_arithmetic.evaluate(schedule, steps).astype(np.float64)
    assert (np.abs(actual - wide(schedule)(steps)) <= tfa_arithmetic.error_bound(schedule, steps)).all()


@pytest.mark.parametrize("mode", ["eager", "function", "xla"])
def test_bounds_grow_with_the_step_and_with_the_mode(mode: Any) -> None:
    schedule = clr_ref.triangular(1e-4, 1e-2, 2000)
    peaks = 2000 * (2 * np.array([0, 10, 100, 1000]) + 1) + 100  # off the ends of cycles, where the bound is larger
    bounds = tfa_arithmetic.error_bound(schedule, peaks, mode=mode)
    assert (np.diff(bounds) > 0).all()
    assert (bounds >= tfa_arithmetic.error_bound(schedule, peaks)).all()


def test_the_float32_detour_of_a_python_maximal() -> None:
    """TFA rounds a Python 0.01 to float32 also in float64: every release gives 0.009999999776482582."""
    schedule = clr_ref.triangular(1e-4, 1e-2, 4, dtype="float64")
    assert tfa_arithmetic.evaluate(schedule, 4) == 0.009999999776482582
    assert tfa_arithmetic.evaluate(schedule, 0) == 1e-4
    assert tfa_arithmetic.error_bound(schedule, 4) >= 0.01 - 0.009999999776482582
    fractional = clr_ref.triangular(0, 1, 33.3, dtype="float64")
    assert tfa_arithmetic.evaluate(fractional, 10) == 1 - abs(10 / float(np.float32(33.3)) - 2 + 1)


def test_beyond_step_2_to_the_24_rates_are_wrong() -> None:
    schedule = clr_ref.triangular(0.0, 1.0, 1)
    steps = np.array([2**24 - 1, 2**24 + 1])
    found, expected = tfa_arithmetic.evaluate(schedule, steps), np.array([1, 0], np.float32)
    assert_same_rates(schedule, steps, schedule(steps), np.array([1, 1], np.float32), arithmetic="arithmetic of arrays")
    assert_same_rates(schedule, steps, found, expected, arithmetic="TFA's arithmetic (eager)")


def test_step_dtypes() -> None:
    power = clr_ref.exp_range(0.0, 1.0, 1, gamma=0.99994)
    step = 20_001
    python = tfa_arithmetic.evaluate(power, step, step_dtype="python int")
    assert python == np.float32(0.99994**step)  # gamma as a float64
    tensor = tfa_arithmetic.evaluate(power, step)
    assert tensor == np.float32(np.float64(np.float32(0.99994)) ** step)
    assert tensor != python
    with pytest.raises(TypeError, match="int64 step"):
        tfa_arithmetic.evaluate(power, step, step_dtype="int64")
    far = clr_ref.triangular(0.0, 1.0, 2**10, dtype="float64")
    asked = 2**24 + 1
    assert tfa_arithmetic.evaluate(far, asked, step_dtype="float32") == tfa_arithmetic.evaluate(far, 2**24)
    assert tfa_arithmetic.evaluate(far, asked) != tfa_arithmetic.evaluate(far, 2**24)
    halving = clr_ref.CyclicalLearningRate(0, 1, 4, "triangular2", "iterations")
    assert tfa_arithmetic.evaluate(halving, 3, step_dtype="python int") == np.float32(0.75 / 4)
    with pytest.raises(OverflowError):
        tfa_arithmetic.evaluate(halving, 1100, step_dtype="python int")
    custom = clr_ref.CyclicalLearningRate(0, 1, 4, lambda x: x / 2, "iterations")
    assert tfa_arithmetic.evaluate(custom, 2, step_dtype="python int") == np.float32(0.5)
    assert tfa_arithmetic.evaluate(custom, 2) == np.float32(0.5)


def test_flushing() -> None:
    schedule = clr_ref.triangular(0.0, 1e-38, 4)
    never, arrays, everywhere = (tfa_arithmetic.evaluate(schedule, 1, flush=flush) for flush in tfa_arithmetic.FLUSHES)
    assert never == np.float32(2.5e-39)
    assert arrays == everywhere == 0


def test_arguments() -> None:
    schedule = clr_ref.triangular(0, 1, 4)
    with pytest.raises(ValueError, match=r"step_dtype must be one of .*, got 'int32'"):
        tfa_arithmetic.evaluate(schedule, 1, step_dtype="int32")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"flush must be one of .*, got 'sometimes'"):
        tfa_arithmetic.evaluate(schedule, 1, flush="sometimes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"mode must be one of .*, got 'graph'"):
        tfa_arithmetic.error_bound(schedule, 1, mode="graph")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scale_fn must be one of the three policies"):
        tfa_arithmetic.error_bound(clr_ref.CyclicalLearningRate(0, 1, 4, lambda x: x), 1)
    with pytest.raises(ValueError, match="step must be a number"):
        tfa_arithmetic.evaluate(schedule, -1)
    assert np.isinf(tfa_arithmetic.error_bound(clr_ref.triangular(0, 1e39, 4, dtype="float64"), 1))


def test_shapes_and_dtypes() -> None:
    for dtype in ("float32", "float64"):
        schedule = clr_ref.triangular2(1e-4, 1e-2, 10, dtype=dtype)
        steps = np.arange(6).reshape(2, 3)
        assert tfa_arithmetic.evaluate(schedule, steps).shape == (2, 3)
        assert tfa_arithmetic.evaluate(schedule, steps).dtype == dtype
        assert tfa_arithmetic.evaluate(schedule, 3).dtype == dtype
        assert tfa_arithmetic.error_bound(schedule, steps).shape == (2, 3)
        assert np.ndim(tfa_arithmetic.error_bound(schedule, 3)) == 0


def test_power_budget_covers_neighbouring_powers() -> None:
    """Powers that are POW_ULP + 1/2 off, in either direction, stay within the budget; ten times as far off they do not."""
    schedule = clr_ref.exp_range(1e-4, 1e-2, 500, gamma=0.99994)
    steps = np.arange(1, 4000, 7)
    original = eager._scale

    def worst(off: int) -> float:
        def shifted(*arguments: Any) -> Any:
            scale = original(*arguments)
            for _ in range(abs(off)):
                scale = np.nextafter(scale, np.float32(np.sign(off) * np.inf))
            return scale

        try:
            eager._scale = shifted
            moved = tfa_arithmetic.evaluate(schedule, steps)
        finally:
            eager._scale = original
        found = compare.within_ulp(
            schedule,
            steps,
            moved,
            tfa_arithmetic.evaluate(schedule, steps),
            tfa_arithmetic.power_budget(schedule, steps),
            case="x",
            tier="record",
            repeat="",
        )
        return float(found.first is None)

    assert worst(2) == worst(-2) == 1.0
    assert worst(40) == worst(-40) == 0.0
