"""What a model holds comes back: its whole state in bits, and the training that follows."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import range_test
from tests.range_test.probe import needs_keras

pytestmark = [needs_keras, pytest.mark.filterwarnings("ignore")]

ENDS: dict[str, Any] = {"minimal_learning_rate": 1e-3, "maximal_learning_rate": 0.1, "steps": 6, "divergence_factor": math.inf}
X = np.random.default_rng(5).normal(size=(16, 4, 3)).astype(np.float32)
Y = X[:, 0, :1] * 2


@pytest.fixture
def api() -> Any:
    from clr_ref.keras import api

    return api


@pytest.fixture
def keras(api: Any) -> Any:
    return api.keras


def batches() -> Any:
    for start in (0, 4, 8, 12) * 3:
        yield X[start : start + 4], Y[start : start + 4]


def sequential(keras: Any, optimizer: Any, kind: Any = None, middle: Any = (), metrics: Any = ("mae",), **compiled: Any) -> Any:
    layers = keras.layers
    first = layers.Input(batch_shape=(4, 4, 3)) if hasattr(keras, "ops") else layers.Input((4, 3), batch_size=4)
    last = [layers.Flatten(), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)]
    model = (kind or keras.Sequential)([first, *middle, *last])
    model.compile(optimizer, "mse", metrics=list(metrics) or None, **compiled)
    return model


def plain(api: Any) -> Any:
    return sequential(api.keras, api.keras.optimizers.Adam(0.01))


def averaged(api: Any) -> Any:
    """The optimizer keeps an average of the weights."""
    try:
        optimizer = api.keras.optimizers.SGD(0.01, momentum=0.5, use_ema=True)
    except TypeError:
        pytest.skip("use_ema came with the optimizers of TF 2.11")
    return sequential(api.keras, optimizer)


def scaled(api: Any) -> Any:
    return sequential(api.keras, api.keras.mixed_precision.LossScaleOptimizer(api.keras.optimizers.Adam(0.01)))


def accumulated(api: Any) -> Any:
    if not api.IS_KERAS_3:
        pytest.skip("gradient_accumulation_steps came with Keras 3")
    return sequential(api.keras, api.keras.optimizers.Adam(0.01, gradient_accumulation_steps=2))


def stateful(api: Any) -> Any:
    """The states of the layer stay from batch to batch."""
    recurrent = api.keras.layers.LSTM(3, stateful=True, return_sequences=True)
    return sequential(api.keras, api.keras.optimizers.SGD(0.01), middle=[recurrent])


def by_hand(api: Any) -> Any:
    """A train_step with two more optimizers, in a dict and in a list, variables of its own and generators of every kind."""
    if api.BACKEND != "tensorflow":
        pytest.skip("this train_step is TensorFlow's")
    tf, keras = api.tensorflow(), api.keras

    class ByHand(keras.Sequential):  # type: ignore[misc]
        created: Any = None

        def train_step(self, data: Any) -> Any:
            x, y = data
            if self.created is None:
                with tf.init_scope():
                    object.__setattr__(self, "created", tf.Variable(2.0))
            with tf.GradientTape(persistent=True) as tape:
                noise = self.noise.normal(tf.shape(y)) + tf.random.normal(tf.shape(y))
                loss = tf.reduce_mean((self(x, training=True) - y + 0.01 * noise) ** 2)
            weights = self.trainable_variables
            self.optimizer.apply_gradients([(tape.gradient(loss, weights[0]), weights[0])])
            for optimizer, weight in zip((self.others["a"], self.others["b"][0]), weights[1:], strict=False):
                optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])
            self.count.assign_add(1)
            self.created.assign(self.created * 1.5)
            self.helper.moved.assign_add(loss + self.created)
            return {"loss": loss}

    class Helper:
        moved = None

    model = sequential(keras, keras.optimizers.SGD(0.01), ByHand, metrics=())
    helper = Helper()
    helper.moved = tf.Variable(0.0)
    object.__setattr__(model, "others", {"a": keras.optimizers.Adam(0.02), "b": [keras.optimizers.Adagrad(0.03)]})
    object.__setattr__(model, "count", tf.Variable(0, dtype=tf.int64))
    object.__setattr__(model, "noise", tf.random.Generator.from_seed(3))
    object.__setattr__(model, "helper", helper)
    return model


def eager(api: Any) -> Any:
    """A train_step that runs as Python: attributes that are no variables, and the generators of the process."""
    keras = api.keras

    class Eager(keras.Sequential):  # type: ignore[misc]
        def train_step(self, *arguments: Any) -> Any:
            self.log["steps"] += 1
            self.log["noise"][:] = np.random.random(2)  # noqa: NPY002
            self.log["seen"].append((random.random(), self.log["own"].random()))
            return super().train_step(*arguments)

    model = sequential(keras, keras.optimizers.SGD(0.01), Eager, run_eagerly=True)
    log = {"steps": 0, "noise": np.zeros(2), "seen": [], "own": np.random.default_rng(4)}
    object.__setattr__(model, "log", log)
    return model


MODELS = [plain, averaged, scaled, accumulated, stateful, by_hand, eager]


def value(variable: Any) -> Any:
    return np.array(variable.numpy() if hasattr(variable, "numpy") else variable)


def everything(model: Any) -> dict[str, Any]:
    """The state, collected by names and not by the walk that is tested."""
    found: list[Any] = [*model.get_weights()]
    for optimizer in (model.optimizer, *((getattr(model, "others", None) and [model.others["a"], model.others["b"][0]]) or ())):
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        found.append(value(inner.iterations))  # first, as the legacy optimizers create them when they are read
        listed = inner.variables
        found += [value(one) for one in (listed() if callable(listed) else listed)]
        found += [value(getattr(optimizer, name)) for name in ("dynamic_scale", "loss_scale") if hasattr(optimizer, name)]
    found += [value(one) for layer in model.layers for one in (getattr(layer, "states", None) or ())]
    found += [value(one) for metric in model.metrics for one in metric.variables]
    names = ("count", "created")
    found += [value(getattr(model, name)) for name in names if getattr(model, name, None) is not None]
    if hasattr(model, "helper"):
        found += [value(model.helper.moved), value(model.noise.state)]
    log = dict(getattr(model, "log", {}))
    own = log.pop("own", None)
    return {
        "arrays": [(one.shape, one.tobytes()) for one in found],
        "log": repr(log),
        "generators": repr((own and own.bit_generator.state, random.getstate(), np.random.get_state())),  # noqa: NPY002
    }


@pytest.mark.parametrize("trained", [False, True], ids=["never trained", "trained"])
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_whole_state_and_the_training_after_it_are_those_without_a_test(
    api: Any, keras: Any, make: Callable[[Any], Any], trained: bool
) -> None:
    from clr_ref.keras import optimizers

    if api.BACKEND == "jax" and make is eager:
        pytest.skip("on JAX a train_step has no Python of its own")
    if make is stateful:
        try:
            make(api).fit(batches(), steps_per_epoch=2, verbose=0)
        except Exception as error:  # Keras 3.12 on TensorFlow and 3.15 on torch
            pytest.skip(f"fit of a stateful LSTM raises {type(error).__name__} without a range test too")
    if api.BACKEND == "jax" and make is averaged and trained:
        pytest.skip("Keras 3.15 on JAX: a second fit with use_ema raises TypeError, without a range test too")
    results = []
    for tested in (False, True):
        keras.utils.set_random_seed(5)
        keras.backend.clear_session()
        model = make(api)
        optimizers.build(model.optimizer, model.trainable_variables)  # as the test does
        if trained:
            model.fit(batches(), steps_per_epoch=2, verbose=0)
        before = everything(model)
        if tested:
            found = range_test(model, batches(), **ENDS)
            assert len(set(found.losses.tolist())) == ENDS["steps"]  # it did train
            after = everything(model)
            for part in before:
                assert after[part] == before[part], part
        history = model.fit(batches(), steps_per_epoch=4, verbose=0).history
        results.append((history, everything(model)))
    assert results[0][0] == results[1][0]
    for part in results[0][1]:
        assert results[0][1][part] == results[1][1][part], part
