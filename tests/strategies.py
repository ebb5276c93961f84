"""What schedules and steps the properties are tried on: everyday ones, edges, and everything between."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

import clr_ref

MAX_STEP = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Config:
    """The arguments of one schedule, by policy."""

    policy: str
    initial_learning_rate: float
    maximal_learning_rate: float
    step_size: float
    gamma: float = 1.0
    dtype: str = "float32"

    def build(self) -> clr_ref.CyclicalLearningRate:
        arguments: dict[str, Any] = {"gamma": self.gamma} if self.policy == "exp_range" else {}
        return getattr(clr_ref, self.policy)(
            self.initial_learning_rate, self.maximal_learning_rate, self.step_size, dtype=self.dtype, **arguments
        )


#: Tried first, whatever Hypothesis makes up: an everyday step, one in a deep cycle, a far one, a subnormal rate; per dtype.
EXAMPLES = [
    {"config": Config(policy, low, high, size, gamma, dtype), "step": step, "cycles": cycles}
    for dtype in ("float32", "float64")
    for policy, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.99994))
    for low, high, size, step, cycles in (
        (1e-4, 1e-2, 937, 1000, 3),
        (0.0, 1.0, 33.3, 4321, 40),
        (1e-2, 1e-4, 7, 2**53 + 1, 1030),
        (0.0, 1e-37 if dtype == "float32" else 1e-307, 4, 21, 2),
    )
]


def _in_range(number: float, dtype: str) -> bool:
    with np.errstate(over="ignore"):
        return math.isfinite(float(np.dtype(dtype).type(number)))


EVERYDAY_BOUNDS = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0)
EVERYDAY_SIZES = (1, 2, 3, 7, 100, 937, 1874, 2000, 65_536)


def bounds(dtype: str) -> st.SearchStrategy[float]:
    """Everyday bounds first (Hypothesis shrinks to them), then any non-negative finite one, subnormal and huge included."""
    width = 32 if dtype == "float32" else 64
    return st.one_of(
        st.sampled_from(EVERYDAY_BOUNDS),
        st.floats(0, 1, width=width),
        st.floats(0, width=width, allow_nan=False, allow_infinity=False),
    )


def step_sizes(dtype: str) -> st.SearchStrategy[float]:
    whole = st.one_of(st.sampled_from(EVERYDAY_SIZES), st.integers(1, 10**6), st.integers(1, 2**63).map(float))
    fractional = st.one_of(st.sampled_from([2.5, 33.3, 0.5, 1e-3, 1e12]), st.floats(1e-6, 1e15))
    return st.one_of(whole, fractional).filter(lambda s: _in_range(s, dtype))


def gammas() -> st.SearchStrategy[float]:
    special = st.sampled_from([0.99994, 0.9, 0.999, 1.0, 0.5, 1 - 2.0**-53, 1 - 2.0**-24, 1.001, 2.0])
    return st.one_of(special, st.floats(1e-3, 1, exclude_min=True))


@st.composite
def configs(
    draw: st.DrawFn,
    policies: tuple[str, ...] = ("triangular", "triangular2", "exp_range"),
    dtypes: tuple[str, ...] = ("float32", "float64"),
    whole: bool = False,
) -> Config:
    policy = draw(st.sampled_from(policies))
    dtype = draw(st.sampled_from(dtypes))
    sizes = st.one_of(st.sampled_from(EVERYDAY_SIZES), st.integers(1, 10**6)) if whole else step_sizes(dtype)
    return Config(
        policy=policy,
        initial_learning_rate=draw(bounds(dtype)),
        maximal_learning_rate=draw(bounds(dtype)),
        step_size=draw(sizes),
        gamma=draw(gammas()) if policy == "exp_range" else 1.0,
        dtype=dtype,
    )


def steps() -> st.SearchStrategy[int]:
    """Small ones, powers of two and their neighbours, and everything up to the end of the domain."""
    near_powers = st.builds(lambda k, d: min(max(2**k + d, 0), MAX_STEP), st.integers(0, 63), st.integers(-2, 2))
    return st.one_of(st.integers(0, 10_000), near_powers, st.integers(0, MAX_STEP))
