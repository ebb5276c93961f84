"""The learning rates that were applied, in the logs of ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref import _keras_api
from clr_ref._keras_api import keras


class LearningRateLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Log the learning rate that was applied, under ``"applied_learning_rate"``; with any schedule, or none.

    Keras itself logs no rate (History, CSVLogger), or that of the next step (TensorBoard). Place it before the callbacks that
    are to see it: ``callbacks=[LearningRateLogger(), CSVLogger("log.csv")]``; the logs of a batch hold the rate of its last
    update, those of an epoch that of the epoch's last. A rate that another callback changes has to be changed before the
    batch, as all of Keras's own do.

    Attributes:
        rates: the rates that the last ``fit`` applied, in order: one float for each update of the weights. With gradient
            accumulation that is one for every so many batches, with ``steps_per_execution`` several for each call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Start a new list."""
        self.rates = []
        self._done = self._iterations()
        self._rate = _reader(self.model)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Append the rates of the updates since the last call."""
        now = self._iterations()
        optimizer = _innermost(self.model.optimizer)
        every = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        self.rates += [self._rate(step) for step in range(self._done, now) if (step + 1) % every == 0]
        self._done = now
        self._log(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the last rate."""
        self._log(logs)

    def _log(self, logs: Any) -> None:
        if logs is not None and self.rates:
            logs["applied_learning_rate"] = self.rates[-1]

    def _iterations(self) -> int:
        if _keras_api.BACKEND == "jax":
            self.model.jax_state_sync()  # in the middle of an epoch, JAX's variables are stale
        optimizer = _innermost(self.model.optimizer)
        counter = optimizer._iterations if _keras_api.IS_KERAS_3 else optimizer.iterations
        return int(keras.backend.get_value(counter) if hasattr(keras.backend, "get_value") else counter.numpy())


def _innermost(optimizer: Any) -> Any:
    """The optimizer that applies rates, inside those that scale losses."""
    while getattr(optimizer, "inner_optimizer", None) is not None:
        optimizer = optimizer.inner_optimizer
    return optimizer


def _reader(model: Any) -> Callable[[int], float]:
    """The rate that a model's optimizer applies when its counter, which counts batches, stands at a step.

    A schedule is asked in the mode in which ``fit`` asks it: the bits of others than ours depend on it.
    """
    optimizer = _innermost(model.optimizer)
    legacy = hasattr(optimizer, "_decayed_lr")  # those up to TF 2.10, which hand out steps of the variables' dtype
    rate = optimizer._get_hyper("learning_rate") if legacy else getattr(optimizer, "_learning_rate", None)
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return lambda step: float(optimizer.learning_rate)
    if _keras_api.BACKEND != "tensorflow":
        return lambda step: float(rate(_keras_api.tensor(np.int32(step))))
    tf = _keras_api.tensorflow()
    jit = bool(getattr(model, "jit_compile", None) or getattr(model, "_jit_compile", None))
    ask = rate if model.run_eagerly else tf.function(rate, jit_compile=jit)
    kind = keras.backend.floatx() if legacy else "int64"
    return lambda step: float(ask(tf.cast(tf.constant(step, tf.int64), kind)))
