"""Steps that a schedule hands on to another one: none is rounded, leaves the integers, or falls below 0."""

from __future__ import annotations

from typing import Any

from clr_ref.tensors.backends import Ops


def is_float(step: Any, ops: Ops) -> bool:
    """Return True for a tensor of floats."""
    return "float" in ops.dtype_of(step)


def integers(step: Any, ops: Ops) -> Any:
    """Return steps of an integer dtype as integers of the width of ``ops``; those that are too large become the largest."""
    whole = ops.integers(step)
    if ops.dtype_of(step) != f"uint{ops.width}":
        return whole
    return ops.where(whole < 0, ops.constant(2 ** (ops.width - 1) - 1, whole), whole)


def held(step: Any, ops: Ops) -> Any:
    """Return steps of any real dtype as integers of the width of ``ops``, or floats of at least 32 bits, that are not below 0.

    NaN stays NaN.
    """
    if not is_float(step, ops):
        return ops.maximum(integers(step, ops), 0)
    step = ops.cast(step, "float32") if "16" in ops.dtype_of(step) else step
    return ops.where(step < 0, ops.constant(0.0, step), step)


def widened(step: Any, ops: Ops) -> Any:
    """Return floats as floats of the width of ``ops``, in which sums with whole numbers below 2**53 are exact."""
    return ops.cast(step, f"float{ops.width}") if is_float(step, ops) else step


def moved(step: Any, distance: int, ops: Ops) -> Any:
    """Return ``held`` steps plus a distance; sums below 0 become 0, and those beyond the integers the largest one."""
    if is_float(step, ops):
        total = step + float(distance)
        return ops.where(total < 0, ops.constant(0.0, total), total)
    if distance < 0:
        return ops.maximum(step, -distance) + distance
    return ops.minimum(step, 2 ** (ops.width - 1) - 1 - distance) + distance if distance else step
