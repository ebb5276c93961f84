"""Asymmetric cycles in the conformance kit: who is tried with them, planted bugs, and right implementations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from clr_ref import exact
from clr_ref.conformance import runner
from clr_ref.conformance.checks import ASYMMETRIC
from clr_ref.conformance.config import POLICY_NAMES, Config
from clr_ref.conformance.domain import Domain
from clr_ref.conformance.peers import reference
from clr_ref.conformance.subject import Local, Remote
from clr_ref.conformance.verdict import ClauseVerdict

#: The cycle, counted from 1, and the height, from the rise, the fall and the step.
Phase = Callable[[Fraction, Fraction, int], tuple[int, Fraction]]


def right(rise: Fraction, fall: Fraction, step: int) -> tuple[int, Fraction]:
    return exact.phase(rise, step, fall)


def made_of(phase: Phase) -> Callable[..., Any]:
    """Returns a factory of schedules in rational arithmetic."""

    def make(
        policy: str,
        *,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        gamma: float = 1.0,
        step_size_down: float | None = None,
    ) -> Callable[[int], Any]:
        rise = Fraction(step_size)
        fall = rise if step_size_down is None else Fraction(step_size_down)
        low, high = Fraction(initial_learning_rate), Fraction(maximal_learning_rate)

        def rate(step: int) -> Any:
            cycle, height = phase(rise, fall, step)
            scale = {
                "triangular": lambda: Fraction(1),
                "triangular2": lambda: Fraction(1, 2) ** min(cycle - 1, 5000),
                "exp_range": lambda: Fraction(gamma**step),
            }[policy]()
            return exact.round_to(low + (high - low) * height * scale, "float64")

        return rate

    return make


def cycle_of_twice_the_rise(rise: Fraction, fall: Fraction, step: int) -> tuple[int, Fraction]:
    cycle, r = divmod(step, 2 * rise)
    return 1 + cycle, r / rise if r <= rise else max(Fraction(0), 1 - (r - rise) / fall)


def halves_per_half_cycle(rise: Fraction, fall: Fraction, step: int) -> tuple[int, Fraction]:
    cycle, height = right(rise, fall, step)
    # Symmetric cycles are right, so that only the checks of asymmetric ones can notice.
    falls = step - (cycle - 1) * (rise + fall) > rise
    return (2 * cycle - 1 + falls if rise != fall else cycle), height


BUGS: dict[str, Phase] = {
    "up and down swapped": lambda rise, fall, step: right(fall, rise, step),
    "cycle of 2 * step_size": cycle_of_twice_the_rise,
    "cycle of 2 * step_size_down": lambda rise, fall, step: (right(fall, fall, step)[0], right(rise, fall, step)[1]),
    "halves per half cycle": halves_per_half_cycle,
    "step_size_down ignored": lambda rise, fall, step: right(rise, rise, step),
    "both halves of the mean length": lambda rise, fall, step: right((rise + fall) / 2, (rise + fall) / 2, step),
    "step_size_down is the whole cycle": lambda rise, fall, step: right(
        rise, max(fall - rise, Fraction(1)) if fall != rise else fall, step
    ),
    "step_size_down cut to a whole number": lambda rise, fall, step: right(
        rise, Fraction(int(fall)) if fall != rise else fall, step
    ),
}
#: Which checks have to notice, on a policy.
CAUGHT = {
    "up and down swapped": ("triangular", {"rises and falls at two speeds", "peaks at step size"}),
    "cycle of 2 * step_size": ("triangular", {"rises and falls at two speeds", "ends its cycle after the fall"}),
    "cycle of 2 * step_size_down": ("triangular2", {"rises and falls at two speeds", "halves once for each whole cycle"}),
    "halves per half cycle": ("triangular2", {"rises and falls at two speeds", "halves once for each whole cycle"}),
    "step_size_down ignored": ("triangular", {"rises and falls at two speeds", "is not symmetric"}),
    "both halves of the mean length": (
        "triangular",
        {"rises and falls at two speeds", "peaks at step size"},
    ),
    "step_size_down is the whole cycle": ("triangular", {"rises and falls at two speeds", "ends its cycle after the fall"}),
    "step_size_down cut to a whole number": ("exp_range", {"rises and falls at two speeds"}),
}


def verdicts(make: Callable[..., Any], *policies: str, domain: Domain | None = None) -> list[ClauseVerdict]:
    """The verdicts of the checks of asymmetric cycles, at the defaults of the kit."""
    subject = Local(make)
    options = runner.Options("float64", policies or POLICY_NAMES, (), 0, 60, "clr-ref conform planted.py:make")
    options = dataclasses.replace(options, domain=domain) if domain else options
    session = runner.Session(subject, options)
    items = runner.items(options, subject.capabilities)
    return [session.verdict(item) for item in items if item.check in ASYMMETRIC]


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str) -> None:
    policy, expected = CAUGHT[name]
    failed = {verdict.name: verdict for verdict in verdicts(made_of(BUGS[name]), policy) if verdict.fails}
    assert failed.keys() >= expected
    finding = failed["rises and falls at two speeds"].finding
    assert finding is not None
    assert "step_size_down=" in str(finding.config)
    assert finding.step <= 20


def test_it_is_not_caught_without_these_checks() -> None:
    """The other checks try symmetric cycles alone."""
    subject, options = Local(made_of(halves_per_half_cycle)), runner.Options("float64", ("triangular2",), (), 0, 10, "")
    others = [item for item in runner.items(options, subject.capabilities) if item.check not in ASYMMETRIC]
    session = runner.Session(subject, options)
    assert not [v for item in others if item.check and not item.check.of_inputs and (v := session.verdict(item)).fails]


def of_torch(rise: Fraction, fall: Fraction, step: int) -> tuple[int, Fraction]:
    """As PyTorch computes it, in float64: the position in fractions of a cycle."""
    total = float(rise) + float(fall)
    ratio = float(rise) / total
    cycle = math.floor(1 + step / total)
    x = 1.0 + step / total - cycle
    return cycle, Fraction(x / ratio if x <= ratio else (x - 1) / (ratio - 1))


@pytest.mark.parametrize("make", [made_of(right), made_of(of_torch), reference.make, reference.make_float64])
def test_right_implementations_hold(make: Callable[..., Any]) -> None:
    found = verdicts(make)
    assert {verdict.status for verdict in found} == {"holds"}
    assert {verdict.name for verdict in found} == {check.name for check in ASYMMETRIC}
    assert len(found) == sum(len(check.policies) for check in ASYMMETRIC)
    assert min(verdict.examples for verdict in found) >= 15


def test_only_a_factory_with_the_argument_is_tried() -> None:
    def without(policy: str, *, initial_learning_rate: Any, maximal_learning_rate: Any, step_size: Any, gamma: float = 1.0):
        return Config(policy, initial_learning_rate, maximal_learning_rate, step_size, gamma).build()

    def for_others(policy: str, **arguments: Any) -> Any:
        assert "step_size_down" not in arguments
        return without(policy, **arguments)

    assert [Local(make).capabilities.asymmetric for make in (without, for_others, made_of(right))] == [False, False, True]
    for make in (without, for_others):
        assert verdicts(make) == []
    with Remote("clr_ref.conformance.peers.reference:make") as subject:
        assert subject.capabilities.asymmetric


def test_a_domain_of_whole_falls() -> None:
    """Fractional ones are outside; the others are tried."""

    def make(policy: str, *, step_size_down: float | None = None, **arguments: Any) -> Any:
        assert step_size_down is None or isinstance(step_size_down, int)
        return made_of(right)(policy, step_size_down=step_size_down, **arguments)

    (first, *_) = verdicts(make, "triangular", domain=Domain((("step_size_down", "whole"),), "it counts whole steps"))
    assert first.status == "holds"
    assert 20 < first.declined < 40  # half of the kinds of asymmetric cycles
    assert first.examples == 60 - first.declined
