"""The tensor arithmetic at steps with a fraction: as near to the reference as at whole steps, but for some roundings more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.tensors import backends
from tests.rates import assert_same_floats
from tests.tensors.test_formula import evaluate, name, pairs_of_float32, schedules


def moments(bits: int) -> Any:
    """Steps beside the ends and peaks of all cycles, small ones, and as large ones as have a fraction."""
    generator = np.random.default_rng(11)
    spread = 2.0 ** generator.uniform(-20, min(bits - 1, 40), 150)
    near = generator.integers(0, 4000, 100) + generator.choice([0.5, 0.25, 2.0**-10, 1 - 2.0**-10], 100)
    return np.concatenate([np.arange(0, 30, 0.25), spread, near])


@pytest.mark.parametrize("schedule", list(schedules()), ids=name)
def test_float32_rates_are_within_an_ulp_of_the_larger_bound(schedule: clr_ref.CyclicalLearningRate) -> None:
    """In float64: of five roundings and a power of the fraction."""
    steps = moments(53)
    found, expected = evaluate(schedule, steps, backends.numpy_ops()), schedule(steps)
    assert found.dtype == np.float32
    assert (found == expected).mean() > 0.99
    assert_same_floats(lambda index: f"step {steps[index]!r}", found, expected, what="float64", ulps=1, of=schedule)


@pytest.mark.parametrize("schedule", list(schedules()), ids=name)
def test_pairs_of_float32_are_within_their_roundings(schedule: clr_ref.CyclicalLearningRate) -> None:
    """Without float64, the distance from the end of a cycle has the error of a float32 of the cycle."""
    steps = moments(24).astype(np.float32)
    found, expected = evaluate(schedule, steps, pairs_of_float32()), schedule(steps)
    amplitude = max(abs(schedule.initial_learning_rate), abs(schedule.maximal_learning_rate))
    close = np.abs(found.astype(np.float64) - expected) <= 32 * 2.0**-24 * amplitude
    assert close.all(), (steps[~close][:3], found[~close][:3], expected[~close][:3])


@pytest.mark.parametrize("schedule", list(schedules("float64")), ids=name)
def test_float64_rates_are_within_their_roundings(schedule: clr_ref.CyclicalLearningRate) -> None:
    steps = moments(53)
    found, expected = evaluate(schedule, steps, backends.numpy_ops()), schedule(steps)
    largest = max(abs(schedule.initial_learning_rate), abs(schedule.maximal_learning_rate))
    close = np.abs(found - expected) <= 32 * 2.0**-53 * largest
    assert close.all(), (steps[~close][:3], found[~close][:3], expected[~close][:3])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_whole_steps_have_the_bits_of_integers(dtype: str) -> None:
    for schedule in list(schedules())[::5]:
        steps = np.arange(300, dtype=dtype)
        whole, found = evaluate(schedule, np.arange(300), backends.numpy_ops()), evaluate(schedule, steps, backends.numpy_ops())
        assert whole.tobytes() == found.tobytes()


@pytest.mark.parametrize("step_size", [0.3, 0.01, 1e-3])
def test_a_cycle_shorter_than_a_step(step_size: float) -> None:
    for schedule in (clr_ref.triangular(0, 1, step_size), clr_ref.triangular2(0, 1, step_size, step_size_down=2 * step_size)):
        steps = np.arange(0, 3, 0.03125)
        found = evaluate(schedule, steps, backends.numpy_ops())
        assert np.abs(found - schedule(steps)).max() <= 2.0**-24


@pytest.mark.parametrize("mode", ["cycle", "iterations"])
def test_a_custom_scale_function_gets_the_fraction_in_mode_iterations_alone(mode: str) -> None:
    schedule = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 4, lambda x: 1 / (x + 1), mode)
    steps = np.arange(0, 30, 0.25)
    found = evaluate(schedule, steps, backends.numpy_ops())
    assert_same_floats(lambda index: f"step {steps[index]}", found, schedule(steps), what=mode, ulps=1, of=schedule)
