"""TFA's formula in eager mode, replayed in NumPy operation by operation.

``evaluate`` is what ``tfa.optimizers.CyclicalLearningRate.__call__`` of TFA 0.7.1 to 0.23.0 computes in eager mode:

    T      = step, converted to dtype
    cycle  = floor(1 + T / (2 * step_size))
    x      = abs(T / step_size - 2 * cycle + 1)
    rate   = initial + (maximal - initial) * max(0, 1 - x) * scale

In float64, TFA casts Python numbers with ``tf.cast(number, float64)``, which makes a float32 tensor of a Python float first:
``maximal_learning_rate`` and a fractional ``step_size`` lose 29 bits. ``initial_learning_rate`` does not, since its dtype
makes the schedule float64.

For triangular and triangular2 the rates are TFA's, bit for bit (docs/RECORD.md), except for subnormal numbers, which most
TensorFlow releases flush to zero. For exp_range they differ where the power functions differ: ``evaluate`` rounds
the float64 power once, and the error of TensorFlow's power is up to ``bounds.POW_ULP``.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from clr_ref import policies
from clr_ref._environment import check
from clr_ref._inputs import one_of
from clr_ref.parameters import Parameters, as_symmetric
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.steps import as_steps

__all__ = ["FLUSHES", "MODES", "STEP_DTYPES", "Flush", "Mode", "StepDtype", "check_step_dtype", "detoured", "evaluate"]


def __dir__() -> list[str]:
    return __all__


StepDtype = Literal["python int", "int64", "float32", "float64"]
Flush = Literal["never", "arrays", "everywhere"]
Mode = Literal["eager", "function", "xla"]

STEP_DTYPES: tuple[StepDtype, ...] = ("python int", "int64", "float32", "float64")
FLUSHES: tuple[Flush, ...] = ("never", "arrays", "everywhere")
MODES: tuple[Mode, ...] = ("eager", "function", "xla")


def evaluate(
    schedule: CyclicalLearningRate,
    steps: Any,
    *,
    step_dtype: StepDtype | None = None,
    flush: Flush = "never",
) -> Any:
    """Return the rates of TFA's formula in eager mode.

    Args:
        schedule: TFA receives its bounds and step_size as Python numbers, as in
            ``TriangularCyclicalLearningRate(1e-4, 1e-2, 2000)``. A custom scale function is called once, with an array
            of the dtype.
        steps: the steps, as for a call of the schedule.
        step_dtype: how TFA receives the steps: as Python ints, or as tensors of int64, float32 or float64. It changes the
            rates of exp_range, since the power of a Python int is float64 and gamma is then not rounded. It also changes
            those of float64 schedules at float32 steps above 2**24. Default: tensors of the schedule's dtype.
        flush: the operations whose subnormal operands and results become zero: "never" (TF 2.1 and 2.2 for one step),
            "arrays" (TF 2.1 and 2.2 for an array of steps, where operations on scalars keep them) or "everywhere" (TF 2.3
            and later).

    Returns:
        A scalar or a new array of the schedule's dtype. NaN where ``step / step_size`` overflows, as in TFA.

    Raises:
        FloatingPointError: the CPU does not round to nearest in this thread, or makes subnormal numbers 0.
        TypeError: steps of a wrong type, as for a call of the schedule; a scale function of an int64 step in mode
            "iterations", for which TFA raises too.
        ValueError: a step out of range; an unknown step_dtype or flush.
        OverflowError: a Python power of a Python int that exceeds float64, for which TFA raises too.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.triangular(0.0, 1.0, 10)
        >>> print(clr_ref.tfa_arithmetic.evaluate(schedule, [6, 7]), schedule([6, 7]))
        [0.6        0.70000005] [0.6 0.7]
    """
    as_symmetric(schedule, "TFA's arithmetic")
    check("TFA's rates")
    whole = as_steps(steps)
    kind = np.dtype(schedule.dtype).type
    arrives = check_step_dtype(schedule, step_dtype)
    flat = np.atleast_1d(whole).reshape(-1)
    one_of("flush", flush, FLUSHES)
    scalar = _flusher(kind) if flush == "everywhere" else _as_it_is
    array = _flusher(kind) if flush != "never" else _as_it_is
    with np.errstate(all="ignore"):
        step = flat.astype(np.float32).astype(kind) if arrives == "float32" else flat.astype(kind)
        initial, maximal, step_size = (scalar(kind(x)) for x in (schedule.initial_learning_rate, *detoured(schedule)))
        one, two = kind(1), kind(2)
        cycle = np.floor(one + array(step / (two * step_size)))
        x = np.abs(array(step / step_size) - two * cycle + one)
        height = array(np.maximum(kind(0), one - x))
        product = array(array(scalar(maximal - initial)) * height)
        product = array(product * array(_scale(schedule, cycle, flat, step, arrives)))
        rate = array(array(initial) + product)
    return rate.reshape(whole.shape)[()]


def _as_it_is(values: Any) -> Any:
    return values


def _flusher(kind: Any) -> Any:
    smallest = np.finfo(kind).tiny

    def flushed(values: Any) -> Any:
        small = np.abs(values) < smallest
        return np.where(small, kind(0), values) if np.any(small) else values

    return flushed


def check_step_dtype(schedule: CyclicalLearningRate, step_dtype: str | None) -> str:
    """Return how TFA receives the steps, by default as tensors of the dtype, or raise the error that ``evaluate`` documents."""
    if step_dtype is None:
        return schedule.dtype
    one_of("step_dtype", step_dtype, STEP_DTYPES)
    if step_dtype == "int64" and schedule.scale_mode == "iterations" and schedule.policy.scale != policies.ONE:
        raise TypeError("TFA raises TypeError where the scale function is given an int64 step (addons #2593)")
    return step_dtype


def detoured(schedule: CyclicalLearningRate) -> tuple[float, float]:
    """Return maximal_learning_rate and step_size as TFA uses them: a Python float is rounded to float32, an int is not."""
    maximal, step_size = schedule.maximal_learning_rate, schedule.step_size
    with np.errstate(all="ignore"):
        return float(np.float32(maximal)), step_size if step_size.is_integer() else float(np.float32(step_size))


def _scale(schedule: Parameters, cycle: Any, whole: Any, step: Any, arrives: str) -> Any:
    """Return the scales of TFA's scale function, in the schedule's dtype."""
    policy, iterations = schedule.policy, schedule.scale_mode == "iterations"
    if iterations and arrives == "python int":
        # The function computes with Python numbers, so in float64; the product with a tensor rounds its result.
        function = policy.tfa_function()
        return np.array([function(int(step)) for step in whole], schedule.dtype)
    return policy.tfa_scales(step if iterations else cycle)
