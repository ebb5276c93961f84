"""``triangular``: the amplitude never changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from clr_ref.policies.base import ONE, Geometric, Policy


@dataclasses.dataclass(frozen=True)
class Triangular(Policy):
    """The scale is 1 (Smith, arXiv 1506.01186, section 3.2)."""

    name = "triangular"

    @property
    def scale(self) -> Geometric:
        return ONE

    def __call__(self, x: float) -> float:
        return 1.0

    def tfa_function(self) -> Callable[[Any], Any]:
        return lambda x: 1.0

    def tfa_scales(self, arguments: Any) -> Any:
        return arguments.dtype.type(1)
