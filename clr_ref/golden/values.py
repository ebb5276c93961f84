"""Values files: ``step,hex,decimal``, one text for one array of rates, named after the sha256 of the text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = "step,hex,decimal"


def render_values(steps: Any, values: Any) -> str:
    """The text of a values file."""
    lines = [f"{t},{float(v).hex()},{_decimal(v)}" for t, v in zip(np.asarray(steps).tolist(), values, strict=True)]
    return "\n".join([HEADER, *lines]) + "\n"


def parse_values(text: str, dtype: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The steps and the rates of a values file.

    Raises:
        ValueError: not a values file.
        OverflowError: a number is too large for int64 or float64.
    """
    lines = text.splitlines()
    if not lines or lines[0] != HEADER:
        raise ValueError(f"the first line must be {HEADER}")
    rows = [line.split(",") for line in lines[1:]]
    if any(len(row) != 3 for row in rows):
        raise ValueError(f"each line must have the three fields {HEADER}")
    with np.errstate(over="ignore"):  # a value too large for float32 becomes infinite, and is then no longer canonical
        return (
            np.array([int(row[0]) for row in rows], np.int64),
            np.array([float.fromhex(row[1]) for row in rows], np.float64).astype(dtype),
        )


def values_name(mode: str, text: str) -> str:
    """The name of a values file: its mode and the first eight digits of its sha256."""
    return f"{mode}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.csv"


def _decimal(value: Any) -> str:
    if not np.isfinite(value):
        return repr(float(value))
    return np.format_float_scientific(value, unique=True, trim="-")
