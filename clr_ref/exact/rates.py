"""The exact rate of a schedule: Smith's formula on rationals.

    cycle = floor(1 + t / (2 s));  x = |t / s - 2 cycle + 1|;  rate = initial + (maximal - initial) max(0, 1 - x) scale

(Smith, arXiv 1506.01186, section 3; TFA 0.23 ``CyclicalLearningRate.__call__``). With a fall of its own length d, the cycle is
s + d long, and the height is r / s or (s + d - r) / d at a distance of r steps from the start of the cycle. The inputs are the
fields of the schedule, which are already rounded to its dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from clr_ref._environment import kept
from clr_ref.exact.power import power, root_power, without_roots
from clr_ref.exact.rounding import round_to
from clr_ref.parameters import Parameters, as_parameters
from clr_ref.policies import Geometric
from clr_ref.steps import moment

if TYPE_CHECKING:
    import mpmath

    Exact: TypeAlias = Fraction | mpmath.mpf

#: If a power has more bits than this, ``value`` returns an mpf instead of a Fraction.
SANE_BITS = 1 << 16
#: Precision of that mpf, in bits.
MPF_BITS = 256
#: A scale beyond 2**+-CLAMP is replaced by 2**+-CLAMP. |maximal - initial| * height lies in 2**-3172 .. 2**1025 for every
#: float64 schedule: the difference of the bounds is at least 2**-1074. The height is at least 2**-2098, one unit of the step or
#: of the smaller step size (2**-1074) in the larger one (2**1024). So the product stays far below half of the smallest
#: subnormal, 2**-1075, or far above the largest finite number, 2**1024. The rounded rate is the same in both cases.
CLAMP = 5000


def phase(step_size: Fraction, step: int | Fraction, fall: Fraction | None = None) -> tuple[int, Fraction]:
    """Return the cycle, counted from 1, and the height of the triangle, 0 to 1, at a step.

    Args:
        step_size: how many steps the rate rises.
        step: the step.
        fall: how many steps the rate falls. Default: as many as it rises.
    """
    # All lengths are counted in units of 1 / q steps. So one fraction is reduced, and not one for each operation.
    q, rise_q = step_size.denominator, step_size.numerator
    fall_q = rise_q
    if fall is not None:
        q = math.lcm(q, fall.denominator)
        rise_q, fall_q = (length.numerator * (q // length.denominator) for length in (step_size, fall))
    cycle, r = divmod(step * q, rise_q + fall_q)
    return 1 + cycle, Fraction(r, rise_q) if r <= rise_q else Fraction(rise_q + fall_q - r, fall_q)


def value(schedule: Parameters, step: int | Fraction) -> Exact:
    """Return the exact rate: a Fraction, or an ``mpmath.mpf`` of 256 bits if the scale is irrational or above 65,536 bits.

    The mpf is the exact value rounded: its relative error is below 2**-250 for rates that do not cancel.
    """
    initial, amplitude, height, argument = _terms(schedule, step)
    scale = schedule.policy.scale
    if scale is None:
        low, high = schedule.policy.enclosure(height, argument, MPF_BITS)
        return initial + amplitude * low if low == high else _as_mpf(initial, amplitude * (low + high) / 2, Fraction(1), 0)
    if amplitude * height == 0:
        return initial
    root, exponent = without_roots(scale.base, Fraction(argument - scale.offset))
    base = Fraction(root)
    at_least = (_bits(base) - 1) * abs(exponent)
    if exponent.denominator == 1 and at_least <= SANE_BITS and _bits(factor := base ** int(exponent)) <= SANE_BITS:
        return initial + amplitude * height * factor
    return _as_mpf(initial, amplitude * height, base, exponent)


def rounded(schedule: Parameters, step: int | Fraction) -> Any:
    """Return the exact rate rounded once, to nearest and ties to even, as a NumPy scalar of the schedule's dtype."""
    for low, high in enclosures(schedule, step):
        result = round_to(low, schedule.dtype)
        # The loop ends, since only a midpoint stays undecided, and EXACT_BITS in ``power`` makes midpoints exact.
        # Bytes are compared, since a CPU that takes subnormal numbers for zero finds them all equal.
        if low == high or result.tobytes() == round_to(high, schedule.dtype).tobytes():
            return result
    raise AssertionError("unreachable: enclosures are endless")


def enclosures(schedule: Parameters, step: int | Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """Yield ever tighter pairs of rationals, in either order, that enclose the exact rate, up to ``CLAMP``."""
    initial, amplitude, height, argument = _terms(schedule, step)
    scale, bits = schedule.policy.scale, 128
    reach = amplitude if scale is None else amplitude * height
    while True:
        if scale is None:  # also at height 0, so that a function which returns NaN there is an error in every kind of call
            low, high = schedule.policy.enclosure(height, argument, bits)
        elif not reach:
            low = high = Fraction(0)
        else:
            low, high = scale_enclosure(scale, argument, bits)
        rate = initial + reach * low
        yield rate, rate if low == high else initial + reach * high
        bits *= 2


def scale_enclosure(scale: Geometric, argument: int | Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Return two rationals that enclose the scale; their relative distance is about 2**-bits, or 0 for a short power."""
    base, exponent = without_roots(scale.base, Fraction(argument - scale.offset))
    whole, fraction = divmod(exponent, 1)
    half, twos = math.frexp(base)
    if half == 0.5:  # a power of two
        low, high, unit = 1, 1, min(max((twos - 1) * whole, -CLAMP), CLAMP)
        if not fraction:
            return Fraction(2) ** unit, Fraction(2) ** unit
    else:
        low, high, unit = power(base, whole, bits)
    if fraction:
        low_root, high_root, unit_of_root = root_power(base, fraction, bits)
        low, high, unit = low * low_root, high * high_root, unit + unit_of_root
    if unit + high.bit_length() < -CLAMP:
        low, high, unit = 1, 2, -CLAMP - 1
    elif unit + low.bit_length() > CLAMP:
        low, high, unit = 1, 2, CLAMP
    return low * Fraction(2) ** unit, high * Fraction(2) ** unit


def _terms(schedule: Parameters, step: int | Fraction) -> tuple[Fraction, Fraction, Fraction, Any]:
    """Return the initial rate, maximal - initial, the height of the triangle, and the argument of the scale."""
    step = moment("step", step)
    if (scale := as_parameters(schedule).policy.scale) is not None:
        kept("gamma", scale.base)
    rise, down = Fraction(kept("step_size", schedule.step_size)), schedule.step_size_down
    cycle, height = phase(rise, step, None if down is None else Fraction(kept("step_size_down", down)))
    initial = Fraction(kept("initial_learning_rate", schedule.initial_learning_rate))
    amplitude = Fraction(kept("maximal_learning_rate", schedule.maximal_learning_rate)) - initial
    return initial, amplitude, height, cycle if schedule.scale_mode == "cycle" else step


def _bits(number: Fraction) -> int:
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _as_mpf(initial: Fraction, amplitude: Fraction, base: Fraction, exponent: Fraction | int) -> Exact:
    import mpmath

    context = mpmath.mp.clone()
    context.prec = MPF_BITS + exponent.numerator.bit_length()

    def convert(rational: Fraction) -> Any:
        return context.mpf(rational.numerator) / rational.denominator

    result = convert(initial) + convert(amplitude) * convert(base) ** convert(Fraction(exponent))
    # ``mpmath.workprec`` would set the precision of all threads, and two of them may leave it changed.
    return mpmath.mp.make_mpf(mpmath.libmp.mpf_pos(result._mpf_, MPF_BITS, "n"))
