"""How findings, verdicts and reports are written."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
from typing import Any

import pytest

from clr_ref import conformance
from clr_ref.compare import Disagreement
from clr_ref.conformance.checks.judge import Hung, Wrong
from clr_ref.conformance.config import Config
from clr_ref.conformance.verdict import (
    Accuracy,
    ClauseVerdict,
    ConformanceReport,
    Curve,
    Finding,
    PolicySummary,
    accuracy_words,
)
from clr_ref.conformance.words import of_error, printable

CONFIG = Config("triangular", 0.0, 1.0, 4)
CALL = "make('triangular', initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)"
FINDING = Finding(CONFIG, 10, "returned nan", "steps 0 to 9 are right", None, "clr-ref again")
DISAGREEMENT = Disagreement("c", "triangular", "exact", 10, 2, 0.5, "0.5", "2", 3.0, "correctly rounded", "clr-ref again")


def test_a_finding_in_words() -> None:
    assert str(FINDING).splitlines() == [
        "triangular, float32, step 10 (cycle 2, phase 0.5 of 2)",
        "  returned nan",
        "  steps 0 to 9 are right",
        f"  call: {CALL}(10)",
        "  repeat with: clr-ref again",
    ]


def test_a_finding_of_a_wrong_input_has_no_phase() -> None:
    assert str(dataclasses.replace(FINDING, words="", earlier="", given=-1.5)).splitlines() == [
        "triangular, float32, step -1.5",
        f"  call: {CALL}(-1.5)",
        "  repeat with: clr-ref again",
    ]
    refused = dataclasses.replace(FINDING, config=dataclasses.replace(CONFIG, step_size=math.nan))
    assert str(refused).splitlines()[0] == "triangular, float32, step 10"
    assert refused.call == CALL.replace("step_size=4", "step_size=float('nan')") + "(10)"


def test_a_finding_with_a_wrong_rate_begins_with_it() -> None:
    lines = str(dataclasses.replace(FINDING, disagreement=DISAGREEMENT)).splitlines()
    told = str(DISAGREEMENT).splitlines()
    assert lines[: len(told)] == told
    assert lines[len(told) :] == ["  returned nan", "  steps 0 to 9 are right", f"  call: {CALL}(10)"]


def test_what_ends_a_check_says_where() -> None:
    assert str(Wrong(CONFIG, 3, "is odd")) == f"{CONFIG} at step 3: is odd"
    assert str(Wrong(CONFIG, 3, "is odd", -1)) == f"{CONFIG} at step -1: is odd"
    assert str(Hung(CONFIG, 3, "did not return")) == f"{CONFIG} at step 3: did not return"


def verdict(status: Any = "holds", **more: Any) -> ClauseVerdict:
    return ClauseVerdict(
        **{"policy": "triangular", "part": "clause", "clause": "3.1", "name": "x", "quote": ""} | more, status=status
    )


def report(*verdicts: ClauseVerdict) -> ConformanceReport:
    return ConformanceReport("x:make", "schedule", "float64", 0, 1, verdicts)


GRADED = Accuracy("float64", "as the textbook formula", 1, 3.0, 0.5, None, 0, CONFIG, ())


def test_a_report_in_words() -> None:
    assert str(verdict("skipped")) == "triangular 3.1 x: skipped"
    assert repr(
        report(verdict(), verdict("fails", finding=FINDING), verdict("not asked"), verdict(part="accuracy", accuracy=GRADED))
    ) == (
        "x:make does not conform: a schedule, compared in float64\n"
        "  triangular: fails, 1 of 2 checks and cases hold; as the textbook formula: errors up to 50 % of what its roundings "
        f"can cause; first 3.1 x at step 10: {CALL}(10)"
    )
    assert repr(report(verdict("not offered", reason="not here"), verdict(policy="exp_range", part="case"))) == (
        "x:make conforms: a schedule, compared in float64\n"
        "  triangular: not offered (not here)\n"
        "  exp_range: holds, 1 of 1 checks and cases hold"
    )
    assert repr(report(verdict(), verdict("fails", of_inputs=True, name="y"), verdict("not asked", declined=3, name="z"))) == (
        "x:make is a cyclical learning rate that does not check its inputs: a schedule, compared in float64\n"
        "  triangular: holds, 1 of 2 checks and cases hold; input checks: fails; outside its domain: 3 of 3 inputs; "
        "not judged: 3.1 z; first 3.1 y"
    )


def test_what_is_said_beside_semantics() -> None:
    summary = PolicySummary("triangular", "holds", "g", None, None, "")
    assert summary.notes() == []
    for status, notes in (
        ("fails", ["input checks: fails"]),
        ("holds", []),
        ("not offered", []),
        ("excused", ["input checks: excused"]),
    ):
        assert dataclasses.replace(summary, input_checks=status).notes() == notes  # type: ignore[arg-type]
    assert dataclasses.replace(summary, declined=1000, drawn=2000).notes() == ["outside its domain: 1,000 of 2,000 inputs"]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "some calls return no finite rate"),
        (1.0001, "errors up to 1 times what"),
        (1234.0, "errors up to 1.23e+03 times what"),
        (1e7, "errors up to 1e+06 times what"),
        (math.inf, "some errors are beyond all floats"),
    ],
)
def test_errors_beside_the_bound(share: float, words: str) -> None:
    assert accuracy_words("worse than the textbook formula", share).startswith(f"worse than the textbook formula: {words}")
    assert accuracy_words("not graded", share) == "not graded"
    assert accuracy_words("worse than the textbook formula", None) == "worse than the textbook formula"


def test_the_summary_takes_the_grade_and_the_reason_from_their_verdicts() -> None:
    (summary,) = report(verdict(), verdict(part="accuracy", accuracy=GRADED)).policies()
    assert (summary.grade, summary.worst_ulp, summary.worst_share, summary.reason) == ("as the textbook formula", 3.0, 0.5, "")
    (summary,) = report(verdict("not offered", reason="no")).policies()
    assert (summary.grade, summary.worst_ulp, summary.worst_share, summary.reason) == ("not graded", None, None, "no")
    assert report(verdict("fails", policy="", part="exceptions")).policies() == []


def test_json_holds_everything_except_the_curves() -> None:
    curve = Curve("triangular", CONFIG, 1, (0, 1), (0.0, None))
    data = dataclasses.replace(report(verdict("fails", finding=FINDING)), curves=(curve,)).to_data()
    assert "curves" not in data
    assert (data["holds"], data["implementation"], len(data["policies"])) == (False, "x:make", 1)
    assert data["verdicts"][0]["finding"]["step"] == 10
    assert set(data) == {"holds", "policies", "implementation", "kind", "dtype", "seed", "max_examples", "verdicts"}


def test_a_long_text_is_cut_at_300_characters() -> None:
    assert printable("x" * 300) == "x" * 300
    assert printable("x" * 301) == "x" * 300 + "... (301 characters)"
    assert printable("xyz" * 500, longest=2) == "xy... (1,500 characters)"
    assert printable("a\nb\ud800") == "a\\nb\\ud800"


def test_an_error_has_its_first_line_or_all() -> None:
    error = ValueError("\n one\ntwo ")
    assert of_error(error) == "ValueError: one"
    assert of_error(error, whole=True) == "ValueError: one\ntwo"
    assert of_error(ValueError()) == "ValueError"


def test_what_was_found_cannot_be_changed() -> None:
    for module in pkgutil.iter_modules(conformance.__path__):
        if module.ispkg or module.name == "test_conformance":
            continue
        for one in vars(importlib.import_module(f"clr_ref.conformance.{module.name}")).values():
            if dataclasses.is_dataclass(one) and isinstance(one, type):
                assert one.__dataclass_params__.frozen, one  # type: ignore[attr-defined]
