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
            assert abs(Fraction(one) + Fraction(rest) - truth) <= truth / 2**100


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


@pytest.mark.parametrize("gamma", MODERATE_GAMMAS)
def test_powers_in_pairs_are_good_to_96_bits(gamma: float) -> None:
    """At most six products of pairs, each good to 2**-101."""
    powers = Powers(gamma, SPAN["float64"])
    exponents = np.minimum([0, 1, 2, powers.mask, powers.mask + 1, powers.largest // 3], powers.largest // 2)
    high, low = powers.times((np.ones(6), np.zeros(6)), exponents)
    for n, one, rest in zip(exponents.tolist(), high.tolist(), low.tolist(), strict=True):
        lower, _, unit = exact.power(gamma, n, 128)
        truth = Fraction(lower) * Fraction(2) ** unit
        assert abs(Fraction(one) + Fraction(rest) - truth) <= truth / 2**96


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
