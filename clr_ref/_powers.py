"""Powers of gamma with a known error: products of correctly rounded table entries, and no library's ``pow``."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from clr_ref import _double, exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

#: Relative error allowed to ``np.exp2`` of n * log2(gamma), for exponents up to 400: the rounding of the argument comes to
#: 400 * ln(2) * 2**-51, below 2**-42.
EXP2_ERROR = 2.0**-40


class Powers:
    """gamma**n for whole n, from tables: multiplication alone, so the bits are the same on every machine.

    n is written in digits of ``width`` bits; table k holds gamma**(d << (k * width)). Each entry is correctly rounded but for
    2**-100, so a product of L entries has a relative error of at most (2 L - 1) U, and 2 L U with its use.
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
            high[digit], low[digit] = _double.of_integer(power, exponent)
            power, exponent = power * step, exponent + step_exponent
            excess = power.bit_length() - 256
            if excess > 0:
                power, exponent = power >> excess, exponent + excess
        return high, low

    @functools.cached_property
    def lists(self) -> list[list[float]]:
        """The tables as Python floats, for one exponent at a time."""
        return [table.tolist() for table, _ in self.tables]

    def scalar(self, exponent: int) -> float:
        exponent = min(exponent, self.largest)
        result = 1.0
        for table, _ in self.tables:
            result *= table.item(exponent & self.mask)
            exponent >>= self.width
        return result

    def _digits(self, exponents: Ints) -> Iterator[Ints]:
        left = np.minimum(exponents, self.largest)
        for _ in range(self.levels - 1):
            yield left & self.mask
            left = left >> self.width
        yield left

    def array(self, exponents: Ints) -> Floats:
        result: Floats | None = None
        for (table, _), digit in zip(self.tables, self._digits(exponents), strict=True):
            entry = table.take(digit)
            result = entry if result is None else np.multiply(result, entry, out=result)
        assert result is not None
        return result

    def pairs(self, product: _double.Pair, exponents: Ints) -> _double.Pair:
        """A pair times gamma**n, in pairs."""
        for (high, low), digit in zip(self.tables, self._digits(exponents), strict=True):
            product = _double.multiply(product, (high.take(digit), low.take(digit)))
        return product

    @functools.cached_property
    def rate(self) -> float:
        """log2(gamma), which ``np.exp2`` needs."""
        return math.log2(self.gamma)

    @functools.cached_property
    def exp2_is_sound(self) -> bool:
        """Whether ``np.exp2(n * rate)`` is within ``EXP2_ERROR`` of every table entry, with a margin of 8.

        It is with every library that we know (they err by a few units in 2**53); one that does not is not asked.
        """
        for level, (table, _) in enumerate(self.tables):
            known = np.flatnonzero(table)
            near = np.exp2((known << (level * self.width)) * self.rate)
            if not (np.abs(near - table[known]) <= table[known] * (EXP2_ERROR / 8)).all():
                return False
        return True
