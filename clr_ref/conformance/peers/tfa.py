"""TFA's three subclasses in eager mode, tf.function and XLA, and its general class with our own scale functions.

Steps are int64 tensors. Only exp_range gets float32 tensors, as the optimizers of its time passed them, because an int64 tensor
crashes it; that is among the bugs below.
"""

from __future__ import annotations

import functools
import importlib
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from clr_ref.conformance.peers.keras_drop_in import CLASSES
from clr_ref.conformance.peers.registry import Bug
from clr_ref.conformance.peers.tensorflow_sgd import applied, tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TFA warns that it is discontinued
    optimizers: Any = importlib.import_module("tensorflow_addons").optimizers


class Schedule:
    """One of the classes in one mode of execution."""

    def __init__(self, schedule: Any, steps: Any, wrap: Callable[[Any], Any] | None = None) -> None:
        self._schedule, self._steps = schedule, steps
        self._call = wrap(schedule.__call__) if wrap else schedule

    def __call__(self, step: int) -> Any:
        return self._call(tf.constant(step, self._steps))

    def applied(self, n: int) -> Sequence[Any]:
        return applied(tf.keras.optimizers.legacy.SGD(self._schedule), n)


class Compiled:
    """The same without ``applied``: an eager optimizer would apply the rates of the eager mode."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def __call__(self, step: int) -> Any:
        return self._schedule(step)


def make(policy: str, **arguments: Any) -> Any:
    return _schedule(policy, arguments)


@functools.lru_cache(maxsize=256, typed=True)
def make_function(policy: str, **arguments: Any) -> Any:
    return Compiled(_schedule(policy, arguments, tf.function))


@functools.lru_cache(maxsize=256, typed=True)
def make_xla(policy: str, **arguments: Any) -> Any:
    return Compiled(_schedule(policy, arguments, functools.partial(tf.function, jit_compile=True)))


def make_scale_fn(policy: str, *, gamma: float = 1.0, **arguments: Any) -> Any:
    scale: Callable[[Any], Any] = {
        "triangular": lambda x: 1.0,
        "triangular2": lambda x: 1 / (2.0 ** (x - 1)),
        "exp_range": lambda x: gamma**x,
    }[policy]
    mode = "iterations" if policy == "exp_range" else "cycle"
    schedule = optimizers.CyclicalLearningRate(**arguments, scale_fn=scale, scale_mode=mode)
    return Schedule(schedule, tf.float32 if policy == "exp_range" else tf.int64)


def _schedule(policy: str, arguments: dict[str, Any], wrap: Callable[[Any], Any] | None = None) -> Schedule:
    schedule = getattr(optimizers, CLASSES[policy])(**arguments)
    return Schedule(schedule, tf.float32 if policy == "exp_range" else tf.int64, wrap)


def _raised(call: Callable[[], Any], *classes: type[BaseException]) -> str:
    try:
        call()
    except (*classes, tf.errors.OpError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
    return ""


def _exponential_int64() -> str:
    return _raised(lambda: optimizers.ExponentialCyclicalLearningRate(1e-4, 1e-2, 2000, gamma=0.9)(tf.constant(7, tf.int64)))


def _triangular2_iterations() -> str:
    schedule = optimizers.Triangular2CyclicalLearningRate(1e-4, 1e-2, 2000, scale_mode="iterations")
    return _raised(lambda: schedule(tf.constant(7, tf.int64)))


def _saved() -> str:
    schedule = optimizers.CyclicalLearningRate(1e-4, 1e-2, 2000, scale_fn=lambda x: 1.0)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
    model.compile(tf.keras.optimizers.legacy.SGD(schedule), loss="mse")

    def there_and_back() -> None:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = os.path.join(folder, "model.h5")
            model.save(path)
            # Users have to name the class like this; what fails after that is the function.
            known = {"CyclicalLearningRate": optimizers.CyclicalLearningRate}
            loaded = tf.keras.models.load_model(path, custom_objects=known)
            loaded.optimizer.learning_rate(0.0)

    return _raised(there_and_back, NotImplementedError, RuntimeError, AttributeError)


def _typo() -> str:
    schedule = optimizers.CyclicalLearningRate(0.0, 1.0, 4, scale_fn=lambda x: 1 / x, scale_mode="cycles")
    return f"scale_mode='cycles' means iterations: the rate of step 4 is {float(schedule(4.0))}"


def _int_bounds() -> str:
    return _raised(lambda: optimizers.TriangularCyclicalLearningRate(0, 1, 4)(3))


def _no_step_size() -> str:
    rate = float(optimizers.TriangularCyclicalLearningRate(0.0, 1.0, 0)(0))
    return f"step_size=0: the rate of step 0 is {rate}" if math.isnan(rate) else ""


def _detour() -> str:
    schedule = optimizers.TriangularCyclicalLearningRate(tf.constant(0.0, tf.float64), 0.01, 4)
    rate = float(schedule(4))
    return f"float64, 0 to 0.01: the peak is {rate!r}" if rate != 0.01 else ""


def _demanded() -> str:
    return _raised(lambda: optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 2000))


_ISSUE = "https://github.com/tensorflow/addons/issues/"
_SOURCE = "https://github.com/tensorflow/addons/blob/v0.23.0/tensorflow_addons/optimizers/cyclical_learning_rate.py"
BUGS = (
    Bug("an int64 step crashes Exponential (#2593, #2799)", f"{_ISSUE}2593", _exponential_int64),
    Bug("an int64 step crashes triangular2 in iterations mode (#2799)", f"{_ISSUE}2799", _triangular2_iterations),
    Bug("a saved model with a scale_fn does not load (#2380, #2728)", f"{_ISSUE}2728", _saved),
    Bug("a misspelt scale_mode is accepted", _SOURCE, _typo),
    Bug("int bounds crash", _SOURCE, _int_bounds),
    Bug("step_size 0 gives NaN", _SOURCE, _no_step_size),
    Bug("with float64 bounds, maximal passes through float32", _SOURCE, _detour),
    Bug("subclasses demand scale_fn (#1158)", f"{_ISSUE}1158", _demanded, fixed="0.9.1"),
)
