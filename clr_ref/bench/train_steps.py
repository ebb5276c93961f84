"""What a schedule adds to a compiled train step."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref.bench import contenders
from clr_ref.bench.rounds import Call, interleaved


@dataclasses.dataclass(frozen=True)
class Overhead:
    """What a schedule adds to a compiled train step, in seconds.

    ``step`` is the whole step. ``extra`` is the median of the differences, within a round, to the same step with a constant
    rate; ``low`` and ``high`` are their quartiles.
    """

    schedule: str
    mode: str
    step: float
    extra: float
    low: float
    high: float


def overheads(rounds: int = 201, steps: int = 100) -> list[Overhead]:
    """The overhead of each schedule in a compiled train step.

    The step is a small one on one thread, timed by the CPU's clock: a large step, or other processes, would vary by more than
    the microseconds that a schedule adds. TFA's exp_range is left out because it cannot train where steps are int64.

    Args:
        rounds: how often each schedule is timed.
        steps: the number of train steps in one sample.

    Raises:
        ImportError, RuntimeError: Keras on TensorFlow is not installed.
    """
    schedules: dict[str, Callable[[], Any]] = {
        "constant": lambda: 1e-3,
        **{
            f"Keras drop-in {policy}": functools.partial(contenders.drop_in_schedule, policy) for policy in contenders.SCHEDULES
        },
        "CosineDecay": contenders.cosine_schedule,
    }
    if importlib.util.find_spec("tensorflow_addons"):
        for policy in ("triangular", "triangular2"):
            schedules[f"TFA {policy}"] = functools.partial(contenders.tfa_schedule, policy)
    measured = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old TensorFlows warn when they are imported
        contenders.tensorflow()
        for mode in ("function", "jit_compile"):
            calls = {name: _train_steps(make(), mode == "jit_compile", steps) for name, make in schedules.items()}
            times = interleaved(calls, rounds)
            for name in schedules:
                extra = [(time - constant) / steps for time, constant in zip(times[name], times["constant"], strict=True)]
                low, middle, high = statistics.quantiles(extra, n=4, method="inclusive")
                measured.append(Overhead(name, mode, statistics.median(times[name]) / steps, middle, low, high))
    return measured


def _train_steps(learning_rate: Any, jit_compile: bool, steps: int) -> Call:
    """A call of one compiled function that makes ``steps`` train steps, as Keras does with ``steps_per_execution``.

    A step trains a dense network (64, 10) on a batch of 32 with plain SGD. A call from Python for each step would take five
    times as long as the step.
    """
    from clr_ref.keras import api, optimizers

    tf, keras = api.tensorflow(), api.keras
    model = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    x, y = tf.random.stateless_normal((32, 64), (0, 0)), tf.zeros((32,), tf.int64)
    optimizer = keras.optimizers.SGD(learning_rate)
    model(x)
    optimizers.build(optimizer, model.trainable_variables)

    def step() -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True)))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    @tf.function(jit_compile=jit_compile)  # type: ignore[untyped-decorator]
    def run() -> Any:
        for _ in tf.range(steps):
            step()
        return optimizer.iterations

    return lambda: np.asarray(run())
