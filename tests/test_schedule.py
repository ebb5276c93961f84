"""What a user constructs and calls: validation, shapes and dtypes, storage."""

from __future__ import annotations

import array
import collections
import copy
import functools
import itertools
import json
import math
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref import policies, schedule, tfa_arithmetic
from clr_ref.tfa import graphs

MAX_STEP = 2**63 - 1
#: Python refuses to write so many digits, in an error message and in the name of a test.
HUGE = pytest.param(-(10**5000), id="huge")
TUTORIAL = clr_ref.triangular2(initial_learning_rate=1e-4, maximal_learning_rate=1e-2, step_size=2 * 937)


def test_contract_of_the_design() -> None:
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
    assert custom(steps).tobytes() == TUTORIAL(steps).tobytes()


def test_inputs_are_rounded_to_the_dtype_once() -> None:
    assert TUTORIAL.initial_learning_rate == float(np.float32(1e-4))
    assert clr_ref.triangular(0, 1, 33.3).step_size == float(np.float32(33.3))
    assert clr_ref.triangular(0, 1, 33.3, dtype="float64").step_size == 33.3
    # 2**24 + 1 lies halfway between two float32; a detour through float64 changes nothing, but 2**60 + 2**36 + 1 shows one.
    assert clr_ref.triangular(0, 1, 2**60 + 2**36 + 1).step_size == 2.0**60 + 2.0**37
    assert clr_ref.exp_range(0, 1, 10, gamma=0.99994).scale_fn == policies.ExpRange(0.99994)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_any_integer_dtype(dtype: Any) -> None:
    steps = np.array([0, 1, 5, 100], dtype)
    assert TUTORIAL(steps).tobytes() == TUTORIAL(steps.astype(np.int64)).tobytes()
    assert TUTORIAL(dtype(7)) == TUTORIAL(7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_integral_floats(dtype: Any) -> None:
    steps = np.array([0, 1, 5, 100], dtype)
    assert TUTORIAL(steps).tobytes() == TUTORIAL(steps.astype(np.int64)).tobytes()
    assert TUTORIAL(dtype(7)) == TUTORIAL(7)
    assert TUTORIAL(7.0) == TUTORIAL(7)


def test_shapes() -> None:
    for shape in [(), (0,), (3,), (2, 3), (2, 0, 4), (1, 1, 1)]:
        steps = np.arange(int(np.prod(shape))).reshape(shape)
        rates = TUTORIAL(steps)
        assert np.shape(rates) == shape
        assert rates.dtype == np.float32
    strided = np.arange(40).reshape(5, 8)[::2, ::3]
    assert TUTORIAL(strided).tolist() == [[TUTORIAL(int(t)) for t in row] for row in strided]
    fortran = np.asfortranarray(np.arange(12).reshape(3, 4))
    assert TUTORIAL(fortran).tolist() == TUTORIAL(np.arange(12).reshape(3, 4)).tolist()
    assert isinstance(TUTORIAL(np.array(5)), np.float32)
    assert TUTORIAL([1, 2, 3]).tolist() == TUTORIAL(np.array([1, 2, 3])).tolist()


def test_the_ends_of_the_domain() -> None:
    assert TUTORIAL(MAX_STEP) == TUTORIAL(np.array([MAX_STEP], np.uint64))[0]
    assert TUTORIAL.values(MAX_STEP - 2, MAX_STEP + 1).tolist() == [TUTORIAL(MAX_STEP - d) for d in (2, 1, 0)]
    assert TUTORIAL.values(5, 5).shape == (0,)
    assert TUTORIAL.values(MAX_STEP + 1, MAX_STEP + 1).shape == (0,)


def test_results_are_new_arrays() -> None:
    steps = np.arange(5)
    first = TUTORIAL(steps)
    first[:] = 0
    assert TUTORIAL(steps)[1] != 0
    assert steps.tolist() == [0, 1, 2, 3, 4]
    assert TUTORIAL.values(0, 5).flags.owndata


@pytest.mark.parametrize("bad", [-1, 2**63, 0.5, -0.5, float("nan"), float("inf"), 2.0**63, np.float32(1.5), np.int64(-3)])
def test_steps_out_of_range(bad: Any) -> None:
    for asked in (bad, np.array([0, bad]) if bad != 2**63 else np.array([0, bad], np.uint64)):
        with pytest.raises(ValueError, match=r"step must be a whole number 0 \.\. 2\*\*63-1, got"):
            TUTORIAL(asked)


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
    found = schedule.as_steps(written)
    assert type(found) is np.ndarray
    assert found.dtype == np.int64
    assert found.tolist() == steps
    rates = RAMP(written)
    assert type(rates) is np.ndarray
    assert rates.shape == found.shape
    assert rates.reshape(-1).tolist() == [RAMP(step) for step in found.reshape(-1).tolist()]


@pytest.mark.parametrize("one", [Index(BIG), np.uint64(BIG), np.array(BIG), np.array(BIG, np.uint64), Series(BIG)])
def test_one_step_in_other_dress(one: Any) -> None:
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
        *(True, np.True_, "3", b"3", bytearray(b"3"), None, 1j, object(), {1: 2}, {1}, Fraction(3), Decimal(3), iter([1])),
        *([True, 2], [[1], [True]], (np.True_, 1.0), [2, np.array([True])], [True], [1, None], ["1", 2], ["1"], [1, b"2"]),
        *([1, [2, 3]], [[1], [2, 3]], [[], 1], [1, 1j], [Fraction(3), 1], [{}]),
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
    with pytest.raises(TypeError, match=r"^step must be a whole number 0 \.\. 2\*\*63-1 or an array of such, got "):
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
    assert TUTORIAL(steps.filled(0)).tolist() == [TUTORIAL(1), TUTORIAL(0)]


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
    [[1, -7], [1.0, -7], [[0.5], [1]], [0.5, 1.5], [2**63], [1, 2**64], [1.0, math.nan], pytest.param([10**5000], id="huge")],
)
def test_sequences_with_a_step_out_of_range(bad: Any) -> None:
    with pytest.raises(
        ValueError, match=r"step must be a whole number 0 \.\. 2\*\*63-1, got (-7|0\.5|\d{19,20}$|nan|an int of)"
    ):
        TUTORIAL(bad)


