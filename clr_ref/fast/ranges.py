"""Ranges of steps: what repeats is computed once and copied, what is a straight line is computed as one.

A range of triangular is one period, copied. One of triangular2 is computed for the rise of each cycle, and mirrored if the
cycle is symmetric, until the amplitude no longer changes a float32; short cycles are computed many at a time. All others are
computed step by step, a chunk at a time from the phase of its first step.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._environment import rounds_to_nearest
from clr_ref._inputs import is_masked, shown
from clr_ref.fast import general, one_step
from clr_ref.fast.arrays import Work, borrow, give_back, origin, products
from clr_ref.fast.plan import SPAN, Plan
from clr_ref.fast.powers import Powers
from clr_ref.fast.settle import round_to_float32
from clr_ref.parameters import MAX_STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Steps worked on at once: the buffers take 704 KiB of the 1 MiB that a range may take besides its result.
CHUNK = 16_384
#: Elements copied at once.
REPEATED = 65_536


def check_out(out: Any, dtype: str, count: int) -> None:
    """Raise the error that ``values`` documents unless ``out`` can take ``count`` rates."""
    needed = f"out must be a contiguous, writeable array of {dtype} and shape ({count},)"
    if is_masked(out):
        raise TypeError(f"{needed}, got a masked array: give its data, as with out.data")
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{needed}, got {shown(out)} of type {type(out).__name__}")
    if out.dtype != dtype or out.shape != (count,) or not out.flags.c_contiguous or not out.flags.writeable:
        kinds = [] if out.flags.c_contiguous else ["strided"]
        kinds += [] if out.flags.writeable else ["read-only"]
        kind = f"a {' '.join(kinds)} array" if kinds else "an array"
        raise ValueError(f"{needed}, got {kind} of {out.dtype} and shape {out.shape}")


def fill(plan: Plan, first: int, out: NDArray[Any]) -> None:
    """The rates of the contiguous steps from ``first`` on, into ``out``."""
    # Where the rates are periodic, one period is computed and repeated.
    period = plan.period // math.gcd(plan.period, 1 << plan.shift) if plan.is_constant else max(len(out), 1)
    once = out[:period]
    with np.errstate(all="ignore"):
        if plan.last_fast_step < CHUNK or not rounds_to_nearest():
            _fill_steps(plan, first, once)
        elif len(once):
            work = borrow(CHUNK)
            fill_range = _fill_cycles if plan.shift == 0 and (plan.is_constant or plan.halves) else _fill_ramp
            fill_range(plan, work, first, once)
            give_back(CHUNK, work)
        _repeat(out, period)


def _fill_steps(plan: Plan, first: int, out: NDArray[Any]) -> None:
    """Contiguous steps as arbitrary ones."""
    for start in range(0, len(out), general.CHUNK):
        part = out[start : start + general.CHUNK]
        # A range that ends at 2**63 has no int64 stop.
        general.fill(plan, np.arange(len(part), dtype=np.int64) + (first + start), part)


def _fill_cycles(plan: Plan, work: Work, first: int, out: NDArray[np.float32]) -> None:
    """triangular and triangular2 with whole step sizes: each rise is computed, and each fall that mirrors none."""
    p, period = plan.p, plan.period
    ramp = np.arange(min(len(out), CHUNK, max(p, plan.fall) + 1), dtype=np.float64)
    base = one_step.one_rate(plan, 0)
    position = 0
    while position < len(out):
        cycle, r = divmod(first + position, period)
        if plan.halves and _is_gone(plan, cycle * period + p, base):
            # Rounding is monotone: once the peak rounds to the base, everything between them does, in all later cycles too.
            out[position:] = base
            return
        if plan.halves and r == 0 and (done := _fill_short_cycles(plan, work, cycle, base, out[position:])):
            position += done
            continue
        factor = _halved(cycle) if plan.halves else 1.0
        if r <= p:
            stop = min(position + p + 1 - r, len(out))
            _fill_line(plan, work, ramp, first + position, r, 1, plan.slope * factor, out[position:stop])
            mirrored = min(stop - position - 1, len(out) - stop) if plan.is_symmetric else 0
            out[stop : stop + mirrored] = out[stop - 1 - mirrored : stop - 1][::-1]
            position = stop + mirrored
            r = (first + position) % period
        if r > p:
            stop = min(position + period - r, len(out))
            _fill_line(plan, work, ramp, first + position, period - r, -1, plan.fall_slope * factor, out[position:stop])
            position = stop


def _is_gone(plan: Plan, peak: int, base: np.float32) -> bool:
    """Return whether the rate of a peak rounds to the base; not of one that is no step any more, which has no rate."""
    # Bytes are compared, since a CPU that takes subnormal numbers for zero finds them all equal.
    return peak <= MAX_STEP and bool(one_step.one_rate(plan, peak).tobytes() == base.tobytes())


def _fill_short_cycles(plan: Plan, work: Work, cycle: int, base: np.float32, out: NDArray[np.float32]) -> int:
    """Fill cycles of triangular2 from one on, many in each call of NumPy; return how many steps those are, maybe 0.

    A cycle is the first one times a power of two, which is exact. The last one may be cut off.
    """
    # Of a symmetric cycle the rise is computed, and mirrored; of another one, the rise and the fall.
    p, period, width = plan.p, plan.period, plan.p + 1 if plan.is_symmetric else plan.period
    rows, whole = CHUNK // width, len(out) // period
    # The cycles whose peak does not round to the base yet: rounding is monotone. Often, those are all.
    peaks = range(cycle * period + p, min(cycle * period + len(out) + p, MAX_STEP + 1), period)
    if min(rows, len(peaks)) < 2:
        return 0
    count = len(peaks)
    if _is_gone(plan, peaks[-1], base):
        count = bisect.bisect_left(peaks, True, key=lambda peak: _is_gone(plan, peak, base))
    line = np.arange(width, dtype=np.float64)
    line[p + 1 :] = period - line[p + 1 :]
    line[: p + 1] *= plan.slope
    line[p + 1 :] *= plan.fall_slope
    # A chunk is the first one times a power of two, since NumPy multiplies by one number three times as fast as by rows.
    _, _, chunk, _ = work.first(min(rows, count) * width)
    np.multiply(line, [[_halved(row)] for row in range(min(rows, count))], out=chunk.reshape(-1, width))
    cycles = out[: whole * period].reshape(whole, period)
    for start in range(0, count, rows):
        number = min(rows, count - start)
        rate, scratch, _, words = work.first(number * width)
        np.multiply(chunk[: len(rate)], _halved(cycle + start), out=rate)
        rate += plan.initial
        rounded = scratch.view(np.float32)[: len(rate)]
        for index in round_to_float32(plan, rate, words, plan.roundings, rounded):
            row, r = divmod(int(index), width)
            rounded[index] = one_step.one_rate(plan, (cycle + start + row) * period + r)
        computed, part = rounded.reshape(-1, width), cycles[start : start + number]
        _unfold(plan, computed[: len(part)], part)
        if len(part) < number:
            last = np.empty((1, period), np.float32)
            _unfold(plan, computed[-1:], last)
            out[whole * period :] = last[0, : len(out) - whole * period]
    return min(count * period, len(out))


def _unfold(plan: Plan, computed: NDArray[np.float32], cycles: NDArray[np.float32]) -> None:
    """Put into whole cycles, one in each row, what is computed of them."""
    width = computed.shape[1]
    cycles[:, :width] = computed
    if plan.is_symmetric:
        cycles[:, width:] = computed[:, plan.p - 1 : 0 : -1]


def _halved(cycle: int) -> float:
    return 2.0 ** -min(cycle, SPAN["float32"])


def _fill_line(
    plan: Plan, work: Work, ramp: Floats, first: int, m: int, sign: int, slope: float, out: NDArray[np.float32]
) -> None:
    """The rates initial + (m + sign i) slope, i = 0, 1, ..., which are those of the steps from ``first`` on."""
    for start in range(0, len(out), CHUNK):
        part = out[start : start + CHUNK]
        rate, _, _, words = work.first(len(part))
        near_end = m + sign * start
        if sign > 0:
            np.add(ramp[: len(part)], near_end, out=rate)
        else:
            np.subtract(near_end, ramp[: len(part)], out=rate)
        rate *= slope
        rate += plan.initial
        for index in round_to_float32(plan, rate, words, plan.roundings, part):
            part[index] = one_step.one_rate(plan, first + start + int(index))


def _fill_ramp(plan: Plan, work: Work, first: int, out: NDArray[np.float32]) -> None:
    """Every step computed, from the phase of the first one of its chunk: exp_range, and any fractional step_size."""
    size, period = min(len(out), CHUNK), plan.period
    ramp = np.arange(size, dtype=np.float64) * (1 << plan.shift)
    factor, roundings = 1.0, plan.roundings
    decays = not (plan.is_constant or plan.halves)
    if decays:
        # gamma**(first of the chunk) times a table of gamma**0, gamma**1, ...: one power and two products more.
        roundings += 2 * Powers.MAX_LEVELS + 2
        for start in range(0, size, general.CHUNK):
            part = np.arange(start, min(start + general.CHUNK, size), dtype=np.int64)
            work.scale[part] = plan.powers.many(part)
    for start in range(0, len(out), CHUNK):
        rates = out[start : start + CHUNK]
        cycle, r = divmod((first + start) << plan.shift, period)
        if decays:
            power = plan.powers.one(first + start)
            if abs(plan.amplitude) * power < abs(plan.initial) * 2.0**-26 and abs(plan.initial) >= 2.0**-126:
                # Less than half the distance to the next float32 on either side, here and at every later step.
                out[start:] = plan.initial
                return
            factor = power
        elif plan.halves:
            factor = _halved(cycle)
        rate, scratch, scale, words = work.first(len(rates))
        np.add(ramp[: len(rates)], r - origin(plan), out=rate)
        products(plan, factor, rate, scratch, scale, (len(rates) << plan.shift) + period)
        rate += plan.initial
        for index in round_to_float32(plan, rate, words, roundings, rates):
            rates[index] = one_step.one_rate(plan, first + start + int(index))


def _repeat(out: NDArray[Any], period: int) -> None:
    """Copy the first ``period`` elements over the rest."""
    # Short periods are doubled first, since every copy is a call.
    while period < min(len(out), REPEATED // 2):
        part = out[period : 2 * period]
        part[:] = out[: len(part)]
        period *= 2
    # Each piece of a long one goes to all its places while it is in the cache.
    for start in range(0, min(period, len(out) - period), REPEATED):
        piece = out[start : min(start + REPEATED, period)]
        for target in range(start + period, len(out), period):
            part = out[target : target + len(piece)]
            part[:] = piece[: len(part)]
