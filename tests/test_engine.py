"""The proof obligations of docs/SPEC.md, clause 7: hard roundings, accuracy of tables and pairs, and who pays for them."""

from __future__ import annotations

import concurrent.futures
import itertools
import math
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref import exact, policies
from clr_ref.conformance.strategies import gammas
from clr_ref.fast import arrays, general, one_step, pairs, powers, ranges
from clr_ref.fast.plan import SPAN, plan
from clr_ref.fast.powers import Powers


def near_midpoints() -> Iterator[tuple[clr_ref.CyclicalLearningRate, int, int]]:
    """Schedules with a step whose exact rate lies within 2**-60, relatively, of a midpoint of two float32, and its side.

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


def test_near_midpoints_exist_on_both_sides() -> None:
    found = list(near_midpoints())
    assert {side for *_, side in found} == {1, -1}
    assert len(found) >= 10
    for schedule, step, side in found:
        rate = schedule.exact(step)
        assert isinstance(rate, Fraction)
        near = Fraction(float(rate))
        assert (near * 2**60).denominator == 1  # the nearest float64 is the midpoint itself
        assert 0 < side * (rate - near) < near / 2**60


def test_near_midpoints_are_rounded_to_their_side() -> None:
    """One rounding to float64 and one to float32 gets half of these wrong; so would any float64 formula."""
    wrong = 0
    for schedule, step, _ in near_midpoints():
        rate = schedule.exact(step)
        expected = exact.round_to(rate, "float32")
        wrong += np.float32(float(rate)) != expected
        assert schedule(step) == expected
        assert schedule(np.array([step]))[0] == expected
        assert schedule.values(step, step + 1)[0] == expected
    assert wrong >= 3


def test_near_midpoints_of_subnormals() -> None:
    """As above with a unit of 2**-149: every odd number of halves below 2**24 is a midpoint."""
    sides = set()
    for numerator, shift, side in itertools.product((8_388_593, 12_345_677), (18, 21), (1, -1)):
        half_size = 16_777_213 << shift
        m = side * pow(numerator, -1, half_size) % half_size
        midpoint = (numerator * m - side) // half_size
        if midpoint % 2 == 0 or midpoint >= 2**24:
            continue
        schedule = clr_ref.triangular(0.0, numerator * 2.0**-149, 2 * half_size)
        near = float(np.float32(midpoint * 2.0**-150))
        sides.add((side, near > midpoint * 2.0**-150))  # ties go to even: up for some midpoints, down for others
        for rate in (schedule(m), schedule(np.array([m]))[0], schedule.values(m, m + 1)[0]):
            assert rate == (midpoint + side) * 2.0**-150
    assert {side for side, up in sides if up == (side < 0)} == {1, -1}


def test_zeros_of_ranges_are_positive() -> None:
    for low in (-0.0, 0.0):
        for high in (1.0, -1.0):
            for schedule in (clr_ref.triangular2(low, high, 3), clr_ref.exp_range(low, high, 3, gamma=0.5)):
                assert not np.signbit(schedule.values(3000, 3010)).any()
                assert not np.signbit(schedule(np.arange(3000, 3010))).any()


def test_ties_go_to_even() -> None:
    schedule = clr_ref.triangular(0.0, 1.0, 2**26)
    steps = np.array([2**25 + 2, 2**25 + 6, 2**25 + 10])  # two bits more than float32 holds, the upper one set
    assert schedule(steps).tolist() == [0.5, (2**25 + 8) / 2**26, (2**25 + 8) / 2**26]


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_hardly_any_step_needs_the_exact_tier(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = exact.rounded
    monkeypatch.setattr(exact, "rounded", lambda *a: calls.append(a) or original(*a))
    gamma = {"gamma": 0.9999} if policy == "exp_range" else {}
    schedule = getattr(clr_ref, policy)(1e-4, 1e-2, 99_991, **gamma)
    schedule(np.arange(0, 3_000_000, 3))
    assert len(calls) <= 3


def test_cancelling_schedules_are_settled_without_the_exact_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near a rate of 0 between bounds of both signs the error is large against the result; pairs of float64 ends settle it."""
    calls = []
    original = exact.rounded
    monkeypatch.setattr(exact, "rounded", lambda *a: calls.append(a) or original(*a))
    for low, high in [(-0.3, 0.7), (0.5, 0.0), (0.9, 1e-7)]:
        schedule = clr_ref.triangular(low, high, 99_991)
        rates = schedule(np.arange(200_000))
        assert len(calls) <= 20
        calls.clear()
        for step in (0, 1, 29_997, 29_998, 99_990, 99_991, 199_981):
            assert rates[step] == original(schedule, step)


