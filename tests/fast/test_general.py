"""The general path decides a float64 rounding where pairs of float64 are good enough, and no sooner."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

import clr_ref
from clr_ref import exact
from clr_ref.fast import general
from clr_ref.fast.plan import plan as plan_of
from tests.rates import assert_same_rates, exact_rates

#: An odd number of 53 bits, and 2 * HALF, a step_size without a common factor.
NUMERATOR, HALF = 2**53 - 111, 2 * (2**50 + 2**20 + 1)
SCHEDULES = [clr_ref.triangular(0.0, sign * NUMERATOR * 2.0**-53, 2 * HALF, dtype="float64") for sign in (1, -1)]


def near_midpoints() -> Iterator[tuple[int, Fraction]]:
    """Steps, and the distances of their rates from a midpoint of two float64, divided by the rates: from 2**-105 to 2**-91.

    The rate of step m is NUMERATOR m / HALF half-units. Choosing m = +-k / NUMERATOR modulo HALF makes it j +- k / HALF with a
    whole j, which is a midpoint where it is odd and has 54 bits.
    """
    assert math.gcd(NUMERATOR, HALF) == 1
    assert SCHEDULES[0].step_size == 2 * HALF
    for k in (1, 9, 17, 31, 47, 63, 65, 79, 95, 97, 111, 127, 129, 1023, 8001):
        for side in (1, -1):
            m = side * k * pow(NUMERATOR, -1, HALF) % HALF
            for step in (m, m + HALF):
                midpoint = (NUMERATOR * step - side * k) // HALF
                if midpoint % 2 == 1 and 2**53 <= midpoint < 2**54:
                    yield step, Fraction(k, HALF) / (midpoint + Fraction(side * k, HALF))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["positive", "negative"])
def test_rates_beside_a_midpoint_are_rounded_to_their_side(schedule: clr_ref.CyclicalLearningRate) -> None:
    steps = [step for step, _ in near_midpoints()]
    for chosen in (steps, *([step] for step in steps)):
        actual = schedule(np.array(chosen))
        assert_same_rates(schedule, chosen, actual, exact_rates(schedule, chosen), arithmetic="pairs of float64")


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["positive", "negative"])
def test_roundings_are_undecided_within_2_to_the_98th_and_not_beyond(schedule: clr_ref.CyclicalLearningRate) -> None:
    """The allowed error is 2**-99 of the product and 2**-99 of the rate, which are the same where the initial rate is 0."""
    found = {True: 0, False: 0}
    for step, distance in near_midpoints():
        share = float(distance * 2**98)
        if abs(share - 1) > 0.01:
            with np.errstate(all="ignore"):
                undecided = general._fill_float64(plan_of(schedule), np.array([step], np.int64), np.empty(1))
            assert (len(undecided) == 1) is (share < 1), (step, share)
            found[share < 1] += 1
    assert min(found.values()) >= 4


@pytest.mark.parametrize("initial", [0.0, 0.5])
@pytest.mark.parametrize("gamma", [0.99994, 1 - 2.0**-53])
def test_products_of_pairs_stay_within_the_error_that_is_allowed(initial: float, gamma: float) -> None:
    """The largest error of these steps is more than a hundredth of what may come together in the worst case."""
    schedule = clr_ref.exp_range(initial, 1.0, 937, gamma=gamma, dtype="float64")
    plan, largest = plan_of(schedule), int(10 / (1 - gamma))
    steps = np.linspace(1, largest, 200).astype(np.int64)
    m, _, _ = general.distances(plan, steps)
    slope = general.pairs.pair((1 - Fraction(initial)) / plan.p)
    high, low = plan.powers.times(general.pairs.times(slope, m.astype(np.float64)), steps)
    shares = []
    for step, one, rest in zip(steps.tolist(), high.tolist(), low.tolist(), strict=True):
        if step % 1874:
            rate, _ = next(exact.enclosures(schedule, step))
            product = rate - Fraction(initial)
            shares.append(float(abs(Fraction(one) + Fraction(rest) - product) / product * 2**100))
    assert 0.01 < max(shares) < 1


@pytest.mark.parametrize(
    ("initial", "amplitude", "gamma", "step", "undecided"),
    [
        (0.0, 1.0, 0.5, 0, False),
        (0.0, 1.0, 0.5, 690, False),  # the end of a cycle, whose rate is the initial one
        (0.0, 1.0, 0.5, 689, False),  # a product of 2**-689
        (0.0, 0.5, 0.5, 689, False),  # 2**-690
        (0.0, 0.25, 0.5, 689, True),  # 2**-691 has lost accuracy, or may have
        (0.0, -0.5, 0.5, 689, False),
        (0.0, -0.25, 0.5, 689, True),
        (2.0**-50, 0.25, 0.5, 689, False),  # which does not change this initial rate
        (0.0, 1.0, 2.0, 689, False),
        (0.0, 2.0, 2.0, 689, True),  # 2**690
        (2.0**-50, 2.0, 2.0, 689, True),
        (2.0**-50, 2.0, 2.0, 690, False),
    ],
)
def test_products_outside_the_window_are_undecided(
    initial: float, amplitude: float, gamma: float, step: int, undecided: bool
) -> None:
    schedule = clr_ref.exp_range(initial, initial + amplitude, 1, gamma=gamma, dtype="float64")
    out = np.empty(1)
    with np.errstate(all="ignore"):
        found = general._fill_float64(plan_of(schedule), np.array([step], np.int64), out)
    assert found.tolist() == [0] * undecided
    if not undecided:
        assert out[0] == exact.rounded(schedule, step)
