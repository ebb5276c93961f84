"""Which steps the checks of momentum ask for, and which values they accept; planted bugs are in tests/meta/test_momentum.py."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.checks import Inapplicable, Judge, Wrong, momentum
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.protocol import Request
from clr_ref.conformance.response import Response
from tests.conformance.test_judge import Recorded

CONFIG = Config("triangular", 0.25, 1.0, 4, dtype="float64", base_momentum=0.5, max_momentum=0.75)
HALVING = dataclasses.replace(CONFIG, policy="triangular2")
DECAYING = dataclasses.replace(CONFIG, policy="exp_range", gamma=0.5)


def right(config: Config, step: int) -> Any:
    """The momentum: the rate of the schedule upside down."""
    turned = dataclasses.replace(
        config, initial_learning_rate=config.max_momentum or 0.0, maximal_learning_rate=config.base_momentum or 0.0
    )
    return turned.build()(step)


def asked(check: Any, config: Config, reach: int = MAX_STEP, **needs: int) -> list[Request]:
    subject = Recorded(right, reach, stateful=True)
    check(Judge(subject, config, Level.SEMANTICS), **needs)
    assert {request.quantity for request in subject.requests} == {"momentum"}
    return subject.requests


@pytest.mark.parametrize(
    ("config", "steps"),
    [(CONFIG, (16, 20)), (HALVING, (4, 16)), (DECAYING, (16, 20)), (dataclasses.replace(CONFIG, step_size_down=6), (20, 24))],
    ids=str,
)
def test_the_ends_and_peaks(config: Config, steps: tuple[int, ...]) -> None:
    """At a peak the scale has to be 1: the first of triangular2, and any of exp_range with a gamma of 1."""
    (request,) = asked(momentum.turns_its_momentum_at_ends_and_peaks, config, cycles=2)
    assert request.steps == steps
    assert request.config == dataclasses.replace(config, gamma=1.0)


def test_steps_that_are_not_whole_or_beyond_the_reach_say_nothing() -> None:
    check = momentum.turns_its_momentum_at_ends_and_peaks
    for config, reach in ((dataclasses.replace(CONFIG, step_size=4.5), MAX_STEP), (CONFIG, 19)):
        with pytest.raises(Inapplicable):
            asked(check, config, reach, cycles=2)
    assert asked(check, CONFIG, 20, cycles=2)
    with pytest.raises(Inapplicable):
        asked(momentum.moves_its_momentum_against_the_rate, CONFIG, 9, at=7)
    (request,) = asked(momentum.moves_its_momentum_against_the_rate, CONFIG, 10, at=7)
    assert (request.operation, request.at, request.count) == ("straight", 7, 3)


def test_a_stop_is_tried_in_three_ways_and_what_is_applied_for_a_cycle() -> None:
    requests = asked(momentum.resumes_with_its_momentum, CONFIG, at=3)
    assert [request.operation for request in requests] == ["straight", "resume", "load_into_used", "pickle"]
    assert {(request.at, request.count) for request in requests} == {(3, 10)}
    reported, applied = asked(momentum.applies_the_momentum_that_it_reports, CONFIG, at=3)
    assert (reported.operation, reported.steps) == ("evaluate", tuple(range(13)))
    assert (applied.operation, applied.at, applied.count) == ("applied", 0, 13)


def test_the_slack_is_that_of_a_rate() -> None:
    """A momentum of the float32 formula is accepted, and one that is a thousandth off is not."""
    check = momentum.moves_its_momentum_against_the_rate
    check(Judge(Recorded(lambda config, step: right(config, step) * (1 + 2.0**-24)), CONFIG, Level.SEMANTICS), at=2)
    with pytest.raises(Wrong) as raised:
        check(Judge(Recorded(lambda config, step: right(config, step) * (1 + 1e-3)), CONFIG, Level.SEMANTICS), at=2)
    assert (raised.value.config, raised.value.step) == (CONFIG, 2)
    with pytest.raises(Wrong, match="momentum: why"):
        check(Judge(Recorded(lambda *_: Response("error", "why")), CONFIG, Level.SEMANTICS), at=2)
