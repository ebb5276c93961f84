"""The ways in which a drop-in is executed, and drop-ins with the numbers of a reference schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import clr_ref
from clr_ref.policies import ExpRange


def of_drop_in(mode: str) -> str:
    """The arithmetic, in the words of a failure."""
    return f"tensor arithmetic ({mode}) of the Keras drop-in"


def modes(drop_ins: Any) -> dict[str, Callable[[Any], Any]]:
    """Functions that compile a callable of a tensor, by the name of the mode of execution."""
    from clr_ref.keras import api

    if api.BACKEND == "tensorflow":
        tf = api.tensorflow()
        return {"eager": lambda f: f, "function": tf.function, "jit_compile": lambda f: tf.function(f, jit_compile=True)}
    if api.BACKEND == "jax":
        import jax

        return {"eager": lambda f: f, "jit": jax.jit}
    return {"eager": lambda f: f}


def tensor(drop_ins: Any, steps: Any) -> Any:
    """A tensor of steps, int64 on TensorFlow as its optimizers count, elsewhere int32 where the steps fit."""
    from clr_ref.keras import api

    wide = api.BACKEND == "tensorflow" or np.max(steps) >= 2**31
    return api.tensor(np.asarray(steps, np.int64 if wide else np.int32))


def twin(drop_ins: Any, schedule: clr_ref.CyclicalLearningRate, **more: Any) -> Any:
    """The drop-in with the numbers of a reference schedule."""
    numbers = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size)
    if isinstance(schedule.scale_fn, ExpRange):
        cls, more = drop_ins.ExponentialCyclicalLearningRate, {"gamma": schedule.scale_fn.gamma, **more}
    else:
        policy = {"Triangular": "Triangular", "Triangular2": "Triangular2"}[type(schedule.scale_fn).__name__]
        cls = getattr(drop_ins, f"{policy}CyclicalLearningRate")
    more = {"step_size_down": schedule.step_size_down, **more}
    made = cls(*numbers, scale_mode=schedule.scale_mode, dtype=schedule.dtype, **more)
    assert made.reference == schedule
    return made


ARGUMENTS = ["initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"]


def with_argument(drop_ins: Any, name: str, value: Any, **more: Any) -> Any:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 4, "gamma": 0.9}
    return drop_ins.ExponentialCyclicalLearningRate(**{**arguments, name: value}, **more)
