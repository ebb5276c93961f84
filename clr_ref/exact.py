"""The truth: the value of a schedule at a step in rational arithmetic, or enclosed as tightly as anybody asks.

Nothing here is fast and nothing here rounds, except where the name says so. The formula is the textbook's, on Fractions:

    cycle = floor(1 + t / (2 s));  x = |t / s - 2 cycle + 1|;  rate = initial + (maximal - initial) max(0, 1 - x) scale

(Smith, arXiv 1506.01186, section 3; TFA 0.23 ``CyclicalLearningRate.__call__``). The inputs are the numbers that the schedule
holds, that is, already rounded to its dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from clr_ref import scale as scales

if TYPE_CHECKING:
    import mpmath

    from clr_ref.schedule import CyclicalLearningRate

    Exact: TypeAlias = Fraction | mpmath.mpf

#: Bits up to which a power is written out as a Fraction; past it ``value`` answers an mpf.
SANE_BITS = 1 << 16
#: Bits up to which ``power`` is exact. A midpoint of two floats, a bound and a step_size have fewer than 4,500 bits together,
#: so no rate with a longer power is a midpoint, and an interval around it is always narrowed down to one rounding.
EXACT_BITS = 1 << 13
#: Precision of the mpf that ``value`` answers.
MPF_BITS = 256
#: A scale beyond 2**+-CLAMP is replaced by 2**+-CLAMP. |maximal - initial| * height lies in 2**-2098 .. 2**1025 for every
#: float64 schedule (bounds above 2**-1074, step_size below 2**1024), so the product stays far below half of the smallest
#: subnormal, 2**-1075, or far above the largest finite number, 2**1024: no rounding to float32 or float64 can tell.
CLAMP = 5000

#: dtype -> bits of the significand, exponent of the smallest subnormal, exponent of the first power of two that overflows.
FORMATS = {"float32": (24, -149, 128), "float64": (53, -1074, 1024)}


def phase(step_size: Fraction, step: int) -> tuple[int, Fraction]:
    """The cycle, counted from 1, and the height of the triangle, 0 to 1, at a step."""
    # The textbook's sums over their common denominator p, for a step_size of p / q: one fraction is reduced, not eight.
    p, q = step_size.numerator, step_size.denominator
    cycle = 1 + step * q // (2 * p)
    x = abs(step * q - 2 * cycle * p + p)
    return cycle, Fraction(max(0, p - x), p)


def value(schedule: CyclicalLearningRate, step: int) -> Exact:
    """The exact rate: a Fraction, or an ``mpmath.mpf`` of 256 bits where the scale needs more than 65,536 bits.

    The mpf is the exact value rounded: its relative error is below 2**-250 for rates that do not cancel.
    """
    cycle, height = phase(Fraction(schedule.step_size), step)
    initial = Fraction(schedule.initial_learning_rate)
    amplitude = (Fraction(schedule.maximal_learning_rate) - initial) * height
    if amplitude == 0:
        return initial
    argument = cycle if schedule.scale_mode == "cycle" else step
    scale_fn = schedule.scale_fn
    if isinstance(scale_fn, scales.Constant):
        return initial + amplitude
    if isinstance(scale_fn, scales.Halving):
        base, exponent = Fraction(1, 2), argument - 1
    elif isinstance(scale_fn, scales.Exponential):
        base, exponent = Fraction(scale_fn.gamma), argument
    else:
        return initial + amplitude * Fraction(scales.answer(scale_fn, argument))
    if _bits(base) * abs(exponent) <= SANE_BITS:
        return initial + amplitude * base**exponent
    return _as_mpf(initial, amplitude, base, exponent)


def rounded(schedule: CyclicalLearningRate, step: int) -> Any:
    """The exact rate rounded once, to nearest and ties to even, as a NumPy scalar of the schedule's dtype.

    Terminates: see ``EXACT_BITS``.
    """
    for low, high in enclosures(schedule, step):
        result = round_to(low, schedule.dtype)
        if low == high or result == round_to(high, schedule.dtype):
            return result
    raise AssertionError("unreachable: enclosures are endless")


def enclosures(schedule: CyclicalLearningRate, step: int) -> Iterator[tuple[Fraction, Fraction]]:
    """Ever tighter pairs of rationals that hold the exact rate between them (in either order), up to ``CLAMP``."""
    cycle, height = phase(Fraction(schedule.step_size), step)
    initial = Fraction(schedule.initial_learning_rate)
    amplitude = (Fraction(schedule.maximal_learning_rate) - initial) * height
    argument = cycle if schedule.scale_mode == "cycle" else step
    bits = 128
    while True:
        low, high = scale_enclosure(schedule.scale_fn, argument, bits) if amplitude else (Fraction(0), Fraction(0))
        rate = initial + amplitude * low
        yield rate, rate if low == high else initial + amplitude * high
        bits *= 2


def scale_enclosure(scale_fn: scales.ScaleFn, argument: int, bits: int) -> tuple[Fraction, Fraction]:
    """Two rationals around the scale at a cycle or step, about 2**-bits apart, relatively; equal where it is rational."""
    if isinstance(scale_fn, scales.Constant):
        return Fraction(1), Fraction(1)
    if isinstance(scale_fn, scales.Halving):
        exact = Fraction(2) ** max(1 - argument, -CLAMP)
        return exact, exact
    if isinstance(scale_fn, scales.Exponential):
        low, high, exponent = power(scale_fn.gamma, argument, bits)
        if exponent + high.bit_length() < -CLAMP:
            low, high, exponent = 1, 2, -CLAMP - 1
        elif exponent + low.bit_length() > CLAMP:
            low, high, exponent = 1, 2, CLAMP
        unit = Fraction(2) ** exponent
        return low * unit, high * unit
    exact = Fraction(scales.answer(scale_fn, argument))
    return exact, exact


def power(base: float, exponent: int, bits: int) -> tuple[int, int, int]:
    """Integers low, high, e with low * 2**e <= base**exponent <= high * 2**e, for base > 0 and exponent >= 0.

    Binary powering on an interval of integers, cut outwards to ``bits`` bits and enough more for the growth of the error,
    which doubles with every squaring. A power of at most ``EXACT_BITS`` bits is exact: low == high.
    """
    numerator, denominator = base.as_integer_ratio()
    step_exponent = 1 - denominator.bit_length()
    twos = (numerator & -numerator).bit_length() - 1
    numerator >>= twos
    step_exponent += twos
    keep = bits + exponent.bit_length() + 8
    if numerator.bit_length() * exponent <= EXACT_BITS:
        exact = numerator**exponent
        return exact, exact, step_exponent * exponent
    low = high = 1
    result_exponent = 0
    for digit in bin(exponent)[2:]:
        low, high, result_exponent = low * low, high * high, 2 * result_exponent
        if digit == "1":
            low, high, result_exponent = low * numerator, high * numerator, result_exponent + step_exponent
        excess = high.bit_length() - keep
        if excess > 0:
            low, high, result_exponent = low >> excess, -(-high >> excess), result_exponent + excess
    return low, high, result_exponent


def round_to(exact: Fraction, dtype: str) -> Any:
    """Round a rational to nearest, ties to even, in float32 or float64: subnormals kept, beyond the largest: infinity.

    Zero and what rounds to it is +0.0, whatever the sign of the rational.
    """
    kind = np.dtype(dtype).type
    bits, smallest, overflow = FORMATS[dtype]
    numerator, denominator = abs(exact.numerator), exact.denominator
    # 2**(magnitude - 1) <= |exact| < 2**(magnitude + 1): one comparison settles which half it is.
    magnitude = numerator.bit_length() - denominator.bit_length()
    if numerator << max(-magnitude, 0) < denominator << max(magnitude, 0):
        magnitude -= 1
    quantum = max(magnitude - (bits - 1), smallest)
    count, rest = divmod(numerator << max(-quantum, 0), whole := denominator << max(quantum, 0))
    if 2 * rest > whole or (2 * rest == whole and count % 2):
        count += 1
    if count == 0:
        return kind(0.0)
    sign = 1 if exact.numerator > 0 else -1
    if count.bit_length() + quantum > overflow:
        return kind(sign * np.inf)
    return kind(math.ldexp(sign * count, quantum))


def _bits(base: Fraction) -> int:
    return max(base.numerator.bit_length(), base.denominator.bit_length()) if base != 1 else 0


def _as_mpf(initial: Fraction, amplitude: Fraction, base: Fraction, exponent: int) -> Exact:
    import mpmath

    context = mpmath.mp.clone()
    context.prec = MPF_BITS + exponent.bit_length()

    def convert(rational: Fraction) -> Any:
        return context.mpf(rational.numerator) / rational.denominator

    result = convert(initial) + convert(amplitude) * convert(base) ** exponent
    with mpmath.workprec(MPF_BITS):
        return +mpmath.mpf(result)
