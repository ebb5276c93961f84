"""Trace what tests/trace/test_record.py needs, in a process of its own: determinism is for good, and comes before TensorFlow.

python -m tests.trace.worker FOLDER
python -m tests.trace.worker FOLDER with-onednn    # the job "convolution" alone
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import clr_ref
from clr_ref.training import determinism

WITH_ONEDNN = sys.argv[2:] == ["with-onednn"]
determinism.prepare(onednn=WITH_ONEDNN)

from clr_ref.keras import api  # noqa: E402
from clr_ref.trace.record import record  # noqa: E402
from clr_ref.training.compiled import keras_rate  # noqa: E402
from clr_ref.training.experiment import epoch_order, run  # noqa: E402
from clr_ref.training.samples import Samples  # noqa: E402
from tests.trace import models  # noqa: E402

#: 16 steps are four epochs.
STEPS = 16
KEEP = range(4, 14)
SCHEDULE = clr_ref.triangular(1e-3, 1e-1, 33.3)


def late(step: int) -> Any:
    """The rate of SCHEDULE, but one step late from a step on."""
    inner = keras_rate(models.experiment(SCHEDULE))

    class Late(api.keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, now: Any) -> Any:
            tf = api.tensorflow()
            whole = tf.cast(api.tensor(now), tf.int64)
            return inner(whole - tf.cast(whole >= step, tf.int64))

        def get_config(self) -> dict[str, Any]:
            return {}

    return Late()


def swapped(batch: int) -> Samples:
    """The data, with two samples in other places of a batch of the first epoch."""
    whole = models.data()
    order = np.arange(64)
    one, other = epoch_order(0, 0, 64)[16 * batch : 16 * batch + 2]
    order[[one, other]] = other, one
    return whole.rows(order)


def one_ulp_up(model: Any) -> None:
    weight = model.weights[2]
    values = weight.numpy()
    values[3, 1] = np.nextafter(values[3, 1], np.float32(np.inf))
    weight.assign(values)


def other_mask(model: Any) -> None:
    ((_, state),) = determinism.named_random_states(model)
    state.assign(state.numpy() + 1)


def nested() -> Any:
    keras = api.keras
    block = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "tanh", name="inside")], name="block")
    other = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "tanh", name="inside")], name="other")
    inputs = keras.Input((8,))
    shared = keras.layers.Dense(8, "relu", name="shared")
    normal = keras.layers.BatchNormalization(name="normal")
    outputs = keras.layers.Dense(2, "softmax", name="top")(normal(other(block(shared(shared(inputs))))))
    found = keras.Model(inputs, outputs)
    found.compile("adam", "sparse_categorical_crossentropy")
    return found


def recurrent() -> Any:
    keras = api.keras
    found = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Reshape((8, 1), name="column"),
            keras.layers.SimpleRNN(3, return_sequences=True, name="loop"),
            keras.layers.LSTM(3, dropout=0.1, name="lstm"),
            keras.layers.Dense(2, "softmax", name="top"),
        ]
    )
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found


def convolution() -> Any:
    """oneDNN has a convolution of its own for many channels."""
    keras = api.keras
    found = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(8 * 8 * 16, name="spread"),
            keras.layers.Reshape((8, 8, 16), name="picture"),
            keras.layers.Conv2D(16, 5, name="convolved"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(2, "softmax", name="top"),
        ]
    )
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found


def embedded() -> Any:
    keras = api.keras
    found = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Embedding(50, 2, name="words"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(2, "softmax", name="top"),
        ]
    )
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found


def two_inputs() -> Any:
    keras = api.keras
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    joined = keras.layers.Concatenate(name="joined")([left, right])
    found = keras.Model({"left": left, "right": right}, keras.layers.Dense(2, "softmax", name="top")(joined))
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found


def pairs_of_samples() -> Samples:
    found = models.data()
    return Samples.of({"left": found.x, "right": -found.x}, found.y)


def loss_and_gradients(model: Any, batch: Any, weights: Any) -> tuple[Any, Any]:
    """What a train_step of its own computes."""
    tf = api.tensorflow()
    x, y = batch
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(api.keras.losses.sparse_categorical_crossentropy(y, model(x, training=True)))
    return loss, tape.gradient(loss, weights)


class ByHand(api.keras.Sequential):  # type: ignore[misc]
    """Its train_step changes the weights without the optimizer's method."""

    def train_step(self, data: Any) -> Any:
        loss, gradients = loss_and_gradients(self, data, self.trainable_variables)
        for gradient, weight in zip(gradients, self.trainable_variables, strict=True):
            weight.assign_sub(0.1 * gradient)
        self.optimizer.iterations.assign_add(1)
        return {"loss": loss}


class OtherLogs(api.keras.Sequential):  # type: ignore[misc]
    """Its train_step returns the loss under another name."""

    def train_step(self, data: Any) -> Any:
        return {"mine": super().train_step(data)["loss"]}


