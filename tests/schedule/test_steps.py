"""A step is a whole number of any type, alone or in a sequence or an array; everything else is an error."""

from __future__ import annotations

import array
import collections
import functools
import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies, steps as steps_module, tfa_arithmetic
from clr_ref.tfa import graphs
from tests.rates import assert_same_rates
from tests.schedules import TUTORIAL

MAX_STEP = 2**63 - 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_any_integer_dtype(dtype: Any) -> None:
    steps = np.array([0, 1, 5, 100], dtype)
    expected = TUTORIAL(steps.astype(np.int64))
    assert_same_rates(TUTORIAL, steps, TUTORIAL(steps), expected, arithmetic=f"arithmetic of {steps.dtype} arrays")
    assert TUTORIAL(dtype(7)) == TUTORIAL(7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_integral_floats(dtype: Any) -> None:
    steps = np.array([0, 1, 5, 100], dtype)
    expected = TUTORIAL(steps.astype(np.int64))
    assert_same_rates(TUTORIAL, steps, TUTORIAL(steps), expected, arithmetic=f"arithmetic of {steps.dtype} arrays")
    assert TUTORIAL(dtype(7)) == TUTORIAL(7)
    assert TUTORIAL(7.0) == TUTORIAL(7)


@pytest.mark.parametrize("bad", [-1, 2**63, -0.5, float("nan"), float("inf"), 2.0**63, np.float32(-1.5), np.int64(-3)])
def test_steps_out_of_range(bad: Any) -> None:
    for asked in (bad, np.array([0, bad]) if bad != 2**63 else np.array([0, bad], np.uint64)):
        with pytest.raises(ValueError, match=r"step must be a number 0 \.\. 2\*\*63-1, got"):
            TUTORIAL(asked)
    with pytest.raises(ValueError, match=r"step must be a number 0 \.\. 2\*\*63-1, got"):
        TUTORIAL.exact(bad)


class Index:
    """A whole number of another library."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class Series:
    """An array of another library, as of pandas."""

    def __init__(self, steps: Any) -> None:
        self.steps = steps

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.steps, dtype)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("read as an array")


class Row:
    """A sequence that is registered nowhere."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return [2**53 + 1, 1.0][index]


BIG = 2**53 + 1  # no float64
#: The rate is the step less 2**53, so that 2**53 and 2**53 + 1 have different ones.
RAMP = clr_ref.triangular(-(2.0**53), 2.0**61 - 2.0**53, 2.0**61, dtype="float64")


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        ([BIG, 1.0], [BIG, 1]),
        ((1.0, BIG), [1, BIG]),
        ([[BIG], [1.0]], [[BIG], [1]]),
        ([(1, BIG), [2.0, 3]], [[1, BIG], [2, 3]]),
        ([np.array([1.0, 2.0]), np.array([BIG, 3])], [[1, 2], [BIG, 3]]),
        ([np.int64(BIG), np.float32(2), 3], [BIG, 2, 3]),
        ([np.uint64(MAX_STEP), 1], [MAX_STEP, 1]),
        ([np.uint64(MAX_STEP), np.int64(1)], [MAX_STEP, 1]),
        ([np.float16(3), np.float16(4)], [3, 4]),
        ([BIG, MAX_STEP], [BIG, MAX_STEP]),
        (Row(), [BIG, 1]),
        (range(3), [0, 1, 2]),
        (range(MAX_STEP - 1, MAX_STEP + 1), [MAX_STEP - 1, MAX_STEP]),
        (collections.deque([BIG, 1.0]), [BIG, 1]),
        (array.array("q", [BIG, 1]), [BIG, 1]),
        (memoryview(np.array([[BIG, 1]])), [[BIG, 1]]),
        ([Index(BIG), 1.0], [BIG, 1]),
        (Series([BIG, 1]), [BIG, 1]),
        ([Series([BIG, 1]), [2.0, 3]], [[BIG, 1], [2, 3]]),
        (np.array([[BIG, 1]]).view(np.matrix), [[BIG, 1]]),
        (np.array([BIG, 1]).view(np.recarray), [BIG, 1]),
        (np.array([BIG, 1], ">i8"), [BIG, 1]),
        ([], []),
        ([[], []], [[], []]),
        ([[[]]], [[[]]]),
    ],
)
def test_every_step_of_a_sequence_is_the_one_that_was_written(written: Any, steps: Any) -> None:
    found = steps_module.as_steps(written)
    assert type(found) is np.ndarray
    assert found.dtype == np.int64
    assert found.tolist() == steps
    rates = RAMP(written)
    assert type(rates) is np.ndarray
    assert rates.shape == found.shape
    one_by_one = np.array([RAMP(step) for step in found.reshape(-1).tolist()], RAMP.dtype).reshape(found.shape)
    assert_same_rates(RAMP, found, rates, one_by_one, arithmetic="arithmetic of sequences")


