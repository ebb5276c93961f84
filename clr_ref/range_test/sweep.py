"""Training of a compiled Keras model with given rates; the model is restored afterwards.

This module has the differences between the Keras generations: which attribute holds the rate, how an optimizer is built, and
how a batch gets into the function that ``fit`` calls.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from clr_ref.keras import api, optimizers
from clr_ref.keras.api import keras
from clr_ref.range_test import state
from clr_ref.range_test.batches import packed, unpacked, weighted_by_class
from clr_ref.training.samples import mapped

#: Sets the rate of the next update.
SetRate = Callable[[Any], None]
#: Trains on one batch and returns the loss that its update was computed from.
Train = Callable[[Any], float]


def is_sequence(data: Any) -> bool:
    """Return True for a Keras Sequence (PyDataset in Keras 3): it is indexed, since not every version has an iterator."""
    return isinstance(data, keras.utils.Sequence)


def weighting(data: Any, class_weight: Mapping[int, float]) -> Callable[[Any], Any]:
    """Return a function that adds the weights of the classes to a batch of these data, as ``fit`` does.

    Raises:
        TypeError: class_weight is no mapping.
        ValueError: a class that is no whole number, a weight that is no finite number; data with which ``fit`` does not accept
            class_weight.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict from class to weight, got {class_weight!r}")
    for label, weight in class_weight.items():
        if (
            not isinstance(label, (int, np.integer))
            or not isinstance(weight, (int, float, np.number))
            or not np.isfinite(weight)
        ):
            raise ValueError(f"class_weight must have whole numbers as classes and finite weights, got {label!r}: {weight!r}")
    if api.IS_KERAS_3 and (isinstance(data, types.GeneratorType) or _is_loader(data)):
        raise ValueError(
            f"class_weight goes with arrays, a tf.data.Dataset or a PyDataset in Keras 3, got {type(data).__name__}: "
            "let it yield (x, y, sample_weight)"
        )
    return functools.partial(
        weighted_by_class, class_weight=class_weight, dtype=keras.backend.floatx(), multiply=not api.IS_KERAS_3
    )


def build(model: Any, batch: Any) -> None:
    """Create the variables of the model and of its optimizer, so that their state can be restored."""
    with _scope(model):
        if not model.built:
            model(unpacked(batch)[0])
        optimizers.build(model.optimizer, model.trainable_variables)


@contextlib.contextmanager
def swept(model: Any) -> Iterator[tuple[SetRate, Train]]:
    """Yield a function that sets the rate of the next update, and one that trains on a batch; restore everything afterwards.

    Raises:
        TypeError: an optimizer that does not store its rate as Keras's do.
    """
    kernels = state.other_kernels() if model.run_eagerly else contextlib.nullcontext()
    with state.unchanged(model) as found, kernels:
        listed = set(map(id, model.metrics))
        unlisted = [item for item in found if isinstance(item, keras.metrics.Metric) and id(item) not in listed]
        yield _settable_rate(model), _trainer(model, unlisted)


def _trainer(model: Any, unlisted: list[Any]) -> Train:
    """Return a function that trains on one batch, and returns the loss that its update was computed from.

    Keras's ``train_on_batch`` passes the batch to the function that ``fit`` calls. The batch keeps the structure that ``fit``
    gives it: x stays x, (x, y) stays (x, y).

    Raises:
        ValueError: the model reports no loss.
    """
    _execute_one_step(model)
    # A new function: the old one has the state of random operations inside it, which must not change.
    model.train_function = None
    model.make_train_function()
    function = model.train_function
    batch: Any = None

    def fed(*arguments: Any) -> Any:  # JAX passes its state first
        *states, given = arguments
        if api.IS_KERAS_3 or not isinstance(batch, tuple):  # Keras 2 makes x a tuple, Keras 3 everything (x, y, None)
            given = _iterator(model, batch, given)
        return function(*states, given)

    model.train_function = fed

    def train(next_batch: Any) -> float:
        nonlocal batch
        batch = _as_in_fit(next_batch)
        # Keras reports means since the last reset, and up to 3.14 it does not reset them itself.
        model.reset_metrics()
        for metric in unlisted:
            metric.reset_state()
        x, y, sample_weight = unpacked(batch)
        logs = model.train_on_batch(x, y, sample_weight=sample_weight, return_dict=True)
        if "loss" not in logs:
            raise ValueError(f"model must report its loss as 'loss', got {', '.join(sorted(logs)) or 'nothing'}")
        return float(logs["loss"])

    return train


