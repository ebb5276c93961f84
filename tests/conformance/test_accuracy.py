"""The bound of the textbook formula holds for every usual way to write the formula, and errors come near it."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance import accuracy
from clr_ref.conformance.accuracy import Level, formula_bound, rates
from clr_ref.conformance.config import POLICY_NAMES, Config

Formula = Callable[[Any, Config, int], Any]


def scale(kind: Any, config: Config, cycle: Any, step: Any) -> Any:
    if config.policy == "triangular2":
        return kind(1) / kind(2) ** (cycle - kind(1))
    return kind(config.gamma) ** step if config.policy == "exp_range" else kind(1)


def inputs(kind: Any, config: Config, step: int) -> tuple[Any, Any, Any, Any]:
    numbers = (config.initial_learning_rate, config.maximal_learning_rate, config.step_size, step)
    low, high, size, t = (kind(number) for number in numbers)
    return low, high, size, t


def textbook(kind: Any, config: Config, step: int) -> Any:
    low, high, size, t = inputs(kind, config, step)
    cycle = np.floor(kind(1) + t / (kind(2) * size))
    x = np.abs(t / size - kind(2) * cycle + kind(1))
    return low + (high - low) * max(kind(0), kind(1) - x) * scale(kind, config, cycle, t)


def by_cycles(kind: Any, config: Config, step: int) -> Any:
    """As PyTorch computes it: the position in fractions of a cycle. The power is exp(t ln gamma)."""
    low, high, size, t = inputs(kind, config, step)
    total = size + size
    cycle = np.floor(kind(1) + t / total)
    x = kind(1) + t / total - cycle
    height = x / kind(0.5) if x <= 0.5 else (x - kind(1)) / (kind(0.5) - kind(1))
    power = np.exp(np.log(kind(config.gamma)) * t)
    return low + (high - low) * height * (power if config.policy == "exp_range" else scale(kind, config, cycle, t))


def weighted(kind: Any, config: Config, step: int) -> Any:
    """With a remainder for the phase, and a weighted mean of the bounds."""
    low, high, size, t = inputs(kind, config, step)
    into = np.fmod(t, kind(2) * size) / size
    cycle = np.floor(t * (kind(1) / (kind(2) * size))) + kind(1)
    weight = (into if into < 1 else kind(2) - into) * scale(kind, config, cycle, t)
    return low * (kind(1) - weight) + high * weight


def asymmetric_by_cycles(kind: Any, config: Config, step: int) -> Any:
    """As PyTorch computes it, with two step sizes."""
    low, high, size, t = inputs(kind, config, step)
    total = size + kind(config.step_size_down)
    ratio, cycle = size / total, np.floor(kind(1) + t / total)
    x = kind(1) + t / total - cycle
    height = x / ratio if x <= ratio else (x - kind(1)) / (ratio - kind(1))
    return low + (high - low) * height * scale(kind, config, cycle, t)


def asymmetric_by_steps(kind: Any, config: Config, step: int) -> Any:
    """With a remainder, and a quotient by each step size."""
    low, high, size, t = inputs(kind, config, step)
    total = size + kind(config.step_size_down)
    into, cycle = np.fmod(t, total), np.floor(t / total) + kind(1)
    height = into / size if into < size else (total - into) / kind(config.step_size_down)
    return low + (high - low) * height * scale(kind, config, cycle, t)


def reordered(kind: Any, config: Config, step: int) -> Any:
    """With a product for each quotient, a sum that begins with 1, and a weighted mean. The power is exp(t ln gamma)."""
    low, high, size, t = inputs(kind, config, step)
    reciprocal = kind(1) / size
    cycle = np.floor(kind(1) + t * (reciprocal / kind(2)))
    height = max(kind(0), kind(1) - np.abs((t * reciprocal + kind(1)) - kind(2) * cycle))
    power = np.exp(np.log(kind(config.gamma)) * t)
    weight = height * (power if config.policy == "exp_range" else scale(kind, config, cycle, t))
    return low * (kind(1) - weight) + high * weight


def flushing(kind: Any, config: Config, step: int) -> Any:
    """The textbook formula on a CPU that makes subnormal numbers 0."""

    def kept(number: Any) -> Any:
        return kind(0) if abs(number) < np.finfo(kind).tiny else number

    low, high, size, t = (kept(number) for number in inputs(kind, config, step))
    cycle = np.floor(kind(1) + t / (kind(2) * size))
    height = max(kind(0), kind(1) - np.abs(t / size - kind(2) * cycle + kind(1)))
    return kept(low + kept(kept(kept(high - low) * height) * kept(scale(kind, config, cycle, t))))


def samples(dtype: str, count: int) -> Iterator[tuple[Config, int]]:
    chance = random.Random(0)
    for _ in range(count):
        bounds = [chance.choice([0, 1e-4, 1e-2, 0.3, 1, chance.random(), 10 ** chance.uniform(-30, 0)]) for _ in range(2)]
        size = chance.choice([1, 2, 7, 937, 1874, 33.3, 2.5, chance.randint(1, 10**6), 10 ** chance.uniform(0, 6)])
        gamma = chance.choice([0.5, 0.9, 0.99994, 0.999999, 1.0, chance.random()])
        near = int(size * chance.randint(0, 2000)) + chance.randint(0, 2)
        step = chance.choice([chance.randint(0, 10_000), int(2 ** chance.uniform(0, 40)), near])
        yield Config(chance.choice(POLICY_NAMES), *bounds, size, gamma, dtype), step


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", [textbook, by_cycles, weighted])
def test_the_bound_holds(formula: Formula, dtype: str) -> None:
    kind = np.dtype(dtype).type
    worst = 0.0
    for config, step in samples(dtype, 1500):
        with np.errstate(all="ignore"):
            value = formula(kind, config, step)
        expected = rates(config, step, Level.FORMULA)
        assert expected.allows(value), (config, step)
        if config.maximal_learning_rate > 1e-30 and step < 2**20:
            worst = max(worst, expected.share(value))
    assert worst > 0.1  # without errors that come near it, the bound could be far too wide


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("formula", [asymmetric_by_cycles, asymmetric_by_steps])
def test_the_bound_of_asymmetric_cycles_holds(formula: Formula, dtype: str) -> None:
    chance, worst = random.Random(1), 0.0
    for symmetric, step in samples(dtype, 1500):
        ratio = chance.choice([2, 0.5, 9, chance.uniform(0.1, 10), 10 ** chance.uniform(-3, 3)])
        config = dataclasses.replace(symmetric, step_size_down=symmetric.step_size * ratio)
        with np.errstate(all="ignore"):
            value = formula(np.dtype(dtype).type, config, step)
        expected = rates(config, step, Level.FORMULA)
        assert expected.allows(value), (config, step)
        if config.maximal_learning_rate > 1e-30 and step < 2**20:
            worst = max(worst, expected.share(value))
    assert worst > 0.05


@dataclasses.dataclass(frozen=True)
class Pin:
    """A step at which the error of a formula is at least ``share`` of the bound."""

    formula: Formula
    config: Config
    step: int
    share: float
    level: Level = Level.FORMULA
    gamma_is_kept: bool = False

    def rate(self) -> Any:
        kind = np.float32 if self.level is Level.SEMANTICS else np.dtype(self.config.dtype).type
        with np.errstate(all="ignore"):
            return np.dtype(self.config.dtype).type(self.formula(kind, self.config, self.step))


#: Early and late steps, peaks, ends of cycles, steps beyond 2**24, sums, powers, heights that are lost, and underflow. They
#: were searched for. If a share is no longer reached, the bound has grown.
PINS = [
    Pin(weighted, Config("triangular", 0.1657866460823341, 0.17408286548236973, 773.8009786798165, 1.0, "float32"), 44, 0.261),
    Pin(reordered, Config("triangular", 0.0, 0.5814098318342417, 18463.634233967852, 1.0, "float32"), 19_292_353, 0.322),
    Pin(by_cycles, Config("triangular", 0.0, 0.5010597293060747, 1.9257404713997095, 1.0, "float32"), 1, 0.155),
    Pin(reordered, Config("triangular", 0.04233748052738671, 0.6204528334386592, 53501.0, 1.0, "float32"), 75_222_396, 0.318),
    Pin(weighted, Config("triangular2", 0.5825824358521298, 0.5860391638687066, 12.0, 1.0, "float32"), 193, 0.384),
    Pin(weighted, Config("triangular2", 0.5147815030372983, 0.32124259518011233, 112569.0, 1.0, "float32"), 1_350_830, 0.384),
    Pin(weighted, Config("triangular", 0.5179114957385493, 0.5179114957385493, 42.990432828063085, 1.0, "float32"), 1, 0.377),
    Pin(by_cycles, Config("exp_range", 0.0, 0.3983014425052782, 236.0, 0.999225883785738, "float32"), 2_189, 0.463),
    Pin(
        weighted,
        Config("exp_range", 0.06360798482295929, 0.10000976939078643, 1.9416869295505883, 0.9999760636811732, "float32"),
        707_091,
        0.451,
    ),
    Pin(weighted, Config("exp_range", 0.13778194651318298, 0.10039768528213333, 4.0, 0.14541782504089273, "float32"), 2, 0.397),
    Pin(weighted, Config("triangular", 0.29079493936070067, 0.3217637925455715, 8648.0, 1.0, "float64"), 692, 0.281),
    Pin(reordered, Config("triangular", 0.0665464321579506, 0.029782646827416492, 21731.0, 1.0, "float64"), 11_118_636, 0.312),
    Pin(
        reordered,
        Config("triangular", 0.34858343926449853, 0.3435234389310926, 2132.5522239927955, 1.0, "float64"),
        2_132,
        0.223,
    ),
    Pin(reordered, Config("triangular", 0.5621217474366814, 0.27677693237548917, 7688.0, 1.0, "float64"), 984_063, 0.338),
    Pin(weighted, Config("triangular2", 0.14528302272401417, 0.1172629707350129, 367.0, 1.0, "float64"), 5_710, 0.645),
    Pin(
        weighted,
        Config("triangular2", 0.2555380462475808, 0.16020303456096663, 5350.643191821217, 1.0, "float64"),
        96_310,
        0.661,
    ),
    Pin(weighted, Config("triangular", 0.5148780148181104, 0.5148780148181104, 449.0, 1.0, "float64"), 3, 0.643),
    Pin(
        weighted, Config("exp_range", 0.06443710287814704, 0.4931783422966465, 128.0, 0.9583589574683973, "float64"), 559, 0.627
    ),
    Pin(
        weighted,
        Config("exp_range", 0.5443696601880462, 0.39698514110961036, 23.8192570175008, 0.9998037658968199, "float64"),
        55_911,
        0.648,
    ),
    Pin(weighted, Config("exp_range", 0.5140699606476663, 0.7401458340447178, 7.0, 0.004820970781548306, "float64"), 1, 0.588),
    Pin(
        weighted,
        Config("exp_range", 0.25197063966987654, 0.22414965476695337, 18.97113394049278, 0.9996634125709534, "float32"),
        26_281,
        0.42,
        gamma_is_kept=True,
    ),
    Pin(reordered, Config("triangular", 0.0, 1.0, 1287219.5391686796, 1.0, "float32"), 19_397_561, 0.339),
    Pin(reordered, Config("triangular", 0.0, 1.0, 1.0, 1.0, "float32"), 144_391_098, 0.99999845),
    Pin(textbook, Config("triangular", 0.0, 1.0, 1.0, 1.0, "float64"), 213_719_690_168_022_925, 1 - 1e-12),
    Pin(by_cycles, Config("triangular2", 0.0, 0.697848616025943, 11635892.0, 1.0, "float32"), 23_271_789, 0.13),
    Pin(reordered, Config("triangular2", 0.0, 1.0, 8278052.0, 1.0, "float32"), 33_112_203, 0.117),
    Pin(by_cycles, Config("triangular2", 0.0, 1.0, 1503179750925638.0, 1.0, "float64"), 3_006_359_501_851_277, 0.119),
    Pin(
        reordered,
        Config("triangular2", 0.0, 0.07803312119724282, 1039718177528622.0, 1.0, "float64"),
        4_158_872_710_114_487,
        0.112,
    ),
    Pin(
        reordered,
        Config("triangular", 0.021398671413840775, 0.1432604967994372, 39915.87254591242, 1.0, "float64"),
        69_689_420,
        0.337,
        level=Level.SEMANTICS,
    ),
    Pin(
        flushing,
        Config("triangular", -1.2777611823425997e-38, 1.146775727148487e-38, 3.4413092869604385, 1.0, "float32"),
        3,
        0.599,
    ),
    Pin(flushing, Config("exp_range", 3.401088139646449e-38, 4.576417417509639e-38, 1.0, 1.5, "float32"), 57, 0.333),
    Pin(flushing, Config("triangular2", 0.0, 61908593197.58693, 1.0, 1.0, "float32"), 255, 0.166),
    Pin(flushing, Config("triangular2", 0.0, 1.0146153396618964, 1.2591839124062059, 1.0, "float64"), 2_571, 0.268),
    Pin(reordered, Config("triangular", 0.6921121530498671, 0.09642574688902211, 60.0, 1.0, "float32"), 89, 0.159),
    Pin(by_cycles, Config("exp_range", 0.0, 1.0, 32.0, 1.0057973267968965, "float32"), 2_014, 0.78),
]


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: f"{pin.config.policy} {pin.config.dtype} {pin.step}")
def test_the_bound_is_no_larger_than_it_was(pin: Pin) -> None:
    expected = rates(pin.config, pin.step, pin.level, pin.gamma_is_kept)
    assert pin.share <= expected.share(pin.rate()) <= 1


def test_the_bound_is_finite_where_the_rate_overflows() -> None:
    """So it stays a Fraction: a growing power, an amplitude and a scale can each leave float64."""
    largest = float(np.finfo(np.float64).max)
    assert formula_bound(Config("exp_range", 0.0, 1e308, 4, 2.0, "float64"), 10_001, Level.FORMULA) == largest
    assert formula_bound(Config("exp_range", 1.0, 1.0, 4, 1e300, "float64"), 2**62, Level.FORMULA) == largest


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_value_is_allowed_up_to_its_slack_and_not_beyond(dtype: str) -> None:
    kind = np.dtype(dtype).type
    for exact in (Fraction(1, 3), Fraction(-1, 3)):
        value = kind(0.4) * np.sign(kind(float(exact)))
        error = abs(Fraction(float(value)) - exact)
        for allowed, slack in ((True, error), (False, error * (1 - Fraction(1, 2**100)))):
            expected = accuracy.Rates(kind(float(exact)), exact, slack)
            assert expected.allows(value) is allowed
            assert not expected.allows(-value)
            assert expected.share(value) == pytest.approx(1, abs=1e-15)
            assert expected.share(-value) > 10
            assert not expected.allows(kind(np.inf))
            assert expected.share(kind(np.nan)) == np.inf
        correct = accuracy.Rates(kind(float(exact)), exact, Fraction(0))
        assert correct.allows(kind(float(exact)))
        for other in (0, np.inf):
            assert not correct.allows(np.nextafter(kind(float(exact)), kind(other)))


def test_an_irrational_rate_is_known_to_128_bits() -> None:
    config = Config("exp_range", 0.0, 1.0, 1, 0.9)
    found = rates(config, 10_001, Level.FORMULA)
    power = Fraction(0.9) ** 10_001
    assert 0 < abs(found.exact / power - 1) < Fraction(1, 2**127)


def test_semantics_allow_a_float64_what_float32_needs() -> None:
    for config, step in samples("float64", 500):
        with np.errstate(all="ignore"):
            value = np.float64(textbook(np.float32, config, step))
        assert rates(config, step, Level.SEMANTICS).allows(value), (config, step)
        assert formula_bound(config, step, Level.SEMANTICS) > formula_bound(config, step, Level.FORMULA)


def test_the_kit_does_not_depend_on_tfa() -> None:
    """Its bounds must stay the same when the copy of TFA's arithmetic changes."""
    kit = Path(accuracy.__file__).parent
    imports = re.compile(r"^\s*(from|import) .*\btfa_", re.MULTILINE)
    assert [path for path in kit.rglob("*.py") if imports.search(path.read_text("utf-8"))] == []
