"""The curves of an implementation around its first wrong steps."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from clr_ref.conformance import report_html
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.curves import POINTS, around, curves
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import ClauseVerdict, ConformanceReport, Finding


def finding(step: int, step_size: float = 4) -> Finding:
    return Finding(Config("triangular", 0.0, 1.0, step_size), step, "", "", None, "clr-ref conform x:make")


def failing(found: Finding) -> ClauseVerdict:
    return ClauseVerdict("triangular", "clause", "2.1", "follows the formula", "", "fails", finding=found)


def subject(rate: Callable[[int], Any]) -> Local:
    return Local(lambda policy, **_: rate)


@pytest.mark.parametrize("step", [0, 5, 10**6, MAX_STEP])
@pytest.mark.parametrize("step_size", [0.01, 4, 937, 1e15, 1e18])
def test_the_window_holds_the_wrong_step_and_few_others(step: int, step_size: float) -> None:
    steps = around(finding(step, step_size))
    assert step in steps
    assert steps == tuple(sorted(set(steps)))
    assert 0 <= steps[0] <= steps[-1] <= MAX_STEP
    assert 5 <= len(steps) <= POINTS + 2


def test_what_raises_or_is_infinite_is_a_gap() -> None:
    def rate(step: int) -> float:
        if step == 7:
            raise ValueError("no")
        return {5: math.inf, 6: math.nan}.get(step, 0.5)

    (curve,) = curves(subject(rate), [failing(finding(3))])
    known = dict(zip(curve.steps, curve.rates, strict=True))
    assert [known[step] for step in range(8)] == [0.5] * 5 + [None] * 3
    assert all(value is None for step, value in known.items() if step > 7)  # what raised is not used again


def test_the_first_failure_of_a_policy_is_drawn_and_nothing_else() -> None:
    holds = ClauseVerdict("triangular2", "clause", "2.1", "x", "", "holds")
    without = ClauseVerdict("exp_range", "exceptions", "", "x", "", "fails")
    given = [holds, without, failing(finding(1)), failing(finding(2)), failing(finding(0, step_size=-1))]
    assert [(curve.policy, curve.step) for curve in curves(subject(lambda step: 0.0), given)] == [("triangular", 1)]
    assert list(curves(subject(lambda step: 0.0), [failing(finding(0, step_size=0))])) == []


def test_a_wrong_momentum_is_not_drawn_as_rates() -> None:
    cycled = dataclasses.replace(finding(1).config, base_momentum=0.5, max_momentum=1.0)
    given = [failing(dataclasses.replace(finding(1), config=cycled)), failing(finding(2))]
    assert [curve.step for curve in curves(subject(lambda step: 0.0), given)] == [2]


def test_what_cannot_be_imported_again_has_no_curve() -> None:
    broken = subject(lambda step: 0.0)

    def evaluate(request: Any) -> Any:
        raise LoadError("gone")

    broken.evaluate = evaluate  # type: ignore[method-assign]
    assert list(curves(broken, [failing(finding(1))])) == []


@pytest.mark.parametrize(
    ("rate", "drawn", "cut"),
    [
        (lambda step: 0.5, True, False),
        (lambda step: 1e30, True, True),
        (lambda step: -math.inf, False, False),
        (lambda step: 1 // 0, False, False),
    ],
)
def test_any_curve_can_be_drawn(rate: Callable[[int], Any], drawn: bool, cut: bool) -> None:
    verdict = failing(finding(3))
    report = ConformanceReport("x:make", "schedule", "float64", 0, 1, (verdict,), tuple(curves(subject(rate), [verdict])))
    page = report_html.page(report)
    assert 'class="line exact"' in page
    assert ('class="line own"' in page) is drawn
    assert ("Rates beyond the edge are drawn on it" in page) is cut
    numbers = re.findall(r'(?:points|[xy][12]?|c[xy])="([^"]*)"', page)
    assert all(-1 <= float(number) <= 1000 for text in numbers for number in text.replace(",", " ").split())


def test_the_curves_are_not_in_the_json() -> None:
    verdict = failing(finding(3))
    report = ConformanceReport("x:make", "schedule", "float64", 0, 1, (verdict,))
    drawn = dataclasses.replace(report, curves=tuple(curves(subject(lambda step: 0.5), [verdict])))
    assert drawn.to_data() == report.to_data()
    assert "curves" not in drawn.to_data()


@pytest.mark.parametrize(
    ("size", "step", "steps"),
    [
        (4, 100, list(range(92, 109))),
        (4, 3, list(range(12))),
        (1, 10, list(range(6, 15))),  # a cycle of 2 steps: four are drawn at least
        (60, 200, sorted({200, *range(80, 321, 2)})),
        (60, 201, sorted({201, *range(81, 322, 2)})),
        (61, 200, sorted({200, *range(78, 323, 3)})),
    ],
)
def test_the_steps_of_a_curve(size: int, step: int, steps: list[int]) -> None:
    found = finding(step, size)
    assert list(around(found)) == steps
    assert list(around(found, reach=step)) == [one for one in steps if one <= step]
