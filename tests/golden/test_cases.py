"""Every kind of damage to cases.json is found, and named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.cases import parse_case
from tests.golden import synthetic
from tests.golden.damaged import edited_cases
from tests.golden.synthetic import SECOND


def test_unknown_field_of_the_cases(folder: Path) -> None:
    assert edited_cases(folder, lambda data: data.update(author="x")) == "cases.json: unknown field 'author'"


def test_unknown_field_of_a_case(folder: Path) -> None:
    assert "unknown field 'tolerance'" in edited_cases(folder, lambda data: data["cases"][1].update(tolerance=1e-6))


def test_unknown_input(folder: Path) -> None:
    """A gamma that the policy does not use is a mistake, not an extra."""
    gamma = {"decimal": 0.5, "hex": "0x1p-1"}
    assert "unknown field 'gamma'" in edited_cases(folder, lambda data: data["cases"][0]["inputs"].update(gamma=gamma))


@pytest.mark.parametrize("field", ["id", "class", "inputs", "steps", "traced_steps", "note", "flags"])
def test_missing_field_of_a_case(folder: Path, field: str) -> None:
    assert f"missing field {field!r}" in edited_cases(folder, lambda data: data["cases"][0].pop(field))


@pytest.mark.parametrize("field", ["format", "digest_steps", "flags", "cases"])
def test_missing_field_of_the_cases(folder: Path, field: str) -> None:
    assert f"missing field {field!r}" in edited_cases(folder, lambda data: data.pop(field))


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_wrong_format_number_of_the_cases(folder: Path, number: object) -> None:
    assert edited_cases(folder, lambda data: data.update(format=number)) == f"cases.json: format must be 1, got {number!r}"


@pytest.mark.parametrize("note", ["", None, 3])
def test_note_that_is_missing(folder: Path, note: object) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(note=note))
    required = "a text" if not isinstance(note, str) else "a text that is not empty"
    assert found == f"cases.json: cases: triangular-2: note must be {required}, got {note!r}"


def test_unknown_flag(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0]["flags"].append("novel"))
    assert found == "cases.json: case triangular-2: unknown flags ['novel']; known are ['base', 'pow']"


@pytest.mark.parametrize("steps", [[[7, 9], [0, 5]], [[5, 0]], [[3, 3]], [[0, 5], [4, 9]]], ids=lambda steps: str(steps))
def test_steps_that_do_not_ascend(folder: Path, steps: list[list[int]]) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=steps))
    assert found.startswith("cases.json: case triangular-2: steps must be ascending ranges")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([[-1, 2]], ": 0: 0 must be a whole number from 0 to 9223372036854775808, got -1"),
        ([], " must be a list that is not empty"),
    ],
)
def test_steps_that_are_none(folder: Path, steps: list[list[int]], message: str) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=steps))
    assert found.startswith(f"cases.json: cases: triangular-2: steps{message}")


def test_steps_without_end(folder: Path) -> None:
    """One digit more must not make the check of a store take all memory."""
    found = edited_cases(folder, lambda data: data["cases"][0].update(steps=[[0, 2**62]]))
    assert found == f"cases.json: case triangular-2: steps must be at most 1,000,000, got [[0, {2**62}]]"


def test_two_cases_of_one_id(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"].append(data["cases"][0]))
    assert found == "cases.json: two cases have one id"


@pytest.mark.parametrize(
    ("field", "value"),
    [("policy", "triangular3"), ("call", "vector"), ("dtype", "float16"), ("scale_mode", "cycles"), ("steps", [["a", "b"]])],
)
def test_value_that_a_field_does_not_take(folder: Path, field: str, value: object) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0].update({field: value}))
    assert found.startswith("cases.json: ")


@pytest.mark.parametrize("text", ["0x1.a36e2eb1c432dp-15", "0x1.a36e2eb1c432ep-14", "0x1p+99999", "nothing"])
def test_input_whose_hex_is_not_its_decimal(folder: Path, text: str) -> None:
    found = edited_cases(folder, lambda data: data["cases"][0]["inputs"]["initial_learning_rate"].update(hex=text))
    assert found.startswith("cases.json: ")


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "8"])
def test_digest_steps_that_are_no_count(folder: Path, number: object) -> None:
    assert "digest_steps must be a whole number" in edited_cases(folder, lambda data: data.update(digest_steps=number))


@pytest.mark.parametrize("steps", ["[[0, Infinity]]", "[[NaN, 2]]", "[[0, 1e99]]"])
def test_steps_that_are_no_numbers(folder: Path, steps: str) -> None:
    path = folder / "cases.json"
    synthetic.edit(path, lambda data: data["cases"][0].update(steps="HERE"))
    path.write_text(path.read_text().replace('"HERE"', steps))
    synthetic.renew_sums(folder)
    assert golden.problems(folder)[0].startswith("cases.json: ")


@pytest.mark.parametrize("name", ["cases.json", f"records/{SECOND}.json"])
def test_key_that_stands_twice(folder: Path, name: str) -> None:
    """JSON readers take the last one and say nothing; a reviewer may have read the first."""
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace('"format": 1,', '"format": 1, "format": 1,'))
    synthetic.renew_sums(folder)
    found = golden.problems(folder)
    assert found[0].startswith(f"{name}: a key stands twice: format")


@pytest.mark.parametrize("name", ["cases.json", f"records/{SECOND}.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_file_that_is_no_object(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    synthetic.renew_sums(folder)
    assert golden.problems(folder)


def test_a_case_has_a_million_steps_at_most() -> None:
    for steps, message in (
        ([[0, 500_000], [500_000, 1_000_000]], ""),
        ([[0, 500_000], [500_000, 1_000_001]], "steps must be at most 1,000,000, got [[0, 500000], [500000, 1000001]]"),
        ([[3, 3]], "steps must be ascending ranges [start, stop), got [[3, 3]]"),
        ([[2, 4], [3, 5]], "steps must be ascending ranges [start, stop), got [[2, 4], [3, 5]]"),
    ):
        data = synthetic.case("a", "TriangularCyclicalLearningRate", "triangular", 2, steps)
        if message:
            with pytest.raises(ValueError, match=f"^case a: {re.escape(message)}$"):
                parse_case(data, {})
        else:
            assert len(parse_case(data, {}).steps) == 1_000_000


def test_flags_of_a_case_are_known() -> None:
    data = synthetic.case("a", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 1]], ["z", "b", "y"])
    with pytest.raises(ValueError, match=re.escape("case a: unknown flags ['y', 'z']; known are ['b', 'c']")):
        parse_case(data, {"c": "", "b": ""})
