"""Run a study: train the cells that are not there yet, and write each report as it comes."""

from __future__ import annotations

import collections
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_ref.study import cells, config, training, worker
from clr_ref.study.cell import Cell, sha256
from clr_ref.study.engine import Engine, Job, Plan
from clr_ref.training.changes import changes


@dataclasses.dataclass(frozen=True)
class Failure:
    """A cell without a report, and why."""

    arm: str
    model: str
    seed: int
    error: str


@dataclasses.dataclass(frozen=True)
class Result:
    """How many cells were there before, how many were trained now, and those that have failed.

    ``refused`` has the reason against each worker that was not used.
    """

    found: int
    trained: int
    failures: tuple[Failure, ...]
    refused: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Listener:
    """What is called while a study runs.

    Args:
        finished: called with a cell, and its report if it was trained now.
        failed: called with a cell and the text of its error.
        refused: called with the address of a worker, and why it is not used.
        running: called with the number of workers that train.
    """

    finished: Callable[[Cell, Mapping[str, Any] | None], None]
    failed: Callable[[Cell, str], None]
    refused: Callable[[str, str], None]
    running: Callable[[int], None]


def run(
    study: config.Study, client: Any, home: Path, out: Path, name: str, listener: Listener, *, mixed: bool = False
) -> Result:
    """Train all cells of a study that its folder does not have.

    Args:
        study: the grid.
        client: that of a Dask cluster.
        home: the folder in which the files of models are searched.
        out: the folder of the study.
        name: that of the study, under which the folder knows it.
        listener: what is called meanwhile.
        mixed: also use workers whose versions or CPU differ from the others'; each report has its own.

    Raises:
        EngineError: the cluster cannot run the study. What has finished is written.
        BusyError: another command uses the folder.
        ChangedError: the index of the study is damaged.
        WriteError: a report cannot be written.
    """
    with cells.held(out):
        return _run(study, client, home, out, name, listener, mixed=mixed)


def _run(study: config.Study, client: Any, home: Path, out: Path, name: str, listener: Listener, *, mixed: bool) -> Result:
    stored = cells.read_index(out, name)
    material = training.Material(
        str(home.resolve()), study.models, study.subset, study.validation, study.loss, study.batch_size
    )
    counts: collections.Counter[str] = collections.Counter()
    failures: list[Failure] = []
    refused: dict[str, str] = {}

    def failed(cell: Cell, text: str) -> None:
        failures.append(Failure(cell.arm, cell.experiment.model, cell.experiment.seed, text))
        listener.failed(cell, text)

    def jobs(description: Any) -> Iterator[Job]:
        cells.write_index(out, name, cells.Index(study, description))
        for cell in study.cells():
            identity = cell.identity(description)
            try:
                report = cells.read(out, identity)
            except cells.ChangedError as error:
                failed(cell, str(error))
                continue
            if report is not None:
                counts["found"] += 1
                listener.finished(cell, None)
                continue
            checkpoints = out.resolve() / "checkpoints" / sha256(identity)
            model = description["models"][cell.experiment.model]
            yield Job((cell, identity), (cell, material, model, str(checkpoints)))

    def done(job: Job, report: Mapping[str, Any]) -> None:
        cell, identity = job.key
        cells.write(out, identity, report)
        counts["trained"] += 1
        listener.finished(cell, report)

    def refuse(address: str, reason: str) -> None:
        refused[address] = reason
        listener.refused(address, reason)

    Engine(
        client,
        Plan(
            inspect=worker.describe,
            inspect_arguments=(material,),
            reference=lambda found: _reference(found, None if stored is None else stored.description),
            misfit=lambda reference, found: _misfit(reference, found, mixed=mixed),
            jobs=jobs,
            work=worker.train,
            known=(training.CellError, training.UnfitError),
            done=done,
            failed=lambda job, text: failed(job.key[0], text),
            refused=refuse,
            running=listener.running,
        ),
    ).run()
    return Result(counts["found"], counts["trained"], tuple(failures), refused)


def _reference(found: Mapping[str, Any], stored: Mapping[str, Any] | None) -> Any:
    """The description that the reports get: that of the last run, if a worker still fits it, else the most frequent."""
    if stored is not None and any(_misfit(stored, one, mixed=False) is None for one in found.values()):
        return stored
    texts = collections.Counter(json.dumps(_comparable(one), sort_keys=True) for one in found.values())
    chosen = max(sorted(texts), key=texts.__getitem__)
    return next(one for one in found.values() if json.dumps(_comparable(one), sort_keys=True) == chosen)


def _comparable(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description without the name of the CPU's model, which does not change the bits."""
    return {**description, "cpu": {key: value for key, value in description["cpu"].items() if key != "model"}}


def _misfit(reference: Mapping[str, Any], found: Mapping[str, Any], *, mixed: bool) -> str | None:
    """Why a worker would not give the same bits as the reference; with ``mixed``, only why it would train on other data."""
    one, other = _comparable(reference), _comparable(found)
    if mixed:
        one, other = ({name: model["data"] for name, model in each["models"].items()} for each in (one, other))
    differences = "; ".join(map(str, changes(one, other)))
    return f"it differs from the others: {differences}" if differences else None
