"""What a process of its own does for a worker: it says what it would compute with, and trains one cell at a time.

No other code may run in this process. A worker of Dask has threads that draw from Python's ``random``, from which Keras 3 takes
its seeds: in such a process the initial weights are the expected ones only most of the time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_ref._files import said
from clr_ref.conformance.load import LoadError, described as described_error, load_function
from clr_ref.study.cell import Cell
from clr_ref.training import compiled, data as fashion, determinism, experiment as experiments, provenance
from clr_ref.training.checkpoint import CheckpointError
from clr_ref.training.data import Split
from clr_ref.training.experiment import TUTORIAL, Experiment
from clr_ref.training.made import made, samples
from clr_ref.training.repeats import first_steps
from clr_ref.training.report import Report, described
from clr_ref.training.samples import Samples


class UnfitError(Exception):
    """A process cannot run the study; the message says why."""


class CellError(Exception):
    """A cell cannot be trained; the message says why."""


@dataclasses.dataclass(frozen=True)
class Material:
    """What the models of a study are made of.

    Args:
        folder: where ``file.py:make`` is searched, and the modules of ``package.module:make`` too.
        models: their names, as in the file of the study.
        subset: how many of the first samples are trained on; None for all.
        validation: the share of the samples, at their end, that is measured with if ``make`` returns no others.
        loss: of models that are not compiled.
        batch_size: samples per step.
    """

    folder: str
    models: tuple[str, ...]
    subset: int | None
    validation: float
    loss: str | None
    batch_size: int


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model with its data. ``build`` is None for the tutorial's network."""

    train: Split | Samples
    test: Split | Samples
    build: Callable[[], Any] | None


def describe(material: Material) -> dict[str, Any]:
    """What this process computes with: versions, CPU, settings, and for each model its data and its first steps.

    Raises:
        UnfitError: it cannot run the study: TensorFlow was imported too early, a model cannot be made, or does not repeat.
    """
    _quieten()
    try:
        settings = determinism.prepare()
    except (ImportError, RuntimeError) as error:  # TooLateError is a RuntimeError
        raise UnfitError(str(error)) from None
    return {
        "versions": provenance.versions(),
        "cpu": provenance.cpu(),
        "settings": dataclasses.asdict(settings),
        "models": {model: _described_model(material, model) for model in material.models},
    }


def train(
    cell: Cell,
    material: Material,
    model: Mapping[str, Any],
    folder: str | None,
    on_step: Callable[[int], None] = lambda step: None,
) -> dict[str, Any]:
    """The report of a cell, as in ``Report.to_json``.

    Args:
        cell: what to train.
        material: what its model is made of.
        model: what ``describe`` has to say of it.
        folder: where checkpoints are kept: also after this process ends, so that the next one resumes. None, or a folder that
            this machine does not have, for a folder that is removed at the end.
        on_step: called after every optimizer step.

    Raises:
        CellError: the model cannot be trained so, the data are others, or the range test suggests no bounds.
    """
    _quieten()
    determinism.prepare()
    with _checkpoints(folder) as place:
        subject = _subject(material, cell.experiment.model)
        try:
            report, tested = _trained(cell, subject, place, on_step)
        except CheckpointError:  # that of a worker with another CPU or other versions, or damaged
            (place / experiments.CHECKPOINT).unlink()
            report, tested = _trained(cell, subject, place, on_step)
        except compiled.ModelError as error:
            raise CellError(str(error)) from None
        if report.data != model["data"]:
            raise CellError(
                f"the data of {cell.experiment.model} changed while the study ran, from {model['data']} to {report.data}"
            )
        found: dict[str, Any] = json.loads(report.to_json())
        return found | {"range_test": tested}


def _trained(
    cell: Cell, subject: Subject, folder: Path, on_step: Callable[[int], None]
) -> tuple[Report, dict[str, Any] | None]:
    """The report, and the range test that the bounds come from."""
    from clr_ref.keras.api import keras

    keras.backend.clear_session()  # names and memory as in a new process
    experiment, tested = cell.experiment, None
    if cell.swept is not None:
        experiment, tested = _with_bounds(cell, subject)
    trained = experiments.run(experiment, subject.train, subject.test, build=subject.build, folder=folder, on_step=on_step)
    return trained, tested


def _described_model(material: Material, name: str) -> dict[str, Any]:
    subject = _subject(material, name)
    chosen = Experiment(0.01, batch_size=material.batch_size, model=name)
    if subject.build is not None:
        with _explained(name):
            is_compiled = getattr(subject.build(), "optimizer", None) is not None
        chosen = dataclasses.replace(chosen, schedule=None if is_compiled else chosen.schedule, loss=material.loss)
    data = {"train": described(subject.train), "test": described(subject.test)}
    _loaded.cache_clear()
    again = _subject(material, name)
    if data != {"train": described(again.train), "test": described(again.test)}:
        raise UnfitError(f"{name} returns other data when it is called again with the same seed")
    with _explained(name):
        return {"data": data, "first_steps_sha256": first_steps(chosen, subject.train, subject.test, subject.build)}