@pytest.mark.parametrize("step_size", [2.0**61, 2.0**62, 2.0**63, 2.0**100, 1e-30, 2.0**-140, 3e38])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_step_sizes(step_size: float, dtype: str) -> None:
    for policy in ("triangular", "triangular2"):
        schedule = getattr(clr_ref, policy)(1e-4, 1e-2, step_size, dtype=dtype)
        steps = np.array([0, 1, 2, 12345, 2**40 + 1, 2**62, 2**63 - 1])
        assert schedule(steps).tolist() == [exact.rounded(schedule, int(t)) for t in steps]


@pytest.mark.parametrize("bounds", [(1e-320, 1e-310), (1e300, 1.7e308), (-1.7e308, 1.7e308), (0, 5e-324), (1e-320, 1e308)])
@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_extreme_float64_bounds(bounds: tuple[float, float], policy: str) -> None:
    gamma = {"gamma": 0.999} if policy == "exp_range" else {}
    schedule = getattr(clr_ref, policy)(*bounds, 33.3, dtype="float64", **gamma)
    steps = np.array([0, 1, 33, 34, 66, 67, 1000, 10**6, 2**62 + 1])
    rates = schedule(steps)
    assert rates.tolist() == [exact.rounded(schedule, int(t)) for t in steps]
    assert np.isfinite(rates).all()


@given(gammas(), st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=10))
def test_powers_are_as_good_as_they_say(gamma: float, exponents: list[int]) -> None:
    if gamma == 1:
        return
    powers = Powers(gamma, SPAN["float32"])
    inside = [n for n in (*exponents, 0, 1, powers.largest) if n <= powers.largest]
    found = powers.many(np.array(inside))
    assert powers.levels <= Powers.MAX_LEVELS
    for n, power in zip(inside, found.tolist(), strict=True):
        assert powers.one(n) == power
        low, high, unit = exact.power(gamma, n, 120)
        truth = Fraction(low + high, 2) * Fraction(2) ** unit
        assert abs(Fraction(power) - truth) <= truth * (2 * powers.levels - 1) * Fraction(2) ** -53 * Fraction(1000001, 1000000)
    low, _, unit = exact.power(gamma, powers.largest + 1, 64)
    assert abs(low.bit_length() + unit) >= SPAN["float32"] or powers.largest == 2**63 - 1


HUGE_GAMMAS = [1e21, 1e103, 2.0**512, 1e155, 1e300, 1.7976931348623157e308]
TINY_GAMMAS = [1e-21, 1e-103, 1e-155, 1e-300, 2.0**-1022, 1e-310, 5e-324]


@pytest.mark.parametrize("span", sorted(SPAN.values()))
@pytest.mark.parametrize("gamma", HUGE_GAMMAS + TINY_GAMMAS)
def test_powers_beyond_the_span_stay_beyond_it_and_finite(gamma: float, span: int) -> None:
    """An infinite power would make NaN of a phase of 0; one that falls back inside the span would be taken for right."""
    powers = Powers(gamma, span)
    exponents = np.array([*range(20), 1000, 2**62, 2**63 - 1])
    for exponent, power in zip(exponents.tolist(), powers.many(exponents).tolist(), strict=True):
        assert powers.one(exponent) == power
        if abs(exponent * math.log2(gamma)) < span:
            assert power == exact.round_to(Fraction(gamma) ** exponent, "float64")
        else:
            assert 2.0**span <= power <= 2.0**1022 if gamma > 1 else 0 <= power <= 2.0**-span


