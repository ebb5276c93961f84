"""Chapter 1 of docs/SPEC.md: the inputs that an implementation accepts, and those that it refuses."""

from __future__ import annotations

import dataclasses

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, Wrong
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.protocol import Request
from clr_ref.exact import ulp


@check("1.1", "either may be the larger")
def takes_bounds_in_any_order(judge: Judge, step: int) -> None:
    swapped = judge.on(
        initial_learning_rate=judge.config.maximal_learning_rate, maximal_learning_rate=judge.config.initial_learning_rate
    )
    follows_the_formula(swapped, step)


@check("1.1", "`initial_learning_rate` and `maximal_learning_rate` are finite")
def takes_whole_bounds(judge: Judge, step: int) -> None:
    """The bounds are Python ints here: TFA makes int32 tensors of them."""
    whole = judge.on(initial_learning_rate=0.0, maximal_learning_rate=1.0)
    (value,) = whole.numbers(step, integers=True)
    (same,) = whole.numbers(step)
    if value.tobytes() != same.tobytes():
        whole.wrong(step, f"returned {ulp.show(value)} for the bounds 0 and 1, {ulp.show(same)} for 0.0 and 1.0")


@check("1.2", "it need not be whole")
def takes_any_step_size(judge: Judge, step: int, fraction: float) -> None:
    follows_the_formula(judge.on(step_size=judge.config.step_size + fraction), step)


@check("1.2", "`step_size` is finite and greater than 0")
def refuses_a_step_size_of_0(judge: Judge, step: int) -> None:
    """Any exception is accepted, from ``make`` or from the call. A rate is not, not even NaN: training would go on with it."""
    judge.numbers(step)  # what raises for every step_size refuses nothing
    config = dataclasses.replace(judge.config, step_size=0)  # which has no exact rates, so that no other judge can be made
    (response,) = judge.evaluate(Request(config, steps=(step,)))
    if not response.failed:
        words = f"returned {ulp.show(response.value(config.dtype))} for step_size=0 instead of raising an exception"
        raise Wrong(config, step, words)


@check("1.5", "A step is a whole number, 0 to 2^63 - 1.")
def takes_any_step(judge: Judge, far: int) -> None:
    step, size = far, judge.config.step_size
    # After 2^24 half cycles float32 cannot tell two phases apart, so the cycle is made longer.
    while step // size > 2**14:
        size *= 2**6
    follows_the_formula(judge.on(step_size=size), step)
