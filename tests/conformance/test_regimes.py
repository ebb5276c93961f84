"""The inputs are drawn evenly over their regimes, and a fault of known rarity is found as often as the manual says."""

from __future__ import annotations

import functools
import hashlib
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clr_ref.conformance import regimes
from clr_ref.conformance.checks import ALL, CHECKS, Check, Judge, Wrong
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.config import MAX_EXAMPLES, MAX_STEP, POLICY_NAMES, THOROUGH_EXAMPLES, Config
from clr_ref.conformance.protocol import COUNTED
from clr_ref.conformance.search import search
from tests.subjects import OfConfig

MANUAL = Path(__file__).parents[2] / "docs" / "CONFORMANCE.md"


def setting(check: Check, reach: int = MAX_STEP, dtype: str = "float32") -> regimes.Setting:
    return regimes.Setting(check.policies[-1], dtype, reach, check.family, check.needs)


@functools.cache
def shares_of(made: regimes.Setting, count: int) -> list[Counter[int]]:
    points = list(regimes.points(made, 0, count))
    return [Counter(point.numbers[axis][0] for point in points) for axis in range(len(made.axes))]


def shares(check: Check, count: int) -> list[Counter[int]]:
    """How many of the points of a check are in each regime, for each axis."""
    return shares_of(setting(check), count)


def checks_table() -> str:
    rows = ["| clause | check | configs | beside them |", "| --- | --- | --- | --- |"]
    for check in ALL:
        rows.append(f"| {check.clause} | {check.name} | {check.family} | {', '.join(check.needs) or '-'} |")
    return "\n".join(rows)


def regimes_table() -> str:
    rows = ["| inputs | regime | n | n with `--thorough` |", "| --- | --- | --- | --- |"]
    for name, axis in (regimes.CONFIGS | regimes.NEEDS).items():
        users = [(check, (check.family, *check.needs).index(name)) for check in ALL if name in (check.family, *check.needs)]
        for index, regime in enumerate(axis):
            least = [min(shares(check, count)[at][index] for check, at in users) for count in (MAX_EXAMPLES, THOROUGH_EXAMPLES)]
            rows.append(f"| {name} | {regime.name} | {least[0]} | {least[1]} |")
    return "\n".join(rows)


def test_the_manual_lists_every_check_and_regime() -> None:
    manual = MANUAL.read_text("utf-8")
    assert f"Each check tries {MAX_EXAMPLES} inputs (`--max-examples`)." in manual
    assert checks_table() in manual
    assert regimes_table() in manual


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_every_regime_has_its_share(check: Check) -> None:
    for share in shares(check, MAX_EXAMPLES):
        assert max(share.values()) - min(share.values()) <= 2
        assert sum(share.values()) == MAX_EXAMPLES


# --- Faults of known rarity --------------------------------------------------------------------------------------------------