@pytest.mark.parametrize("one", [Index(BIG), np.uint64(BIG), np.array(BIG), np.array(BIG, np.uint64), Series(BIG)])
def test_one_step_of_other_types(one: Any) -> None:
    rate = RAMP(one)
    assert rate == 1
    assert isinstance(rate, np.float64)


@pytest.mark.parametrize("one", [BIG, Index(BIG), np.int64(BIG), np.uint64(BIG)])
def test_one_step_of_a_range_and_of_an_exact_rate(one: Any) -> None:
    assert RAMP.exact(one) == 1
    assert RAMP.values(one, BIG + 1).tolist() == [1]
    assert RAMP.values(BIG - 1, one).tolist() == [0]


@pytest.mark.parametrize(
    "bad",
    [
        *(True, np.True_, "3", b"3", bytearray(b"3"), None, 1j, object(), {1: 2}, {1}, Decimal(3), iter([1])),
        *([True, 2], [[1], [True]], (np.True_, 1.0), [2, np.array([True])], [True], [1, None], ["1", 2], ["1"], [1, b"2"]),
        *([1, [2, 3]], [[1], [2, 3]], [[], 1], [1, 1j], [Decimal(3), 1], [{}]),
        *(
            np.timedelta64(5, "s"),
            np.datetime64("2020-01-01"),
            np.str_("1"),
            np.complex64(1),
            [np.timedelta64(5, "s")],
            [1, np.timedelta64(5, "s")],
        ),
        *(np.ma.array([1, 2]), np.ma.array([1, 2], mask=[0, 1]), np.ma.masked, [1, np.ma.masked], [np.ma.array([1, 2])]),
        *(Series([True, False]), Series(["1"]), Series([1, None]), Index),
    ],
)
def test_steps_of_the_wrong_type(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"^step must be a number 0 \.\. 2\*\*63-1 or an array of such, got "):
        TUTORIAL(bad)
    for ask in (TUTORIAL.exact, lambda stop: TUTORIAL.values(0, stop)):
        with pytest.raises(TypeError, match=r"^(step|stop) must be a real number, got "):
            ask(bad)


@pytest.mark.parametrize("dtype", ["bool", "m8[s]", "M8[s]", "c8", "U1", "S1", "O", [("a", "i8")]])
@pytest.mark.parametrize("shape", [(), (0,), (2,)])
def test_arrays_of_the_wrong_dtype(dtype: Any, shape: tuple[int, ...]) -> None:
    steps = np.zeros(shape, dtype)
    for bad in (steps, Series(steps)):
        with pytest.raises(TypeError, match=re.escape(f"of dtype {steps.dtype}")):
            TUTORIAL(bad)


def test_masked_arrays_have_to_be_filled() -> None:
    steps = np.ma.array([1, 2], mask=[False, True])
    with pytest.raises(TypeError, match="got a masked array: fill it first"):
        TUTORIAL(steps)
    expected = np.array([TUTORIAL(1), TUTORIAL(0)])
    assert_same_rates(TUTORIAL, [1, 0], TUTORIAL(steps.filled(0)), expected, arithmetic="arithmetic of filled arrays")


def test_masked_arrays_receive_no_rates() -> None:
    """A hard mask would keep rates out, and a soft one would hide them."""
    for out in (np.ma.array(np.zeros(10, "f4"), mask=True, hard_mask=True), np.ma.masked_all(10, "f4")):
        with pytest.raises(TypeError, match=r"out must be a contiguous, writeable array .* got a masked array"):
            TUTORIAL.values(0, 10, out=out)


def test_steps_that_are_not_whole_are_shown_as_they_are() -> None:
    for step, text in ((2.5, "2.5"), (Fraction(2**70 + 1, 2**20), "Fraction(1180591620717411303425, 1048576)")):
        with pytest.raises(ValueError, match=re.escape(f"step must be a whole number 0 .. 2**63-1, got {text}")):
            clr_ref.tfa_arithmetic.evaluate(TUTORIAL, step)


def test_arrays_of_too_many_dimensions_in_a_sequence() -> None:
    with pytest.raises(TypeError, match="of at most 32 dimensions"):
        TUTORIAL([np.zeros((1,) * 32, int)])
    assert TUTORIAL([np.zeros((1,) * 31, int)]).shape == (1,) * 32


