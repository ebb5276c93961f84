"""The fast evaluation behind the reference schedule: whole-number phase, one float64 formula, proven rounding.

With step_size = p / q in lowest terms (q a power of two, since step_size is a float) the phase of step t is the integer
r = (t q) mod 2p, its distance from the nearer end of the cycle is m = min(r, 2p - r), and the rate is

    initial + m * (maximal - initial) / p * scale                                                       (docs/SPEC.md, clause 4)

Nothing is lost in the phase, at any step. The rest is floating point with a known error, and every result is put to Ziv's
test: if the float64 value could lie on either side of a midpoint of two results, the exact tier decides. So every result is
correctly rounded, whatever the step, and for float32 fewer than one in a million pays for it.

The policies of the paper in float32 go the swift way: the phase in words of 32 bits, or in float64, which is exact for steps up
to ``Plan.swift``, and every operation on a chunk into the same few buffers, which stay in the second-level cache. Everything
else goes the general way, in int64. One step at a time is ``_scalar``'s.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import _double, _scalar, exact, scale as scales
from clr_ref._plan import EXACT, LIMIT, SPAN, WINDOW, Plan, U, plan
from clr_ref._powers import Powers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Words = NDArray[np.uint32]

__all__ = ["ARRAY_CHUNK", "CHUNK", "EXACT", "LIMIT", "SPAN", "Plan", "Powers", "U", "fill", "fill_range", "phase", "plan"]

#: Arbitrary steps worked on at once the swift way: the cost of twenty calls of NumPy vanishes, and all buffers stay in a
#: second-level cache of 2 MiB.
ARRAY_CHUNK = 32 * 1024
#: The same for ranges, whose buffers take 704 KiB of the 1 MiB that a range may take besides its result.
CHUNK = 16 * 1024
#: Steps worked on at once the general way, whose many temporaries of 48 KiB stay below the 128 KiB from which glibc's malloc
#: may hand memory back to the system and fetch it again for every chunk, which costs as much as the arithmetic.
GENERAL_CHUNK = 6 * 1024
#: Elements copied at once.
REPEATED = 64 * 1024
MAX_STEP = 2**63 - 1
#: Adding a whole number to the bits of 2**52 adds it to the float: the cheapest conversion there is.
_MAGIC = 2.0**52
_MAGIC_BITS = 0x4330000000000000
#: Which of the two words of a float64 holds its exponent.
_UPPER = 1 if sys.byteorder == "little" else 0


class Work:
    """The buffers of one call, for chunks of up to ``size`` steps."""

    def __init__(self, size: int) -> None:
        # On whole cache lines, which NumPy does not see to: arithmetic across them takes a tenth longer.
        line = 64 // 8
        width = size + -size % line
        memory = np.empty(3 * width + line)
        start = -(memory.__array_interface__["data"][0] // 8) % line
        self.floats = memory[start : start + 3 * width].reshape(3, width)
        self.words: Words = np.empty(size, np.uint32)
        self.slopes = np.empty(0)  # of triangular2, below whose exponents the same numbers always stand

    def first(self, count: int) -> Any:
        return *self.floats[:, :count], self.words[:count]


def fill(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    """The rates of arbitrary steps, into ``out``; both 1-D and of one length.

    Raises:
        ValueError: a step is negative; what is in ``out`` is then of no use.
    """
    size = ARRAY_CHUNK if plan.swift >= 0 else GENERAL_CHUNK
    work = Work(min(len(steps), size) if plan.swift >= 0 else 0)
    if isinstance(plan.scale_fn, scales.Halving):
        work.slopes = np.full(work.floats.shape[1], plan.slope)
    with np.errstate(all="ignore"):
        for start in range(0, len(steps), size):
            part = steps[start : start + size]
            largest = int(part.view(np.uint64).max())  # a negative step is a very large one
            if largest > MAX_STEP:
                raise ValueError(f"step must be a whole number 0 .. 2**63-1, got {part[part < 0][0].item()!r}")
            if largest <= plan.swift:
                _fill_swift(plan, work, part, largest, out[start : start + size])
            else:
                _fill_general(plan, part, out[start : start + size])


def fill_range(plan: Plan, first: int, out: NDArray[Any]) -> None:
    """The rates of the contiguous steps from ``first`` on, into ``out``."""
    constant, halves = isinstance(plan.scale_fn, scales.Constant), isinstance(plan.scale_fn, scales.Halving)
    # Where the rates are periodic, one period is evaluated and repeated.
    period = (2 * plan.p if plan.shift == 0 else plan.p) if constant else max(len(out), 1)
    once = out[:period]
    with np.errstate(all="ignore"):
        if plan.swift < CHUNK:
            _fill_steps(plan, first, once)
        elif plan.shift == 0 and (constant or halves):
            _fill_cycles(plan, first, once)
        else:
            _fill_ramp(plan, first, once)
        _repeat(out, period)


# --- the swift way ---------------------------------------------------------------------------------------------------


def _fill_swift(plan: Plan, work: Work, steps: Ints, largest: int, out: NDArray[np.float32]) -> None:
    """A chunk of arbitrary steps, none above ``plan.swift``."""
    a, b, c, words = work.first(len(steps))
    roundings, halves = plan.roundings, isinstance(plan.scale_fn, scales.Halving)
    small = max(largest << plan.shift, 2 * plan.p) < 2**31 and plan.slope != 0
    if small:
        whole = words.view(np.int32)
        np.copyto(words, steps.view(np.uint64), casting="unsafe")
        if plan.shift:
            words <<= np.uint32(plan.shift)
    else:
        whole = a.view(np.int64)
        np.left_shift(steps, plan.shift, out=whole)
    if isinstance(plan.scale_fn, scales.Exponential):
        powers = plan.powers
        if powers.exp2_is_sound:
            np.copyto(c, whole)
            c *= powers.rate * 2.0**-plan.shift
            if largest > powers.largest:
                np.maximum(c, -SPAN["float32"], out=c)  # arithmetic on subnormals is slow
            np.exp2(c, out=c)
            roundings += powers.exp2_roundings(largest)
        else:
            c[:] = powers.array(steps)
    if small:
        _products_of_words(plan, a, b, work.slopes[: len(a)] if halves else c, words, largest << plan.shift)
    else:
        whole += _MAGIC_BITS
        a -= _MAGIC + _origin(plan)
        _products(plan, plan.slope, a, b, c, largest << plan.shift)
    a += plan.initial
    for index in _settle_float32(plan, a, words, roundings, out):
        out[index] = _scalar.settled(plan, int(steps[index]))


def _products_of_words(plan: Plan, a: Floats, b: Floats, c: Floats, words: Words, largest: int) -> None:
    """As ``_products``, from a step * q below 2**31 in words, where whole numbers take half as long.

    For triangular2, c holds the slope but for its exponent.
    """
    p2 = np.uint32(2 * plan.p)
    cycle, r = b.view(np.uint32).reshape(2, -1)
    np.floor_divide(words, p2, out=cycle)
    np.multiply(cycle, p2, out=r)
    np.subtract(words, r, out=r)
    np.subtract(p2, r, out=words)
    np.minimum(words, r, out=words)
    np.copyto(a, words.view(np.int32))
    if isinstance(plan.scale_fn, scales.Halving):
        if largest // int(p2) > SPAN["float32"]:
            np.minimum(cycle, np.uint32(SPAN["float32"]), out=cycle)
        cycle <<= np.uint32(20)
        upper = np.array([plan.slope]).view(np.uint32)[_UPPER]
        np.subtract(upper, cycle, out=c.view(np.uint32)[_UPPER::2])  # slope * 2**-cycle
    else:
        a *= plan.slope
    if not isinstance(plan.scale_fn, scales.Constant):
        a *= c


def _origin(plan: Plan) -> int:
    """Where ``_products`` counts positions from: the first peak where it needs the cycle, the start of it elsewhere."""
    return plan.p if isinstance(plan.scale_fn, scales.Halving) else 0


def _products(plan: Plan, slope: float, a: Floats, b: Floats, c: Floats, largest: int) -> None:
    """In a, m * slope * scale, from step * q less the origin. c holds the scale of exp_range; ``largest`` is that of step * q.

    Position / 2p is rounded to the nearest whole number. The float64 quotient is off by less than 2**51 / 2p * 2**-52, and no
    nearer than 1 / 2p to a half that it is not: it is rounded as the exact one would be, but at the halves themselves, where
    either answer gives the same distance p.
    """
    p2 = 2 * plan.p
    np.multiply(a, 1 / p2, out=b)
    np.rint(b, out=b)
    if isinstance(plan.scale_fn, scales.Halving):
        # The nearest peak is that of the step's own cycle.
        _halve(b, c, largest // p2)
    b *= p2
    a -= b
    np.abs(a, out=a)
    if isinstance(plan.scale_fn, scales.Halving):
        np.subtract(plan.p, a, out=a)
    a *= slope
    if not isinstance(plan.scale_fn, scales.Constant):
        a *= c


def _halve(cycle: Floats, unit: Floats, largest: int) -> None:
    """In unit, 2**-cycle, assembled from its exponent bits; held at 2**-SPAN. ``largest`` is that of the cycles."""
    span = SPAN["float32"]
    if largest > span:
        np.minimum(cycle, span, out=unit)
        cycle = unit
    np.subtract(_MAGIC + 1023, cycle, out=unit)
    bits = unit.view(np.int64)
    bits <<= 52


def _fill_cycles(plan: Plan, first: int, out: NDArray[np.float32]) -> None:
    """triangular and triangular2 with a whole step_size: every rise computed, every fall mirrored as far as its rise goes."""
    if not len(out):
        return
    p, period, halves = plan.p, 2 * plan.p, isinstance(plan.scale_fn, scales.Halving)
    work, ramp = Work(min(len(out), CHUNK)), np.arange(min(len(out), CHUNK), dtype=np.float64)
    position = 0
    while position < len(out):
        cycle, r = divmod(first + position, period)
        if halves and _scalar.settled(plan, cycle * period + p) == plan.initial:
            # Rounding is monotone: once the peak rounds to the base, everything between them does, in all later cycles too.
            out[position:] = plan.initial
            return
        slope = plan.slope * 2.0 ** -min(cycle, SPAN["float32"]) if halves else plan.slope
        if r <= p:
            stop = min(position + p + 1 - r, len(out))
            _fill_line(plan, work, ramp, first + position, r, 1, slope, out[position:stop])
            mirrored = min(stop - position - 1, len(out) - stop)
            out[stop : stop + mirrored] = out[stop - 1 - mirrored : stop - 1][::-1]
            position = stop + mirrored
            r = (first + position) % period
        if r > p:
            stop = min(position + period - r, len(out))
            _fill_line(plan, work, ramp, first + position, period - r, -1, slope, out[position:stop])
            position = stop


def _fill_line(
    plan: Plan, work: Work, ramp: Floats, first: int, m: int, sign: int, slope: float, out: NDArray[np.float32]
) -> None:
    """The rates initial + (m + sign i) slope, i = 0, 1, ..., which are those of the steps from ``first`` on."""
    for start in range(0, len(out), CHUNK):
        part = out[start : start + CHUNK]
        a, _, _, words = work.first(len(part))
        near_end = m + sign * start
        if sign > 0:
            np.add(ramp[: len(part)], near_end, out=a)
        else:
            np.subtract(near_end, ramp[: len(part)], out=a)
        a *= slope
        a += plan.initial
        for index in _settle_float32(plan, a, words, plan.roundings, part):
            part[index] = _scalar.settled(plan, first + start + int(index))


def _fill_ramp(plan: Plan, first: int, out: NDArray[np.float32]) -> None:
    """Every step evaluated, cycle by cycle from the first of a chunk: exp_range, and whatever has a fractional step_size."""
    if not len(out):
        return
    size = min(len(out), CHUNK)
    work, ramp, p2 = Work(size), np.arange(size, dtype=np.float64) * (1 << plan.shift), 2 * plan.p
    c, slope, roundings = work.floats[2], plan.slope, plan.roundings
    decays = isinstance(plan.scale_fn, scales.Exponential)
    if decays:
        # gamma**(first of the chunk) times a table of gamma**0, gamma**1, ...: one power and two products more.
        roundings += 2 * Powers.MAX_LEVELS + 2
        for start in range(0, size, GENERAL_CHUNK):
            part = np.arange(start, min(start + GENERAL_CHUNK, size))
            c[part] = plan.powers.array(part)
    for start in range(0, len(out), CHUNK):
        rates = out[start : start + CHUNK]
        cycle, r = divmod((first + start) << plan.shift, p2)
        if decays:
            power = plan.powers.scalar(first + start)
            if abs(plan.amplitude) * power < abs(plan.initial) * 2.0**-26 and abs(plan.initial) >= 2.0**-126:
                # Less than half the distance to the next float32 on either side, here and at every later step.
                out[start:] = plan.initial
                return
            slope = plan.slope * power
        elif isinstance(plan.scale_fn, scales.Halving):
            slope = plan.slope * 2.0 ** -min(cycle, SPAN["float32"])
        a, b, c, words = work.first(len(rates))
        np.add(ramp[: len(rates)], r - _origin(plan), out=a)
        _products(plan, slope, a, b, c, (len(rates) << plan.shift) + p2)
        a += plan.initial
        for index in _settle_float32(plan, a, words, roundings, rates):
            rates[index] = _scalar.settled(plan, first + start + int(index))


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


def _settle_float32(plan: Plan, near: Floats, words: Words, roundings: int, out: NDArray[np.float32]) -> Any:
    """Round float64 values into ``out``; answer the indices at which they cannot settle the rounding.

    The error is U * (roundings * |product| + |near|). A float32 midpoint has the low 29 bits 100...0; shifted to the top of a
    32-bit word, the distance from it is one subtraction.
    """
    np.copyto(out, near, casting="unsafe")
    if plan.cancels or plan.slope < 0 or plan.initial < 0:
        out += np.float32(0.0)  # -0.0 becomes 0.0
    # Without cancellation |product| <= |near|, hence at most (roundings + 1) units of the last place; with it, ``width`` is
    # allowed, and values too small for it are suspects, as are those whose midpoints are elsewhere: subnormal float32.
    width, floor = roundings + 2, plan.floor
    if plan.cancels:
        width *= 32
        largest = max(abs(float(near.max())), abs(float(near.min()))) + abs(plan.initial)
        floor = max(floor, (roundings + 1) * largest / (width - 2))
    np.copyto(words, near.view(np.uint64), casting="unsafe")  # the low half, whatever the order of bytes
    words <<= np.uint32(3)
    if not floor:
        # Midpoints are the ends of the signed numbers: two quick looks, and most often that is all.
        signed, far = words.view(np.int32), (2**28 - width) << 3
        if signed.max() < far and signed.min() > -far:
            return ()
    words -= np.uint32((2**28 - width) << 3)
    bound = np.uint32((2 * width) << 3)
    if floor:
        # A value that is the initial rate, as at the ends of a cycle, is within a few units of a float32, and never in doubt.
        suspects = np.flatnonzero((words <= bound) | ((np.abs(near) < floor) & (near != plan.initial)))
    else:
        suspects = np.flatnonzero(words <= bound)
    # A few at a time: where a whole chunk is suspect, as among subnormals, its temporaries would be many.
    pieces = (suspects[start : start + 4096] for start in range(0, len(suspects), 4096))
    return [index for piece in pieces for index in _unsettled(plan, near[piece], piece, roundings)]


def _unsettled(plan: Plan, near: Floats, indices: Ints, roundings: int) -> Any:
    """Those of the indices whose interval holds more than one float32 after rounding."""
    # Twice the bound, for the roundings of near +- error; an absolute term for products that underflow.
    error = 2 * U * (roundings * (np.abs(near) + abs(plan.initial)) + 2 * np.abs(near)) + 2.0**-1000
    return indices[(near - error).astype(np.float32) != (near + error).astype(np.float32)]


# --- the general way -------------------------------------------------------------------------------------------------


def _fill_steps(plan: Plan, first: int, out: NDArray[Any]) -> None:
    """Contiguous steps, one by one."""
    for start in range(0, len(out), GENERAL_CHUNK):
        part = out[start : start + GENERAL_CHUNK]
        # A range that ends at 2**63 has no int64 stop.
        _fill_general(plan, np.arange(len(part), dtype=np.int64) + (first + start), part)


def _fill_general(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    for start in range(0, len(steps), GENERAL_CHUNK):
        asked, part = steps[start : start + GENERAL_CHUNK], out[start : start + GENERAL_CHUNK]
        if not plan.regular:
            hard: Any = range(len(asked))
        elif plan.schedule.dtype == "float32":
            hard = _fill_float32(plan, asked, part)
        else:
            hard = _fill_float64(plan, asked, part)
        for index in hard:
            part[index] = exact.rounded(plan.schedule, int(asked[index]))


def phase(plan: Plan, steps: Ints) -> tuple[Ints, Ints | None]:
    """m = min(r, 2p - r), and the cycle counted from 0, or None where a cycle does not fit int64."""
    p2 = 2 * plan.p
    cycle = steps // p2
    r = steps - cycle * p2
    cycles: Ints | None = cycle
    # r = (t << shift) mod 2p, a few bits at a time, so that no product leaves int64.
    room = 63 - p2.bit_length()
    left = plan.shift
    while left > 0:
        bits = min(room, left)
        left -= bits
        if cycles is not None and len(cycles) and int(cycles.max()) >= LIMIT >> bits:
            cycles = None
        r <<= bits
        carry = r // p2
        r -= carry * p2
        if cycles is not None:
            cycles = (cycles << bits) + carry
    return np.minimum(r, p2 - r), cycles


def _fill_float32(plan: Plan, steps: Ints, out: NDArray[np.float32]) -> Any:
    """Fill ``out`` and answer the indices whose rounding float64 cannot settle."""
    m, cycle = phase(plan, steps)
    near: Floats = m * np.float64(plan.slope)
    scale_fn = plan.scale_fn
    if not isinstance(scale_fn, scales.Constant):
        if plan.schedule.scale_mode == "iterations":
            arguments = steps
        elif cycle is None:
            return range(len(steps))
        else:
            arguments = cycle + 1
        if isinstance(scale_fn, scales.Halving):
            near *= _halved(arguments, SPAN["float32"])
        elif isinstance(scale_fn, scales.Exponential):
            near *= plan.powers.array(arguments)
        else:
            near *= _answers(scale_fn, arguments)
    near += plan.initial
    return _settle_float32(plan, near, np.empty(len(steps), np.uint32), plan.roundings, out)


def _halved(arguments: Ints, span: int) -> Floats:
    """2**(1 - x), assembled from its exponent bits; held at 2**-span, since arithmetic on subnormals is slow."""
    return (np.maximum(1024 - arguments, 1023 - span) << 52).view(np.float64)


def _fill_float64(plan: Plan, steps: Ints, out: NDArray[np.float64]) -> Any:
    """As ``_fill_float32``, in pairs of float64 (about 100 bits)."""
    schedule = plan.schedule
    m, cycle = phase(plan, steps)
    amplitude = Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)
    product = _double.times(_double.pair(amplitude / plan.p), m.astype(np.float64))
    scale_fn = plan.scale_fn
    with np.errstate(all="ignore"):
        if not isinstance(scale_fn, scales.Constant):
            if schedule.scale_mode == "iterations":
                arguments = steps
            elif cycle is None:
                return range(len(steps))
            else:
                arguments = cycle + 1
            if isinstance(scale_fn, scales.Halving):
                unit = _halved(arguments, SPAN["float64"])
                product = product[0] * unit, product[1] * unit
            elif isinstance(scale_fn, scales.Exponential):
                product = plan.powers.pairs(product, arguments)
            else:
                product = _double.times(product, _answers(scale_fn, arguments))
        high, low = _double.plus(product, plan.initial)
        # Every operation on pairs is good to 2**-100 of its largest operand; there are at most 2 * MAX_LEVELS + 4 of them.
        error = 2.0**-95 * (np.abs(product[0]) + np.abs(high))
        out[:] = high + (low - error)
        # Splitting a power above 2**996 makes NaN, which is open because it differs from itself.
        open_ = out != high + (low + error)
        out += 0.0
        size = np.abs(product[0])
        small, sound = size < 2.0**-WINDOW, size < 2.0**WINDOW
        # A small product next to a base of at least 2**-ROOM does not change it.
        open_ |= (m != 0) & (~sound | (small & (plan.initial == 0)))
    return np.flatnonzero(open_)


def _answers(scale_fn: Any, arguments: Ints) -> Floats:
    """A custom scale function at each distinct argument, once."""
    distinct, inverse = np.unique(arguments, return_inverse=True)
    answers = np.array([scales.answer(scale_fn, int(x)) for x in distinct], np.float64)
    return answers[inverse.reshape(-1)]
