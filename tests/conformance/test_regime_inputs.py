"""The inputs of each regime are those that its name promises: the smallest, the largest, and nothing outside.

Numbers are given to a regime here, or drawn from it; what must come of them stands in docs/CONFORMANCE.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance import regimes
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.protocol import COUNTED

DEEP = [31, 32, 33, 34, 127, 128, 129]
#: 1,000 steps up, 1,000 steps down.
LONG = Config("triangular", 0.0, 1.0, 1000)
UNEVEN = Config("triangular", 0.0, 1.0, 1000, step_size_down=3000)
#: The everyday config with the rates 0 and 1, a step size of 1 and a gamma of 1, and the numbers behind which the others begin.
SIMPLEST = (0, 0, 0, 0)
RATES, SIZES, GAMMAS = 7, 12, 6


def setting(
    policy: str = "exp_range", reach: int = MAX_STEP, needs: tuple[str, ...] = (), dtype: str = "float32"
) -> regimes.Setting:
    return regimes.Setting(policy, dtype, reach, "everyday", needs)


def config(family: str, regime: int, *numbers: int, **options: Any) -> Config:
    made: Config = regimes.CONFIGS[family][regime].meaning(setting(**options), *numbers)
    return made


def need(name: str, regime: int, of: Config, *numbers: int, reach: int = MAX_STEP) -> int:
    made: int = regimes.NEEDS[name][regime].meaning(setting(reach=reach), of, *numbers)
    return made


def numbers_of(regime: regimes.Regime, count: int) -> list[tuple[int, ...]]:
    random = Random(1)
    return [regime.draw(random) for _ in range(count)]


def drawn_configs(family: str, regime: int, count: int = 4000, **options: Any) -> list[Config]:
    return [config(family, regime, *numbers, **options) for numbers in numbers_of(regimes.CONFIGS[family][regime], count)]


def drawn(name: str, regime: int, of: Config = LONG, count: int = 8000, reach: int = MAX_STEP) -> list[int]:
    return [need(name, regime, of, *numbers, reach=reach) for numbers in numbers_of(regimes.NEEDS[name][regime], count)]


def share(values: list[Any], holds: Callable[[Any], bool]) -> float:
    return sum(map(holds, values)) / len(values)


def two_digits(rate: float) -> bool:
    return rate == float(f"{rate:.1e}")


# --- Numbers -----------------------------------------------------------------------------------------------------------------


class Always(Random):
    """Its ``random()`` returns one number always."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


def test_a_number_below_a_limit_has_all_values_and_no_others() -> None:
    random = Random(0)
    for limit in (1, 2, 3, 7, 100):
        assert set(Counter(regimes._below(random, limit) for _ in range(2000))) == set(range(limit))


@pytest.mark.parametrize("bits", [8, 31, 32, 33, 53, 62, 64, 65])
def test_a_number_below_a_large_limit_is_uniform_to_its_last_bit(bits: int) -> None:
    """``random()`` alone has 53 bits: of a larger number the last ones would be 0 always."""
    random = Random(0)
    values = [regimes._below(random, 2**bits) for _ in range(4000)]
    for bit in range(bits):
        assert abs(sum(value >> bit & 1 for value in values) / len(values) - 0.5) < 0.04


def test_a_number_is_made_of_pieces_of_32_bits() -> None:
    assert regimes._below(Always(0.75), 2**32 - 1) == 3 * 2**30
    assert regimes._below(Always(0.5), 2**40) == 2**31 * (2**32 + 1) % 2**40


def test_half_of_the_cases_are_the_few() -> None:
    random = Random(0)
    values = [regimes._few_or(random, 3, 5) for _ in range(4000)]
    assert set(values) == set(range(8))
    assert abs(share(values, lambda value: value < 3) - 0.5) < 0.04


