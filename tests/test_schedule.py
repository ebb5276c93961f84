"""What a user constructs and calls: validation, shapes and dtypes, storage."""

from __future__ import annotations

import copy
import fractions
import itertools
import pickle
import re
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import scale

MAX_STEP = 2**63 - 1
TUTORIAL = clr_ref.triangular2(initial_learning_rate=1e-4, maximal_learning_rate=1e-2, step_size=2 * 937)


def test_contract_of_the_design() -> None:
    assert TUTORIAL.dtype == "float32"
    assert TUTORIAL(0) == np.float32(1e-4)
    assert TUTORIAL(1874) == np.float32(1e-2)
    assert TUTORIAL(np.arange(10)).shape == (10,)
    assert isinstance(TUTORIAL(2**53 + 1), np.float32)
    assert isinstance(TUTORIAL.exact(7), fractions.Fraction)
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
    assert clr_ref.exp_range(0, 1, 10, gamma=0.99994).scale_fn == scale.Exponential(0.99994)


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
    assert TUTORIAL(np.array([2, MAX_STEP], object)).tolist() == [TUTORIAL(2), TUTORIAL(MAX_STEP)]


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


@pytest.mark.parametrize(
    "bad", [True, "3", b"3", None, 1j, np.True_, np.array([True]), np.array(["1"]), [1, [2, 3]], object(), {1: 2}]
)
def test_steps_of_the_wrong_type(bad: Any) -> None:
    with pytest.raises(TypeError, match="step"):
        TUTORIAL(bad)


def test_an_array_with_one_bad_step_answers_nothing() -> None:
    with pytest.raises(ValueError, match="got -7"):
        TUTORIAL(np.array([1, 2, -7, 3]))
    with pytest.raises(TypeError, match="got True"):
        TUTORIAL(np.array([1, True], object))


@pytest.mark.parametrize("name", ["initial_learning_rate", "maximal_learning_rate", "step_size"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e39])
def test_numbers_out_of_range(name: str, bad: float) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10} | {name: bad}
    with pytest.raises(ValueError, match=rf"{name} must be a finite number of float32.*, got "):
        clr_ref.triangular(**arguments)


@pytest.mark.parametrize("name", ["initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"])
@pytest.mark.parametrize("bad", ["1", None, True, 1j, [1], np.array([1.0])])
def test_numbers_of_the_wrong_type(name: str, bad: Any) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10, "gamma": 0.9} | {name: bad}
    with pytest.raises(TypeError, match=f"{name} must be a real number, got "):
        clr_ref.exp_range(**arguments)


@pytest.mark.parametrize("bad", [0, -1, -0.5, 1e-60])
def test_step_size_must_be_positive(bad: float) -> None:
    with pytest.raises(ValueError, match=r"step_size must be a finite number > 0 in float32, got "):
        clr_ref.triangular(1e-4, 1e-2, bad)


@pytest.mark.parametrize("bad", [0, -0.9, float("nan"), float("inf")])
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


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "3",
        '{"initial_learning_rate": 1}',
        TUTORIAL.to_json().replace('"dtype"', '"Dtype"'),
        TUTORIAL.to_json().replace("triangular2", "nobody"),
        TUTORIAL.to_json().replace('"0x1.d48', '"x1.d48'),
        TUTORIAL.to_json().replace('"cycle"', '"cycles"'),
        TUTORIAL.to_json().replace('{"name": "triangular2"}', '{"name": "triangular2", "gamma": "0x1p-1"}'),
        "not JSON",
    ],
)
def test_json_that_is_no_schedule(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        clr_ref.CyclicalLearningRate.from_json(text)


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
            with pytest.raises(ValueError, match=r"scale_fn must answer finite numbers, got (nan|inf) for 1"):
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