@pytest.mark.parametrize("bad", [[True, 2], np.ma.array([1, 2]), np.timedelta64(5, "s")])
def test_replayed_arithmetic_refuses_the_same_steps(bad: Any) -> None:
    for evaluate in (
        tfa_arithmetic.evaluate,
        tfa_arithmetic.error_bound,
        functools.partial(graphs.evaluate, mode="xla", tensorflow=(2, 15), array=True),
    ):
        with pytest.raises(TypeError, match="step must be a whole number"):
            evaluate(TUTORIAL, bad)


wide = pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider float than float64 on this machine")


@wide
def test_a_wide_float_is_rounded_once() -> None:
    """To float64 first, 1 + 2**-24 + 2**-60 would become the midpoint of two float32, and 2**53 + 1 would become even."""
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
        assert schedule.as_steps(steps).reshape(-1).tolist() == list(map(int, np.array(steps, object).reshape(-1)))
    assert TUTORIAL.values(last - 2, last + 1).tolist() == TUTORIAL.values(MAX_STEP - 2, MAX_STEP + 1).tolist()
    with pytest.raises(ValueError, match="step must be a whole number"):
        TUTORIAL(last + 1)
    with pytest.raises(ValueError, match="step must be a whole number"):
        TUTORIAL.exact(np.longdouble(2) ** 60 + 0.5)


@wide
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_floats_out_of_range(dtype: Any) -> None:
    huge, tiny = np.longdouble(2) ** 10_000, np.longdouble(2) ** -10_000
    for name in ("initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"):
        arguments: Any = {"initial_learning_rate": 0, "maximal_learning_rate": 1, "step_size": 2, "gamma": 0.5} | {name: huge}
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            clr_ref.exp_range(**arguments, dtype=dtype)
    for name in ("step_size", "gamma"):
        with pytest.raises(ValueError, match=f"{name} must be a finite number > 0"):
            clr_ref.exp_range(
                **{"initial_learning_rate": 0, "maximal_learning_rate": 1, "step_size": 2, "gamma": 0.5} | {name: tiny},
                dtype=dtype,
            )  # type: ignore[arg-type]


def test_an_array_with_one_bad_step_answers_nothing() -> None:
    with pytest.raises(ValueError, match="got -7"):
        TUTORIAL(np.array([1, 2, -7, 3]))