def test_powers_of_two_have_equal_shares() -> None:
    random = Random(0)
    values = [regimes._binades(random, 3, 7) for _ in range(8000)]
    assert set(values) == set(range(8, 128))
    counts = Counter(value.bit_length() - 1 for value in values)
    assert all(abs(counts[power] / len(values) - 0.25) < 0.03 for power in range(3, 7))


# --- Configs -----------------------------------------------------------------------------------------------------------------


def test_the_simplest_everyday_config() -> None:
    assert config("everyday", 0, *SIMPLEST) == Config("exp_range", 0.0, 1.0, 1, 1.0)


def test_everyday_numbers_are_round_ones_or_of_few_digits() -> None:
    made = drawn_configs("everyday", 0, 6000)
    rates = [rate for one in made for rate in (one.initial_learning_rate, one.maximal_learning_rate)]
    few = {0.0, 0.125, 1.0, 0.1, 0.01, 1e-3, 1e-4}
    assert few <= set(rates)
    assert all(rate in few or (1e-8 <= rate < 1 and two_digits(rate)) for rate in rates)
    # Some rates of two digits are round too: 0.1, 0.01, 1e-3 and 1e-4.
    assert abs(share(rates, lambda rate: rate in few) - 0.5) < 0.04
    assert {math.floor(math.log10(rate) + 1e-9) for rate in set(rates) - {0.0, 1.0}} == set(range(-8, 0))
    assert all(one.initial_learning_rate <= one.maximal_learning_rate for one in made)

    sizes = [one.step_size for one in made]
    assert {1, 2, 3, 4, 5, 7, 10, 100, 937, 1874, 2000, 65_536} <= set(sizes)
    assert all(size == int(size) and 1 <= size < 2**20 for size in sizes)
    assert {int(size).bit_length() for size in sizes} == set(range(1, 21))
    large = share(sizes, lambda size: size >= 2**17)  # three of twenty powers of two, and none of the round sizes
    assert abs(large - 0.5 * 3 / 20) < 0.02

    gammas = [one.gamma for one in made]
    round_gammas = {1.0, 0.5, 0.9, 0.99, 0.999, 0.99994}
    assert round_gammas <= set(gammas) <= round_gammas | {float(f"0.{digits:03}") for digits in range(1, 1000)}
    assert abs(share(gammas, lambda gamma: gamma in round_gammas) - 0.5) < 0.04


@pytest.mark.parametrize(
    ("number", "rate"),
    [(0, 1e-8), (9, 1e-7), (98, 9.9e-7), (99, 1e-7), (198, 1e-6), (7 * 99 - 1, 0.99), (6 * 99 + 4, 0.05), (6 * 99, 0.01)],
)
def test_rates_of_two_digits(number: int, rate: float) -> None:
    assert config("everyday", 0, RATES + number, 0, 0, 0).initial_learning_rate == rate
    assert config("everyday", 0, 0, RATES + number, 0, 0).maximal_learning_rate == rate


def test_the_first_and_the_last_number_that_is_not_round() -> None:
    assert [config("everyday", 0, 0, 0, SIZES + more, 0).step_size for more in (-1, 0, 1, 2**20 - 2)] == [
        65_536,
        1,
        2,
        2**20 - 1,
    ]
    assert [config("everyday", 0, 0, 0, 0, GAMMAS + more).gamma for more in (-1, 0, 1, 998)] == [0.99994, 0.001, 0.002, 0.999]


def test_bounds_are_sorted_and_gamma_is_that_of_exp_range_alone() -> None:
    assert config("everyday", 0, 2, 2, 0, 1, policy="triangular2") == Config("triangular2", 0.0, 1.0, 1, 1.0)
    assert config("everyday", 0, 2, 2, 0, 1, dtype="float64") == Config("exp_range", 0.0, 1.0, 1, 0.5, "float64")


