"""Schedules with rates at or next to midpoints of two float32, where float64 alone rounds to the wrong side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import clr_ref

Near = tuple[clr_ref.CyclicalLearningRate, int, int]


def near_midpoints() -> Iterator[Near]:
    """Schedules, steps whose exact rate is within 2**-60, relatively, of a midpoint of two float32, and its side of it.

    With bounds 0 and D 2**-e (D odd, 24 bits) and step_size p = 2 p2, the rate at m is D m / p2 half-units. Choosing
    m = +-1/D modulo p2 makes it j +- 1 / p2 with a whole j, which is a midpoint where it is odd and has 25 bits.
    """
    for numerator, odd, shift in itertools.product(range(16_777_187, 16_777_214, 2), (8_388_593, 12_345_677), (18, 21)):
        half_size = odd << shift
        if math.gcd(numerator, odd) > 1:
            continue
        for side in (1, -1):
            m = side * pow(numerator, -1, half_size) % half_size
            for candidate in (m, m + half_size):
                midpoint, rest = divmod(numerator * candidate - side, half_size)
                assert rest == 0
                if midpoint % 2 == 1 and 2**24 <= midpoint < 2**25:
                    schedule = clr_ref.triangular(0.0, numerator * 2.0**-30, 2 * half_size)
                    assert schedule.step_size == 2 * half_size  # representable: the odd part has 24 bits
                    yield schedule, candidate, side


def near_midpoints_of_triangular2() -> Iterator[Near]:
    """The same: in the first cycle, triangular2 has the rates of triangular."""
    for one, step, side in near_midpoints():
        yield clr_ref.triangular2(one.initial_learning_rate, one.maximal_learning_rate, one.step_size), step, side


def near_midpoints_of_exp_range() -> Iterator[Near]:
    """The same for exp_range, within 2**-53.

    With initial 1, amplitude A and gamma 1/2, the rate at t <= p is 1 + A t / (p 2**t). With A t = p 2**(t - 24) +- 1 it is
    1 + 2**-24, a midpoint, give or take 2**-24 / (p 2**(t - 24)).
    """
    for t, side in itertools.product(range(33, 46, 2), (1, -1)):
        halvings = 2 ** (t - 24)
        largest = t * (2**24 - 2) // halvings  # so that the amplitude has 24 bits
        step_size = largest - (largest + side * pow(halvings, -1, t)) % t
        amplitude, rest = divmod(step_size * halvings + side, t)
        assert rest == 0
        yield clr_ref.exp_range(1.0, 1.0 + amplitude, step_size, gamma=0.5), t, side


def near_midpoints_of_subnormals() -> Iterator[tuple[clr_ref.CyclicalLearningRate, int, float, float]]:
    """Schedules, steps, the midpoint of two subnormal float32 that is next to the exact rate, and that rate rounded.

    As above with a unit of 2**-149: every odd number of halves below 2**24 is a midpoint.
    """
    for numerator, shift, side in itertools.product((8_388_593, 12_345_677), (18, 21), (1, -1)):
        half_size = 16_777_213 << shift
        m = side * pow(numerator, -1, half_size) % half_size
        midpoint = (numerator * m - side) // half_size
        if midpoint % 2 == 1 and midpoint < 2**24:
            schedule = clr_ref.triangular(0.0, numerator * 2.0**-149, 2 * half_size)
            yield schedule, m, midpoint * 2.0**-150, (midpoint + side) * 2.0**-150


#: Bounds 0 and one of these, and a step_size of 2**k: the rate of step m <= 2**k is m times a power of two, without rounding.
AMPLITUDES = [1.0, 2.0**-60, 2.0**-125, 2.0**-130]
#: The largest whose phase the fast paths compute in float64, and the one whose rates are the float64 from 1/2 to 1.
FAST_STEP_SIZE, FINE_STEP_SIZE = 2.0**49, 2.0**53

_SIGNIFICANDS = (2**23, 2**23 + 1, 11_184_811, 2**24 - 2, 2**24 - 1)  # the least and the largest: beside powers of two


def steps_around(schedule: clr_ref.CyclicalLearningRate, offsets: range) -> list[tuple[int, Fraction]]:
    """Steps whose rates are at a midpoint of two float32 or up to some steps from it, and that midpoint.

    Args:
        schedule: one whose bounds and step_size are powers of two, or 0.
        offsets: distances from the midpoint in steps.
    """
    initial, maximal, step_size = (
        Fraction(x) for x in (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size)
    )
    found = []
    for significand, binade in itertools.product(_SIGNIFICANDS, (1, 2, 5)):
        size = Fraction(significand, 2 ** (23 + binade)) * abs(maximal)
        unit = Fraction(max(2.0 ** (math.frexp(float(size))[1] - 24), 2.0**-149))
        midpoint = (size // unit + Fraction(1, 2)) * unit * (1 if maximal > 0 else -1)
        step = (midpoint - initial) / (maximal - initial) * step_size
        if step.denominator == 1 and -offsets[0] <= step <= step_size - offsets[-1]:
            found += [(int(step) + offset, midpoint) for offset in offsets]
    assert found
    return found
