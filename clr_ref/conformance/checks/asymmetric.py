"""Clause 2.4 of docs/SPEC.md: cycles that fall in another number of steps than they rise.

These checks are run if ``make`` has an argument ``step_size_down``.
"""

from __future__ import annotations

from fractions import Fraction

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, real, suppose, whole
from clr_ref.conformance.checks.policies import halves_every_cycle
from clr_ref.conformance.checks.rate import follows_the_formula, starts_and_ends_at_its_base
from clr_ref.conformance.checks.relations import equals_bound
from clr_ref.conformance.config import MAX_STEP

_FAMILY = "asymmetric cycles"


@check("2.4", "the rate rises for s steps and falls for d steps", family=_FAMILY)
def rises_and_falls_at_two_speeds(judge: Judge, step: int) -> None:
    follows_the_formula(judge, step)


@check("2.4", "The cycle is s + d long", family=_FAMILY)
def ends_its_cycle_after_the_fall(judge: Judge, cycles: int) -> None:
    starts_and_ends_at_its_base(judge, cycles)


@check("2.4", "The height is r / s up to the peak, which is at r = s", family=_FAMILY)
def peaks_at_step_size(judge: Judge, cycles: int) -> None:
    flat = judge.on(gamma=1.0)
    schedule = flat.config.build()
    before = 0 if judge.config.policy == "triangular2" else flat.config.cycle * cycles
    peak = before + Fraction(schedule.step_size)
    whole(peak)
    equals_bound(flat, int(peak), schedule.maximal_learning_rate)


@check("2.4", "The cycle is not symmetric about its peak", policies=("triangular",), family=_FAMILY)
def is_not_symmetric(judge: Judge, step: int, cycles: int) -> None:
    schedule = judge.config.build()
    rise, shorter = Fraction(schedule.step_size), min(Fraction(schedule.step_size), Fraction(schedule.fall))
    suppose(shorter >= 1)
    peak, apart = judge.config.cycle * cycles + rise, 1 + step % int(shorter)
    whole(peak)
    suppose(peak + apart <= MAX_STEP)
    before, after = int(peak) - apart, int(peak) + apart
    exact = judge.rates(before).exact - judge.rates(after).exact
    suppose(abs(exact) > judge.slack(before) + judge.slack(after))
    value, other = (real(number) for number in judge.numbers(before, after))
    if (value - other) * exact <= 0:
        judge.wrong(after, f"the rates {apart} steps before and after the peak do not differ as the step sizes do")


@check("4.2", "It halves once for each whole cycle, not for each rise or fall.", policies=("triangular2",), family=_FAMILY)
def halves_once_for_each_whole_cycle(judge: Judge, step: int, halvings: int) -> None:
    halves_every_cycle(judge, step, halvings)
