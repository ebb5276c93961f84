"""A schedule is constructed from numbers that are checked and rounded once, and is called for steps, arrays and ranges."""

from __future__ import annotations

import copy
import itertools
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies
from tests.rates import assert_same_rates
from tests.schedules import HUGE_INT, TUTORIAL

MAX_STEP = 2**63 - 1


def test_the_public_contract() -> None:
    assert TUTORIAL.dtype == "float32"
    assert TUTORIAL(0) == np.float32(1e-4)
    assert TUTORIAL(1874) == np.float32(1e-2)
    assert TUTORIAL(np.arange(10)).shape == (10,)
    assert isinstance(TUTORIAL(2**53 + 1), np.float32)
    assert isinstance(TUTORIAL.exact(7), Fraction)
    values = TUTORIAL.values(0, 10_000)
    assert values.shape == (10_000,)
    assert values.dtype == np.float32
    custom = clr_ref.CyclicalLearningRate(
        1e-4, 1e-2, step_size=1874, scale_fn=lambda x: 1 / (2.0 ** (x - 1)), scale_mode="cycle"
    )
    steps = np.arange(0, 200_000, 7)
    assert_same_rates(custom, steps, custom(steps), TUTORIAL(steps), arithmetic="arithmetic of arrays")


def test_inputs_are_rounded_to_the_dtype_once() -> None:
    assert TUTORIAL.initial_learning_rate == float(np.float32(1e-4))
    assert clr_ref.triangular(0, 1, 33.3).step_size == float(np.float32(33.3))
    assert clr_ref.triangular(0, 1, 33.3, dtype="float64").step_size == 33.3
    # 2**24 + 1 lies halfway between two float32; a rounding to float64 first changes only 2**60 + 2**36 + 1.
    assert clr_ref.triangular(0, 1, 2**60 + 2**36 + 1).step_size == 2.0**60 + 2.0**37
    assert clr_ref.exp_range(0, 1, 10, gamma=0.99994).scale_fn == policies.ExpRange(0.99994)


def test_shapes() -> None:
    for shape in [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 1, 1)]:
        steps = np.arange(int(np.prod(shape))).reshape(shape)
        rates = TUTORIAL(steps)
        assert np.shape(rates) == shape
        assert rates.dtype == np.float32
    strided = np.arange(40).reshape(5, 8)[::2, ::3]
    one_by_one = np.array([[TUTORIAL(int(t)) for t in row] for row in strided])
    assert_same_rates(TUTORIAL, strided, TUTORIAL(strided), one_by_one, arithmetic="arithmetic of strided arrays")
    fortran = np.asfortranarray(np.arange(12).reshape(3, 4))
    expected = TUTORIAL(np.arange(12).reshape(3, 4))
    assert_same_rates(TUTORIAL, fortran, TUTORIAL(fortran), expected, arithmetic="arithmetic of arrays in Fortran's order")
    assert isinstance(TUTORIAL(np.array(5)), np.float32)
    steps = [1, 2, 3]
    assert_same_rates(TUTORIAL, steps, TUTORIAL(steps), TUTORIAL(np.array(steps)), arithmetic="arithmetic of lists")


def test_the_ends_of_the_domain() -> None:
    assert TUTORIAL(MAX_STEP) == TUTORIAL(np.array([MAX_STEP], np.uint64))[0]
    last = [MAX_STEP - 2, MAX_STEP - 1, MAX_STEP]
    one_by_one = np.array([TUTORIAL(step) for step in last])
    assert_same_rates(TUTORIAL, last, TUTORIAL.values(last[0], MAX_STEP + 1), one_by_one, arithmetic="arithmetic of ranges")
    assert TUTORIAL.values(5, 5).shape == (0,)
    assert TUTORIAL.values(MAX_STEP + 1, MAX_STEP + 1).shape == (0,)


def test_results_are_new_arrays() -> None:
    steps = np.arange(5)
    first = TUTORIAL(steps)
    first[:] = 0
    assert TUTORIAL(steps)[1] != 0
    assert steps.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["initial_learning_rate", "maximal_learning_rate", "step_size"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e39, 10**400, HUGE_INT])