def assert_rounded_once(schedule: clr_ref.CyclicalLearningRate, steps: list[int], count: int = 12) -> None:
    """7.1 and 7.2: one step, an array, and the ranges from the first step on and at the end of the domain."""
    rates = [exact.rounded(schedule, step) for step in steps]
    expected = np.array(rates, schedule.dtype)
    assert schedule(np.array(steps)).tobytes() == expected.tobytes()
    assert np.array([schedule(step) for step in steps]).tobytes() == expected.tobytes()
    for first in (steps[0], 2**63 - count):
        in_a_row = np.array([exact.rounded(schedule, first + index) for index in range(count)])
        assert schedule.values(first, first + count).tobytes() == in_a_row.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["iterations", "cycle"])
@pytest.mark.parametrize("gamma", HUGE_GAMMAS + TINY_GAMMAS)
def test_rates_of_huge_and_tiny_gammas(gamma: float, mode: str, dtype: str) -> None:
    """Step 0, where gamma**0 is 1; ends of cycles; rates that become infinite, vanish, or stay between the two."""
    largest, smallest = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_subnormal)
    bounds = [(0.0, 1.0), (1e-2, 1e-4), (-0.3, 0.7), (-largest, largest), (smallest, 0.0), (0.0, -smallest)]
    for (low, high), step_size in itertools.product(bounds, (1, 2.5, 2.0**61)):
        schedule = clr_ref.CyclicalLearningRate(low, high, step_size, policies.ExpRange(gamma), mode, dtype)
        assert_rounded_once(schedule, [0, 1, 2, 3, 4, 5, 7, 10, 100, 2**40 + 1, 2**63 - 1])


def test_huge_gammas_by_hand() -> None:
    """1e21 is the whole number 10**21, and Python's quotient of two whole numbers is rounded once."""
    rates = clr_ref.exp_range(0, 1, 4, 1e21, dtype="float64")(np.arange(18))
    assert rates[:5].tolist() == [0, 10**21 / 4, 10**42 / 2, 3 * 10**63 / 4, 10.0**84]
    assert rates[8] == rates[16] == 0
    assert rates[14] == 10**294 / 2
    assert np.isinf(rates[[15, 17]]).all()
    assert clr_ref.exp_range(-1, 0, 4, 1e103)(np.array([0, 1, 8])).tolist() == [-1, np.inf, -1]


any_gamma = st.floats(5e-324, allow_infinity=False)


@given(st.data(), any_gamma, st.sampled_from(["float32", "float64"]), st.sampled_from(["iterations", "cycle"]))
def test_rates_of_any_gamma(data: st.DataObject, gamma: float, dtype: Any, mode: str) -> None:
    finite = st.floats(width=32 if dtype == "float32" else 64, allow_nan=False, allow_infinity=False)
    low, high = data.draw(finite | st.just(0.0)), data.draw(finite)
    step_size = data.draw(st.sampled_from([1, 4, 937, 2.5, 33.3, 1e-3]) | st.floats(1e-30, 1e30))
    schedule = clr_ref.CyclicalLearningRate(low, high, step_size, policies.ExpRange(gamma), mode, dtype)
    steps = data.draw(st.lists(st.integers(0, 40) | st.integers(0, 2**63 - 1), min_size=1, max_size=8))
    assert_rounded_once(schedule, [min(steps[0], 2**63 - 12), *steps], count=3)


moderate = st.floats(1e-20, 1e20) | st.floats(-1e20, -1e-20)


def exactly(x: pairs.Pair) -> Fraction:
    return Fraction(float(x[0])) + Fraction(float(x[1]))


@given(moderate, moderate)
def test_error_free_transformations(a: float, b: float) -> None:
    assert exactly(pairs.two_sum(a, b)) == Fraction(a) + Fraction(b)
    assert exactly(pairs.two_product(a, b)) == Fraction(a) * Fraction(b)


@given(st.fractions(Fraction(1, 10**15), 10**15), st.fractions(Fraction(1, 10**15), 10**15), moderate)
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


