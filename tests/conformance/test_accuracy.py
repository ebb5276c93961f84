"""The bound of the textbook formula holds for every usual way to write the formula, and errors come near it."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Iterator
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
