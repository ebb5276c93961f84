"""A warm-up, a shift of the steps and a cool-down around any Keras schedule (docs/SPEC.md, chapter 12).

Their lines are the first half of a cycle of triangular, in the formula of the drop-ins. Around a drop-in they have the bits of
the compositions in NumPy.
"""

from __future__ import annotations

import ast
import functools
from typing import Any

import numpy as np

from clr_ref import compositions, functions
from clr_ref._inputs import known_keywords, shown
from clr_ref.compositions.base import length
from clr_ref.exact.rounding import rounded_input
from clr_ref.fast.plan import Plan
from clr_ref.keras import api, arguments, base, rates
from clr_ref.keras.around import Around, innermost, variables_of
from clr_ref.steps import whole
from clr_ref.tensors import backends, moves


class Composition(Around):
    """The base of the three: ``reference`` is the same composition in NumPy."""

    _IN_NUMPY: Any

    @property
    def reference(self) -> compositions.Composition:
        """The composition in NumPy, around the ``reference`` of the schedule inside."""
        own: compositions.Composition = self._IN_NUMPY(
            self.schedule.reference, **{name: getattr(self, name) for name in self.ARGUMENTS}
        )
        return own

    def _line(self, step: Any, low: Any, high: Any, steps: int, like: Any, ops: backends.Ops) -> Any:
        """Return the line from one rate to another, in the dtype of ``like``."""
        dtype, step = "float64" if ops.dtype_of(like) == "float64" else "float32", moves.widened(step, ops)
        rate = rates.exact(_plan(float(low), float(high), steps, dtype), dtype, step, ops, "line")
        return ops.cast(rate, ops.dtype_of(like))

    def _rate_inside(self, at: int, step: Any, ops: backends.Ops) -> Any:
        """Return the rate of the schedule inside at one step, where a line begins or ends, as a number.

        A drop-in has a NumPy schedule that rounds it correctly. Schedules of others are called with a step of the dtype that
        they are called with in training. A function that is being compiled must not hold that call.
        """
        inner = innermost(self.schedule)
        if variables_of(inner) and api.is_being_traced(step):
            raise ValueError(
                f"schedule must have numbers where a line begins or ends, at step {at}, got variables: "
                "a function that is compiled would keep their present values"
            )
        with api.outside_of_graphs():
            if isinstance(inner, base.Schedule) and inner.arithmetic == "exact" and hasattr(self.schedule, "reference"):
                rate = self.schedule.reference(at)
            else:
                rate = np.asarray(api.to_numpy(self.schedule(api.tensor(np.array(at, ops.dtype_of(step))))))
        if not np.isfinite(rate):
            raise ValueError(f"schedule must have a finite rate at step {at}, where a line begins or ends, got {rate}")
        return rate


@api.registered
class WarmUp(Composition):
    """A schedule that begins with a linear warm-up.

    In ``steps`` steps the rate moves linearly from ``initial_learning_rate`` to the first rate of the schedule. Then the
    schedule begins at its step 0. With ``counts_warm_up=True`` it goes on at its own step: the warm-up takes the place of its
    first steps.

    Args:
        schedule: any Keras schedule.
        steps: the length of the warm-up; a whole number >= 0 that the schedule's dtype holds exactly.
        initial_learning_rate: the rate at step 0; any finite number of the dtype.
        counts_warm_up: False: step ``steps`` has the rate of step 0 of the schedule. True: it has that of step ``steps``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> from clr_ref.keras import TriangularCyclicalLearningRate, WarmUp
        >>> schedule = WarmUp(TriangularCyclicalLearningRate(0.5, 1.0, 10), steps=4)
        >>> [float(schedule(step)) for step in (0, 2, 4, 14)]
        [0.0, 0.25, 0.5, 1.0]
    """

    ARGUMENTS = ("steps", "initial_learning_rate", "counts_warm_up")
    _IN_NUMPY = compositions.WarmUp
    steps: int
    initial_learning_rate: float
    counts_warm_up: bool

    @known_keywords
    def __init__(self, schedule: Any, steps: int, initial_learning_rate: Any = 0.0, *, counts_warm_up: bool = False) -> None:
        super().__init__()
        if not isinstance(counts_warm_up, bool):
            raise TypeError(f"counts_warm_up must be True or False, got {shown(counts_warm_up)}")
        self._construct(
            schedule,
            steps=length(steps, _dtype(schedule)),
            initial_learning_rate=_number("initial_learning_rate", initial_learning_rate, _dtype(schedule)),
            counts_warm_up=counts_warm_up,
        )

    def _rate(self, step: Any, ops: backends.Ops) -> Any:
        if not self.steps:
            return self._of_schedule(step, ops)
        first = self.steps if self.counts_warm_up else 0
        rate = self._of_schedule(moves.moved(self._for_schedule(step, ops), first - self.steps, ops), ops)
        high = self._rate_inside(first, step, ops)
        return ops.where(step < self.steps, self._line(step, self.initial_learning_rate, high, self.steps, rate, ops), rate)


