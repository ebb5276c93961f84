"""A callback that acts on the weights at the end of each cycle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clr_ref._inputs import shown
from clr_ref.keras import api, base, compositions, optimizers
from clr_ref.keras.api import keras
from clr_ref.keras.around import innermost
from clr_ref.keras.per_update import PerUpdate

#: What a path may end with: the first saves the weights, the others the model with its optimizer.
_SUFFIXES = (".weights.h5", ".keras", ".h5")


class AtCycleEnd(keras.callbacks.Callback):  # type: ignore[misc]
    """Call a function, or save the model, after each update whose rate ends a cycle.

    That update has the minimum of the rate, if the rate rises first, and the weights are those after it, as snapshot ensembles
    and SWA need them. The steps are those of ``cycle_ends`` of the schedule. Cycles count as in the schedule, so a resumed run
    does not begin again at 1.

    The callback finds the schedule in the optimizer, also inside a LossScaleOptimizer, ``WarmUp``, ``Shifted``, ``CoolDown``
    and ``PerUpdate``. With ``steps_per_execution`` above 1, each end must be that of an execution, since no callback can act
    inside.

    Args:
        action: a function that is called with the model and the number of the cycle, or a path with ``{cycle}`` in it. A path
            that ends in .weights.h5 saves the weights, one in .keras or .h5 the model.
        optimizer: the optimizer whose updates are counted; by default the model's.

    Raises:
        TypeError: action is neither a function nor a path; the learning rate is no cyclical schedule of this module.
        ValueError: a path without ``{cycle}``, or with another ending; when training begins: an end inside an execution, or
            accumulated gradients without ``PerUpdate``.
        RuntimeError: the same during training, if the number of batches in an epoch was not known before; after the first
            batch: the train function was compiled with another schedule.

    Examples:
        >>> import numpy as np
        >>> from clr_ref.keras import AtCycleEnd, TriangularCyclicalLearningRate
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(TriangularCyclicalLearningRate(0.0, 0.1, 2)), "mse")
        >>> updates = []
        >>> at_end = AtCycleEnd(lambda model, cycle: updates.append((cycle, int(model.optimizer.iterations))))
        >>> history = model.fit(np.ones((9, 1)), np.ones((9, 1)), batch_size=1, callbacks=[at_end], verbose=0)
        >>> updates  # the update of step 4 is the fifth one
        [(1, 5), (2, 9)]
    """

    def __init__(self, action: Callable[[Any, int], Any] | str | os.PathLike[str], optimizer: Any = None) -> None:
        super().__init__()
        self._action = action if callable(action) else _saving(action)
        self._given = optimizer

    def on_train_begin(self, logs: Any = None) -> None:
        """Find the schedule."""
        self._optimizer = getattr(self.model, "optimizer", None) if self._given is None else self._given
        rate = optimizers.rate_of(optimizers.applying(self._optimizer))
        self._every = rate.gradient_accumulation_steps if isinstance(rate, PerUpdate) else 1
        schedule = rate.schedule if isinstance(rate, PerUpdate) else rate
        if not isinstance(schedule, (base.Schedule, compositions.Composition)) or not hasattr(schedule, "reference"):
            raise TypeError(
                "the learning rate must be a cyclical schedule of clr_ref.keras, also inside WarmUp, Shifted, CoolDown "
                f"and then PerUpdate, got {shown(innermost(rate))}"
            )
        accumulated = optimizers.rules_of(self._optimizer).every
        if accumulated not in (1, self._every):
            raise ValueError(
                f"the optimizer updates the weights every {accumulated} batches: give it "
                f"PerUpdate(schedule, {accumulated}), so that a cycle ends at an update"
            )
        self._reference = schedule.reference
        self._is_checked = self._is_applied = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Check the executions before the first batch. Other callbacks have restored the counter by now."""
        self._before = self._counter()
        if not self._is_checked:
            self._check(epoch)
            self._is_checked = True

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Read the counter: a callback may have set it since the last batch."""
        self._before = self._counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Act if the last update ended a cycle."""
        self._act()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Act as after a batch: data that ends inside an execution can end the epoch without ``on_train_batch_end``."""
        self._act()

    def _act(self) -> None:
        before, self._before = self._before, self._counter()
        if before != self._before and not self._is_applied:  # known only now: the first batch may have compiled the function
            self._check_applied()
            self._is_applied = True
        for counter, cycle in zip(*self._ends(before, self._before), strict=True):
            if counter + 1 != self._before:
                raise RuntimeError(_inside(int(cycle), int(counter), self._before - before))
            self._action(self.model, int(cycle))

    def _check_applied(self) -> None:
        """Raise RuntimeError if the train function was compiled with other rates, which it keeps."""
        applying = optimizers.applying(self._optimizer)
        if optimizers.is_compiled(self.model) and not optimizers.may_apply(applying, optimizers.rate_of(applying)):
            raise RuntimeError(
                "the model's train function was compiled with another schedule, whose cycles end at other updates. "
                "Set model.train_function = None, or call model.compile again, before fit"
            )

    def _counter(self) -> int:
        if api.ON_JAX:
            self.model.jax_state_sync()  # in the middle of an epoch, JAX's variables are stale
        return optimizers.state_of(self._optimizer).iterations

    def _ends(self, first: int, last: int) -> tuple[Any, Any]:
        """Return the values first <= counter < last at the updates that end a cycle, and the numbers of the cycles.

        With ``PerUpdate``, the update of a step is made at the last of its batches.
        """
        stop = max(last // self._every, first // self._every)
        steps, cycles = self._reference._numbered_ends(first // self._every, stop)
        return steps * self._every + self._every - 1, cycles

    def _check(self, epoch: int) -> None:
        """Raise ValueError if a cycle will end inside an execution, as far as the lengths of the epochs are known."""
        executed, batches = optimizers.steps_per_execution(self.model), self.params.get("steps")
        if executed == 1 or not batches:
            return
        counters, cycles = self._ends(self._before, self._before + (self.params["epochs"] - epoch) * batches)
        done = (counters + 1 - self._before) % batches  # of the batches of the epoch; 0 for all of them
        inside = np.flatnonzero(done % executed)
        if len(inside):
            raise ValueError(_inside(int(cycles[inside[0]]), int(counters[inside[0]]), executed))


def _inside(cycle: int, counter: int, executed: int) -> str:
    return (
        f"cycle {cycle} ends at step {counter}, inside an execution of {executed} steps, where no callback can act: "
        "use steps_per_execution=1, or another number after which each cycle ends"
    )


def _saving(path: Any) -> Callable[[Any, int], None]:
    """Return the function that saves a model or its weights to a path with ``{cycle}``."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"action must be a function of the model and the cycle, or a path with {{cycle}}, got {shown(path)}")
    text = str(os.fspath(path))
    try:
        is_one_file = text.format(cycle=1) == text.format(cycle=2)
    except (KeyError, IndexError, ValueError):
        is_one_file = True
    if is_one_file or not text.endswith(_SUFFIXES):
        raise ValueError(f"action must be a path with {{cycle}} that ends in {', '.join(_SUFFIXES)}, got {shown(text)}")

    def save(model: Any, cycle: int) -> None:
        out = Path(text.format(cycle=cycle))
        out.parent.mkdir(parents=True, exist_ok=True)
        (model.save_weights if text.endswith(_SUFFIXES[0]) else model.save)(str(out))

    return save
