"""One check on many inputs, and what is told of the smallest that fails. Needs Hypothesis."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, errors, settings, strategies as st

from clr_ref import compare, exact, ulp
from clr_ref.conformance.checks import Check, Hung, Inapplicable, Judge, Wrong
from clr_ref.conformance.verdict import Finding

#: Steps before a wrong one that are all looked at for an earlier one; beyond, the first is found by bisection.
SCANNED = 4_096


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a search: the inputs on which the check said something, and where it failed, if it did."""

    inputs: tuple[dict[str, Any], ...]
    wrong: Wrong | None

    @property
    def holds(self) -> bool:
        """Whether the check said something, and nothing against the implementation."""
        return self.wrong is None and bool(self.inputs)


def search(
    check: Check,
    judge: Judge,
    drawn: st.SearchStrategy[dict[str, Any]],
    *,
    seed: int,
    max_examples: int,
    first: Iterable[dict[str, Any]] = (),
    shrink: bool = True,
) -> Outcome:
    """Run a check on ``first``, then on what Hypothesis draws.

    The same arguments give the same outcome. Where the smallest input is looked for, a failure among ``first`` is told only if
    Hypothesis finds none, which it shrinks.

    Args:
        judge: its config is replaced by the drawn one.
        drawn: dictionaries of ``config`` and what the check needs.
        seed, max_examples: of Hypothesis.
        shrink: look for the smallest input that fails, not only for one.

    Raises:
        Hung: the implementation did not answer: no search could go on.
    """
    tried: list[dict[str, Any]] = []
    hung: list[Hung] = []
    found: list[Wrong] = []

    def run(inputs: dict[str, Any]) -> None:
        ask(check, judge, inputs)
        tried.append(inputs)

    for inputs in first:
        try:
            run(inputs)
        except Inapplicable:
            pass
        except Wrong as wrong:
            tried.append(inputs)
            found.append(wrong)
            if not shrink:
                return Outcome(tuple(tried), wrong)

    @hypothesis.seed(seed)
    @settings(
        max_examples=max_examples,
        derandomize=False,
        database=None,
        deadline=None,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @hypothesis.given(drawn)
    def body(inputs: dict[str, Any]) -> None:
        hypothesis.assume(not hung)
        try:
            run(inputs)
        except Inapplicable:
            hypothesis.reject()
        except Hung as error:
            hung.append(error)
            hypothesis.reject()

    try:
        body()
    except Wrong as wrong:
        return Outcome(tuple(tried), wrong)
    except errors.Unsatisfiable:
        pass
    if hung:
        raise hung[0]
    return Outcome(tuple(tried), found[0] if found else None)


def ask(check: Check, judge: Judge, inputs: dict[str, Any]) -> None:
    """A check on one input.

    Raises:
        Wrong, Inapplicable, Hung: as the check does.
    """
    check(dataclasses.replace(judge, config=inputs["config"]), **{name: inputs[name] for name in check.needs})


def explain(judge: Judge, wrong: Wrong, *, name: str, repeat: str) -> Finding:
    """Find the first wrong step of the config that failed, and say all that is known of it."""
    judge = dataclasses.replace(judge, config=wrong.config)
    step, earlier = first_wrong(judge, wrong.step) if wrong.config.step_size > 0 else (None, "")
    if step is None:
        return Finding(wrong.config, wrong.step, wrong.words, "", None, repeat)
    try:
        (value,) = judge.numbers(step)
    except Wrong as failure:
        return Finding(wrong.config, step, failure.words, earlier, None, repeat)
    words = "" if wrong.step == step and wrong.words.startswith("expected") else f"at step {wrong.step}: {wrong.words}"
    expected = judge.rates(step)
    bound = "correctly rounded"
    if expected.slack:
        near = Fraction(float(value)) if np.isfinite(value) else None
        error = float(min(abs(near - expected.low), abs(near - expected.high))) if near is not None else float(value)
        bound = f"{float(expected.slack):.3g} absolute, error {error:.3g}"
    schedule = wrong.config.build()
    cycle, _ = exact.phase(Fraction(schedule.step_size), step)
    disagreement = compare.Disagreement(
        case=name,
        policy=compare.policy_name(schedule),
        tier="exact",
        step=step,
        cycle=cycle,
        phase=float(Fraction(step) / Fraction(schedule.step_size) - 2 * (cycle - 1)),
        expected=ulp.show(expected.rounded),
        actual=ulp.show(value),
        ulp=float(ulp.distance(value, expected.rounded)),
        bound=bound,
        repeat=repeat,
    )
    return Finding(wrong.config, step, words, earlier, disagreement, repeat)


def first_wrong(judge: Judge, known: int) -> tuple[int | None, str]:
    """The first step whose answer is wrong by itself, up to one that failed a check, and what is known of those before it.

    All steps below ``SCANNED`` are looked at. Beyond, bisection finds a wrong step after a right one: the first, if all
    further ones are wrong.
    """
    for step in range(min(known, SCANNED) + 1):
        if _is_wrong(judge, step):
            return step, f"steps 0 to {step - 1} are right" if step else ""
    if known <= SCANNED or not _is_wrong(judge, known):
        return None, ""
    right, wrong = SCANNED, known
    while wrong - right > 1:
        middle = (right + wrong) // 2
        right, wrong = (right, middle) if _is_wrong(judge, middle) else (middle, wrong)
    return wrong, f"steps 0 to {SCANNED} and step {right} are right"


def _is_wrong(judge: Judge, step: int) -> bool:
    try:
        (value,) = judge.numbers(step)
    except Wrong:
        return True
    except Inapplicable:
        return False
    return not judge.rates(step).allows(value)
