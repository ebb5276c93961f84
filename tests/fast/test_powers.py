"""Powers of gamma: each table entry is rounded once, products stay within their error, and none beyond the span comes back."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st

from clr_ref import exact
from clr_ref.fast import powers as tables
from clr_ref.fast.plan import SPAN
from clr_ref.fast.powers import Powers
from tests.rates import assert_same_floats
from tests.schedules import HUGE_GAMMAS, TINY_GAMMAS
from tests.strategies import gammas

MODERATE_GAMMAS = [0.5, 0.9, 0.99994, 0.9999999, 1 - 2.0**-40, 1.25]


def entries(powers: Powers, level: int) -> Any:
    """The exponents of the entries of one table that can be looked up."""
    last = min(powers.mask, powers.largest >> (level * powers.width))
    return [digit << (level * powers.width) for digit in range(last + 1)]


def assert_same_powers(powers: Powers, exponents: list[int], actual: Any, expected: Any, what: str) -> None:
    __tracebackhide__ = True
    assert_same_floats(lambda index: f"step {exponents[index]} of {powers.gamma!r}**step", actual, expected, what=what)


@pytest.mark.parametrize(
    ("gamma", "span"), [*((gamma, SPAN["float32"]) for gamma in MODERATE_GAMMAS), (0.99994, SPAN["float64"])]
)
def test_every_entry_of_a_table_is_the_power_rounded_once(gamma: float, span: int) -> None:
    """The second number of an entry is what the rounding dropped."""
    powers = Powers(gamma, span)
    for level, (high, low) in enumerate(powers.tables):
        exponents = entries(powers, level)
        enclosures = [exact.power(gamma, exponent, 128) for exponent in exponents]
        truths = [Fraction(lower) * Fraction(2) ** unit for lower, _, unit in enclosures]
        rounded = np.array([float(truth) for truth in truths])
        assert_same_powers(powers, exponents, high[: len(exponents)], rounded, f"table {level} of powers")
        for truth, one, rest in zip(truths, high.tolist(), low.tolist(), strict=False):
            assert abs(Fraction(one) + Fraction(rest) - truth) <= truth / 2**105


@given(gammas(), st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=10))
def test_powers_are_as_good_as_they_say(gamma: float, exponents: list[int]) -> None:
    if gamma == 1:
        return
    powers = Powers(gamma, SPAN["float32"])
    inside = [n for n in (*exponents, 0, 1, powers.largest) if n <= powers.largest]
    found = powers.many(np.array(inside))
    assert powers.levels <= Powers.MAX_LEVELS
    assert_same_powers(powers, inside, np.array([powers.one(n) for n in inside]), found, "one power")
    for n, power in zip(inside, found.tolist(), strict=True):
        low, high, unit = exact.power(gamma, n, 120)
        truth = Fraction(low + high, 2) * Fraction(2) ** unit
        assert abs(Fraction(power) - truth) <= truth * (2 * powers.levels - 1) * Fraction(2) ** -53 * Fraction(1000001, 1000000)
    low, _, unit = exact.power(gamma, powers.largest + 1, 64)
    assert abs(low.bit_length() + unit) >= SPAN["float32"] or powers.largest == 2**63 - 1


@pytest.mark.parametrize(
    ("gamma", "exponent", "levels", "share"),
    [
        (0.9, 671, 1, 0.98),
        (0.99994, 3_869_925, 2, 0.78),
        (1 - 2.0**-40, 211_851_928_340_462, 5, 0.58),
        (1 - 2.0**-53, 185_751_495_285_669_880, 6, 0.46),  # most factors are just below 1, where an ULP is 2**-53
    ],
)
def test_the_claimed_error_of_a_product_is_nearly_reached(gamma: float, exponent: int, levels: int, share: float) -> None:
    powers = Powers(gamma, SPAN["float32"])
    assert powers.levels == levels
    low, high, unit = exact.power(gamma, exponent, 120)
    truth = Fraction(low + high, 2) * Fraction(2) ** unit
    error = abs(Fraction(powers.one(exponent)) - truth) / truth * 2**53
    assert share < error / (2 * levels - 1) <= 1


@pytest.mark.parametrize("gamma", MODERATE_GAMMAS)
def test_powers_in_pairs_are_good_to_100_bits(gamma: float) -> None:
    """At most six products of pairs, each good to 2**-103."""
    powers = Powers(gamma, SPAN["float64"])
    exponents = np.minimum([0, 1, 2, powers.mask, powers.mask + 1, powers.largest // 3], powers.largest // 2)
    high, low = powers.times((np.ones(6), np.zeros(6)), exponents)
    for n, one, rest in zip(exponents.tolist(), high.tolist(), low.tolist(), strict=True):
        lower, _, unit = exact.power(gamma, n, 128)
        truth = Fraction(lower) * Fraction(2) ** unit
        assert abs(Fraction(one) + Fraction(rest) - truth) <= truth / 2**100


@pytest.mark.parametrize("span", sorted(SPAN.values()))
@pytest.mark.parametrize("gamma", HUGE_GAMMAS + TINY_GAMMAS)
def test_powers_beyond_the_span_stay_beyond_it_and_finite(gamma: float, span: int) -> None:
    """An infinite power would make NaN of a phase of 0, and one that falls back inside the span would be taken for right."""
    powers = Powers(gamma, span)
    exponents = np.array([*range(20), 1000, 2**62, 2**63 - 1])
    for exponent, power in zip(exponents.tolist(), powers.many(exponents).tolist(), strict=True):
        assert powers.one(exponent) == power
        if abs(exponent * math.log2(gamma)) < span:
            assert power == exact.round_to(Fraction(gamma) ** exponent, "float64")
        else:
            assert 2.0**span <= power <= 2.0**1022 if gamma > 1 else 0 <= power <= 2.0**-span


def test_tables_agree_with_mpmath() -> None:
    powers = Powers(0.99994, 400)
    with mpmath.workprec(200):
        for n in (0, 1, 2, 1000, powers.mask, powers.mask + 1, 10**6):
            assert abs(powers.one(n) / (mpmath.mpf(0.99994) ** n) - 1) < (2 * powers.levels) * mpmath.mpf(2) ** -53


@pytest.mark.parametrize(
    ("error", "sound"), [(0.0, True), (2.0**-46, True), (-(2.0**-46), True), (2.0**-38, False), (0.5, False)]
)
def test_an_exp2_that_is_too_inaccurate_is_found_out(error: float, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "EXP2_UNITS", 300)  # so that 2**-46 is within what is believed
    original = np.exp2
    monkeypatch.setattr(np, "exp2", lambda x: original(x) * (1 + error))
    assert Powers(0.999999, SPAN["float32"]).exp2_is_sound is sound


def moved_exp2(original: Any, units: float) -> Any:
    """``np.exp2`` of whole numbers alone, which is exact, but off by so many units of 2**-53."""

    def exp2(x: Any) -> Any:
        return np.where(x == np.rint(x), original(x) * (1 + units * 2.0**-53), original(x))

    return exp2


@pytest.mark.parametrize("units", [16, -16, 18, -18])
def test_an_exp2_may_be_off_by_16_units_of_its_own(units: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power 0 of gamma has no error from the logarithm or the argument."""
    monkeypatch.setattr(np, "exp2", moved_exp2(np.exp2, units))
    assert Powers(0.999999, SPAN["float32"]).exp2_is_sound is (abs(units) == 16)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_exp2_may_be_off_by_two_units_for_each_unit_of_the_argument(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logarithm of 1/2 is exact, so that all that is allowed is left to ``exp2``."""
    original = np.exp2
    for units, sound in ((2, True), (2.1, False)):
        off = sign * 2.0**-53
        monkeypatch.setattr(np, "exp2", lambda x, off=off, units=units: original(x) * (1 + (14 + units * np.abs(x)) * off))
        assert Powers(0.5, SPAN["float32"]).exp2_is_sound is sound


def test_the_error_of_the_logarithm_is_most_of_what_an_argument_is_allowed() -> None:
    """The exact logarithm may be half an ULP away, and so may the product: at most 1.4 of the 2 units."""
    gamma, exponent = 0.9999946823322392, 2_105_508
    argument = exponent * Powers(gamma, SPAN["float32"]).rate
    with mpmath.workprec(200):
        shift = abs(mpmath.mpf(argument) * mpmath.log(2) - exponent * mpmath.log(mpmath.mpf(gamma))) * mpmath.mpf(2) ** 53
        share = float(shift / (2 * abs(argument)))
    assert 0.67 < share < 0.7


def test_the_interval_allows_twice_the_error_of_a_sound_exp2() -> None:
    powers = Powers(0.999999, SPAN["float32"])
    for largest in (0, 1000, 10**7):
        assert powers.exp2_roundings(largest) == int(2 * (2 * largest * abs(powers.rate) + tables.EXP2_UNITS))
    assert powers.exp2_roundings(2**62) == powers.exp2_roundings(powers.largest)
