"""A callback that logs the learning rates that ``fit`` applied."""

from __future__ import annotations

import math
import weakref
from typing import Any

from clr_ref.keras import api, optimizers
from clr_ref.keras.api import keras
from clr_ref.keras.around import variables_of

#: For each compiled train function, the rate or schedule of each optimizer with which it was traced, and its numbers then.
_traced: weakref.WeakKeyDictionary[Any, weakref.WeakKeyDictionary[Any, Any]] = weakref.WeakKeyDictionary()


class LearningRateLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Log the learning rates that ``fit`` applied, as ``"applied_learning_rate"``, with any schedule or with none.

    Keras itself logs no rate (History, CSVLogger), or that of the next step (TensorBoard). Place the logger before the
    callbacks that read the logs. The logs of a batch or an epoch hold the rate of the last update so far, or NaN before the
    first. A step that a LossScaleOptimizer skips is no update and has no rate. If the rates cannot be known, the logger raises
    an error instead of logging wrong ones.

    A compiled train function keeps the schedule with which it was traced, on every Keras except on torch. If you assign another
    one to ``optimizer.learning_rate``, batches of an old shape apply the old schedule, and those of a new shape the new one.
    The default optimizers of TF 2.11 to 2.15 and tf-keras store the rate of their last update, which the logger reads. With
    other optimizers, or several updates in one execution, it raises an error. It also raises one if a ``fit`` without a logger
    compiled the function, unless the schedule is a drop-in, which records the optimizers that called it then. Legacy optimizers
    cannot be told apart in that.

    With a custom ``train_step``, place the logger after callbacks that set ``optimizer.iterations`` before a batch: it cannot
    detect the wrong order.

    Args:
        optimizer: the optimizer whose updates are logged; by default the model's. Give the one that a custom ``train_step``
            uses, as in a GAN. With several, every logger logs one of them.

    Attributes:
        rates: the rates that the last ``fit`` applied, in order: one float for each update of the weights. With gradient
            accumulation that is one for every so many batches, with ``steps_per_execution`` several for each call.

    Raises:
        TypeError: an optimizer without a learning rate, or one that holds several optimizers, such as a MultiOptimizer.
        ValueError: no optimizer; when training begins.
        RuntimeError: the optimizer made no step in the whole first epoch.
        RuntimeError: a callback changed the rate or the counter between the logger's turns before and after a batch.
        RuntimeError: the train function was compiled with another schedule, or before a logger could see with which.
        RuntimeError: several steps ran in one execution, and it is unknown which of them the loss scale skipped.
        RuntimeError: the learning rate is a function that returned different values.

    Examples:
        >>> import numpy as np
        >>> from clr_ref.keras import LearningRateLogger, TriangularCyclicalLearningRate
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(TriangularCyclicalLearningRate(0.0, 1.0, 2)), "mse")
        >>> logger = LearningRateLogger()
        >>> history = model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=1, callbacks=[logger], verbose=0)
        >>> logger.rates
        [0.0, 0.5, 1.0, 0.5]
    """

    def __init__(self, optimizer: Any = None) -> None:
        super().__init__()
        self._given = optimizer
        self.rates: list[float] = []
        self._is_untraced = False
        self._first: int | None = None  # the batch that has begun

    def set_model(self, model: Any) -> None:
        """Note whether a train function exists before ``fit`` makes one: it may have been traced already."""
        super().set_model(model)
        self._is_untraced = getattr(model, "train_function", None) is None

    def on_train_begin(self, logs: Any = None) -> None:
        """Start a new list of rates."""
        self.rates = []
        self._optimizer = getattr(self.model, "optimizer", None) if self._given is None else self._given
        if self._optimizer is None:
            raise ValueError(
                "model.optimizer is None: give the optimizer that the model uses, as LearningRateLogger(optimizer=...)"
            )
        self._applying = optimizers.applying(self._optimizer)
        self._rules = optimizers.rules_of(self._optimizer)
        self._is_standard = self._given is None and optimizers.is_standard(self.model)
        self._has_batches = self._has_stepped = False
        self._rate: Any = None
        self._numbers: Any = None
        self._constant: float | None = None
        self._begin(None)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Read the counters: a callback may have restored or set them since the last batch."""
        self._begin(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Append the rates of the updates since the batch began."""
        # Keras 3.3 gives the number of the first batch of an execution, other releases that of the last one.
        self._append(None if self._first is None else max(batch - self._first + 1, optimizers.steps_per_execution(self.model)))
        self._log(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the last rate."""
        if self._first is not None and optimizers.steps_per_execution(self.model) > 1:
            self._append(None)  # data that ended inside an execution can end the epoch without on_train_batch_end
        self._first = None
        self._check_steps()
        self._log(logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Raise an error if the optimizer made no step."""
        self._check_steps()

    def _begin(self, batch: int | None) -> None:
        self._first = batch
        self._before = self._state()
        rate, compiled = optimizers.rate_of(self._applying), optimizers.is_compiled(self.model)
        if self._has_changed(rate):
            self._rate, self._numbers, self._constant = rate, optimizers.numbers_of(rate), None
            self._rate_at = optimizers.rate_at(self._applying, compiled=compiled, jit=optimizers.is_jit(self.model))
        constant, earlier = self._constant_rate(), self._constant
        if compiled and optimizers.is_function(rate) and earlier is not None and constant != earlier:
            raise RuntimeError(
                f"the learning rate is a function that returned {earlier!r} and then {constant!r}: "
                "a compiled train function keeps one value. Give the optimizer a number or a schedule"
            )
        self._constant, self._values = constant, _values(rate)
        self._doubt = self._doubt_of_trace() if compiled else None
        if self._doubt is not None and optimizers.last_rate(self._applying) is None:
            raise RuntimeError(self._doubt)

    def _append(self, batches: int | None) -> None:
        after = self._state()
        # The last execution of an epoch may have fewer steps than batches fit into it.
        steps = range(1, batches + 1) if self._is_standard and batches is not None else None
        updates = optimizers.updates(optimizers.used(self._before, after, self._rules, steps), self._rules)
        rate = optimizers.rate_of(self._applying)
        is_same = repr((self._constant_rate(), _values(rate))) == repr((self._constant, self._values))
        if self._has_changed(rate) or not is_same:
            raise RuntimeError(
                "the learning rate changed while a batch was trained: a callback sets it. "
                "Place LearningRateLogger after a callback that sets it before a batch, "
                "and before one that sets it after a batch"
            )
        last = optimizers.last_rate(self._applying) if len(updates) == 1 else None
        if updates and last is None and self._doubt is not None:
            raise RuntimeError(self._doubt)
        if not self._has_batches:  # now the model has its weights
            self._rounded = optimizers.rounding_of(self.model)
        self.rates += map(self._rounded, [self._rate_at(step) for step in updates] if last is None else [last])
        self._has_batches = True
        self._has_stepped = self._has_stepped or self._before != after
        self._before, self._first = after, None

    def _log(self, logs: Any) -> None:
        if logs is not None:
            logs["applied_learning_rate"] = self.rates[-1] if self.rates else math.nan

    def _state(self) -> optimizers.State:
        if api.ON_JAX:
            self.model.jax_state_sync()  # in the middle of an epoch, JAX's variables are stale
        return optimizers.state_of(self._optimizer)

    def _has_changed(self, rate: Any) -> bool:
        return rate is not self._rate or optimizers.numbers_of(rate) is not self._numbers

    def _constant_rate(self) -> float | None:
        """Return the rate if it is no schedule."""
        return None if optimizers.is_schedule(self._rate) else self._rate_at(0)

    def _doubt_of_trace(self) -> str | None:
        """Return why the compiled train function may apply another rate than the optimizer's, or None if it cannot."""
        function = getattr(self.model, "train_function", None)
        if function is None:
            self._is_untraced = True
            return None
        rates = _traced.setdefault(function, weakref.WeakKeyDictionary())
        if self._is_untraced:
            rates[self._applying] = self._rate, self._numbers
            self._is_untraced = False
        rate, numbers = rates.get(self._applying, (None, None))
        if api.is_variable(self._rate) or (rate is self._rate and numbers is self._numbers):
            return None
        if self._applying not in rates and optimizers.was_compiled_with(self._applying, self._rate):
            return None
        when = (
            "with another learning rate" if self._applying in rates else "before a LearningRateLogger saw with which schedule"
        )
        return (
            f"the model's train function was compiled {when}: the rates that it applies are unknown. "
            "Set model.train_function = None, or call model.compile again, before fit"
        )

    def _check_steps(self) -> None:
        if self._has_batches and not self._has_stepped:
            whose = "model.optimizer" if self._given is None else "the optimizer of LearningRateLogger"
            raise RuntimeError(
                f"{whose} made no step in the first epoch, so no rate is known. "
                "Give the optimizer that the model trains with, as LearningRateLogger(optimizer=...)"
            )


def _values(rate: Any) -> list[float]:
    """Return the present values of the variables of a drop-in."""
    return [float(api.to_numpy(variable)) for variable in variables_of(rate)]
