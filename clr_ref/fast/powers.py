"""Powers of gamma with a known error: products of correctly rounded table entries, and no library's ``pow``."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clr_ref import exact
from clr_ref.fast import pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: The error of ``np.exp2`` itself that ``exp2_is_sound`` allows, in units of 2**-53.
EXP2_UNITS = 16
#: A larger power is replaced by 2**FAR, which is beyond every span. An infinite entry would make NaN at the ends of cycles,
#: where the rate is 0 * scale. The reciprocal of 2**1023 would be subnormal, and TensorFlow, which divides by it, takes it
#: for 0.
FAR = 1022


class Powers:
    """gamma**n for whole n, from tables: multiplication alone, so the bits are the same on every machine.

    n is written in digits of ``width`` bits; table k holds gamma**(d << (k * width)). Each entry is correctly rounded, except
    for 2**-100. So a product of L entries has a relative error of at most (2 L - 1) U, and 2 L U with its use. It holds inside
    2**+-span. A power beyond it becomes 0, or a finite number that is beyond it too.
    """

    MAX_LEVELS = 6

    def __init__(self, gamma: float, span: int) -> None:
        self.gamma = gamma
        rate = abs(math.log2(gamma))
        # A margin of one percent and two covers the error of the logarithm.
        self.largest = 2**63 - 1 if rate * 2.0**63 <= span else int(span / rate * 1.01) + 2
        self.levels = -(-self.largest.bit_length() // 12)
        self.width = -(-self.largest.bit_length() // self.levels)
        self.mask = (1 << self.width) - 1
        self.tables = [self._table(level) for level in range(self.levels)]

    def _table(self, level: int) -> tuple[Floats, Floats]:
        """The correctly rounded powers of one digit, and what the rounding dropped."""
        high = np.zeros(self.mask + 1)
        low = np.zeros(self.mask + 1)
        step, _, step_exponent = exact.power(self.gamma, 1 << (level * self.width), 256)
        power, exponent = 1, 0
        for digit in range(min(self.mask, self.largest >> (level * self.width)) + 1):
            if exponent + power.bit_length() > FAR:
                high[digit:] = 2.0**FAR
                break
            high[digit], low[digit] = pairs.of_integer(power, exponent)
            power, exponent = power * step, exponent + step_exponent
            excess = power.bit_length() - 256
            if excess > 0:
                power, exponent = power >> excess, exponent + excess
        return high, low

    @functools.cached_property
    def lists(self) -> list[list[float]]:
        """The tables as Python floats, for one exponent at a time."""
        return [table.tolist() for table, _ in self.tables]

    def one(self, exponent: int) -> float:
        """gamma**n in float64."""
        exponent = min(exponent, self.largest)
        result = 1.0
        for table, _ in self.tables:
            result *= table.item(exponent & self.mask)
            exponent >>= self.width
        return result

    def _digits(self, exponents: Ints) -> Iterator[NDArray[np.intp]]:
        # ``take`` refuses indices of 64 bits where NumPy indexes with 32.
        left = np.minimum(exponents, self.largest)
        for _ in range(self.levels - 1):
            yield (left & self.mask).astype(np.intp, copy=False)
            left = left >> self.width
        yield left.astype(np.intp, copy=False)

    def many(self, exponents: Ints) -> Floats:
        """gamma**n in float64, elementwise."""
        result: Floats | None = None
        for (table, _), digit in zip(self.tables, self._digits(exponents), strict=True):
            entry = table.take(digit)
            result = entry if result is None else np.multiply(result, entry, out=result)
        assert result is not None
        return result

    def times(self, product: pairs.Pair, exponents: Ints) -> pairs.Pair:
        """A pair of float64 times gamma**n, as a pair."""
        for (high, low), digit in zip(self.tables, self._digits(exponents), strict=True):
            product = pairs.multiply(product, (high.take(digit), low.take(digit)))
        return product

    @functools.cached_property
    def rate(self) -> float:
        """log2(gamma), which ``np.exp2`` needs."""
        return math.log2(self.gamma)

    def exp2_roundings(self, largest: int) -> int:
        """A bound on the relative error of ``np.exp2(n * rate)`` for n up to ``largest``, in units of 2**-53.

        It is twice what ``exp2_is_sound`` checks. The argument x adds ln(2) * 1.5 |x| units and more: the error of the
        logarithm, and the rounding of the product.
        """
        return int(4 * min(largest, self.largest) * abs(self.rate)) + 2 * EXP2_UNITS

    @functools.cached_property
    def exp2_is_sound(self) -> bool:
        """Whether ``np.exp2(n * rate)`` is within half of ``exp2_roundings`` of every table entry.

        All libraries that we know pass: they err by a few units. If one fails this check, the tables are used instead.
        """
        for level, (table, _) in enumerate(self.tables):
            known = np.flatnonzero(table)
            # The shift is a product: on some CPUs ``known`` is an array of 32 bits.
            argument = known * (2.0 ** (level * self.width) * self.rate)
            off = np.abs(np.exp2(argument) - table[known])
            if not (off <= table[known] * (2 * np.abs(argument) + EXP2_UNITS) * 2.0**-53).all():
                return False
        return True
