"""Pairs of float64 are as accurate as the docstrings of ``fast.pairs`` claim."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given, strategies as st

from clr_ref.fast import pairs

moderate = st.floats(1e-20, 1e20) | st.floats(-1e20, -1e-20)
positive = st.fractions(Fraction(1, 10**15), 10**15)


def exactly(x: pairs.Pair) -> Fraction:
    return Fraction(float(x[0])) + Fraction(float(x[1]))


@given(moderate, moderate)
def test_error_free_transformations(a: float, b: float) -> None:
    assert exactly(pairs.two_sum(a, b)) == Fraction(a) + Fraction(b)
    assert exactly(pairs.two_product(a, b)) == Fraction(a) * Fraction(b)


@given(positive, positive, moderate)
def test_pairs_are_as_good_as_they_say(x: Fraction, y: Fraction, b: float) -> None:
    px, py = pairs.pair(x), pairs.pair(y)
    assert abs(exactly(px) - x) <= x / 2**105
    product = exactly(px) * exactly(py)
    assert abs(exactly(pairs.multiply(px, py)) - product) <= product / 2**101
    scaled = exactly(px) * Fraction(b)
    assert abs(exactly(pairs.times(px, b)) - scaled) <= abs(scaled) / 2**102
    total = exactly(px) + Fraction(b)
    assert abs(exactly(pairs.plus(px, b)) - total) <= max(x, abs(Fraction(b)), abs(total)) / 2**103


def test_pair_of_a_long_integer() -> None:
    count = 3**120
    high, low = pairs.of_integer(count, -190)
    assert abs(exactly((high, low)) - Fraction(count) / 2**190) <= Fraction(count) / 2**190 / 2**105
    assert high == math.ldexp(float(count), -190)