@pytest.mark.parametrize("reach", [COUNTED, 300])
def test_a_cycle_and_a_half_are_within_reach(reach: int) -> None:
    sizes = [one.step_size for one in drawn_configs("everyday", 0, 4000, reach=reach)]
    assert (min(sizes), max(sizes)) == (1, reach // 3)
    # A size that is within reach is kept, one that is not is replaced.
    assert config("everyday", 0, 0, 0, 7, 0, reach=reach).step_size == 100
    assert config("everyday", 0, 0, 0, 7, 0, reach=297).step_size == 2
    assert config("everyday", 0, 0, 0, 7, 0, reach=1).step_size == 1


def test_schedulers_are_stopped_in_short_cycles() -> None:
    sizes = [one.step_size for one in drawn_configs("everyday", 0, 1000, needs=("at",))]
    assert set(sizes) == set(range(1, 21))


@pytest.mark.parametrize(("regime", "signs"), [(0, (True, False)), (1, (False, True)), (2, (True, True))])
def test_bounds_of_any_sign(regime: int, signs: tuple[bool, bool]) -> None:
    for one in drawn_configs("bounds of any sign", regime, 1000):
        assert (one.initial_learning_rate < 0, one.maximal_learning_rate < 0) == signs


def test_bounds_of_any_sign_are_those_of_an_everyday_config_with_a_sign() -> None:
    """An everyday initial rate of 0.01 and a maximal one of 0.1; 0 has no sign, and another rate takes its place."""
    low, high = 4, 3

    def bounds(regime: int, *numbers: int) -> tuple[float, float]:
        made = config("bounds of any sign", regime, *numbers, 0, 0)
        return made.initial_learning_rate, made.maximal_learning_rate

    assert [bounds(regime, low, high) for regime in range(3)] == [(-0.1, 0.01), (0.01, -0.1), (-0.01, -0.1)]
    # Both are 0: the simplest number beside it is 1, or 0.125 where that is the other bound.
    assert [bounds(regime, 0, 2) for regime in range(3)] == [(-1.0, 0.0), (0.0, -1.0), (-0.125, -1.0)]


def test_whole_step_sizes_and_hundredths() -> None:
    made = drawn_configs("fractional step sizes", 0)
    hundredths = {round(one.step_size % 1 * 100) for one in made}
    assert hundredths == set(range(1, 100))
    assert all(one.step_size > 1 for one in made)
    sizes = [config("fractional step sizes", 0, *SIMPLEST, more).step_size for more in (0, 1, 2, 3, 4, 5, 102)]
    assert sizes == [1.5, 1.25, 1.1, 1.3, 1.01, 1.02, 1.99]


def test_step_sizes_below_1() -> None:
    sizes = [one.step_size for one in drawn_configs("fractional step sizes", 2)]
    assert set(sizes) == {float(f"0.{hundredths:02}") for hundredths in range(1, 100)}
    assert abs(share(sizes, lambda size: size in (0.5, 0.25, 0.1, 0.3)) - 8 / 103) < 0.02  # the simplest four have two shares


def test_fractions_below_2_to_the_minus_7_to_the_last_bit_of_a_float32() -> None:
    made = [Fraction(one.step_size) for one in drawn_configs("fractional step sizes", 1, 8000)]
    assert {int(size) for size in made} == set(range(1, 17))
    for size in made:
        last = Fraction(float(np.spacing(np.float32(size))))
        assert last <= size % 1 < Fraction(1, 64)
    exponents = Counter(math.floor(math.log2(size % 1)) for size in made)
    assert set(exponents) == set(range(-23, -6))
    # Those of the powers of two that every float32 from 1 to 16 has are as frequent as each other.
    frequent = [exponents[power] for power in range(-18, -6)]
    assert max(frequent) < 1.3 * min(frequent)
    # The number of digits behind a power of two is 10, or as many as a float32 has left.
    fraction = [
        config("fractional step sizes", 1, *SIMPLEST, *more).step_size - 2 for more in ((0, 0), (0, 1), (0, 1023), (16, 1023))
    ]
    assert fraction == [2.0**-7, 2.0**-7 + 2.0**-17, 2.0**-6 - 2.0**-17, 2.0**-22]


@pytest.mark.parametrize(("regime", "first", "last"), [(0, 20, 27), (1, 27, 34), (2, 34, 41)])
def test_large_step_sizes(regime: int, first: int, last: int) -> None:
    sizes = [int(one.step_size) for one in drawn_configs("large step sizes", regime, 3000)]
    powers = Counter(size.bit_length() - 1 for size in sizes)
    assert set(powers) == set(range(first, last))
    assert max(powers.values()) < 1.3 * min(powers.values())
    assert abs(share(sizes, lambda size: size % 2 == 1) - 0.5) < 0.05
    largest = last - first - 1
    for power, more, size in ((0, 0, 2**first), (0, 5, 2**first + 5), (largest, 2 ** (last - 1) - 1, 2**last - 1)):
        assert config("large step sizes", regime, *SIMPLEST, power, more).step_size == size
    assert config("large step sizes", regime, *SIMPLEST, 0, 2**first + 5).step_size == 2**first + 5


def test_two_step_sizes_of_every_kind() -> None:
    kinds: Counter[str] = Counter()
    falling = 0
    for one in drawn_configs("asymmetric cycles", 0):
        assert one.step_size_down is not None
        rise, fall = one.step_size, one.step_size_down
        falling += one.initial_learning_rate > one.maximal_learning_rate
        if (
            rise % 1 == fall % 1 == 0
            and max(rise, fall) % min(rise, fall) == 0
            and 2 <= max(rise, fall) // min(rise, fall) <= 9
        ):
            kinds["rise" if rise > fall else "fall"] += 1
        elif (rise % 1, round(fall % 1, 6)) == (0.25, 0.3):
            kinds["fraction"] += 1
        else:
            assert all(round(100 * size) / 100 == size and 0.01 <= size < 40 for size in (rise, fall))
            kinds["small"] += 1
            kinds["nearly equal"] += 0.9 < rise / fall < 1.1
            kinds["far apart"] += max(rise, fall) > 20 * min(rise, fall)
    total = sum(kinds[name] for name in ("rise", "fall", "fraction", "small"))
    assert min(kinds[name] for name in ("rise", "fall", "fraction", "small")) > 0.23 * total
    assert min(kinds["nearly equal"], kinds["far apart"]) > 0.01 * total
    assert 0.4 < falling / total < 0.52  # some bounds are equal


def test_two_step_sizes_from_their_numbers() -> None:
    numbers = [*((kind, more) for kind in range(3) for more in (0, 7)), (3, 0), (3, 1), (3, 4000), (3, 3900 + 3899 * 4000)]
    made = [config("asymmetric cycles", 0, 0, 0, 6, 0, *more) for more in numbers]
    assert [(one.step_size, one.step_size_down) for one in made] == [
        *((10, 20), (10, 90), (20, 10), (90, 10)),
        *((10.25, 20.3), (10.25, 90.3)),
        *((1.0, 1.0), (1.01, 1.0), (1.0, 1.01), (0.01, 39.99)),
    ]
    assert {(one.initial_learning_rate, one.maximal_learning_rate) for one in made} == {(0.0, 1.0)}
    for kind, more in numbers:
        other = config("asymmetric cycles", 0, 0, 0, 6, 0, kind + 4, more)
        assert (other.initial_learning_rate, other.maximal_learning_rate) == (1.0, 0.0)


@pytest.mark.parametrize("reach", [COUNTED, 240])
def test_an_asymmetric_cycle_is_within_reach(reach: int) -> None:
    sizes = drawn_configs("asymmetric cycles", 0, reach=reach)
    assert max(float(one.cycle) for one in sizes) <= reach
    longest = len(regimes.EVERYDAY_SIZES) + reach // 12 - 2
    assert config("asymmetric cycles", 0, 0, 0, longest, 0, 0, 0, reach=reach).step_size == reach // 12 - 1
    assert config("asymmetric cycles", 0, 0, 0, 6, 0, 0, 0, reach=120).step_size == 1  # 10 is no rest of a division by 10


def test_gammas_above_1() -> None:
    gammas = [config("any gamma", 0, *SIMPLEST, *more).gamma for more in ((0, 0), (0, 63), (1, 0), (1, 32), (1, 63))]
    assert gammas == [2.0, 2.0 + 63 / 16, 2.0, 2.83, 3.96]
    assert [config("any gamma", 0, *SIMPLEST, power, 0).gamma for power in (2, 3, 4, 14)] == [1.41, 1.189, 1.091, 1.000085]
    made = drawn_configs("any gamma", 0)
    assert all(1 < one.gamma < 8 for one in made)
    powers = Counter(math.floor(math.log2(math.log2(one.gamma)) + 0.02) for one in made if one.gamma < 1.99)
    assert set(powers) == set(range(-13, 0))
    assert max(powers.values()) < 1.5 * min(powers.values())
    assert {one.step_size < 2**20 for one in made} == {True}


def test_gammas_below_everyday_ones() -> None:
    made = drawn_configs("any gamma", 1)
    assert all(1e-323 <= one.gamma < 0.001 for one in made)
    assert min(one.gamma for one in made) < 1e-322
    assert {one.step_size for one in made} == set(range(1, 9))  # gamma^t would be 0 at later steps
    numbers = ((0, 0), (8, 0), (0, 1), (4, 304), (8, 318), (8, 319), (0, 319))
    gammas = [config("any gamma", 1, *SIMPLEST, *more).gamma for more in numbers]
    assert gammas == [1e-4, 9e-4, 1e-5, 5e-308, 9e-322, 9e-323, 1e-323]


def test_the_peak_and_the_gamma_that_show_a_rounded_gamma() -> None:
    for reach in (MAX_STEP, COUNTED):
        made = drawn_configs("gamma between two float32", 0, reach=reach)
        peaks = [int(one.step_size) for one in made]
        assert all(2**10 <= peak < 2**21 for peak in peaks)
        assert max(peaks) <= reach
        assert {one.initial_learning_rate for one in made} == {0.125}
        for one in made:
            away = Fraction(1) - Fraction(one.gamma)
            assert 2**-20 <= away <= 2**-9
            assert away * 2**53 % 1 == 0
            assert one.gamma**one.step_size > math.exp(-6.1)  # not too small to be seen
        if reach == MAX_STEP:
            assert {peak.bit_length() for peak in peaks} == set(range(11, 22))
        rates = [one.maximal_learning_rate for one in made]
        assert abs(share(rates, lambda rate: rate in (1.0, 0.1, 0.01)) - 0.5) < 0.05
        assert all(1e-8 <= rate <= 1 and two_digits(rate) for rate in rates)
    near = [config("gamma between two float32", 0, 0, 0, 0, more).gamma for more in (0, 1, 2, 3, 4)]
    assert near == [0.999, 0.9999, 0.99999, 1 - 2.0**-53, 1 - 2.0**-52]
    simplest = config("gamma between two float32", 0, 0, 0, 0, 0)
    assert simplest == Config("exp_range", 0.125, 1.0, 2**11, 0.999)
    # gamma^t is 0.0025 after 6 / (1 - gamma) steps.
    assert config("gamma between two float32", 0, 0, 0, 5990 - 2**11, 0).step_size == 5990
    assert config("gamma between two float32", 0, 0, 0, 6010 - 2**11, 0).step_size == 2**10 + 6010 % (5999 - 2**10)
    rounded = share(drawn_configs("gamma between two float32", 0), lambda one: one.gamma in near[:3])
    assert abs(rounded - 0.25) < 0.03
