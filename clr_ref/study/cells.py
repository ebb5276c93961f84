"""Cells: one run of a study each. A cell's report is the file that has the name of its identity's sha256."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import clr_ref
from clr_ref._files import write_text
from clr_ref.training.experiment import Experiment

FORMAT = 1
#: What two CPUs have in common that must give the same bits.
_FAMILY = ("machine", "flags", "caches")


class ChangedError(ValueError):
    """A report is not as it was written; the message names it."""


@dataclasses.dataclass(frozen=True)
class Swept:
    """A policy whose bounds each seed's own range test chooses, and that range test."""

    policy: str
    cycle: Mapping[str, float]
    steps: int
    minimal_learning_rate: float
    maximal_learning_rate: float

    def schedule(self, initial: float, maximal: float) -> clr_ref.CyclicalLearningRate:
        """The schedule with the bounds that the range test chose."""
        made: clr_ref.CyclicalLearningRate = getattr(clr_ref, self.policy)(initial, maximal, **self.cycle)
        return made

    def to_data(self) -> dict[str, Any]:
        """As a JSON value, with numbers as hex floats."""
        data = dataclasses.asdict(self)
        data["cycle"] = {key: value.hex() for key, value in self.cycle.items()}
        for key in ("minimal_learning_rate", "maximal_learning_rate"):
            data[key] = data[key].hex()
        return data


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run. With ``swept``, a range test replaces the schedule of the experiment. The arm's name does not change the run."""

    arm: str
    experiment: Experiment
    swept: Swept | None = None

    def identity(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """All that the bits of the report depend on, as a JSON value.

        Args:
            description: what ``worker.describe`` found: versions, CPU, settings, and the data of each model.
        """
        return {
            "format": FORMAT,
            "experiment": self.experiment.to_data(),
            "range_test": None if self.swept is None else self.swept.to_data(),
            "model": description["models"][self.experiment.model],
            "versions": description["versions"],
            "cpu": {key: description["cpu"].get(key) for key in _FAMILY},
            "settings": description["settings"],
        }


def sha256(document: Any) -> str:
    """The sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def path(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Where the report of a cell stands in the folder of a study."""
    return folder / "cells" / f"{sha256(identity)}.json"


def write(folder: Path, identity: Mapping[str, Any], report: Mapping[str, Any]) -> Path:
    """Write the report of a cell, completely or not at all, and return its path.

    Args:
        folder: that of the study; it has a folder ``cells``.
        identity: that of the cell.
        report: its report, as in ``Report.to_json``, and what else the worker says.

    Raises:
        WriteError: the file cannot be written.
    """
    document = {**report, "identity": identity}
    place = path(folder, identity)
    write_text(place, json.dumps({**document, "sha256": sha256(document)}, indent=1) + "\n")
    return place


def read(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report of a cell, or None if it is not there.

    Raises:
        ChangedError: it is not as it was written.
    """
    place = path(folder, identity)
    try:
        document: dict[str, Any] = json.loads(place.read_text("utf-8"))
        stored = document.pop("sha256")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ChangedError(f"{place} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        stored, document = None, {}
    if stored != sha256(document) or document.get("identity") != json.loads(json.dumps(identity)):
        raise ChangedError(f"{place} was changed, or is damaged: delete it, and the same command trains the cell again")
    return document
