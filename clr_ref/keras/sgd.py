"""SGD whose momentum follows a schedule, as its learning rate may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_ref._inputs import shown
from clr_ref.keras import api, scheduled
from clr_ref.keras.api import PACKAGE, keras
from clr_ref.keras.optimizers import is_legacy, is_schedule

_KERAS_SGD: Any = keras.optimizers.SGD
_ACCEPTED = "a number from 0 to 1"


def _checked(value: Any) -> Any:
    momentum = scheduled.checked("momentum", value, _ACCEPTED)
    if not is_schedule(momentum) and not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be {_ACCEPTED} or a Keras schedule, got {shown(value)}")
    return momentum


@keras.utils.register_keras_serializable(package=PACKAGE)
class SGD(_KERAS_SGD):  # type: ignore[misc]
    """Keras's SGD, but ``momentum`` may be a schedule.

    Update t multiplies the velocity by ``momentum(t)``. The momentum of PyTorch's CyclicLR is the same cycle upside down: a
    schedule from ``max_momentum`` to ``base_momentum`` with the step sizes and the policy of the rate.

    Args:
        learning_rate: as for Keras's SGD.
        momentum: a number from 0 to 1, or a Keras schedule. The schedule is called with the step that the learning rate gets.
        nesterov: whether to use Nesterov's momentum.
        arguments: further keyword arguments of Keras's SGD.

    Raises:
        TypeError: momentum is neither a number nor a schedule.
        ValueError: momentum is a number outside its range.

    Examples:
        >>> from clr_ref.keras import SGD, TriangularCyclicalLearningRate
        >>> rate = TriangularCyclicalLearningRate(0.1, 1.0, step_size=2000)
        >>> momentum = TriangularCyclicalLearningRate(0.95, 0.85, step_size=2000)
        >>> round(float(SGD(rate, momentum=momentum).momentum), 6)
        0.95
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: Any = 0.0, nesterov: bool = False, **arguments: Any) -> None:
        momentum = _checked(momentum)
        # Keras 3 checks that the momentum is a number; a positive one lets every Keras make the velocities.
        number = 1.0 if is_schedule(momentum) else momentum
        super().__init__(learning_rate=learning_rate, momentum=number, nesterov=nesterov, **arguments)
        self.momentum = momentum

    @property
    def momentum(self) -> Any:
        """The momentum of the next update: a number, or the tensor that the schedule returns."""
        if is_legacy(self):
            return self._get_hyper("momentum")
        return scheduled.at(self._momentum_or_schedule, self._iterations)

    @momentum.setter
    def momentum(self, value: Any) -> None:
        self._momentum_or_schedule = _checked(value)

    # Legacy optimizers, the default up to TF 2.10, keep the momentum in a table, and set it there past the property.

    def _set_hyper(self, name: str, value: Any) -> None:
        super()._set_hyper(name, _checked(value) if name == "momentum" else value)

    def _get_hyper(self, name: str, dtype: Any = None) -> Any:
        value = super()._get_hyper(name, dtype)
        if name != "momentum" or not is_schedule(value):
            return value
        momentum = value(self.iterations)
        return api.tensorflow().cast(momentum, dtype) if dtype else momentum

    # Keras 3 compares the momentum with 0 in Python, which a tensor in a compiled function cannot do.

    if api.IS_KERAS_3:

        def build(self, variables: Any) -> None:
            """Make the variables of the optimizer, a velocity for each variable among them."""
            momentum = self._momentum_or_schedule
            self._momentum_or_schedule = 1.0 if is_schedule(momentum) else momentum
            super().build(variables)
            self._momentum_or_schedule = momentum

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            """Update one variable, and its velocity."""
            if not is_schedule(self._momentum_or_schedule):
                super().update_step(gradient, variable, learning_rate)
                return
            ops, velocity = keras.ops, self.momentums[self._get_variable_index(variable)]
            gradient, rate, momentum = (ops.cast(x, variable.dtype) for x in (gradient, learning_rate, self.momentum))
            change = ops.multiply(gradient, rate)
            self.assign(velocity, ops.subtract(ops.multiply(velocity, momentum), change))
            ahead = ops.subtract(ops.multiply(velocity, momentum), change) if self.nesterov else velocity
            self.assign_add(variable, ahead)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON data."""
        config: dict[str, Any] = super().get_config()
        if not is_legacy(self):  # these put the config of a schedule there, others its present value
            config["momentum"] = scheduled.to_config(self._momentum_or_schedule)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Any:
        """Return the optimizer of a config.

        Args:
            config: the dict that ``get_config`` returned.
            custom_objects: classes by the names that Keras looks up.

        Returns:
            An ``SGD``.
        """
        return super().from_config(scheduled.from_config(config, "momentum", custom_objects), custom_objects)
