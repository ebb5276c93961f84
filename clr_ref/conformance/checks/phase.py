"""Chapter 2 of docs/SPEC.md: the phase of a step in its cycle."""

from __future__ import annotations

import itertools
from fractions import Fraction

from clr_ref.conformance.checks.decorator import check
from clr_ref.conformance.checks.judge import Judge, real, suppose, whole
from clr_ref.conformance.checks.relations import same_rate


@check("2.2", "0 at t = 2ks, 1 at t = (2k + 1)s, linear between", policies=("triangular",))
def is_monotone_within_a_half_cycle(judge: Judge, step: int) -> None:
    schedule = judge.config.build()
    size = Fraction(schedule.step_size)
    suppose(size >= 4)
    half = step // size
    first, last = -(-half * size // 1), (half + 1) * size // 1
    suppose(last <= judge.subject.capabilities.reach)
    steps = [int(t) for t in (first, first + 1, (first + last) // 2, last - 1, last)]
    sign = 1 if half % 2 == 0 else -1
    if schedule.maximal_learning_rate < schedule.initial_learning_rate:
        sign = -sign
    rising = [(t, sign * real(value)) for t, value in judge.pairs(*steps)]
    for (s, a), (t, b) in itertools.pairwise(rising):
        if a - b > judge.slack(s) + judge.slack(t):
            judge.wrong(t, f"moves back between steps {s} and {t}, within one half of a cycle")


@check("2.3", "the same at 2ks + d and 2ks - d", policies=("triangular", "triangular2"))
def is_symmetric(judge: Judge, step: int, cycles: int) -> None:
    period = judge.config.cycle
    into = step % period
    after, before = period * cycles + into, period * (cycles + 1) - into
    whole(after, before)
    suppose(into > 0)  # at the very end the next cycle has begun
    same_rate(judge, int(after), int(before))
