"""A keyword of another library is answered with ours, and a step that NumPy cannot read with the drop-in that can."""

from __future__ import annotations

import inspect
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import _inputs

FUNCTIONS = [clr_ref.triangular, clr_ref.triangular2, clr_ref.exp_range, clr_ref.CyclicalLearningRate]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"base_lr": 0.1, "max_lr": 1},
            "base_lr is called initial_learning_rate here; max_lr is called maximal_learning_rate here",
        ),
        ({"base_learning_rate": 0.1}, "base_learning_rate is called initial_learning_rate here"),
        ({"step_size_up": 5}, "step_size_up is called step_size here"),
        ({"mode": "triangular2"}, "mode is no argument here: the policy is the name of the function or class"),
        (
            {"base_momentum": 0.8, "cycle_momentum": True},
            "base_momentum is no argument here: the momentum is a second schedule, from max_momentum to base_momentum "
            "(docs/RECIPES.md, Momentum against the rate); cycle_momentum is no argument here: the momentum is a second",
        ),
        ({"last_epoch": -1}, "last_epoch is no argument here. The arguments of "),
        ({"maximal_lerning_rate": 1}, "maximal_lerning_rate is no argument here: did you mean maximal_learning_rate?"),
    ],
    ids=str,
)
def test_keywords_of_others_are_answered_with_ours(function: Any, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as found:
        function(**keywords)
    assert str(found.value).startswith(message)
    ours = ", ".join(inspect.signature(function).parameters)
    assert str(found.value).endswith(f". The arguments of {function.__name__} are {ours}")


def test_keywords_that_only_some_have() -> None:
    with pytest.raises(TypeError, match=r"^gamma is an argument of exp_range alone"):
        clr_ref.triangular(0, 1, 5, gamma=0.9)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^scale_mode is an argument of CyclicalLearningRate alone"):
        clr_ref.triangular(0, 1, 5, scale_mode="cycle")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^exp_gamma is called gamma here"):
        clr_ref.exp_range(0, 1, 5, exp_gamma=0.9)  # type: ignore[call-arg]


def test_exp_range_without_gamma_would_be_triangular() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'gamma'"):
        clr_ref.exp_range(0, 1, 5)  # type: ignore[call-arg]


def test_steps_that_only_a_framework_can_read() -> None:
    class Symbolic:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError("a symbolic tensor has no value\nand more")

    with pytest.raises(TypeError, match=r"Symbolic, which NumPy cannot read \(a symbolic tensor has no value\); .*keras.from"):
        clr_ref.triangular(0, 1, 5)(Symbolic())
    with pytest.raises(TypeError, match=r"^step must be given, got none\. Keras .* clr_ref\.keras\.from_schedule\(schedule\)"):
        clr_ref.triangular(0, 1, 5)()
    assert clr_ref.triangular(0, 1, 5)(np.int64(5)) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 198, repr("x" * 198)),
        ("x" * 199, f"'{'x' * 97}...{'x' * 98}'"),
        (2**1024 - 1, str(2**1024 - 1)),
        (-(2**1024), "an int of 1025 bits"),
        (Fraction(10**88, 3), f"Fraction({10**88}, 3)"),
    ],
    ids=["200 characters", "201 characters", "an int that a float nearly holds", "one that none holds", "a number"],
)
def test_long_values_are_shortened_in_messages(value: object, text: str) -> None:
    assert _inputs.shown(value) == text


def test_other_values_are_shortened_to_200_characters() -> None:
    class Named:
        def __init__(self, length: int) -> None:
            self.length = length

        def __repr__(self) -> str:
            return "x" * self.length

    assert _inputs.shown(Named(200)) == "x" * 200
    assert _inputs.shown(Named(201)) == f"{'x' * 98}...{'x' * 99}"


def test_a_text_is_one_of_a_few() -> None:
    assert _inputs.one_of("mode", "b", ("a", "b")) == "b"
    for choices, words in ((("a", "b"), "'a' or 'b'"), (("a", "b", "c"), "one of a, b, c"), (("a",), "one of a")):
        for value in ("x", np.array(["a", "b"]), None):
            with pytest.raises(ValueError, match=f"^mode must be {words}, got "):
                _inputs.one_of("mode", value, choices)


