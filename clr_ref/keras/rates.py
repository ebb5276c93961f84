"""The rates of a drop-in at a tensor of steps, in both kinds of arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from clr_ref import policies
from clr_ref.fast.plan import Plan
from clr_ref.keras import api, arguments
from clr_ref.tensors import backends, formula


def exact(plan: Plan, dtype: str, step: Any, ops: Any, name: str) -> Any:
    """Return the rates of the formula of ``clr_ref.tensors``, in the tensors of the backend.

    Args:
        plan: that of the reference schedule.
        dtype: that of the rates.
        step: a tensor of steps.
        ops: the operations of the backend.
        name: it names the operations in a TensorFlow graph.
    """
    if not api.ON_TENSORFLOW:
        return formula.evaluate(plan, step, ops)
    tf = api.tensorflow()
    # For one step, NumPy takes a fiftieth of the time of some twenty eager operations of TensorFlow. Its bits may differ for
    # custom scale functions, and for subnormal float64 products.
    numpy_has_same_bits = dtype == "float32" and plan.scale is not None
    if numpy_has_same_bits and tf.executing_eagerly() and step.shape.rank == 0 and step.device.endswith("CPU:0"):
        with np.errstate(all="ignore"):  # NumPy would raise an error if the process has chosen so
            rate = formula.evaluate(plan, _whole(step.numpy()), backends.numpy_ops())
        flushed = 0 if abs(rate) < np.finfo(np.float32).tiny else rate  # as TensorFlow flushes subnormals
        return tf.constant(flushed, tf.float32)
    with tf.name_scope(name):
        return formula.evaluate(plan, step, ops)


def _whole(step: Any) -> Any:
    """Return a whole step below 2**62 as an integer, for which the formula has fewer operations."""
    return np.int64(step) if 0 <= step < 2**62 and step == np.floor(step) else step


def as_tfa(schedule: Any, step: Any, name: str) -> Any:
    """Return the rates of TFA 0.23's formula, with the same operations, order and dtypes, which decide every bit."""
    tf = api.tensorflow()
    if isinstance(step, (list, tuple)):
        step = api.tensor(step)
    with tf.name_scope(name), np.errstate(all="ignore"):
        dtype = schedule.dtype
        initial = tf.convert_to_tensor(arguments.plain(schedule.initial_learning_rate), dtype=dtype)
        maximal = tf.cast(arguments.plain(schedule.maximal_learning_rate), dtype)
        step_size = tf.cast(arguments.plain(schedule.step_size), dtype)
        time = tf.cast(step, dtype)
        cycle = tf.floor(1 + time / (2 * step_size))
        distance = tf.abs(time / step_size - 2 * cycle + 1)
        argument = cycle if schedule.scale_mode == "cycle" else step
        if tf.is_tensor(argument):
            argument = tf.cast(argument, dtype)  # TFA raises if the step has another dtype
        height = tf.maximum(tf.cast(0, dtype), 1 - distance)
        scale = schedule._ops.call(policies.of(schedule.scale_fn).tfa_function(), argument)
        return initial + (maximal - initial) * height * scale
