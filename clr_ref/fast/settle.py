"""Ziv's test for arrays: round float64 values to float32, and find those whose rounding float64 cannot decide.

The exact rate lies within a known error of the float64 value. If both ends of that interval round to one float32, that is the
correctly rounded rate. If a midpoint of two float32 lies between them, the rounding is undecided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._environment import keeps_subnormals
from clr_ref.fast.plan import SMALLEST_NORMAL, Plan, twice_the_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def round_to_float32(plan: Plan, near: Floats, words: NDArray[np.uint32], roundings: int, out: NDArray[np.float32]) -> Any:
    """Round float64 rates into ``out``, and return the indices whose rounding is undecided.

    The error of a rate is at most U * (roundings * |product| + |near|). A float32 midpoint has the low 29 bits 100...0, so that
    the distance from it is one subtraction of 32-bit words.

    Args:
        plan: of the schedule.
        near: the rates in float64.
        words: a buffer of the same length; overwritten.
        roundings: how many roundings the product in ``near`` has suffered.
        out: the result, of the same length.
    """
    np.copyto(out, near, casting="unsafe")
    if plan.cancels or plan.slope < 0 or plan.initial < 0:
        out += np.float32(0.0)  # -0.0 becomes 0.0
    # If the sum cannot cancel, |product| <= |near|, hence at most (roundings + 1) units of the last place. If it can, allow 32
    # times the width, and check every value below ``floor`` separately; subnormal float32 too, whose midpoints are elsewhere.
    width, floor, known = roundings + 2, plan.floor, plan.initial
    if not (keeps := keeps_subnormals()):
        # The conversion has made 0 of every subnormal rate, also of one that is the initial rate.
        floor, known = max(floor, SMALLEST_NORMAL), 0.0
    if plan.cancels:
        width *= 32
        largest = max(abs(float(near.max())), abs(float(near.min()))) + abs(plan.initial)
        floor = max(floor, (roundings + 1) * largest / (width - 2))
    np.copyto(words, near.view(np.uint64), casting="unsafe")  # the low half, on little and big endian machines
    words <<= np.uint32(3)
    if not floor:
        # Midpoints are the ends of the signed numbers: two comparisons are enough for most chunks.
        signed, far = words.view(np.int32), (2**28 - width) << 3
        if np.maximum.reduce(signed) < far and np.minimum.reduce(signed) > -far:  # faster than max and min
            return ()
    words -= np.uint32((2**28 - width) << 3)
    bound = np.uint32((2 * width) << 3)
    if floor:
        # A value equal to the initial rate, as at the ends of a cycle, is already a float32 and needs no check.
        suspects = np.flatnonzero((words <= bound) | ((np.abs(near) < floor) & (near != known)))
    else:
        suspects = np.flatnonzero(words <= bound)
    # A few at a time: where a whole chunk is suspect, as among subnormals, its temporaries would be many.
    pieces = (suspects[start : start + 4096] for start in range(0, len(suspects), 4096))
    return [index for piece in pieces for index in _undecided(plan, near[piece], piece, roundings, keeps)]


def _undecided(plan: Plan, near: Floats, indices: NDArray[np.intp], roundings: int, keeps: bool) -> Any:
    """Those of the indices whose interval holds more than one float32 after rounding."""
    error = twice_the_error(roundings, np.abs(near) + abs(plan.initial), np.abs(near))
    # Bits are compared: on 32-bit ARM NumPy finds all subnormal float32 equal, since its vectors flush them.
    low, high = ((near + end).astype(np.float32).view(np.uint32) for end in (-error, error))
    differ = low != high
    return indices[differ if keeps else differ | (np.abs(near) < SMALLEST_NORMAL)]
