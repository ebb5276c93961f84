"""Models of a few weights on a few samples, as a user writes them in a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clr_ref.keras.api import keras


def data(n: int = 80) -> tuple[NDArray[Any], NDArray[Any]]:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 8)).astype("float32")
    return x, (x[:, 0] + 0.3 * random.normal(size=n) > 0).astype("int32")


def model(*more: Any) -> Any:
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), *more, keras.layers.Dense(2, "softmax")])


def compiled(*more: Any) -> Any:
    found = model(*more)
    found.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return found


def make() -> Any:
    """With dropout, whose random state is saved in checkpoints."""
    return compiled(keras.layers.Dropout(0.2)), data()


def with_validation() -> Any:
    x, y = data(96)
    return compiled(), (x[:64], y[:64]), (x[64:], y[64:])


def not_compiled() -> Any:
    return model(), data()


def own_schedule() -> Any:
    found = model(keras.layers.BatchNormalization())
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    found.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return found, data()


def dataset() -> Any:
    """In batches of another size than those of the study."""
    import tensorflow as tf

    return compiled(), tf.data.Dataset.from_tensor_slices(data()).batch(24)


def shuffled_dataset() -> Any:
    import tensorflow as tf

    return compiled(), tf.data.Dataset.from_tensor_slices(data()).shuffle(80).batch(16)


def endless_dataset() -> Any:
    import tensorflow as tf

    return compiled(), tf.data.Dataset.from_tensor_slices(data()).repeat().batch(16)


def other_data() -> Any:
    x, y = data()
    return compiled(), (x + np.random.default_rng().normal(size=x.shape), y)


def generator() -> Any:
    return compiled(), (data(16) for _ in range(3))


def weighted() -> Any:
    return compiled(), (*data(), np.ones(80))


class WithoutTestLoss(keras.Sequential):  # type: ignore[misc]
    def test_step(self, batch: Any) -> Any:
        return {"accuracy": super().test_step(batch)["loss"]}


def without_test_loss() -> Any:
    found = WithoutTestLoss([keras.Input((8,)), keras.layers.Dense(2, "softmax")])
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found, data()


def no_model() -> Any:
    return 3, data()


def raising() -> Any:
    raise RuntimeError("no data today")


class Noise(keras.layers.Layer):  # type: ignore[misc]
    """Adds noise that no seed determines."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        import tensorflow as tf

        noise = tf.py_function(lambda: np.random.default_rng().normal(size=8).astype("float32"), [], "float32")
        return inputs + tf.reshape(noise, [1, 8])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Counting(keras.layers.Layer):  # type: ignore[misc]
    """Multiplies by the number of its calls, which is a state that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def call(self, inputs: Any, training: bool = False) -> Any:
        import tensorflow as tf

        return inputs * tf.reshape(tf.py_function(self.count, [], "float32"), [])

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def count(self) -> Any:
        self.calls += 1
        return np.float32(self.calls)


def unseeded() -> Any:
    return compiled(Noise()), data()


def counting() -> Any:
    return compiled(Counting()), data()


def averaging() -> Any:
    found = model()
    found.compile(keras.optimizers.SGD(0.1, use_ema=True), "sparse_categorical_crossentropy")
    return found, data()


def accumulating() -> Any:
    found = model()
    found.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), "sparse_categorical_crossentropy")
    return found, data()


def mixed() -> Any:
    """In float16, with a loss scale that is too large at first: the first steps are skipped."""
    found = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(8, "relu", dtype="mixed_float16"),
            keras.layers.Dense(2, "softmax", dtype="float32"),
        ]
    )
    scaled = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.9), initial_scale=2.0**24)
    found.compile(scaled, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return found, data()


def recurrent() -> Any:
    found = keras.Sequential(
        [keras.Input((8, 1), batch_size=16), keras.layers.LSTM(2, stateful=True), keras.layers.Dense(2, "softmax")]
    )
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found, data()


def lines() -> Any:
    """A regression, without an accuracy."""
    x, _ = data()
    found = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    found.compile("adam", "mse")
    return found, (x, x.sum(axis=1, keepdims=True))
