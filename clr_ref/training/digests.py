"""Digests of seeded training in the golden store: they show which versions of TensorFlow train to the same bits.

The digests come from TensorFlow; ``clr_ref`` gives the initial weights, the order of the pictures and the rates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import clr_ref
from clr_ref.golden import accept, store
from clr_ref.golden.store import TrainingRecord
from clr_ref.training import experiment as experiments, provenance, report as reports
from clr_ref.training.data import FashionMnist
from clr_ref.training.experiment import Experiment, Report


@dataclasses.dataclass(frozen=True)
class RecordedRun:
    """An experiment on the first ``pictures`` pictures; a tenth of that number are test pictures."""

    experiment: Experiment
    pictures: int


_CYCLICAL = clr_ref.triangular2(1e-4, 1e-1, 40)
#: The runs by name; 200 steps are five half cycles. Versions of Keras draw dropout masks in different ways, so dropout has a
#: run of its own: its digests agree between fewer versions than the others.
RUNS: Mapping[str, RecordedRun] = {
    "triangular2": RecordedRun(Experiment(_CYCLICAL, epochs=2, seed=1, dropout=False), 6400),
    "plain": RecordedRun(Experiment(0.01, epochs=2, seed=1, dropout=False), 1600),
    "triangular2-dropout": RecordedRun(Experiment(_CYCLICAL, epochs=2, seed=1), 1600),
}


def train(run: RecordedRun, data: FashionMnist) -> Report:
    """The report of training one run; see ``experiment.run``."""
    return experiments.run(run.experiment, data.train.first(run.pictures), data.test.first(run.pictures // 10))


def record(data: FashionMnist, folder: Path, *, reason: str | None = None) -> TrainingRecord:
    """Train every run twice with the TensorFlow and Keras of this process, and put the digests into the store.

    Args:
        data: all pictures of Fashion-MNIST.
        folder: the golden store.
        reason: why stored digests may change; without one they may not.

    Raises:
        AcceptError: the two times differ; or the record would change what is stored, and no ``reason`` is given.
        StoreError: the store is damaged.
    """
    runs = {}
    for name, run in RUNS.items():
        report, again = train(run, data), train(run, data)
        if report.digests() != again.digests():
            raise accept.AcceptError(f"{name}: the same run gave other bits the second time; nothing is recorded")
        runs[name] = {
            "experiment": run.experiment.to_data(),
            "pictures": run.pictures,
            **report.digests(),
            "epochs": [dict(epoch) for epoch in report.history],
        }
    about = {
        "versions": dict(report.versions),
        "cpu": dict(report.cpu),
        "settings": dataclasses.asdict(report.settings),
        "data": {"train": reports.described(data.train), "test": reports.described(data.test)},
    }
    document: dict[str, Any] = {"format": store.FORMAT, "provenance": about, "runs": runs}
    file_name = f"tf-{report.versions['tensorflow']}_{report.versions['keras']}.json"
    accept.put(folder, f"training/{file_name}", document, reason=reason)
    return store.parse_training(file_name, document)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A digest that differs from the stored one.

    ``same_cpu`` is False if the record was made on another CPU family. There TensorFlow may choose other code, so that the
    difference is no fault.
    """

    run: str
    field: str
    stored: str
    found: str
    same_cpu: bool


def differences(stored: TrainingRecord, run: str, digests: Mapping[str, Any], cpu: Mapping[str, Any]) -> list[Difference]:
    """The digests of a run that differ from the stored ones.

    Args:
        stored: the record.
        run: its name in RUNS.
        digests: those of the run's report.
        cpu: that of the run's report.
    """
    same_cpu = provenance.same_family(stored.provenance["cpu"], cpu)
    known = stored.runs[run]
    return [
        Difference(run, field, str(known[field]), str(value), same_cpu)
        for field, value in digests.items()
        if known[field] != value
    ]


def groups(records: Iterable[TrainingRecord], run: str) -> list[list[str]]:
    """The names of the records of a run, those with the same final weights together, in the order given."""
    by_weights: dict[str, list[str]] = {}
    for each in records:
        if run in each.runs:
            by_weights.setdefault(each.runs[run]["weights_sha256"], []).append(each.name)
    return list(by_weights.values())
