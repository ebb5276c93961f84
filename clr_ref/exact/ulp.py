"""Units in the last place: distances between floats, and floats as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ordinal(values: Any) -> NDArray[np.int64]:
    """Return the places of floats in the order of all floats of their dtype: 0 for +0.0 and -0.0, 1 for the next one.

    Args:
        values: float32 or float64, any shape, without NaN.
    """
    array = np.asarray(values)
    bits = array.view(f"i{array.itemsize}").astype(np.int64)
    magnitude = bits & np.int64(2 ** (8 * array.itemsize - 1) - 1)
    ordered: NDArray[np.int64] = np.where(bits < 0, -magnitude, magnitude)
    return ordered


def distance(actual: Any, expected: Any) -> NDArray[Any]:
    """Return the signed number of floats from expected to actual, as float64: a distance across zero may exceed int64.

    The distance of two NaN is 0, that of a NaN and a number is infinite.

    Raises:
        TypeError: the two are of different dtypes.
    """
    a, b = np.asarray(actual), np.asarray(expected)
    if a.dtype != b.dtype or a.dtype not in (np.float32, np.float64):
        raise TypeError(f"actual and expected must both be float32 or float64, got {a.dtype} and {b.dtype}")
    x, y = ordinal(a), ordinal(b)
    # The difference of the ordinals in float64 is exact below 2**53, and monotone beyond.
    near = (x < 0) == (y < 0)
    apart = np.where(near, (x - np.where(near, y, 0)).astype(np.float64), x.astype(np.float64) - y.astype(np.float64))
    either, both = np.isnan(a) | np.isnan(b), np.isnan(a) & np.isnan(b)
    return np.where(both, 0.0, np.where(either, np.inf, apart))


def size(values: Any, dtype: str) -> NDArray[Any]:
    """Return one ULP at a value, in float64: the distance to the next float of dtype away from zero."""
    rounded = np.abs(np.asarray(values, dtype))
    return np.asarray(np.spacing(rounded), np.float64)


def shortest(value: Any) -> str:
    """Return the shortest decimal that reads back as the same float of the value's dtype."""
    if not np.isfinite(value):
        return repr(float(value))
    digits = np.format_float_positional(value, unique=True, trim="-")
    return digits if len(digits) <= 16 else np.format_float_scientific(value, unique=True, trim="-")


def literal(value: float, dtype: str) -> str:
    """Return the shortest Python float that is ``value`` once it is rounded to dtype, e.g. ``0.0001``.

    Args:
        value: a finite number of dtype.
        dtype: ``"float32"`` or ``"float64"``.
    """
    kind = np.dtype(dtype).type
    short = float(shortest(kind(value)))
    # Python reads the decimal as a float64 first. For a few float32, such as 7.038531e-26, the second rounding misses.
    return repr(short if kind(short) == value else value)


def show(value: Any) -> str:
    """Return a float in shortest decimal and in hex, e.g. ``0.0001 (0x1.a36e2ep-14)``."""
    if not np.isfinite(value):
        return repr(float(value))
    mantissa, _, exponent = float(value).hex().partition("p")
    return f"{shortest(value)} ({mantissa.rstrip('0').rstrip('.')}p{exponent})" if value else "0 (0x0p+0)"
