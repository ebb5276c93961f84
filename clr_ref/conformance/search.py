"""Run one check on many inputs, and describe the smallest that fails."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

import numpy as np

from clr_ref import compare, exact
from clr_ref.conformance.checks import Check, Inapplicable, Judge, Outside, Wrong
from clr_ref.conformance.regimes import Inputs, Point
from clr_ref.conformance.verdict import Finding
from clr_ref.exact import ulp

#: Up to this step every step is tried for the first wrong one; beyond, bisection finds it.
SCANNED = 4_096
#: So many inputs are tried to find a simpler one that fails.
SIMPLER = 1_000


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a search: the inputs to which the clause applied, and the failure, if there was one.

    ``outside`` are the reasons of the implementation for inputs that are outside its domain.
    """

    inputs: tuple[Inputs, ...]
    wrong: Wrong | None
    outside: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the clause applied to some inputs, and held for all of them."""
        return self.wrong is None and bool(self.inputs)


def search(check: Check, judge: Judge, points: Iterable[Point], *, shrink: bool = True) -> Outcome:
    """Run a check on points until one fails.

    Hypothesis cannot shrink an input that it did not draw, and it does not draw evenly. So the inputs are drawn and shrunk
    here.

    Args:
        check: the check to run.
        judge: its config is replaced by that of each point.
        points: where it is run, in this order.
        shrink: whether to look for the simplest point that fails.

    Returns:
        The inputs that were tried, and the failure.

    Raises:
        Hung: the implementation did not return in time, so that the search cannot go on.
    """
    tried: list[Inputs] = []
    outside: list[str] = []
    for point in points:
        inputs = point.inputs
        try:
            run_check(check, judge, inputs)
        except Outside as error:
            outside.append(str(error))
            continue
        except Inapplicable:
            continue
        except Wrong as wrong:
            found = _simplest(check, judge, point, wrong) if shrink else wrong
            return Outcome((*tried, inputs), found, tuple(outside))
        tried.append(inputs)
    return Outcome(tuple(tried), None, tuple(outside))


def _simplest(check: Check, judge: Judge, point: Point, wrong: Wrong) -> Wrong:
    """Returns the failure at a point that fails, and of which no simpler one that was tried fails."""
    left = SIMPLER
    while True:
        for simpler in point.simpler():
            left -= 1
            try:
                run_check(check, judge, simpler.inputs)
            except Inapplicable:
                pass
            except Wrong as another:
                point, wrong = simpler, another
                break
            if left <= 0:
                return wrong
        else:
            return wrong


def run_check(check: Check, judge: Judge, inputs: Inputs) -> None:
    """Runs a check on one input.

    Raises:
        Wrong: the clause does not hold.
        Outside: the input is outside the domain of the implementation.
        Inapplicable: the clause says nothing about this input.
        Hung: the implementation did not return in time.
    """
    check(dataclasses.replace(judge, config=inputs["config"]), **{name: inputs[name] for name in check.needs})


def explain(judge: Judge, wrong: Wrong, *, name: str, repeat: str) -> Finding:
    """Returns the finding: the first wrong step of the config that failed, with its exact and its actual rate."""
    judge = dataclasses.replace(judge, config=wrong.config)
    ordinary = wrong.config.has_rates and wrong.given is None
    step, earlier = first_wrong(judge, wrong.step) if ordinary else (None, "")
    if step is None:
        return Finding(wrong.config, wrong.step, wrong.words, "", None, repeat, wrong.given)
    try:
        (value,) = judge.numbers(step)
    except Wrong as failure:
        return Finding(wrong.config, step, failure.words, earlier, None, repeat)
    words = "" if wrong.step == step and wrong.words.startswith("expected") else f"at step {wrong.step}: {wrong.words}"
    expected = judge.rates(step)
    bound = "correctly rounded"
    if expected.slack:
        # The error of a finite value can be beyond all floats.
        error = float(exact.round_to(expected.error(value), "float64")) if np.isfinite(value) else float(value)
        bound = f"{float(expected.slack):.3g} absolute, error {error:.3g}"
    schedule = wrong.config.build()
    cycle, phase = compare.place(schedule, step)
    disagreement = compare.Disagreement(
        case=name,
        policy=compare.policy_name(schedule),
        tier="exact",
        step=step,
        cycle=cycle,
        phase=phase,
        expected=ulp.show(expected.rounded),
        actual=ulp.show(value),
        ulp=float(ulp.distance(value, expected.rounded)),
        bound=bound,
        repeat=repeat,
    )
    return Finding(wrong.config, step, words, earlier, disagreement, repeat)


def first_wrong(judge: Judge, known: int) -> tuple[int | None, str]:
    """Returns the first step whose rate is wrong by itself, and a sentence about the steps before it.

    All steps up to ``SCANNED`` are tried. Beyond, bisection finds a wrong step after a right one, which is the first one if
    all later steps are wrong.

    Args:
        judge: the implementation, at the config that failed.
        known: the step that failed a check; no later one is tried.

    Returns:
        None and an empty sentence if every rate that was tried is right by itself.
    """
    start = 0
    while start <= min(known, SCANNED):
        # Ever more steps at a time: a scheduler counts from 0 to the last of them.
        steps = range(start, min(known, SCANNED, 2 * start + 63) + 1)
        if (step := _first_wrong_of(judge, steps)) is not None:
            return step, f"steps 0 to {step - 1} are right" if step else ""
        start = steps.stop
    if known <= SCANNED or not _is_wrong(judge, known):
        return None, ""
    right, wrong = SCANNED, known
    while wrong - right > 1:
        middle = (right + wrong) // 2
        right, wrong = (right, middle) if _is_wrong(judge, middle) else (middle, wrong)
    return wrong, f"steps 0 to {SCANNED} and step {right} are right"


def _first_wrong_of(judge: Judge, steps: range) -> int | None:
    if judge.subject.capabilities.stateful:  # it counts from 0 for each call, so one call is for all steps
        with contextlib.suppress(Wrong, Inapplicable):  # of any of them
            pairs = judge.pairs(*steps)
            return next((step for step, value in pairs if not judge.rates(step).allows(value)), None)
    return next((step for step in steps if _is_wrong(judge, step)), None)


def _is_wrong(judge: Judge, step: int) -> bool:
    try:
        (value,) = judge.numbers(step)
    except Wrong:
        return True
    except Inapplicable:
        return False
    return not judge.rates(step).allows(value)
