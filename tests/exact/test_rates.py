"""The exact rates, compared with independent arithmetic: mpmath, NumPy's own rounding, and the formula by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref import exact, policies
from clr_ref.exact import rates
from tests.rates import assert_same_floats, assert_same_rates
from tests.strategies import configs, gammas, steps


@pytest.mark.parametrize(
    ("step", "cycle", "height"),
    [
        (0, 1, "0"),
        (1, 1, "2/5"),
        (2, 1, "4/5"),
        (3, 1, "4/5"),
        (4, 1, "2/5"),
        (5, 2, "0"),
        (6, 2, "2/5"),
    ],
)
def test_phase_by_hand(step: int, cycle: int, height: Any) -> None:
    """Cycle and height are those of clauses 2.1 and 2.2 for a step_size of 2.5."""
    assert exact.phase(Fraction(5, 2), step) == (cycle, Fraction(height))
    far = 5 * 10**17  # a whole number of cycles
    assert exact.phase(Fraction(5, 2), far + step) == (cycle + 10**17, Fraction(height))


def test_values_by_hand() -> None:
    half = clr_ref.triangular(0.25, 0.75, 4)
    assert [half.exact(t) for t in range(9)] == [Fraction(n, 8) for n in (2, 3, 4, 5, 6, 5, 4, 3, 2)]
    halving = clr_ref.triangular2(0, 1, 2)
    assert [halving.exact(t) for t in range(12)] == [
        Fraction(x) for x in ("0", "1/2", "1", "1/2", "0", "1/4", "1/2", "1/4", "0", "1/8", "1/4", "1/8")
    ]
    decaying = clr_ref.exp_range(0, 1, 2, gamma=0.5)
    assert [decaying.exact(t) for t in range(6)] == [Fraction(x) for x in ("0", "1/4", "1/4", "1/16", "0", "1/64")]
    custom = clr_ref.CyclicalLearningRate(0, 1, 2, lambda x: x, "iterations")
    assert [custom.exact(t) for t in range(5)] == [0, Fraction(1, 2), 2, Fraction(3, 2), 0]


def test_halving_in_iterations_mode_starts_at_two() -> None:
    schedule = clr_ref.CyclicalLearningRate(0, 1, 4, "triangular2", "iterations")
    assert schedule.exact(1) == Fraction(1, 4)
    assert schedule.exact(2) == Fraction(1, 4)
    assert schedule(0) == 0


def test_kinds_of_exact_values() -> None:
    """Rational values of sane size are Fractions, and the others mpf (clause 5.1)."""
    assert isinstance(clr_ref.triangular(1e-4, 1e-2, 33.3).exact(2**62), Fraction)
    assert isinstance(clr_ref.triangular2(1e-4, 1e-2, 1).exact(2 * 30_000 - 1), Fraction)
    assert isinstance(clr_ref.triangular2(1e-4, 1e-2, 1).exact(2**62 + 1), mpmath.mpf)
    assert isinstance(clr_ref.exp_range(1e-4, 1e-2, 7, gamma=0.99994).exact(1000), Fraction)
    assert isinstance(clr_ref.exp_range(1e-4, 1e-2, 7, gamma=0.99994).exact(10**6), mpmath.mpf)
    assert isinstance(clr_ref.exp_range(1e-4, 1e-2, 7, gamma=1.0).exact(2**62), Fraction)
    assert isinstance(clr_ref.exp_range(1e-4, 1e-2, 7, gamma=0.99994).exact(14), Fraction)  # the end of a cycle


@given(configs(), steps())
def test_the_mpf_lies_where_the_enclosure_says(config: Any, step: int) -> None:
    schedule = config.build()
    found = schedule.exact(step)
    low, high = sorted(next(exact.enclosures(schedule, step)))
    if isinstance(found, Fraction):
        # Beyond CLAMP the enclosure is that of another scale, which no float can tell from the right one.
        beyond = abs(found - low) < Fraction(1, 2**3000) or abs(found) > 2**2900
        assert low <= found <= high or beyond
        return
    if abs(found) < mpmath.mpf(2) ** -1500 or abs(found) > mpmath.mpf(2) ** 1500:
        return  # beyond CLAMP the enclosure only serves for rounding
    with mpmath.workprec(600):
        slack = abs(found) * mpmath.mpf(2) ** -100
        assert mpmath.mpf(low.numerator) / low.denominator - slack <= found
        assert found <= mpmath.mpf(high.numerator) / high.denominator + slack


@given(gammas(), st.integers(0, 2**63 - 1), st.sampled_from([64, 128, 300]))
def test_power_encloses_what_mpmath_finds(gamma: float, exponent: int, bits: int) -> None:
    low, high, unit = exact.power(gamma, exponent, bits)
    with mpmath.workprec(bits + 200):
        truth = mpmath.mpf(gamma) ** exponent
        below, above = mpmath.ldexp(low, unit), mpmath.ldexp(high, unit)
        # mpmath's own power may be off in its last bits, far below the width of the interval.
        slack = truth * mpmath.mpf(2) ** -(bits + 100)
        assert below - slack <= truth <= above + slack
        assert above - below <= truth * mpmath.mpf(2) ** -bits


def test_short_powers_are_exact() -> None:
    for gamma, exponent in [(0.9, 12), (0.99994, 150), (0.5, 2**60), (1.0, 2**62), (3.0, 40), (2.0, 10**9)]:
        low, high, unit = exact.power(gamma, exponent, 64)
        assert low == high
        if exponent <= 1000:
            assert low * Fraction(2) ** unit == Fraction(gamma) ** exponent


@given(st.fractions())
def test_rounding_to_float64_is_pythons(number: Fraction) -> None:
    assert exact.round_to(number, "float64") == float(number)


@given(st.floats(width=64, allow_nan=False, allow_infinity=False))
def test_rounding_a_float64_to_float32_is_numpys(number: float) -> None:
    with np.errstate(over="ignore"):
        assert exact.round_to(Fraction(number), "float32") == np.float32(number)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(-1, 1))
def test_rounding_next_to_a_midpoint(number: float, side: int) -> None:
    """A float64 cannot hold a number next to a midpoint of two float32; a Fraction can."""
    here = np.float32(number)
    beyond = np.nextafter(here, np.float32(np.inf))
    if not np.isfinite(beyond):
        return
    midpoint = (Fraction(float(here)) + Fraction(float(beyond))) / 2
    found = exact.round_to(midpoint + side * Fraction(1, 2**400), "float32")
    even = here if int(here.view(np.int32)) % 2 == 0 else beyond
    assert found == (here if side < 0 else beyond if side > 0 else even)


def test_rounding_at_the_edges() -> None:
    largest = Fraction(2) ** 128 - Fraction(2) ** 104
    assert exact.round_to(largest, "float32") == np.finfo(np.float32).max
    assert exact.round_to(largest + Fraction(2) ** 103 - 1, "float32") == np.finfo(np.float32).max
    assert exact.round_to(largest + Fraction(2) ** 103, "float32") == np.inf  # the tie goes to even, as IEEE says
    assert exact.round_to(-largest * 2, "float32") == -np.inf
    assert exact.round_to(Fraction(1, 2**150), "float32") == 0
    assert exact.round_to(Fraction(3, 2**151), "float32") == np.float32(2.0**-149)
    tiny = exact.round_to(Fraction(-1, 2**200), "float32")
    assert tiny == 0
    assert not np.signbit(tiny)
    assert exact.round_to(Fraction(1, 2**1075), "float64") == 0
    assert type(exact.round_to(Fraction(1, 3), "float64")) is np.float64


@given(configs(), steps())
def test_clamping_changes_no_rounding(config: Any, step: int) -> None:
    """A scale beyond CLAMP is too small or too large to matter: with a CLAMP twice as far out, every result is the same."""
    schedule = config.build()
    before = exact.rounded(schedule, step)
    original = rates.CLAMP
    try:
        rates.CLAMP = 2 * original
        assert_same_rates(schedule, step, exact.rounded(schedule, step), before, arithmetic="exact arithmetic, clamped later")
    finally:
        rates.CLAMP = original


def test_scale_functions_as_callables() -> None:
    assert policies.Triangular()(3) == 1.0
    assert [policies.Triangular2()(x) for x in (0, 1, 2, 1075, 1076, 1e300)] == [2.0, 1.0, 0.5, 2.0**-1074, 0.0, 0.0]
    assert policies.ExpRange(0.5)(3) == 0.125


def width(interval: tuple[Fraction, Fraction]) -> Fraction:
    low, high = interval
    return abs(high - low) / max(low, high)


def test_enclosures_have_128_bits_then_twice_as_many_each_time() -> None:
    """Eight bits more are kept, and lost in part: none of these intervals is far narrower than it has to be."""
    schedule = clr_ref.exp_range(0, 1, 1, gamma=0.99994, dtype="float64")
    found = exact.enclosures(schedule, 10_000_001)
    for bits in (128, 256, 512, 1024):
        assert Fraction(1, 2 ** (bits + 16)) < width(next(found)) <= Fraction(1, 2**bits)


@pytest.mark.parametrize("bits", [64, 128, 300])
def test_the_interval_of_a_power_is_about_as_wide_as_it_may_be(bits: int) -> None:
    for gamma, exponent in ((0.99994, 10_000_001), (0.9, 2**20 + 1), (1.5, 2**14 - 1)):
        low, high, _ = exact.power(gamma, exponent, bits)
        assert Fraction(1, 2 ** (bits + 16)) < Fraction(high - low, high) <= Fraction(1, 2**bits)


def test_powers_of_up_to_8192_bits_are_exact() -> None:
    """So has every power that could make a rate a midpoint of two floats."""
    three = 3.0  # 2 bits
    for exponent, short in ((4096, True), (4097, False)):
        low, high, unit = exact.power(three, exponent, 128)
        assert (low == high) is short
        assert low * Fraction(2) ** unit <= 3**exponent <= high * Fraction(2) ** unit


def test_values_are_fractions_up_to_65536_bits_and_good_to_250_bits_beyond() -> None:
    base = 1 - 2.0**-2  # 3 / 4: the denominator of power n has 2 n + 1 bits
    schedule = clr_ref.exp_range(0, 1, 3, gamma=base, dtype="float64")
    last = 32_767
    assert rates.SANE_BITS == 2**16 == 2 * last + 2
    longest, beyond = schedule.exact(last), schedule.exact(last + 1)
    assert isinstance(longest, Fraction)
    assert isinstance(beyond, mpmath.mpf)
    halved = clr_ref.triangular2(0, 1, 1)  # the denominator of cycle n has n bits
    assert isinstance(halved.exact(2 * 65_535 + 1), Fraction)
    assert isinstance(halved.exact(2 * 65_536 + 1), mpmath.mpf)
    last += 1
    truth = Fraction(exact.phase(Fraction(3), last)[1]) * Fraction(base) ** last
    with mpmath.workprec(600):
        error = abs(beyond * truth.denominator / truth.numerator - 1)
        assert mpmath.mpf(2) ** -300 < error < mpmath.mpf(2) ** -250


def test_the_precision_of_mpmath_is_never_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one for all threads: one of them would compute with it, or leave it changed."""
    kind = type(mpmath.mp)
    prec = kind.prec

    def set_precision(context: Any, bits: int) -> None:
        assert context is not mpmath.mp
        prec.fset(context, bits)

    monkeypatch.setattr(kind, "prec", property(prec.fget, set_precision))
    value = clr_ref.exp_range(0.001, 0.006, 2000, gamma=0.99994).exact(100_001)
    assert type(value) is mpmath.mpf
    assert 250 < value.man.bit_length() <= 256


