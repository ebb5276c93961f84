"""Rounding of rationals and of arguments to float32 and float64: once, to nearest, ties to even."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref._environment import kept
from clr_ref._inputs import as_exact, shown

#: dtype -> bits of the significand, exponent of the smallest subnormal, exponent of the first power of two that overflows.
FORMATS = {"float32": (24, -149, 128), "float64": (53, -1074, 1024)}


def round_to(exact: Fraction, dtype: str) -> Any:
    """Return a rational rounded to nearest, ties to even, in float32 or float64.

    Subnormal numbers are kept, and a number beyond the largest becomes infinite. Zero is +0.0, also for negative rationals.
    """
    bits, smallest, overflow = FORMATS[dtype]
    kind = np.dtype(dtype).type
    if not exact.numerator:
        return kind(0.0)
    numerator, denominator = abs(exact.numerator), exact.denominator
    # 2**(magnitude - 1) <= |exact| < 2**(magnitude + 1): one comparison decides which half it is.
    magnitude = numerator.bit_length() - denominator.bit_length()
    if numerator << max(-magnitude, 0) < denominator << max(magnitude, 0):
        magnitude -= 1
    quantum = max(magnitude - (bits - 1), smallest)
    count, rest = divmod(numerator << max(-quantum, 0), whole := denominator << max(quantum, 0))
    if 2 * rest > whole or (2 * rest == whole and count % 2):
        count += 1
    sign = -1 if exact.numerator < 0 else 1
    if count.bit_length() + quantum > overflow:
        return kind(sign * np.inf)
    if count >> (bits - 1):
        return kind(math.ldexp(sign * count, quantum))
    # A subnormal number's bits are its count. A CPU that flushes such numbers would compute 0.
    size = np.dtype(dtype).itemsize
    return np.array(count | (sign < 0 and count > 0) << (8 * size - 1), f"u{size}").view(dtype)[()]


def rounded_input(name: str, value: Any, dtype: str, *, positive: bool = False) -> float:
    """Return an argument as a Python float, rounded once to dtype.

    Raises:
        TypeError: no real number.
        ValueError: not a finite number of the dtype, or not above 0 where it must be ``positive``.
    """
    number = as_exact(name, value)
    kept(name, value)
    rounded = math.inf if number is None else float(kept(name, round_to(number, dtype)))
    if not math.isfinite(rounded) or (positive and rounded <= 0):
        why = f", which is {rounded!r} in {dtype}" if number is not None and rounded != number else ""
        accepted = f"a finite number of {dtype}" + (" > 0" if positive else "")
        raise ValueError(f"{name} must be {accepted}, got {shown(value)}{why}")
    return rounded


def dtype_name(dtype: Any) -> str:
    """Return ``"float32"`` or ``"float64"``.

    Raises:
        ValueError: another dtype, or nothing of which NumPy makes one.
    """
    try:
        name = np.dtype(dtype).name if dtype is not None else None
    except Exception:  # NumPy also raises ValueError, and SyntaxError for text such as ",,"
        name = None
    if name not in FORMATS:
        raise ValueError(f"dtype must be 'float32' or 'float64', got {shown(dtype)}")
    return str(name)
