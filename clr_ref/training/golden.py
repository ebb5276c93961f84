"""Digests of seeded training in the golden store: which versions of TensorFlow train to the same bits.

The values come from TensorFlow; ``clr_ref`` gives the initial weights, the order of the pictures and the rates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import clr_ref
from clr_ref.golden import accept, store as golden
from clr_ref.golden.store import TrainingRecord
from clr_ref.training import experiment as experiments, provenance
from clr_ref.training.data import FashionMnist
from clr_ref.training.experiment import Experiment, Report


@dataclasses.dataclass(frozen=True)
class Case:
    """An experiment on the first ``pictures`` pictures, and on a tenth as many test pictures."""

    experiment: Experiment
    pictures: int


_CYCLICAL = clr_ref.triangular2(1e-4, 1e-1, 40)
#: 200 steps are five half cycles. Keras draws dropout masks in other ways from version to version: a case of its own.
CASES: Mapping[str, Case] = {
    "triangular2": Case(Experiment(_CYCLICAL, epochs=2, seed=1, dropout=False), 6400),
    "plain": Case(Experiment(0.01, epochs=2, seed=1, dropout=False), 1600),
    "triangular2-dropout": Case(Experiment(_CYCLICAL, epochs=2, seed=1), 1600),
}


def run(case: Case, found: FashionMnist) -> Report:
    """Train one case; see ``experiment.run``."""
    return experiments.run(case.experiment, found.train.first(case.pictures), found.test.first(case.pictures // 10))


def described(case: Case, report: Report) -> dict[str, Any]:
    """A run as the store keeps it."""
    return {
        "experiment": case.experiment.to_data(),
        "pictures": case.pictures,
        **report.digests(),
        "epochs": [dict(epoch) for epoch in report.history],
    }


def record(found: FashionMnist, folder: Path, *, reason: str | None = None) -> TrainingRecord:
    """Train every case twice with the TensorFlow and Keras of this process, and put the digests into the store.

    Raises:
        AcceptError: the two runs differ; or the record would change what is stored, and no ``reason`` is given.
        StoreError: the store is damaged.
    """
    runs = {}
    for name, case in CASES.items():
        first, second = run(case, found), run(case, found)
        if first.digests() != second.digests():
            raise accept.AcceptError(f"{name}: the same run gave other bits the second time; nothing is recorded")
        runs[name] = described(case, first)
    about = {
        "versions": dict(first.versions),
        "cpu": dict(first.cpu),
        "settings": dataclasses.asdict(first.settings),
        "data": {"train": experiments.described(found.train), "test": experiments.described(found.test)},
    }
    document: dict[str, Any] = {"format": golden.FORMAT, "provenance": about, "runs": runs}
    file_name = f"tf-{first.versions['tensorflow']}_{first.versions['keras']}.json"
    accept.put(folder, f"training/{file_name}", document, reason=reason)
    return golden.parse_training(file_name, document)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A digest that is not the stored one. ``same_cpu`` is False where another CPU family recorded it: then it is news only."""

    case: str
    field: str
    stored: str
    found: str
    same_cpu: bool


def differences(stored: TrainingRecord, case: str, digests: Mapping[str, Any], cpu: Mapping[str, Any]) -> list[Difference]:
    """What a run of a case, on a CPU, answers differently from the record; ``digests`` are those of its report."""
    same = provenance.same_family(stored.provenance["cpu"], cpu)
    known = stored.runs[case]
    return [
        Difference(case, field, str(known[field]), str(value), same)
        for field, value in digests.items()
        if known[field] != value
    ]


def groups(records: Iterable[TrainingRecord], case: str) -> list[list[str]]:
    """The records of a case that agree in every bit of the final weights, each group in the order given."""
    found: dict[str, list[str]] = {}
    for one in records:
        if case in one.runs:
            found.setdefault(one.runs[case]["weights_sha256"], []).append(one.name)
    return list(found.values())
