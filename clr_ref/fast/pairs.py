"""Unevaluated sums of two float64: about 106 bits, from error-free transformations (Dekker 1971, Knuth TAOCP 4.2.2).

All functions take and return arrays or scalars, elementwise. Numbers must lie well inside the range of float64: ``split``
multiplies by 2**27, and an error term is about 2**-106 of its product.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

Pair = tuple[Any, Any]

_SPLITTER = 2.0**27 + 1


def pair(exact: Fraction) -> tuple[float, float]:
    """The two floats nearest to a rational: high, then what is left."""
    high = float(exact)
    return high, float(exact - Fraction(high))


def of_integer(count: int, exponent: int) -> tuple[float, float]:
    """The pair nearest to count * 2**exponent, for a count of at most 1,000 bits."""
    high = float(count)
    return math.ldexp(high, exponent), math.ldexp(float(count - int(high)), exponent)


def split(a: Any) -> Pair:
    """Two halves of at most 26 bits each with the sum a."""
    c = a * _SPLITTER
    high = c - (c - a)
    return high, a - high


def two_sum(a: Any, b: Any) -> Pair:
    """a + b rounded, and the error of that."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def two_product(a: Any, b: Any) -> Pair:
    """a * b rounded, and the error of that."""
    product = a * b
    (a1, a2), (b1, b2) = split(a), split(b)
    return product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def _renormalised(high: Any, low: Any) -> Pair:
    total = high + low
    return total, low - (total - high)


def times(x: Pair, b: Any) -> Pair:
    """A pair times a float64; relative error at most 2**-104: three roundings of terms below 2**-52 of the product."""
    high, low = two_product(x[0], b)
    return _renormalised(high, low + x[1] * b)


def multiply(x: Pair, y: Pair) -> Pair:
    """A pair times a pair; relative error at most 2**-103.

    Terms of up to 2**-53 of the product are rounded, two of them alone, then the sum of two and the sum of three; the product
    of the lower halves, 2**-106, is left out.
    """
    high, low = two_product(x[0], y[0])
    return _renormalised(high, low + (x[0] * y[1] + x[1] * y[0]))


def plus(x: Pair, b: Any) -> Pair:
    """A pair plus a float64; error at most 2**-105 of the largest of the three numbers: one rounding of two terms of 2**-53."""
    high, low = two_sum(x[0], b)
    return _renormalised(high, low + x[1])
