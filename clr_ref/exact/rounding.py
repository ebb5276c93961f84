"""Rounding of rationals to float32 and float64, once, to nearest and ties to even."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

#: dtype -> bits of the significand, exponent of the smallest subnormal, exponent of the first power of two that overflows.
FORMATS = {"float32": (24, -149, 128), "float64": (53, -1074, 1024)}


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
