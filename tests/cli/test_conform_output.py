"""The lines that ``clr-ref conform`` prints for an invented report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clr_ref.cli.conform import _show

FAILED = {"status": "fails", "fails": True, "quote": "A rate is right", "reason": "", "finding": "step 3 is wrong"}


class Verdict(SimpleNamespace):
    def __str__(self) -> str:
        return f"{self.policy} {self.clause} {self.name} {self.status}"


def verdict(policy: str, number: int, status: str = "holds", **more: Any) -> Verdict:
    settings = {"fails": False, "part": "clause", "reason": "", "quote": "", "finding": None, **more}
    return Verdict(policy=policy, clause=f"1.{number}", name=f"check {number}", **{"status": status, **settings})


def line(policy: str, semantics: str, *notes: str, reason: str = "") -> Any:
    accuracy = "as the textbook formula"
    return SimpleNamespace(policy=policy, semantics=semantics, reason=reason, accuracy=accuracy, notes=lambda: notes)


def report(verdicts: list[Verdict], *lines: Any) -> Any:
    return SimpleNamespace(
        implementation="a.py:make",
        kind="schedule",
        dtype="float64",
        verdicts=verdicts,
        policies=lambda: lines,
        holds=not any(one.fails for one in verdicts),
        outcome="does not conform",
    )


def test_one_that_holds(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = [
        verdict("triangular", 1),
        verdict("triangular", 2, "not asked"),
        verdict("triangular", 3, "excused", reason="a known bug"),
        verdict("triangular", 4, part="accuracy"),
        verdict("triangular2", 1, "skipped", reason="slow"),
        verdict("triangular2", 2),
        verdict("exp_range", 1, "not offered"),
    ]
    policies = (
        line("triangular", "holds", "input checks: none", "resumes"),
        line("triangular2", "holds"),
        line("exp_range", "not offered", reason="no exp_range here"),
    )
    _show(report(verdicts, *policies))
    assert capsys.readouterr().out.splitlines() == [
        "a.py:make: a schedule, judged in float64",
        "triangular   holds    1 of 2 clauses and cases hold; as the textbook formula",
        "             input checks: none",
        "             resumes",
        "triangular2  holds    1 of 2 clauses and cases hold; as the textbook formula",
        "exp_range    not offered: no exp_range here",
        "triangular 1.3 check 3 excused: a known bug",
        "triangular2 1.1 check 1 skipped: slow",
        "all hold",
    ]


def test_the_first_three_failures_of_each_policy_are_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [verdict("triangular", number, **FAILED) for number in range(5)]
    wrong[1].quote, wrong[1].finding, wrong[1].reason = "", None, "it crashed"
    other = [verdict("exp_range", number, **FAILED) for number in range(3)]
    _show(report([*wrong, *other], line("triangular", "fails"), line("exp_range", "fails")))

    def full(policy: str, number: int) -> list[str]:
        return ["", f'{policy} FAILS 1.{number} check {number}: "A rate is right"', "step 3 is wrong"]

    assert capsys.readouterr().out.splitlines() == [
        "a.py:make: a schedule, judged in float64",
        "triangular   FAILS    0 of 5 clauses and cases hold; as the textbook formula",
        "exp_range    FAILS    0 of 3 clauses and cases hold; as the textbook formula",
        *full("triangular", 0),
        *("", "triangular FAILS 1.1 check 1", "it crashed"),
        *full("triangular", 2),
        *(text for number in range(3) for text in full("exp_range", number)),
        "",
        "triangular: 2 more fail: 1.3 check 3, 1.4 check 4",
        "",
        "it does not conform",
    ]


def test_in_a_terminal_of_40_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    _show(report([verdict("triangular", 1)], line("triangular", "holds", "input checks: none of the tests that there are")))
    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "triangular   holds    1 of 1 clauses and",
        "             cases hold; as the textbook",
        "             formula",
        "             input checks: none of the",
        "               tests that there are",
    ]


@pytest.mark.parametrize("status", ["excused", "holds", "not asked", "skipped", "unexpected"])
def test_the_status_of_a_policy(status: str, capsys: pytest.CaptureFixture[str]) -> None:
    _show(report([verdict("triangular", 1)], line("triangular", status, reason="unseen")))
    first = capsys.readouterr().out.splitlines()[1]
    assert first == f"triangular   {status:7}  1 of 1 clauses and cases hold; as the textbook formula"
