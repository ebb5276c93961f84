"""Training with LearningRateLogger: optimizers, models and batches whose applied rates are read off the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rates import assert_same_rates

STEPS = 40
#: Gradients so large that a loss scale of 2**28 and more makes them infinite.
LARGE = np.float32(2.0**100)


def generations(keras: Any) -> list[Any]:
    """SGD of every generation here."""
    legacy = getattr(getattr(keras.optimizers, "legacy", None), "SGD", None)
    return [keras.optimizers.SGD] if legacy is None or hasattr(keras, "ops") else [keras.optimizers.SGD, legacy]


def loss_scaled(keras: Any, optimizer: Any, **options: Any) -> Any:
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    return scaled(optimizer, **options)


def halved(keras: Any) -> Any:
    """A schedule with another rate for each step."""
    return keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)


def compiled(probe: Any, optimizer: Any, **how: Any) -> Any:
    model = probe.model(STEPS)
    model.compile(optimizer=optimizer, loss=probe.loss, **how)
    return model


def fit(probe: Any, model: Any, start: int, stop: int, callbacks: list[Any], *, infinite: Any = (), copies: int = 1) -> None:
    inputs, targets = probe.batches(start, stop, STEPS, copies)
    inputs *= LARGE
    inputs[list(infinite)] = np.inf
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)


def assert_same_logged(schedule: Any, logged: Any, applied: Any, start: int = 0) -> None:
    """The rates logged from step ``start`` on are those applied; ``schedule`` is the reference, or None for one of Keras."""
    __tracebackhide__ = True
    steps = np.arange(start, start + len(applied))
    assert_same_rates(schedule, steps, np.array(logged, np.float32), applied, arithmetic="logged rates")


def of_updates(probe: Any, model: Any) -> Any:
    """The rates of the updates that were made; a skipped update leaves a zero."""
    rates = probe.applied(model) / LARGE
    return rates[rates != 0]


def assert_logged(probe: Any, model: Any, rates: Any) -> None:
    __tracebackhide__ = True
    assert_same_logged(None, rates, of_updates(probe, model))


def hook(keras: Any, name: str, function: Any) -> Any:
    """A callback with one method."""
    kind = type("Hook", (keras.callbacks.Callback,), {name: lambda self, number, logs=None: function(number)})
    return kind()
