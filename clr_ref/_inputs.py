"""Numbers as users give them: which are accepted, without any rounding, and how an error message shows the others."""

from __future__ import annotations

import math
import re
import reprlib
from fractions import Fraction

import numpy as np

_HEX = re.compile(r"[+-]?0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?[0-9]+)?", re.IGNORECASE)


class _Shown(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write an int of more than 4,300 digits, with an error that would hide the one that is meant.
        return repr(x) if x.bit_length() <= 1024 else f"an int of {x.bit_length()} bits"


def shown(value: object) -> str:
    """``repr`` for an error message: shortened where it is long, and safe for ints and nesting of any size."""
    return _Shown().repr(value)


def as_real(name: str, value: object) -> float | int:
    """A Python number. A float that is wider than float64 is rounded to it; ``as_exact`` keeps all of its bits.

    Raises:
        TypeError: no real number; bool and timedelta64 are none. The message names the argument.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    raise TypeError(f"{name} must be a real number, got {shown(value)} of type {type(value).__name__}")


def as_exact(name: str, value: object) -> Fraction | None:
    """A number without any rounding, or None where it is NaN or infinite.

    Raises:
        TypeError: as for ``as_real``.
    """
    number = as_real(name, value)
    if isinstance(value, np.floating):
        return Fraction(*value.as_integer_ratio()) if np.isfinite(value) else None
    return Fraction(number) if isinstance(number, int) or math.isfinite(number) else None


def from_hex(name: str, text: object) -> float:
    """The inverse of ``float.hex``.

    Raises:
        ValueError: no text, or not the form that ``float.hex`` gives to finite numbers. ``float.fromhex`` alone would read the
            decimal "0.1" as 1 / 16.
    """
    try:
        if isinstance(text, str) and _HEX.fullmatch(text):
            return float.fromhex(text)
    except OverflowError:
        pass
    raise ValueError(f"{name} must be a finite hex float such as '0x1.8p-3', got {shown(text)}")