def test_real_numbers_are_python_numbers() -> None:
    for value, expected in ((np.int8(3), 3), (2**70, 2**70), (np.float32(0.1), float(np.float32(0.1))), (0.1, 0.1)):
        found = _inputs.as_real("x", value)
        assert (found, type(found)) == (expected, type(expected))
    for wrong in (True, np.True_, np.timedelta64(1, "s"), "1", None, 1j, np.ones(1)):
        with pytest.raises(TypeError, match=r"^x must be a real number, got .* of type [a-zA-Z0-9_]+$"):
            _inputs.as_real("x", wrong)


def test_a_number_that_raises_is_named() -> None:
    class Odd(float):
        def __float__(self) -> float:
            raise OSError("no")

    with pytest.raises(TypeError, match=r"^x must be a real number, got .* of type Odd, which raised OSError: 'no'$"):
        _inputs.as_real("x", Odd(1))


def test_exact_numbers_are_not_rounded() -> None:
    assert _inputs.as_exact("x", 2**1100) == 2**1100
    assert _inputs.as_exact("x", 0.1) == Fraction(0.1)
    wide = np.longdouble(1) + np.finfo(np.longdouble).eps
    assert _inputs.as_exact("x", wide) == 1 + Fraction(*np.finfo(np.longdouble).eps.as_integer_ratio())
    for odd in (np.nan, -np.inf, np.float32(np.inf), np.longdouble(np.nan)):
        assert _inputs.as_exact("x", odd) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("0x1p+0", 1.0), ("-0X1.8P-3", -0.1875), ("+0xff", 255.0), ("0x1.", 1.0), ("0x1p1023", 2.0**1023)],
)
def test_hex_floats_are_read(text: str, number: float) -> None:
    assert _inputs.from_hex("x", text) == number


@pytest.mark.parametrize("text", ["0.1", "1", "", " 0x1p0", "0x1p0 ", "0x1p", "0x.8", "0x1p1024", "inf", "nan", 1.0, None])
def test_what_is_no_finite_hex_float_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"^x must be a finite hex float such as '0x1\.8p-3', got "):
        _inputs.from_hex("x", text)


def test_ints_of_a_json_text_that_no_schedule_can_have_are_floats() -> None:
    found = _inputs.parsed_json(f'{{"a": {"9" * 19}, "b": {"9" * 20}, "c": {{}}}}')
    assert [type(value) for value in found.values()] == [int, float, dict]
    assert found["a"] == 10**19 - 1
    assert _inputs.parsed_json(f"[{1 - 2**63}]") == [1 - 2**63]  # the lowest start of clr_ref.Shifted


def test_what_is_no_json_of_ours_is_refused() -> None:
    for text, words in (
        (b"{}", "text must be a str that to_json returned, got b'{}' of type bytes"),
        ("{", "text must be JSON that to_json returned, got '{': "),
        ("[" * 200_000, "text must be JSON that to_json returned, got one that is nested too deep: "),
        ('{"b": 1, "a": 1, "a": 2}', "'a' must stand once in a JSON object, got it 2 times"),
        ('{"a": 1, "a": 2, "a": 3}', "'a' must stand once in a JSON object, got it 3 times"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
            _inputs.parsed_json(text)


def test_a_name_that_does_not_exist_is_answered_with_all_of_8_or_the_nearest_of_more() -> None:
    names = [f"name{number}" for number in range(9)]
    assert _inputs.unknown("a case", "name10", names[:8], "ls") == f"'name10' is not a case; give one of {', '.join(names[:8])}"
    found = _inputs.unknown("a case", "name10", names, "ls")
    assert found.startswith("'name10' is not a case; the nearest are name")
    assert found.endswith("; ls lists all 9")


def test_at_most_four_names_that_share_half_of_their_letters_are_near() -> None:
    assert _inputs.nearest("abcd", ["abxy"]) == "; the nearest are abxy"
    assert _inputs.nearest("abcd", ["axyz"]) == ""
    assert _inputs.nearest("abcd", ["abxy", "abcx", "abyx", "abxz", "abzx"]).count(", ") == 3
