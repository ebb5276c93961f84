"""TFA's formula as tf.function and XLA compute it, replayed in NumPy.

``eager`` replays eager mode, where TensorFlow computes the operations as they are written. The graph compilers change them:

- *tf.function.* Grappler replaces a division by a constant by a product with its rounded reciprocal, and adds the terms of the
  sum in another order.
- *XLA* makes the same products, and its code generator contracts a product and a sum into one fused operation if the CPU has
  one.

With r = 1 / step_size rounded (1 / (2 step_size) is r / 2), D = maximal - initial and n = cycle (or step):

    tf.function   cycle = floor(1 + T * (r / 2));        x = |(1 - 2 cycle) + T * r|
                  rate  = initial + D * max(0, 1 - x) * scale

    XLA           cycle = floor(fma(T, r / 2, 1));       x = |fma(T, r, -2 cycle) + 1|          TF 2.3 and later
                                                         x = |fma(T, r, 1) - 2 cycle|           TF 2.1 and 2.2
                  h = max(0, 1 - x)
                  rate  = fma(h, D, initial)             triangular, and exp_range with gamma 1
                          fma(h * scale, D, initial)     triangular2 of one step, TF 2.4 and later
                          fma(scale * D, h, initial)     TF 2.1 and 2.2
                          fma(scale, D * h, initial)     otherwise

triangular2's scale is exact, except in float32 arrays under tf.function of TF 2.9 and later: Eigen's vectorised reciprocal
(RCPPS and one Newton step) is one ULP low there, except for the last size mod 8 elements, which fill no vector. Subnormal
operands and results are zero in both modes, in every release; whether a result is subnormal is decided after rounding, as on
x86. With a Python int the graph is a constant, whose operations are evaluated one by one: that is ``eager`` with
``flush="everywhere"``.

All this holds for Intel's x86-64 CPUs with FMA. It is derived from the optimised graphs and the machine code of TF 2.1.4 and
2.15.1. It gives every rate that is recorded from releases between them (docs/RECORD.md), with exp_range within
``bounds.power_budget``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import policies
from clr_ref._environment import check
from clr_ref._inputs import one_of, shown
from clr_ref.fast import pairs
from clr_ref.parameters import as_symmetric
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.steps import as_steps
from clr_ref.tfa import eager

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["evaluate", "knows_cpu"]


def __dir__() -> list[str]:
    return __all__


#: So many elements are computed at a time, a multiple of the 8 floats of a vector. Temporaries stay in a second-level cache,
#: and below the 128 KiB from which glibc's malloc may hand memory back to the system for every chunk.
CHUNK = 12_288

#: The bits of a float64 that a float32 does not have, and what they are in the middle between two float32.
_BELOW_FLOAT32, _MIDPOINT = np.int64(2**29 - 1), np.int64(2**28)
#: All bits of a float32 except its sign; the bits of 2**-125.
_SIGNLESS, _TWICE_SMALLEST = np.uint32(2**31 - 1), np.float32(2.0**-125).view(np.uint32)


def knows_cpu(cpu: Mapping[str, Any]) -> bool:
    """Check that a CPU, which the provenance of a record describes, has the operations that this module replays."""
    return "Intel" in cpu["model"] and "fma" in cpu["flags"]


def evaluate(
    schedule: CyclicalLearningRate,
    steps: Any,
    *,
    mode: Literal["function", "xla"],
    tensorflow: tuple[int, int],
    array: bool,
    step_dtype: eager.StepDtype = "int64",
) -> Any:
    """Return the rates of TFA's formula under tf.function or XLA.

    Args:
        schedule: a schedule of one of the three policies. TFA receives its bounds and step_size as Python numbers.
        steps: the steps, as for a call of the schedule.
        mode: "function" for tf.function, or "xla".
        tensorflow: the release, as (major, minor): (2, 1) to (2, 15).
        array: True if TFA receives the steps as one tensor, False if it is called with one step at a time.
        step_dtype: how TFA receives the steps, as for ``tfa_arithmetic.evaluate``.

    Returns:
        A scalar or a new array of the schedule's dtype.

    Raises:
        FloatingPointError: as for ``tfa_arithmetic.evaluate``.
        TypeError: as for ``tfa_arithmetic.evaluate``.
        ValueError: as for ``tfa_arithmetic.evaluate``; a custom scale function; an unknown mode.

    Examples:
        >>> import clr_ref
        >>> from clr_ref.tfa import graphs
        >>> schedule = clr_ref.triangular(0.0, 1.0, 10)
        >>> for mode in ("function", "xla"):
        ...     print(graphs.evaluate(schedule, [6, 7], mode=mode, tensorflow=(2, 15), array=True))
        [0.6 0.7]
        [0.6        0.70000005]
    """
    one_of("mode", mode, ("function", "xla"))
    if not (isinstance(tensorflow, tuple) and len(tensorflow) == 2 and all(type(part) is int for part in tensorflow)):
        raise TypeError(f"tensorflow must be a release as two whole numbers, such as (2, 15), got {shown(tensorflow)}")
    if tensorflow < (2, 1):
        raise ValueError(f"tensorflow must be a release from (2, 1) on, got {shown(tensorflow)}")
    if not isinstance(array, (bool, np.bool_)):
        raise TypeError(f"array must be True or False, got {shown(array)}")
    as_symmetric(schedule, "TFA's arithmetic")
    check("TFA's rates")
    policies.geometric(schedule.scale_fn, f"mode {mode!r}")
    if eager.check_step_dtype(schedule, step_dtype) == "python int":
        return eager.evaluate(schedule, steps, step_dtype=step_dtype, flush="everywhere")
    whole = as_steps(steps)
    flat = np.atleast_1d(whole).reshape(-1)
    out = np.empty(flat.shape, schedule.dtype)
    chunk = _function if mode == "function" else _xla
    # So many elements are computed by Eigen's float32 kernels, eight at a time.
    vectors = flat.size - flat.size % 8 if array else 0
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, CHUNK):
            part = slice(start, start + CHUNK)
            out[part] = chunk(schedule, flat[part], tensorflow, array, step_dtype, max(vectors - start, 0))
    return out.reshape(whole.shape)[()]


def _function(
    schedule: CyclicalLearningRate, whole: Any, tensorflow: tuple[int, int], array: bool, step_dtype: str, vectors: int
) -> Any:
    step, initial, amplitude, reciprocal = _inputs(schedule, whole, step_dtype)
    kind = step.dtype.type
    one, two = kind(1), kind(2)
    cycle = np.floor(one + _times(step, reciprocal / two))
    x = np.abs((one - two * cycle) + _times(step, reciprocal))
    rate = _times(amplitude, np.maximum(kind(0), one - x))
    scale = _scale(schedule, cycle, step)
    if scale is not None:
        if schedule.policy.scale == policies.HALVING and array and kind is np.float32 and tensorflow >= (2, 9):
            scale[:vectors] = _flush(np.nextafter(scale[:vectors], kind(0)))
        rate = _times(rate, scale)
    return _flush(initial + rate)


def _xla(
    schedule: CyclicalLearningRate, whole: Any, tensorflow: tuple[int, int], array: bool, step_dtype: str, vectors: int
) -> Any:
    step, initial, amplitude, reciprocal = _inputs(schedule, whole, step_dtype)
    kind = step.dtype.type
    one, two = kind(1), kind(2)
    cycle = np.floor(_fma(step, reciprocal / two, one))
    if tensorflow >= (2, 3):
        x = np.abs(_fma(step, reciprocal, -two * cycle) + one)
    else:
        x = np.abs(_fma(step, reciprocal, one) - two * cycle)
    height = np.maximum(kind(0), one - x)
    scale = _scale(schedule, cycle, step)
    if scale is None:
        return _fma(height, amplitude, initial)
    if tensorflow < (2, 3):
        return _fma(_times(scale, amplitude), height, initial)
    if schedule.policy.scale == policies.HALVING and not array and tensorflow >= (2, 4):
        return _fma(_times(height, scale), amplitude, initial)
    return _fma(scale, _times(height, amplitude), initial)


def _inputs(schedule: CyclicalLearningRate, whole: Any, step_dtype: str) -> tuple[Any, Any, Any, Any]:
    """Return the step, initial, maximal - initial and 1 / step_size, as the graph has them."""
    kind = np.dtype(schedule.dtype).type
    step = whole.astype(np.float32 if step_dtype == "float32" else kind).astype(kind)
    maximal, step_size = (kind(x) for x in eager.detoured(schedule))
    initial = _flush(kind(schedule.initial_learning_rate))
    return step, initial, _flush(_flush(maximal) - initial), kind(1) / step_size


def _scale(schedule: CyclicalLearningRate, cycle: Any, step: Any) -> Any:
    """Return the scale, or None if it is the constant 1, which the graph compiler drops."""
    scale = schedule.policy.scale
    assert scale is not None
    if scale.base == 1:
        return None
    argument = cycle if schedule.scale_mode == "cycle" else step
    if scale == policies.HALVING:
        return _flush(schedule.policy.tfa_scales(argument))
    kind = step.dtype.type
    power = np.power(np.float64(kind(scale.base)), argument.astype(np.float64))
    return _flush(power) if kind is np.float64 else _to_float32(power)


def _times(a: Any, b: Any) -> Any:
    """Return a * b rounded once, or zero if the result, rounded with an unbounded exponent, is subnormal."""
    result = a * b
    if result.dtype == np.float64:
        return _flush(result)
    near = _near_subnormal(result)
    if near.size:
        few = (np.broadcast_to(x, result.shape)[near] for x in (a, b))
        result[near] = _to_float32(np.multiply(*few, dtype=np.float64))
    return result


def _fma(a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c rounded once.

    For float32 the product is exact in float64, and a sum that is rounded to odd can be rounded again (Boldo and Melquiond,
    "Emulation of a FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008). For float64 pairs do the same.
    Rounding is monotone, so a sum in float64 lies on the same side of a midpoint of two float32 as the exact sum, unless it is
    that midpoint. So only such sums are rounded to odd.
    """
    if a.dtype == np.float64:
        high, low = pairs.two_product(a, b)
        top, rest = pairs.two_sum(c, low)
        head, tail = pairs.two_sum(high, top)
        return _flush(head + _odd_sum(rest, tail))
    product, c = np.multiply(a, b, dtype=np.float64), np.float64(c)
    total = product + c
    midpoint = (total.view(np.int64) & _BELOW_FLOAT32) == _MIDPOINT
    if midpoint.any():
        total = np.where(midpoint, _odd_sum(product, c), total)
    return _to_float32(total)


