"""Custom scale functions are called with one float64 at a time, and may return every finite number."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref._inputs import shown


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
    for answer in (float("nan"), float("inf"), np.float32("nan"), 10**400, Fraction(10**400), 1j, None, "0.5", [0.5, 0.5]):
        broken = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 2, lambda x, answer=answer: answer)  # type: ignore[misc]
        for ask in (lambda s: s(1), lambda s: s(np.array([1])), lambda s: s.values(0, 3), lambda s: s.exact(1)):
            with pytest.raises(ValueError, match=rf"scale_fn must return finite numbers, got {re.escape(shown(answer))} for 1"):
                ask(broken)
