"""The fast evaluation behind the reference schedule: whole-number phase, one float64 formula, proven rounding.

With step_size = p / q in lowest terms (q a power of two, since step_size is a float) the phase of step t is the integer
r = (t q) mod 2p, its distance from the nearer end of the cycle is m = min(r, 2p - r), and the rate is

    initial + m * (maximal - initial) / p * scale                                                       (docs/SPEC.md, clause 4)

Nothing is lost in the phase, at any step. The rest is floating point with a known error, and every result is put to Ziv's
test: if the float64 value could lie on either side of a midpoint of two results, the exact tier decides. So every result is
correctly rounded, whatever the step, and for float32 fewer than one in a million pays for it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import _double, exact, scale as scales

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clr_ref.schedule import CyclicalLearningRate

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: Unit roundoff of float64.
U = 2.0**-53
#: Elements worked on at once: a handful of temporaries of 96 KiB stay in a second-level cache, and below the 128 KiB from which
#: glibc's malloc may hand memory back to the system and fetch it again for every chunk, which costs as much as the arithmetic.
CHUNK = 12 * 1024
#: 2p and the whole-number cycle stay below this, so that int64 never overflows.
LIMIT = 1 << 62
#: Powers of gamma are looked up for exponents up to where they leave 2**+-SPAN. Beyond, no float32 result changes:
#: |maximal - initial| * height is 0 or lies in 2**-211 .. 2**129 for float32 schedules with 2p < LIMIT. A float64 result may,
#: and is seen to by WINDOW: with bounds inside 2**+-ROOM, a power beyond SPAN makes a product beyond WINDOW.
SPAN = {"float32": 400, "float64": 900}
#: float64 schedules whose bounds and step_size lie inside 2**+-ROOM (or are 0) are evaluated in pairs of float64.
ROOM = 100
#: Products outside 2**+-WINDOW have lost accuracy to underflow, or to SPAN.
WINDOW = 690


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a schedule computes once. ``p / 2**shift`` is the step_size; ``slope`` is (maximal - initial) / p."""

    schedule: CyclicalLearningRate
    scale_fn: scales.ScaleFn
    p: int
    shift: int
    initial: float
    slope: float
    #: roundings that the product m * slope * scale suffers, each of relative size U at most.
    roundings: int
    #: whether sums may cancel, so that the error is not small against the result.
    cancels: bool
    #: whether float64 arithmetic can be trusted with the numbers at all; if not, every step is settled exactly.
    regular: bool

    def scalar(self, step: int) -> Any:
        """One rate, from a Python int."""
        schedule = self.schedule
        if not self.regular or schedule.dtype != "float32":
            return exact.rounded(schedule, step)
        p2 = 2 * self.p
        cycle, r = divmod(step << self.shift, p2)
        product = min(r, p2 - r) * self.slope
        scale_fn = self.scale_fn
        if not isinstance(scale_fn, scales.Constant):
            argument = cycle + 1 if schedule.scale_mode == "cycle" else step
            if isinstance(scale_fn, scales.Halving):
                product *= 2.0 ** max(1 - argument, -SPAN["float32"])
            elif isinstance(scale_fn, scales.Exponential):
                product *= self.powers.scalar(argument)
            else:
                product *= scales.answer(scale_fn, argument)
        near = self.initial + product
        # Twice the bound, for the roundings of this very sum and of near +- error.
        error = 2 * U * (self.roundings * abs(product) + 2 * abs(near)) + 2.0**-1000
        if abs(near) < 1e38:  # conversion of larger ones may overflow, with a warning
            result = np.float32(near - error)
            if result == np.float32(near + error) and result:  # zeros may be -0.0
                return result
        return exact.rounded(schedule, step)

    @functools.cached_property
    def powers(self) -> Powers:
        assert isinstance(self.scale_fn, scales.Exponential)
        return Powers(self.scale_fn.gamma, SPAN[self.schedule.dtype])


def plan(schedule: CyclicalLearningRate) -> Plan:
    step_size = Fraction(schedule.step_size)
    low, high = sorted((schedule.initial_learning_rate, schedule.maximal_learning_rate))
    amplitude = Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)
    regular = 2 * step_size.numerator < LIMIT
    if schedule.dtype == "float64":
        # Error-free transformations want room on both sides: no overflow when splitting, no underflow of an error term.
        magnitudes = [abs(x) for x in (low, high, schedule.step_size) if x]
        regular &= step_size.numerator < 2**53 and all(2.0**-ROOM < x < 2.0**ROOM for x in magnitudes)
    scale_fn = schedule.scale_fn
    if isinstance(scale_fn, scales.Exponential) and scale_fn.gamma == 1:
        scale_fn = scales.Constant()
    roundings = 3  # slope, product, and m itself where it has more than 53 bits
    if isinstance(scale_fn, scales.Exponential):
        roundings += 2 * Powers.MAX_LEVELS
    elif not isinstance(scale_fn, (scales.Constant, scales.Halving)):
        roundings += 1
    rises = amplitude >= 0
    same_sign = (schedule.initial_learning_rate >= 0 and rises) or (schedule.initial_learning_rate <= 0 and not rises)
    positive_scale = isinstance(scale_fn, (scales.Constant, scales.Halving, scales.Exponential))
    return Plan(
        schedule=schedule,
        scale_fn=scale_fn,
        p=step_size.numerator,
        shift=step_size.denominator.bit_length() - 1,
        initial=schedule.initial_learning_rate,
        slope=_nearest(amplitude / step_size.numerator),
        roundings=roundings,
        cancels=not (same_sign and positive_scale),
        regular=regular,
    )