def test_a_scale_is_replaced_beyond_2_to_the_5000th() -> None:
    for gamma, sign in ((0.75, -1), (1.5, 1)):
        near, far = (int(bits / abs(math.log2(gamma))) for bits in (4_990, 5_010))
        for exponent, replaced in ((near, False), (far, True)):
            low, high = exact.scale_enclosure(policies.ExpRange(gamma).scale, exponent, 64)
            assert (low <= Fraction(gamma) ** exponent <= high) is not replaced
            assert replaced is (
                (low, high) == tuple(Fraction(2) ** power for power in ((-5001, -5000), (5000, 5001))[sign > 0])
            )
    for step, power in ((5_000, -5000), (5_001, -5000), (4_999, -4999)):
        assert exact.scale_enclosure(policies.ExpRange(0.5).scale, step, 64) == (Fraction(2) ** power,) * 2


@pytest.mark.parametrize(("dtype", "bits", "smallest", "overflow"), [("float32", 24, -149, 128), ("float64", 53, -1074, 1024)])
def test_rounding_at_the_edges_of_each_dtype(dtype: str, bits: int, smallest: int, overflow: int) -> None:
    """Numbers just inside the interval that is rounded to a float, and just outside it, on both sides of 0."""
    one, limits = Fraction(1), np.finfo(dtype)
    unit, least = Fraction(2) ** (1 - bits), Fraction(2) ** smallest
    above, tiny = float(1 + unit), Fraction(2) ** (smallest + bits - 1)
    edges = [
        (one + unit / 2, 1.0, above),
        (one - unit / 4, float(1 - unit / 2), 1.0),
        (least / 2, 0.0, float(limits.smallest_subnormal)),
        (least * 3 / 2, float(least), float(2 * least)),
        (tiny - least / 2, float(tiny - least), float(limits.tiny)),
        (Fraction(2) ** overflow - Fraction(2) ** (overflow - bits - 1), float(limits.max), np.inf),
    ]
    for edge, below, beyond in edges:
        for sign in (1, -1):
            nearest = {side: exact.round_to(sign * edge * (1 + side * Fraction(1, 2**200)), dtype) for side in (-1, 1)}
            assert_same_floats(
                str, list(nearest.values()), np.array([below, beyond], dtype) * sign + 0.0, what=f"{sign * edge}"
            )
            assert {type(value) for value in nearest.values()} == {np.dtype(dtype).type}
