"""Python and NumPy steps reach the tensor arithmetic as numbers that it holds, whatever ``np.seterr`` was called with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.keras.test_outside import made_of_all_kinds

#: The last step on each width of integers, and the dtypes of whole and of other steps.
WIDTHS = [(2**31 - 1, "int32", "float32"), (2**63 - 1, "int64", "float64")]


@pytest.mark.parametrize(("last", "whole", "other"), WIDTHS)
def test_steps_are_held_between_0_and_the_last(kept_arguments: Any, last: int, whole: str, other: str) -> None:
    for given, expected in (
        ([-1, 0, 7, last - 1, last, last + 1, 10**30], [0, 0, 7, last - 1, last, last, last]),
        (np.array([last - 1, last, 2**64 - 1], np.uint64), [last - 1, last, last]),
        (np.array([-1, -(2**31), 2**31 - 1], np.int32), [0, 0, 2**31 - 1]),
        ([last, 1.0], [last, 1]),
        (np.uint64(last - 1), last - 1),  # NumPy 1 makes a float of it beside a 0
        (-7, 0),
    ):
        steps, nan = kept_arguments.held_steps(given, last)
        assert (steps.dtype, steps.tolist(), nan.any()) == (whole, expected, False)
    for given, expected in (
        (np.array([-0.5, 0.0, 2.5, -np.inf, np.inf, 1e30]), [0, 0, 2.5, 0, last, last]),
        (np.array([2.5, np.inf], np.float16), [2.5, last]),
        ([0.5, last, last + 1.0], [0.5, last, last]),
        (2.5, 2.5),
    ):
        steps, nan = kept_arguments.held_steps(given, last)
        assert (steps.dtype, steps.tolist(), nan.any()) == (other, np.array(expected, other).tolist(), False)
    steps, nan = kept_arguments.held_steps([[math.nan, 2.5], [np.float32(np.nan), 3]], last)
    assert (steps.tolist(), nan.tolist()) == ([[0, 2.5], [0, 3]], [[True, False], [True, False]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint64", "int64", "object"])
def test_no_step_raises_where_numpy_raises(drop_ins: Any, api: Any, dtype: str) -> None:
    """Neither for an underflow on the way to a rate, nor for a limit that the dtype of the steps does not hold."""
    numbers = [0, 3, 7, 100] if "int" in dtype else [0, 2.5, 7, 501, 60_000, math.inf, -3, math.nan]
    steps = np.array([*numbers, 2**63 - 1] if dtype in ("uint64", "int64", "object") else numbers, dtype)
    for made in made_of_all_kinds(drop_ins):
        expected = [np.asarray(made(step)).tobytes() for step in steps]
        whole = np.asarray(made(steps)).tobytes()
        with np.errstate(all="raise"):
            assert [np.asarray(made(step)).tobytes() for step in steps] == expected
            assert np.asarray(made(steps)).tobytes() == whole


@pytest.mark.parametrize("gamma", [1e-300, 0.5, 1.5])
def test_no_step_raises_where_numpy_raises_for_extreme_numbers(drop_ins: Any, api: Any, gamma: float) -> None:
    numpys = [np.float32(5), np.float64(501), np.array([2, 12, 2**20])]
    steps = {"exact": [*numpys, 1.0, 1e30, -3.0, 1000], "tfa": numpys}  # of a Python number, TFA takes Python's own power
    for arithmetic in steps if api.BACKEND == "tensorflow" else ["exact"]:
        for high, size in ((1e-40, 1.0), (1e-38, 12), (1e-2, 2.0**40), (3e38, 33.3)):
            made = drop_ins.ExponentialCyclicalLearningRate(0.0, high, size, gamma=gamma, arithmetic=arithmetic)
            for step in steps[arithmetic]:
                expected = np.asarray(made(step)).tobytes()
                with np.errstate(all="raise"):
                    assert np.asarray(made(step)).tobytes() == expected


@pytest.mark.parametrize(
    "step", [1, 2.5, True, np.float16(1), np.uint64(3), np.array([1, 2]), [1, 2.5], [[1], [2]], 2**63 - 1, -(2**63)], ids=repr
)
def test_steps_of_tfas_arithmetic_are_passed_as_they_are(kept_arguments: Any, step: Any) -> None:
    assert kept_arguments.tfa_step(step) is step


@pytest.mark.parametrize("step", [2**63, 2**64, -(2**63) - 1, [2**63], [[1, -1], [0.5, 2**70]], [np.uint64(2**63)]])
def test_whole_steps_of_tfas_arithmetic_fit_into_int64(kept_arguments: Any, step: Any) -> None:
    with pytest.raises(ValueError, match=r"^step must be a number from -2\*\*63 to 2\*\*63-1 with arithmetic 'tfa', got "):
        kept_arguments.tfa_step(step)


@pytest.mark.parametrize("step", ["1", None, 1j, [[1], [2, 3]], np.longdouble(3), np.ones(2, np.longdouble)], ids=repr)
def test_steps_of_tfas_arithmetic_are_real_numbers(kept_arguments: Any, step: Any) -> None:
    if np.asarray(step, object).dtype == np.float64:
        pytest.skip("a longdouble has 64 bits here")
    with pytest.raises(TypeError, match=r"^step must be a real number of at most 64 bits, or an array of such, .*, got "):
        kept_arguments.tfa_step(step)