class NoLogs(api.keras.Sequential):  # type: ignore[misc]
    """Its train_step returns a tensor."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)["loss"]


def with_optimizers(*others: Any) -> Any:
    """A model with a list of optimizers."""
    found = models.compiled()
    found.others = list(others)
    return found


class WithKeywords(api.keras.Sequential):  # type: ignore[misc]
    """Its train_step gives the optimizer keywords, and the last weights first."""

    def train_step(self, data: Any) -> Any:
        weights = self.trainable_variables[::-1]
        loss, gradients = loss_and_gradients(self, data, weights)
        if api.IS_KERAS_3:
            self.optimizer.apply(trainable_variables=weights, grads=gradients)
        else:
            self.optimizer.apply_gradients(grads_and_vars=zip(gradients, weights, strict=True))
        return {"loss": loss}


class OwnFunction(api.keras.Sequential):  # type: ignore[misc]
    """Its train function never calls train_step."""

    def make_train_function(self, force: bool = False) -> Any:
        def function(iterator: Any) -> Any:
            loss, gradients = loss_and_gradients(self, next(iterator), self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

        self.train_function = function
        return function


def changing() -> Callable[[], Any]:
    """A function that builds another model every time."""
    count = 0

    def build() -> Any:
        nonlocal count
        count += 1
        return models.compiled(api.keras.optimizers.SGD(0.1 * count))

    return build


def jobs() -> dict[str, dict[str, Any]]:
    """Arguments of ``record`` by the name of the trace. A job without ``build`` trains the smallest model."""
    keras = api.keras
    exact, tfa = models.experiment(SCHEDULE), models.experiment(SCHEDULE, arithmetic="tfa")
    found: dict[str, dict[str, Any]] = {
        "plain": {},
        "weights": {"level": "weights"},
        "ulp": {"build": lambda: models.planted(12, one_ulp_up)},
        "ulp weights": {"build": lambda: models.planted(12, one_ulp_up), "level": "weights"},
        "mask": {"build": lambda: models.planted(5, other_mask)},
        "shuffled": {"data": swapped(2)},
        "exact": {"experiment": exact, "build": lambda: models.compiled(run_eagerly=True)},
        "tfa": {"experiment": tfa, "build": lambda: models.compiled(run_eagerly=True)},
        "in time": {"experiment": exact, "learning_rate": late(100)},
        "late": {"experiment": exact, "learning_rate": late(6)},
        "top": {"build": lambda: models.compiled(last="softplus")},
        "top weights": {"build": lambda: models.compiled(last="softplus"), "level": "weights"},
        "adam": {"build": nested, "experiment": models.experiment(None)},
        "xla": {"build": lambda: models.compiled(jit_compile=True), "steps": 2},
        "recurrent": {"build": recurrent, "steps": 2},
        "embedded": {"build": embedded, "steps": 2, "data": models.words()},
        "two inputs": {"build": two_inputs, "steps": 2, "data": pairs_of_samples()},
        "scaled": {"build": lambda: models.scaled(2.0**10), "steps": 6},
        "skipping": {"build": lambda: models.scaled(2.0**24), "steps": 14},
        "convolution": {"build": convolution, "steps": 6},
        "by hand": {"build": lambda: models.compiled(family=ByHand, metrics=None), "steps": 2},
        "by hand, weights": {"build": lambda: models.compiled(family=ByHand, metrics=None), "steps": 2, "level": "weights"},
        "keywords": {"build": lambda: models.compiled(family=WithKeywords, metrics=None), "steps": 2},
        "own function": {"build": lambda: models.compiled(family=OwnFunction, metrics=None), "steps": 2},
        "two optimizers": {"build": lambda: with_optimizers(keras.optimizers.SGD(0.1)), "steps": 2},
        "no optimizers": {"build": with_optimizers, "steps": 2},
        "other logs": {"build": lambda: models.compiled(family=OtherLogs, metrics=None), "steps": 2},
        "no logs": {"build": lambda: models.compiled(family=NoLogs, metrics=None), "steps": 2},
        "changing": {"build": changing(), "steps": 2, "experiment": models.experiment(None)},
        "interrupted": {"interrupt": 5},
    }
    if not api.IS_KERAS_3 and hasattr(keras.optimizers, "legacy"):
        found["legacy"] = {"build": lambda: models.compiled(keras.optimizers.legacy.Adam(0.01)), "steps": 2}
    return found


def trace(path: Path, job: dict[str, Any]) -> Any:
    """Whether the trace is faithful, or the error."""
    data = job.get("data", models.data())
    seen = []

    def on_step(step: int) -> None:
        seen.append(step)
        if step == job.get("interrupt"):
            raise KeyboardInterrupt

    try:
        end = record(
            path,
            job.get("experiment", models.experiment()),
            data,
            data,
            steps=job.get("steps", STEPS),
            keep=KEEP,
            level=job.get("level", "layers"),
            build=job.get("build", models.compiled),
            learning_rate=job.get("learning_rate"),
            on_step=on_step,
        )
    except (ValueError, KeyboardInterrupt) as error:
        return f"{type(error).__name__}: {error}"
    assert seen == [*range(1, 2 * job.get("steps", STEPS) + 1)], "the steps of both runs are counted together"
    return end.faithful


def resumed(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    """The digests of a job that is interrupted after three steps."""
    common = {"build": job["build"], "folder": folder}
    run(models.experiment(), models.data(), models.data(), until=3, **common)
    return run(models.experiment(), models.data(), models.data(), until=job["steps"], **common).digests()


def main(folder: str) -> None:
    if WITH_ONEDNN:
        assert trace(Path(folder, "onednn.trace"), jobs()["convolution"]) is True
        return
    results = {name: trace(Path(folder, f"{name}.trace"), job) for name, job in jobs().items()}
    Path(folder, "resumed.json").write_text(json.dumps(resumed(Path(folder), jobs()["skipping"])), "utf-8")
    Path(folder, "results.json").write_text(json.dumps(results), "utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
