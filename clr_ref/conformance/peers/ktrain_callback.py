"""ktrain's CyclicLR, a Keras callback: called as ``fit`` calls it, once after every batch.

It has no state to save, so chapter 10 does not apply to it. It sets the rate of an optimizer. To read a rate, a stand-in that
rounds to float32, as Keras does, is enough; to apply rates, Keras's SGD is used.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Sequence
from typing import Any

import numpy as np

from clr_ref.conformance.peers.registry import Bug
from clr_ref.conformance.peers.tensorflow_sgd import applied, tf

CyclicLR: Any = importlib.import_module("ktrain.lroptimize.triangular").CyclicLR


class Rate:
    """As much of a Keras variable as the callback uses."""

    dtype = np.dtype("float32")

    def __init__(self) -> None:
        self.value = np.float32(0.0)

    def assign(self, value: Any) -> None:
        self.value = np.float32(value)


class Schedule:
    """The rate after a number of batches."""

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self, step: int) -> Any:
        """Returns the rate, after two batches: it depends on the count and on the half cycle of the last batch alone."""
        optimizer = types.SimpleNamespace(lr=Rate())
        callback = self._begin(optimizer)
        callback.clr_iterations = max(step - 2, 0)
        for batch in range(min(step, 2)):
            callback.on_batch_end(batch)
        return optimizer.lr.value

    def applied(self, n: int) -> Sequence[Any]:
        optimizer = tf.keras.optimizers.legacy.SGD(0.0)
        return applied(optimizer, n, self._begin(optimizer).on_batch_end)

    def _begin(self, optimizer: Any) -> Any:
        callback = CyclicLR(**self._arguments, max_momentum=None, min_momentum=None)
        callback.model = types.SimpleNamespace(optimizer=optimizer)
        callback.on_train_begin()
        return callback


def make(
    policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
) -> Any:
    return Schedule(base_lr=initial_learning_rate, max_lr=maximal_learning_rate, step_size=step_size, mode=policy, gamma=gamma)


def _second_half() -> str:
    found = make("triangular", initial_learning_rate=0.5, maximal_learning_rate=1.0, step_size=10)
    rate = float(found(15))
    return f"0.5 to 1 in 10 steps: the rate of step 15 is {rate:.7g}, not 0.75" if abs(rate - 0.75) > 1e-6 else ""


BUGS = (
    Bug(
        "the base becomes maximal/1000 in the falling half",
        "https://github.com/amaiya/ktrain/blob/master/ktrain/lroptimize/triangular.py",
        _second_half,
    ),
)