def _execute_one_step(model: Any) -> None:
    """Have each call of the function that ``fit`` calls train on one batch."""
    if api.IS_KERAS_3:
        model.steps_per_execution = 1
    else:
        model._steps_per_execution.assign(1)
        model._autotune_steps_per_execution = False


def _as_in_fit(batch: Any) -> Any:
    """Return the batch as ``fit`` would give it to ``train_step``."""
    batch = mapped(_as_floatx, batch)
    if api.IS_KERAS_3:
        return batch
    parts = unpacked(batch)
    return batch if api.tensorflow().is_tensor(parts[0]) else packed(*parts)  # Keras 2 does not change a tf.data batch


def _is_loader(data: Any) -> bool:
    """Return True for a torch DataLoader, or an object of one of Grain's classes."""
    kinds = [(kind.__module__.partition(".")[0], kind.__name__) for kind in type(data).__mro__]
    return ("torch", "DataLoader") in kinds or any(package == "grain" for package, _ in kinds)


def _as_floatx(leaf: Any) -> Any:
    is_float = isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f"
    return leaf.astype(keras.backend.floatx()) if is_float else leaf


def _iterator(model: Any, batch: Any, given: Any) -> Any:
    """Return a list or iterator of this batch only, divided among replicas or devices; ``given`` is the one that Keras made."""
    if not api.ON_TENSORFLOW:
        return _like_first(batch, given)
    strategy = model.distribute_strategy
    if api.IS_KERAS_3 and strategy.num_replicas_in_sync == 1:
        return iter([batch])  # a data set for each batch would take most of the time of a small model
    dataset = api.tensorflow().data.Dataset.from_tensors(batch)
    return iter(strategy.experimental_distribute_dataset(dataset))


def _like_first(batch: Any, given: Any) -> Any:
    """Return the first item of ``given`` with as many parts as the batch: a list for torch, an iterator for JAX."""
    data = next(iter(given))
    alone = [data[: len(batch)] if isinstance(batch, tuple) else data[0]]
    return alone if isinstance(given, list) else iter(alone)


def _settable_rate(model: Any) -> SetRate:
    """Return a function that sets the rate of the model's optimizer: its own variable, or one that replaces its schedule."""
    optimizer = optimizers.applying(model.optimizer)
    if hasattr(optimizer, "_hyper"):  # OptimizerV2: the default up to TF 2.10, optimizers.legacy until 2.15
        optimizer._initial_decay = 0.0
        if not api.is_variable(optimizer._hyper["learning_rate"]):
            optimizer._hyper["learning_rate"] = _new_variable(model)
        return optimizer._hyper["learning_rate"].assign  # type: ignore[no-any-return]
    if not api.is_variable(optimizer._learning_rate):
        optimizer._learning_rate = _new_variable(model)
    return optimizer._learning_rate.assign  # type: ignore[no-any-return]


def _new_variable(model: Any) -> Any:
    kind = keras.Variable if api.IS_KERAS_3 else api.tensorflow().Variable
    with _scope(model):
        return kind(0.0, trainable=False, dtype=keras.backend.floatx(), name="learning_rate")


def _scope(model: Any) -> Any:
    return model.distribute_strategy.scope() if api.ON_TENSORFLOW else contextlib.nullcontext()
