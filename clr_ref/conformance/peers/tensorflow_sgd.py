"""What the TensorFlow adapters share: TensorFlow, and the rates that one of its optimizers applies."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

tf: Any = importlib.import_module("tensorflow")


def applied(optimizer: Any, n: int, after: Callable[[int], None] | None = None) -> Sequence[Any]:
    """Returns the rates of the first n steps of an SGD: minus the weights, each of which had one unit gradient.

    ``after`` is called with the number of every step that was done.
    """
    weights = tf.Variable(tf.zeros(n))
    for at in range(n):
        optimizer.apply_gradients([(tf.one_hot(at, n), weights)])
        if after is not None:
            after(at)
    rates: Sequence[Any] = 0.0 - weights.numpy()
    return rates