def test_numbers_out_of_range(name: str, bad: float) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10} | {name: bad}
    with pytest.raises(ValueError, match=rf"{name} must be a finite number of float32.*, got "):
        clr_ref.triangular(**arguments)


@pytest.mark.parametrize("name", ["initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"])
@pytest.mark.parametrize(
    "bad", ["1", None, True, 1j, [1], np.array([1.0]), np.array(1.0), np.timedelta64(1, "s"), Fraction(1), Decimal(1)]
)
def test_numbers_of_the_wrong_type(name: str, bad: Any) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10, "gamma": 0.9} | {name: bad}
    with pytest.raises(TypeError, match=f"{name} must be a real number, got "):
        clr_ref.exp_range(**arguments)


@pytest.mark.parametrize("bad", [0, -1, -0.5, 1e-60])
def test_step_size_must_be_positive(bad: float) -> None:
    with pytest.raises(ValueError, match=r"step_size must be a finite number of float32 > 0, got "):
        clr_ref.triangular(1e-4, 1e-2, bad)


@pytest.mark.parametrize("bad", [0, -0.9, float("nan"), float("inf"), 10**400, HUGE_INT])
def test_gamma_must_be_positive(bad: float) -> None:
    with pytest.raises(ValueError, match=r"gamma must be a finite number > 0, got "):
        clr_ref.exp_range(1e-4, 1e-2, 10, gamma=bad)


@pytest.mark.parametrize("bad", ["cycles", "Cycle", "iteration", "", None, 1])
def test_misspelt_scale_mode(bad: Any) -> None:
    with pytest.raises(ValueError, match="scale_mode must be 'cycle' or 'iterations', got "):
        clr_ref.CyclicalLearningRate(1e-4, 1e-2, 10, "triangular", bad)


@pytest.mark.parametrize("bad", ["float16", "bfloat16", "int32", "float", "complex64", None, 3, "nonsense"])
def test_unknown_dtype(bad: Any) -> None:
    if bad == "float":  # NumPy's name for float64
        assert clr_ref.triangular(0, 1, 2, dtype=bad).dtype == "float64"
        return
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got "):
        clr_ref.triangular(1e-4, 1e-2, 10, dtype=bad)


def test_dtype_as_numpy_spells_it() -> None:
    assert clr_ref.triangular(0, 1, 2, dtype=np.float64) == clr_ref.triangular(0, 1, 2, dtype="float64")


def test_bad_ranges() -> None:
    with pytest.raises(ValueError, match="stop must be at least start, got start=5, stop=4"):
        TUTORIAL.values(5, 4)
    with pytest.raises(ValueError, match=r"start must be a whole number 0 \.\. 2\*\*63, got -1"):
        TUTORIAL.values(-1, 4)
    with pytest.raises(ValueError, match=r"stop must be a whole number 0 \.\. 2\*\*63, got "):
        TUTORIAL.values(0, 2**63 + 1)
    with pytest.raises(TypeError, match="stop must be a real number, got '4'"):
        TUTORIAL.values(0, "4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="step must be a number"):
        TUTORIAL.exact(-1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_into_an_array_that_is_there(dtype: Any) -> None:
    schedule = clr_ref.triangular2(1e-4, 1e-2, 10, dtype=dtype)
    whole = np.full(12, -1, dtype)
    part = whole[1:11]
    assert schedule.values(3, 13, out=part) is part
    assert_same_rates(schedule, range(3, 13), part, schedule.values(3, 13), arithmetic="arithmetic of ranges with out")
    assert (whole[0], whole[-1]) == (-1, -1)
    empty = np.empty(0, dtype)
    assert schedule.values(5, 5, out=empty) is empty


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (np.full(10, -1.0), "an array of float64 and shape (10,)"),
        (np.full(10, -1, np.int32), "an array of int32 and shape (10,)"),
        (np.full(10, -1, ">f4"), "an array of >f4 and shape (10,)"),
        (np.full(9, -1, np.float32), "an array of float32 and shape (9,)"),
        (np.full(11, -1, np.float32), "an array of float32 and shape (11,)"),
        (np.full((10, 1), -1, np.float32), "an array of float32 and shape (10, 1)"),
        (np.full(20, -1, np.float32)[::2], "a strided array of float32 and shape (10,)"),
        (np.full(10, -1, np.float32)[::-1], "a strided array of float32 and shape (10,)"),
        (np.broadcast_to(np.float32(-1), 10), "a strided read-only array of float32 and shape (10,)"),
    ],
)
def test_arrays_that_values_cannot_fill(bad: Any, found: str) -> None:
    message = f"out must be a contiguous, writeable array of float32 and shape (10,), got {found}"
    with pytest.raises(ValueError, match=re.escape(message)):
        TUTORIAL.values(0, 10, out=bad)
    assert (bad == -1).all()


