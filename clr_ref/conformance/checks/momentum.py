"""Clauses 10.7 and 10.8 of docs/SPEC.md: schedulers that move the momentum against the rate.

The momentum is the rate of the schedule whose initial rate is ``max_momentum`` and whose maximal rate is ``base_momentum``. So
it is compared with the exact rate of that schedule, within the same slack. These checks are run if ``make`` has arguments for
both momentums.
"""

from __future__ import annotations

from fractions import Fraction

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, suppose, whole
from clr_ref.conformance.checks.relations import same_bits
from clr_ref.conformance.checks.schedulers import continues, reported_and_applied
from clr_ref.conformance.protocol import Request
from clr_ref.conformance.response import Response
from clr_ref.exact import ulp

_FAMILY = "cycled momentum"


@check("10.7", "`max_momentum` takes the place of initial, and `base_momentum` that of maximal", family=_FAMILY)
def moves_its_momentum_against_the_rate(judge: Judge, at: int) -> None:
    request = Request(judge.config, "straight", at=at, count=3, quantity="momentum")
    suppose(at + request.count <= judge.subject.capabilities.reach)
    for step, response in enumerate(judge.evaluate(request), start=at):
        _compare(judge, step, response)


@check("10.7", "At the ends of a cycle it is `max_momentum`, at a peak with scale 1 `base_momentum`.", family=_FAMILY)
def turns_its_momentum_at_ends_and_peaks(judge: Judge, cycles: int) -> None:
    flat = judge.on(gamma=1.0)
    end = flat.config.cycle * cycles
    peak = Fraction(flat.config.build().step_size) + (0 if judge.config.policy == "triangular2" else end)
    whole(end, peak)
    steps = tuple(sorted({int(end), int(peak)}))
    suppose(steps[-1] <= judge.subject.capabilities.reach)
    for step, response in zip(steps, judge.evaluate(Request(flat.config, steps=steps, quantity="momentum")), strict=True):
        _compare(flat, step, response)


@check("10.7", "Clauses 10.2, 10.4 and 10.5 hold for the momentum too.", family=_FAMILY)
def resumes_with_its_momentum(judge: Judge, at: int) -> None:
    continues(judge, at, "resume", "load_into_used", "pickle", quantity="momentum")


@check("10.8", "The momentum that the optimizer applies in step t is the momentum reported for step t.", family=_FAMILY)
def applies_the_momentum_that_it_reports(judge: Judge, at: int) -> None:
    reported, applied = reported_and_applied(judge, at, "momentum")
    same_bits(judge, 0, reported, applied, "the momentums that the optimizer applied")


def _compare(judge: Judge, step: int, response: Response) -> None:
    """Compares a momentum with the exact one. The failure is one of this config, and not of the schedule turned upside down."""
    if response.failed:
        judge.wrong(step, f"momentum: {response.text}")
    config, value = judge.config, response.value(judge.config.dtype)
    turned = judge.on(
        initial_learning_rate=config.max_momentum,
        maximal_learning_rate=config.base_momentum,
        base_momentum=None,
        max_momentum=None,
    )
    expected = turned.rates(step)
    if not expected.allows(value):
        judge.wrong(step, f"momentum: expected {ulp.show(expected.rounded)}, got {ulp.show(value)}")
