"""AdamW whose weight decay follows a schedule, as its learning rate may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_ref.keras import scheduled
from clr_ref.keras.api import PACKAGE, keras

#: None before TF 2.12.
_KERAS_ADAMW: Any = getattr(keras.optimizers, "AdamW", None)


@keras.utils.register_keras_serializable(package=PACKAGE)
class AdamW(_KERAS_ADAMW or object):  # type: ignore[misc]
    """Keras's AdamW, but ``weight_decay`` may be a schedule.

    Update t first multiplies each weight by ``1 - learning_rate(t) * weight_decay(t)``, as in Keras and PyTorch. TFA's AdamW
    does not multiply by the learning rate.

    Args:
        learning_rate: as for Keras's AdamW.
        weight_decay: a number, or a Keras schedule. The schedule is called with the step that the learning rate gets.
        arguments: further keyword arguments of Keras's AdamW.

    Raises:
        RuntimeError: Keras has no AdamW; it is part of tf.keras from TF 2.12 on.
        TypeError: weight_decay is neither a number nor a schedule.

    Examples:
        >>> from clr_ref.keras import AdamW, TriangularCyclicalLearningRate
        >>> decay = TriangularCyclicalLearningRate(0.001, 0.004, step_size=2000)
        >>> AdamW(1e-3, weight_decay=decay).get_config()["weight_decay"]["config"]["maximal_learning_rate"]
        0.004
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: Any = 0.004, **arguments: Any) -> None:
        if _KERAS_ADAMW is None:
            raise RuntimeError("this needs AdamW of Keras, which tf.keras has from TF 2.12 on")
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, **arguments)

    @property
    def weight_decay(self) -> Any:
        """The weight decay of the next update: a number, or the tensor that the schedule returns."""
        # Keras reads this attribute once per update and weight, inside the compiled step too, and multiplies it by the rate.
        return scheduled.at(self._weight_decay, self._iterations)

    @weight_decay.setter
    def weight_decay(self, value: Any) -> None:
        self._weight_decay = scheduled.checked("weight_decay", value)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON data."""
        config: dict[str, Any] = super().get_config()
        config["weight_decay"] = scheduled.to_config(self._weight_decay)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Any:
        """Return the optimizer of a config.

        Args:
            config: the dict that ``get_config`` returned.
            custom_objects: classes by the names that Keras looks up.

        Returns:
            An ``AdamW``.
        """
        return super().from_config(scheduled.from_config(config, "weight_decay", custom_objects), custom_objects)