def test_sequences_without_end() -> None:
    steps: list[Any] = []
    steps.append(steps)
    with pytest.raises(TypeError, match="nested at most 32 deep"):
        TUTORIAL(steps)
    deepest: Any = 7
    for _ in range(32):
        deepest = [deepest]
    assert TUTORIAL(deepest).shape == (1,) * 32


@pytest.mark.parametrize(
    "bad",
    [[1, -7], [1.0, -7], [[-0.5], [1]], [0.5, -0.5], [2**63], [1, 2**64], [1.0, math.nan], pytest.param([10**5000], id="huge")],
)
def test_sequences_with_a_step_out_of_range(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"step must be a number 0 \.\. 2\*\*63-1, got (-7|-0\.5|\d{19,20}$|nan|an int of)"):
        TUTORIAL(bad)


@pytest.mark.parametrize("bad", [[True, 2], np.ma.array([1, 2]), np.timedelta64(5, "s")])
def test_replayed_arithmetic_refuses_the_same_steps(bad: Any) -> None:
    for evaluate in (
        tfa_arithmetic.evaluate,
        tfa_arithmetic.error_bound,
        functools.partial(graphs.evaluate, mode="xla", tensorflow=(2, 15), array=True),
    ):
        with pytest.raises(TypeError, match="step must be a number"):
            evaluate(TUTORIAL, bad)
        with pytest.raises(ValueError, match=r"step must be a whole number 0 \.\. 2\*\*63-1, got 2\.5"):
            evaluate(TUTORIAL, [1, 2.5])


wide = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider float than float64 on this machine")


@wide
def test_a_wide_float_is_rounded_once() -> None:
    """A rounding to float64 first would make a midpoint of 1 + 2**-24 + 2**-60, and an even number of 2**53 + 1."""
    above = np.longdouble(1) + np.longdouble(2) ** -24 + np.longdouble(2) ** -60
    big = np.longdouble(2) ** 53 + 1
    for name in ("initial_learning_rate", "maximal_learning_rate", "step_size"):
        arguments: Any = {"initial_learning_rate": 0, "maximal_learning_rate": 1, "step_size": 2} | {name: above}
        assert getattr(clr_ref.triangular(**arguments), name) == 1 + 2.0**-23
        assert getattr(clr_ref.triangular(**arguments, dtype="float64"), name) == 1 + 2.0**-24
    assert clr_ref.exp_range(0, 1, 2, gamma=above).scale_fn == policies.ExpRange(1 + 2.0**-24)
    assert RAMP.exact(big) == RAMP(big) == 1
    last = np.longdouble(2) ** 63 - 1
    for steps in (big, last, [big, last], np.array([[big], [last]]), [big, 1, last]):
        assert steps_module.as_steps(steps).reshape(-1).tolist() == list(map(int, np.array(steps, object).reshape(-1)))
    steps = np.arange(MAX_STEP - 2, MAX_STEP + 1, dtype=np.uint64)
    expected = TUTORIAL.values(MAX_STEP - 2, MAX_STEP + 1)
    assert_same_rates(TUTORIAL, steps, TUTORIAL.values(last - 2, last + 1), expected, arithmetic="arithmetic of ranges")
    with pytest.raises(ValueError, match="step must be a number"):
        TUTORIAL(last + 1)
    assert clr_ref.triangular(0, 1, 2).exact(np.longdouble(2) ** 60 + 0.5) == Fraction(1, 4)


@wide
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_floats_out_of_range(dtype: Any) -> None:
    huge, tiny = np.longdouble(2) ** 10_000, np.longdouble(2) ** -10_000
    for name in ("initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"):
        arguments: Any = {"initial_learning_rate": 0, "maximal_learning_rate": 1, "step_size": 2, "gamma": 0.5} | {name: huge}
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            clr_ref.exp_range(**arguments, dtype=dtype)
    for name in ("step_size", "gamma"):
        with pytest.raises(ValueError, match=f"{name} must be a finite number (of {dtype} )?> 0"):
            clr_ref.exp_range(
                **{"initial_learning_rate": 0, "maximal_learning_rate": 1, "step_size": 2, "gamma": 0.5} | {name: tiny},
                dtype=dtype,
            )  # type: ignore[arg-type]


def test_an_array_with_one_bad_step_answers_nothing() -> None:
    with pytest.raises(ValueError, match="got -7"):
        TUTORIAL(np.array([1, 2, -7, 3]))
