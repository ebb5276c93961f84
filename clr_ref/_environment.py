"""How this thread's CPU computes now: some libraries change it, for example with a compiler's ``-ffast-math``.

Such a library makes the CPU round upward, downward or towards zero, or take subnormal numbers for zero. Each thread has its own
setting, which may change between two calls. So it is found by computing, each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Rounded to nearest, 1 + 2**-53 - 2**-54 is 1 after each operation, both times on a tie. Upward, the sum is above 1; downward
#: and towards zero, the difference is below 1. Python must not compute them at compile time, so they are variables.
ONE, HALF_ULP, QUARTER_ULP = 1.0, 2.0**-53, 2.0**-54
_SMALLEST_NORMAL, _HALF = 2.0**-1022, 0.5


def rounds_to_nearest() -> bool:
    """Return whether float64 operations of this thread are rounded to nearest, ties to even."""
    return ONE + HALF_ULP - QUARTER_ULP == ONE


def keeps_subnormals() -> bool:
    """Return whether operations of this thread return subnormal numbers, and read them."""
    return _SMALLEST_NORMAL * _HALF != 0.0


def check(what: str) -> None:
    """Raise FloatingPointError unless this thread computes as IEEE 754 does by default.

    Args:
        what: what would be wrong otherwise; the message begins with it.
    """
    if not rounds_to_nearest():
        raise FloatingPointError(f"{what} must be computed in a thread whose CPU rounds to nearest; this one rounds otherwise")
    if not keeps_subnormals():
        raise FloatingPointError(
            f"{what} must be computed in a thread whose CPU keeps subnormal numbers; this one makes them 0"
        )


def kept(name: str, value: Any) -> Any:
    """Return a number or an array, or raise FloatingPointError if it has a subnormal number that this thread reads as 0."""
    # NumPy's longdouble is computed elsewhere, and its bytes hold padding.
    if not keeps_subnormals() and (array := np.asarray(value)).dtype.kind == "f" and array.itemsize <= 8:
        bits = array.view(f"{array.dtype.byteorder}u{array.itemsize}")
        without_sign = bits & bits.dtype.type(2 ** (8 * array.itemsize - 1) - 1)
        if np.any((array == 0) & (without_sign != 0)):
            raise FloatingPointError(
                f"{name} is a subnormal number, which the CPU reads as 0 in this thread; use another thread"
            )
    return value
