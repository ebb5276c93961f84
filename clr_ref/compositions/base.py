"""What the compositions share: each is a row of pieces, in which the steps of other schedules are shifted."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np

from clr_ref._inputs import shown
from clr_ref.exact import ulp
from clr_ref.parameters import MAX_STEP, Dtype
from clr_ref.schedule import NO_STEP, CyclicalLearningRate, destination, no_step
from clr_ref.steps import as_moments, moment, span, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clr_ref.exact import Exact

Schedule: TypeAlias = "CyclicalLearningRate | Composition"
_Numbered: TypeAlias = "tuple[NDArray[np.int64], NDArray[Any]]"
_Checked = TypeVar("_Checked")


@dataclasses.dataclass(frozen=True)
class Piece:
    """From step ``first`` on, the rate of step t is that of ``schedule`` at step t + ``shift``."""

    first: int
    schedule: Schedule
    shift: int = 0


class Composition:
    """The base of the compositions: frozen dataclasses whose first field is the schedule inside.

    ``docs/SPEC.md``, chapter 12, defines their rates. Calls, ranges and exact rates are as for ``CyclicalLearningRate``.
    """

    schedule: Schedule

    @functools.cached_property
    def _pieces(self) -> tuple[Piece, ...]:
        """The pieces, in the order of their steps."""
        raise NotImplementedError

    @property
    def _cycles(self) -> tuple[int, int, int]:
        """The first step with a rate of the schedule, the step after the last one, and how far its steps are shifted."""
        raise NotImplementedError

    @property
    def dtype(self) -> Dtype:
        """The dtype of the rates: that of the schedule inside."""
        return self.schedule.dtype

    @functools.cached_property
    def _domain(self) -> tuple[int, int]:
        """The first and the last step that have a rate; only ``Shifted`` makes them others than 0 and 2**63-1."""
        ends = [(domain(piece.schedule), piece.shift) for piece in (self._pieces[0], self._pieces[-1])]
        return max(ends[0][0][0] - ends[0][1], 0), min(ends[1][0][1] - ends[1][1], MAX_STEP)

    def __call__(self, step: Any = NO_STEP) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Args:
            step: as for ``CyclicalLearningRate``.

        Returns:
            A NumPy scalar of the schedule's dtype, or a new array of it.

        Raises:
            TypeError: as for ``CyclicalLearningRate``.
            ValueError: as for ``CyclicalLearningRate``; a step at which ``Shifted`` has no rate.
        """
        if step is NO_STEP:
            raise no_step()
        steps = as_moments(step)
        if steps.ndim == 0:
            at = self._checked(steps.item())
            piece = self._piece(at)
            return piece.schedule(at + piece.shift)
        out = destination(None, self.dtype, steps.shape)
        if steps.size:
            for step in (steps.min(), steps.max()):
                self._checked(moment("step", step))
        for piece, following in self._pairs():
            here = steps >= piece.first
            if following <= MAX_STEP:  # NumPy 1 compares int64 with 2**63 in float64, in which 2**63-1 is not less
                here &= steps < following
            shifted = steps[here] + piece.shift
            out[here] = piece.schedule(shifted if steps.dtype == np.int64 else shifted.tolist())
        return out

    def values(self, start: int, stop: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the rates of the steps ``start <= t < stop``.

        Args:
            start: the first step, as for ``CyclicalLearningRate``.
            stop: the step after the last one.
            out: the array that receives the rates and is returned.

        Returns:
            A contiguous 1-D array of the schedule's dtype.

        Raises:
            TypeError: as for ``CyclicalLearningRate``.
            ValueError: as for ``CyclicalLearningRate``; a step at which ``Shifted`` has no rate.
        """
        first, last = span(start, stop)
        if first < last:
            self._checked(first), self._checked(last - 1)
        rates = destination(out, self.dtype, (last - first,))
        for piece, begin, end in self._parts(first, last):
            piece.schedule.values(begin + piece.shift, end + piece.shift, out=rates[begin - first : end - first])
        return rates

    def exact(self, step: Any) -> Exact:
        """Return the exact rate at a step. A ramp is exact between its two bounds, which are rates of the dtype.

        Args:
            step: one step, as for ``CyclicalLearningRate``.

        Returns:
            A ``fractions.Fraction`` or an ``mpmath.mpf``, as for ``CyclicalLearningRate``.

        Raises:
            TypeError: not one step.
            ValueError: a step without a rate.
        """
        at = self._checked(moment("step", step))
        piece = self._piece(at)
        return piece.schedule.exact(at + piece.shift)

    def cycle_ends(self, stop: int, *, start: int = 0) -> NDArray[np.int64]:
        """Return the steps ``start <= t < stop`` at which cycles of the schedule inside end.

        Args:
            stop: the step after the last one.
            start: the first step.

        Returns:
            A 1-D int64 array, as for ``CyclicalLearningRate``.
        """
        return self._numbered_ends(*span(start, stop))[0]

    def peaks(self, stop: int, *, start: int = 0) -> NDArray[np.int64]:
        """Return the steps ``start <= t < stop`` at which cycles of the schedule inside peak.

        Args:
            stop: the step after the last one.
            start: the first step.

        Returns:
            A 1-D int64 array, as for ``CyclicalLearningRate``.
        """
        return self._numbered_peaks(*span(start, stop))[0]

    def _numbered_ends(self, start: int, stop: int) -> _Numbered:
        """Return the steps of ``cycle_ends``, and for each the number of the cycle of the schedule inside."""
        return self._numbered(start, stop, lambda schedule: schedule._numbered_ends)

    def _numbered_peaks(self, start: int, stop: int) -> _Numbered:
        """Return the steps of ``peaks``, and for each the number of the cycle of the schedule inside."""
        return self._numbered(start, stop, lambda schedule: schedule._numbered_peaks)

    def to_json(self) -> str:
        """Return the composition as JSON, which ``clr_ref.from_json`` reads.

        Returns:
            A JSON object with the name of the class and its fields; its rates are hex floats.

        Raises:
            ValueError: the scale function has no name; see ``register_scale_fn``.
        """
        return json.dumps(self._to_data())

    def _to_data(self) -> dict[str, Any]:
        """Return what ``to_json`` writes as text."""
        fields = {name: value.hex() if isinstance(value, float) else value for name, value in self._own_fields().items()}
        return {"class": type(self).__name__, "schedule": self.schedule._to_data(), **fields}

    def __repr__(self) -> str:
        """Return Python for an equal composition."""
        arguments = ", ".join([repr(self.schedule), *(f"{name}={text}" for name, text in self._in_python().items())])
        return f"clr_ref.{type(self).__qualname__}({arguments})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for copy and pickle, without what is computed again."""
        return {name: value for name, value in vars(self).items() if name not in ("_pieces", "_domain")}

    def _own_fields(self) -> dict[str, Any]:
        """Return the fields except the schedule, by their names."""
        own = dataclasses.fields(cast(Any, self))[1:]
        return {field.name: getattr(self, field.name) for field in own}

    def _in_python(self) -> dict[str, str]:
        """Return these fields as Python, the rates as the shortest numbers from which the dtype makes them."""
        fields = self._own_fields()
        rates = {name: ulp.literal(value, self.dtype) for name, value in fields.items() if isinstance(value, float)}
        return {name: rates.get(name, repr(value)) for name, value in fields.items()}

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _checked(self, step: _Checked) -> _Checked:
        first, last = self._domain
        if not first <= cast(Any, step) <= last:
            raise ValueError(
                f"step must be a number {_span(first, last)}, where the schedule inside has a rate, got {shown(step)}"
            )
        return step

    def _piece(self, step: Any) -> Piece:
        return next(piece for piece in reversed(self._pieces) if piece.first <= step)

    def _pairs(self) -> Iterator[tuple[Piece, int]]:
        """Yield each piece and the first step of the next one."""
        return zip(self._pieces, [*(piece.first for piece in self._pieces[1:]), MAX_STEP + 1], strict=True)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[Piece, int, int]]:
        """Yield the pieces between two steps, each with its first step there and the step after its last."""
        for piece, following in self._pairs():
            begin, end = max(start, piece.first), min(stop, following)
            if begin < end:
                yield piece, begin, end

    def _numbered(self, start: int, stop: int, of: Callable[[Schedule], Callable[[int, int], _Numbered]]) -> _Numbered:
        first, last, shift = self._cycles
        begin = max(start, first)
        steps, numbers = of(self.schedule)(begin + shift, max(min(stop, last), begin) + shift)
        return steps - shift, numbers


