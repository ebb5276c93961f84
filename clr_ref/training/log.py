"""The results of a run so far: training adds to them, a checkpoint holds them, and the history is made of them."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from clr_ref.training import checkpoint, compiled, determinism
from clr_ref.training.compiled import ModelError
from clr_ref.training.samples import Samples

#: The keys of what is measured on the test data after every epoch, and all keys of an epoch in a report, in order.
VALIDATION = ("val_loss", "val_accuracy")
EPOCH = ("epoch", "loss", "accuracy", *VALIDATION, "learning_rate")
_ONE_UPDATE = "compile it with steps_per_execution=1 and without accumulation of gradients"


@dataclasses.dataclass
class Log:
    """The results of a run so far. ``hits`` has the number of correct predictions in each batch, NaN without an accuracy.

    ``rates`` is NaN for a step that was skipped, because its scaled gradients were not finite.
    """

    step: int = 0
    rates: list[float] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    hits: list[float] = dataclasses.field(default_factory=list)
    validation: list[Mapping[str, float]] = dataclasses.field(default_factory=list)
    on_step: Callable[[int], None] = lambda step: None

    @classmethod
    def resumed(cls, model: Any, stored: checkpoint.Checkpoint | None, on_step: Callable[[int], None]) -> Log:
        """The log of a checkpoint, after its state is put into the model; an empty log without a checkpoint."""
        if stored is None:
            return cls(on_step=on_step)
        model.set_weights(stored.weights)
        for variables, values in (
            (compiled.optimizer_variables(model.optimizer), stored.optimizer),
            (determinism.random_states(model), stored.random),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return cls(
            stored.step, stored.rates.tolist(), stored.losses.tolist(), stored.hits.tolist(), list(stored.validation), on_step
        )

    def checkpoint(self, model: Any) -> checkpoint.Checkpoint:
        """The state of the model and these results."""
        return checkpoint.Checkpoint(
            step=self.step,
            weights=tuple(model.get_weights()),
            optimizer=tuple(np.asarray(v.numpy()) for v in compiled.optimizer_variables(model.optimizer)),
            random=tuple(np.asarray(v.numpy()) for v in determinism.random_states(model)),
            rates=np.array(self.rates, np.float64),
            losses=np.array(self.losses, np.float64),
            hits=np.array(self.hits, np.float64),
            validation=tuple(self.validation),
        )

    def history(self, per_epoch: int, batch_size: int, n: int) -> list[dict[str, Any]]:
        """The entry of each complete epoch, as in ``Report``.

        Args:
            per_epoch: steps of an epoch.
            batch_size: samples of each step but the last of an epoch.
            n: samples of an epoch.
        """
        sizes = [batch_size] * (per_epoch - 1) + [n - (per_epoch - 1) * batch_size]
        entries = []
        for epoch, validated in enumerate(self.validation):
            steps = slice(epoch * per_epoch, (epoch + 1) * per_epoch)
            # fsum, because NumPy's sums depend on its version and on the CPU
            found = {
                "loss": math.fsum(map(operator.mul, self.losses[steps], sizes)) / n,
                "accuracy": math.fsum(self.hits[steps]) / n,
                **{name: validated[name] for name in VALIDATION if name in validated},
                "learning_rate": next((rate for rate in self.rates[steps][::-1] if not math.isnan(rate)), math.nan),
            }
            if not all(map(math.isfinite, self.hits[steps])):
                del found["accuracy"]
            entries.append({"epoch": epoch + 1, **found})
        return entries


def fit(model: Any, samples: Samples, batch_size: int, log: Log, callbacks: Sequence[Any] = ()) -> None:
    """Train once on these samples in this order, and add the results to the log.

    Args:
        model: the compiled model.
        samples: what to train on.
        batch_size: samples of each step; the last one takes the rest.
        log: the results so far.
        callbacks: further Keras callbacks. They find the applied rate in the logs of each batch.

    Raises:
        ModelError: Keras reported other steps than one for each batch, or no loss.
    """
    from clr_ref.keras import LearningRateLogger
    from clr_ref.keras.api import keras
    from clr_ref.keras.optimizers import scale_variables

    n = len(samples)
    logger, is_scaled = LearningRateLogger(), bool(scale_variables(model.optimizer))

    class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
        """Keeps the loss of each batch: Keras logs means since the start of ``fit``, which would differ after resuming."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.updates = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.reset_metrics()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            loss = _loss("train_step", logs)
            size = min(batch_size, n - batch * batch_size)
            rates, self.updates = logger.rates[self.updates :], len(logger.rates)
            if not rates and is_scaled:
                rates = [math.nan]
            if len(rates) != 1:
                raise ModelError(f"the model must make one update in each batch, got {len(rates)}; {_ONE_UPDATE}")
            logs["applied_learning_rate"] = rates[0]
            log.rates += rates
            log.losses.append(loss)
            log.hits.append(_hits(accuracy_of(logs), size))
            log.step += 1
            log.on_step(log.step)

    before, batches = log.step, -(-n // batch_size)
    every = [logger, Recorder(), *callbacks]
    model.fit(samples.x, samples.y, batch_size=batch_size, shuffle=False, verbose=0, callbacks=every)
    if log.step - before != batches:
        raise ModelError(f"the model must report each of its {batches} batches, got {log.step - before} reports; {_ONE_UPDATE}")


def evaluated(model: Any, samples: Samples) -> dict[str, float]:
    """The loss, and the accuracy if the model has one, on samples that it is not trained on.

    Raises:
        ModelError: the model does not tell its loss.
    """
    logs = model.evaluate(samples.x, samples.y, batch_size=256, verbose=0, return_dict=True)
    accuracy = accuracy_of(logs)
    found = {"val_loss": _loss("test_step", logs), "val_accuracy": accuracy}
    return {name: value for name, value in found.items() if not (name == "val_accuracy" and math.isnan(value))}


def _loss(method: str, logs: Mapping[str, Any]) -> float:
    if "loss" not in logs:
        got = ", ".join(name for name in logs if name != "applied_learning_rate") or "nothing"
        raise ModelError(f"the {method} of the model must return its loss as 'loss', got {got}")
    return float(logs["loss"])


def accuracy_of(logs: Mapping[str, Any]) -> float:
    """The first metric that is called an accuracy, such as accuracy or sparse_categorical_accuracy; NaN without one."""
    return next((float(value) for name, value in logs.items() if name == "acc" or name.endswith("accuracy")), math.nan)


def _hits(accuracy: float, size: int) -> float:
    """The number of hits in a batch. It is whole if each sample has one prediction; float32 has rounded the quotient."""
    hits = accuracy * size
    return float(round(hits)) if abs(hits - np.rint(hits)) <= size * 2.0**-22 else hits
