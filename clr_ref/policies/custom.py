"""Scale functions of the user (docs/SPEC.md, clause 6)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._inputs import shown
from clr_ref.policies.base import Policy

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Custom(Policy):
    """The scale is the result of a function for the cycle or step."""

    scale_fn: Callable[[Any], Any]

    @property
    def function(self) -> Callable[[Any], Any]:
        return self.scale_fn

    def __call__(self, x: float) -> float:
        """Return the function's value for a float64, as a float64.

        Raises:
            ValueError: the function returned NaN, infinity, or no number that a float64 can hold.
        """
        with np.errstate(all="ignore"):
            returned = self.scale_fn(np.float64(x))
            try:
                value = float(returned) if _may_be_real(returned) else math.nan
            except (TypeError, ValueError, OverflowError):
                value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"scale_fn must return finite numbers, got {shown(returned)} for {x}")
        return value

    def enclosure(self, height: Fraction, argument: int | Fraction, bits: int) -> tuple[Fraction, Fraction]:
        factor = height * Fraction(self(float(argument)))
        return factor, factor

    def scales(self, arguments: NDArray[np.int64]) -> NDArray[np.float64]:
        # The function is called once for each different argument: in mode "cycle", many steps have few of them.
        different, inverse = np.unique(arguments, return_inverse=True)
        return np.array([self(int(x)) for x in different], np.float64)[inverse.reshape(-1)]

    def tfa_function(self) -> Callable[[Any], Any]:
        return self.scale_fn

    def tfa_scales(self, arguments: Any) -> Any:
        return np.asarray(self.scale_fn(arguments), arguments.dtype)

    def __str__(self) -> str:
        return "custom scale_fn"


def _may_be_real(returned: Any) -> bool:
    """Return whether a value may be one real number: ``float`` also reads texts, and drops imaginary parts."""
    if isinstance(returned, (np.ndarray, np.generic)):
        return returned.ndim == 0 and returned.dtype.kind in "biuf"
    return not isinstance(returned, (str, bytes, bytearray, complex))
