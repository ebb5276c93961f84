"""Custom scale functions are called with one float64 at a time, and may return every finite number."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref._inputs import shown

#: ``float`` reads some of these, with a warning or not, on one NumPy or another.
NO_NUMBERS = (np.complex128(0.5 + 9j), np.complex64(0.5), bytearray(b"0.5"), np.array([0.5]), np.array("0.5"), np.str_("0.5"))


def test_scale_fn_arguments() -> None:
    with pytest.raises(ValueError, match=r"scale_fn must be a registered name, one of .*triangular2.*; got 'nobody'"):
        clr_ref.CyclicalLearningRate(0, 1, 10, "nobody")
    with pytest.raises(ValueError, match="needs a gamma"):
        clr_ref.CyclicalLearningRate(0, 1, 10, "exp_range")
    with pytest.raises(TypeError, match="scale_fn must be a callable or a registered name, got 3"):
        clr_ref.CyclicalLearningRate(0, 1, 10, 3)  # type: ignore[arg-type]


def test_custom_scale_functions_get_one_float64_at_a_time() -> None:
    asked: list[Any] = []

    def record(x: Any) -> float:
        asked.append(x)
        return 1.0

    schedule = clr_ref.CyclicalLearningRate(0, 1, 10, record)
    schedule(np.arange(45))
    assert asked == [1, 2, 3]
    assert all(type(x) is np.float64 for x in asked)
    asked.clear()
    iterations = clr_ref.CyclicalLearningRate(0, 1, 10, record, "iterations")
    iterations(np.array([5, 5, 9]))
    assert asked == [5, 9]


def test_custom_scale_functions_may_overflow_but_not_return_nan_or_infinity() -> None:
    lambda2 = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 2, lambda x: 1 / (2.0 ** (x - 1)))
    assert lambda2(4 * 1030 + 2) == np.float32(1e-4)  # other implementations raise OverflowError from cycle 1025 on
    for answer in (
        float("nan"),
        float("inf"),
        np.float32("nan"),
        10**400,
        Fraction(10**400),
        1j,
        None,
        "0.5",
        [0.5, 0.5],
        *NO_NUMBERS,
    ):
        broken = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 2, lambda x, answer=answer: answer)  # type: ignore[misc]
        for ask in (lambda s: s(1), lambda s: s(np.array([1])), lambda s: s.values(0, 3), lambda s: s.exact(1)):
            with pytest.raises(ValueError, match=rf"scale_fn must return finite numbers, got {re.escape(shown(answer))} for 1"):
                ask(broken)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("maximal", [0.0, 1.0])
def test_a_scale_function_that_fails_where_the_height_is_0_is_an_error_in_every_call(dtype: Any, maximal: float) -> None:
    inverse = clr_ref.CyclicalLearningRate(0, maximal, 5, lambda step: 1 / step, "iterations", dtype)
    calls: list[Callable[[Any], Any]] = [
        lambda s: s(0),
        lambda s: s([0, 1]),
        lambda s: s([0, 0.5]),
        lambda s: s.values(0, 3),
        lambda s: s.exact(0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"scale_fn must return finite numbers, got (np\.float64\()?inf\)? for 0"):
            call(inverse)


@pytest.mark.parametrize("scale", [np.float32(0.5), np.array(0.5), np.int64(1), True, np.True_, Fraction(1, 2)])
def test_what_a_scale_function_may_return(scale: Any) -> None:
    assert clr_ref.CyclicalLearningRate(0, 1, 5, lambda _: scale)([5]) == [np.float32(scale)]