def _subject(material: Material, name: str) -> Subject:
    """The model and its data; read again if the file of the model has changed, since workers of a cluster outlive commands."""
    if name == TUTORIAL:
        return _loaded(material, name, "")
    place, _, attribute = name.rpartition(":")
    path = Path(material.folder, place)
    if path.suffix != ".py":
        return _loaded(material, name, "")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnfitError(f"{path} cannot be read: {said(error)}") from None
    return _loaded(material, f"{path}:{attribute}", digest)


@functools.lru_cache(maxsize=4)
def _loaded(material: Material, target: str, digest: str) -> Subject:
    if target == TUTORIAL:
        try:
            pictures = fashion.load()
        except fashion.DataError as error:
            raise UnfitError(str(error)) from None
        train, test = pictures.train, pictures.test
        if material.subset is not None:
            train, test = _first(train, material.subset), test.first(max(1, min(len(test), material.subset // 6)))
        return Subject(train, test, None)
    if material.folder not in sys.path:
        sys.path.insert(0, material.folder)
    try:
        make = load_function(target)
    except LoadError as error:
        raise UnfitError(str(error)) from None
    determinism.seed_everything(0)
    with _explained(target):
        found = made(make(), target)
        whole = samples(found.data, target)
        if found.validation is None:
            held_out = round(len(whole) * material.validation)
            if not 0 < held_out < len(whole):
                raise UnfitError(f"validation must leave samples on both sides, got {material.validation} of {len(whole)}")
            train_samples, test_samples = whole.rows(slice(-held_out)), whole.rows(slice(-held_out, None))
        else:
            train_samples, test_samples = whole, samples(found.validation, target)
    if material.subset is not None:
        train_samples = _first(train_samples, material.subset)
    return Subject(train_samples, test_samples, lambda: made(make(), target).model)


def _first(data: Any, n: int) -> Any:
    if n > len(data):
        raise UnfitError(f"subset must be a whole number 1 .. {len(data)}, got {n}")
    return data.first(n) if isinstance(data, Split) else data.rows(slice(n))


def _with_bounds(cell: Cell, subject: Subject) -> tuple[Experiment, dict[str, Any]]:
    """The experiment with the bounds that a range test of its model and seed suggests, and that range test."""
    from clr_ref.range_test import range_test

    assert cell.swept is not None
    arrays = experiments.as_samples(subject.train)
    model = compiled.compiled(cell.experiment, arrays, subject.build, cell.experiment.schedule)
    found = range_test(
        model,
        arrays.x,
        arrays.y,
        minimal_learning_rate=cell.swept.minimal_learning_rate,
        maximal_learning_rate=cell.swept.maximal_learning_rate,
        steps=cell.swept.steps,
        batch_size=cell.experiment.batch_size,
        seed=cell.experiment.seed,
    )
    bounds = (found.suggestion.initial_learning_rate, found.suggestion.maximal_learning_rate)
    if bounds[0] is None or bounds[1] is None:
        raise CellError(f"the range test suggests no bounds: {found.suggestion.reason}")
    tested = {
        "initial_learning_rate": bounds[0],
        "maximal_learning_rate": bounds[1],
        "reason": found.suggestion.reason,
        "stopped": found.stopped,
    }
    return dataclasses.replace(cell.experiment, schedule=cell.swept.schedule(bounds[0], bounds[1])), tested


@contextlib.contextmanager
def _checkpoints(folder: str | None) -> Iterator[Path]:
    """Yield a folder for checkpoints; it is removed after the last one has served its purpose."""
    if folder is not None and Path(folder).parent.is_dir():
        place = Path(folder)
        place.mkdir(exist_ok=True)
        yield place
        shutil.rmtree(place, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory(prefix="clr-ref-") as name:
        yield Path(name)


@contextlib.contextmanager
def _explained(target: str) -> Iterator[None]:
    """Make an UnfitError of what a user's function, model or data raise."""
    try:
        yield
    except UnfitError:
        raise
    except compiled.ModelError as error:
        raise UnfitError(str(error)) from None
    except Exception as error:
        raise UnfitError(f"{target} raised {described_error(error, target)}") from error


def _quieten() -> None:
    """Let nothing but errors reach the terminal of the command, which a worker on the same machine shares."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("tensorflow", "absl", "keras"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
