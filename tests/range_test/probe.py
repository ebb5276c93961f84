"""A model whose kernel tells which rates its optimizer applied, in bits.

Dense(1) without bias, its kernel zero, is fed the t-th unit vector in update t, and its loss is its output. The gradient is 1
in coordinate t and 0 elsewhere: after T updates of plain SGD the kernel is minus the T rates.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

LENGTH = 24

#: Where CLR_REF_EXPECT_TF or CLR_REF_EXPECT_BACKEND promises Keras, one that is missing is a failure.
needs_keras = pytest.mark.skipif(
    not (os.environ.get("CLR_REF_EXPECT_TF") or os.environ.get("CLR_REF_EXPECT_BACKEND"))
    and not any(importlib.util.find_spec(name) for name in ("tensorflow", "keras")),
    reason="Keras is not installed in this environment",
)


def output(_: Any, outputs: Any) -> Any:
    """The loss."""
    return outputs


def model(keras: Any, optimizer: Any, **compiled: Any) -> Any:
    """The probe, with the list ``seen`` of its kernel after each batch, of shape (LENGTH,)."""

    class Probe(keras.Model):  # type: ignore[misc]
        seen: ClassVar[list[Any]] = []  # an attribute of the model itself would be put back

        def train_on_batch(self, *arguments: Any, **keywords: Any) -> Any:
            logs = super().train_on_batch(*arguments, **keywords)
            self.seen.append(kernel(self))
            return logs

    inputs = keras.Input((LENGTH,))
    probe = Probe(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))
    probe.compile(optimizer, loss=output, **compiled)
    return probe


def kernel(probe: Any) -> Any:
    return np.array(probe.get_weights()[0]).reshape(-1)


def unit_vectors(repeat: int = 1, size: int = 1) -> Iterator[tuple[Any, Any]]:
    """Batches of ``size`` rows that are unit vector t, each given ``repeat`` times, for t = 0 .. LENGTH - 1."""
    for row in np.eye(LENGTH, dtype=np.float32):
        for _ in range(repeat):
            yield np.tile(row, (size, 1)), np.zeros((size, 1), np.float32)


def composition(schedule: Any) -> Any:
    """A schedule in three others."""
    from clr_ref.keras import CoolDown, Shifted, WarmUp

    return CoolDown(WarmUp(Shifted(schedule, 2), 3), 7, 5, 0.0)


def optimizers(keras: Any, *, legacy: bool) -> dict[str, Callable[[], Any]]:
    """SGD in every way to give it a rate, without momentum, of every generation that there is."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)
    sgd = keras.optimizers.SGD
    found = {"rate": lambda: sgd(0.5), "schedule": lambda: sgd(schedule), "callable": lambda: sgd(lambda: 0.125)}
    found["composition"] = lambda: sgd(composition(schedule))
    if legacy:
        old = keras.optimizers.legacy.SGD if hasattr(keras.optimizers, "legacy") else sgd
        found |= {
            "legacy rate": lambda: old(0.5),
            "legacy schedule": lambda: old(schedule),
            "legacy decay": lambda: old(0.5, decay=0.1),
        }
    return found
