"""Numbers as text, an array at a time: ``repr`` and ``ulp.shortest`` take a microsecond or more for each number.

A column of text is a matrix of bytes with a row for each number. The byte 0 stands for nothing.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref.exact import ulp
from clr_ref.fast import pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Text = NDArray[np.uint8]

#: A distance that is so close to half a ULP, in units of the last digit, does not decide whether a decimal reads back.
_UNDECIDED = 1e-3
#: Decimal exponents of the numbers that are formatted together. Beyond them, products in float64 would over- or underflow.
_EXPONENTS = range(-250, 251)
#: The most characters of a number: a sign, 17 digits, a point, and an exponent.
_WIDTH = 24
_ZERO, _POINT, _MINUS, _E = b"0.-e"


def join(*columns: Text) -> str:
    """Return the rows of columns as lines of text."""
    ends = np.cumsum([column.shape[1] for column in columns])
    lines = np.empty((len(columns[0]), ends[-1] + 1), np.uint8)
    for column, end in zip(columns, ends, strict=True):
        lines[:, end - column.shape[1] : end] = column
    lines[:, -1] = ord("\n")
    return str(lines[lines != 0].tobytes(), "ascii")


def integers(numbers: NDArray[np.int64], width: int) -> Text:
    """Return whole numbers >= 0, aligned to the right in ``width`` >= 1 characters."""
    digits = _digits(numbers, width)
    leading = np.ones(len(numbers), bool)
    for column in digits.T[:-1]:
        leading &= column == _ZERO
        if not leading.any():
            break
        column[leading] = ord(" ")
    return digits


def floats(numbers: NDArray[Any]) -> Text:
    """Return float32 or float64 numbers as ``ulp.shortest`` does, aligned to the left."""
    text = np.zeros((len(numbers), _WIDTH), np.uint8)
    significant, places, exponents, found = _shortest(numbers)
    digits = _digits(significant, _PRECISION[numbers.dtype.name])
    for place in range(int(places.min(initial=digits.shape[1])), digits.shape[1]):
        digits[places <= place, place] = 0
    negative = numbers < 0
    text[negative, 0] = _MINUS
    # As ``ulp.shortest``: a number is written with an exponent if it takes more than 16 characters without.
    length = np.where(exponents < 0, 1 - exponents + places, np.maximum(exponents + 1, places + (places > exponents + 1)))
    scientific = length + negative > 16
    for exponent in np.unique(exponents[found]).tolist():
        rows = found & (exponents == exponent)
        _write_positional(text, digits, rows & ~scientific, exponent)
        _write_scientific(text, digits, rows & scientific, exponent)
    _write_singly(text, numbers, ~found)
    return text


def _write_positional(text: Text, digits: Text, rows: NDArray[np.bool_], exponent: int) -> None:
    if not rows.any():
        return
    chosen = digits[rows]
    if exponent < 0:
        before = np.full((len(chosen), 1 - exponent), _ZERO, np.uint8)
        before[:, 1] = _POINT
        parts = [before, chosen]
    else:
        whole = np.full((len(chosen), exponent + 1), _ZERO, np.uint8)
        head, tail = chosen[:, : exponent + 1], chosen[:, exponent + 1 :]
        whole[:, : head.shape[1]] = np.maximum(head, _ZERO)  # not a byte for nothing
        parts = [whole, np.where(tail[:, :1], _POINT, 0).astype(np.uint8), tail] if tail.shape[1] else [whole]
    _put(text, rows, parts)


def _write_scientific(text: Text, digits: Text, rows: NDArray[np.bool_], exponent: int) -> None:
    if not rows.any():
        return
    chosen = digits[rows]
    point = np.where(chosen[:, 1:2], _POINT, 0).astype(np.uint8)
    power = np.frombuffer(f"e{exponent:+03d}".encode(), np.uint8)
    _put(text, rows, [chosen[:, :1], point, chosen[:, 1:], np.tile(power, (len(chosen), 1))])


def _put(text: Text, rows: NDArray[np.bool_], parts: list[Text]) -> None:
    """Write the characters of ``parts`` into rows of ``text``, after the place of the sign."""
    joined = np.hstack(parts)[:, : _WIDTH - 1]  # what is beyond stands for nothing
    text[rows, 1 : joined.shape[1] + 1] = joined


def _write_singly(text: Text, numbers: NDArray[Any], rows: NDArray[np.bool_]) -> None:
    """Write the numbers that ``_shortest`` leaves out. Equal ones, such as the initial rate, are formatted once."""
    bits, places = np.unique(numbers[rows].view(f"i{numbers.itemsize}"), return_inverse=True)
    known = np.zeros((len(bits), _WIDTH), np.uint8)
    for row, number in zip(known, bits.view(numbers.dtype), strict=True):
        encoded = ulp.shortest(number).encode()
        row[: len(encoded)] = np.frombuffer(encoded, np.uint8)
    text[rows] = known[places.reshape(-1)]


#: As many significant digits tell every number of a dtype from all others.
_PRECISION = {"float32": 9, "float64": 17}


@np.errstate(all="ignore")
def _shortest(numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the digits, their count, the decimal exponents, and where these are known.

    With 9 or 17 digits, a number is X = 10**k times itself, and all decimals that read back as it lie in X - H .. X + H, where
    H is half a ULP. The shortest one is the multiple of the largest power of ten in there. Numbers for which X and H are not
    accurate enough to tell, and powers of two, whose ULP below is smaller, are left out.
    """
    precision = _PRECISION[numbers.dtype.name]
    size = np.abs(numbers.astype(np.float64))
    exponents = np.floor(np.log10(size))
    found = (exponents >= min(_EXPONENTS)) & (exponents <= max(_EXPONENTS)) & (np.frexp(size)[0] != 0.5)
    exponents = np.where(found, exponents, 0).astype(np.int64)
    high, low = (table[exponents - min(_EXPONENTS)] for table in _powers(precision))
    product, error = pairs.two_product(size, high)
    rest = error + size * low
    half = np.spacing(size.astype(numbers.dtype)).astype(np.float64) * high / 2
    found &= np.isfinite(half)  # that of the largest number is infinite
    whole = np.floor(product)
    rest += product - whole
    carry = np.floor(rest)
    rest -= carry
    nearest = whole.astype(np.int64) + carry.astype(np.int64)
    found &= (nearest >= 10 ** (precision - 1)) & (nearest < 10**precision)  # else log10 was rounded across a power of ten
    best, places = nearest.copy(), np.full(len(numbers), precision)
    rows = np.flatnonzero(found)
    for dropped in range(precision):
        unit = 10**dropped
        candidates, fraction = nearest[rows], rest[rows]
        above = candidates - candidates // unit * unit
        below_by, above_by = above + fraction, (unit - above) - fraction
        apart, limit = np.minimum(below_by, above_by), half[rows]
        tie = (np.abs(below_by - above_by) < _UNDECIDED) & (apart < limit)
        found[rows[(np.abs(apart - limit) < _UNDECIDED) | tie]] = False
        fits = apart < limit
        rows, up = rows[fits], (above_by < below_by)[fits]
        best[rows] = candidates[fits] - above[fits] + np.where(up, unit, 0)
        places[rows] = precision - dropped
        if not len(rows):
            break
    rounded_up = best == 10**precision
    best[rounded_up] //= 10
    exponents[rounded_up] += 1
    places[rounded_up] = 1
    return best, places, exponents, found


@functools.cache
def _powers(precision: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each exponent, the power of ten that leads to ``precision`` digits, as the sum of two floats."""
    exact = [Fraction(10) ** (precision - 1 - exponent) for exponent in _EXPONENTS]
    high = [float(power) for power in exact]
    return np.array(high), np.array([float(power - Fraction(near)) for power, near in zip(exact, high, strict=True)])


@functools.cache
def _four_digits() -> NDArray[np.uint32]:
    """Return the digits of 0 .. 9,999, as four bytes in one word, which is looked up faster than a row of bytes."""
    return np.frombuffer("".join(f"{number:04d}" for number in range(10_000)).encode(), np.uint32)


def _digits(numbers: NDArray[np.int64], width: int) -> Text:
    """Return the last ``width`` digits of whole numbers, four at a time."""
    groups = -(-width // 4)
    words = np.empty((len(numbers), groups), np.uint32)
    for place in reversed(range(groups)):
        rest = numbers // 10_000  # NumPy is faster at this than at divmod
        words[:, place] = _four_digits()[numbers - rest * 10_000]
        numbers = rest
    return words.view(np.uint8)[:, 4 * groups - width :]