def test_tables_agree_with_mpmath() -> None:
    powers = Powers(0.99994, 400)
    with mpmath.workprec(200):
        for n in (0, 1, 2, 1000, powers.mask, powers.mask + 1, 10**6):
            assert abs(powers.one(n) / (mpmath.mpf(0.99994) ** n) - 1) < (2 * powers.levels) * mpmath.mpf(2) ** -53


def test_memory_of_a_range_within_one_long_cycle() -> None:
    """A cycle longer than the range must not be computed as a whole: 2**62 steps would not fit anywhere."""
    for schedule in (clr_ref.triangular(0, 1, 2**61 - 2**37), clr_ref.triangular2(0, 1, 2**60)):
        assert schedule.values(2**50, 2**50 + 5).shape == (5,)


def steps_of(kind: str) -> Any:
    return {"start": 0, "far": 10**15, "end": 2**63 - 50_000}[kind]


@pytest.mark.parametrize("start", ["start", "far", "end"])
@pytest.mark.parametrize("step_size", [1, 7, 937, 2000, 33.3, 2.5, 20_000])
@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_long_ranges(policy: str, step_size: float, start: str) -> None:
    """50,000 steps: whole cycles are reused, halved and mirrored; the bits are those of single steps."""
    gamma = {"gamma": 0.9999} if policy == "exp_range" else {}
    schedule = getattr(clr_ref, policy)(1e-4, 1e-2, step_size, **gamma)
    first = steps_of(start) + 3
    rates = schedule.values(first, first + 49_990)
    picked = np.linspace(0, 49_989, 400, dtype=np.int64)
    assert rates[picked].tolist() == [schedule(first + int(i)) for i in picked]


POLICIES = ("triangular", "triangular2", "exp_range")


def schedule_of(policy: str, step_size: float, low: float = 1e-4, high: float = 1e-2, **more: Any) -> Any:
    gamma = {"gamma": 0.9999} if policy == "exp_range" else {}
    return getattr(clr_ref, policy)(low, high, step_size, **gamma, **more)


def the_general_way(schedule: clr_ref.CyclicalLearningRate, steps: Any) -> Any:
    """The rates in int64 phase and table powers, which the swift way has to equal in bits."""
    out = np.empty(len(steps), schedule.dtype)
    with np.errstate(all="ignore"):
        general.fill(plan(schedule), np.asarray(steps, np.int64), out)
    return out


