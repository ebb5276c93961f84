"""Which steps are accepted, and how they are read: one step is never rounded (docs/SPEC.md, clauses 1.5 and 1.6)."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._environment import kept
from clr_ref._inputs import as_exact, is_masked, shown
from clr_ref.parameters import MAX_STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How deep sequences of steps may be nested: as many dimensions as an array has in NumPy 1.
_DEEPEST = 32
#: The denominator of the smallest float64.
_FINEST = 1 << 1074
_STEPS = "step must be a number 0 .. 2**63-1 or an array of such"


def as_steps(step: Any) -> NDArray[np.int64]:
    """Return whole steps as an int64 array of the same shape, or raise the error that a function of whole steps documents."""
    steps = as_moments(step)
    if steps.dtype != np.int64:
        fractional = next(moment for moment in steps.flat if moment.denominator > 1)
        near = float(fractional)
        raise ValueError(f"step must be a whole number 0 .. 2**63-1, got {near if near == fractional else fractional!r}")
    return steps


def as_moments(step: Any, depth: int = 0) -> NDArray[Any]:
    """Return steps of the same shape, or raise the error that a call documents.

    Returns:
        An int64 array, or one of objects, ints and Fractions, if some of the steps have a fraction.
    """
    kind = type(step)
    try:
        if hasattr(kind, "__array__") or hasattr(kind, "__array_interface__") or kind is memoryview:
            return _checked(step)
        if hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not isinstance(step, (str, bytes, bytearray, Mapping)):
            return _each(step, depth)
    except MemoryError as error:
        raise MemoryError(
            f"step must be a number of steps that fits into memory, got a larger {kind.__name__}: give them in pieces, "
            "or call values(start, stop, out=array)"
        ) from error
    try:
        return _array([moment("step", step)], ())
    except TypeError as error:
        raise TypeError(f"{_STEPS}, got {shown(step)} of type {kind.__name__}") from error.__cause__


def _array(moments: list[int | Fraction], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an int64 array if all moments are whole, else one of objects."""
    are_whole = all(type(moment) is int for moment in moments)
    array = np.empty(len(moments), np.int64 if are_whole else object)
    array[:] = moments
    return array.reshape(shape)


def _each(steps: Any, depth: int) -> NDArray[Any]:
    """Return the steps of a sequence. NumPy would convert ints beside floats to float64, and bools beside ints to ints."""
    if depth == _DEEPEST:
        raise TypeError(f"{_STEPS}, nested at most {_DEEPEST} deep, got a deeper one")
    try:
        elements = list(steps)
    except MemoryError:
        raise
    except Exception as error:  # a user's sequence may raise anything
        raise TypeError(f"{_STEPS}, got {shown(steps)}, which raised {type(error).__name__}: {shown(str(error))}") from error
    kinds = set(map(type, elements)) or {int}
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), (int, float, np.number)) and kind is not bool:
        try:
            # Numbers of one type keep it in an array. int64 is given for ints, since NumPy could choose float64.
            return _checked(np.array(elements, np.int64 if issubclass(kind, int) else None))
        except OverflowError:  # an int beyond int64: the error below names it
            pass
    arrays = [as_moments(element, depth + 1) for element in elements]
    if len({array.shape for array in arrays}) > 1:
        raise TypeError(f"{_STEPS}, got a sequence of unequal lengths: {shown(steps)}")
    if arrays[0].ndim >= _DEEPEST:
        raise TypeError(f"{_STEPS}, of at most {_DEEPEST} dimensions, got more")
    return np.stack(arrays)


def _checked(steps: Any) -> NDArray[Any]:
    """Return the steps of an array, or of an object that NumPy converts to one."""
    if is_masked(steps):
        raise TypeError(f"{_STEPS}, got a masked array: fill it first, as with steps.filled(0)")
    try:
        array = np.asarray(steps)
    except Exception as error:  # each framework raises its own
        words = next(iter(str(error).splitlines()), type(error).__name__)
        raise TypeError(
            f"{_STEPS}, got {shown(steps)} of type {type(steps).__name__}, which NumPy cannot read ({words}); "
            "for tensors use clr_ref.keras.from_schedule(schedule)"
        ) from error
    if array.dtype.kind not in "iuf":
        found = "an array" if array.ndim else shown(steps)
        raise TypeError(f"{_STEPS}, got {found} of dtype {array.dtype}")
    kept("step", array)
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.floor(array))).all():
        return _array([moment("step", number.item()) for number in array.flat], array.shape)
    if array.size and (int(array.min()) < 0 or int(array.max()) > MAX_STEP):
        bad = next(int(step) for step in array.flat if not 0 <= int(step) <= MAX_STEP)
        raise ValueError(f"step must be a number 0 .. 2**63-1, got {shown(bad)}")
    return array.astype(np.int64, copy=False)


def whole(name: str, value: Any, largest: int, smallest: int = 0) -> int:
    """Return a whole number smallest .. largest.

    Raises:
        TypeError: no real number.
        ValueError: another number. The message names the argument.
    """
    number = _exactly(name, value)
    if number is None or number.denominator != 1 or not smallest <= number <= largest:
        named = {MAX_STEP + 1: "2**63", MAX_STEP: "2**63-1", -MAX_STEP: "-2**63+1"}
        first, last = (named.get(end, str(end)) for end in (smallest, largest))
        raise ValueError(f"{name} must be a whole number {first} .. {last}, got {shown(value)}")
    return int(number)


def span(start: Any, stop: Any) -> tuple[int, int]:
    """Return the first step of a range, and the step after its last one.

    Raises:
        TypeError: start or stop is no real number.
        ValueError: not whole numbers 0 <= start <= stop <= 2**63.
    """
    first, last = whole("start", start, MAX_STEP + 1), whole("stop", stop, MAX_STEP + 1)
    if last < first:
        raise ValueError(f"stop must be at least start, got start={first}, stop={last}")
    return first, last


def moment(name: str, value: Any) -> int | Fraction:
    """Return a step, as an int if it is whole.

    Raises:
        TypeError: no real number.
        ValueError: negative, beyond 2**63-1, or not finite; not a multiple of 2**-1074, which some Fractions and numbers wider
            than float64 are not. The exact rates rely on that (``rates.CLAMP``, ``power.root_power``).
    """
    number = _exactly(name, kept(name, value))
    if number is None or not 0 <= number <= MAX_STEP:
        raise ValueError(f"{name} must be a number 0 .. 2**63-1, got {shown(value)}")
    if _FINEST % number.denominator:
        raise ValueError(f"{name} must be a multiple of 2**-1074, as every float64 is, got {shown(value)}")
    return int(number) if number.denominator == 1 else Fraction(number)


def _exactly(name: str, value: Any) -> int | Fraction | None:
    """Return a number without any rounding, or None if it is not finite."""
    if isinstance(value, Fraction):
        return value
    if hasattr(type(value), "__index__") and not isinstance(value, bool) and not hasattr(type(value), "__array__"):
        try:
            return operator.index(value)
        except Exception as error:  # a user's ``__index__`` may raise anything
            why = f"which raised {type(error).__name__}: {shown(str(error))}"
            raise TypeError(f"{name} must be a whole number, got {shown(value)}, {why}") from error
    return as_exact(name, value)
