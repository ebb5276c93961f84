"""What one training run of a study measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One run: its arm, its seed, and an entry for each epoch as in ``clr_ref.training.experiment.Report.history``."""

    arm: str
    seed: int
    history: tuple[Mapping[str, float], ...]
