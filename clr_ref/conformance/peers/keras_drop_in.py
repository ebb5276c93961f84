"""clr_ref's Keras drop-ins in TensorFlow's eager mode; plain SGD shows the rates that an optimizer applies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clr_ref.conformance.peers.tensorflow_sgd import applied, tf

CLASSES = {
    "triangular": "TriangularCyclicalLearningRate",
    "triangular2": "Triangular2CyclicalLearningRate",
    "exp_range": "ExponentialCyclicalLearningRate",
}


class Schedule:
    """A drop-in that is called with an int64 tensor."""

    def __init__(self, schedule: Any) -> None:
        self._schedule = schedule

    def __call__(self, step: int) -> Any:
        return self._schedule(tf.constant(step, tf.int64))

    def applied(self, n: int) -> Sequence[Any]:
        return applied(tf.keras.optimizers.SGD(self._schedule), n)


def make(policy: str, *, step_size_down: float | None = None, **arguments: Any) -> Any:
    from clr_ref import keras

    return Schedule(getattr(keras, CLASSES[policy])(**arguments, step_size_down=step_size_down))


def make_tfa(policy: str, **arguments: Any) -> Any:
    return make(policy, arithmetic="tfa", **arguments)