@pytest.mark.parametrize("name", ["initial_learning_rate", "maximal_learning_rate", "step_size"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e39, 10**400, HUGE])
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
    with pytest.raises(ValueError, match=r"step_size must be a finite number > 0 in float32, got "):
        clr_ref.triangular(1e-4, 1e-2, bad)


@pytest.mark.parametrize("bad", [0, -0.9, float("nan"), float("inf"), 10**400, HUGE])
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


def test_ranges_that_are_none() -> None:
    with pytest.raises(ValueError, match="stop must be at least start, got start=5, stop=4"):
        TUTORIAL.values(5, 4)
    with pytest.raises(ValueError, match=r"start must be a whole number 0 \.\. 2\*\*63, got -1"):
        TUTORIAL.values(-1, 4)
    with pytest.raises(ValueError, match=r"stop must be a whole number 0 \.\. 2\*\*63, got "):
        TUTORIAL.values(0, 2**63 + 1)
    with pytest.raises(TypeError, match="stop must be a real number, got '4'"):
        TUTORIAL.values(0, "4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="step must be a whole number"):
        TUTORIAL.exact(-1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_into_an_array_that_is_there(dtype: Any) -> None:
    schedule = clr_ref.triangular2(1e-4, 1e-2, 10, dtype=dtype)
    whole = np.full(12, -1, dtype)
    part = whole[1:11]
    assert schedule.values(3, 13, out=part) is part
    assert whole.tolist() == [-1, *schedule.values(3, 13), -1]
    empty = np.empty(0, dtype)
    assert schedule.values(5, 5, out=empty) is empty


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (np.full(10, -1.0), "array of float64 and shape (10,)"),
        (np.full(10, -1, np.int32), "array of int32 and shape (10,)"),
        (np.full(10, -1, ">f4"), "array of >f4 and shape (10,)"),
        (np.full(9, -1, np.float32), "array of float32 and shape (9,)"),
        (np.full(11, -1, np.float32), "array of float32 and shape (11,)"),
        (np.full((10, 1), -1, np.float32), "array of float32 and shape (10, 1)"),
        (np.full(20, -1, np.float32)[::2], "strided array of float32 and shape (10,)"),
        (np.full(10, -1, np.float32)[::-1], "strided array of float32 and shape (10,)"),
        (np.broadcast_to(np.float32(-1), 10), "strided read-only array of float32 and shape (10,)"),
    ],
)
def test_arrays_that_values_cannot_fill(bad: Any, found: str) -> None:
    message = f"out must be a contiguous, writeable array of float32 and shape (10,), got a {found}"
    with pytest.raises(ValueError, match=re.escape(message)):
        TUTORIAL.values(0, 10, out=bad)
    assert (bad == -1).all()


def test_what_is_no_array_or_no_range_leaves_out_alone() -> None:
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
    TUTORIAL(3)  # what is computed once and kept does not count
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


def third(x: float) -> float:
    return x / 3


def test_named_scale_functions_travel() -> None:
    halved = clr_ref.CyclicalLearningRate(0, 1, 10, lambda x: 0.5)
    with pytest.raises(ValueError, match="register_scale_fn"):
        halved.to_json()
    clr_ref.register_scale_fn("half", halved.scale_fn)
    assert clr_ref.CyclicalLearningRate.from_json(halved.to_json()) == halved
    assert pickle.loads(pickle.dumps(halved)) == halved
    assert clr_ref.CyclicalLearningRate(0, 1, 10, "half") == halved
    clr_ref.register_scale_fn("half", halved.scale_fn)  # the same again is no conflict
    with pytest.raises(ValueError, match="name must be free, got 'half'"):
        clr_ref.register_scale_fn("half", third)
    with pytest.raises(ValueError, match="name must be free, got 'triangular2'"):
        clr_ref.register_scale_fn("triangular2", third)
    with pytest.raises(TypeError, match="name must be a non-empty string"):
        clr_ref.register_scale_fn("", third)
    with pytest.raises(TypeError, match="scale_fn must be callable"):
        clr_ref.register_scale_fn("nothing", 3)  # type: ignore[arg-type]


def test_unnamed_scale_functions_pickle_as_functions_do() -> None:
    schedule = clr_ref.CyclicalLearningRate(0, 1, 10, third, "iterations", "float64")
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(clr_ref.CyclicalLearningRate(0, 1, 10, lambda x: x))


