"""The momentum probe, which shows bit for bit the momentums that SGD applied.

The model is one weight with a gradient of 0. Before each update the velocity is set to 1 and the weight to 0. The update multiplies
the velocity by its momentum and adds it to the weight: both are then the momentum, exactly. With Nesterov's momentum the weight is
the momentum's square, rounded once.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def model(keras: Any, optimizer: Any, **compiled: Any) -> Any:
    """The probe, compiled. The loss is 0 times the output."""
    probe = keras.Sequential([keras.layers.InputLayer((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    probe.compile(optimizer=optimizer, loss=lambda _, output: 0.0 * output, **compiled)
    return probe


def fit(probe: Any, updates: int) -> None:
    rows = np.ones((updates, 1), np.float32)
    probe.fit(rows, rows, batch_size=1, verbose=0)


def velocity(probe: Any) -> Any:
    """The variable that holds the velocity; it is there after the first update."""
    optimizer = getattr(probe.optimizer, "inner_optimizer", None) or probe.optimizer
    return optimizer.momentums[0] if hasattr(optimizer, "momentums") else optimizer.get_slot(probe.weights[0], "momentum")


def build(probe: Any) -> None:
    """Make the velocity before the first update, which would multiply one of 0."""
    optimizer = getattr(probe.optimizer, "inner_optimizer", None) or probe.optimizer
    if hasattr(optimizer, "build"):
        optimizer.build(probe.trainable_variables)
    else:
        optimizer._create_all_weights(probe.trainable_variables)


def applied(probe: Any, updates: int) -> Any:
    """The momentums that a probe applies in its next updates, read off the velocity; and the weights after each of them."""
    build(probe)
    momentums, weights = [], []
    for _ in range(updates):
        velocity(probe).assign([[1.0]])
        probe.set_weights([np.zeros((1, 1), np.float32)])
        fit(probe, 1)
        momentums.append(np.asarray(velocity(probe)).item())
        weights.append(probe.get_weights()[0].item())
    return np.array(momentums, np.float32), np.array(weights, np.float32)
