"""A cell: one run of a study, and its identity, which is all that the bits of its report depend on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import clr_ref
from clr_ref.training.experiment import Experiment

FORMAT = 1
#: What two CPUs have in common that must give the same bits.
_FAMILY = ("machine", "flags", "caches")


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
