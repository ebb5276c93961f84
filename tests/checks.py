"""What has to hold of any implementation, one function per clause of docs/SPEC.md.

Each takes ``make``, which turns a ``Config`` into a callable from a whole step to a NumPy scalar of the config's dtype, and
what it needs of the inputs. ``tests/test_properties.py`` holds the reference to them; ``tests/meta`` shows that they catch
bugs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import assume

from clr_ref import exact
from clr_ref.scale import Exponential
from tests.strategies import MAX_STEP, Config

Make = Callable[[Config], Callable[[int], Any]]


def correctly_rounded(make: Make, config: Config, step: int) -> None:
    """7.1: the exact value, rounded once to nearest, ties to even."""
    expected = exact.rounded(config.build(), step)
    actual = make(config)(step)
    assert actual.dtype == config.dtype
    assert actual.tobytes() == expected.tobytes(), (actual, expected)


def between_its_bounds(make: Make, config: Config, step: int) -> None:
    """3.3: between initial and maximal, for scales of at most 1."""
    assume(config.gamma <= 1)
    schedule = config.build()
    low, high = sorted((schedule.initial_learning_rate, schedule.maximal_learning_rate))
    assert low <= make(config)(step) <= high


def starts_and_ends_at_its_base(make: Make, config: Config, cycles: int) -> None:
    """3.2: initial at every end of a cycle, wherever that is a whole step."""
    schedule = config.build()
    end = 2 * Fraction(schedule.step_size) * cycles
    assume(end.denominator == 1 and end <= MAX_STEP)
    assert float(make(config)(int(end))) == schedule.initial_learning_rate


def reaches_its_peak(make: Make, config: Config, cycles: int) -> None:
    """3.2: maximal at the peaks of triangular, and at the first peak of triangular2."""
    schedule = config.build()
    cycles = 0 if config.policy == "triangular2" else cycles
    peak = Fraction(schedule.step_size) * (2 * cycles + 1)
    assume(peak.denominator == 1 and peak <= MAX_STEP and config.policy != "exp_range")
    assert float(make(config)(int(peak))) == schedule.maximal_learning_rate


def is_periodic(make: Make, config: Config, step: int, cycles: int) -> None:
    """4.1: triangular repeats its bits after any number of cycles."""
    schedule = config.build()
    moved = step + 2 * Fraction(schedule.step_size) * cycles
    assume(config.policy == "triangular" and moved.denominator == 1 and moved <= MAX_STEP)
    rate = make(config)
    assert rate(step).tobytes() == rate(int(moved)).tobytes()


def is_symmetric(make: Make, config: Config, step: int, cycles: int) -> None:
    """2.3: the same bits as many steps before the end of a cycle as after it, where the scale is the same."""
    schedule = config.build()
    period = 2 * Fraction(schedule.step_size)
    into = step % period
    after, before = period * cycles + into, period * (cycles + 1) - into
    assume(config.policy != "exp_range" and after.denominator == 1 and before.denominator == 1 and before <= MAX_STEP)
    assume(into > 0)  # at the very end the next cycle has begun
    rate = make(config)
    assert rate(int(after)).tobytes() == rate(int(before)).tobytes()


def halves_every_cycle(make: Make, config: Config, step: int, cycles: int) -> None:
    """4.2: from a base of 0, triangular2 halves its bits every cycle until it underflows, and is 0 in the end."""
    based = Config("triangular2", 0.0, config.maximal_learning_rate, config.step_size, dtype=config.dtype)
    period = 2 * Fraction(based.build().step_size)
    moved = step + period * cycles
    assume(moved.denominator == 1 and moved <= MAX_STEP)
    rate = make(based)
    first, later = rate(step), rate(int(moved))
    halved = Fraction(float(first)) / 2**cycles if cycles < 3000 else Fraction(0)
    normal = Fraction(float(np.finfo(config.dtype).tiny))
    if halved >= normal:
        assert Fraction(float(later)) == halved
    else:  # one rounding of what was rounded before
        assert abs(Fraction(float(later)) - halved) <= Fraction(float(np.finfo(config.dtype).smallest_subnormal))


def stays_in_its_envelope(make: Make, config: Config, step: int) -> None:
    """4.3: exp_range lies between initial and initial + (maximal - initial) gamma^step."""
    schedule = config.build()
    assume(config.policy == "exp_range")
    _, scale = exact.scale_enclosure(Exponential(config.gamma), step, 200)
    initial = Fraction(schedule.initial_learning_rate)
    edge = initial + (Fraction(schedule.maximal_learning_rate) - initial) * scale
    lower, upper = sorted((exact.round_to(initial, config.dtype), exact.round_to(edge, config.dtype)))
    assert lower <= make(config)(step) <= upper


def counts_gamma_from_the_start(make: Make, config: Config, step: int, cycles: int) -> None:
    """4.3: gamma^t with t since the start of training: rates that lie cycles apart are gamma^(2 s cycles) apart."""
    based = Config("exp_range", 0.0, 1.0, config.step_size, gamma=0.75, dtype="float64")
    period = 2 * Fraction(based.build().step_size)
    step, cycles = step % 200, cycles % 4
    moved = step + period * cycles
    assume(moved.denominator == 1 and moved < 1500)
    rate = make(based)
    first, later = float(rate(step)), float(rate(int(moved)))
    # Two roundings of rates and the two of this product: 4 units of 2**-53, doubled for the quotient's own.
    assert abs(later - first * 0.75 ** int(moved - step)) <= 8 * 2.0**-53 * later + 1e-300


def is_monotone_within_a_half_cycle(make: Make, config: Config, step: int) -> None:
    """2.2: linear between base and peak: the rate never moves back within one half of a cycle."""
    schedule = config.build()
    size = Fraction(schedule.step_size)
    assume(config.policy == "triangular" and size >= 4)
    half = step // size
    first = max(-(-half * size // 1), 0)
    last = (half + 1) * size // 1
    assume(last <= MAX_STEP and last - first >= 3)
    rate = make(config)
    found = [rate(int(t)) for t in (first, first + 1, (first + last) // 2, last - 1, last)]
    sign = 1 if half % 2 == 0 else -1
    if schedule.maximal_learning_rate < schedule.initial_learning_rate:
        sign = -sign
    assert all(sign * float(a) <= sign * float(b) for a, b in itertools.pairwise(found))


CHECKS = (
    correctly_rounded,
    between_its_bounds,
    starts_and_ends_at_its_base,
    reaches_its_peak,
    is_periodic,
    is_symmetric,
    halves_every_cycle,
    stays_in_its_envelope,
    counts_gamma_from_the_start,
    is_monotone_within_a_half_cycle,
)