def _odd_sum(a: Any, b: Any) -> Any:
    """Return a + b in float64, rounded to odd: the last bit of inexact sums is odd, so they are no midpoints of fewer bits."""
    total, error = pairs.two_sum(a, b)
    bits: NDArray[np.int64] = total.view(np.int64)
    wrong = np.isfinite(error) & (error != 0) & ((bits & 1) == 0)
    if wrong.any():
        total = np.where(wrong, np.nextafter(total, np.where(error > 0, np.inf, -np.inf)), total)
    return total


def _flush(values: Any) -> Any:
    """Replace subnormal numbers by zero of the same sign."""
    dtype = np.asarray(values).dtype
    small = np.abs(values) < np.finfo(dtype).tiny
    return np.where(small, np.copysign(dtype.type(0), values), values) if np.any(small) else values


def _to_float32(values: Any) -> Any:
    """Round float64 to float32; zero if the result, rounded with an unbounded exponent, is subnormal."""
    result: NDArray[np.float32] = values.astype(np.float32)
    near = _near_subnormal(result)
    if near.size:
        small = near[np.abs((values[near] * 2.0**64).astype(np.float32)) < 2.0 ** (64 - 126)]
        result[small] = np.copysign(np.float32(0), result[small])
    return result


def _near_subnormal(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the indices of float32 numbers below 2**-125 except 0, whose rounding may decide whether they are flushed."""
    magnitude = values.view(np.uint32) & _SIGNLESS
    return np.flatnonzero(magnitude - np.uint32(1) < _TWICE_SMALLEST)  # 0 wraps around
