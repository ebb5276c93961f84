"""A compiled Keras model under rates of one's own, and as it was before when that is over.

What differs between Keras generations stands in this module: which attribute holds the rate, how an optimizer is built, which
variables there are.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clr_ref import _keras_api, _optimizers
from clr_ref._keras_api import keras
from clr_ref.range_test.batches import Batch

#: Sets the rate of the next update.
SetRate = Callable[[Any], None]


def is_sequence(data: Any) -> bool:
    """Whether the data are a Keras Sequence (PyDataset in Keras 3), which is indexed and has no iterator in every version."""
    return isinstance(data, keras.utils.Sequence)


def build(model: Any, batch: Batch) -> None:
    """Create every variable that training would create, so that there is a state to return to."""
    x, y, sample_weight = batch
    with _scope(model):
        if not model.built:
            model(x)
        optimizer = _with_variables(model)
        if hasattr(optimizer, "_create_all_weights"):  # legacy
            optimizer._create_all_weights(model.trainable_variables)
        elif not getattr(optimizer, "built", False):
            optimizer.build(model.trainable_variables)
    if _keras_api.IS_KERAS_3 and _replicas(model) > 1:
        # Metrics are made at the first batch, and cannot be from one that is already distributed.
        model.test_on_batch(x, y, sample_weight)


def train(model: Any, batch: Batch) -> float:
    """Train on one batch, and the loss that its update was computed from.

    Raises:
        ValueError: the model reports no loss.
    """
    if _keras_api.IS_KERAS_3 and _replicas(model) > 1:
        batch = _distributed(model.distribute_strategy, batch)
    x, y, sample_weight = batch
    logs = model.train_on_batch(x, y, sample_weight=sample_weight, return_dict=True)
    if "loss" not in logs:
        raise ValueError(f"model must report its loss as 'loss', got {', '.join(sorted(logs)) or 'nothing'}")
    return float(logs["loss"])


@contextlib.contextmanager
def settable_rate(model: Any) -> Iterator[SetRate]:
    """The rate of the model's optimizer under control; its own rate or schedule comes back afterwards.

    Raises:
        TypeError: an optimizer that keeps its rate elsewhere than Keras's do.
    """
    optimizer = _optimizers.applying(model.optimizer)
    if hasattr(optimizer, "_hyper"):
        way = _legacy_rate
    elif hasattr(optimizer, "_learning_rate"):
        way = _keras_3_rate if _keras_api.IS_KERAS_3 else _new_rate
    else:
        raise TypeError(f"the optimizer must be one of Keras's, got {type(optimizer).__name__}, whose rate cannot be set")
    with way(optimizer, _scope(model)) as variable:
        own = variable.numpy() if hasattr(variable, "numpy") else np.asarray(variable)
        try:
            yield variable.assign
        finally:
            variable.assign(own)


@contextlib.contextmanager
def _legacy_rate(optimizer: Any, scope: Any) -> Iterator[Any]:
    """OptimizerV2: the default up to TF 2.10, ``optimizers.legacy`` until 2.15."""
    own, decay = optimizer._hyper["learning_rate"], optimizer._initial_decay
    try:
        optimizer._initial_decay = 0.0
        if not _is_variable(own):
            optimizer._hyper["learning_rate"] = _new_variable(scope)
        yield optimizer._hyper["learning_rate"]
    finally:
        optimizer._hyper["learning_rate"], optimizer._initial_decay = own, decay


@contextlib.contextmanager
def _new_rate(optimizer: Any, scope: Any) -> Iterator[Any]:
    """The default from TF 2.11, and tf-keras."""
    own = optimizer._learning_rate
    try:
        if not _is_variable(own):
            optimizer._learning_rate = _new_variable(scope)
        yield optimizer._learning_rate
    finally:
        optimizer._learning_rate = own


@contextlib.contextmanager
def _keras_3_rate(optimizer: Any, scope: Any) -> Iterator[Any]:
    own = optimizer._learning_rate
    if isinstance(own, keras.Variable):
        yield own
        return
    with scope:
        variable = keras.Variable(0.0, trainable=False, dtype=keras.backend.floatx(), name="learning_rate")
    try:
        optimizer._learning_rate = variable  # setting the attribute makes it one of optimizer.variables
        yield variable
    finally:
        optimizer._learning_rate = own
        optimizer._untrack_variable(variable)


@contextlib.contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Weights, optimizer, metrics, random state and compiled functions come back afterwards, whatever happens."""
    kept = [(variable, np.array(_value(variable))) for variable in _variables(model)]
    metrics = [(variable, np.array(_value(variable))) for metric in model.metrics for variable in metric.variables]
    own = {
        name: getattr(model, name) for name in ("train_function", "train_tf_function", "test_function") if hasattr(model, name)
    }
    try:
        # A function of its own: the old one stays as it was, with the state of random operations that is inside it.
        for name in own:
            setattr(model, name, None)
        with _one_step_per_execution(model), _global_generator():
            yield
    finally:
        for name, function in own.items():
            setattr(model, name, function)
        model.reset_metrics()  # those that were made meanwhile
        for variable, value in kept + metrics:
            variable.assign(value)


