"""Grades are lost by the first rate that is not near enough; a verdict on a policy is the worst of its parts."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.conformance import runner
from clr_ref.conformance.accuracy import Grade, Level, rates
from clr_ref.conformance.config import Config
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Status, accuracy_words

#: One of the everyday schedules whose rates are graded, and steps of it.
EVERYDAY = Config("triangular", 1e-3, 6e-3, 2000, dtype="float64")
STEP = 31


def graded(floats: int) -> ClauseVerdict:
    """The verdict on the accuracy of the reference, but for one rate, which is so many floats too large."""

    def make(policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float) -> Any:
        schedule = clr_ref.triangular(initial_learning_rate, maximal_learning_rate, step_size, dtype="float64")

        def rate(step: int) -> float:
            value = schedule(step)
            if step == STEP and schedule == EVERYDAY.build():
                value += floats * np.spacing(value)
            return float(value)

        return rate

    options = runner.Options("float64", ("triangular",), (), 0, 1, "repeat")
    session = runner.Session(Local(make), options)
    return session.verdict(runner.Item("triangular", "7.1", "accuracy"))


def allowed() -> int:
    """The largest number of floats by which that rate may be too large."""
    expected = rates(EVERYDAY, STEP, Level.FORMULA)
    return next(n - 1 for n in itertools.count(1) if not expected.allows(expected.rounded + n * np.spacing(expected.rounded)))


def test_grades_at_their_limits() -> None:
    most = allowed()
    assert most > 2
    for floats, grade, status in (
        (0, Grade.CORRECT, "holds"),
        (1, Grade.FORMULA, "holds"),
        (most, Grade.FORMULA, "holds"),
        (most + 1, Grade.WORSE, "fails"),
    ):
        verdict = graded(floats)
        assert verdict.accuracy is not None
        assert (verdict.accuracy.grade, verdict.status, verdict.accuracy.worst_ulp) == (grade.value, status, floats)
        assert (verdict.accuracy.worst_share > 1) is (floats > most)
        if floats:
            assert (verdict.accuracy.worst_config, verdict.accuracy.worst_step) == (EVERYDAY, STEP)


def verdict_of(status: Status, **more: Any) -> ClauseVerdict:
    return ClauseVerdict(
        **({"policy": "triangular", "part": "clause", "clause": "3.1", "name": "x", "quote": ""} | more), status=status
    )


def report_of(*verdicts: ClauseVerdict) -> ConformanceReport:
    return ConformanceReport("x:make", "schedule", "float64", 0, 1, verdicts)


@pytest.mark.parametrize(
    ("statuses", "worst", "holds"),
    [
        (("holds", "holds"), "holds", True),
        (("holds", "fails"), "fails", False),
        (("excused", "fails", "holds"), "fails", False),
        (("holds", "excused"), "excused", True),
        (("excused",), "excused", False),
        (("holds", "not offered", "not asked", "skipped"), "holds", True),
        (("not offered", "not asked"), "not offered", False),
        (("not asked", "skipped"), "not asked", False),
    ],
)
def test_semantics_are_the_worst_status(statuses: tuple[Status, ...], worst: Status, holds: bool) -> None:
    for order in itertools.permutations(statuses):
        report = report_of(*map(verdict_of, order))
        (summary,) = report.policies()
        assert (summary.semantics, summary.input_checks) == (worst, "not asked")
        assert report.holds is holds
        assert report.outcome == ("conforms" if holds else "does not conform")


def test_checks_of_inputs_are_summarized_apart() -> None:
    wrong = verdict_of("fails", of_inputs=True)
    report = report_of(verdict_of("holds"), wrong)
    (summary,) = report.policies()
    assert (summary.semantics, summary.input_checks) == ("holds", "fails")
    assert report.only_inputs_fail
    assert not report.holds
    assert not report_of(verdict_of("holds"), wrong, verdict_of("fails")).only_inputs_fail
    assert not report_of(verdict_of("holds"), verdict_of("holds", of_inputs=True)).only_inputs_fail


def test_what_was_declined_is_counted() -> None:
    verdicts = [
        verdict_of("holds", examples=7, declined=2),
        verdict_of("not asked", clause="1.2", name="y", declined=3),
        verdict_of("not asked", name="z"),
        verdict_of("holds", part="accuracy", examples=100, declined=100),
    ]
    (summary,) = report_of(*verdicts).policies()
    assert (summary.declined, summary.drawn, summary.outside) == (5, 12, ("1.2 y",))
    assert summary.grade == "not graded"
    accuracy = Accuracy("float64", "g", 1, 3.0, 0.5, None, 0, EVERYDAY, ())
    (summary,) = report_of(*verdicts, dataclasses.replace(verdicts[3], accuracy=accuracy)).policies()
    assert (summary.grade, summary.worst_ulp) == ("g", 3.0)


@pytest.mark.parametrize(
    ("grade", "share", "words"),
    [
        ("correctly rounded", 0.2, "correctly rounded"),
        ("as the textbook formula", 0.999, "as the textbook formula: errors up to 100 % of what its roundings can cause"),
        (
            "worse than the textbook formula",
            3.14159,
            "worse than the textbook formula: errors up to 3.14 times what",
        ),
        (
            "worse than the textbook formula",
            1e300,
            "worse than the textbook formula: errors up to 1e+06 times what",
        ),
        ("worse than the textbook formula", float("inf"), "worse than the textbook formula: some errors are beyond all floats"),
        ("worse than the textbook formula", 0.04, "worse than the textbook formula: some calls return no finite rate"),
        ("not graded", None, "not graded"),
    ],
)
def test_a_grade_in_words(grade: str, share: float | None, words: str) -> None:
    assert accuracy_words(grade, share).startswith(words)
