"""A schedule whose steps are shifted."""

from __future__ import annotations

import dataclasses
import functools

from clr_ref._inputs import known_keywords
from clr_ref.compositions.base import Composition, Piece, Schedule, as_schedule, domain
from clr_ref.parameters import MAX_STEP
from clr_ref.steps import whole


@dataclasses.dataclass(frozen=True, repr=False)
class Shifted(Composition):
    """A schedule that begins at another step: the rate of step t is that of the schedule at step t + ``start``.

    With a positive ``start`` a run goes on of which only the weights were kept. With ``start=-k`` the cycles begin at step k.
    Steps where t + ``start`` is below 0 or above 2**63-1 have no rate.

    Args:
        schedule: a ``CyclicalLearningRate``, or another composition.
        start: the step of the schedule at step 0; a whole number, also a negative one.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: start is not whole, or leaves no step a rate.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.triangular(0.0, 1.0, 10)
        >>> print(clr_ref.Shifted(schedule, start=6)([0, 4]))
        [0.6 1. ]
        >>> print(clr_ref.Shifted(schedule, start=-100)([100, 110]))
        [0. 1.]
    """

    schedule: Schedule
    start: int

    @known_keywords
    def __init__(self, schedule: Schedule, start: int) -> None:
        first, last = domain(as_schedule(schedule))
        self._set(schedule=schedule, start=whole("start", start, last, first - MAX_STEP))

    @functools.cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """The schedule alone."""
        return (Piece(0, self.schedule, self.start),)

    @property
    def _cycles(self) -> tuple[int, int, int]:
        return self._domain[0], self._domain[1] + 1, self.start
