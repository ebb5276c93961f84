"""Powers of a float, enclosed by two integers times a power of two."""

from __future__ import annotations

import math
from fractions import Fraction

#: Powers of at most so many bits are exact. A midpoint of two floats, a bound and a step_size have fewer than 4,500 bits
#: together. So no rate with a longer power is a midpoint, and a narrow enough interval around it decides the rounding.
EXACT_BITS = 1 << 13


def without_roots(base: float, exponent: Fraction) -> tuple[float, Fraction]:
    """Return a base and an exponent with the same power, of which the exponent is whole if the power is rational.

    A power base**(n / 2**k) with an odd n is rational only if the base is the square of a rational number. Such a root of a
    float64 has fewer digits, so it is a float64 too.

    Args:
        base: a float > 0.
        exponent: a rational number whose denominator is a power of two.
    """
    while exponent.denominator > 1 and base != 1:
        numerator, denominator = base.as_integer_ratio()
        roots = math.isqrt(numerator), math.isqrt(denominator)
        if (roots[0] ** 2, roots[1] ** 2) != (numerator, denominator):
            return base, exponent
        base, exponent = roots[0] / roots[1], exponent * 2
    return base, exponent if base != 1 else Fraction(0)


def root_power(base: float, exponent: Fraction, bits: int) -> tuple[int, int, int]:
    """Return integers low, high, e with low * 2**e <= base**exponent <= high * 2**e, for an exponent n / 2**k from 0 to 1.

    Args:
        base: a float > 0.
        exponent: its binary digits say which of the square roots of the base, their roots and so on are multiplied.
        bits: the width of the interval is about 2**-bits of the power.

    Taking a root halves the relative error of the interval, which is cut outwards. Each factor adds its error: 53 of them, or
    1,074 at the very most, take 11 bits.
    """
    keep = bits + 16
    numerator, denominator = base.as_integer_ratio()
    low = high = numerator
    unit = 1 - denominator.bit_length()
    result_low, result_high, result_unit = 1, 1, 0
    digits, count = exponent.numerator, exponent.denominator.bit_length() - 1
    for digit in range(count - 1, -1, -1):
        shift = max(2 * keep - low.bit_length(), 0)
        shift += (unit - shift) % 2  # the root of an odd power of two is no power of two
        low, high, unit = math.isqrt(low << shift), math.isqrt(high << shift) + 1, (unit - shift) // 2
        if digits >> digit & 1:
            result_low, result_high, result_unit = result_low * low, result_high * high, result_unit + unit
            excess = max(result_high.bit_length() - keep, 0)
            result_low, result_high, result_unit = result_low >> excess, -(-result_high >> excess), result_unit + excess
    return result_low, result_high, result_unit


def power(base: float, exponent: int, bits: int) -> tuple[int, int, int]:
    """Return integers low, high, e with low * 2**e <= base**exponent <= high * 2**e.

    Args:
        base: a float > 0.
        exponent: a whole number >= 0.
        bits: the width of the interval is about 2**-bits of the power. A power of at most ``EXACT_BITS`` bits is exact:
            low == high.

    The method is binary powering on an interval of integers, which is cut outwards. The error doubles with every squaring, so
    more than ``bits`` bits are kept.
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
