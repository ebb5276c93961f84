"""What the benchmark measures: everybody who can be asked for a cyclical learning rate, each behind one function of a size.

``CONTENDERS[name](size)`` answers a function without arguments that evaluates ``size`` steps: size 1 is one step, asked as that
library is asked in a training loop; else an array of steps below 10**6 in random order, or a range of them where the name
says so. It raises ImportError where the library is not installed, and NotImplementedError for a size that it does not offer.
The schedule is that of TFA's tutorial: 1e-4 to 1e-2 and back in 2 * 1874 steps, triangular2 where nothing else is said.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import clr_ref

Call = Callable[[], Any]
Contender = Callable[[int], Call]

BOUNDS = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 2 * 937}
GAMMA = 0.99994
POLICIES = ("triangular", "triangular2", "exp_range")
#: The limit, and what every time is a ratio to.
LIMIT = "np.full"
MODES = ("eager", "function", "xla")
_STEP = 12_345


def _schedules() -> dict[str, clr_ref.CyclicalLearningRate]:
    return {
        "triangular": clr_ref.triangular(**BOUNDS),
        "triangular2": clr_ref.triangular2(**BOUNDS),
        "exp_range": clr_ref.exp_range(**BOUNDS, gamma=GAMMA),
    }


def _steps(size: int) -> Any:
    return np.random.default_rng(0).integers(0, 10**6, size)


def _full(size: int) -> Call:
    return lambda: np.full(size, 1e-3, np.float32)


def _reference(policy: str, dtype: str = "float32", in_a_row: bool = True) -> Contender:
    def make(size: int) -> Call:
        known = _schedules()[policy]
        schedule = clr_ref.CyclicalLearningRate(**BOUNDS, scale_fn=known.scale_fn, scale_mode=known.scale_mode, dtype=dtype)
        if size == 1:
            step = itertools.count(_STEP) if in_a_row else itertools.cycle(_steps(1000).tolist())
            return lambda: schedule(next(step))
        if not in_a_row:
            raise NotImplementedError("steps in a row or not, an array is an array")
        steps = _steps(size)
        return lambda: schedule(steps)

    return make


def _range(schedule: clr_ref.CyclicalLearningRate) -> Contender:
    def make(size: int) -> Call:
        if size == 1:
            raise NotImplementedError("a range of one step is no use")
        return lambda: schedule.values(0, size)

    return make


def _tfa_arithmetic(size: int) -> Call:
    schedule = _schedules()["triangular2"]
    steps: Any = _STEP if size == 1 else _steps(size)
    return lambda: clr_ref.tfa_arithmetic.evaluate(schedule, steps)


def _graph(make_schedule: Callable[[], Any], mode: str) -> Contender:
    """A schedule of TensorFlow objects, asked with a tensor that is there already; the answer is fetched."""

    def make(size: int) -> Call:
        tf, schedule = tensorflow(), make_schedule()
        call = schedule if mode == "eager" else tf.function(schedule.__call__, jit_compile=mode == "xla")
        steps = tf.constant(_STEP if size == 1 else _steps(size), tf.int64)
        return lambda: np.asarray(call(steps))

    return make


def tensorflow() -> Any:
    """TensorFlow on one thread, as NumPy is, where it is not too late to say so."""
    tf = importlib.import_module("tensorflow")
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def tfa_schedule(policy: str = "triangular2") -> Any:
    """TFA's schedule of a policy."""
    return _keras_schedule(importlib.import_module("tensorflow_addons").optimizers, policy)


def drop_in_schedule(policy: str = "triangular2") -> Any:
    """Ours for Keras."""
    return _keras_schedule(importlib.import_module("clr_ref.keras"), policy)


def _keras_schedule(module: Any, policy: str) -> Any:
    name = {"triangular": "Triangular", "triangular2": "Triangular2", "exp_range": "Exponential"}[policy]
    more = {"gamma": GAMMA} if policy == "exp_range" else {}
    return getattr(module, f"{name}CyclicalLearningRate")(**BOUNDS, **more)


def cosine_schedule() -> Any:
    """Keras's own CosineDecay: what a built-in schedule costs."""
    api = importlib.import_module("clr_ref._keras_api")
    return api.keras.optimizers.schedules.CosineDecay(1e-2, 10**6)


def _one_at_a_time(advance: Call, size: int) -> Call:
    if size == 1:
        return advance
    if size > 1000:
        raise NotImplementedError("one step at a time: the cost is that of one step, so many times")
    return lambda: [advance() for _ in range(size)]


def _torch(size: int) -> Call:
    torch = importlib.import_module("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-4)
    scheduler = torch.optim.lr_scheduler.CyclicLR(
        optimizer, 1e-4, 1e-2, step_size_up=1874, mode="triangular2", cycle_momentum=False
    )
    optimizer.step()  # a scheduler that is advanced before its optimizer warns

    def advance() -> Any:
        scheduler.step()
        return scheduler.get_last_lr()[0]

    return _one_at_a_time(advance, size)


def _paddle(size: int) -> Call:
    paddle = importlib.import_module("paddle")
    scheduler = paddle.optimizer.lr.CyclicLR(1e-4, 1e-2, 1874, mode="triangular2")

    def advance() -> Any:
        scheduler.step()
        return scheduler.get_lr()

    return _one_at_a_time(advance, size)


def _lrsched(size: int) -> Call:
    schedule = importlib.import_module("lrsched").triangular2(min_lr=1e-4, max_lr=1e-2, step_size=1874)
    step = itertools.count(_STEP)
    return _one_at_a_time(lambda: schedule(next(step)), size)


CONTENDERS: dict[str, Contender] = {
    LIMIT: _full,
    **{f"reference {policy}": _reference(policy) for policy in _schedules()},
    **{f"reference {policy}, steps at random": _reference(policy, in_a_row=False) for policy in _schedules()},
    "reference triangular2 float64": _reference("triangular2", "float64"),
    **{f"reference range {policy}": _range(schedule) for policy, schedule in _schedules().items()},
    "reference range triangular2, cycle 2e6": _range(clr_ref.triangular2(1e-4, 1e-2, 10**6)),
    "reference range exp_range, gamma 0.9999999": _range(clr_ref.exp_range(**BOUNDS, gamma=0.9999999)),
    "tfa_arithmetic": _tfa_arithmetic,
    **{f"Keras drop-in {mode}": _graph(drop_in_schedule, mode) for mode in MODES},
    **{f"TFA {mode}": _graph(tfa_schedule, mode) for mode in MODES},
    **{f"CosineDecay {mode}": _graph(cosine_schedule, mode) for mode in MODES},
    "torch CyclicLR": _torch,
    "paddle CyclicLR": _paddle,
    "lrsched triangular2": _lrsched,
}

#: What no change may make twice as slow, at these sizes.
KEY_FIGURES = [
    *((f"reference {policy}", size) for policy in _schedules() for size in (1, 10**5, 10**7)),
    *((f"reference {policy}, steps at random", 1) for policy in _schedules()),
    *((f"reference range {policy}", size) for policy in _schedules() for size in (10**5, 10**7)),
    ("reference range triangular2, cycle 2e6", 10**7),
]


def same_answers(name: str, size: int) -> bool:
    """Whether a contender answers so many numbers, all of them rates: what is fast and wrong is no contender."""
    answer = np.asarray(CONTENDERS[name](size)(), np.float64)
    lowest, highest = float(answer.min()), float(answer.max())
    return answer.size == size and math.isfinite(lowest) and 0 < lowest <= highest <= 1.0001e-2
