"""The arguments of one schedule."""

from __future__ import annotations

import dataclasses
import functools
import math
from fractions import Fraction
from typing import Any

import clr_ref
from clr_ref.parameters import MAX_STEP as MAX_STEP

#: The policies that the kit knows.
POLICY_NAMES = ("triangular", "triangular2", "exp_range")
#: The seed of the random inputs, and how many of them each check tries, unless others are given.
SEED, MAX_EXAMPLES = 0, 60
#: How many of them each check tries before a release.
THOROUGH_EXAMPLES = 1_000


@dataclasses.dataclass(frozen=True)
class Config:
    """The arguments of one schedule, and the dtype in which its rates are compared.

    The momentums are None, or both are numbers: then a scheduler cycles the momentum too.
    """

    policy: str
    initial_learning_rate: float
    maximal_learning_rate: float
    step_size: float
    gamma: float = 1.0
    dtype: str = "float32"
    step_size_down: float | None = None
    base_momentum: float | None = None
    max_momentum: float | None = None

    @functools.lru_cache(maxsize=1 << 10)  # noqa: B019 - the cache keeps at most 1024 configs alive, which are small
    def build(self) -> clr_ref.CyclicalLearningRate:
        """Returns the reference schedule of these arguments, which knows the exact rates."""
        arguments: dict[str, Any] = {"gamma": self.gamma} if self.policy == "exp_range" else {}
        arguments["step_size_down"] = self.step_size_down
        schedule: clr_ref.CyclicalLearningRate = getattr(clr_ref, self.policy)(
            self.initial_learning_rate, self.maximal_learning_rate, self.step_size, dtype=self.dtype, **arguments
        )
        return schedule

    @property
    def cycle(self) -> Fraction:
        """The exact length of a cycle, in steps."""
        schedule = self.build()
        return Fraction(schedule.step_size) + Fraction(schedule.fall)

    @property
    def has_rates(self) -> bool:
        """Whether the specification accepts these arguments; only then are there exact rates."""
        try:
            self.build()
        except ValueError:
            return False
        return True

    def arguments(self) -> dict[str, float | int]:
        """Returns the arguments of ``make`` beside the policy.

        A whole step size is an int. There is a gamma for exp_range only, and a step_size_down and momentums only where the
        config has them.
        """
        arguments: dict[str, float | int] = {
            "initial_learning_rate": float(self.initial_learning_rate),
            "maximal_learning_rate": float(self.maximal_learning_rate),
        }
        for name, size in (("step_size", self.step_size), ("step_size_down", self.step_size_down)):
            if size is not None:
                arguments[name] = int(size) if float(size).is_integer() else float(size)
        gamma = self.gamma if self.policy == "exp_range" else None
        others = {"gamma": gamma, "base_momentum": self.base_momentum, "max_momentum": self.max_momentum}
        return arguments | {name: float(value) for name, value in others.items() if value is not None}

    def __str__(self) -> str:
        given = {name: repr(value) if math.isfinite(value) else f"float('{value}')" for name, value in self.arguments().items()}
        numbers = ", ".join(f"{name}={value}" for name, value in given.items())
        return f"make({self.policy!r}, {numbers})"


def everyday(policy: str) -> tuple[Config, ...]:
    """Returns a few schedules as they are in use: an implementation that offers the policy offers one of them."""
    return Config(policy, 0.125, 1.0, 4, gamma=0.5), Config(policy, 1e-4, 1e-2, 937, gamma=0.9999)
