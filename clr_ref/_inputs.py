"""Checks of the numbers that users give, without any rounding, and the text of the others in error messages."""

from __future__ import annotations

import difflib
import math
import re
import reprlib
from collections.abc import Collection
from fractions import Fraction

import numpy as np

_HEX = re.compile(r"[+-]?0x[0-9a-f]+(\.[0-9a-f]*)?(p[+-]?[0-9]+)?", re.IGNORECASE)


class _Shown(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # Python raises an error for the text of an int of more than 4,300 digits, which would hide the intended error.
        return repr(x) if x.bit_length() <= 1024 else f"an int of {x.bit_length()} bits"


def shown(value: object) -> str:
    """Return ``repr`` for an error message: shortened if it is long, and safe for ints and nesting of any size."""
    return _Shown().repr(value)


def as_real(name: str, value: object) -> float | int:
    """Return a Python number. A float that is wider than float64 is rounded to it; ``as_exact`` keeps all of its bits.

    Raises:
        TypeError: no real number; bool and timedelta64 are not accepted. The message names the argument.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    raise TypeError(f"{name} must be a real number, got {shown(value)} of type {type(value).__name__}")


def as_exact(name: str, value: object) -> Fraction | None:
    """Return a number without any rounding, or None if it is NaN or infinite.

    Raises:
        TypeError: as for ``as_real``.
    """
    number = as_real(name, value)
    if isinstance(value, np.floating):
        return Fraction(*value.as_integer_ratio()) if np.isfinite(value) else None
    return Fraction(number) if isinstance(number, int) or math.isfinite(number) else None


def from_hex(name: str, text: object) -> float:
    """Return the number that ``float.hex`` wrote.

    Raises:
        ValueError: no text, or a text that ``float.hex`` does not write for a finite number. ``float.fromhex`` alone would read
            the decimal "0.1" as 1 / 16.
    """
    try:
        if isinstance(text, str) and _HEX.fullmatch(text):
            return float.fromhex(text)
    except OverflowError:
        pass
    raise ValueError(f"{name} must be a finite hex float such as '0x1.8p-3', got {shown(text)}")


def unknown(what: str, name: str, known: Collection[str], command: str) -> str:
    """Return the message for a name that does not exist: all names if there are few, otherwise the nearest ones.

    Args:
        what: what the name should be, with its article: "a case".
        name: the name that was given.
        known: the names that exist.
        command: what lists all of them.
    """
    text = f"{shown(name)} is not {what}"
    if len(known) <= 8:
        return f"{text}; give one of {', '.join(known)}"
    nearest = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    return f"{text}; {'the nearest are ' + ', '.join(nearest) + '; ' if nearest else ''}{command} lists all {len(known)}"
