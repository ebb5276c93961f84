"""What the benchmark measures: every implementation of a cyclical learning rate that can be called here.

``CONTENDERS[name](size)`` returns a function without arguments that evaluates ``size`` steps. Size 1 is one step, called as
in a training loop. Larger sizes are an array of steps below 10**6 in random order, or a range if the name says so. It
raises ImportError if the library is not installed, and NotImplementedError for a size that the library does not offer. The
schedule is that of TFA's tutorial: 1e-4 to 1e-2 and back in 2 * 1874 steps, triangular2 unless the name says otherwise.
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
from clr_ref.bench.rounds import Call

Contender = Callable[[int], Call]

BOUNDS = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 2 * 937}
GAMMA = 0.99994
SCHEDULES = {
    "triangular": clr_ref.triangular(**BOUNDS),
    "triangular2": clr_ref.triangular2(**BOUNDS),
    "exp_range": clr_ref.exp_range(**BOUNDS, gamma=GAMMA),
}
#: The contender by whose time all times are divided: filling an array is the least that any of them does.
BASELINE = "np.full"
MODES = ("eager", "function", "xla")
_STEP = 12_345


def _steps(size: int) -> Any:
    return np.random.default_rng(0).integers(0, 10**6, size)


def _full(size: int) -> Call:
    return lambda: np.full(size, 1e-3, np.float32)


def _reference(policy: str, dtype: str = "float32", consecutive: bool = True) -> Contender:
    def make(size: int) -> Call:
        known = SCHEDULES[policy]
        schedule = clr_ref.CyclicalLearningRate(**BOUNDS, scale_fn=known.scale_fn, scale_mode=known.scale_mode, dtype=dtype)
        if size == 1:
            step = itertools.count(_STEP) if consecutive else itertools.cycle(_steps(1000).tolist())
            return lambda: schedule(next(step))
        if not consecutive:
            raise NotImplementedError("arrays hold steps in random order anyway: the other contender measures them")
        steps = _steps(size)
        return lambda: schedule(steps)

    return make


def _range(schedule: clr_ref.CyclicalLearningRate) -> Contender:
    def make(size: int) -> Call:
        if size == 1:
            raise NotImplementedError("a range is measured from 1,000 steps on")
        return lambda: schedule.values(0, size)

    return make


def _tfa_arithmetic(size: int) -> Call:
    schedule = SCHEDULES["triangular2"]
    steps: Any = _STEP if size == 1 else _steps(size)
    return lambda: clr_ref.tfa_arithmetic.evaluate(schedule, steps)


def _graph(make_schedule: Callable[[], Any], mode: str) -> Contender:
    """A schedule of TensorFlow, called with a tensor that was made before; its rates are copied to NumPy within the call."""

    def make(size: int) -> Call:
        tf, schedule = tensorflow(), make_schedule()
        call = schedule if mode == "eager" else tf.function(schedule.__call__, jit_compile=mode == "xla")
        steps = tf.constant(_STEP if size == 1 else _steps(size), tf.int64)
        return lambda: np.asarray(call(steps))

    return make


def tensorflow() -> Any:
    """TensorFlow on one thread, as NumPy is, unless it has already started with more."""
    tf = importlib.import_module("tensorflow")
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def tfa_schedule(policy: str = "triangular2") -> Any:
    """TFA's schedule for a policy."""
    return _keras_schedule(importlib.import_module("tensorflow_addons").optimizers, policy)


def drop_in_schedule(policy: str = "triangular2") -> Any:
    """The schedule of ``clr_ref.keras`` for a policy."""
    return _keras_schedule(importlib.import_module("clr_ref.keras"), policy)


def _keras_schedule(module: Any, policy: str) -> Any:
    name = {"triangular": "Triangular", "triangular2": "Triangular2", "exp_range": "Exponential"}[policy]
    more = {"gamma": GAMMA} if policy == "exp_range" else {}
    return getattr(module, f"{name}CyclicalLearningRate")(**BOUNDS, **more)


def cosine_schedule() -> Any:
    """Keras's own CosineDecay, which shows what a built-in schedule costs."""
    api = importlib.import_module("clr_ref.keras.api")
    return api.keras.optimizers.schedules.CosineDecay(1e-2, 10**6)


def _one_at_a_time(advance: Call, size: int) -> Call:
    if size == 1:
        return advance
    if size > 1000:
        raise NotImplementedError("one step per call: the time of 1,000 steps says what more of them take")
    return lambda: [advance() for _ in range(size)]


def _torch(size: int) -> Call:
    torch = importlib.import_module("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-4)
    scheduler = torch.optim.lr_scheduler.CyclicLR(
        optimizer, 1e-4, 1e-2, step_size_up=1874, mode="triangular2", cycle_momentum=False
    )
    optimizer.step()  # without a step of the optimizer before its own first, the scheduler warns

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
    BASELINE: _full,
    **{f"reference {policy}": _reference(policy) for policy in SCHEDULES},
    **{f"reference {policy}, steps at random": _reference(policy, consecutive=False) for policy in SCHEDULES},
    "reference triangular2 float64": _reference("triangular2", "float64"),
    **{f"reference range {policy}": _range(schedule) for policy, schedule in SCHEDULES.items()},
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

#: Contenders and sizes that ``--compare`` fails for: no change of the code may make them twice as slow.
KEY_FIGURES = [
    *((f"reference {policy}", size) for policy in SCHEDULES for size in (1, 10**5, 10**7)),
    *((f"reference {policy}, steps at random", 1) for policy in SCHEDULES),
    *((f"reference range {policy}", size) for policy in SCHEDULES for size in (10**5, 10**7)),
    ("reference range triangular2, cycle 2e6", 10**7),
]


def returns_rates(name: str, size: int) -> bool:
    """Whether a contender returns as many numbers as steps, all of them within the bounds of the schedule.

    This catches a call that is fast because it computes something else.
    """
    rates = np.asarray(CONTENDERS[name](size)(), np.float64)
    lowest, highest = float(rates.min()), float(rates.max())
    return rates.size == size and math.isfinite(lowest) and 0 < lowest <= highest <= 1.0001e-2
