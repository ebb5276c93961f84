"""Steps on their way to an inner schedule."""

from __future__ import annotations

import numpy as np
import pytest

from clr_ref.tensors import backends, moves

OPS = backends.numpy_ops()
LAST = 2**63 - 1


@pytest.mark.parametrize(
    ("step", "expected", "dtype"),
    [
        (np.float16(2047), 2047.0, "float32"),  # in float16, 2047 + 1000 would be 3048
        (np.float32(2.0**25), 2.0**25, "float32"),
        (np.float64(2.0**25 + 0.5), 2.0**25 + 0.5, "float64"),
        (np.float32(-3.5), 0.0, "float32"),
        (np.int8(-3), 0, "int64"),
        (np.uint64(0), 0, "int64"),
        (np.uint64(2**63), LAST, "int64"),
        (np.uint64(2**64 - 1), LAST, "int64"),
    ],
)
def test_held_steps_keep_their_value_and_are_not_below_0(step: np.generic, expected: float, dtype: str) -> None:
    found = moves.held(np.asarray(step), OPS)
    assert (found.tolist(), found.dtype) == (expected, dtype)


def test_nan_stays_nan() -> None:
    assert np.isnan(moves.held(np.float32("nan"), OPS))


@pytest.mark.parametrize(
    ("step", "distance", "expected"),
    [
        (np.float16(2047), 1000, 3047),
        (np.int64(5), -7, 0),
        (np.int64(5), -5, 0),
        (np.int64(7), -5, 2),
        (np.int64(LAST - 2), 2, LAST),
        (np.int64(LAST - 1), 2, LAST),
        (np.int64(3), 0, 3),
        (np.float64(2.5), -3, 0),
        (np.float64(2.5), -2, 0.5),
    ],
)
def test_moved_steps_stay_within_the_integers(step: np.generic, distance: int, expected: float) -> None:
    assert moves.moved(moves.held(np.asarray(step), OPS), distance, OPS).tolist() == expected
