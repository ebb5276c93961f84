"""What an implementation can return, and which response it becomes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance import words
from clr_ref.conformance.config import POLICY_NAMES, Config
from clr_ref.conformance.protocol import Request, responses
from clr_ref.conformance.response import as_response
from clr_ref.conformance.runner import precision
from clr_ref.conformance.subject import Local


class Tensor:
    """Like a framework's tensor: it has a dtype, and becomes an array once it is detached."""

    dtype = "float32"

    def __init__(self, value: Any, tracked: bool = True) -> None:
        self.value, self.tracked = value, tracked

    def detach(self) -> Tensor:
        return Tensor(self.value, tracked=False)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.tracked:
            raise TypeError("detach it first")
        return np.asarray(self.value, np.float32)


class Real:
    """A number that can only become a float."""

    def __float__(self) -> float:
        return 0.25


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.1, "float64", (0.1).hex()),
        (float("nan"), "float64", "nan"),
        (np.float64(0.5), "float64", "0x1.0000000000000p-1"),
        (np.float32(0.1), "float32", float(np.float32(0.1)).hex()),
        (np.float16(0.5), "float16", "0x1.0000000000000p-1"),
        (np.array(0.5, np.float32), "float32", "0x1.0000000000000p-1"),
        (np.int64(3), "exact", "3/1"),
        (3, "exact", "3/1"),
        (Fraction(1, 3), "exact", "1/3"),
        (Decimal("0.5"), "exact", "1/2"),
        (Decimal("nan"), "float64", "nan"),
        ([0.5], "float64", "0x1.0000000000000p-1"),
        (Tensor(0.5), "float32", "0x1.0000000000000p-1"),
        (Real(), "float64", "0x1.0000000000000p-2"),
    ],
)
def test_numbers_keep_their_precision(value: Any, kind: str, text: str) -> None:
    response = as_response(value)
    assert (response.kind, response.text) == (kind, text)
    assert not response.failed


@pytest.mark.parametrize(
    "value",
    [
        *(True, None, "0.1", [0.1, 0.2], np.array([0.1]), np.bool_(True), 1j, np.array("x"), Tensor([1, 2])),
        *(np.ma.masked, np.ma.array(0.1, mask=True)),
    ],
)
def test_what_is_no_number_is_an_error_that_says_what_it_is(value: Any) -> None:
    response = as_response(value)
    assert response.failed
    assert response.text.startswith("returned ")
    with pytest.raises(ValueError, match="returned"):
        response.value("float64")


def test_a_rational_is_rounded_once() -> None:
    halfway = Fraction(1) + Fraction(1, 2**24) + Fraction(1, 2**60)  # float64 would round it to the midpoint of two float32
    assert as_response(halfway).value("float32") == np.nextafter(np.float32(1), np.float32(2))


def test_after_an_exception_the_object_is_not_used() -> None:
    def make(policy: str, **_: Any) -> Any:
        return lambda step: 1 / (step - 2)

    found = list(responses(make, Request(Config("triangular", 0, 1, 4), steps=(0, 2, 3))))
    assert [response.kind for response in found] == ["float64", "error", "error"]
    assert found[1].text == "raised ZeroDivisionError: division by zero"


def raising(error: BaseException) -> Any:
    raise error


class Unnamed(type):
    """A class of classes whose names are no texts."""

    @property
    def __name__(cls) -> Any:
        return 7


class Mute:
    def __str__(self) -> str:
        raise SystemExit("no text")


class Sly(str):
    """A text that pretends to be another one."""

    def __str__(self) -> str:
        return self

    def strip(self, chars: str | None = None) -> Any:
        raise SystemExit("no strip")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (NotImplementedError(Mute()), "declined", "(its text raises SystemExit)"),
        (ValueError(Sly("sly")), "error", "raised ValueError: sly"),
    ],
)
def test_an_exception_without_a_text_is_a_response(error: Exception, kind: str, text: str) -> None:
    """So an implementation in the kit's own process cannot end it."""

    def make(policy: str, **_: Any) -> Any:
        raise error

    (response,) = responses(make, Request(Config("triangular", 0, 1, 4), steps=(0,)))
    assert (response.kind, response.text) == (kind, text)
    assert Local(make).capabilities.declined == (dict.fromkeys(POLICY_NAMES, text) if kind == "declined" else {})


def test_a_class_without_a_name_has_the_one_that_python_knows() -> None:
    assert words.of_error(Unnamed("Odd", (Exception,), {})("x")) == "Odd: x"
    assert as_response(Unnamed("Odd", (), {})()).text == "returned an object of type Odd, which is no number"


def test_only_make_can_decline_a_policy() -> None:
    """An object whose attributes raise NotImplementedError was made all the same, and is judged."""

    def make(policy: str, **_: Any) -> Any:
        odd = {"__getattr__": lambda self, name: raising(NotImplementedError(name)), "__call__": lambda self, step: 0.5}
        return type("Odd", (), odd)()

    assert not Local(make).capabilities.declined


def test_precision_is_that_of_the_narrowest_number() -> None:
    def make(policy: str, **_: Any) -> Any:
        if policy == "triangular2":
            raise NotImplementedError
        return lambda step: 0.0 if step == 0 else np.float32(step)

    assert precision(Local(make)) == "float32"
    assert Local(make).capabilities.declined == {"triangular2": "not offered"}
