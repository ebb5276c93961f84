"""A schedule around any other, for an optimizer that accumulates gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from clr_ref.keras import api, arguments
from clr_ref.keras.api import PACKAGE, keras


@keras.utils.register_keras_serializable(package=PACKAGE)
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A schedule that counts updates of the weights, for an optimizer that counts batches.

    Keras 3 with ``gradient_accumulation_steps=k`` updates the weights after every k-th batch, but calls its schedule with the
    number of batches: update n gets the rate of step k n + k - 1. With ``PerUpdate(schedule, k)`` it gets that of step n.

    Args:
        schedule: any Keras schedule.
        gradient_accumulation_steps: the number that the optimizer has; a whole number > 0.

    Raises:
        ValueError: gradient_accumulation_steps is no whole number > 0.

    Examples:
        >>> from clr_ref.keras import PerUpdate, TriangularCyclicalLearningRate
        >>> schedule = PerUpdate(TriangularCyclicalLearningRate(0.0, 1.0, 2), gradient_accumulation_steps=4)
        >>> [float(schedule(batch)) for batch in (3, 7, 11)]  # the batches after which the weights are updated
        [0.0, 0.5, 1.0]
    """

    def __init__(self, schedule: Any, gradient_accumulation_steps: int) -> None:
        super().__init__()
        if type(gradient_accumulation_steps) is not int or gradient_accumulation_steps < 1:
            raise ValueError(f"gradient_accumulation_steps must be a whole number > 0, got {gradient_accumulation_steps!r}")
        self.schedule = schedule
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._was_traced = False

    @property
    def was_traced(self) -> bool:
        """True if a compiled function may use the schedule with its present attributes."""
        return self._was_traced and bool(getattr(self.schedule, "was_traced", True))

    def __call__(self, step: Any) -> Any:
        """Return the schedule's rate at ``step // gradient_accumulation_steps``.

        Args:
            step: the number of batches so far; a number, an array or a tensor, as for the schedule.

        Returns:
            What the schedule returns: a tensor.
        """
        step = np.asarray(step) if isinstance(step, arguments.PLAIN) else api.tensor(step)
        self._was_traced = self._was_traced or api.is_being_traced(step)
        return self.schedule(step // self.gradient_accumulation_steps)

    def __repr__(self) -> str:
        return f"clr_ref.keras.PerUpdate({self.schedule!r}, gradient_accumulation_steps={self.gradient_accumulation_steps})"

    def __eq__(self, other: object) -> bool:
        """Return True if schedule and number are equal."""
        return isinstance(other, PerUpdate) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> Any:
        return self.schedule, self.gradient_accumulation_steps

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON data."""
        return {
            "schedule": keras.optimizers.schedules.serialize(self.schedule),
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Return the schedule of a config.

        Args:
            config: the dict that ``get_config`` returned.

        Returns:
            A ``PerUpdate``.
        """
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["gradient_accumulation_steps"])
