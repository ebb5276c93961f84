"""The search stops when nothing simpler fails, and the first wrong step is found, near and far."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clr_ref.conformance import search
from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.checks import Check, Inapplicable, Judge, Outside, Wrong
from clr_ref.conformance.config import POLICY_NAMES, Config
from clr_ref.conformance.regimes import Inputs
from clr_ref.conformance.response import Response
from tests.subjects import OfConfig

#: The rate of step t is t / 2**20 of the way up: all steps below have rates that differ.
LONG = Config("triangular", 0.0, 1.0, 2**20, dtype="float64")


def judge(wrong: Callable[[int], bool], config: Config = LONG, value: float = 2.0) -> Judge:
    """Returns a judge of the reference, which returns another value at those steps that are wrong."""

    def make(given: Config) -> Callable[[int], Any]:
        schedule = given.build()
        return lambda step: value if wrong(step) else schedule(step)

    return Judge(OfConfig(make), config, Level.SEMANTICS)  # type: ignore[arg-type]


# --- The first wrong step ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 3, 100, 4095, 4096])
def test_every_step_to_4096_is_tried(first: int) -> None:
    assert search.first_wrong(judge(lambda step: step == first), 10**6) == (first, f"steps 0 to {first - 1} are right")


def test_the_very_first_step_has_none_before_it() -> None:
    assert search.first_wrong(judge(lambda step: True), 10**6) == (0, "")


@pytest.mark.parametrize("first", [4097, 4098, 9999, 999_999, 10**6])
def test_beyond_bisection_finds_where_rates_become_wrong(first: int) -> None:
    found = search.first_wrong(judge(lambda step: step >= first), 10**6)
    assert found == (first, f"steps 0 to 4096 and step {first - 1} are right")


def test_beyond_a_single_wrong_step_is_not_looked_for() -> None:
    assert search.first_wrong(judge(lambda step: step in (4097, 10**6)), 10**6)[0] == 10**6


@pytest.mark.parametrize("known", [0, 1, 5, 4096, 4097, 10**6])
def test_no_step_after_the_one_that_failed_is_tried(known: int) -> None:
    assert search.first_wrong(judge(lambda step: step > known), known) == (None, "")
    assert search.first_wrong(judge(lambda step: step == known), known)[0] == known


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_rate_that_is_no_number_is_wrong(value: float) -> None:
    assert search.first_wrong(judge(lambda step: step == 3, value=value), 10)[0] == 3


def test_where_an_implementation_cannot_be_evaluated_it_is_not_wrong() -> None:
    declines = judge(lambda step: False)
    declines.subject.evaluate = lambda request: (Response("declined", "no"),) * request.expected  # type: ignore[method-assign]
    assert search.first_wrong(declines, 10) == (None, "")


def test_a_scheduler_counts_once_for_many_steps() -> None:
    asked: list[tuple[int, ...]] = []
    counting = judge(lambda step: step == 3000)
    counting.subject.capabilities = dataclasses.replace(counting.subject.capabilities, stateful=True)
    evaluate = counting.subject.evaluate

    def recorded(request: Any) -> Any:
        asked.append(request.steps)
        return evaluate(request)

    counting.subject.evaluate = recorded  # type: ignore[method-assign]
    assert search.first_wrong(counting, 3000) == (3000, "steps 0 to 2999 are right")
    assert [step for steps in asked for step in steps] == list(range(3001))
    assert sum(steps[-1] for steps in asked) < 3 * 3000, "it counts from 0 to the last of them"
    for value in (math.nan, 2.0):
        counting = judge(lambda step: step in (70, 90), value=value)
        counting.subject.capabilities = dataclasses.replace(counting.subject.capabilities, stateful=True)
        assert search.first_wrong(counting, 100)[0] == 70


# --- The finding -------------------------------------------------------------------------------------------------------------


def explained(found: Judge, step: int, words: str = "expected 1, got 2", given: float | None = None) -> Any:
    return search.explain(found, Wrong(found.config, step, words, given), name="3.1 the name", repeat="clr-ref again")


def test_a_finding_shows_the_first_wrong_rate_and_how_far_it_is_off() -> None:
    config = Config("triangular", 0.0, 1.0, 4, dtype="float64")
    finding = explained(judge(lambda step: step >= 10, config), 12, "expected the rate of step 12")
    assert (finding.config, finding.step, finding.earlier) == (config, 10, "steps 0 to 9 are right")
    assert finding.words == "at step 12: expected the rate of step 12"
    shown = finding.disagreement
    assert (shown.case, shown.policy, shown.tier, shown.step, shown.repeat) == (
        *("3.1 the name", "triangular, float64", "exact", 10),
        "clr-ref again",
    )
    assert (shown.cycle, shown.phase) == (2, 0.5)  # step 10 is half way up in the second cycle of 8 steps
    assert (shown.expected, shown.actual) == ("0.5 (0x1p-1)", "2 (0x1p+1)")
    assert shown.ulp == 2 * 2**52  # from 0.5 to 1, and from 1 to 2
    assert shown.bound.endswith(" absolute, error 1.5")
    (slack,) = [float(word) for word in shown.bound.split()[:1]]
    assert slack == pytest.approx(float(judge(lambda _: False, config).slack(10)), rel=0.01)


def test_words_that_the_rates_repeat_are_left_out() -> None:
    assert explained(judge(lambda step: step == 3), 3).words == ""
    assert explained(judge(lambda step: step == 3), 3, "moves back").words == "at step 3: moves back"


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_rate_has_words_alone(value: float) -> None:
    finding = explained(judge(lambda step: step == 3, value=value), 3)
    assert (finding.step, finding.words, finding.disagreement) == (3, f"returned {value}", None)


def test_rates_that_are_right_by_themselves_have_no_disagreement() -> None:
    finding = explained(judge(lambda step: False), 7, "differs from step 3")
    assert (finding.step, finding.words, finding.earlier, finding.disagreement) == (7, "differs from step 3", "", None)
    assert finding.repeat == "clr-ref again"


def test_what_is_no_step_or_has_no_rates_is_shown_as_it_is() -> None:
    finding = explained(judge(lambda step: True), 0, "returned 2", -1.5)
    assert (finding.step, finding.given, finding.words, finding.disagreement) == (0, -1.5, "returned 2", None)
    refused = Config("triangular", 0.0, 1.0, 0)
    finding = explained(judge(lambda step: True, refused), 5, "returned 2")
    assert (finding.config, finding.step, finding.words, finding.disagreement) == (refused, 5, "returned 2", None)


def test_correct_rounding_has_no_bound_in_numbers() -> None:
    strict = Judge(judge(lambda step: step == 3).subject, LONG, Level.CORRECT)
    assert explained(strict, 3).disagreement.bound == "correctly rounded"


# --- The simplest failure ----------------------------------------------------------------------------------------------------


class Endless:
    """A point with simpler ones without end; ``number`` counts down to it."""

    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def inputs(self) -> Inputs:
        return {"config": LONG, "step": self.number}

    def simpler(self) -> Iterator[Endless]:
        number = self.number
        while True:
            number -= 1
            yield Endless(number)


def searched(body: Callable[[int], None]) -> tuple[Wrong | None, list[int]]:
    calls: list[int] = []

    def checked(judge: Judge, step: int) -> None:
        calls.append(step)
        body(step)

    check = Check(checked, "3.1", "", POLICY_NAMES, "everyday", False)
    return search.search(check, judge(lambda _: False), [Endless(0)]).wrong, calls  # type: ignore[list-item]


def test_a_thousand_inputs_are_tried_for_a_simpler_failure() -> None:
    def body(step: int) -> None:
        if step == 0:
            raise Wrong(LONG, step, "wrong")

    wrong, calls = searched(body)
    assert calls == list(range(0, -1001, -1))
    assert wrong is not None
    assert wrong.step == 0


def test_the_search_goes_on_from_each_simpler_failure() -> None:
    def body(step: int) -> None:
        if step % 3 == 0 and step >= -30:
            raise Wrong(LONG, step, "wrong")
        if step % 3 == 1:
            raise Inapplicable
        if step % 3 == 2 and step < -100:
            raise Outside("elsewhere")

    wrong, calls = searched(body)
    assert wrong is not None
    assert wrong.step == -30
    assert len(calls) == 1001


def test_inputs_are_counted_that_were_tried_and_that_were_outside() -> None:
    def checked(judge: Judge, step: int) -> None:
        if step == 1:
            raise Inapplicable
        if step in (2, 3):
            raise Outside(f"outside {step}")
        if step == 5:
            raise Wrong(LONG, step, "wrong")

    check = Check(checked, "3.1", "", POLICY_NAMES, "everyday", False)
    outcome = search.search(check, judge(lambda _: False), map(Endless, range(9)), shrink=False)  # type: ignore[arg-type]
    assert [inputs["step"] for inputs in outcome.inputs] == [0, 4, 5]
    assert outcome.outside == ("outside 2", "outside 3")
    assert not outcome.holds
    right = search.search(check, judge(lambda _: False), map(Endless, range(5)), shrink=False)  # type: ignore[arg-type]
    assert [inputs["step"] for inputs in right.inputs] == [0, 4]
    assert right.outside == ("outside 2", "outside 3")
    assert right.holds
    nothing = search.search(check, judge(lambda _: False), map(Endless, (1, 2)), shrink=False)  # type: ignore[arg-type]
    assert not nothing.holds
