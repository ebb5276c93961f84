"""The export of a range test."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from clr_ref._files import replacing
from clr_ref.range_test import RangeTest, Suggestion, rates, smoothed, suggest

LOSSES = [2.5, 0.1, float("inf")]
FOUND = RangeTest(
    rates=rates(1e-4, 0.1, 3),
    losses=np.array(LOSSES),
    smoothed=smoothed(LOSSES),
    sweep="exponential",
    steps=3,
    smoothing=0.9,
    stopped="it was inf",
    suggestion=Suggestion(1e-4, None, "why"),
)


def test_csv_reads_back_in_bits(tmp_path: Path) -> None:
    FOUND.to_csv(tmp_path / "found.csv")
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [0, 1, 2]
    for column in ("learning_rate", "learning_rate_hex"):
        read = float.fromhex if column.endswith("hex") else float
        assert np.array([read(row[column]) for row in rows], np.float32).tobytes() == FOUND.rates.tobytes()
    assert [float(row["loss"]) for row in rows] == LOSSES
    assert [float(row["smoothed_loss"]) for row in rows] == FOUND.smoothed.tolist()


def test_the_csv_has_a_line_for_each_update(tmp_path: Path) -> None:
    FOUND.to_csv(tmp_path / "found.csv")
    head, first, *others = (tmp_path / "found.csv").read_text().split("\n")
    assert head == "step,learning_rate,learning_rate_hex,loss,smoothed_loss"
    assert first == f"0,0.0001,{float(np.float32(1e-4)).hex()},2.5,2.5"
    assert len(others) == 3
    assert others[-1] == ""


def test_a_result_cannot_be_changed_and_equals_itself_alone() -> None:
    """Arrays have no one answer to whether they are equal."""
    for found, name in ((FOUND, "steps"), (FOUND.suggestion, "reason")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(found, name, None)
    assert dataclasses.replace(FOUND) != FOUND
    assert FOUND.suggestion == dataclasses.replace(FOUND.suggestion)


def test_json_reads_back_and_is_strict(tmp_path: Path) -> None:
    text = FOUND.to_json(tmp_path / "found.json")
    document = json.loads((tmp_path / "found.json").read_text(), parse_constant=pytest.fail)
    assert document == json.loads(text)
    assert [float.fromhex(rate) for rate in document["rates"]] == FOUND.rates.tolist()
    assert [float(loss) for loss in document["losses"]] == LOSSES
    assert document["suggestion"] == {"initial_learning_rate": 1e-4, "maximal_learning_rate": None, "reason": "why"}
    assert document["stopped"] == "it was inf"
    assert (document["sweep"], document["steps"], document["smoothing"]) == ("exponential", 3, 0.9)
    assert document["smoothed"][-1] == "inf"
    assert text.startswith('{\n "sweep": "exponential",\n')
    assert FOUND.to_json() == text
    assert (tmp_path / "found.json").read_text() == f"{text}\n"


def test_no_json_is_written_that_is_none() -> None:
    assert json.loads(dataclasses.replace(FOUND, smoothing=float("nan")).to_json())["smoothing"] == "nan"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "found.csv"
    target.write_text("old")

    def fails(partial: Path) -> None:
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), replacing(target) as beside:
        fails(beside)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_page_has_the_suggestion_its_reason_and_every_update(tmp_path: Path) -> None:
    steps = 40
    curve = np.concatenate([np.full(10, 2.0), np.linspace(2.0, 0.5, 20), np.full(9, 0.5), [np.inf]])
    swept, linear = rates(1e-4, 10.0, steps), rates(0.0, 1.0, steps, "linear")
    for found in (
        RangeTest(swept, curve, smoothed(curve), "exponential", steps, 0.9, "it is <inf>", suggest(swept, curve)),
        RangeTest(linear, curve, smoothed(curve), "linear", steps, 0.0, None, Suggestion(None, 0.5, "why")),
    ):
        found.to_html(tmp_path / "found.html")
        page = (tmp_path / "found.html").read_text("utf-8")
        bounds = [found.suggestion.initial_learning_rate, found.suggestion.maximal_learning_rate]
        assert page.count("<tr>") == 1 + steps
        assert found.suggestion.reason in page
        assert page.count('class="line exact"') == 1
        assert page.count('<line class="mark') == sum(rate is not None for rate in bounds)
        assert ("No initial learning rate is suggested." in page) is (bounds[0] is None)
        assert "<inf>" not in page
    FOUND.to_html(tmp_path / "found.html")
    assert "There are too few finite losses for a curve." in (tmp_path / "found.html").read_text("utf-8")
