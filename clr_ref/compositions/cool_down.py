"""A cool-down: a straight line from a schedule to a last rate."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from clr_ref._inputs import known_keywords
from clr_ref.compositions.base import Composition, Piece, Schedule, as_schedule, finite_rate, length
from clr_ref.exact.rounding import rounded_input
from clr_ref.functions import triangular
from clr_ref.parameters import MAX_STEP
from clr_ref.steps import whole


@dataclasses.dataclass(frozen=True, repr=False)
class CoolDown(Composition):
    """A schedule that ends with a linear cool-down.

    Before step ``start`` the rates are those of the schedule. From there on the rate moves linearly, from that of the schedule
    at ``start`` to ``final_learning_rate`` in ``steps`` steps, and stays there. The "1cycle" of Smith, arXiv 1708.07120, is a
    cycle and a cool-down: see the example.

    Args:
        schedule: a ``CyclicalLearningRate``, or another composition.
        start: the step at which the line begins; a whole number 0 .. 2**63-1.
        steps: the length of the cool-down; a whole number >= 0 that the schedule's dtype holds exactly.
        final_learning_rate: the last rate; any finite number of the dtype.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range; start + steps is above 2**63-1; an infinite rate at ``start``.

    Examples:
        >>> import clr_ref
        >>> one_cycle = clr_ref.CoolDown(clr_ref.triangular(0.1, 1.0, 45), start=90, steps=10, final_learning_rate=0.001)
        >>> print(one_cycle([0, 45, 90, 95, 100, 1000]))
        [0.1    1.     0.1    0.0505 0.001  0.001 ]
    """

    schedule: Schedule
    start: int
    steps: int
    final_learning_rate: float

    @known_keywords
    def __init__(self, schedule: Schedule, start: int, steps: int, final_learning_rate: float) -> None:
        self._set(
            schedule=as_schedule(schedule),
            start=whole("start", start, MAX_STEP),
            steps=length(steps, schedule.dtype),
            final_learning_rate=rounded_input("final_learning_rate", final_learning_rate, schedule.dtype),
        )
        if self.start + self.steps > MAX_STEP:
            raise ValueError(f"start + steps must be at most 2**63-1, got {self.start} + {self.steps}")
        _ = self._pieces

    @functools.cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """The schedule, the line, and the last rate."""
        rate = finite_rate(self.schedule, "start", self.start)
        final, end, pieces = self.final_learning_rate, self.start + self.steps, [Piece(0, self.schedule)]
        if self.steps:
            line: Any = triangular(rate, final, self.steps, dtype=self.dtype)
            pieces.append(Piece(self.start, line, -self.start))
        return (*pieces, Piece(end, triangular(final, final, 1, dtype=self.dtype), -end))

    @property
    def _cycles(self) -> tuple[int, int, int]:
        return self._domain[0], self.start + (self.steps > 0), 0
