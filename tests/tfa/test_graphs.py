"""The arithmetic of the graph modes: its building blocks are compared with rationals, its rates with those of eager mode.

tests/test_verify.py compares it with the record, and tests/test_live.py with TensorFlow itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref import exact, tfa_arithmetic
from clr_ref.tfa import graphs
from tests.rates import assert_same_rates

STEPS = np.arange(0, 100_000, 7)


def numbers(width: int) -> st.SearchStrategy[float]:
    return st.floats(2.0**-20, 2.0**20, width=width) | st.floats(-(2.0**20), -(2.0**-20), width=width)


@given(numbers(32), numbers(32), numbers(32))
def test_fma_in_float32(a: float, b: float, c: float) -> None:
    check_fma("float32", a, b, c)


@given(numbers(64), numbers(64), numbers(64))
def test_fma_in_float64(a: float, b: float, c: float) -> None:
    check_fma("float64", a, b, c)


def check_fma(dtype: str, a: float, b: float, c: float) -> None:
    one = [np.array([x], dtype) for x in (a, b, c)]
    total = Fraction(a) * Fraction(b) + Fraction(c)
    expected = exact.round_to(total, dtype)
    if abs(expected) >= np.finfo(dtype).tiny:
        assert graphs._fma(*one)[0] == expected


def test_fma_is_rounded_once() -> None:
    """A rounding to float64 first would lose that 1 + 2**-24 + 2**-80 is above a midpoint of two float32."""
    a = np.array([2.0**-40 + 2.0**-60], np.float32)
    b = np.array([2.0**-40], np.float32)
    assert float(a[0]) * float(b[0]) == 2.0**-80 + 2.0**-100
    c = np.array([1.0], np.float32)
    assert graphs._fma(a, b, c)[0] == 1
    midpoint = np.array([2.0**-12 + 2.0**-35], np.float32)  # squared: 2**-24 + 2**-46 + 2**-70
    assert graphs._fma(midpoint, midpoint, c)[0] == np.float32(1 + 2.0**-23)
    # Just below a midpoint, 1 + 2**-23 + 2**-24, by 2**-70: float64 cannot hold that, and the tie would go up.
    above, below = (np.array([2.0**-12 * (1 + sign * 2.0**-23)], np.float32) for sign in (1, -1))
    c = np.array([1 + 2.0**-23], np.float32)
    assert graphs._fma(above, below, c)[0] == c[0]
    assert graphs._fma(-above, below, -c)[0] == -c[0]


@pytest.mark.parametrize("mode", ["function", "xla"])
def test_graph_modes_depart_from_eager_but_stay_in_their_bound(mode: Any) -> None:
    for step_size in (937, 2000, 33.3):
        schedule = clr_ref.triangular(1e-4, 1e-2, step_size)
        wide = clr_ref.CyclicalLearningRate(
            schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size, "triangular", dtype="float64"
        )
        found = graphs.evaluate(schedule, STEPS, mode=mode, tensorflow=(2, 15), array=True)
        assert (found != tfa_arithmetic.evaluate(schedule, STEPS)).mean() > 0.01
        bound = tfa_arithmetic.error_bound(schedule, STEPS, mode=mode)
        assert (np.abs(found.astype(np.float64) - wide(STEPS)) <= bound).all()


def test_releases_differ_where_their_records_do() -> None:
    schedule = clr_ref.triangular2(1e-4, 1e-2, 2000)

    def ask(mode: Any, release: tuple[int, int], array: bool) -> Any:
        return graphs.evaluate(schedule, STEPS, mode=mode, tensorflow=release, array=array)

    def assert_same(*arguments: Any) -> None:
        arithmetic = "TFA's arithmetic ({}, TensorFlow {}, array={})".format(*arguments)
        assert_same_rates(schedule, STEPS, ask(*arguments), ask(arguments[0], arguments[1], False), arithmetic=arithmetic)

    assert_same("function", (2, 8), True)
    assert_same("xla", (2, 2), True)
    for mode, release, before, array in [
        ("function", (2, 9), (2, 8), True),
        ("xla", (2, 3), (2, 2), True),
        ("xla", (2, 4), (2, 3), False),
    ]:
        assert (ask(mode, release, array) != ask(mode, before, array)).any()
    single = ask("function", (2, 15), False)
    assert_same_rates(schedule, STEPS, single, ask("function", (2, 8), False), arithmetic="TFA's arithmetic (function, 2.15)")


def test_the_last_elements_fill_no_vector() -> None:
    schedule = clr_ref.triangular2(0.0, 1.0, 4)
    steps = np.full(19, 12)  # the second peak
    found = graphs.evaluate(schedule, steps, mode="function", tensorflow=(2, 15), array=True)
    assert (found[:16] < 0.5).all()
    assert (found[16:] == 0.5).all()
    long = graphs.evaluate(schedule, np.full(graphs.CHUNK + 9, 12), mode="function", tensorflow=(2, 15), array=True)
    assert (long < 0.5).sum() == graphs.CHUNK + 8


def test_python_ints_are_folded() -> None:
    schedule = clr_ref.triangular(1e-4, 1e-2, 33.3)
    for mode in ("function", "xla"):
        found = graphs.evaluate(schedule, STEPS, mode=mode, tensorflow=(2, 15), array=False, step_dtype="python int")
        expected = tfa_arithmetic.evaluate(schedule, STEPS)
        assert_same_rates(schedule, STEPS, found, expected, arithmetic=f"TFA's arithmetic ({mode}) of a Python int")


def test_shapes_and_arguments() -> None:
    schedule = clr_ref.exp_range(1e-4, 1e-2, 10, gamma=0.9)
    asked: dict[str, Any] = {"mode": "xla", "tensorflow": (2, 15), "array": True, "step_dtype": "float32"}
    assert graphs.evaluate(schedule, np.arange(6).reshape(2, 3), **asked).shape == (2, 3)
    assert graphs.evaluate(schedule, 3, **asked).dtype == np.float32
    with pytest.raises(TypeError, match="int64 step"):
        graphs.evaluate(schedule, 3, **(asked | {"step_dtype": "int64"}))
    with pytest.raises(ValueError, match="mode must be 'function' or 'xla', got 'eager'"):
        graphs.evaluate(schedule, 3, **(asked | {"mode": "eager"}))
    with pytest.raises(ValueError, match="one of the three policies"):
        graphs.evaluate(clr_ref.CyclicalLearningRate(0, 1, 2, lambda x: x), 3, **asked)