def test_scale_fn_arguments() -> None:
    with pytest.raises(ValueError, match=r"scale_fn must be a registered name, one of .*triangular2.*; got 'nobody'"):
        clr_ref.CyclicalLearningRate(0, 1, 10, "nobody")
    with pytest.raises(ValueError, match="needs a gamma"):
        clr_ref.CyclicalLearningRate(0, 1, 10, "exp_range")
    with pytest.raises(TypeError, match="scale_fn must be a callable or a registered name, got 3"):
        clr_ref.CyclicalLearningRate(0, 1, 10, 3)  # type: ignore[arg-type]


DOCUMENT = json.loads(clr_ref.exp_range(1e-4, 1e-2, 1874, gamma=0.9).to_json())
NESTED = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "text must be a str that to_json returned, got None of type NoneType"),
        (3, "text must be a str that to_json returned, got 3 of type int"),
        (TUTORIAL.to_json().encode(), "text must be a str that to_json returned, got b'"),
        (DOCUMENT, "text must be a str that to_json returned, got {"),
        ("", "text must be JSON that to_json returned, got ''"),
        ("not JSON", "text must be JSON that to_json returned, got 'not JSON'"),
        ("\ufeff" + TUTORIAL.to_json(), "text must be JSON that to_json returned"),
        (TUTORIAL.to_json()[:-1], "text must be JSON that to_json returned"),
        (NESTED, "text must be JSON that to_json returned, got one that is nested too deep"),
        ('{"step_size": ' + NESTED, "text must be JSON that to_json returned, got one that is nested too deep"),
        ("NaN", "text must be a JSON object with the fields initial_learning_rate, .*, dtype, got nan"),
        ("[]", "text must be a JSON object with the fields .*, got \\[\\]"),
        ("1" * 5000, "text must be a JSON object with the fields .*, got inf"),
        ("{}", "exactly the fields .*; got \\['dtype', 'initial_learning_rate', .*'step_size'\\] missing and \\[\\] unknown"),
        (TUTORIAL.to_json().replace('"dtype"', '"Dtype"'), "got \\['dtype'\\] missing and \\['Dtype'\\] unknown"),
        (TUTORIAL.to_json()[:-1] + ', "gamma": "0x1p+0"}', "got \\[\\] missing and \\['gamma'\\] unknown"),
        (TUTORIAL.to_json()[:-1] + ', "dtype": "float64"}', "'dtype' must stand once in a JSON object, got it 2 times"),
        (TUTORIAL.to_json()[:-1] + ', "dtype": "float32"}', "'dtype' must stand once in a JSON object, got it 2 times"),
        (
            TUTORIAL.to_json().replace('{"name": "triangular2"}', '{"name": "triangular2", "name": "triangular2"}'),
            "'name' must stand once in a JSON object, got it 2 times",
        ),
    ],
)
def test_json_that_is_no_schedule(text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clr_ref.CyclicalLearningRate.from_json(text)


HEX = "must be a finite hex float such as '0x1.8p-3', got "
SCALE_FN = r"scale_fn must be {'name': ...}, with 'gamma' for exp_range alone; got "


@pytest.mark.parametrize(
    ("field", "bad", "message"),
    [
        *(
            (name, bad, f"{name} {HEX}")
            for name in ("initial_learning_rate", "maximal_learning_rate", "step_size")
            # float.fromhex takes "0.1" for 1 / 16, and "nan" and "inf" for what they say.
            for bad in (1, 0.1, None, True, [], {}, "", "0.1", "10", "nan", "inf", " 0x1p0", "0x1p+5000", "0x1p" + "9" * 5000)
        ),
        ("step_size", math.nan, f"step_size {HEX}nan"),
        ("maximal_learning_rate", -math.inf, f"maximal_learning_rate {HEX}-inf"),
        ("initial_learning_rate", 10**4000, f"initial_learning_rate {HEX}inf"),
        ("initial_learning_rate", "0x1.0p+1000", "initial_learning_rate must be a finite number of float32"),
        ("step_size", "-0x1.0p+0", "step_size must be a finite number > 0 in float32, got -1.0"),
        ("step_size", "0x1.0p-1000", "step_size must be a finite number > 0 in float32, got 9.3"),
        *(
            ("scale_fn", bad, SCALE_FN)
            for bad in (None, 3, "triangular", ["triangular"], {}, {"name": 3}, {"name": ["exp_range"]})
        ),
        *(("scale_fn", {"name": "triangular", "gamma": bad}, SCALE_FN) for bad in ("0x1p-1", None)),
        ("scale_fn", {"name": "exp_range", "gamma": "0x1p-1", "scale": 1}, SCALE_FN),
        ("scale_fn", {"name": "exp_range"}, "scale_fn 'exp_range' needs a gamma"),
        ("scale_fn", {"name": "nobody"}, "scale_fn must be a registered name, one of .*; got 'nobody'"),
        *(
            ("scale_fn", {"name": "exp_range", "gamma": bad}, f"scale_fn: gamma {HEX}")
            for bad in (0.5, 1, None, [], "0.5", "nan", "0x1p+1024")
        ),
        *(
            ("scale_fn", {"name": "exp_range", "gamma": bad}, "scale_fn: gamma must be a finite number > 0, got ")
            for bad in ("0x0p+0", "-0x1p+0", "0x1p-1080")
        ),
        *(
            ("scale_mode", bad, "scale_mode must be 'cycle' or 'iterations', got ")
            for bad in (None, 1, [], {}, "", "Cycle", ["cycle"])
        ),
        *(
            ("dtype", bad, "dtype must be 'float32' or 'float64', got ")
            for bad in (None, 1, [], {"names": 1}, "float16", "f4", "f8", "float", ",,", "\ud800", "x" * 10_000)
        ),
    ],
)
def test_json_with_a_bad_field(field: str, bad: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        clr_ref.CyclicalLearningRate.from_json(json.dumps(DOCUMENT | {field: bad}))
    assert len(str(caught.value)) < 1000


keys = st.sampled_from([*DOCUMENT, "name", "gamma"]) | st.text(max_size=3)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.floats().map(float.hex) | st.text(max_size=9)
any_json = (
    scalars | st.sampled_from([*DOCUMENT.values()]) | st.lists(scalars, max_size=3) | st.dictionaries(keys, scalars, max_size=3)
)


def schedule_or_message(text: str) -> Any:
    try:
        return clr_ref.CyclicalLearningRate.from_json(text)
    except ValueError as error:
        return str(error)


@given(st.dictionaries(keys, any_json, max_size=3), st.text(max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_malformed_json_is_a_value_error_or_a_schedule(change: dict[str, Any], insert: str, start: float, stop: float) -> None:
    """A valid document with other fields, and with a part of its text replaced, left out or repeated."""
    text = json.dumps(DOCUMENT | change)
    first, last = sorted(round(place * len(text)) for place in (start, stop))
    for changed in (text, text[:first] + insert + text[last:], text[:last] + insert + text[first:]):
        found = schedule_or_message(changed)
        if isinstance(found, str):
            assert any(name in found for name in ("text", "stand once", *DOCUMENT))
        else:
            assert clr_ref.CyclicalLearningRate.from_json(found.to_json()) == found


def test_json_holds_hex_floats() -> None:
    assert '"step_size": "0x1.d480000000000p+10"' in TUTORIAL.to_json()
    assert '"gamma": "0x1.ccccccccccccdp-1"' in clr_ref.exp_range(0, 1, 2, gamma=0.9).to_json()


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


def test_custom_scale_functions_may_overflow_but_not_answer_nonsense() -> None:
    lambda2 = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 2, lambda x: 1 / (2.0 ** (x - 1)))
    assert lambda2(4 * 1030 + 2) == np.float32(1e-4)  # others raise OverflowError from cycle 1025 on
    for answer in (float("nan"), float("inf")):
        broken = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 2, lambda x, answer=answer: answer)  # type: ignore[misc]
        for ask in (lambda s: s(1), lambda s: s(np.array([1])), lambda s: s.values(0, 3), lambda s: s.exact(1)):
            with pytest.raises(ValueError, match=r"scale_fn must return finite numbers, got (nan|inf) for 1"):
                ask(broken)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_cycle_overflows(dtype: str) -> None:
    """Others overflow at cycle 33 (int32 shifts), 128 (float32) or 1025 (float64)."""
    schedule = clr_ref.triangular2(0, 1, 1, dtype=dtype)
    cycles = np.array([1, 2, 31, 32, 33, 34, 127, 128, 129, 149, 150, 1023, 1024, 1025, 1075, 1076, 10**15])
    smallest = -149 if dtype == "float32" else -1074
    expected = [2.0 ** (1 - int(c)) if 1 - c >= smallest else 0.0 for c in cycles]
    assert schedule(2 * cycles - 1).tolist() == expected


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
