"""Arrays of steps the general way: any schedule, in int64 and in float64 or pairs of float64, then exactly where undecided."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import exact
from clr_ref._environment import rounds_to_nearest
from clr_ref.fast import pairs
from clr_ref.fast.plan import LIMIT, SPAN, WINDOW, Plan
from clr_ref.fast.settle import round_to_float32

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: Steps worked on at once: the many temporaries of 48 KiB stay below the 128 KiB from which glibc's malloc may hand memory back
#: to the system and fetch it again for every chunk, which costs as much as the arithmetic.
CHUNK = 6_144


def fill(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    """The rates of arbitrary steps, into ``out``; both 1-D and of one length."""
    for start in range(0, len(steps), CHUNK):
        some, part = steps[start : start + CHUNK], out[start : start + CHUNK]
        if not plan.regular or not rounds_to_nearest():
            undecided: Any = range(len(some))
        elif plan.schedule.dtype == "float32":
            undecided = _fill_float32(plan, some, part)
        else:
            undecided = _fill_float64(plan, some, part)
        for index in undecided:
            part[index] = exact.rounded(plan.schedule, int(some[index]))


def distances(plan: Plan, steps: Ints) -> tuple[Ints, NDArray[np.bool_] | None, Ints | None]:
    """m, the distance from the end of the cycle on the step's side of the peak; whether the step is on the fall; and the cycle.

    m is in units of 1 / q steps. The second is None for a symmetric cycle, where it does not matter. The cycle is counted from
    0, and None where one does not fit int64.
    """
    period = plan.period
    cycle = steps // period
    r = steps - cycle * period
    cycles: Ints | None = cycle
    # r = (t << shift) mod period, a few bits at a time, so that no product leaves int64.
    room = 63 - period.bit_length()
    left = plan.shift
    while left > 0:
        bits = min(room, left)
        left -= bits
        if cycles is not None and len(cycles) and int(cycles.max()) >= LIMIT >> bits:
            cycles = None
        r <<= bits
        carry = r // period
        r -= carry * period
        if cycles is not None:
            cycles = (cycles << bits) + carry
    if plan.is_symmetric:
        return np.minimum(r, period - r), None, cycles
    falls = r > plan.p
    return np.where(falls, period - r, r), falls, cycles


def _fill_float32(plan: Plan, steps: Ints, out: NDArray[np.float32]) -> Any:
    """Fill ``out``, and return the indices whose rounding float64 cannot decide."""
    m, falls, cycle = distances(plan, steps)
    near: Floats = m * _slopes(falls, plan.slope, plan.fall_slope)
    if not plan.is_constant:
        if (arguments := _arguments(plan, steps, cycle)) is None:
            return range(len(steps))
        if plan.halves:
            near *= _halved(arguments, SPAN["float32"])
        else:
            near *= plan.schedule.policy.scales(arguments) if plan.scale is None else plan.powers.many(arguments)
    near += plan.initial
    return round_to_float32(plan, near, np.empty(len(steps), np.uint32), plan.roundings, out)


def _fill_float64(plan: Plan, steps: Ints, out: NDArray[np.float64]) -> Any:
    """As ``_fill_float32``, in pairs of float64 (about 100 bits)."""
    schedule = plan.schedule
    m, falls, cycle = distances(plan, steps)
    amplitude = Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)
    rise, fall = pairs.pair(amplitude / plan.p), pairs.pair(amplitude / plan.fall)
    slope = tuple(_slopes(falls, *parts) for parts in zip(rise, fall, strict=True))
    product = pairs.times((slope[0], slope[1]), m.astype(np.float64))
    with np.errstate(all="ignore"):
        if not plan.is_constant:
            if (arguments := _arguments(plan, steps, cycle)) is None:
                return range(len(steps))
            if plan.halves:
                unit = _halved(arguments, SPAN["float64"])
                product = product[0] * unit, product[1] * unit
            elif plan.scale is None:
                product = pairs.times(product, schedule.policy.scales(arguments))
            else:
                product = plan.powers.times(product, arguments)
        high, low = pairs.plus(product, plan.initial)
        # The product is good to 2**-100: each of at most MAX_LEVELS products of pairs errs by 2**-103 and its entry by 2**-106;
        # the slope and m add 2**-103. Twice that covers the sum, and the roundings of low +- error.
        error = 2.0**-99 * (np.abs(product[0]) + np.abs(high))
        out[:] = high + (low - error)
        # Splitting a power above 2**996 makes NaN, which is undecided because it differs from itself.
        undecided = out != high + (low + error)
        out += 0.0
        size = np.abs(product[0])
        small, sound = size < 2.0**-WINDOW, size < 2.0**WINDOW
        # A small product next to a base of at least 2**-ROOM does not change it.
        undecided |= (m != 0) & (~sound | (small & (plan.initial == 0)))
    return np.flatnonzero(undecided)


def _slopes(falls: NDArray[np.bool_] | None, rise: float, fall: float) -> Any:
    """The slope of each step: that of the fall, or that of the rise; for ``falls`` see ``distances``."""
    return np.float64(rise) if falls is None else np.where(falls, fall, rise)


def _arguments(plan: Plan, steps: Ints, cycle: Ints | None) -> Ints | None:
    """What the scale is computed from: the steps, or the cycles counted from 1; None where one does not fit int64."""
    if plan.schedule.scale_mode == "iterations":
        return steps
    return None if cycle is None else cycle + 1


def _halved(arguments: Ints, span: int) -> Floats:
    """2**(1 - x), assembled from its exponent bits; held at 2**-span, since arithmetic on subnormals is slow."""
    return (np.maximum(1024 - arguments, 1023 - span) << 52).view(np.float64)
