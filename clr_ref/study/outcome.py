"""The result of one run of a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The history of one arm with one seed, as in ``Report.history``."""

    arm: str
    seed: int
    history: tuple[Mapping[str, float], ...]
