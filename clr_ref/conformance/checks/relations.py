"""Relations between rates that checks of several chapters share."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from clr_ref.conformance.checks.judge import Judge, real
from clr_ref.conformance.subject import Responses
from clr_ref.exact import ulp


def equals_bound(judge: Judge, step: int, bound: float) -> None:
    """Compares the rate at a step with a bound of the schedule.

    Raises:
        Wrong: they differ by more than the slack at that step.
    """
    (value,) = judge.numbers(step)
    if abs(real(value) - Fraction(bound)) > judge.slack(step):
        judge.wrong(step, f"expected {ulp.show(np.dtype(judge.config.dtype).type(bound))}, got {ulp.show(value)}")


def same_rate(judge: Judge, step: int, other: int) -> None:
    """Compares the rates of two steps with each other.

    Raises:
        Wrong: they differ by more than the slack of both.
    """
    value, other_value = judge.numbers(step, other)
    if abs(real(value) - real(other_value)) > judge.slack(step) + judge.slack(other):
        later = max(step, other)
        judge.wrong(later, f"returned {ulp.show(value)} at step {step}, {ulp.show(other_value)} at step {other}")


def same_bits(judge: Judge, at: int, expected: Responses, actual: Responses, where: str) -> None:
    """Compares two sequences of rates from step ``at`` on, in dtype and bits; ``where`` says how the actual ones came about.

    Raises:
        Wrong: a rate of either is no number, or they differ.
    """
    for step, (want, got) in enumerate(zip(expected, actual, strict=True), start=at):
        if want.failed:
            judge.wrong(step, want.text)
        if got.failed:
            judge.wrong(step, f"{where}: {got.text}")
        if (want.kind, want.text) != (got.kind, got.text):
            dtype = judge.config.dtype
            judge.wrong(step, f"{where}: expected {ulp.show(want.value(dtype))}, got {ulp.show(got.value(dtype))}")
