"""What a check needs beside the config, points and how they become simpler; numbers and configs are in test_regime_inputs."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from random import Random
from typing import Any

import pytest

from clr_ref.conformance import regimes
from clr_ref.conformance.config import MAX_STEP, Config
from tests.conformance.test_regime_inputs import DEEP, LONG, SIMPLEST, UNEVEN, drawn, need, setting, share

# --- What a check needs beside the config ------------------------------------------------------------------------------------


def test_small_steps() -> None:
    assert set(drawn("step", 0)) == set(range(21))


@pytest.mark.parametrize(("of", "corners"), [(LONG, [0, 1000]), (UNEVEN, [0, 1000])])
def test_steps_beside_the_ends_and_peaks_of_the_first_50_cycles(of: Config, corners: list[int]) -> None:
    starts = [int(of.cycle) * cycle + corner for cycle in range(50) for corner in corners]
    assert set(drawn("step", 1, of)) == {max(start + beside, 0) for start in starts for beside in (-2, -1, 0, 1, 2)}
    assert [need("step", 1, of, 1, index) for index in range(5)] == [1000, 1001, 1002, 999, 998]


def half_cycle(of: Config, step: int) -> int:
    cycle, into = divmod(step, int(of.cycle))
    return 2 * cycle + (into >= of.step_size)


@pytest.mark.parametrize("of", [LONG, UNEVEN])
def test_steps_inside_the_half_cycles_of_the_first_50_cycles(of: Config) -> None:
    steps = drawn("step", 2, of)
    assert {half_cycle(of, step) for step in steps} == set(range(100))
    fall = int(of.cycle) - 1000
    assert [need("step", 2, of, 4, into) for into in (0, 2**18, 2**20)] == [int(of.cycle) * 2 + t for t in (0, 250, 1000)]
    assert [need("step", 2, of, 5, into) for into in (0, 2**18, 2**20)] == [
        int(of.cycle) * 2 + 1000 + t for t in (0, fall // 4, fall)
    ]
    assert abs(share(steps, lambda step: step % int(of.cycle) < 100) - 0.05) < 0.01


@pytest.mark.parametrize("of", [LONG, UNEVEN])
def test_steps_inside_the_deep_cycles(of: Config) -> None:
    steps = drawn("step", 3, of)
    assert {half_cycle(of, step) for step in steps} == {2 * (cycle - 1) + half for cycle in DEEP for half in (0, 1)}
    assert need("step", 3, of, 0, 0) == int(of.cycle) * 30
    assert need("step", 3, of, 13, 0) == int(of.cycle) * 128 + 1000
    assert abs(share(steps, lambda step: step % int(of.cycle) < 100) - 0.05) < 0.01


def test_steps_are_within_reach() -> None:
    for regime in range(4):
        steps = drawn("step", regime, reach=2500)
        assert 0 <= min(steps) <= max(steps) <= 2500
    assert need("step", 1, LONG, 99, 0, reach=2500) == 2500
    assert need("step", 0, LONG, 20, reach=20) == 20


@pytest.mark.parametrize(("dtype", "largest"), [("float32", 126), ("float64", 1000)])
def test_steps_at_which_gamma_has_not_overflowed(dtype: str, largest: int) -> None:
    """The largest exponents are 127 and 1023; those above ``largest`` are left for the bounds and for rounding."""
    of = Config("exp_range", 0.0, 1.0, 1000, 2.0, dtype)
    steps = drawn("step", 2, of, 20_000)
    assert (min(steps), max(steps)) == (0, largest)
    assert need("step", 0, of, 7) == 7  # it is kept where it need not be changed
    assert len(set(steps)) == max(steps) + 1


def test_steps_at_which_gamma_is_not_too_small_to_be_seen() -> None:
    assert set(drawn("step", 2, Config("exp_range", 0.0, 1.0, 8, 9e-4))) == {0, 1, 2, 3}
    assert max(drawn("step", 2, Config("exp_range", 0.0, 1.0, 8, 1e-3))) > 700
    assert max(drawn("step", 2, Config("exp_range", 0.0, 1.0, 8, 1.0))) > 700
    assert need("step", 1, Config("exp_range", 0.0, 1.0, 8, 2.0), 0, 4) == 0  # two steps before the first one
    assert need("step", 1, Config("exp_range", 0.0, 1.0, 8, 1e-4), 0, 4) == 0


@pytest.mark.parametrize(
    ("name", "regime", "numbers"),
    [
        ("cycles", 0, range(6)),
        ("cycles", 1, range(41)),
        ("cycles", 2, DEEP),
        ("halvings", 0, range(6)),
        ("halvings", 1, range(41)),
        ("halvings", 2, [*DEEP, 1023, 1024, 1025, 1026]),
    ],
)
def test_numbers_of_cycles(name: str, regime: int, numbers: list[int]) -> None:
    for of in (LONG, UNEVEN):
        assert set(drawn(name, regime, of)) == set(numbers)
        reach = 3 * int(of.cycle) + 5
        assert max(drawn(name, regime, of, reach=reach)) == 3
    simplest = [need(name, regime, LONG, index) for index in range(len(numbers))]
    assert simplest == list(numbers)


def test_far_steps() -> None:
    beside = {2**power + more for power in (24, 31, 32, 53, 62) for more in range(-3, 4)}
    assert set(drawn("far", 0)) == beside
    assert [need("far", 0, LONG, 1, index) - 2**31 for index in range(7)] == [0, 1, 2, 3, -1, -2, -3]
    steps = drawn("far", 1)
    powers = Counter(step.bit_length() - 1 for step in steps)
    assert set(powers) == set(range(24, 63))
    assert max(powers.values()) < 1.6 * min(powers.values())
    assert [need("far", 1, LONG, more) for more in (0, 1, 2**63 - 1 - 2**24, 2**63)] == [2**24, 2**24 + 1, MAX_STEP, MAX_STEP]


def test_where_schedulers_are_stopped() -> None:
    assert set(drawn("at", 0, LONG)) == set(range(101))
    assert set(drawn("at", 0, Config("triangular", 0.0, 1.0, 5))) == set(range(31))


def test_wrong_values_take_turns() -> None:
    assert [set(drawn("refused", index)) for index in range(3)] == [{0}, {1}, {2}]


# --- Points ------------------------------------------------------------------------------------------------------------------


def point(*numbers: tuple[int, tuple[int, ...]], needs: tuple[str, ...] = ()) -> regimes.Point:
    return regimes.Point(setting(needs=needs), numbers)


def test_a_simpler_point_has_one_number_that_is_smaller() -> None:
    """All numbers below 16, then those that are a half, a quarter, an eighth, ... smaller."""
    numbers = [one.numbers[1][1][0] for one in point((0, SIMPLEST), (0, (20,)), needs=("far",)).simpler()]
    assert numbers == [*range(16), 18, 19]
    assert [one.numbers for one in point((0, (0, 3, 0, 1))).simpler()] == [
        ((0, numbers),) for numbers in ((0, 0, 0, 1), (0, 1, 0, 1), (0, 2, 0, 1), (0, 3, 0, 0))
    ]
    assert [one.numbers[0][1][2] for one in point((0, (0, 0, 1000, 0))).simpler()] == [
        *range(16),
        *(500, 750, 875, 938, 969, 985, 993, 997, 999),
    ]


def test_a_simpler_regime_gets_the_first_numbers_that_it_draws() -> None:
    simpler = list(point((0, SIMPLEST), (2, (0,)), needs=("refused",)).simpler())
    assert [one.numbers for one in simpler] == [((0, SIMPLEST), (regime, (0,))) for regime in (0, 1)]
    first = regimes.NEEDS["cycles"][1].draw(Random(0))
    assert ((0, SIMPLEST), (1, first)) in [one.numbers for one in point((0, SIMPLEST), (2, (0,)), needs=("cycles",)).simpler()]


def test_small_steps_of_the_simplest_config_come_first() -> None:
    simpler = [one.numbers for one in point((0, (1, 0, 0, 0)), (0, (0,)), needs=("step",)).simpler()]
    assert simpler == [*(((0, SIMPLEST), (0, (step,))) for step in range(16)), ((0, SIMPLEST), (0, (0,)))]
    assert list(point((0, SIMPLEST), (0, (0,)), needs=("step",)).simpler()) == []


def test_a_point_has_numbers_for_everything_that_is_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        _ = point((0, SIMPLEST), needs=("step",)).inputs
    with pytest.raises(ValueError, match="zip"):
        _ = point((0, SIMPLEST), (0, (1,)), (0, (1,)), needs=("step",)).inputs
    assert point((0, SIMPLEST), (0, (3,)), needs=("step",)).inputs == {
        "config": Config("exp_range", 0.0, 1.0, 1, 1.0),
        "step": 3,
    }


#: The first digits of SHA-256 of the inputs that 200 points have.
SAME_INPUTS = {
    "everyday": "25dc868ff022",
    "bounds of any sign": "5980a6939da8",
    "fractional step sizes": "2b1c19b42b6f",
    "large step sizes": "0a62215d890e",
    "asymmetric cycles": "a58d06a7a541",
    "cycled momentum": "9a2180f9a683",
    "any gamma": "1797d6c38d6b",
    "gamma between two float32": "9b8deb8d3e6f",
    "step": "3eb75cd38508",
    "cycles": "1624013be226",
    "halvings": "22b9080c775a",
    "far": "c4abaefd0a11",
    "at": "276ac12d8060",
    "refused": "6a2725568eee",
}


def given(config: Config, **needs: int) -> list[tuple[str, Any]]:
    """The inputs without what a config does not have, so that a new field of it changes no digest."""
    fields = {name: value for name, value in dataclasses.asdict(config).items() if value is not None}
    return sorted({"config": fields, **needs}.items())


@pytest.mark.parametrize("name", [*regimes.CONFIGS, *regimes.NEEDS])
def test_the_same_arguments_give_the_same_inputs_on_every_system(name: str) -> None:
    """So that ``--seed`` finds a failure again, elsewhere and later. A change of what is drawn changes these digests."""
    family, needs = (name, ()) if name in regimes.CONFIGS else ("everyday", (name,))
    made = regimes.Setting("exp_range", "float64", MAX_STEP, family, needs)
    inputs = [given(**one.inputs) for one in regimes.points(made, 0, 200)]
    digest = hashlib.sha256("\n".join(map(str, inputs)).encode()).hexdigest()[:12]
    assert digest == SAME_INPUTS.get(name), f"the first inputs are {inputs[:3]}"
