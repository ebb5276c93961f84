"""One seeded training run of the tutorial's network, which gives the same bits every time.

    from clr_ref.training import data, experiment
    pictures = data.load()
    chosen = experiment.Experiment(clr_ref.triangular2(1e-4, 1e-2, 1874))
    print(experiment.run(chosen, pictures.train, pictures.test).to_json())

NumPy draws the initial weights and the order of the pictures, so that all versions of Keras start with the same weights and see
the same batches.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref._files import remove_leftovers
from clr_ref._inputs import one_of, shown
from clr_ref.exact.rounding import rounded_input
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.training import checkpoint, determinism, provenance
from clr_ref.training.data import Split
from clr_ref.training.model import build, checked_seed, initial_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Experiment", "Report", "run"]


def __dir__() -> list[str]:
    return __all__


FORMAT = 1
CHECKPOINT = "checkpoint.npz"
#: The keys of what is measured on the test pictures after every epoch, and all keys of an epoch in a report, in order.
VALIDATION = ("val_loss", "val_accuracy")
EPOCH = ("epoch", "loss", "accuracy", *VALIDATION, "learning_rate")


@dataclasses.dataclass(frozen=True)
class Experiment:
    """The training of the tutorial's network with plain SGD.

    Args:
        schedule: the learning rate: a cyclical one, which the drop-in of ``clr_ref.keras`` computes, or a constant.
        arithmetic: of the drop-in, ``"exact"`` or ``"tfa"``.
        epochs: passes over the data.
        batch_size: pictures per optimizer step; the last step of an epoch takes the rest.
        seed: of the initial weights, the order of the pictures and the dropout masks.
        dropout: False leaves out the SpatialDropout2D.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is outside its range.
    """

    schedule: CyclicalLearningRate | float
    arithmetic: Literal["exact", "tfa"] = "exact"
    epochs: int = 10
    batch_size: int = 64
    seed: int = 0
    dropout: bool = True

    def __post_init__(self) -> None:
        # The fields are Python's own types, of which JSON can be made.
        checked: dict[str, Any] = {"arithmetic": one_of("arithmetic", self.arithmetic, ("exact", "tfa"))}
        if not isinstance(self.schedule, CyclicalLearningRate):
            if isinstance(self.schedule, bool) or not isinstance(self.schedule, (int, float, np.floating, np.integer)):
                raise TypeError(f"schedule must be a CyclicalLearningRate or a number, got {shown(self.schedule)}")
            try:
                checked["schedule"] = rounded_input("schedule", self.schedule, "float64")
            except ValueError:
                checked["schedule"] = -1.0
            if checked["schedule"] < 0:
                found = shown(self.schedule)
                raise ValueError(f"schedule must be a CyclicalLearningRate or a finite number >= 0, got {found}")
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, (bool, np.timedelta64)) or not isinstance(value, (int, np.integer)):
                raise TypeError(
                    f"{name} must be a whole number 1 .. 2**63-1, got {shown(value)} of type {type(value).__name__}"
                )
            if not 1 <= value < 2**63:
                raise ValueError(f"{name} must be a whole number 1 .. 2**63-1, got {shown(value)}")
            checked[name] = int(value)
        if not isinstance(self.dropout, (bool, np.bool_)):
            raise TypeError(f"dropout must be True or False, got {shown(self.dropout)} of type {type(self.dropout).__name__}")
        checked |= {"seed": checked_seed(self.seed), "dropout": bool(self.dropout)}
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def to_data(self) -> dict[str, Any]:
        """The experiment as a JSON value, with rates as hex floats.

        Raises:
            ValueError: the schedule's scale function has no name under which it can be stored.
        """
        data = dataclasses.asdict(self)
        if isinstance(self.schedule, CyclicalLearningRate):
            data["schedule"] = json.loads(self.schedule.to_json())
        else:
            data["schedule"] = float(self.schedule).hex()
        return data


@dataclasses.dataclass(frozen=True, eq=False)
class Report:
    """The results of a run.

    - ``rates`` (float64) has the applied rate of each optimizer step, from ``clr_ref.keras.LearningRateLogger``.
    - ``losses`` (float64) has the mean loss over the batch of each step.
    - ``history`` has an entry for each complete epoch, with the keys EPOCH. Epochs count from 1; loss and accuracy are those of
      training over the epoch, val_loss and val_accuracy those on the test pictures after it; learning_rate is the last applied.
    - ``weights_sha256`` is of the little-endian float32 bytes of all final weights, in the order of ``model.get_weights()``.
    - ``resumed_at`` is the step at which this call resumed from a checkpoint, or 0.
    """

    experiment: Mapping[str, Any]
    learning_rate: str
    data: Mapping[str, Any]
    versions: Mapping[str, str]
    cpu: Mapping[str, Any]
    settings: determinism.Settings
    steps_per_epoch: int
    resumed_at: int
    complete: bool
    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    history: tuple[Mapping[str, Any], ...]
    weights_sha256: str

    def digests(self) -> dict[str, Any]:
        """The number of steps and three sha256. Two runs are the same in every bit if all of these agree."""
        return {
            "steps": len(self.rates),
            "rates_sha256": _sha256(self.rates.astype("<f4")),
            "losses_sha256": _sha256(self.losses.astype("<f4")),
            "weights_sha256": self.weights_sha256,
        }

    def to_json(self) -> str:
        """The report as one JSON object.

        It leaves out ``resumed_at``, so that it is the same whether the run was interrupted or not. Rates and losses are exact,
        because JSON numbers hold every float.
        """
        names = [field.name for field in dataclasses.fields(self) if field.name != "resumed_at"]
        document = {
            "format": FORMAT,
            **{name: getattr(self, name) for name in names},
            "settings": dataclasses.asdict(self.settings),
            "digests": self.digests(),
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
        }
        return json.dumps(document, indent=1)


def run(
    experiment: Experiment,
    train: Split,
    test: Split,
    *,
    learning_rate: Any = None,
    folder: Path | None = None,
    until: int | None = None,
    on_step: Callable[[int], None] | None = None,
) -> Report:
    """The report of training an experiment. It calls ``determinism.prepare``, so call it before TensorFlow is imported.

    Args:
        experiment: what to train.
        train: the pictures to train with.
        test: the pictures to measure with after every epoch.
        learning_rate: a Keras learning rate, such as TFA's, to use instead of the drop-in for ``experiment.schedule``.
        folder: where a checkpoint with the name CHECKPOINT is kept after every epoch. A run that finds its own checkpoint there
            resumes from it. Only one run at a time may use the folder.
        until: stop after this many optimizer steps in all, also in the middle of an epoch. If there is a folder, a checkpoint
            is kept then too.
        on_step: called after every optimizer step with the number of steps so far.

    Raises:
        CheckpointError: the folder holds a damaged checkpoint, or that of another run.
        TooLateError: as ``determinism.prepare``.
        ValueError: ``until`` is outside 0 .. the steps of the experiment.
    """
    settings = determinism.prepare()
    per_epoch = -(-len(train) // experiment.batch_size)
    total = per_epoch * experiment.epochs
    if until is not None and (isinstance(until, bool) or not isinstance(until, (int, np.integer)) or not 0 <= until <= total):
        raise ValueError(f"until must be a whole number 0 .. {total}, the steps of the experiment, got {shown(until)}")
    determinism.seed_everything(experiment.seed)
    if learning_rate is None:
        learning_rate = keras_rate(experiment)
    model = _compiled(experiment, learning_rate)
    identity: dict[str, Any] = {
        "experiment": experiment.to_data(),
        "learning_rate": _class_name(learning_rate),
        "data": {"train": described(train), "test": described(test)},
        "versions": provenance.versions(),
        "cpu": provenance.cpu(),
        "settings": dataclasses.asdict(settings),
    }
    path = folder / CHECKPOINT if folder is not None else None
    if path is not None:
        remove_leftovers(path)
    stored = checkpoint.load(path, identity) if path is not None else None
    log = _Log.resumed(model, stored, on_step)
    resumed_at = log.step
    stop = total if until is None else until
    while log.step < stop:
        epoch, done = divmod(log.step, per_epoch)
        rows = epoch_order(experiment.seed, epoch, len(train))
        rows = rows[done * experiment.batch_size : (stop - epoch * per_epoch) * experiment.batch_size]
        _fit(model, train, rows, experiment.batch_size, log)
        if log.step % per_epoch == 0:
            log.validation.append(_evaluated(model, test))
        if path is not None:
            checkpoint.save(path, log.checkpoint(model), identity)
    return Report(
        **identity | {"settings": settings},
        steps_per_epoch=per_epoch,
        resumed_at=resumed_at,
        complete=log.step == total,
        rates=np.array(log.rates, np.float64),
        losses=np.array(log.losses, np.float64),
        history=tuple(_history(log, per_epoch, experiment.batch_size, len(train))),
        weights_sha256=weights_sha256(model),
    )


def keras_rate(experiment: Experiment) -> Any:
    """The Keras learning rate of an experiment: the drop-in of ``clr_ref.keras``, or the constant."""
    schedule = experiment.schedule
    if not isinstance(schedule, CyclicalLearningRate):
        return float(schedule)
    from clr_ref import keras

    return keras.CyclicalLearningRate(
        schedule.initial_learning_rate,
        schedule.maximal_learning_rate,
        schedule.step_size,
        schedule.scale_fn,
        schedule.scale_mode,
        step_size_down=schedule.step_size_down,
        arithmetic=experiment.arithmetic,
    )


def epoch_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order of n pictures in an epoch, counted from 0: a permutation of 0 .. n-1, of shape (n,).

    It is the order of raw random numbers by size, so that it is the same on every version of NumPy (see
    ``model.initial_weights``).
    """
    drawn = np.random.PCG64(np.random.SeedSequence([checked_seed(seed), 1, epoch])).random_raw(n)
    return np.argsort(drawn, kind="stable").astype(np.int64)


