"""Any object as any argument of the public functions: a result, or one short error that names the argument."""

from __future__ import annotations

import decimal
import functools
import inspect
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import compare, exact, tfa_arithmetic
from clr_ref.policies import ExpRange
from clr_ref.tfa import graphs


def raising(*_: Any, **__: Any) -> Any:
    raise RuntimeError("boo")


def with_method(method: str, result: Callable[..., Any] = raising, base: type = object) -> Any:
    return type(f"With{method}", (base,), {method: result})


class Sequence:
    def __init__(self, *elements: Any) -> None:
        self.elements = elements

    def __len__(self) -> int:
        return len(self.elements)

    def __getitem__(self, index: int) -> Any:
        return self.elements[index]


VALUES: dict[str, Any] = {
    "huge": 10**400,
    "huge and negative": -(10**400),
    "too many digits for str": 10**5000,
    "2**63": 2**63,
    "2**64": 2**64,
    "-1": -1,
    "half": 0.5,
    "five": 5.0,
    "minus zero": -0.0,
    "1e308": 1e308,
    "5e-324": 5e-324,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "True": True,
    "None": None,
    "text": "5",
    "long text": "x" * 100_000,
    "lone surrogate": "\ud800",
    "bytes": b"5",
    "bytearray": bytearray(b"5"),
    "memoryview": memoryview(b"5"),
    "complex": 1j,
    "Fraction": Fraction(10**400),
    "third": Fraction(1, 3),
    "Decimal": decimal.Decimal("1e400"),
    "signalling Decimal": decimal.Decimal("sNaN"),
    "list": [5],
    "list of huge": [10**400],
    "ints and huge": [1, 10**400],
    "floats and huge": [1.0, 10**400],
    "tuple": (10**400,),
    "dict": {"class_name": "x"},
    "set": set(),
    "range": range(3),
    "nested": [[[[]]]],
    "object": object(),
    "type": int,
    "function": lambda: 3,
    "array of size 1": np.array([5]),
    "array of shape ()": np.array(5),
    "empty array": np.array([]),
    "array of huge": np.array([10**400], object),
    "array of None": np.array(None),
    "array of text": np.array("5"),
    "masked": np.ma.masked,
    "np.bool": np.bool_(True),
    "np.str_": np.str_("5"),
    "np.void": np.void(b"5"),
    "np.float32": np.float32("nan"),
    "np.longdouble": np.finfo(np.longdouble).max,
    "np.longdouble array": np.array([np.finfo(np.longdouble).max]),
    "datetime": np.datetime64("2020"),
    "timedelta": np.timedelta64(5, "s"),
    "int subclass": with_method("__int__", base=int)(5),
    "float subclass": with_method("__float__", base=float)(5),
    "index": with_method("__index__", lambda self: 10**400)(),
    "raising index": with_method("__index__")(),
    "index of a wrong type": with_method("__index__", lambda self: "x")(),
    "raising float": with_method("__float__")(),
    "raising repr": with_method("__repr__")(),
    "raising eq": with_method("__eq__")(),
    "raising array": with_method("__array__")(),
    "raising len": type("Raising", (), {"__len__": raising, "__getitem__": raising})(),
    "sequence": Sequence(1, 10**400),
}