def domain(schedule: Schedule) -> tuple[int, int]:
    """Return the first and the last step at which a schedule has a rate."""
    return schedule._domain if isinstance(schedule, Composition) else (0, MAX_STEP)


def as_schedule(schedule: Any) -> Schedule:
    """Return a schedule.

    Raises:
        TypeError: something else.
    """
    if not isinstance(schedule, (CyclicalLearningRate, Composition)):
        ours = "a clr_ref.CyclicalLearningRate, WarmUp, Shifted or CoolDown"
        raise TypeError(f"schedule must be {ours}, got {shown(schedule)} of type {type(schedule).__name__}")
    return schedule


def length(steps: Any, dtype: str) -> int:
    """Return the length of a ramp, which a float of the dtype holds, as every step_size.

    Raises:
        TypeError: no real number.
        ValueError: not whole, negative, or not a number of the dtype.
    """
    number = whole("steps", steps, MAX_STEP)
    nearest = int(np.dtype(dtype).type(number))
    if nearest != number:
        raise ValueError(f"steps must be a whole number that {dtype} holds, got {number}; the nearest is {nearest}")
    return number


def finite_rate(schedule: Schedule, name: str, step: int) -> Any:
    """Return the rate at a step, which is a bound of a ramp.

    Raises:
        ValueError: the schedule has no rate there, and the message names the argument that decides it; an infinite rate.
    """
    first, last = domain(schedule)
    if not first <= step <= last:
        raise ValueError(f"{name} must lead to a step of the schedule, {_span(first, last)}, got step {step}")
    rate = schedule(step)
    if not np.isfinite(rate):
        raise ValueError(f"schedule must have a finite rate at step {step}, where a ramp begins or ends, got {rate}")
    return rate


def _span(first: int, last: int) -> str:
    return f"{first} .. {'2**63-1' if last == MAX_STEP else last}"
