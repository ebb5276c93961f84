"""Chapter 1 of docs/SPEC.md: the inputs that an implementation accepts, and those that it refuses."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, Outside, Wrong, real, suppose
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.config import MAX_STEP
from clr_ref.conformance.protocol import Request
from clr_ref.exact import ulp

#: Whole bounds are also tried with these factors: everyday ones are from 1e-8 to 1.
FACTORS = (2.0**10, 2.0**-40)

# --- What is accepted --------------------------------------------------------------------------------------------------------


@check("1.1", "either may be the larger")
def takes_bounds_in_any_order(judge: Judge, step: int) -> None:
    swapped = judge.on(
        initial_learning_rate=judge.config.maximal_learning_rate, maximal_learning_rate=judge.config.initial_learning_rate
    )
    follows_the_formula(swapped, step)


@check("1.1", "Both may be negative or 0.", family="bounds of any sign")
def takes_bounds_of_any_sign(judge: Judge, step: int) -> None:
    follows_the_formula(judge, step)


@check("1.1", "`initial_learning_rate` and `maximal_learning_rate` are finite")
def takes_whole_bounds(judge: Judge, step: int) -> None:
    """The bounds are Python ints here: TFA makes int32 tensors of them. Far from 1, no limits may hold the rates."""
    bounds = ({"initial_learning_rate": low, "maximal_learning_rate": low + 1.0} for low in (0.0, 1.0))
    whole = judge.inside([step], *bounds)
    low, high = whole.config.initial_learning_rate, whole.config.maximal_learning_rate
    (value,) = whole.numbers(step, integers=True)
    (same,) = whole.numbers(step)
    if value.tobytes() != same.tobytes():
        values = f"{ulp.show(value)} for the bounds {low:g} and {high:g}, {ulp.show(same)} for {low} and {high}"
        whole.wrong(step, f"returned {values}")
    for factor in FACTORS:
        scaled = whole.on(initial_learning_rate=low * factor, maximal_learning_rate=high * factor)
        try:
            (value,) = scaled.numbers(step)
        except Outside:
            continue
        limits = np.finfo(whole.config.dtype)
        # A subnormal rate is rounded more coarsely than the one that is multiplied here.
        slack = scaled.slack(step) + whole.slack(step) * Fraction(factor) + Fraction(float(limits.smallest_subnormal))
        expected = real(same) * Fraction(factor)
        if abs(expected) + slack > Fraction(float(limits.max)):
            continue  # it may be infinite
        if abs(real(value) - expected) > slack:
            scaled.wrong(step, f"returned {ulp.show(value)}, which is not {factor:g} times the rate for {low:g} and {high:g}")


@check("1.2", "it need not be whole", family="fractional step sizes")
def takes_any_step_size(judge: Judge, step: int) -> None:
    follows_the_formula(judge, step)


@check("1.2", "`step_size` is finite and greater than 0", family="large step sizes")
def takes_large_step_sizes(judge: Judge, step: int) -> None:
    follows_the_formula(judge, step)


@check("1.4", "Every such gamma is accepted, subnormal ones included.", policies=("exp_range",), family="any gamma")
def takes_any_gamma(judge: Judge, step: int) -> None:
    follows_the_formula(judge, step)


@check("1.4", "It is *not* rounded to the dtype", policies=("exp_range",), family="gamma between two float32")
def does_not_round_gamma(judge: Judge) -> None:
    """At the first peak, where the error of every other part of the formula is smallest."""
    peak = int(judge.config.step_size)
    (value,) = judge.numbers(peak)
    dataclasses.replace(judge, gamma_is_kept=True).compare(peak, value)


@check("1.5", "A step is a number from 0 to 2^63 - 1")
def takes_any_step(judge: Judge, far: int) -> None:
    step, size = far, judge.config.step_size
    # After 2^24 half cycles float32 cannot tell two phases apart, so the cycle is made longer.
    while step // size > 2**14:
        size *= 2**6
    follows_the_formula(judge.on(step_size=size), step)


# --- What is refused ---------------------------------------------------------------------------------------------------------
# Any exception is accepted, from ``make`` or from the call. A rate is not, not even NaN: training would go on with it.


def _refuses(judge: Judge, step: int, **wrong: Any) -> None:
    """Checks that an implementation that returns a rate returns none once an argument is wrong."""
    judge.numbers(step)  # what raises for every input refuses nothing
    config = dataclasses.replace(judge.config, **wrong)  # which has no exact rates, so that no other judge can be made
    for at in (step, 0):  # some compute nothing at step 0, and raise nothing there
        try:
            (response,) = judge.evaluate(Request(config, steps=(at,)))
        except Outside:
            continue
        if not response.failed:
            ((name, value),) = wrong.items()
            words = f"returned {ulp.show(response.value(config.dtype))} for {name}={value} instead of raising an exception"
            raise Wrong(config, at, words)


@check("1.1", "`initial_learning_rate` and `maximal_learning_rate` are finite", of_inputs=True)
def refuses_bounds_that_are_not_finite(judge: Judge, step: int, refused: int) -> None:
    value = (math.nan, math.inf, -math.inf)[refused]
    for name in ("maximal_learning_rate", "initial_learning_rate"):
        _refuses(judge, step, **{name: value})


@check("1.2", "`step_size` is finite and greater than 0", of_inputs=True)
def refuses_a_step_size_of_0(judge: Judge, step: int) -> None:
    _refuses(judge, step, step_size=0)


@check("1.2", "`step_size` is finite and greater than 0", of_inputs=True)
def refuses_a_negative_step_size(judge: Judge, step: int, refused: int) -> None:
    _refuses(judge, step, step_size=(-judge.config.step_size, -0.5, -1e-30)[refused])


@check("1.2", "`step_size` is finite and greater than 0", of_inputs=True)
def refuses_a_step_size_that_is_not_finite(judge: Judge, step: int, refused: int) -> None:
    _refuses(judge, step, step_size=(math.nan, math.inf, -math.inf)[refused])


@check("1.4", "`gamma` is a finite float64 greater than 0.", policies=("exp_range",), of_inputs=True)
def refuses_a_gamma_that_is_not_positive_and_finite(judge: Judge, step: int, refused: int) -> None:
    for gamma in ((0.0, -judge.config.gamma), (math.nan,), (math.inf, -math.inf))[refused]:
        _refuses(judge, step, gamma=gamma)


@check("1.5", "a negative or larger number are errors", of_inputs=True)
def refuses_what_is_no_step(judge: Judge, step: int, refused: int) -> None:
    """The rate of the nearest step is accepted too (clause 11.7): a schedule in a graph cannot raise an exception."""
    suppose(not judge.subject.capabilities.stateful)  # a scheduler counts by itself
    given, nearest = ((-1 - step, 0), (-0.5 - step, 0), (MAX_STEP + 1 + step, MAX_STEP))[refused]
    (expected,) = judge.numbers(nearest)
    (response,) = judge.evaluate(Request(judge.config, steps=(given,)))  # type: ignore[arg-type] # some are no steps
    if not response.failed and response.value(judge.config.dtype).tobytes() != expected.tobytes():
        value = ulp.show(response.value(judge.config.dtype))
        raise Wrong(judge.config, nearest, f"returned {value} for the step {given} instead of raising an exception", given)
