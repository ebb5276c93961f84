"""Chapter 3 of docs/SPEC.md: the rate at a step."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, real, suppose, whole
from clr_ref.conformance.checks.relations import equals_bound
from clr_ref.conformance.protocol import Operation
from clr_ref.exact import ulp

#: A rate may be beyond a bound by this share of it: eight roundings to float32, since four of them are those of the bounds and
#: of a power function that is 2 ULP off, and four are those of the sum of two products.
OUTSIDE = Fraction(8, 2**24)


@check("3.1", "rate = initial + (maximal - initial) height scale")
def follows_the_formula(judge: Judge, step: int) -> None:
    (value,) = judge.numbers(step)
    if judge.on_rate is not None:
        judge.on_rate(judge.config, step, value)
    judge.compare(step, value)


@check("3.2", "At the ends of a cycle the rate is initial")
def starts_and_ends_at_its_base(judge: Judge, cycles: int) -> None:
    schedule = judge.config.build()
    end = judge.config.cycle * cycles
    whole(end)
    equals_bound(judge, int(end), schedule.initial_learning_rate)


@check("3.2", "at a peak with scale 1 it is maximal")
def reaches_its_peak(judge: Judge, cycles: int) -> None:
    flat = judge.on(gamma=1.0)
    schedule = flat.config.build()
    peak = Fraction(schedule.step_size) * (1 if judge.config.policy == "triangular2" else 2 * cycles + 1)
    whole(peak)
    equals_bound(flat, int(peak), schedule.maximal_learning_rate)


@check("3.3", "For scales in [0, 1] the rate lies between initial and maximal.")
def between_its_bounds(judge: Judge, step: int) -> None:
    suppose(judge.config.gamma <= 1)
    schedule = judge.config.build()
    low, high = sorted(Fraction(bound) for bound in (schedule.initial_learning_rate, schedule.maximal_learning_rate))
    # The rate crosses a bound by least, and most easily, at the ends and peaks beside the step.
    size, half = Fraction(schedule.step_size), step // Fraction(schedule.step_size)
    corners = [size * half, size * (half + 1)]
    steps = [step, *(int(t) for t in corners if t.denominator == 1 and t <= judge.subject.capabilities.reach)]
    for t, value in judge.pairs(*steps):
        if not low <= real(value) <= high and not _is_rounding(judge, real(value)):
            judge.wrong(t, f"returned {ulp.show(value)}, outside its bounds")


def _is_rounding(judge: Judge, value: Any) -> bool:
    """Returns whether a rate outside its bounds can come from rounding alone.

    Even a wrong phase has a height from 0 to 1, and a rounded scale is at most 1, or 2 ULP more. The initial rate is crossed by
    the rounding of its own part of the sum alone, and the maximal one by that of the whole sum. A bound of 0 is never crossed:
    the other one is subtracted exactly, or its part of the sum has one sign.
    """
    if judge.level is Level.CORRECT:
        return False
    schedule = judge.config.build()
    initial, maximal = Fraction(schedule.initial_learning_rate), Fraction(schedule.maximal_learning_rate)
    crosses_initial = (value < initial) == (initial <= maximal)
    crossed = initial if crosses_initial else maximal
    size = abs(initial) if crosses_initial else max(abs(initial), abs(maximal))
    return bool(crossed) and abs(value - crossed) <= OUTSIDE * size


@check("3.4", "The rate depends on the inputs and the step alone")
def depends_on_the_step_alone(judge: Judge, step: int, cycles: int) -> None:
    steps = [step, step, 1, cycles, step, 0, cycles]
    again = "when called again, or in another order"
    ways: tuple[tuple[list[int], Operation, str], ...] = (
        (steps, "evaluate", again),
        (sorted(steps), "evaluate", again),
        (sorted(steps, reverse=True), "evaluate", again),
        (steps, "beside", "read after all calls, with another schedule called between them"),
    )
    first: dict[int, Any] = {}
    for order, operation, words in ways:
        for t, value in judge.pairs(*order, operation=operation):
            if value.tobytes() != first.setdefault(t, value).tobytes():
                judge.wrong(t, f"returned {ulp.show(first[t])} at first and {ulp.show(value)} {words}")
