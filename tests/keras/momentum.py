"""Two probes of the momentums that SGD applied.

``applied`` shows each of them, bit for bit. The model is one weight with a gradient of 0. Before each update the velocity is
set to 1 and the weight to 0. The update multiplies the velocity by its momentum and adds it to the weight: both are then the
momentum, exactly. With Nesterov's momentum, the weight is the momentum's square, rounded once.

``few_digits`` sets nothing between the updates, so several of them can be in one execution. Momentums, rates and gradients have
so few binary digits that nothing is rounded in 9 updates: the weights are those of ``exact_weights``.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

import clr_ref

UPDATES = 9
#: A momentum and the rate against which it moves.
FEW_DIGITS = clr_ref.triangular(1.0, 0.5, step_size=2), clr_ref.triangular(0.5, 1.0, step_size=2)


def exact_weights(momentum: Callable[[int], Any], rate: Any, nesterov: bool = False) -> list[Fraction]:
    """The weights of ``few_digits``, by the rule of SGD with momentum in rational numbers."""
    weights, velocities = [Fraction(0)] * 2, [Fraction(0)] * 2
    for step in range(UPDATES):
        for index, gradient in enumerate((-1, -2)):
            change, factor = Fraction(rate(step).item()) * gradient, Fraction(momentum(step).item())
            velocities[index] = velocities[index] * factor - change
            weights[index] += velocities[index] * factor - change if nesterov else velocities[index]
    return weights


def few_digits(drop_ins: Any, nesterov: bool = False, copies: int = 1, dtype: str = "float32", **compiled: Any) -> list[float]:
    """The two weights after ``UPDATES`` with the momentum and the rate of ``FEW_DIGITS``.

    Each batch has as many equal rows as there are ``copies``: one for each replica of a strategy. ``dtype`` is
    that of the weights.
    """
    keras, (momentum, rate) = drop_ins.keras, map(drop_ins.from_schedule, FEW_DIGITS)
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", dtype=dtype)
    model = keras.Sequential([keras.layers.InputLayer((2,)), dense])
    model.compile(drop_ins.SGD(rate, momentum=momentum, nesterov=nesterov), loss=lambda _, output: output, **compiled)
    rows = np.tile(np.array([[-1.0, -2.0]], np.float32), (UPDATES * copies, 1))
    model.fit(rows, rows[:, :1], batch_size=copies, verbose=0)
    return [float(weight) for weight in model.get_weights()[0].reshape(-1)]


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
