"""Distances between floats and how they are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from clr_ref.exact import ulp

floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(floats32, st.integers(0, 50))
def test_distance_counts_floats(number: float, count: int) -> None:
    start = there = np.float32(number)
    for _ in range(count):
        there = np.nextafter(there, np.float32(np.inf))
    if start == 0 or not np.isfinite(there):
        start = there = np.float32(1)
        count = 0
    assert ulp.distance(there, start) == count
    assert ulp.distance(start, there) == -count


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distance_at_the_edges(dtype: Any) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    assert ulp.distance(dtype(0.0), dtype(-0.0)) == 0
    assert ulp.distance(tiny, -tiny) == 2
    assert ulp.distance(dtype(np.inf), np.finfo(dtype).max) == 1
    assert ulp.distance(dtype(2), dtype(1)) == 2 ** np.finfo(dtype).nmant
    assert ulp.distance(dtype(np.nan), dtype(np.nan)) == 0
    assert ulp.distance(dtype(np.nan), dtype(1)) == np.inf
    assert ulp.distance(np.finfo(dtype).max, np.finfo(dtype).min) > 2 ** (np.finfo(dtype).bits - 1) * 0.99


def test_distance_of_one_in_float64() -> None:
    assert ulp.distance(np.nextafter(0.3, 1), np.float64(0.3)) == 1


def test_distance_wants_one_dtype() -> None:
    with pytest.raises(TypeError, match="must both be float32 or float64, got float32 and float64"):
        ulp.distance(np.float32(1), np.float64(1))
    with pytest.raises(TypeError, match="int64"):
        ulp.distance(np.int64(1), np.int64(1))


def test_size() -> None:
    assert ulp.size([1.0, -1.0, 0.0], "float32").tolist() == [2.0**-23, 2.0**-23, 2.0**-149]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(1e-4), "0.0001 (0x1.a36e2ep-14)"),
        (np.float32(1.5), "1.5 (0x1.8p+0)"),
        (np.float32(1), "1 (0x1p+0)"),
        (np.float32(0), "0 (0x0p+0)"),
        (np.float32(1e-20), "1e-20 (0x1.79ca1p-67)"),
        (np.float64(0.1), "0.1 (0x1.999999999999ap-4)"),
        (np.float32(np.nan), "nan"),
        (np.float32(np.inf), "inf"),
    ],
)
def test_show(value: Any, text: str) -> None:
    assert ulp.show(value) == text


@given(floats32)
def test_shortest_reads_back(number: float) -> None:
    assert np.float32(ulp.shortest(np.float32(number))) == np.float32(number)
