"""The fields of a schedule: the numbers and the scale function from which every module computes the rates."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

from clr_ref import policies
from clr_ref._inputs import shown

#: Steps are numbers 0 .. MAX_STEP.
MAX_STEP = 2**63 - 1
#: The fields that are numbers in every schedule.
NUMBERS = ("initial_learning_rate", "maximal_learning_rate", "step_size")
ScaleMode = Literal["cycle", "iterations"]
Dtype = Literal["float32", "float64"]


@dataclasses.dataclass(frozen=True)
class Parameters:
    """The fields of ``clr_ref.CyclicalLearningRate``, which checks them; bounds and step sizes are numbers of the dtype."""

    initial_learning_rate: float
    maximal_learning_rate: float
    step_size: float
    scale_fn: policies.ScaleFn
    scale_mode: ScaleMode = "cycle"
    dtype: Dtype = "float32"
    step_size_down: float | None = None

    @functools.cached_property
    def policy(self) -> policies.Policy:
        """The policy of the scale function; ``policies.Custom`` if that is a function of the user."""
        return policies.of(self.scale_fn)

    @functools.cached_property
    def fall(self) -> float:
        """How many steps the rate falls: ``step_size_down``, or ``step_size`` where that is None."""
        return self.step_size if self.step_size_down is None else self.step_size_down


def as_parameters(schedule: object) -> Parameters:
    """Return a schedule.

    Raises:
        TypeError: something else, such as the schedule of another library, which may round its fields otherwise.
    """
    if not isinstance(schedule, Parameters):
        raise TypeError(
            f"schedule must be a clr_ref.CyclicalLearningRate, got {shown(schedule)} of type {type(schedule).__name__}"
        )
    return schedule


def as_symmetric(schedule: object, module: str) -> Parameters:
    """Return a schedule whose rate falls as it rises.

    Raises:
        TypeError: no schedule.
        ValueError: it has a ``step_size_down``. The message names the module that cannot compute it.
    """
    parameters = as_parameters(schedule)
    if parameters.step_size_down is not None:
        raise ValueError(f"step_size_down must be None for {module}, got {parameters.step_size_down!r}")
    return parameters
