"""One seeded training run, which gives the same bits every time.

    from clr_ref.training import data, experiment
    pictures = data.load()
    chosen = experiment.Experiment(clr_ref.triangular2(1e-4, 1e-2, 1874))
    print(experiment.run(chosen, pictures.train, pictures.test).to_json())

NumPy draws the order of the samples, and the initial weights of the tutorial's network, so that all versions of Keras see the
same batches and start with the same weights. Keras draws the initial weights of other models, from the seed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref._files import make_folder, remove_leftovers
from clr_ref._inputs import one_of, shown
from clr_ref.exact.rounding import rounded_input
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.training import checkpoint, determinism, provenance
from clr_ref.training.compiled import compiled, keras_rate
from clr_ref.training.data import Split
from clr_ref.training.log import Log, evaluated, fit
from clr_ref.training.model import checked_seed
from clr_ref.training.model_data import model_data
from clr_ref.training.report import Report, described, weights_sha256
from clr_ref.training.samples import Samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Experiment", "Optimizer", "Report", "run"]


def __dir__() -> list[str]:
    return __all__


CHECKPOINT = "checkpoint.npz"
#: What ``Experiment.model`` calls the tutorial's network.
TUTORIAL = "tutorial"


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """A Keras optimizer.

    Args:
        name: what ``keras.optimizers.get`` takes, such as ``"adam"``.
        arguments: those of its class without the learning rate, which are JSON values.
    """

    name: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """The training of a Keras model; by default that of the tutorial's network with plain SGD.

    Args:
        schedule: the learning rate: a cyclical one, which the drop-in of ``clr_ref.keras`` computes, or a constant; or None for
            the optimizer and the rate of a compiled model.
        arithmetic: of the drop-in, ``"exact"`` or ``"tfa"``.
        epochs: passes over the data.
        batch_size: samples per optimizer step; the last step of an epoch takes the rest.
        seed: of the initial weights, the order of the samples and the dropout masks.
        dropout: False leaves out the SpatialDropout2D of the tutorial's network.
        model: the name of the model in the report.
        optimizer: the optimizer; by default that of a compiled model, and plain SGD for others.
        loss: the name of the loss of a model that is not compiled.

    Raises:
        TypeError, ValueError: an argument has the wrong type or is outside its range.
    """

    schedule: CyclicalLearningRate | float | None
    arithmetic: Literal["exact", "tfa"] = "exact"
    epochs: int = 10
    batch_size: int = 64
    seed: int = 0
    dropout: bool = True
    model: str = TUTORIAL
    optimizer: Optimizer | None = None
    loss: str | None = None

    def __post_init__(self) -> None:
        # The fields are Python's own types, of which JSON can be made.
        checked: dict[str, Any] = {"arithmetic": one_of("arithmetic", self.arithmetic, ("exact", "tfa"))}
        if not isinstance(self.schedule, CyclicalLearningRate) and (self.schedule is not None or self.model == TUTORIAL):
            checked["schedule"] = _constant(self.schedule)
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
        if self.model == TUTORIAL and self.loss is not None:
            raise ValueError(f"loss goes with a model that is not compiled, not with the tutorial's, got {shown(self.loss)}")
        if self.model != TUTORIAL and not self.dropout:
            raise ValueError(f"dropout=False goes with the tutorial's network, got model {shown(self.model)}")
        if self.schedule is None and self.optimizer is not None:
            raise ValueError("an optimizer needs a schedule: with None, the compiled model has both")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def to_data(self) -> dict[str, Any]:
        """The experiment as a JSON value, with rates as hex floats.

        Raises:
            ValueError: the schedule's scale function has no name under which it can be stored.
        """
        data = dataclasses.asdict(dataclasses.replace(self, schedule=0.0))
        if isinstance(self.schedule, CyclicalLearningRate):
            data["schedule"] = json.loads(self.schedule.to_json())
        else:
            data["schedule"] = None if self.schedule is None else float(self.schedule).hex()
        # A record of the tutorial's network stays as it was before there were others.
        for name, value in (("model", TUTORIAL), ("optimizer", None), ("loss", None)):
            if data[name] == value:
                del data[name]
        return data


def run(
    experiment: Experiment,
    train: Split | Samples,
    test: Split | Samples,
    *,
    build: Callable[[], Any] | None = None,
    learning_rate: Any = None,
    folder: str | os.PathLike[str] | None = None,
    until: int | None = None,
    on_step: Callable[[int], None] = lambda step: None,
    callbacks: Callable[[Any, Samples], Sequence[Any]] | None = None,
) -> Report:
    """The report of training an experiment. It calls ``determinism.prepare``, so call it before TensorFlow is imported.

    Args:
        experiment: what to train.
        train: what to train with.
        test: what to measure with after every epoch.
        build: returns the Keras model that ``experiment.model`` names, compiled or not. It is called once, after all random
            generators are seeded. By default the tutorial's network is built.
        learning_rate: a Keras learning rate, such as TFA's, to use instead of the drop-in for ``experiment.schedule``.
        folder: where a checkpoint with the name CHECKPOINT is kept after every epoch. A folder that is missing is made. A run
            that finds its own checkpoint there resumes from it. Only one run at a time may use the folder.
        until: stop after this many optimizer steps in all, also in the middle of an epoch. If there is a folder, a checkpoint
            is kept then too.
        on_step: called after every optimizer step with the number of steps so far.
        callbacks: called before each epoch, or the part of it that is left, with the model and the samples in their order;
            returns Keras callbacks. They find the applied rate in the logs of each batch.

    Raises:
        CheckpointError: the folder holds a damaged checkpoint, or that of another run.
        ModelError: the model cannot be trained so, or not so that it repeats.
        TooLateError: as ``determinism.prepare``.
        ValueError: ``until`` is outside 0 .. the steps of the experiment; ``build`` for the tutorial's network, or none for
            another.
        WriteError: the folder, or a checkpoint in it, cannot be written.
    """
    settings = determinism.prepare()
    per_epoch = -(-len(train) // experiment.batch_size)
    total = per_epoch * experiment.epochs
    if until is not None and (isinstance(until, bool) or not isinstance(until, (int, np.integer)) or not 0 <= until <= total):
        raise ValueError(f"until must be a whole number 0 .. {total}, the steps of the experiment, got {shown(until)}")
    if (build is None) != (experiment.model == TUTORIAL):
        raise ValueError(f"build must be given for every model but {TUTORIAL!r}, got {build!r} for {shown(experiment.model)}")
    path = None if folder is None else Path(folder) / CHECKPOINT
    if path is not None:  # before hours of training
        make_folder(path.parent)
        remove_leftovers(path)
    if learning_rate is None:
        learning_rate = keras_rate(experiment)
    samples, held_out = as_samples(train), as_samples(test)
    model = compiled(experiment, samples, build, learning_rate)
    identity = identified(experiment, model, learning_rate, train, test)
    kept = identity | ({} if path is None else {"model": model_data(model)})
    stored = None if path is None else checkpoint.load(path, kept)
    log = Log.resumed(model, stored, on_step)
    resumed_at = log.step
    stop = total if until is None else until
    while log.step < stop:
        epoch, done = divmod(log.step, per_epoch)
        rows = epoch_order(experiment.seed, epoch, len(train))
        rows = rows[done * experiment.batch_size : (stop - epoch * per_epoch) * experiment.batch_size]
        part = samples.rows(rows)
        fit(model, part, experiment.batch_size, log, () if callbacks is None else callbacks(model, part))
        if log.step % per_epoch == 0:
            log.validation.append(evaluated(model, held_out))
        if path is not None:
            checkpoint.save(path, log.checkpoint(model), kept)
    return Report(
        **identity | {"settings": settings},
        steps_per_epoch=per_epoch,
        resumed_at=resumed_at,
        complete=log.step == total,
        rates=np.array(log.rates, np.float64),
        losses=np.array(log.losses, np.float64),
        history=tuple(log.history(per_epoch, experiment.batch_size, len(train))),
        weights_sha256=weights_sha256(model),
    )


def identified(
    experiment: Experiment, model: Any, learning_rate: Any, train: Split | Samples, test: Split | Samples
) -> dict[str, Any]:
    """What a run is made of, as in its report: the same JSON values give the same bits.

    Args:
        experiment: what is trained.
        model: the compiled model.
        learning_rate: that of its optimizer; None for the model's own.
        train: what it is trained with.
        test: what it is measured with.
    """
    return {
        "experiment": experiment.to_data(),
        "learning_rate": _class_name(learning_rate, model),
        "data": {"train": described(train), "test": described(test)},
        "versions": provenance.versions(),
        "cpu": provenance.cpu(),
        "settings": dataclasses.asdict(determinism.prepare()),
    }


def epoch_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """The order of n samples in an epoch, counted from 0: a permutation of 0 .. n-1, of shape (n,).

    It is the order of raw random numbers by size, so that it is the same on every version of NumPy (see
    ``model.initial_weights``).
    """
    drawn = np.random.PCG64(np.random.SeedSequence([checked_seed(seed), 1, epoch])).random_raw(n)
    return np.argsort(drawn, kind="stable").astype(np.int64)


def _constant(rate: Any) -> float:
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.floating, np.integer)):
        raise TypeError(f"schedule must be a CyclicalLearningRate or a number, got {shown(rate)}")
    try:
        found = rounded_input("schedule", rate, "float64")
    except ValueError:
        found = math.nan
    if not found >= 0:
        raise ValueError(f"schedule must be a CyclicalLearningRate or a finite number >= 0, got {shown(rate)}")
    return found


def as_samples(data: Split | Samples) -> Samples:
    """The samples of a model's data; pictures get an axis of one channel."""
    return data if isinstance(data, Samples) else Samples(data.images[..., np.newaxis], data.labels)


def _class_name(learning_rate: Any, model: Any) -> str:
    """The class that computes the rate, or "constant"."""
    if learning_rate is None:
        from clr_ref.keras import optimizers

        learning_rate = optimizers.rate_of(optimizers.applying(model.optimizer))
        if not optimizers.is_schedule(learning_rate):
            return "constant"
    kind = type(learning_rate)
    return "constant" if kind is float else f"{kind.__module__}.{kind.__qualname__}"