def test_a_bad_out_or_range_leaves_out_as_it_was() -> None:
    frozen = np.full(10, -1, np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="got a read-only array"):
        TUTORIAL.values(0, 10, out=frozen)
    for bad in ([0.0] * 10, bytearray(40), 3):
        with pytest.raises(TypeError, match=r"out must be a contiguous, writeable array of float32 and shape \(10,\), got "):
            TUTORIAL.values(0, 10, out=bad)  # type: ignore[arg-type]
    out = np.full(10, -1, np.float32)
    for start, stop in [(10, 0), (-1, 9), (2**63 - 9, 2**63 + 1)]:
        with pytest.raises(ValueError, match=r"start|stop"):
            TUTORIAL.values(start, stop, out=out)
    assert (out == -1).all()


def test_schedules_are_values() -> None:
    again = clr_ref.triangular2(1e-4, 1e-2, 1874)
    assert again == TUTORIAL
    assert len({again, TUTORIAL}) == 1
    TUTORIAL(3)  # numbers that are computed at the first call do not count
    assert copy.deepcopy(TUTORIAL) == again
    for one, other in itertools.permutations(
        [
            TUTORIAL,
            clr_ref.triangular(1e-4, 1e-2, 1874),
            clr_ref.triangular2(1e-4, 1e-2, 1875),
            clr_ref.triangular2(1e-4, 1e-2, 1874, dtype="float64"),
            clr_ref.exp_range(1e-4, 1e-2, 1874, gamma=0.9),
            clr_ref.exp_range(1e-4, 1e-2, 1874, gamma=0.8),
        ],
        2,
    ):
        assert one != other
    with pytest.raises(AttributeError):
        TUTORIAL.step_size = 3  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_cycle_overflows(dtype: str) -> None:
    """Other implementations overflow at cycle 33 (int32 shifts), 128 (float32) or 1025 (float64)."""
    schedule = clr_ref.triangular2(0, 1, 1, dtype=dtype)
    cycles = np.array([1, 2, 31, 32, 33, 34, 127, 128, 129, 149, 150, 1023, 1024, 1025, 1075, 1076, 10**15])
    smallest = -149 if dtype == "float32" else -1074
    expected = [2.0 ** (1 - int(c)) if 1 - c >= smallest else 0.0 for c in cycles]
    peaks = 2 * cycles - 1
    assert_same_rates(schedule, peaks, schedule(peaks), np.array(expected, dtype), arithmetic="arithmetic of arrays")


def test_scales_beyond_one_may_be_infinite_but_never_nan() -> None:
    schedule = clr_ref.exp_range(1e-4, 1e-2, 10, gamma=2.0)
    rates = schedule(np.arange(0, 4000))
    assert not np.isnan(rates).any()
    assert rates[2000] == np.float32(1e-4)  # the end of a cycle, where 0 * infinity would be NaN
    assert np.isinf(rates[2001])
    assert np.isinf(schedule(2001))


def test_zero_is_positive() -> None:
    falling = clr_ref.triangular2(0.0, -1.0, 2)
    for rates in (falling(np.arange(4, 4000)), falling.values(4, 4000), np.array([falling(t) for t in range(4, 4000)])):
        assert not np.signbit(rates[rates == 0]).any()
    assert not np.signbit(clr_ref.triangular(-0.0, 0.0, 3)(1))
