"""Reports as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from clr_ref.bench.report import Report
from clr_ref.bench.train_steps import Overhead
from tests.bench.conftest import report


def test_a_report_survives_json() -> None:
    full = dataclasses.replace(report(key=3.0), machine={"python": "3"}, missing={"x": "y"}, harness={"z": 1.5})
    full = dataclasses.replace(full, training=(Overhead("TFA", "function", 1e-3, 1e-6, 0.0, 2e-6),))
    assert Report.from_json(full.to_json()) == full


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "1", '"x"', "NaN", "[" * 10**5, "1" * 10**4, '{"format": 2}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a report of clr-ref bench: [ -~]{1,200}$"):
        Report.from_json(text)


NUMBER = [None, True, "1", [], {}, 10**400, float("nan"), float("inf"), [[]] * 3]


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (("machine",), [None, [], 1, {"python": None}, {"python": ["x"]}, {"cpu": "\ud800"}, {"\x1b": "x"}]),
        (("missing",), [None, [], {"x": 1}, {"x": "a\nb"}]),
        (("harness",), [None, [1], *({"x": number} for number in NUMBER)]),
        (("training",), [None, {}, [1], [{}], [None]]),
        (("figures",), [None, {}, "x", 1, [1], [None], [[]], [{}]]),
        (("figures", 0, "contender"), [None, 1, "", "x" * 101, "$\\x$", "\x1b[31m", "[/red]", "\ud800", ["a"]]),
        (("figures", 0, "size"), [0, -1, 1.5, 2**63, *NUMBER]),
        (("figures", 0, "ratio"), [0, -1.0, *NUMBER]),
        (("figures", 0, "median"), [0, -1e-9, *NUMBER]),
        (("figures", 0, "memory"), [number for number in NUMBER if number is not None]),
        (("figures", 0, "sizes"), [1]),
        (("training", 0, "extra"), NUMBER),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_field_of_another_type_is_named(place: tuple[str | int, ...], values: list[Any]) -> None:
    full = dataclasses.replace(report(key=3.0), training=(Overhead("TFA", "function", 1e-3, 1e-6, 0.0, 2e-6),))
    for value in values:
        document = json.loads(full.to_json())
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        with pytest.raises(ValueError, match=r"^not a report of clr-ref bench: [ -~]{1,200}$") as raised:
            Report.from_json(json.dumps(document))
        assert str(place[-1]) in str(raised.value), value


@pytest.mark.parametrize("field", ["format", "machine", "figures", "missing"])
def test_a_missing_field_is_named(field: str) -> None:
    document = json.loads(report(key=3.0).to_json())
    del document[field]
    with pytest.raises(ValueError, match=f"{field} must be"):
        Report.from_json(json.dumps(document))


def test_fields_that_have_a_default_may_be_missing_and_others_are_ignored() -> None:
    document = json.loads(report(key=3.0).to_json()) | {"holds": True, "changes": []}
    del document["harness"], document["training"], document["figures"][0]["memory"]
    assert Report.from_json(json.dumps(document)) == report(key=3.0)


def test_the_stored_report_can_be_read_and_is_written_back_to_the_byte() -> None:
    path = Path(__file__).parents[2] / "docs" / "benchmarks.json"
    assert Report.from_json(path.read_text("utf-8")).to_json() == path.read_text("utf-8")
