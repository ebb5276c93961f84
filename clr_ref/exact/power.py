"""Whole powers of a float, enclosed by two integers times a power of two."""

from __future__ import annotations

#: Powers of at most so many bits are exact. A midpoint of two floats, a bound and a step_size have fewer than 4,500 bits
#: together. So no rate with a longer power is a midpoint, and a narrow enough interval around it decides the rounding.
EXACT_BITS = 1 << 13


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