def weights_sha256(model: Any) -> str:
    """The sha256 of a model's weights, as in ``Report``."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights, "<f4").tobytes())
    return digest.hexdigest()


def described(split: Split) -> dict[str, Any]:
    """The pictures in a report: their number, and the sha256 of their bytes."""
    return {"pictures": len(split), "images_sha256": _sha256(split.images), "labels_sha256": _sha256(split.labels)}


def _compiled(experiment: Experiment, learning_rate: Any) -> Any:
    from clr_ref.keras.api import keras

    model = build(initial_weights(experiment.seed), dropout=experiment.dropout)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    if hasattr(model.optimizer, "build"):  # legacy optimizers, which have no build, make their variables at once
        model.optimizer.build(model.trainable_variables)  # a checkpoint can only be restored into variables that exist
    return model


@dataclasses.dataclass
class _Log:
    """The results of a run so far."""

    step: int = 0
    rates: list[float] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    hits: list[int] = dataclasses.field(default_factory=list)
    validation: list[Mapping[str, float]] = dataclasses.field(default_factory=list)
    on_step: Callable[[int], None] | None = None

    @classmethod
    def resumed(cls, model: Any, stored: checkpoint.Checkpoint | None, on_step: Callable[[int], None] | None) -> _Log:
        """The log of a checkpoint, after its state is put into the model; an empty log without a checkpoint."""
        if stored is None:
            return cls(on_step=on_step)
        model.set_weights(stored.weights)
        for variables, values in (
            (_optimizer_variables(model.optimizer), stored.optimizer),
            (determinism.random_states(model), stored.random),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return cls(
            stored.step, stored.rates.tolist(), stored.losses.tolist(), stored.hits.tolist(), list(stored.validation), on_step
        )

    def checkpoint(self, model: Any) -> checkpoint.Checkpoint:
        return checkpoint.Checkpoint(
            step=self.step,
            weights=tuple(model.get_weights()),
            optimizer=tuple(np.asarray(v.numpy()) for v in _optimizer_variables(model.optimizer)),
            random=tuple(np.asarray(v.numpy()) for v in determinism.random_states(model)),
            rates=np.array(self.rates, np.float64),
            losses=np.array(self.losses, np.float64),
            hits=np.array(self.hits, np.int64),
            validation=tuple(self.validation),
        )


def _optimizer_variables(optimizer: Any) -> list[Any]:
    """The variables of plain SGD: the step and, on newer Keras, the rate."""
    optimizer.iterations  # noqa: B018  # legacy optimizers make it at its first use
    return list(optimizer.variables() if callable(optimizer.variables) else optimizer.variables)


def _fit(model: Any, train: Split, rows: NDArray[np.int64], batch_size: int, log: _Log) -> None:
    """Train once on these rows in this order, and add the results to the log."""
    from clr_ref.keras import LearningRateLogger
    from clr_ref.keras.api import keras

    class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
        """Keeps the loss of each batch: Keras logs means since the start of ``fit``, which would differ after resuming."""

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.reset_metrics()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            size = min(batch_size, len(rows) - batch * batch_size)
            log.losses.append(float(logs["loss"]))
            log.hits.append(round(float(logs["accuracy"]) * size))
            log.step += 1
            if log.on_step is not None:
                log.on_step(log.step)

    logger = LearningRateLogger()
    model.fit(
        train.images[rows][..., np.newaxis],
        train.labels[rows],
        batch_size=batch_size,
        shuffle=False,
        verbose=0,
        callbacks=[logger, Recorder()],
    )
    log.rates += logger.rates


def _evaluated(model: Any, test: Split) -> dict[str, float]:
    logs = model.evaluate(test.images[..., np.newaxis], test.labels, batch_size=256, verbose=0, return_dict=True)
    return {"val_loss": float(logs["loss"]), "val_accuracy": float(logs["accuracy"])}


def _history(log: _Log, per_epoch: int, batch_size: int, n: int) -> list[dict[str, Any]]:
    sizes = [batch_size] * (per_epoch - 1) + [n - (per_epoch - 1) * batch_size]
    return [
        {
            "epoch": epoch + 1,
            # fsum, because NumPy's sums depend on its version and on the CPU
            "loss": math.fsum(map(operator.mul, log.losses[epoch * per_epoch :], sizes)) / n,
            "accuracy": sum(log.hits[epoch * per_epoch : (epoch + 1) * per_epoch]) / n,
            **{name: validated[name] for name in VALIDATION},
            "learning_rate": log.rates[(epoch + 1) * per_epoch - 1],
        }
        for epoch, validated in enumerate(log.validation)
    ]


def _class_name(learning_rate: Any) -> str:
    """The class that computes the rate, or "constant"."""
    kind = type(learning_rate)
    return "constant" if kind is float else f"{kind.__module__}.{kind.__qualname__}"


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
