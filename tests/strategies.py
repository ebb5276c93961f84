"""Strategies of any schedule and step, subnormal and huge ones included, for tests of the reference."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

import clr_ref
from clr_ref.conformance.config import MAX_STEP, POLICY_NAMES, Config
from clr_ref.conformance.regimes import EVERYDAY_SIZES, Inputs

EVERYDAY_BOUNDS = (0.0, 1.0, 0.1, 0.01, 1e-3, 1e-4)


@functools.cache
def everything(needs: tuple[str, ...], dtypes: tuple[str, ...] = ("float32", "float64")) -> st.SearchStrategy[Inputs]:
    """Returns a strategy of inputs for all policies, from the whole domain."""
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "step": steps(),
        "far": steps(),
        "cycles": st.integers(0, 1100),
        "halvings": st.integers(0, 1100),
        "refused": st.integers(0, 2),
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


@st.composite
def asymmetric(draw: st.DrawFn) -> clr_ref.CyclicalLearningRate:
    """Any schedule with a ``step_size_down``, its bounds of any sign."""
    config = draw(configs())
    low, high = (
        draw(st.sampled_from((1, -1))) * bound for bound in (config.initial_learning_rate, config.maximal_learning_rate)
    )
    gamma = {"gamma": config.gamma} if config.policy == "exp_range" else {}
    down = draw(step_sizes(config.dtype))
    schedule: clr_ref.CyclicalLearningRate = getattr(clr_ref, config.policy)(
        low, high, config.step_size, step_size_down=down, dtype=config.dtype, **gamma
    )
    return schedule


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
        "refused": 0,
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