def strikes(inputs: Any, share: float) -> bool:
    """Whether a fault hits an input: it hits that share of all, without any pattern."""
    digest = hashlib.sha256(repr(sorted(inputs.items())).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("check", {(c.family, c.needs): c for c in CHECKS}.values(), ids=lambda check: check.name)
def test_a_rare_fault_is_found_as_often_as_the_manual_says(check: Check, share: float) -> None:
    """A fault in one regime of the first axis that has several, with many seeds."""
    axis = next((axis for axis in range(len(check.needs) + 1) if len(setting(check).axes[axis]) > 1), 0)
    seeds, count = 150, shares(check, MAX_EXAMPLES)[axis][0]
    found = 0
    for seed in range(seeds):
        points = regimes.points(setting(check, dtype="float64"), seed, MAX_EXAMPLES)
        found += any(strikes(point.inputs, share) for point in points if point.numbers[axis][0] == 0)
    expected = 1 - (1 - share) ** count
    # Five standard deviations of the binomial distribution: the seeds are fixed, so that this test cannot fail by chance.
    assert abs(found / seeds - expected) <= 5 * math.sqrt(expected * (1 - expected) / seeds) + 1e-9


def test_the_search_finds_a_fault_that_hits_one_of_its_inputs() -> None:
    """Whatever is drawn is also tried: the search stops at the first input that a fault hits."""
    judge = Judge(OfConfig(lambda config: config.build()), Config("triangular", 0.0, 1.0, 4), 0)  # type: ignore[arg-type]

    def body(judge: Judge, step: int) -> None:
        if strikes({"config": judge.config, "step": step}, 0.05):
            raise Wrong(judge.config, step, "hit")

    check = Check(body, "3.1", "", POLICY_NAMES, "everyday", False)
    for seed in range(100):
        points = list(regimes.points(setting(check), seed, MAX_EXAMPLES))
        hit = any(strikes(point.inputs, 0.05) for point in points)
        assert (search(check, judge, points, shrink=False).wrong is not None) == hit


# --- The inputs themselves ---------------------------------------------------------------------------------------------------


def drawn(
    family: str, policy: str, *, reach: int = MAX_STEP, dtype: str = "float32", count: int = 1200
) -> list[regimes.Inputs]:
    made = regimes.Setting(policy, dtype, reach, family, ("step",))
    return [point.inputs for point in regimes.points(made, 7, count)]


def test_the_manual_says_what_is_never_tried() -> None:
    """Whoever widens a regime has a sentence to remove from docs/CONFORMANCE.md, under "What is tried"."""
    configs = [inputs["config"] for family in regimes.CONFIGS for inputs in drawn(family, "exp_range")]
    bounds = {abs(bound) for config in configs for bound in (config.initial_learning_rate, config.maximal_learning_rate)}
    assert (min(bounds - {0.0}), max(bounds)) == (1e-8, 1.0)
    sizes = {config.step_size for config in configs}
    assert min(sizes) == 0.01
    assert 2**40 < max(sizes) < 2**41
    hundredths = (size for size in sizes if size > 17)
    assert all(Fraction(size).denominator == 1 or size == float(f"{size:.2f}") for size in hundredths)
    gammas = {config.gamma for config in configs}
    assert 1 - 2.0**-19 < max(gamma for gamma in gammas if gamma < 1) <= 1 - 2.0**-20
    assert 1.00008 < min(gamma for gamma in gammas if gamma > 1) < 1.0001
    assert max(gammas) < 6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reach", [COUNTED, MAX_STEP])
@pytest.mark.parametrize("family", regimes.CONFIGS)
def test_every_input_is_one_of_the_specification(family: str, reach: int, dtype: str) -> None:
    for inputs in drawn(family, "exp_range", reach=reach, dtype=dtype, count=100):
        assert inputs["config"].has_rates
        assert 0 <= inputs["step"] <= reach
        assert math.isfinite(inputs["config"].build()(inputs["step"]))


def test_the_inputs_reach_what_chapter_1_speaks_of() -> None:
    sizes = [inputs["config"].step_size for inputs in drawn("large step sizes", "triangular")]
    assert {int(math.log2(size)) for size in sizes} == set(range(20, 41))
    assert {size % 2 for size in sizes if size > 2**39} == {0, 1}
    fractions = [Fraction(inputs["config"].step_size) % 1 for inputs in drawn("fractional step sizes", "triangular")]
    assert min(fractions) <= Fraction(1, 2**19)
    assert {inputs["config"].step_size < 1 for inputs in drawn("fractional step sizes", "triangular")} == {True, False}
    signs = {
        (inputs["config"].initial_learning_rate < 0, inputs["config"].maximal_learning_rate < 0)
        for inputs in drawn("bounds of any sign", "triangular")
    }
    assert signs == {(True, False), (False, True), (True, True)}
    for dtype, top in (("float32", 120), ("float64", 990)):
        made = drawn("any gamma", "exp_range", dtype=dtype)
        assert max(inputs["step"] * math.log2(inputs["config"].gamma) for inputs in made) > top
        assert min(inputs["config"].gamma for inputs in made) < 1e-300


def test_the_simplest_inputs_have_two_bounds() -> None:
    """With equal bounds every phase has the same rate, and "steps 0 to 63 are right" would say nothing."""

    def always(judge: Judge, step: int) -> None:
        raise Wrong(judge.config, step, "always")

    def above_0(judge: Judge, step: int) -> None:
        if judge.config.initial_learning_rate > 0:
            raise Wrong(judge.config, step, "above 0")

    judge = Judge(OfConfig(lambda config: config.build()), Config("triangular", 0.0, 1.0, 4), 0)  # type: ignore[arg-type]
    for body, bounds in ((always, (0.0, 1.0)), (above_0, (0.125, 1.0))):
        check = Check(body, "3.1", "", POLICY_NAMES, "everyday", False)
        wrong = search(check, judge, regimes.points(setting(follows_the_formula), 3, MAX_EXAMPLES)).wrong
        assert wrong is not None
        assert (wrong.config.initial_learning_rate, wrong.config.maximal_learning_rate) == bounds
        assert (wrong.config.step_size, wrong.step) == (1, 0)
