"""Clause 10: the kit evaluates schedulers, and notices what they lose when they stop and go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clr_ref.conformance import runner
from clr_ref.conformance.protocol import COUNTED
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import ClauseVerdict
from tests.meta.schedulers import BUGS, Scheduler, Seeking


def verdicts(make: Callable[..., Any], policy: str, clause: str = "10.") -> Iterator[ClauseVerdict]:
    subject = Local(make)
    options = runner.Options("float64", (policy,), (), 0, 30, "clr-ref conform planted.py:make")
    session = runner.Session(subject, options)
    return (session.verdict(item) for item in runner.items(options, subject.capabilities) if item.clause.startswith(clause))


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_a_right_scheduler_holds(policy: str) -> None:
    found = list(verdicts(Scheduler, policy))
    assert [verdict.status for verdict in found] == ["holds"] * 7
    assert all(verdict.examples for verdict in found)


def test_a_right_scheduler_holds_as_a_schedule_too() -> None:
    subject = Local(Scheduler)
    options = runner.Options("float64", ("triangular2",), (), 0, 20, "clr-ref conform planted.py:make")
    report = runner.make_report("planted", subject, options, runner.run_checks(subject, options))
    assert report.kind == "scheduler"
    assert report.holds, [str(verdict.finding) for verdict in report.verdicts if verdict.fails]
    # Where it cannot be evaluated, a verdict with a reason says so.
    far = {verdict.name: verdict for verdict in report.verdicts if verdict.status == "not asked"}
    assert {"near-2**24", "near-2**31", "near-2**53", "takes any step", "cycles-1024-1026"} <= set(far)
    assert all(verdict.reason for verdict in far.values())


def test_one_that_can_seek_is_evaluated_at_far_steps() -> None:
    assert Local(Scheduler).capabilities.reach == COUNTED
    found = list(verdicts(Seeking, "triangular2", "1.5"))
    assert [verdict.status for verdict in found if verdict.name != "refuses what is no step"] == ["holds"] * 4


@pytest.mark.parametrize("make", BUGS, ids=lambda make: make.__name__)
def test_bug_is_caught_in_few_digits(make: Callable[..., Any]) -> None:
    policy = "triangular2" if "Scale" in make.__name__ else "triangular"
    wrong = next(verdict for verdict in verdicts(make, policy) if verdict.fails)
    assert wrong.clause == BUGS[make], str(wrong)
    finding = wrong.finding
    assert finding is not None
    if wrong.clause in ("10.2", "10.3", "10.4"):
        assert "load_state_dict(state)" in str(finding)
    config = finding.config
    assert config.initial_learning_rate in (0.0, 0.125, 1.0, 0.1)
    assert config.maximal_learning_rate in (0.0, 0.125, 1.0, 0.1)
    assert config.step_size <= 3
    assert finding.step <= 5
