"""The check of a form: each keyword at its limits, and the messages."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from clr_ref.golden.form import check


def problem(data: Any, form: Any) -> str:
    try:
        check(data, form)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("form", "right", "wrong", "words"),
    [
        ({"const": 1}, [1], [True, 1.0, "1", None], "1"),
        ({"enum": ["a", "b"]}, ["a", "b"], ["c", 1, None, ["a"]], "'a' or 'b'"),
        ({"type": "boolean"}, [True, False], [0, "x", None], "true or false"),
        ({"type": "integer"}, [0, -5], [True, 1.5, "1"], "a whole number"),
        ({"type": "number"}, [0, 1.5, sys.float_info.max, -sys.float_info.max], [True, "1"], "a number"),
        ({"type": "number"}, [], [10**309, -(10**309), float("inf")], "a number of float64"),
        ({"type": "integer", "minimum": 2}, [2, 3], [1, -2], "a whole number from 2"),
        ({"type": "integer", "minimum": 2, "maximum": 4}, [2, 4], [1, 5], "a whole number from 2 to 4"),
        ({"type": "string"}, ["", "x"], [1, None], "a text"),
        ({"type": "string", "minLength": 1}, ["x"], [""], "a text that is not empty"),
        ({"type": "string", "pattern": "a+", "description": "letters a"}, ["a", "aaa"], ["", "ab", "ba", "a\n"], "letters a"),
        ({"type": "array", "items": {}}, [[], [1, "x"]], [{}, "x"], "a list"),
        ({"type": "array", "items": {}, "minItems": 1}, [[0]], [[]], "a list that is not empty"),
        ({"type": "array", "items": {}, "minItems": 2, "maxItems": 2}, [[0, 0]], [[0], [0, 0, 0]], "a list of 2"),
        (
            {"type": "array", "items": {}, "uniqueItems": True},
            [[], [1, 2, "1"]],
            [[1, 1], [1, 2, 1]],
            "a list without repetitions",
        ),
        ({"type": "object"}, [{}, {"a": 1}], [[], None], "an object"),
        ({"type": "object", "minProperties": 1}, [{"a": 1}], [{}], "an object that is not empty"),
    ],
    ids=str,
)
def test_a_value_is_what_its_form_requires(form: Any, right: list[Any], wrong: list[Any], words: str) -> None:
    for data in right:
        check(data, form)
    for data in wrong:
        assert problem(data, form).startswith(f"the file must be {words}, got ")


def test_a_long_value_is_cut_to_80_characters_in_the_message() -> None:
    form = {"type": "integer"}
    assert problem("x" * 77, form) == f"the file must be a whole number, got '{'x' * 77}'"
    assert problem("x" * 78, form) == f"the file must be a whole number, got '{'x' * 75} ..."


def test_a_message_has_the_path_to_the_value() -> None:
    form = {"properties": {"a": {"items": {"properties": {"b": {"type": "integer"}, "id": {}}}}, "c": {}}}
    assert problem({"a": [{"b": 1}, {"b": "x"}]}, form) == "a: 1: b must be a whole number, got 'x'"
    assert problem({"a": [{"b": "x", "id": "first"}]}, form) == "a: first: b must be a whole number, got 'x'"


def test_unknown_and_missing_fields_are_named_together() -> None:
    form: Any = {"properties": {"a": {}, "b": {}}, "required": ["a", "b"], "additionalProperties": False}
    assert problem({"b": 1, "z": 1, "y": 2}, form) == "unknown field 'y', unknown field 'z', missing field 'a'"
    inner = {"properties": {"inner": form}}
    assert problem({"inner": {"a": 1}}, inner) == "inner: missing field 'b'"
    check({"a": 1, "b": 2}, form)
    check({"z": 1}, {"properties": {}})
    check({"z": 1}, {"additionalProperties": True})
    assert problem({"z": 1}, {"additionalProperties": {"type": "string"}}) == "z must be a text, got 1"


def test_references_alternatives_and_conditions() -> None:
    root: Any = {
        "$defs": {
            "error": {"properties": {"error": {"type": "string"}, "x": {}}, "required": ["error", "x"]},
            "value": {"properties": {"value": {"type": "integer"}}, "required": ["value"]},
        },
        "oneOf": [{"$ref": "#/$defs/error"}, {"$ref": "#/$defs/value"}],
    }
    check({"error": "x", "x": 1}, root)
    check({"value": 1, "error": 1}, root)  # not all that an error requires
    assert problem({"error": 1, "x": 1, "value": 1}, root) == "error must be a text, got 1"
    assert problem({"error": "x"}, root) == "missing field 'value'"
    check([], root)
    root["$defs"]["flag"] = {"properties": {"flag": {"type": "boolean"}}, "required": ["flag"]}
    root["oneOf"].insert(1, {"$ref": "#/$defs/flag"})
    assert problem({"flag": 1}, root) == "flag must be true or false, got 1"
    check({"value": 1}, root)
    condition = {"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}
    check({"a": 1, "b": 1}, condition)
    check({"a": 2, "c": 1}, condition)
    assert problem({"a": 1, "c": 1}, condition) == "missing field 'b'"
    assert problem({"a": 2, "b": 1}, condition) == "missing field 'c'"
