"""Rounding of rationals to float32 and float64: once, to nearest, ties to even."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

#: dtype -> bits of the significand, exponent of the smallest subnormal, exponent of the first power of two that overflows.
FORMATS = {"float32": (24, -149, 128), "float64": (53, -1074, 1024)}


def round_to(exact: Fraction, dtype: str) -> Any:
    """Return a rational rounded to nearest, ties to even, in float32 or float64.

    Subnormal numbers are kept, and a number beyond the largest becomes infinite. Zero is +0.0, also for negative rationals.
    """
    bits, smallest, overflow = FORMATS[dtype]
    if not exact.numerator:
        return np.dtype(dtype).type(0.0)
    numerator, denominator = abs(exact.numerator), exact.denominator
    # 2**(magnitude - 1) <= |exact| < 2**(magnitude + 1): one comparison decides which half it is.
    magnitude = numerator.bit_length() - denominator.bit_length()
    if numerator << max(-magnitude, 0) < denominator << max(magnitude, 0):
        magnitude -= 1
    quantum = max(magnitude - (bits - 1), smallest)
    count, rest = divmod(numerator << max(-quantum, 0), whole := denominator << max(quantum, 0))
    if 2 * rest > whole or (2 * rest == whole and count % 2):
        count += 1
    # The bits are assembled, since a CPU that flushes subnormal numbers would compute 0. A normal number's count has a leading
    # bit that is not stored: here it adds 1 to the exponent, as it should.
    encoded = count + ((quantum - smallest) << (bits - 1))
    encoded = min(encoded, (overflow - smallest - bits + 2) << (bits - 1))  # infinity
    size = np.dtype(dtype).itemsize
    if encoded and exact.numerator < 0:
        encoded |= 1 << (8 * size - 1)
    return np.array(encoded, f"u{size}").view(dtype)[()]
