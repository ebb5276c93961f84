"""The counters of an optimizer before and after some steps show which gradients it used."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def optimizers(drop_ins: Any) -> Any:
    from clr_ref.keras import optimizers

    return optimizers


@pytest.mark.parametrize("skips_count", [True, False], ids=["before Keras 3", "Keras 3"])
@pytest.mark.parametrize("growth", [1, 2, 5])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0, 2.0**127])
def test_used_is_right_or_raises(optimizers: Any, skips_count: bool, growth: int, scale: float) -> None:
    """After any five steps, ``used`` tells which gradients were used, or raises if other five steps end in the same state."""
    rules = optimizers.Rules(skips_count=skips_count, growth=growth)
    for good in range(growth):
        before, truths = optimizers.State(3, scale, good), defaultdict(set)
        for sequence in itertools.product((True, False), repeat=5):
            state, truth = before, []
            for is_used in sequence:
                truth += [state.iterations] * is_used
                state = rules.after(state, is_used)
            truths[state].add(tuple(truth))
        assert scale < 1 or any(len(truth) == 1 for truth in truths.values())
        for after, truth in truths.items():
            if len(truth) == 1:
                assert (tuple(optimizers.used(before, after, rules, (5,))),) == tuple(truth)
            else:
                with pytest.raises(RuntimeError, match=r"in one execution of \d+ steps: which of them were skipped is unknown"):
                    optimizers.used(before, after, rules, (5,))


def test_a_loss_scale_may_become_the_largest_float32_before_keras_3(optimizers: Any) -> None:
    largest = float(np.finfo(np.float32).max)
    rules = optimizers.Rules(skips_count=True)
    assert rules.after(optimizers.State(0, largest / 2, 0), used=True) == optimizers.State(1, largest, 0)
    assert rules.after(optimizers.State(0, largest, 0), used=True) == optimizers.State(1, largest, 0)


def test_one_step_is_never_ambiguous_above_the_smallest_scale(optimizers: Any) -> None:
    rules = optimizers.Rules(skips_count=True, growth=3)
    for scale, good, is_used in itertools.product((1.0, 2.0, 2.0**127), range(3), (True, False)):
        before = optimizers.State(7, scale, good)
        assert optimizers.used(before, rules.after(before, is_used), rules) == [7] * is_used


def test_many_steps_are_searched_quickly(optimizers: Any) -> None:
    """One skip among 500 steps has one place, which is found without an exponential search."""
    rules = optimizers.Rules(skips_count=True, growth=2000)
    found = optimizers.used(optimizers.State(0, 8.0, 0), optimizers.State(500, 4.0, 99), rules)
    assert found == [step for step in range(500) if step != 400]


@pytest.mark.parametrize(("after", "steps"), [(3, None), (4, (1,)), (6, (1,)), (9, range(1, 4))])
def test_a_counter_that_was_set_is_an_error(optimizers: Any, after: int, steps: Any) -> None:
    before = optimizers.State(4)
    with pytest.raises(RuntimeError, match=f"iterations went from 4 to {after} while a batch was trained"):
        optimizers.used(before, optimizers.State(after), optimizers.Rules(skips_count=True), steps)


def test_accumulated_gradients_make_an_update_at_every_last_step(optimizers: Any) -> None:
    assert optimizers.updates(range(2, 9), optimizers.Rules(skips_count=False, every=3)) == [2, 5, 8]


def test_no_optimizer_and_no_rate_are_errors(optimizers: Any, keras: Any) -> None:
    with pytest.raises(ValueError, match="model must be compiled with an optimizer"):
        optimizers.applying(None)
    with pytest.raises(TypeError, match="the optimizer must be one of Keras's with a learning rate, got str"):
        optimizers.applying("sgd")


def test_the_data_of_an_optimizer_are_its_class_and_what_is_no_default(keras: Any, api: Any, optimizers: Any) -> None:
    from clr_ref.training.compiled import optimizer_data

    kinds = keras.optimizers
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or kinds.LossScaleOptimizer
    for made, expected in (
        (kinds.SGD(0.1, name="mine"), {"class": "SGD"}),
        (kinds.SGD(0.5, momentum=0.9, nesterov=True), {"class": "SGD", "momentum": 0.9, "nesterov": True}),
        (kinds.Adam(0.1, beta_1=0.0, epsilon=1e-3), {"class": "Adam", "beta_1": 0.0, "epsilon": 0.001}),
        (kinds.Adam(0.1, clipnorm=2), {"class": "Adam", "clipnorm": 2}),
        (scaled(kinds.SGD(0.1, momentum=0.5)), {"class": "SGD", "inside": "LossScaleOptimizer", "momentum": 0.5}),
    ):
        assert optimizer_data(made) == expected
    variable = np.zeros(3, np.float32)
    made = kinds.Adam(0.1, beta_1=0.8)
    weight = keras.Variable(variable) if api.IS_KERAS_3 else api.tensorflow().Variable(variable)
    optimizers.build(made, [weight])
    assert optimizer_data(made) == {"class": "Adam", "beta_1": 0.8}, "also where the numbers are variables by now"
    legacy = getattr(kinds, "legacy", None)
    if not api.IS_KERAS_3 and legacy is not None:
        assert optimizer_data(legacy.SGD(0.1, decay=1e-3)) == {"class": "SGD", "decay": 0.001}
