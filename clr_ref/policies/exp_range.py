"""``exp_range``: the amplitude is multiplied by gamma with every step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref._environment import kept
from clr_ref._inputs import as_real, shown
from clr_ref.policies.base import Geometric, Policy


@dataclasses.dataclass(frozen=True)
class ExpRange(Policy):
    """The scale is gamma**step (Smith, arXiv 1506.01186, section 3.2).

    Args:
        gamma: a finite number > 0. It is rounded once to float64, also for float32 schedules.

    Raises:
        TypeError: gamma is no real number.
        ValueError: gamma is outside its range.
    """

    name = "exp_range"
    gamma: float

    def __post_init__(self) -> None:
        try:
            gamma = kept("gamma", float(as_real("gamma", self.gamma)))
        except OverflowError:  # an int beyond float64
            gamma = math.inf
        if not 0 < gamma < math.inf:
            raise ValueError(f"gamma must be a finite number > 0, got {shown(self.gamma)}; gamma is a float64")
        object.__setattr__(self, "gamma", gamma)

    @property
    def scale(self) -> Geometric:
        return Geometric(self.gamma)

    def __call__(self, x: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float64(self.gamma) ** np.float64(x))

    def tfa_function(self) -> Callable[[Any], Any]:
        gamma = self.gamma
        return lambda x: gamma**x

    def tfa_scales(self, arguments: Any) -> Any:
        kind = arguments.dtype.type
        return np.power(np.float64(kind(self.gamma)), arguments.astype(np.float64)).astype(kind)
