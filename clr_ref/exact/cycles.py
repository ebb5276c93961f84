"""The whole steps at which cycles end and at which they peak.

An end or a peak may lie between two whole steps. Of these two, the end is at the one whose exact rate is nearer to the initial
rate, and the peak at the one whose exact rate is farther from it; if both are as far, at the earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref.exact.rates import phase, scale_enclosure
from clr_ref.parameters import Parameters
from clr_ref.policies import Geometric

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Two rates that cannot be told apart with so many bits are taken for equal. ``power`` is exact long before that.
MOST_BITS = 1 << 15


def ends(schedule: Parameters, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the steps start <= t < stop at which cycles end, in order, and the number of the cycle that ends there.

    Cycles count from 1. A step at which several cycles end stands once, with the number of the first of them.
    """
    return _found(schedule, start, stop, is_peak=False)


def peaks(schedule: Parameters, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the steps start <= t < stop at which cycles peak, in order, and the number of the cycle, as for ``ends``."""
    return _found(schedule, start, stop, is_peak=True)


def _found(schedule: Parameters, start: int, stop: int, *, is_peak: bool) -> tuple[NDArray[np.int64], NDArray[Any]]:
    rise, fall = Fraction(schedule.step_size), Fraction(schedule.fall)
    before = rise if is_peak else rise + fall  # from step 0 to the first one
    if rise.denominator == fall.denominator == 1:
        period = int(rise + fall)
        first = max(-((int(before) - start) // period), 0)
        steps = range(int(before) + first * period, stop, period)
        if not steps:  # ``range.start`` may be beyond int64
            return np.empty(0, np.int64), np.empty(0, np.int64)
        stride = steps.step if len(steps) > 1 else 1  # that of a single step may be beyond int64
        return np.arange(len(steps), dtype=np.int64) * stride + steps.start, np.arange(first + 1, first + 1 + len(steps))
    found: dict[int, int] = {}
    for step, number in _between(schedule, before, rise + fall, start, stop, is_peak):
        if start <= step < stop:
            found.setdefault(step, number)
    return np.fromiter(found, np.int64, len(found)), np.array(list(found.values()))


def _between(
    schedule: Parameters, before: Fraction, period: Fraction, start: int, stop: int, is_peak: bool
) -> Iterator[tuple[int, int]]:
    """Yield a whole step and the number of the cycle for each end or peak from start - 1 to stop; steps may repeat."""
    index = max(-((before - (start - 1)) // period), 0)
    while (moment := before + index * period) <= stop:
        step, rest = divmod(moment, 1)
        if rest:
            order = _compare(schedule, step, step + 1)
            yield step + int(order < 0 if is_peak else order > 0), int(index) + 1
        else:
            yield step, int(index) + 1
        # If cycles are shorter than a step, the others between these two whole steps lead to the same one.
        index = max(index + 1, -((before - step - bool(rest)) // period))


def _compare(schedule: Parameters, step: int, later: int) -> int:
    """Return the sign of |rate - initial| at a step, less that at a later step."""
    if schedule.initial_learning_rate == schedule.maximal_learning_rate:
        return 0
    places = [(*phase(Fraction(schedule.step_size), moment, Fraction(schedule.fall)), moment) for moment in (step, later)]
    heights = [height for _, height, _ in places]
    arguments = [cycle if schedule.scale_mode == "cycle" else moment for cycle, _, moment in places]
    bits = 128
    while bits <= MOST_BITS:
        (low, high), (later_low, later_high) = _sizes(schedule, heights, arguments, bits)
        if low > later_high:
            return 1
        if high < later_low:
            return -1
        if low == high == later_low == later_high:
            return 0
        bits *= 2
    return 0


def _sizes(schedule: Parameters, heights: list[Fraction], arguments: list[int], bits: int) -> list[tuple[Fraction, Fraction]]:
    """Return two intervals that hold |height * scale| at two steps, divided by a number that is common to both."""
    scale = schedule.policy.scale
    if scale is None:
        pairs = [
            schedule.policy.enclosure(height, argument, bits) if height else (Fraction(0), Fraction(0))
            for height, argument in zip(heights, arguments, strict=True)
        ]
        return [_absolute(*pair) for pair in pairs]
    # A quotient of two powers has an exponent as short as the steps are near.
    low, high = scale_enclosure(Geometric(scale.base, 0), arguments[1] - arguments[0], bits)
    return [(heights[0], heights[0]), (heights[1] * low, heights[1] * high)]


def _absolute(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    low, high = min(low, high), max(low, high)
    return (Fraction(0) if low < 0 < high else min(abs(low), abs(high))), max(abs(low), abs(high))
