"""Models of a few weights, and differences that are planted in their training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref.keras.api import keras
from clr_ref.training.experiment import Experiment
from clr_ref.training.samples import Samples


def data(n: int = 64) -> Samples:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 8)).astype("float32")
    return Samples.of(x, (x[:, 0] + 0.3 * random.normal(size=n) > 0).astype("int32"))


def words() -> Samples:
    """Whole numbers 0 .. 49 instead of floats."""
    found = data()
    return Samples.of((np.abs(found.x) * 10).astype("int32") % 50, found.y)


def compiled(optimizer: Any = "sgd", *, family: Any = keras.Sequential, last: str = "softmax", **options: Any) -> Any:
    found = family(
        [
            keras.Input((8,)),
            keras.layers.Dense(8, "relu", name="hidden"),
            keras.layers.Dropout(0.25, name="mask"),
            keras.layers.Dense(2, last, name="top"),
        ]
    )
    found.compile(optimizer, "sparse_categorical_crossentropy", **{"metrics": ["accuracy"], **options})
    return found


def scaled(initial_scale: float) -> Any:
    """In float16, with a dynamic loss scale."""
    inner = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer = keras.mixed_precision.LossScaleOptimizer(inner, initial_scale=initial_scale, dynamic_growth_steps=4)
    found = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(8, "relu", name="hidden", dtype="mixed_float16"),
            keras.layers.Dense(2, "softmax", name="top", dtype="float32"),
        ]
    )
    found.compile(optimizer, "sparse_categorical_crossentropy")
    return found


def experiment(schedule: Any = 0.1, **options: Any) -> Experiment:
    return Experiment(schedule, epochs=8, batch_size=16, model="tests.trace.models", **options)


class WithCallback(keras.Sequential):  # type: ignore[misc]
    """A model that is trained with one callback more, before all others."""

    extra: Any = None

    def fit(self, *args: Any, callbacks: Any = (), **options: Any) -> Any:
        return super().fit(*args, callbacks=[self.extra, *callbacks], **options)


def planted(step: int, change: Callable[[Any], None]) -> Any:
    """A model to which ``change`` is applied before a step."""

    class Plant(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.step = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if self.step == step:
                change(self.model)
            self.step += 1

    found = compiled(family=WithCallback)
    object.__setattr__(found, "extra", Plant())
    return found
