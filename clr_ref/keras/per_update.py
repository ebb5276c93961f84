"""A schedule around any other, for an optimizer that accumulates gradients."""

from __future__ import annotations

from typing import Any

from clr_ref.keras import api
from clr_ref.keras.around import Around
from clr_ref.parameters import MAX_STEP
from clr_ref.steps import whole
from clr_ref.tensors import backends


@api.registered
class PerUpdate(Around):
    """A schedule that counts updates of the weights, for an optimizer that counts batches.

    Keras 3 with ``gradient_accumulation_steps=k`` updates the weights after every k-th batch, but calls its schedule with the
    number of batches: update n gets the rate of step k n + k - 1. With ``PerUpdate(schedule, k)`` it gets that of step n.

    Args:
        schedule: any Keras schedule.
        gradient_accumulation_steps: the number that the optimizer has; a whole number > 0.

    Raises:
        TypeError: schedule is no Keras schedule; gradient_accumulation_steps is no real number.
        ValueError: gradient_accumulation_steps is no whole number > 0.

    Examples:
        >>> from clr_ref.keras import PerUpdate, TriangularCyclicalLearningRate
        >>> schedule = PerUpdate(TriangularCyclicalLearningRate(0.0, 1.0, 2), gradient_accumulation_steps=4)
        >>> [float(schedule(batch)) for batch in (3, 7, 11)]  # the batches after which the weights are updated
        [0.0, 0.5, 1.0]
    """

    ARGUMENTS = ("gradient_accumulation_steps",)
    gradient_accumulation_steps: int

    def __init__(self, schedule: Any, gradient_accumulation_steps: int) -> None:
        super().__init__()
        steps = whole("gradient_accumulation_steps", gradient_accumulation_steps, MAX_STEP, 1)
        self._construct(schedule, gradient_accumulation_steps=steps)

    def _rate(self, step: Any, ops: backends.Ops) -> Any:
        return self._of_schedule(self._for_schedule(step, ops) // self.gradient_accumulation_steps, ops)