BOUNDS = [(1e-4, 1e-2), (0.0, 0.1), (1e-2, 1e-4), (-0.3, 0.7), (-0.1, -0.2), (0.0, 1e-40), (1e-42, 3e-39), (3e38, 1e38)]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("step_size", [1, 937, 33.3, 100_003])
@pytest.mark.parametrize("policy", POLICIES)
def test_both_ways_give_the_same_bits(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    schedule = schedule_of(policy, step_size, *bounds)
    rng = np.random.default_rng(0)
    near = rng.integers(0, 3 * 10**6, arrays.CHUNK + 1)
    for steps in (near, rng.integers(0, 2**33, 1000), np.array([plan(schedule).last_fast_step - d for d in range(3)])):
        rates = schedule(steps)
        assert rates.tobytes() == the_general_way(schedule, steps).tobytes()
        for index in range(0, len(steps), 97):
            assert rates[index].tobytes() == schedule(int(steps[index])).tobytes()
            assert rates[index] == exact.rounded(schedule, int(steps[index]))


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (1e-2, 1e-4), (0.3, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("step_size", [1, 937, 33.5, 2.0**30, 2.0**30 + 64])
@pytest.mark.parametrize("policy", POLICIES)
def test_steps_that_fit_a_word_and_steps_that_do_not(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    """In one array, each kind after the other."""
    schedule = schedule_of(policy, step_size, *bounds)
    size, rng = arrays.CHUNK, np.random.default_rng(1)
    kinds = [rng.integers(0, high, size) for high in (2**31, 10**5, 2**40, 10**5, 2**31)]
    steps = np.concatenate([*kinds, np.arange(2**31 - 9, 2**31 + 9)])
    assert schedule(steps).tobytes() == the_general_way(schedule, steps).tobytes()


@pytest.mark.parametrize("around", [2**51, 2**53, 2**62])
@pytest.mark.parametrize("step_size", [1, 937, 2.5, 2.0**40 + 2.0**20])
@pytest.mark.parametrize("policy", POLICIES)
def test_steps_around_powers_of_two(policy: str, step_size: float, around: int) -> None:
    """Where float64 stops holding every whole number, and where the phase changes its way, within one array and one range."""
    schedule = schedule_of(policy, step_size)
    steps = np.arange(around - 700, around + 700)
    rates = schedule(steps)
    assert rates.tobytes() == schedule.values(around - 700, around + 700).tobytes()
    assert rates[::100].tolist() == [exact.rounded(schedule, t) for t in range(around - 700, around + 700, 100)]
    limit = min(plan(schedule).last_fast_step, 2**62)
    across = np.arange(limit - 50, limit + 50)
    assert schedule(across).tolist() == [exact.rounded(schedule, int(t)) for t in across]


C = ranges.CHUNK


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1), (-0.3, 0.7)])
@pytest.mark.parametrize(
    ("step_size", "start", "count"),
    [
        (C - 1, 0, 5 * C),  # a peak on the last step of a chunk
        (C, 1, 4 * C + 1),
        (2 * C + 5, C + 3, 6 * C),  # from within a rise: its fall is mirrored in part
        (2 * C + 5, 2 * C + 5, 3 * C),  # from a peak
        (2 * C + 5, 3 * C, 6 * C),  # from within a fall
        (2 * C + 5, 4 * C + 9, C + 1),  # ends before the next peak
        (2 * C + 5, 7 * 10**12 + 11, 5 * C),
        (40_000, 123, 3 * ranges.REPEATED),  # a period longer than what is copied at once
        (10**7, 5 * 10**6, 2 * C),  # a cycle longer than the range
        (10**7, 10**7 - C, 2 * C + 1),  # across its peak
        (3, 1, 3 * C),
        (33.3, 17, 2 * C + 1),
        (33.3, 2**34, 2 * C + 1),
        (0.75, 5, 2 * C),
        (10_000.5, 9_999, 3 * C),
        (1, 2**63 - 2 * C, 2 * C),
        (2 * C + 5, 2**63 - 3 * C, 3 * C),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_seams_of_ranges(policy: str, step_size: float, start: int, count: int, bounds: tuple[float, float]) -> None:
    schedule = schedule_of(policy, step_size, *bounds)
    rates = schedule.values(start, start + count)
    assert rates.tobytes() == the_general_way(schedule, np.arange(count) + start).tobytes()
    p = max(1, int(schedule.step_size))
    seams = {0, 1, C - 1, C, 2 * C, count - 1, *(k * p - start % (2 * p) + d for k in range(1, 5) for d in (-1, 0, 1))}
    for index in (index for index in sorted(seams) if 0 <= index < count):
        assert rates[index] == exact.rounded(schedule, start + index)


@given(st.integers(1, 3000), st.integers(0, 300_000))
def test_repeating(period: int, length: int) -> None:
    for scaled in (period, 61 * period):
        out = np.full(length, -1, np.float32)
        out[:scaled] = np.arange(min(scaled, length))
        ranges._repeat(out, scaled)
        assert (out == np.arange(length) % scaled).all()


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1)])
@pytest.mark.parametrize("step_size", [937, 33.3, 100_000, 10**9])
@pytest.mark.parametrize("policy", POLICIES)
def test_memory_of_a_range(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    """The result and 1 MiB, whatever the length of the range and of the cycle."""
    schedule = schedule_of(policy, step_size, *bounds)
    schedule.values(0, 1)  # tables are the schedule's, once
    peaks = {}
    for count in (10, 300_000, 1_000_000):
        tracemalloc.start()
        rates = schedule.values(5, 5 + count)
        _, peaks[count] = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peaks[count] <= rates.nbytes + 2**20
    assert peaks[10] < 2**16


def test_an_exponential_that_cannot_be_believed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every library's error is far below what is allowed; one that is not is found out, and one that is changes no bit."""
    original = np.exp2
    monkeypatch.setattr(powers, "EXP2_UNITS", 600)
    steps = np.arange(2_000_000)  # so many that an error of 2**-44, taken for none, makes some of them wrong
    expected = the_general_way(clr_ref.exp_range(1e-4, 1e-2, 937, gamma=0.999999), steps)
    for error, sound in [(2.0**-44, True), (-(2.0**-44), True), (2.0**-38, False), (0.5, False)]:

        def skewed(x: Any, out: Any = None, error: float = error) -> Any:
            return np.multiply(original(x), 1 + error, out=out)

        monkeypatch.setattr(np, "exp2", skewed)
        schedule = clr_ref.exp_range(1e-4, 1e-2, 937, gamma=0.999999)
        assert schedule(steps).tobytes() == expected.tobytes()
        assert schedule._plan.powers.exp2_is_sound is sound


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1), (1e-2, 1e-4)])
@pytest.mark.parametrize("policy", POLICIES)
def test_hardly_any_step_needs_the_careful_way(
    policy: str, bounds: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = one_step.one_rate
    monkeypatch.setattr(one_step, "one_rate", lambda *a: calls.append(a) or original(*a))
    schedule = schedule_of(policy, 99_991, *bounds)
    schedule(np.arange(0, 1_000_000, 3))
    assert len(calls) <= 3
    calls.clear()
    for step in range(1, 40_000, 2):
        schedule(step)
    assert len(calls) <= 20


@pytest.mark.parametrize("policy", POLICIES)
def test_steps_in_a_row(policy: str) -> None:
    """Answers do not depend on what was asked before: in a row, back again, over the ends of blocks, with gaps, at the end."""
    last = 2**63 - 1
    rows = [
        range(1000),
        range(999, -1, -1),
        range(0, 3000, 3),
        [5, 6, 7, 300, 301, 5, 6, 262, 263, 7],
        range(last - 600, last + 1),
    ]
    schedule = schedule_of(policy, 37)
    for row in rows:
        for step in row:
            expected = schedule_of(policy, 37)(np.array([step]))[0] if len(row) < 20 else None
            found = schedule(step)
            assert type(found) is np.float32
            assert expected is None or found == expected
        assert [schedule(step) for step in row] == schedule(np.array(row)).tolist()


def test_nothing_is_computed_ahead_for_steps_apart() -> None:
    asked = []
    rate = one_step.with_blocks_ahead(
        lambda step: step, lambda first: asked.append(first) or range(first, first + one_step.BLOCK)
    )
    for step in (0, 2, 4, 3, 1):
        assert rate(step) == step
    assert asked == []
    for step in range(10, 11 + 2 * one_step.BLOCK):
        assert rate(step) == step
    assert asked == [11, 11 + one_step.BLOCK]


def test_threads_share_a_schedule() -> None:
    schedule = schedule_of("triangular2", 37)
    expected = schedule.values(0, 20_000).tolist()

    def ask(first: int) -> bool:
        return [schedule(step) for step in range(first, 20_000)] == expected[first:]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, [0, 100, 300, 7]))


def test_one_step_of_any_schedule_is_rounded_once() -> None:
    """The fast functions of one step, by policy, dtype and kind of bounds, with cycles far beyond the last that matters."""
    steps = [0, 1, 2, 3, 936, 937, 938, 1874, 10**4, 10**6, 937 * 4801, 937 * 3 + 2**40, 2**62 + 5, 2**63 - 1]
    wide = [(1e-4, 1e-2), (0.0, 1.0), (0.0, 5e-324), (-1.7e308, 1.7e308), (-0.0, -1e-300)]
    for policy, dtype in itertools.product(POLICIES, ("float32", "float64")):
        for bounds, step_size in itertools.product(BOUNDS if dtype == "float32" else wide, (937, 2.5, 0.1, 2.0**60)):
            schedule = schedule_of(policy, step_size, *bounds, dtype=dtype)
            for step in steps:
                assert schedule(step).tobytes() == exact.rounded(schedule, step).tobytes()
