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
    assert abs(exactly(px) - x) <= x / 2**106
    product = exactly(px) * exactly(py)
    assert abs(exactly(pairs.multiply(px, py)) - product) <= product / 2**103
    scaled = exactly(px) * Fraction(b)
    assert abs(exactly(pairs.times(px, b)) - scaled) <= abs(scaled) / 2**104
    total = exactly(px) + Fraction(b)
    assert abs(exactly(pairs.plus(px, b)) - total) <= max(x, abs(Fraction(b)), abs(total)) / 2**105


def test_pair_of_a_long_integer() -> None:
    count = 3**120
    high, low = pairs.of_integer(count, -190)
    assert abs(exactly((high, low)) - Fraction(count) / 2**190) <= Fraction(count) / 2**190 / 2**106
    assert high == math.ldexp(float(count), -190)


def test_the_claimed_errors_are_nearly_reached() -> None:
    """If an error is larger, a claim is wrong; if a claim is made twice as large, a test above says nothing."""
    x, y = (1.0022769716917679, 1.1102230246251557e-16), (1.000175397093305, 1.1102230246251557e-16)
    product = exactly(x) * exactly(y)
    assert 0.62 < abs(exactly(pairs.multiply(x, y)) - product) / product * 2**103 <= 1
    x, b = (1.0049776377537207, 1.1102230246251564e-16), 1.0144802483940993
    scaled = exactly(x) * Fraction(b)
    assert 0.73 < abs(exactly(pairs.times(x, b)) - scaled) / scaled * 2**104 <= 1
    x, b = (1.0000607988638137, -9.995367564473793e-17), -0.3076763053481591
    assert 0.49 < abs(exactly(pairs.plus(x, b)) - exactly(x) - Fraction(b)) / exactly(x) * 2**105 <= 1
    third = Fraction(2**110 + 1, 2**110) + Fraction(1, 2**54)
    high, low = pairs.pair(third)
    assert 0 < abs(exactly((high, low)) - third) <= third / 2**106