def fill(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    """The rates of arbitrary steps, into ``out``; both 1-D and of one length."""
    for start in range(0, len(steps), CHUNK):
        _fill_chunk(plan, steps[start : start + CHUNK], out[start : start + CHUNK])


def fill_range(plan: Plan, first: int, out: NDArray[Any]) -> None:
    """The rates of the contiguous steps from ``first`` on, into ``out``."""
    period = 2 * plan.p if plan.shift == 0 else plan.p
    scale_fn = plan.scale_fn
    if isinstance(scale_fn, scales.Constant) and period < len(out):
        _fill_contiguous(plan, first, out[:period])
        _repeat(out, period)
    elif _halves_by_whole_cycles(plan) and period < len(out):
        _fill_halving(plan, first, out)
    else:
        _fill_contiguous(plan, first, out)


def _halves_by_whole_cycles(plan: Plan) -> bool:
    return (
        isinstance(plan.scale_fn, scales.Halving)
        and plan.schedule.scale_mode == "cycle"
        and plan.schedule.dtype == "float32"
        and plan.shift == 0
        and plan.regular
    )


def _fill_contiguous(plan: Plan, first: int, out: NDArray[Any]) -> None:
    for start in range(0, len(out), CHUNK):
        stop = min(start + CHUNK, len(out))
        # A range that ends at 2**63 has no int64 stop.
        steps = np.arange(stop - start, dtype=np.int64) + (first + start)
        _fill_chunk(plan, steps, out[start:stop])


def _repeat(out: NDArray[Any], period: int) -> None:
    """Copy the first ``period`` elements over the rest, doubling."""
    done = period
    while done < len(out):
        count = min(done, len(out) - done)
        out[done : done + count] = out[:count]
        # A source beyond the cache is slower than the same bytes again; a whole number of periods keeps the phase.
        if done * out.itemsize > 1 << 17:
            break
        done += count
    else:
        return
    block = done
    for start in range(done, len(out), block):
        count = min(block, len(out) - start)
        out[start : start + count] = out[:count]


def _fill_halving(plan: Plan, first: int, out: NDArray[np.float32]) -> None:
    """triangular2 in float32 with a whole step_size: the rise of one cycle, scaled for each and mirrored."""
    p, period = plan.p, 2 * plan.p
    products: Floats = np.arange(p + 1) * np.float64(plan.slope)
    rise = np.empty(p + 1, out.dtype)
    position = 0
    while position < len(out):
        cycle, phase = divmod(first + position, period)
        peak = cycle * period + p
        if exact.rounded(plan.schedule, peak) == plan.initial:
            # Rounding is monotone: once the peak rounds to the base, everything between them does, in all later cycles too.
            out[position:] = plan.initial
            return
        whole = phase == 0 and position + period <= len(out)
        stop = position + period if whole else min(position + period - phase, len(out))
        if whole:
            unit = 2.0 ** max(-cycle, -SPAN["float32"])
            for start in range(0, p + 1, CHUNK):
                part = slice(start, start + CHUNK)
                for index in _settle_float32(plan, products[part] * unit, rise[part]):
                    rise[start + index] = exact.rounded(plan.schedule, cycle * period + start + int(index))
            out[position : position + p + 1] = rise
            out[position + p + 1 : stop] = rise[p - 1 : 0 : -1]
        else:
            _fill_contiguous(plan, first + position, out[position:stop])
        position = stop


def _fill_chunk(plan: Plan, steps: Ints, out: NDArray[Any]) -> None:
    if plan.regular and plan.schedule.dtype == "float32":
        hard = _fill_float32(plan, steps, out)
    elif plan.regular:
        hard = _fill_float64(plan, steps, out)
    else:
        hard = range(len(steps))
    for index in hard:
        out[index] = exact.rounded(plan.schedule, int(steps[index]))


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
    schedule = plan.schedule
    m, cycle = phase(plan, steps)
    product: Floats = m * np.float64(plan.slope)
    scale_fn = plan.scale_fn
    if not isinstance(scale_fn, scales.Constant):
        if schedule.scale_mode == "iterations":
            arguments = steps
        elif cycle is None:
            return range(len(steps))
        else:
            arguments = cycle + 1
        if isinstance(scale_fn, scales.Halving):
            product *= _halved(arguments, SPAN["float32"])
        elif isinstance(scale_fn, scales.Exponential):
            product *= plan.powers.array(arguments)
        else:
            product *= _answers(scale_fn, arguments)
    return _settle_float32(plan, product, out)


def _halved(arguments: Ints, span: int) -> Floats:
    """2**(1 - x), assembled from its exponent bits; held at 2**-span, since arithmetic on subnormals is slow."""
    return (np.maximum(1024 - arguments, 1023 - span) << 52).view(np.float64)


def _settle_float32(plan: Plan, product: Floats, out: NDArray[np.float32]) -> Any:
    """Round initial + product into ``out``; answer the indices at which float64 cannot settle the rounding."""
    near = product + plan.initial
    with np.errstate(over="ignore", under="ignore"):
        out[:] = near
    if plan.cancels or plan.slope < 0 or plan.initial < 0:
        out += np.float32(0.0)  # -0.0 becomes 0.0
    suspects = _suspects(plan, near, product)
    if not len(suspects):
        return suspects
    near, product = near[suspects], product[suspects]
    # Twice the bound, for the roundings of near +- error; an absolute term for products that underflow.
    error = 2 * U * (plan.roundings * np.abs(product) + 2 * np.abs(near)) + 2.0**-1000
    with np.errstate(over="ignore", under="ignore"):
        open_ = (near - error).astype(np.float32) != (near + error).astype(np.float32)
    return suspects[open_]


def _suspects(plan: Plan, near: Floats, product: Floats) -> Any:
    """Indices of the float64 values within ``width`` ulps of a midpoint of two float32, and of those too small to tell.

    A float32 midpoint has the low 29 bits 100...0; shifted to the top of a 32-bit word, the distance is one subtraction.
    """
    # The error is U * (roundings * |product| + |near|). Without cancellation |product| <= |near|, hence at most
    # (roundings + 1) half-ulps of near or so; with it, ``width`` is allowed and values too small for it are suspects.
    width = plan.roundings + 2
    floor = 2.0**-126 if abs(plan.initial) < 2.0**-126 or plan.cancels else 0.0
    if plan.cancels:
        width = 64
        floor = max(floor, plan.roundings * float(np.max(np.abs(product), initial=0.0)) / (width - 2))
    low = near.view(np.uint32)[_LOW_WORD::2] << np.uint32(3)
    low -= np.uint32((2**28 - width) << 3)
    found = low <= np.uint32((2 * width) << 3)
    if floor:
        # Exact ends of a cycle are never in doubt.
        found |= (np.abs(near) < floor) & (product != 0)
    return np.flatnonzero(found)


_LOW_WORD = 0 if np.little_endian else 1


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


def _nearest(exact_value: Fraction) -> float:
    return float(exact.round_to(exact_value, "float64"))


class Powers:
    """gamma**n for whole n, from tables: multiplication alone, so the bits are the same on every machine.

    n is written in digits of ``width`` bits; table k holds gamma**(d << (k * width)). Each entry is correctly rounded but for
    2**-100, so a product of L entries has a relative error of at most (2 L - 1) U, and 2 L U with its use.
    """

    MAX_LEVELS = 6

    def __init__(self, gamma: float, span: int) -> None:
        self.gamma = gamma
        rate = abs(math.log2(gamma))
        # A margin of one percent and two covers the error of the logarithm.
        self.largest = 2**63 - 1 if rate * 2.0**63 <= span else int(span / rate * 1.01) + 2
        self.levels = -(-self.largest.bit_length() // 12)
        self.width = -(-self.largest.bit_length() // self.levels)
        self.mask = (1 << self.width) - 1
        self.tables = [self._table(level) for level in range(self.levels)]
        self._lists = [table.tolist() for table, _ in self.tables]

    def _table(self, level: int) -> tuple[Floats, Floats]:
        """The correctly rounded powers of one digit, and what the rounding dropped."""
        high = np.zeros(self.mask + 1)
        low = np.zeros(self.mask + 1)
        step, _, step_exponent = exact.power(self.gamma, 1 << (level * self.width), 256)
        power, exponent = 1, 0
        for digit in range(min(self.mask, self.largest >> (level * self.width)) + 1):
            high[digit], low[digit] = _double.of_integer(power, exponent)
            power, exponent = power * step, exponent + step_exponent
            excess = power.bit_length() - 256
            if excess > 0:
                power, exponent = power >> excess, exponent + excess
        return high, low

    def scalar(self, exponent: int) -> float:
        exponent = min(exponent, self.largest)
        result: float = self._lists[0][exponent & self.mask]
        for table in self._lists[1:]:
            exponent >>= self.width
            result *= table[exponent & self.mask]
        return result

    def _digits(self, exponents: Ints) -> Iterator[Ints]:
        left = np.minimum(exponents, self.largest)
        for _ in range(self.levels - 1):
            yield left & self.mask
            left = left >> self.width
        yield left

    def array(self, exponents: Ints) -> Floats:
        result: Floats | None = None
        for (table, _), digit in zip(self.tables, self._digits(exponents), strict=True):
            entry = table.take(digit)
            result = entry if result is None else np.multiply(result, entry, out=result)
        assert result is not None
        return result

    def pairs(self, product: _double.Pair, exponents: Ints) -> _double.Pair:
        """A pair times gamma**n, in pairs."""
        for (high, low), digit in zip(self.tables, self._digits(exponents), strict=True):
            product = _double.multiply(product, (high.take(digit), low.take(digit)))
        return product
