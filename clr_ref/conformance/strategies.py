"""The random inputs of the checks. Hypothesis shrinks towards what stands first: few digits, small steps.

- ``inputs`` draws everyday inputs for any implementation, and fractional step sizes and far steps for the checks of clause 1.
- ``everything`` draws any schedule and step, subnormal and huge ones included, for tests of the reference.

Needs Hypothesis.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

from clr_ref.conformance.config import MAX_STEP, POLICY_NAMES, Config

EVERYDAY_BOUNDS = (0.0, 1.0, 0.1, 0.01, 1e-3, 1e-4)
EVERYDAY_SIZES = (1, 2, 3, 4, 5, 7, 10, 100, 937, 1874, 2000, 65_536)
EVERYDAY_GAMMAS = (1.0, 0.5, 0.9, 0.99, 0.999, 0.99994)
#: The cycles in which 32-bit shifts and float32 powers of two overflow.
DEEP_CYCLES = (31, 32, 33, 34, 127, 128, 129)
#: The same, and those in which float64 powers of two overflow. One check alone draws them, so that such a bug fails only that.
DEEPEST_CYCLES = (*DEEP_CYCLES, 1023, 1024, 1025, 1026)
FAR_POWERS = (24, 31, 32, 53, 62)

#: A config under ``config``, and under their names the inputs that a check needs.
Inputs = dict[str, Any]


@functools.cache  # Hypothesis validates every new strategy, which takes longer than drawing from it
def inputs(policy: str, dtype: str, reach: int, needs: tuple[str, ...]) -> st.SearchStrategy[Inputs]:
    """Returns a strategy of everyday inputs: few digits, initial <= maximal, a whole step_size.

    It draws whole numbers from strategies that never change, which is fast, and computes the inputs from them.

    Args:
        policy: of the configs.
        dtype: of the configs.
        reach: the largest step at which the implementation can be evaluated.
        needs: the names of what a check needs beside the config.
    """
    largest = 20 if "at" in needs else min(10**6, max(reach // 3, 1))

    def mean(rates: tuple[int, int], size: int, gamma: int, drawn: tuple[int, ...], place: tuple[int, ...]) -> Inputs:
        low, high = sorted(_rate(_index(number, len(EVERYDAY_BOUNDS), _OTHER_RATES)) for number in rates)
        index = _index(size, len(EVERYDAY_SIZES), _OTHER_SIZES)
        step_size = EVERYDAY_SIZES[index] if index < len(EVERYDAY_SIZES) else index - len(EVERYDAY_SIZES) + 1
        config = Config(
            policy=policy,
            initial_learning_rate=low,
            maximal_learning_rate=high,
            step_size=step_size if step_size <= largest else step_size % largest + 1,
            gamma=_gamma(_index(gamma, len(EVERYDAY_GAMMAS), _OTHER_GAMMAS)) if policy == "exp_range" else 1.0,
            dtype=dtype,
        )
        names = [name for name in needs if name != "step"]
        needed = {name: _MEANING[name](config, number, reach) for name, number in zip(names, drawn, strict=True)}
        if "step" in needs:
            needed["step"] = _near_step(config, place, reach)
        return {"config": config, **needed}

    return st.builds(
        mean,
        st.tuples(_RATES, _RATES),
        _SIZES,
        _GAMMAS if policy == "exp_range" else st.just(0),
        st.tuples(*(_NUMBERS[name] for name in needs if name != "step")),
        _PLACES if "step" in needs else st.just(()),
    )


_OTHER_RATES, _OTHER_SIZES, _OTHER_GAMMAS = 7 * 99, 10**6, 999
_RATES, _SIZES, _GAMMAS = (st.integers(0, 2 * others - 1) for others in (_OTHER_RATES, _OTHER_SIZES, _OTHER_GAMMAS))
#: Where in the schedule (``_near_step``), which half cycle, and how far into it.
_PLACES = st.tuples(st.integers(0, 2), st.integers(0, 299), st.integers(0, 10**6))
_DEEP_HALVES = tuple(2 * cycle - 1 for cycle in DEEP_CYCLES)
_NUMBERS: dict[str, st.SearchStrategy[int]] = {
    "cycles": st.integers(0, 299),
    "halvings": st.integers(0, 299),
    "far": st.one_of(
        st.builds(lambda k, d: 2**k + d, st.sampled_from(FAR_POWERS), st.integers(0, 3) | st.integers(-3, 3)),
        st.integers(2**24, MAX_STEP),
    ),
    "fraction": st.integers(0, 102),
    "at": st.integers(0, 100),
}


def _index(number: int, few: int, others: int) -> int:
    """Maps the lower half of 0 .. 2 * others - 1 to 0 .. few - 1, and the upper half to the ``others`` numbers from few on.

    So the few are drawn as often as all others together, and are what Hypothesis shrinks to.
    """
    return number % few if number < others else number - others + few


def _one_of(number: int, few: int, some: int, deep: tuple[int, ...]) -> int:
    """Maps each third of 0 .. 299: to numbers below ``few``, to numbers below ``some``, and to ``deep``."""
    third, rest = divmod(number, 100)
    return (rest % few, rest % some, deep[rest % len(deep)])[third]


def _rate(index: int) -> float:
    """Returns a rate from 0 to 1 of at most two digits."""
    if index < len(EVERYDAY_BOUNDS):
        return EVERYDAY_BOUNDS[index]
    power, digits = divmod(index - len(EVERYDAY_BOUNDS), 99)
    return float(f"{digits + 1}e{power - 8}")


def _gamma(index: int) -> float:
    """Returns a gamma above 0 and at most 1, of three digits."""
    return EVERYDAY_GAMMAS[index] if index < len(EVERYDAY_GAMMAS) else float(f"{index - len(EVERYDAY_GAMMAS) + 1}e-3")


def _near_step(config: Config, place: tuple[int, ...], reach: int) -> int:
    """Returns a small step, one beside an end or a peak of a cycle, or one inside a half cycle."""
    kind, half, into = place
    size = max(round(config.step_size), 1)
    start = _one_of(half, 9, 100, _DEEP_HALVES) * size
    step = (into % 21, start + (0, 1, 2, -1, -2)[into % 5], start + into % (size + 1))[kind]
    return min(max(step, 0), reach, MAX_STEP)


def _fraction(number: int) -> float:
    return (0.5, 0.25, 0.1, 0.3)[number] if number < 4 else float(f"{number - 3}e-2")


def _cycles(deep: tuple[int, ...], config: Config, number: int, reach: int) -> int:
    """Returns a number of cycles, at most as many as are within reach."""
    return min(_one_of(number, 6, 41, deep), int(reach / (2 * config.step_size)))


_MEANING: dict[str, Callable[[Config, int, int], Any]] = {
    "cycles": functools.partial(_cycles, DEEP_CYCLES),
    "halvings": functools.partial(_cycles, DEEPEST_CYCLES),
    "far": lambda config, number, reach: number,
    "fraction": lambda config, number, reach: _fraction(number),
    "at": lambda config, number, reach: min(number, int(6 * config.step_size)),
}


# --- Everything --------------------------------------------------------------------------------------------------------------


@functools.cache
def everything(needs: tuple[str, ...], dtypes: tuple[str, ...] = ("float32", "float64")) -> st.SearchStrategy[Inputs]:
    """Returns a strategy of inputs for all policies, from the whole domain."""
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "step": steps(),
        "far": steps(),
        "cycles": st.integers(0, 1100),
        "halvings": st.integers(0, 1100),
        "fraction": st.floats(0, 1, exclude_max=True),
    }
    return st.fixed_dictionaries({"config": configs(dtypes=dtypes), **{name: drawn[name] for name in needs}})


def _in_range(number: float, dtype: str) -> bool:
    with np.errstate(over="ignore"):
        return math.isfinite(float(np.dtype(dtype).type(number)))


@functools.cache
def bounds(dtype: str) -> st.SearchStrategy[float]:
    """Returns a strategy of bounds: everyday ones first, then any finite one >= 0, subnormal and huge ones included."""
    width: Literal[32, 64] = 32 if dtype == "float32" else 64
    return st.one_of(
        st.sampled_from((*EVERYDAY_BOUNDS, 0.3)),
        st.floats(0, 1, width=width),
        st.floats(0, width=width, allow_nan=False, allow_infinity=False),
    )


_WHOLE_SIZES = st.one_of(st.sampled_from(EVERYDAY_SIZES), st.integers(1, 10**6))


@functools.cache
def step_sizes(dtype: str) -> st.SearchStrategy[float]:
    whole = st.one_of(st.sampled_from(EVERYDAY_SIZES), st.integers(1, 10**6), st.integers(1, 2**63).map(float))
    fractional = st.one_of(st.sampled_from([2.5, 33.3, 0.5, 1e-3, 1e12]), st.floats(1e-6, 1e15))
    return st.one_of(whole, fractional).filter(lambda s: _in_range(s, dtype))


@functools.cache
def gammas() -> st.SearchStrategy[float]:
    special = st.sampled_from([0.99994, 0.9, 0.999, 1.0, 0.5, 1 - 2.0**-53, 1 - 2.0**-24, 1.001, 2.0])
    return st.one_of(special, st.floats(1e-3, 1, exclude_min=True))


@st.composite
def configs(
    draw: st.DrawFn,
    policies: tuple[str, ...] = POLICY_NAMES,
    dtypes: tuple[str, ...] = ("float32", "float64"),
    whole: bool = False,
) -> Config:
    policy = draw(st.sampled_from(policies))
    dtype = draw(st.sampled_from(dtypes))
    sizes = _WHOLE_SIZES if whole else step_sizes(dtype)
    return Config(
        policy=policy,
        initial_learning_rate=draw(bounds(dtype)),
        maximal_learning_rate=draw(bounds(dtype)),
        step_size=draw(sizes),
        gamma=draw(gammas()) if policy == "exp_range" else 1.0,
        dtype=dtype,
    )


@functools.cache
def steps() -> st.SearchStrategy[int]:
    """Returns a strategy of steps: small ones, powers of two and their neighbours, and any up to the end of the domain."""
    near_powers = st.builds(lambda k, d: min(max(2**k + d, 0), MAX_STEP), st.integers(0, 63), st.integers(-2, 2))
    return st.one_of(st.integers(0, 10_000), near_powers, st.integers(0, MAX_STEP))


#: Inputs that are tried before the random ones: an everyday step, a deep cycle, a far step and a subnormal rate, per dtype.
EXAMPLES: list[Inputs] = [
    {
        "config": Config(policy, low, high, size, gamma, dtype),
        "step": step,
        "far": step,
        "cycles": cycles,
        "halvings": cycles,
        "fraction": 0.5,
    }
    for dtype in ("float32", "float64")
    for policy, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.99994))
    for low, high, size, step, cycles in (
        (1e-4, 1e-2, 937, 1000, 3),
        (0.0, 1.0, 33.3, 4321, 40),
        (1e-2, 1e-4, 7, 2**53 + 1, 1030),
        (0.0, 1e-37 if dtype == "float32" else 1e-307, 4, 21, 2),
    )
]
