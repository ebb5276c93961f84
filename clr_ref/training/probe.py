"""The applied-rate probe, which shows bit for bit the learning rates that an optimizer applied.

The model is a Dense(1) without bias, whose kernel is zero. At step t its input is the t-th unit vector, and the loss is its
output. So the gradient is 1 in coordinate t and 0 elsewhere, and plain SGD leaves minus the rate of update t in coordinate t.
After T updates the kernel is minus the T applied rates, exactly. The probe reads neither a schedule nor a log. Therefore it
shows steps that are counted twice, or from the wrong start, or not restored, which a schedule and a log do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from clr_ref.keras.api import keras


def model(steps: int) -> Any:
    """The probe for this number of updates, not compiled."""
    return keras.Sequential(
        [keras.layers.InputLayer((steps,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )


def loss(_: Any, output: Any) -> Any:
    """The loss to compile the probe with: its output, whose gradient is 1."""
    return output


def batches(start: int, stop: int, steps: int, copies: int = 1) -> tuple[Any, Any]:
    """Inputs and unused targets of the updates start <= t < stop.

    Args:
        start: the first update.
        stop: the update after the last.
        steps: the number of updates of the probe.
        copies: equal rows for each update, which are its batch: one per replica of a strategy, or per accumulated batch.
    """
    rows = np.repeat(np.eye(steps, dtype=np.float32)[start:stop], copies, axis=0)
    return rows, np.zeros((len(rows), 1), np.float32)


def applied(probe: Any) -> Any:
    """The rates that were applied so far, as float32, and 0 for each update that was not made."""
    return 0.0 - np.asarray(probe.get_weights()[0], np.float32).reshape(-1)


def fit(optimizer: Any, steps: int, *, callbacks: Any = (), **compiled: Any) -> Any:
    """The rates that ``optimizer`` applies in ``steps`` updates under ``fit``: float32, shape (steps,).

    Args:
        optimizer: plain SGD, new; its momentum and decay must be 0.
        steps: the number of updates.
        callbacks: for ``fit``.
        compiled: further arguments of ``compile``.
    """
    probe = model(steps)
    probe.compile(optimizer=optimizer, loss=loss, **compiled)
    every = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    inputs, targets = batches(0, steps, steps, every)
    probe.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=list(callbacks))
    return applied(probe)
