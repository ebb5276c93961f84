"""A warm-up: a straight line to the first rate of a schedule."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from clr_ref._inputs import known_keywords, shown
from clr_ref.compositions.base import Composition, Piece, Schedule, as_schedule, finite_rate, length
from clr_ref.exact.rounding import rounded_input
from clr_ref.functions import triangular


@dataclasses.dataclass(frozen=True, repr=False)
class WarmUp(Composition):
    """A schedule that begins with a linear warm-up.

    In ``steps`` steps the rate moves linearly from ``initial_learning_rate`` to the first rate of the schedule. Then the
    schedule begins at its step 0. With ``counts_warm_up=True`` it goes on at its own step: the warm-up takes the place of its
    first steps. The line is the first half of a ``triangular`` cycle, so its rates are correctly rounded.

    Args:
        schedule: a ``CyclicalLearningRate``, or another composition.
        steps: the length of the warm-up; a whole number >= 0 that the schedule's dtype holds exactly.
        initial_learning_rate: the rate at step 0; any finite number of the dtype.
        counts_warm_up: False: step ``steps`` has the rate of step 0 of the schedule. True: it has that of step ``steps``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range; an infinite rate where the warm-up ends.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.WarmUp(clr_ref.triangular(0.5, 1.0, 10), steps=4)
        >>> print(schedule([0, 2, 4, 14]))
        [0.   0.25 0.5  1.  ]
        >>> schedule = clr_ref.WarmUp(clr_ref.triangular(0.5, 1.0, 10), steps=4, counts_warm_up=True)
        >>> print(schedule([0, 2, 4, 10]))
        [0.   0.35 0.7  1.  ]
    """

    schedule: Schedule
    steps: int
    initial_learning_rate: float = 0.0
    counts_warm_up: bool = False

    @known_keywords
    def __init__(
        self, schedule: Schedule, steps: int, initial_learning_rate: float = 0.0, *, counts_warm_up: bool = False
    ) -> None:
        if not isinstance(counts_warm_up, bool):
            raise TypeError(f"counts_warm_up must be True or False, got {shown(counts_warm_up)}")
        self._set(
            schedule=as_schedule(schedule),
            steps=length(steps, schedule.dtype),
            initial_learning_rate=rounded_input("initial_learning_rate", initial_learning_rate, schedule.dtype),
            counts_warm_up=counts_warm_up,
        )
        _ = self._pieces

    @functools.cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """The line, if it has steps, and the schedule."""
        if not self.steps:
            return (Piece(0, self.schedule),)
        rate = finite_rate(self.schedule, "steps", self._first_step)
        line: Any = triangular(self.initial_learning_rate, rate, self.steps, dtype=self.dtype)
        return Piece(0, line), Piece(self.steps, self.schedule, self._first_step - self.steps)

    @property
    def _cycles(self) -> tuple[int, int, int]:
        return max(self.steps, self._domain[0]), self._domain[1] + 1, self._first_step - self.steps

    @property
    def _first_step(self) -> int:
        """The step of the schedule with which it begins."""
        return self.steps if self.counts_warm_up else 0
