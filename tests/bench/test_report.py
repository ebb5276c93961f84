"""Reports as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from clr_ref.bench.report import Report
from clr_ref.bench.train_steps import Overhead
from tests.bench.conftest import report


def test_a_report_survives_json() -> None:
    full = dataclasses.replace(report(key=3.0), machine={"python": "3"}, missing={"x": "y"}, harness={"z": 1.5})
    full = dataclasses.replace(full, training=(Overhead("TFA", "function", 1e-3, 1e-6, 0.0, 2e-6),))
    assert Report.from_json(full.to_json()) == full


@pytest.mark.parametrize(
    "change", [("", None), ("[]", None), ("{}", None), ('"format": 1', '"format": 2'), ('"size"', '"sizes"')]
)
def test_other_json_is_refused(change: tuple[str, str | None]) -> None:
    old, new = change
    text = old if new is None else report(key=3.0).to_json().replace(old, new)
    with pytest.raises(ValueError, match=r"not a report of clr-ref bench"):
        Report.from_json(text)


def test_the_stored_report_can_be_read_and_is_written_back_to_the_byte() -> None:
    path = Path(__file__).parents[2] / "docs" / "benchmarks.json"
    assert Report.from_json(path.read_text("utf-8")).to_json() == path.read_text("utf-8")
