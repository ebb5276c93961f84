"""Numbers that are formatted an array at a time have the texts of ``repr`` and ``ulp.shortest``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clr_ref.cli import decimals
from clr_ref.exact import ulp

RANDOM = np.random.default_rng(0)
BITS = {"float32": np.int32, "float64": np.int64}
SPECIAL = [0.0, -0.0, 1, 2, 9.5, 10, -1, -0.1, 0.1, 0.001, 1e-4, 1e-5, 1e-10, 99999.9, 1e15, 1e16, 1e17, 1e22, 1e23, 5e-324]


def inputs(dtype: str) -> dict[str, Any]:
    limits = np.iinfo(BITS[dtype])
    with np.errstate(over="ignore"):
        return {
            "any bits": RANDOM.integers(limits.min, limits.max, 3000, BITS[dtype]).view(dtype),
            "learning rates": (10.0 ** RANDOM.uniform(-7, 2, 3000)).astype(dtype),
            "short decimals": (RANDOM.integers(0, 10**6, 3000) / 10.0 ** RANDOM.integers(0, 9, 3000)).astype(dtype),
            "whole numbers": RANDOM.integers(-(10**9), 10**9, 3000).astype(dtype),
            "longest": RANDOM.uniform(-9.9, 9.9, 300).astype(dtype) * np.array(1e-12, dtype),
            "powers of ten": np.array([10.0**power for power in range(-37, 38)]).astype(dtype),
            "all nines": np.array([float("9" * digits) for digits in range(1, 18)]).astype(dtype),
            "powers of two": (2.0 ** np.arange(-140, 120)).astype(dtype),
            "special": np.array([*SPECIAL, np.nan, np.inf, -np.inf, np.finfo(dtype).max, np.finfo(dtype).tiny], dtype),
            "nothing": np.empty(0, dtype),
        }


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("kind", inputs("float32"))
@pytest.mark.filterwarnings("error")
def test_floats(dtype: str, kind: str) -> None:
    numbers = inputs(dtype)[kind]
    assert decimals.join(decimals.floats(numbers)).splitlines() == [ulp.shortest(number) for number in numbers]


def test_most_numbers_are_formatted_together() -> None:
    """The others take a microsecond each."""
    for dtype in BITS:
        assert decimals._shortest(inputs(dtype)["learning rates"])[3].mean() > 0.98


def test_which_numbers_are_formatted_together() -> None:
    """Beyond these exponents a product in float64 can over- or underflow; below a power of two, floats lie closer."""
    numbers = np.array([3e-251, 3e-250, 3e250, 3e251, 0, np.inf, np.nan, 1.0, 2.0, -4.0, 3.0, -3.0])
    expected = [False, True, True, False, False, False, False, False, False, False, True, True]
    assert decimals._shortest(numbers)[3].tolist() == expected
    assert decimals._shortest(np.array([10.0, 1000.0, 1e15]))[3].all()
    largest = np.array([3e38, np.finfo("float32").max], "float32")
    assert decimals._shortest(largest)[3].tolist() == [True, False]


@pytest.mark.parametrize("power", [-250, -249, -17, 0, 1, 15, 16, 249, 250])
@pytest.mark.filterwarnings("error")
def test_floats_of_one_exponent(power: int) -> None:
    digits = ["1.5", "9.5", "-1.2345678901234567", "9.9999999999999982", "7", "-3.25", "1.0000000000000002"]
    numbers = np.array([float(f"{each}e{power}") for each in digits])
    assert decimals.join(decimals.floats(numbers)).splitlines() == [ulp.shortest(number) for number in numbers]


@pytest.mark.parametrize("width", [1, 4, 5, 19])
def test_integers(width: int) -> None:
    largest = min(10**width, 2**63) - 1
    numbers = np.array([0, 1, 9, largest // 10, largest, *RANDOM.integers(0, largest, 1000)], np.int64)
    assert decimals.join(decimals.integers(numbers, width)).splitlines() == [f"{number:>{width}}" for number in numbers]
