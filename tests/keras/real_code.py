"""What public code does with TFA's schedules, for the table in docs/MIGRATING.md: the first cell of a row, and the code.

``real_code_unnamed`` has the other half of the rows.

Each function gets the module with the four classes, which is TFA's or ours, its Keras, and an empty folder. It returns nothing
and raises nothing if the pattern works.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.keras.models import new_model, train

Pattern = Callable[[Any, Any, Path], None]

PATTERNS: dict[str, Pattern] = {}
#: The patterns that need TensorFlow. A metric of the JAX backend cannot read the counter of an optimizer.
NEED_TENSORFLOW: set[str] = set()


def pattern(row: str, *, tensorflow: bool = False) -> Callable[[Pattern], Pattern]:
    def add(function: Pattern) -> Pattern:
        PATTERNS[row] = function
        NEED_TENSORFLOW.update([row] if tensorflow else [])
        return function

    return add


def halving(x: Any) -> Any:
    return 1 / (2.0 ** (x - 1))


def triangular(clr: Any, step_size: Any = 4, **more: Any) -> Any:
    return clr.TriangularCyclicalLearningRate(1e-3, 1e-1, step_size, **more)


def unnamed(clr: Any) -> Any:
    return clr.CyclicalLearningRate(1e-3, 1e-1, 4, scale_fn=lambda x: 1 / (2.0 ** (x - 1)))


def fitted(keras: Any, schedule: Any, **arguments: Any) -> Any:
    return train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 4, **arguments)


def number(rate: Any) -> float:
    return float(np.asarray(rate))


def close(rate: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(rate), expected, rtol=1e-5)


# --- arguments ---------------------------------------------------------------------------------------------------------


@pattern("`step_size=2 * samples / batch_size`, a float")
def _(clr: Any, keras: Any, folder: Path) -> None:
    close(triangular(clr, 2 * 50 / 8)(12), 1e-3 + 0.099 * 12 / 12.5)


@pattern("`step_size` and bounds of NumPy: `np.int64`, `lrs[i]`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    lrs = np.array([1e-3, 1e-1], np.float32)
    fitted(keras, clr.Triangular2CyclicalLearningRate(lrs[0], lrs[1], np.int64(4)))


@pattern("`step_size=int(2e5) * steps_per_epoch`, a tensor", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    fitted(keras, triangular(clr, int(2e5) * tf.cast(70 // 8, tf.int64)))


@pattern("`step_size=[4]` or a bound as an array of one element")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = clr.TriangularCyclicalLearningRate(np.float32([1e-3]), 1e-1, [4])
    close(np.reshape(np.asarray(schedule(2)), ()), 0.0505)


@pattern("bounds as a vector, one for each layer")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = clr.TriangularCyclicalLearningRate(np.float32([1e-3, 1e-4]), np.float32([1e-1, 1e-2]), 4)
    close(schedule(4), [1e-1, 1e-2])


@pattern("`@tf.function` as `scale_fn`, with an `if`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    @tf.function
    def late(x: Any) -> Any:
        return 1.0 if x < 2 else 0.5

    schedule = clr.CyclicalLearningRate(0.0, 1.0, 4, scale_fn=late)
    close([number(schedule(step)) for step in (4, 12)], [1.0, 0.5])
    fitted(keras, schedule)


def late_in_python(x: Any) -> Any:
    if x < 2:
        return 1.0
    return 0.5


@pattern("a `scale_fn` with an `if`, in `fit`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, clr.CyclicalLearningRate(0.0, 1.0, 4, scale_fn=late_in_python))


@pattern("a `scale_fn` with an `if`, in `tf.function`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    compiled = tf.function(clr.CyclicalLearningRate(0.0, 1.0, 4, scale_fn=late_in_python))
    close([number(compiled(tf.constant(float(step)))) for step in (4, 12)], [1.0, 0.5])


@pattern("a `scale_fn` of TensorFlow's functions and NumPy's constants", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    fitted(keras, clr.CyclicalLearningRate(0.0, 1.0, 4, lambda x: tf.math.abs(tf.math.cos(x * np.pi / 6)) / tf.sqrt(x + 1)))


# --- optimizers --------------------------------------------------------------------------------------------------------


@pattern("in Adam, RMSprop, SGD, Nadam")
def _(clr: Any, keras: Any, folder: Path) -> None:
    for name in ("Adam", "RMSprop", "SGD", "Nadam"):
        train(new_model(keras, getattr(keras.optimizers, name)(learning_rate=unnamed(clr))), 0, 3)


@pattern("ExponentialCyclicalLearningRate in Adam")
def _(clr: Any, keras: Any, folder: Path) -> None:
    train(new_model(keras, keras.optimizers.Adam(clr.ExponentialCyclicalLearningRate(1e-3, 1e-1, 4, gamma=0.9))), 0, 3)


@pattern("in an optimizer of `keras.optimizers.legacy`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    train(new_model(keras, keras.optimizers.legacy.Adam(learning_rate=unnamed(clr))), 0, 3)


@pattern("`optimizer.learning_rate = schedule` afterwards")
def _(clr: Any, keras: Any, folder: Path) -> None:
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.learning_rate = triangular(clr)
    train(new_model(keras, optimizer), 0, 3)


@pattern("one schedule in two optimizers, as in a GAN")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    for optimizer in (keras.optimizers.Adam(schedule), keras.optimizers.SGD(schedule)):
        train(new_model(keras, optimizer), 0, 3)


@pattern("`LossScaleOptimizer(Adam(schedule))`, as with `mixed_float16`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    train(new_model(keras, keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam(unnamed(clr)))), 0, 3)


@pattern("`tfa.optimizers.Lookahead(legacy.Adam(schedule))`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow_addons as tfa

    train(new_model(keras, tfa.optimizers.Lookahead(keras.optimizers.legacy.Adam(unnamed(clr)))), 0, 3)


# --- reading the rate --------------------------------------------------------------------------------------------------


@pattern("`schedule(optimizer.iterations)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    close(number(schedule(fitted(keras, schedule).optimizer.iterations)), 1e-1)


@pattern("`optimizer.learning_rate` in a callback, as a number")
def _(clr: Any, keras: Any, folder: Path) -> None:
    class Report(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            number(keras.backend.get_value(self.model.optimizer.learning_rate))

    fitted(keras, unnamed(clr), callbacks=[Report()])


@pattern("`optimizer.lr(optimizer.iterations)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    optimizer = fitted(keras, unnamed(clr)).optimizer
    number(optimizer.lr(optimizer.iterations))


@pattern("`optimizer.learning_rate(step)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    optimizer = fitted(keras, unnamed(clr)).optimizer
    number(optimizer.learning_rate(4))


@pattern("a metric that returns `optimizer.learning_rate`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    optimizer = keras.optimizers.Adam(unnamed(clr))
    model = new_model(keras, optimizer)

    def lr(y_true: Any, y_pred: Any) -> Any:
        return optimizer.learning_rate

    model.compile(optimizer=optimizer, loss=keras.losses.MeanSquaredError(), metrics=[lr])
    train(model, 0, 3)


@pattern("`schedule(np.arange(n))` and `[schedule(i) for i in range(n)]` for plots")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    close(schedule(np.arange(20.0, dtype=np.float32)), [number(schedule(step)) for step in range(20)])


@pattern('TensorBoard with Triangular2 and `scale_mode="iterations"`', tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = clr.Triangular2CyclicalLearningRate(1e-3, 1e-1, 4, scale_mode="iterations")
    fitted(keras, schedule, callbacks=[keras.callbacks.TensorBoard(str(folder))])


# --- attributes and classes --------------------------------------------------------------------------------------------


@pattern("`schedule.maximal_learning_rate *= 0.5`, `schedule.scale_fn = f`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = triangular(clr)
    schedule.maximal_learning_rate *= 0.5
    close(schedule(4), 5e-2)
    schedule.scale_fn = lambda x: 0.0
    close(schedule(4), 1e-3)


@pattern("`vars(schedule)`, `json.dumps(schedule.get_config(), default=str)` for a tracker")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    assert vars(schedule)["step_size"] == schedule.step_size == 4
    json.dumps({key: value for key, value in vars(schedule).items() if not key.startswith("_")}, default=str)
    json.dumps(schedule.get_config(), default=str)


@pattern("a class that sets `self.dtype` before, `self.step_size` after `super().__init__`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    class Epochs(clr.TriangularCyclicalLearningRate):  # type: ignore[misc, name-defined]
        def __init__(self, epochs: int) -> None:
            self.dtype = "float32"
            super().__init__(0.0, 1.0, 1)
            self.step_size = 4 * epochs

    fitted(keras, Epochs(2))
    close(Epochs(2)(4), 0.5)


@pattern("a class with its own `__init__` and `get_config`: `from_config(get_config())`, `copy.deepcopy`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    class Warm(clr.CyclicalLearningRate):  # type: ignore[misc, name-defined]
        def __init__(
            self,
            initial_learning_rate: Any,
            maximal_learning_rate: Any,
            step_size: Any,
            scale_fn: Any,
            scale_mode: Any,
            warm: int,
        ) -> None:
            super().__init__(initial_learning_rate, maximal_learning_rate, step_size, scale_fn, scale_mode)
            self.warm = warm

        def __call__(self, step: Any) -> Any:
            return super().__call__(step + self.warm)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "warm": self.warm}

    made = Warm(0.0, 1.0, 4, halving, "cycle", 2)
    for again in (Warm.from_config(made.get_config()), copy.deepcopy(made)):
        assert type(again) is Warm
        close(again(2), 1.0)


# --- loops -------------------------------------------------------------------------------------------------------------


@pattern("a loop with `GradientTape` under `tf.function`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    weight, optimizer = tf.Variable(0.0), keras.optimizers.SGD(unnamed(clr))

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            loss = 1.0 * weight
        optimizer.apply_gradients([(tape.gradient(loss, weight), weight)])

    for _ in range(2):
        step()
    close(weight, -(1e-3 + 0.02575))


@pattern("under `tf.distribute.MirroredStrategy`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = new_model(keras, keras.optimizers.Adam(unnamed(clr)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train(model, 0, 3)
    pool = getattr(getattr(strategy.extended, "_collective_ops", None), "_pool", None)
    if pool is not None:  # TensorFlow leaves it running, and Python warns of that when it goes
        pool.close()


@pattern("`steps_per_execution=2` and `jit_compile=True`, as for a TPU", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    model = new_model(keras, keras.optimizers.Adam(unnamed(clr)))
    model.compile(optimizer=model.optimizer, loss=keras.losses.MeanSquaredError(), steps_per_execution=2, jit_compile=True)
    train(model, 0, 4)