SCHEDULE = clr_ref.triangular(0.0, 1.0, 10)
GRAPHS = {"schedule": SCHEDULE, "steps": 3, "mode": "xla", "tensorflow": (2, 15), "array": True, "step_dtype": "int64"}
NUMBERS = {
    "initial_learning_rate": 0.1,
    "maximal_learning_rate": 1.0,
    "step_size": 10,
    "step_size_down": None,
    "dtype": "float32",
}
#: Functions, and right arguments for them; each argument is replaced by each value.
FUNCTIONS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (clr_ref.triangular, NUMBERS),
    (clr_ref.triangular2, NUMBERS),
    (clr_ref.exp_range, NUMBERS | {"gamma": 0.9}),
    (clr_ref.CyclicalLearningRate, NUMBERS | {"scale_fn": "triangular", "scale_mode": "cycle"}),
    (clr_ref.CyclicalLearningRate.from_json, {"text": SCHEDULE.to_json()}),
    (clr_ref.register_scale_fn, {"name": "hostile", "scale_fn": abs}),
    (SCHEDULE, {"step": 3}),
    (functools.partial(SCHEDULE.values, 2**63 - 9), {"stop": 2**63 - 1, "out": None}),
    (lambda start: SCHEDULE.values(start, 2**63, out=np.empty(1, np.float32)), {"start": 2**63 - 1}),
    (SCHEDULE.exact, {"step": 3}),
    (ExpRange, {"gamma": 0.9}),
    (tfa_arithmetic.evaluate, {"schedule": SCHEDULE, "steps": 3, "step_dtype": "int64", "flush": "never"}),
    (tfa_arithmetic.error_bound, {"schedule": SCHEDULE, "steps": 3, "step_dtype": "int64", "mode": "xla"}),
    (tfa_arithmetic.power_budget, {"schedule": SCHEDULE, "steps": 3}),
    (graphs.evaluate, GRAPHS),
    (exact.value, {"schedule": SCHEDULE, "step": 3}),
    (exact.rounded, {"schedule": SCHEDULE, "step": 3}),
    (compare.truth, {"schedule": SCHEDULE, "steps": [3]}),
    (compare.place, {"schedule": SCHEDULE, "step": 3}),
]
CASES = [
    pytest.param(function, right, argument, id=f"{getattr(function, '__qualname__', 'call')}-{argument}")
    for function, right in FUNCTIONS
    for argument in right
]


@pytest.mark.parametrize(("function", "right", "argument"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_any_object_is_accepted_or_named(
    function: Callable[..., Any], right: dict[str, Any], argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label, value in VALUES.items():
        monkeypatch.setattr("clr_ref.policies._registered", {})  # or a name would already have a function
        try:
            function(**right | {argument: value})
        except (TypeError, ValueError) as error:
            message = str(error)
            # Each of ``steps`` is called a step. A start that is right does not fit the array.
            assert argument.removesuffix("s") in message or message.startswith("out must be "), (label, message[:300])
            assert len(message) < 900, (label, message[:900])


def test_every_argument_is_tried() -> None:
    for function, right in FUNCTIONS:
        assert set(inspect.signature(function).parameters) == set(right), function


@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000, [1, 10**400], np.array([10**400], object)], ids=lambda v: "")
def test_a_huge_step_is_one_error_that_names_the_range(value: Any) -> None:
    calls: list[Callable[[Any], Any]] = [SCHEDULE, lambda step: tfa_arithmetic.evaluate(SCHEDULE, step)]
    if isinstance(value, int):
        calls += [SCHEDULE.exact, lambda step: compare.place(SCHEDULE, step), lambda step: exact.rounded(SCHEDULE, step)]
        calls += [lambda step: SCHEDULE.values(0, step), lambda step: SCHEDULE.values(step, step)]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=r"^(step|start|stop) must be a (whole )?number 0 \.\. 2\*\*63.*got "):
            call(value)


@pytest.mark.parametrize("rates", [lambda: SCHEDULE.values(0, 10**15), lambda: SCHEDULE(np.broadcast_to(5, (10**6, 10**9)))])
def test_more_rates_than_memory_is_an_error_that_says_what_to_do(rates: Callable[[], Any]) -> None:
    with pytest.raises(MemoryError) as found:
        rates()
    assert str(found.value).startswith("1,000,000,000,000,000 rates of float32 take 3,725,290.3 GiB of memory, ")
    assert "compute them in pieces, as with values(start, stop, out=array)" in str(found.value)


def test_more_rates_than_numpy_can_count() -> None:
    with pytest.raises(MemoryError, match=r"9,223,372,036,854,775,808 rates of float64 take 68,719,476,736\.0 GiB"):
        clr_ref.triangular(0, 1, 5, dtype="float64").values(0, 2**63)


@pytest.mark.parametrize("steps", [range(10**15), np.broadcast_to(np.float32(5), (10**15,))], ids=["range", "floats"])
def test_more_steps_than_memory_is_an_error_that_says_what_to_do(steps: Any) -> None:
    with pytest.raises(MemoryError, match=r"^step must be a number of steps that fits into memory, got a .*: give them in"):
        SCHEDULE(steps)
