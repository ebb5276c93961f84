"""Clauses 10.7 and 10.8: the kit checks the momentum of schedulers that cycle it, and notices each planted bug."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clr_ref.conformance import runner
from clr_ref.conformance.checks import ALL
from clr_ref.conformance.config import POLICY_NAMES
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import ClauseVerdict
from tests.meta import schedulers

#: The checks of momentum, by their clause.
CHECKS = {check.name: check.clause for check in ALL if check.clause in ("10.7", "10.8")}


class Cycled(schedulers.Scheduler):
    """Right: the momentum is max_momentum - (max_momentum - base_momentum) height scale, as PyTorch computes it."""

    def __init__(
        self,
        policy: str,
        *,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        gamma: float = 1.0,
        base_momentum: float | None = None,
        max_momentum: float | None = None,
    ) -> None:
        assert (base_momentum is None) == (max_momentum is None)
        self.base, self.most = base_momentum or 0.0, max_momentum or 0.0
        super().__init__(
            policy,
            initial_learning_rate=initial_learning_rate,
            maximal_learning_rate=maximal_learning_rate,
            step_size=step_size,
            gamma=gamma,
        )
        self.current = self.momentum(0)

    def factor(self, step: int) -> float:
        """Height times scale."""
        cycle = 1 + step // (2 * self.size)
        return max(0.0, 1 - abs(step / self.size - 2 * cycle + 1)) * self.scale(int(cycle), step)

    def momentum(self, step: int) -> float:
        return self.most - (self.most - self.base) * self.factor(step)

    def step(self) -> None:
        super().step()
        self.current = self.momentum(self.count)

    def get_last_momentum(self) -> list[float]:
        return [self.current]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.current = self.momentum(self.count)

    def applied_momentum(self, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            found.append(self.current)
            self.step()
        return found


class InPhase(Cycled):
    """The momentum rises with the rate."""

    def momentum(self, step: int) -> float:
        return self.base + (self.most - self.base) * self.factor(step)


class SwapsItsMomentums(Cycled):
    """Every factory argument in the place of the other: from base_momentum up to max_momentum."""

    def momentum(self, step: int) -> float:
        return self.base - (self.base - self.most) * self.factor(step)


class OneStepLate(Cycled):
    def momentum(self, step: int) -> float:
        return super().momentum(max(step - 1, 0))


class KeepsItsSwing(Cycled):
    """The swing of the momentum does not halve with that of the rate."""

    def scale(self, cycle: int, step: int) -> float:
        return 1.0

    def rate(self, step: int) -> float:
        cycle = 1 + step // (2 * self.size)
        height = max(0.0, 1 - abs(step / self.size - 2 * cycle + 1))
        return self.initial + (self.maximal - self.initial) * height * super().scale(int(cycle), step)


class ScalesTheWhole(Cycled):
    """The scale multiplies the whole momentum, and not only its swing."""

    def momentum(self, step: int) -> float:
        scale = self.scale(int(1 + step // (2 * self.size)), step)
        return super().momentum(step) if scale == 1 else self.most * scale


class NeverReachesItsBase(Cycled):
    def momentum(self, step: int) -> float:
        return max(super().momentum(step), self.base + 1e-3)


class ForgetsItsMomentum(Cycled):
    """load_state_dict restores the rate; the momentum stays until the next step."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        schedulers.Scheduler.load_state_dict(self, state)


class LosesItsMomentumInPickle(Cycled):
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, current=state["most"])


