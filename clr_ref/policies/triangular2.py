"""``triangular2``: half the amplitude with every cycle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref.policies.base import HALVING, Geometric, Policy

#: Beyond so many halvings every power of two is 0 or infinite in float64: it spans 2**-1074 to 2**1023.
_LIMIT = 2200


@dataclasses.dataclass(frozen=True)
class Triangular2(Policy):
    """The scale is 2**(1 - cycle) (Smith, arXiv 1506.01186, section 3.2)."""

    name = "triangular2"

    @property
    def scale(self) -> Geometric:
        return HALVING

    def __call__(self, x: float) -> float:
        return float(2.0 ** (1.0 - float(min(x, _LIMIT))))

    def tfa_function(self) -> Callable[[Any], Any]:
        return lambda x: 1 / (2.0 ** (x - 1))

    def tfa_scales(self, arguments: Any) -> Any:
        # 2.0**x is exact in the dtype until it overflows, and 1 / infinity is 0. If step / step_size overflows, the
        # cycle is NaN. Its scale does not matter, since the height is NaN too.
        kind = arguments.dtype.type
        exponents = np.clip(np.nan_to_num(arguments - kind(1)), -_LIMIT, _LIMIT).astype(np.int32)
        return kind(1) / np.ldexp(kind(1), exponents)
