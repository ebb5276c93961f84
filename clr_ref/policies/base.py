"""What a policy is, and what the modules above may know of one."""

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


#: The scale of a policy that leaves the amplitude alone.
ONE = Geometric(1.0)
#: The scale of a policy that halves the amplitude.
HALVING = Geometric(0.5, 1)


class Policy:
    """How far the rate is on its way from the initial to the maximal rate: the factor of a step.

        rate = initial_learning_rate + (maximal_learning_rate - initial_learning_rate) * factor

    A policy is a frozen dataclass whose fields are floats. It states its factor in one of two ways:

    - ``scale``: the factor is the height of the triangle times a geometric scale. Every module computes such a policy.
    - ``enclosure``: any other factor. The NumPy schedule then computes every step exactly, which takes long and is always
      right. Every other module refuses the policy by its name; see ``unsupported``.
    """

    #: The name under which schedules store the policy; None for a function of the user's.
    name: ClassVar[str | None] = None

    @property
    def scale(self) -> Geometric | None:
        """The geometric scale, or None where the factor is something else."""
        return None

    @property
    def function(self) -> Callable[[Any], Any] | None:
        """The user's scale function, if this is one: the factor is the height of the triangle times its result."""
        return None

    def __call__(self, x: float) -> float:
        """The scale at a cycle or step, in float64 and not correctly rounded. For users; no module depends on it."""
        raise NotImplementedError(f"{self} has no scale function")

    def enclosure(self, height: Fraction, argument: int, bits: int) -> tuple[Fraction, Fraction]:
        """Two rationals with the factor between them, 0 to 1 in size; equal where the factor is rational.

        Not called where there is a ``scale``.

        Args:
            height: of the triangle, 0 to 1.
            argument: the cycle, counted from 1, or the step.
            bits: how tight the interval is: about 2**-bits wide, relative to the factor.
        """
        raise NotImplementedError(f"{self} has neither a scale nor an enclosure")

    def scales(self, arguments: NDArray[np.int64]) -> NDArray[np.float64]:
        """The results of ``function`` at many cycles or steps. Called only where there is a ``function``."""
        raise NotImplementedError(f"{self} has no scale function")

    def tfa_function(self) -> Callable[[Any], Any]:
        """The scale function as TFA writes it, for one step.

        Raises:
            ValueError: TFA has no such policy.
        """
        raise unsupported(self, "TFA's arithmetic")

    def tfa_scales(self, arguments: Any) -> Any:
        """TFA's scale function in eager mode, at an array of float32 or float64 cycles or steps, in that dtype.

        Raises:
            ValueError: TFA has no such policy.
        """
        raise unsupported(self, "TFA's arithmetic")

    def to_data(self) -> dict[str, str]:
        """What JSON holds of the policy: its name, and its fields as hex floats."""
        return {"name": str(self.name), **{name: value.hex() for name, value in _fields(self).items()}}

    def __str__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in _fields(self).items())
        return f"{self.name}({fields})" if fields else str(self.name)


def unsupported(policy: Policy, module: str) -> ValueError:
    """The error of a module that cannot compute a policy."""
    return ValueError(f"scale_fn must be triangular, triangular2, exp_range or a function for {module}, got {policy}")


def _fields(policy: Any) -> dict[str, Any]:
    return {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