@api.registered
class Shifted(Composition):
    """A schedule that begins at another step: the rate of step t is that of the schedule at step t + ``start``.

    With a positive ``start`` a run goes on of which only the weights were kept. With ``start=-k`` the cycles begin at step k;
    the steps before have the rate of the schedule's step 0.

    Args:
        schedule: any Keras schedule.
        start: the step of the schedule at step 0; a whole number, also a negative one.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: start is not whole, or its size is above 2**63-1; on JAX without x64 above 2**31-1.

    Examples:
        >>> from clr_ref.keras import Shifted, TriangularCyclicalLearningRate
        >>> schedule = TriangularCyclicalLearningRate(0.0, 1.0, 10)
        >>> [float(Shifted(schedule, start=5)(step)) for step in (0, 5)]
        [0.5, 1.0]
        >>> [float(Shifted(schedule, start=-100)(step)) for step in (0, 100, 105)]
        [0.0, 0.0, 0.5]
    """

    ARGUMENTS = ("start",)
    _IN_NUMPY = compositions.Shifted
    start: int

    @known_keywords
    def __init__(self, schedule: Any, start: int) -> None:
        super().__init__()
        self._construct(schedule, start=whole("start", start, _last_step(), -_last_step()))

    def _rate(self, step: Any, ops: backends.Ops) -> Any:
        return self._of_schedule(moves.moved(self._for_schedule(step, ops), self.start, ops), ops)


@api.registered
class CoolDown(Composition):
    """A schedule that ends with a linear cool-down.

    Before step ``start`` the rates are those of the schedule. From there on the rate moves linearly, from that of the schedule
    at ``start`` to ``final_learning_rate`` in ``steps`` steps, and stays there. The "1cycle" of Smith, arXiv 1708.07120, is a
    cycle and a cool-down: see the example.

    Args:
        schedule: any Keras schedule.
        start: the step at which the line begins; a whole number >= 0.
        steps: the length of the cool-down; a whole number >= 0 that the schedule's dtype holds exactly.
        final_learning_rate: the last rate; any finite number of the dtype.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range; start + steps is above 2**63-1, on JAX without x64 above 2**31-1.

    Examples:
        >>> from clr_ref.keras import CoolDown, TriangularCyclicalLearningRate
        >>> cycle = TriangularCyclicalLearningRate(0.125, 1.0, 45)
        >>> one_cycle = CoolDown(cycle, start=90, steps=10, final_learning_rate=0.0)
        >>> [float(one_cycle(step)) for step in (0, 45, 90, 95, 100, 1000)]
        [0.125, 1.0, 0.125, 0.0625, 0.0, 0.0]
    """

    ARGUMENTS = ("start", "steps", "final_learning_rate")
    _IN_NUMPY = compositions.CoolDown
    start: int
    steps: int
    final_learning_rate: float

    @known_keywords
    def __init__(self, schedule: Any, start: int, steps: int, final_learning_rate: Any) -> None:
        super().__init__()
        self._construct(
            schedule,
            start=whole("start", start, _last_step()),
            steps=length(steps, _dtype(schedule)),
            final_learning_rate=_number("final_learning_rate", final_learning_rate, _dtype(schedule)),
        )
        if self.start + self.steps > _last_step():
            raise ValueError(f"start + steps must be at most {_last_step()}, got {self.start} + {self.steps}")

    def _rate(self, step: Any, ops: backends.Ops) -> Any:
        rate = self._of_schedule(self._for_schedule(step, ops), ops)
        low = self._rate_inside(self.start, step, ops) if self.steps else self.final_learning_rate
        since = ops.minimum(moves.moved(moves.widened(step, ops), -self.start, ops), max(self.steps, 1))
        line = self._line(since, low, self.final_learning_rate, max(self.steps, 1), rate, ops)
        return ops.where(step < self.start, rate, line)


def from_composition(composition: compositions.Composition, schedule: Any) -> Any:
    """Return the Keras composition with the numbers of one in NumPy, around a Keras schedule."""
    kinds: tuple[Any, ...] = (WarmUp, Shifted, CoolDown)
    kind = next(kind for kind in kinds if isinstance(composition, kind._IN_NUMPY))
    return kind(schedule, **{name: ast.literal_eval(text) for name, text in composition._in_python().items()})


@functools.lru_cache(maxsize=256)
def _plan(low: float, high: float, steps: int, dtype: str) -> Plan:
    return functions.triangular(low, high, steps, dtype=dtype)._plan


def _last_step() -> int:
    return int(2 ** (backends.OPS[api.BACKEND]().width - 1) - 1)


def _dtype(schedule: Any) -> str:
    """Return the dtype of a drop-in inside. Others may return any; the numbers of a line then have to be float32."""
    inner = innermost(schedule)
    return inner.dtype if isinstance(inner, base.Schedule) else "float32"


def _number(name: str, value: Any, dtype: str) -> float:
    number = arguments.number(name, arguments.kept(name, value, "exact", dtype))
    rounded_input(name, number, dtype)
    return float(number)
