"""The base class of the policies: all that the other modules use of a policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Geometric:
    """The scale ``base ** (argument - offset)``; the argument is the cycle, counted from 1, or the step."""

    base: float
    offset: int = 0

    def __post_init__(self) -> None:
        if self.offset and (self.base, self.offset) != (0.5, 1):
            raise ValueError(f"offset must be 0, or 1 where base is 1/2, got {self.offset}: the fast paths know no other")


#: The scale of a policy that does not change the amplitude.
ONE = Geometric(1.0)
#: The scale of a policy that halves the amplitude.
HALVING = Geometric(0.5, 1)


class Policy:
    """The factor of each step: 0 gives the initial rate, 1 the maximal one.

        rate = initial_learning_rate + (maximal_learning_rate - initial_learning_rate) * factor

    A policy is a frozen dataclass whose fields are floats. It states its factor in one of two ways:

    - ``scale``: the factor is the height of the triangle times a geometric scale. Every module computes such a policy.
    - ``enclosure``: any other factor. The NumPy schedule then computes every step exactly, which is slow but always
      right. Every other module raises an error that names the policy; see ``unsupported``.
    """

    #: The name under which schedules store the policy; None for a function of the user.
    name: ClassVar[str | None] = None

    @property
    def scale(self) -> Geometric | None:
        """The geometric scale, or None if the policy has none."""
        return None

    @property
    def function(self) -> Callable[[Any], Any] | None:
        """The scale function of the user, or None. The factor is the height of the triangle times its result."""
        return None

    def __call__(self, x: float) -> float:
        """Return the scale at a cycle or step, in float64 and not correctly rounded. It is for users; no module calls it."""
        raise NotImplementedError(f"{self} has no scale function")

    def enclosure(self, height: Fraction, argument: int | Fraction, bits: int) -> tuple[Fraction, Fraction]:
        """Return two rationals that enclose the factor, 0 to 1 in size; equal if the factor is rational.

        It is not called if there is a ``scale``.

        Args:
            height: the height of the triangle, 0 to 1.
            argument: the cycle, counted from 1, or the step, which is a Fraction if it is not whole.
            bits: the width of the interval is about 2**-bits of the factor.
        """
        raise NotImplementedError(f"{self} has neither a scale nor an enclosure")

    def scales(self, arguments: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the results of ``function`` at many cycles or steps. It is called only if there is a ``function``."""
        raise NotImplementedError(f"{self} has no scale function")

    def tfa_function(self) -> Callable[[Any], Any]:
        """Return the scale function as TFA writes it, for one step.

        Raises:
            ValueError: TFA has no such policy.
        """
        raise unsupported(self, "TFA's arithmetic")

    def tfa_scales(self, arguments: Any) -> Any:
        """Return TFA's scales in eager mode, at an array of float32 or float64 cycles or steps, in that dtype.

        Raises:
            ValueError: TFA has no such policy.
        """
        raise unsupported(self, "TFA's arithmetic")

    def to_data(self) -> dict[str, str]:
        """Return the JSON data of the policy: its name, and its fields as hex floats."""
        return {"name": str(self.name), **{name: value.hex() for name, value in _fields(self).items()}}

    def __str__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in _fields(self).items())
        return f"{self.name}({fields})" if fields else str(self.name)


def unsupported(policy: Policy, module: str) -> ValueError:
    """Return the error of a module that cannot compute a policy."""
    return ValueError(f"scale_fn must be triangular, triangular2, exp_range or a function for {module}, got {policy}")


def _fields(policy: Any) -> dict[str, Any]:
    return {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
