"""A cyclical learning rate composed of optax's parts, as its manual composes schedules; optax itself has none.

One cycle is two ``linear_schedule`` under ``join_schedules``, called with the count modulo the cycle. Its height is multiplied
by an ``exponential_decay``, which halves it in every cycle for triangular2. The count is an int32 array, as in optax's states.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=256, typed=True)
def make(
    policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
) -> Callable[[int], Any]:
    if step_size == 0:
        raise ValueError("the count is taken modulo 0")  # int32 modulo 0 is a number in XLA
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    one = optax.join_schedules(
        [optax.linear_schedule(0.0, 1.0, step_size), optax.linear_schedule(1.0, 0.0, step_size)], [step_size]
    )
    if policy == "triangular":
        scale = optax.constant_schedule(1.0)
    elif policy == "triangular2":
        scale = optax.exponential_decay(1.0, 2 * step_size, 0.5, staircase=True)
    else:
        scale = optax.exponential_decay(1.0, 1, gamma)

    def rate(count: Any) -> Any:
        amplitude = maximal_learning_rate - initial_learning_rate
        return initial_learning_rate + amplitude * one(count % (2 * step_size)) * scale(count)

    compiled = jax.jit(rate)
    return lambda step: compiled(jax.numpy.asarray(step, "int32"))
