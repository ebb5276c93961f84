"""The ratios of a run, compared with those of a stored one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from clr_ref.bench.contenders import BASELINE, KEY_FIGURES
from clr_ref.bench.report import Report

#: A key figure fails if its ratio is more than this many times the stored one, measured on the same processor.
SAME_PROCESSOR = 2.0
#: Between two processors ratios to np.full differ by up to 2.7 with the same code, because np.full is fastest in the caches and
#: these differ. The loss of a fast path multiplies a ratio by more than 10, so that a limit of 4 still shows it.
OTHER_PROCESSOR = 4.0


@dataclasses.dataclass(frozen=True)
class Change:
    """The ratio of one figure, now and in the stored run. A key figure fails above ``limit`` times ``then``."""

    contender: str
    size: int
    now: float
    then: float
    key: bool
    limit: float

    @property
    def holds(self) -> bool:
        return not self.key or self.now <= self.limit * self.then


def has_key_figure(changes: Sequence[Change]) -> bool:
    """Return True if any of the figures is a key figure: only those can fail."""
    return any(change.key for change in changes)


def compare(now: Report, then: Report) -> list[Change]:
    """A change for each figure that both reports have; key figures first."""
    same = now.machine.get("processor") == then.machine.get("processor")
    limit = SAME_PROCESSOR if same else OTHER_PROCESSOR
    stored = {(figure.contender, figure.size): figure.ratio for figure in then.figures}
    changes = [
        Change(f.contender, f.size, f.ratio, stored[f.contender, f.size], (f.contender, f.size) in KEY_FIGURES, limit)
        for f in now.figures
        if f.contender != BASELINE and (f.contender, f.size) in stored
    ]
    return sorted(changes, key=lambda change: not change.key)
