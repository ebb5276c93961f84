"""Run one check on many inputs, and describe the smallest that fails. Needs Hypothesis."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, configuration, errors, settings, strategies as st

from clr_ref import compare
from clr_ref.conformance.checks import Check, Inapplicable, Judge, Wrong
from clr_ref.conformance.verdict import Finding
from clr_ref.exact import ulp

#: Up to this step every step is tried for the first wrong one; beyond, bisection finds it.
SCANNED = 4_096


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a search: the inputs to which the clause applied, and the failure, if there was one."""

    inputs: tuple[dict[str, Any], ...]
    wrong: Wrong | None

    @property
    def holds(self) -> bool:
        """Whether the clause applied to some inputs, and held for all of them."""
        return self.wrong is None and bool(self.inputs)


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Give Hypothesis a temporary folder, so that it makes none beside the user's files."""
    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)


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

    The same arguments give the same outcome. With ``shrink``, a failure among ``first`` is returned only if Hypothesis finds
    none, since Hypothesis shrinks what it finds.

    Args:
        check: the check to run.
        judge: its config is replaced by the drawn one.
        drawn: dictionaries of ``config`` and what the check needs.
        seed: of Hypothesis.
        max_examples: how many inputs Hypothesis draws.
        first: inputs that are tried before those of Hypothesis.
        shrink: whether to look for the smallest input that fails; otherwise the search ends with the first.

    Returns:
        The inputs that were tried, and the failure.

    Raises:
        Hung: the implementation did not return in time, so that the search cannot go on.
    """
    tried: list[dict[str, Any]] = []
    failures: list[Wrong] = []

    def try_inputs(inputs: dict[str, Any]) -> None:
        run_check(check, judge, inputs)
        tried.append(inputs)

    for inputs in first:
        try:
            try_inputs(inputs)
        except Inapplicable:
            pass
        except Wrong as wrong:
            tried.append(inputs)
            failures.append(wrong)
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
        try:
            try_inputs(inputs)
        except Inapplicable:
            hypothesis.reject()

    try:
        body()
    except Wrong as wrong:
        return Outcome(tuple(tried), wrong)
    except errors.Unsatisfiable:
        pass
    return Outcome(tuple(tried), failures[0] if failures else None)


def run_check(check: Check, judge: Judge, inputs: dict[str, Any]) -> None:
    """Runs a check on one input.

    Raises:
        Wrong: the clause does not hold.
        Inapplicable: the clause says nothing about this input.
        Hung: the implementation did not return in time.
    """
    check(dataclasses.replace(judge, config=inputs["config"]), **{name: inputs[name] for name in check.needs})


def explain(judge: Judge, wrong: Wrong, *, name: str, repeat: str) -> Finding:
    """Returns the finding: the first wrong step of the config that failed, with its exact and its actual rate."""
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
