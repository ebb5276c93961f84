"""Arrays of arbitrary steps on the fast path: float32 schedules of the three policies, steps up to ``Plan.last_fast_step``.

With step_size = p / q in lowest terms (q a power of two, since step_size is a float) the phase of step t is r / p with the
integer r = (t q) mod 2p, its distance from the nearer end of the cycle is m / p with m = min(r, 2p - r), and the rate is

    initial + m * (maximal - initial) / p * scale                                                       (docs/SPEC.md, clause 4)

In an asymmetric cycle, the step sizes are p / q and f / q, r is (t q) mod (p + f), and two lines cross at the peak:

    initial + min(r |maximal - initial| / p, (p + f - r) |maximal - initial| / f) * (the sign of maximal - initial) * scale

The relative error of the smaller of two numbers is at most that of the less accurate one, so the bounds are the same.

Here the phase is computed in words of 32 bits or in float64, both exact for these steps, and every operation on a chunk goes
into the same few buffers, which stay in the second-level cache. ``settle`` finds the steps that need exact arithmetic. All
other steps and schedules go to ``general``. docs/ROUNDING.md follows one step through this module.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._environment import rounds_to_nearest
from clr_ref.fast import general, one_step
from clr_ref.fast.plan import SPAN, Plan
from clr_ref.fast.settle import round_to_float32
from clr_ref.parameters import MAX_STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Words = NDArray[np.uint32]

#: So many steps are computed at a time: the cost of twenty calls of NumPy is then small, and all buffers stay in a second-level
#: cache of 2 MiB.
CHUNK = 32_768
#: Adding a whole number to the bits of 2**52 adds it to the float: the cheapest conversion there is.
_MAGIC = 2.0**52
_MAGIC_BITS = 0x4330000000000000
#: Which of the two words of a float64 holds its exponent.
_UPPER = 1 if sys.byteorder == "little" else 0


class Work:
    """The buffers of one call, for chunks of up to ``size`` steps, a multiple of 8."""

    def __init__(self, size: int) -> None:
        # On whole cache lines, to which NumPy does not align: arithmetic across them takes a tenth longer.
        line = 64 // 8
        memory = np.empty(3 * size + line)
        start = -(memory.__array_interface__["data"][0] // 8) % line
        self.rate, self.scratch, self.scale = memory[start : start + 3 * size].reshape(3, size)
        self.words: Words = np.empty(size, np.uint32)
        # Of triangular2: copies of the slope, or of 1 in an asymmetric cycle. Only their exponent bits are overwritten.
        self.slopes: Floats = np.empty(0)

    def first(self, count: int) -> Any:
        """Three buffers of float64 and one of words, ``count`` long: for the rate, for scratch, for the scale."""
        return self.rate[:count], self.scratch[:count], self.scale[:count], self.words[:count]


_kept: dict[int, Work] = {}


def borrow(size: int) -> Work:
    """The buffers that an earlier call gave back, or new ones.

    New ones can take longer than 10^5 rates: what a call frees, the C library may return to the system, and the next call then
    waits for every page.
    """
    # Atomic, so that neither another thread nor a signal handler gets the same buffers.
    return _kept.pop(size, None) or Work(size)


def give_back(size: int, work: Work) -> None:
    """Keep buffers for the next call. A call that raises does not give them back, which costs the next one time alone."""
    _kept[size] = work


def fill(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    """The rates of arbitrary steps, into ``out``; both 1-D and of one length.

    Raises:
        ValueError: a step is negative; what is in ``out`` is then of no use.
    """
    fast = plan.last_fast_step >= 0
    size = CHUNK if fast else general.CHUNK
    work = _work(plan, len(steps)) if fast else None
    with np.errstate(all="ignore"):
        for start in range(0, len(steps), size):
            part = steps[start : start + size]
            largest = int(np.maximum.reduce(part.view(np.uint64)))  # faster than max; a negative step is a very large one
            if largest > MAX_STEP:
                raise ValueError(f"step must be a number 0 .. 2**63-1, got {part[part < 0][0].item()!r}")
            if work is not None and largest <= plan.last_fast_step and rounds_to_nearest():
                _fill_fast(plan, work, part, largest, out[start : start + size])
            else:
                general.fill(plan, part, out[start : start + size])
    if work is not None:
        give_back(CHUNK, work)


def _work(plan: Plan, count: int) -> Work:
    """Buffers for so many steps of a plan."""
    work = borrow(CHUNK)
    if plan.halves:
        work.slopes = work.slopes if len(work.slopes) else np.empty(CHUNK)
        work.slopes[:count] = plan.halved
    return work


def _fill_fast(plan: Plan, work: Work, steps: Ints, largest: int, out: NDArray[np.float32]) -> None:
    """A chunk of arbitrary steps, none above ``plan.last_fast_step``."""
    rate, scratch, scale, words = work.first(len(steps))
    roundings = plan.roundings
    small = max(largest << plan.shift, plan.period) < 2**31 and plan.slope != 0
    if small:
        whole = words.view(np.int32)
        np.copyto(words, steps.view(np.uint64), casting="unsafe")
        if plan.shift:
            words <<= np.uint32(plan.shift)
    else:
        whole = rate.view(np.int64)
        np.left_shift(steps, plan.shift, out=whole)
    if not (plan.is_constant or plan.halves):
        powers = plan.powers
        if powers.exp2_is_sound:
            np.copyto(scale, whole)
            scale *= powers.rate * 2.0**-plan.shift
            if largest > powers.largest:
                np.maximum(scale, -SPAN["float32"], out=scale)  # arithmetic on subnormals is slow
            np.exp2(scale, out=scale)
            roundings += powers.exp2_roundings(largest)
        else:
            scale[:] = powers.many(steps)
    if small:
        scale = work.slopes[: len(rate)] if plan.halves else scale
        _products_of_words(plan, rate, scratch, scale, words, largest << plan.shift)
    else:
        whole += _MAGIC_BITS
        rate -= _MAGIC + origin(plan)
        products(plan, 1.0, rate, scratch, scale, largest << plan.shift)
    rate += plan.initial
    for index in round_to_float32(plan, rate, words, roundings, out):
        out[index] = one_step.one_rate(plan, int(steps[index]))


def _products_of_words(plan: Plan, rate: Floats, scratch: Floats, scale: Floats, words: Words, largest: int) -> None:
    """As ``products``, from a step * q below 2**31 in words, where whole numbers take half as long.

    For triangular2, ``scale`` starts as ``Work.slopes``; only its exponent bits are overwritten here.
    """
    period = np.uint32(plan.period)
    cycle, r = scratch.view(np.uint32).reshape(2, -1)
    np.floor_divide(words, period, out=cycle)
    np.multiply(cycle, period, out=r)
    np.subtract(words, r, out=r)
    if plan.is_symmetric:
        np.subtract(period, r, out=words)
        np.minimum(words, r, out=words)
        np.copyto(rate, words.view(np.int32))
    else:
        np.copyto(rate, r.view(np.int32))
    if plan.halves:
        if largest // int(period) > SPAN["float32"]:
            np.minimum(cycle, np.uint32(SPAN["float32"]), out=cycle)
        cycle <<= np.uint32(20)
        np.subtract(plan.halved.view(np.uint32)[_UPPER], cycle, out=scale.view(np.uint32)[_UPPER::2])  # slope * 2**-cycle
    if not plan.is_symmetric:
        _lower_line(plan, 1.0, rate, scratch)
    elif not plan.halves:
        rate *= plan.slope
    if not plan.is_constant:
        rate *= scale


def origin(plan: Plan) -> int:
    """The position from which ``products`` counts: the first peak if it needs the nearest one, else the start of the cycle."""
    return plan.p if plan.halves and plan.is_symmetric else 0


def products(plan: Plan, factor: float, rate: Floats, scratch: Floats, scale: Floats, largest: int) -> None:
    """Replace positions by m * slope * factor * scale.

    Args:
        plan: the plan of the schedule.
        factor: a part of the scale that all steps share, or 1.
        rate: on entry, step * q less the origin; on return, the products.
        scratch: overwritten.
        scale: on entry, the scale of exp_range; overwritten for triangular2.
        largest: the largest step * q.

    The position divided by 2p is rounded to the nearest whole number, which is the cycle. The float64 quotient is off by less
    than 2**51 / 2p * 2**-52, and its distance from a half is 0 or at least 1 / 2p. So ``rint`` picks the same whole number as
    exact arithmetic, except at exact halves, where both choices give m = p.

    In an asymmetric cycle, the quotient is rounded down. Its distance from a whole number is 0 or at least 1 / period. So only
    at the start of a cycle can ``floor`` pick another one, the cycle before, at whose end m is 0 too.
    """
    period = plan.period
    np.multiply(rate, 1 / period, out=scratch)
    if not plan.is_symmetric:
        np.floor(scratch, out=scratch)
        if plan.halves:
            _halve(scratch, scale, largest // period)
        scratch *= period
        rate -= scratch
        _lower_line(plan, factor, rate, scratch)
        if not plan.is_constant:
            rate *= scale
        return
    np.rint(scratch, out=scratch)
    if plan.halves:
        # The nearest peak is that of the step's own cycle.
        _halve(scratch, scale, largest // period)
    scratch *= period
    rate -= scratch
    np.abs(rate, out=rate)
    if plan.halves:
        np.subtract(plan.p, rate, out=rate)
    rate *= plan.slope * factor
    if not plan.is_constant:
        rate *= scale


def _lower_line(plan: Plan, factor: float, rate: Floats, scratch: Floats) -> None:
    """Replace distances r from the start of the cycle, 0 to the period, by m * slope * factor; ``scratch`` is overwritten.

    The rate is on the line of the rise or on that of the fall, whichever is nearer to the initial rate.
    """
    np.subtract(plan.period, rate, out=scratch)
    scratch *= plan.fall_slope * factor
    rate *= plan.slope * factor
    nearer = np.minimum if plan.amplitude > 0 else np.maximum
    nearer(rate, scratch, out=rate)


def _halve(cycle: Floats, scale: Floats, largest: int) -> None:
    """Put 2**-cycle into ``scale``, assembled from its exponent bits; held at 2**-SPAN. ``largest`` is the largest cycle."""
    span = SPAN["float32"]
    if largest > span:
        np.minimum(cycle, span, out=scale)
        cycle = scale
    np.subtract(_MAGIC + 1023, cycle, out=scale)
    bits = scale.view(np.int64)
    bits <<= 52
