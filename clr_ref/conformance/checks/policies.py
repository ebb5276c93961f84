"""Chapter 4 of docs/SPEC.md: what each policy does to the amplitude."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from clr_ref import exact
from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, real, suppose, whole
from clr_ref.conformance.checks.relations import same_rate
from clr_ref.exact import ulp
from clr_ref.policies import Geometric


@check("4.1", "The rate is periodic in t with period 2s.", policies=("triangular",))
def is_periodic(judge: Judge, step: int, cycles: int) -> None:
    moved = step + judge.config.cycle * cycles
    whole(moved)
    same_rate(judge, step, int(moved))


@check("4.2", "The amplitude halves with every cycle, for as many cycles as there are.", policies=("triangular2",))
def halves_every_cycle(judge: Judge, step: int, halvings: int) -> None:
    moved = step + judge.config.cycle * halvings
    whole(moved)
    later = int(moved)
    # An initial rate of 0 shows the most halvings; some implementations cannot have it.
    based = judge.inside((step, later), {"initial_learning_rate": 0.0}, {})
    initial = Fraction(based.config.build().initial_learning_rate)
    first, last = (real(value) - initial for value in based.numbers(step, later))
    halved = first / 2**halvings
    slack = based.slack(step) / 2**halvings + based.slack(later)
    # A subnormal rate is rounded once more than the one that is halved here, by up to one subnormal.
    if halved < Fraction(float(np.finfo(judge.config.dtype).tiny)):
        slack += Fraction(float(np.finfo(judge.config.dtype).smallest_subnormal))
    if abs(last - halved) > slack:
        based.wrong(later, f"rate - initial is not 2**-{halvings} of that at step {step}")


@check("4.3", "scale = gamma^t", policies=("exp_range",))
def stays_in_its_envelope(judge: Judge, step: int) -> None:
    schedule = judge.config.build()
    _, scale = exact.scale_enclosure(Geometric(judge.config.gamma), step, 200)
    initial = Fraction(schedule.initial_learning_rate)
    edge = initial + (Fraction(schedule.maximal_learning_rate) - initial) * scale
    dtype = judge.config.dtype
    lower, upper = sorted((exact.round_to(initial, dtype), exact.round_to(edge, dtype)))
    (value,) = judge.numbers(step)
    slack = judge.slack(step)
    if not real(lower) - slack <= real(value) <= real(upper) + slack:
        judge.wrong(step, f"returned {ulp.show(value)}, further from the initial rate than gamma^t allows")


@check("4.3", "with t the step since the start of training, not of the cycle", policies=("exp_range",))
def counts_gamma_from_the_start(judge: Judge, step: int, cycles: int) -> None:
    period = judge.config.cycle
    step, cycles = step % 200, cycles % 4
    moved = step + period * cycles
    whole(moved)
    suppose(moved < 200)
    later = int(moved)
    bounds = ({"initial_learning_rate": low, "maximal_learning_rate": 1.0, "gamma": 0.75} for low in (0.0, 0.125))
    based = judge.inside((step, later), *bounds)
    initial = Fraction(based.config.initial_learning_rate)
    first, last = (real(value) - initial for value in based.numbers(step, later))
    fallen = Fraction(0.75) ** (later - step)
    # A correctly rounded rate is off by half a unit in the last place, which is at most u of itself; both rates are rounded.
    rounding = (last + first * fallen) * Fraction(2) ** -exact.FORMATS[judge.config.dtype][0]
    if abs(last - first * fallen) > based.slack(step) * fallen + based.slack(later) + rounding:
        based.wrong(later, f"rate - initial is not 0.75**{later - step} of that at step {step}")