def _global_generator() -> Any:
    """On torch, Keras draws dropout from torch's own generator, whatever the layer's seed."""
    return importlib.import_module("torch").random.fork_rng() if _keras_api.BACKEND == "torch" else contextlib.nullcontext()


@contextlib.contextmanager
def _one_step_per_execution(model: Any) -> Iterator[None]:
    if _keras_api.IS_KERAS_3:
        own = model.steps_per_execution
        try:
            model.steps_per_execution = 1
            yield
        finally:
            model.steps_per_execution = own
        return
    steps, tuned = model._steps_per_execution, getattr(model, "_autotune_steps_per_execution", False)
    own = int(steps.numpy())
    try:
        steps.assign(1)
        model._autotune_steps_per_execution = False
        yield
    finally:
        steps.assign(own)
        model._autotune_steps_per_execution = tuned


def _with_variables(model: Any) -> Any:
    """The optimizer that lists its variables: before Keras 3 the inner one; TF 2.11's LossScaleOptimizer raises."""
    return model.optimizer if _keras_api.IS_KERAS_3 else _optimizers.unscaled(model.optimizer)


def _variables(model: Any) -> list[Any]:
    found = _with_variables(model).variables
    variables = [*model.variables, *(found() if callable(found) else found)]
    if not _keras_api.IS_KERAS_3:
        variables += [getattr(model, name) for name in ("_train_counter", "_test_counter") if hasattr(model, name)]
        # What a LossScaleOptimizer and random layers keep is in no list.
        variables += getattr(getattr(model.optimizer, "_loss_scale", None), "_weights", {}).values()
        for layer in model.submodules:
            generator = getattr(getattr(layer, "_random_generator", None), "_generator", None)
            if generator is not None:
                variables.append(generator.state)
    return list({id(variable): variable for variable in variables}.values())


def _value(variable: Any) -> Any:
    return keras.ops.convert_to_numpy(variable) if _keras_api.IS_KERAS_3 else variable.numpy()


def _is_variable(rate: Any) -> bool:
    return hasattr(rate, "assign")


def _new_variable(scope: Any) -> Any:
    with scope:
        return _keras_api.tensorflow().Variable(0.0, trainable=False, dtype=keras.backend.floatx(), name="learning_rate")


def _scope(model: Any) -> Any:
    return model.distribute_strategy.scope() if _keras_api.BACKEND == "tensorflow" else contextlib.nullcontext()


def _replicas(model: Any) -> int:
    return int(model.distribute_strategy.num_replicas_in_sync) if _keras_api.BACKEND == "tensorflow" else 1


def _distributed(strategy: Any, batch: Batch) -> Batch:
    """The batch divided among the replicas, as fit does; Keras 3 would give each the whole of it."""
    x, y, sample_weight = batch
    given = (x,) if y is None else (x, y) if sample_weight is None else (x, y, sample_weight)
    dataset = _keras_api.tensorflow().data.Dataset.from_tensors(given)
    divided = next(iter(strategy.experimental_distribute_dataset(dataset)))
    x, y, sample_weight = (*divided, None, None)[:3]
    return x, y, sample_weight