class AddsToItsCount(Cycled):
    """Loads the momentum of a step counted on from that at which it stood."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        before = self.count
        super().load_state_dict(state)
        self.current = self.momentum(before + self.count)


class NeverApplies(Cycled):
    """Reported, while the optimizer keeps the first one."""

    def applied_momentum(self, steps: int) -> list[float]:
        return [self.most] * steps


class AppliesTheNext(Cycled):
    def applied_momentum(self, steps: int) -> list[float]:
        return super().applied_momentum(steps + 1)[1:]


class CannotReport(Cycled):
    def get_last_momentum(self) -> list[float]:
        raise AttributeError("no momentum")


MOVES, TURNS = "moves its momentum against the rate", "turns its momentum at ends and peaks"
RESUMES, APPLIES = "resumes with its momentum", "applies the momentum that it reports"
#: Each with a policy, and with the checks of momentum that fail.
BUGS: dict[Callable[..., Any], tuple[str, set[str]]] = {
    InPhase: ("triangular", {MOVES, TURNS}),
    SwapsItsMomentums: ("exp_range", {MOVES, TURNS}),
    OneStepLate: ("triangular", {MOVES, TURNS}),
    KeepsItsSwing: ("triangular2", {MOVES}),
    ScalesTheWhole: ("triangular2", {MOVES, TURNS}),
    NeverReachesItsBase: ("triangular", {MOVES, TURNS}),
    ForgetsItsMomentum: ("triangular", {RESUMES}),
    LosesItsMomentumInPickle: ("triangular2", {RESUMES}),
    AddsToItsCount: ("exp_range", {RESUMES}),
    NeverApplies: ("triangular", {APPLIES}),
    AppliesTheNext: ("triangular2", {APPLIES}),
    CannotReport: ("triangular", {MOVES, TURNS, RESUMES, APPLIES}),
}


def verdicts(make: Callable[..., Any], policy: str) -> dict[str, ClauseVerdict]:
    """The verdicts of all checks of schedulers, at half of the defaults of the kit."""
    subject = Local(make)
    options = runner.Options("float64", (policy,), (), 0, 30, "clr-ref conform planted.py:make")
    session = runner.Session(subject, options)
    items = runner.items(options, subject.capabilities)
    return {item.name: session.verdict(item) for item in items if item.clause.startswith("10.")}


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_a_right_scheduler_holds(policy: str) -> None:
    found = verdicts(Cycled, policy)
    assert found.keys() > CHECKS.keys() == {MOVES, TURNS, RESUMES, APPLIES}
    assert {verdict.status for verdict in found.values()} == {"holds"}
    assert min(verdict.examples for verdict in found.values()) >= 15


@pytest.mark.parametrize("make", BUGS, ids=lambda make: make.__name__)
def test_a_planted_bug_is_caught(make: Callable[..., Any]) -> None:
    """By the checks of momentum alone, in few digits, with the momentums in the call."""
    policy, expected = BUGS[make]
    failed = {name: verdict for name, verdict in verdicts(make, policy).items() if verdict.fails}
    assert failed.keys() == expected
    for verdict in failed.values():
        finding = verdict.finding
        assert finding is not None
        assert "momentum" in finding.words
        assert finding.config.step_size <= 4
        assert finding.step <= 20
        assert "base_momentum=0.5, max_momentum=1.0)" in str(finding)


def test_the_failure_says_which_momentum_was_expected() -> None:
    finding = verdicts(InPhase, "triangular")[MOVES].finding
    assert finding is not None
    assert finding.words == "momentum: expected 1 (0x1p+0), got 0.5 (0x1p-1)"


def test_a_schedule_and_a_factory_without_both_arguments_are_not_tried() -> None:
    assert verdicts(schedulers.Scheduler, "triangular").keys() & CHECKS.keys() == set()

    def of_schedules(policy: str, *, base_momentum: Any = None, max_momentum: Any = None, **arguments: Any) -> Any:
        return lambda step: 0.0

    assert verdicts(of_schedules, "triangular") == {}


def test_without_applied_momentum_only_the_report_is_tried() -> None:
    class Reports(Cycled):
        applied_momentum = None  # type: ignore[assignment]

    assert verdicts(Reports, "triangular").keys() & CHECKS.keys() == {MOVES, TURNS, RESUMES}
