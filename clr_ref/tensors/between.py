"""The phase of steps with a fraction: where the float of a step lies between two whole ones.

The fraction f is exact, since a float minus its whole part is. So m is one sum or difference of two exact numbers, r or what is
left to the end of the cycle, and f * 2**shift. It is rounded once, near the ends of a cycle too. Whole steps never come here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from clr_ref.fast.plan import Plan
from clr_ref.tensors.backends import Ops

#: A cycle that is shorter than this part of a step is taken for as long: its phase has no digits left.
_SHORTEST = 2**60


def fraction(given: Any, whole: Any, ops: Ops) -> Any:
    """Return the fractions of float steps; 0 for whole ones, NaN, and those outside the domain.

    Args:
        given: the steps.
        whole: their whole parts, as integers within the domain.
        ops: the operations of the backend.
    """
    rest = ops.cast(given, f"float{ops.width}") - ops.floats(whole)
    inside = ops.where(rest < 1, rest, ops.constant(0.0, rest))
    return ops.where(inside > 0, inside, ops.constant(0.0, rest))  # NaN is above nothing


def phase(plan: Plan, r: Any, part: Any, ops: Ops) -> tuple[Any, Any, Any]:
    """Return m as a float, whether the step is on the fall, and how many cycles it is further than its whole part.

    Args:
        plan: the plan of the schedule.
        r: the distance of the whole step from the start of its cycle, in integers.
        part: the fraction of a step.
        ops: the operations of the backend.
    """
    period = float(plan.period)
    if plan.period >= 1 << plan.shift:
        moved, turns = part * 2.0**plan.shift, 0
    else:  # the cycle is shorter than a step
        position = part * float(min(Fraction(1 << plan.shift, plan.period), Fraction(_SHORTEST)))
        turns = ops.integers(position)
        moved = (position - ops.floats(turns)) * period
    left = ops.floats(plan.period - r)
    beyond = moved - left
    over = beyond >= 0
    into = ops.where(over, beyond, ops.floats(r) + moved)
    to_the_end = ops.where(over, period - beyond, left - moved)
    falls = into > float(plan.p)
    further = ops.integers(ops.where(over, ops.constant(1.0, into), ops.constant(0.0, into))) + turns
    return ops.where(falls, to_the_end, into), falls, further
