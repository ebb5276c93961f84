"""The reference's arithmetic in tensors: one formula for every backend, traced into whatever graph the backend builds.

    rate = initial + m * slope * scale                                 with m the whole-number phase, as in ``fast``

in float64, rounded once to the dtype. It is the float64 formula of ``fast`` without Ziv's test, so it differs from the exact
value rounded only where float64 cannot settle the rounding: for about one float32 value in 2**27, and then by one ULP.
``evaluate`` with ``numpy_ops()`` is that formula in NumPy; all modes of TensorFlow give its bits, with about as many operations
as TFA takes:

- Whole numbers are exact, whatever a compiler makes of them.
- No power function is asked: 2**k is assembled from its bits, gamma**step is a product of table entries.
- XLA contracts a product and the sum that follows into one fused operation, which rounds once less. It makes no difference
  where the product is exact. So the slope of triangular is a sum of two numbers, each so short that its product with m is
  exact. Nor are a quotient and a sum contracted: so triangular2 and exp_range divide last. XLA besides takes a division for
  expensive, and computes the rate once; of products alone it makes one copy for every weight.
- Where that cannot be (custom scale functions, a step_size of very many bits), the product is *sealed*: the sign bit of the
  step, which is 0 and no compiler knows it, is subtracted from its bits. So are longer chains of products, which XLA and
  Grappler reorder. (A division by 1.0, made in that way, was not enough: XLA of TF 2.8 moved it.)

Without float64 (JAX as it comes) the same is done in pairs of float32.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref.fast.plan import SPAN, Plan
from clr_ref.fast.powers import Powers

#: Per width of the floats: the bits of the significand that are stored, and the exponent of 1.0 as it is stored.
_LAYOUT = {64: (52, 1023), 32: (23, 127)}
_LARGEST = float(np.finfo(np.float64).max)


@dataclasses.dataclass(frozen=True)
class Ops:
    """What the arithmetic asks of an array library, beside the operators. ``width`` is that of its widest numbers."""

    width: int
    dtype_of: Callable[[Any], str]  # NumPy's name of it
    integers: Callable[[Any], Any]  # numbers of any dtype as integers of ``width``, without their fractions
    floats: Callable[[Any], Any]  # integers as floats of ``width``
    left_shift: Callable[[Any, Any], Any]  # of integers
    right_shift: Callable[[Any, Any], Any]  # of integers; -1 fills up after a negative one
    low_bits: Callable[[Any, int], Any]  # an integer's, so many
    from_bits: Callable[[Any], Any]  # integers as the floats that they are the bits of
    to_bits: Callable[[Any], Any]  # the inverse
    top_half: Callable[[Any], Any] | None  # float32 with the lower 12 bits of the significand 0; where width is 32
    minimum: Callable[[Any, int], Any]
    maximum: Callable[[Any, float], Any]
    is_nan: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    lookup: Callable[[Any, Any], Any]  # NumPy table, integer tensor
    cast: Callable[[Any, str], Any]  # to the dtype of that name
    constant: Callable[[Any, Any], Any]  # a Python number of the dtype of a tensor


def numpy_ops() -> Ops:
    return Ops(
        width=64,
        dtype_of=lambda x: np.asarray(x).dtype.name,
        integers=lambda x: np.asarray(x).astype(np.int64),
        floats=lambda x: x.astype(np.float64),
        left_shift=lambda x, bits: x << bits,
        right_shift=lambda x, bits: x >> bits,
        low_bits=lambda x, bits: x & ((1 << bits) - 1),
        from_bits=lambda x: np.asarray(x).view(np.float64),
        to_bits=lambda x: np.asarray(x).view(np.int64),
        top_half=None,
        minimum=np.minimum,
        maximum=np.maximum,
        is_nan=np.isnan,
        where=np.where,
        lookup=lambda table, index: table[index],
        cast=lambda x, dtype: np.asarray(x).astype(dtype),
        constant=lambda x, like: np.asarray(x, like.dtype),
    )


def tensorflow_ops() -> Ops:
    import tensorflow as tf

    return Ops(
        width=64,
        dtype_of=lambda x: str(x.dtype.name),
        integers=lambda x: tf.cast(x, tf.int64),
        floats=lambda x: tf.cast(x, tf.float64),
        left_shift=tf.bitwise.left_shift,
        right_shift=lambda x, bits: tf.bitwise.right_shift(x, tf.cast(bits, tf.int64)),
        low_bits=lambda x, bits: tf.bitwise.bitwise_and(x, tf.constant((1 << bits) - 1, tf.int64)),
        from_bits=lambda x: tf.bitcast(x, tf.float64),
        to_bits=lambda x: tf.bitcast(x, tf.int64),
        top_half=None,
        minimum=tf.minimum,
        maximum=tf.maximum,
        is_nan=tf.math.is_nan,
        where=tf.where,
        lookup=lambda table, index: tf.gather(tf.constant(table), index),
        cast=tf.cast,
        constant=lambda x, like: tf.constant(x, like.dtype),
    )


def jax_ops() -> Ops:
    import jax
    import jax.numpy as jnp

    wide = bool(jax.config.jax_enable_x64)
    integer, real = (jnp.int64, jnp.float64) if wide else (jnp.int32, jnp.float32)
    return Ops(
        width=64 if wide else 32,
        dtype_of=lambda x: str(x.dtype.name),
        integers=lambda x: jnp.asarray(x).astype(integer),
        floats=lambda x: x.astype(real),
        left_shift=lambda x, bits: x << bits,
        right_shift=lambda x, bits: x >> bits,
        low_bits=lambda x, bits: x & ((1 << bits) - 1),
        from_bits=lambda x: jax.lax.bitcast_convert_type(x, real),
        to_bits=lambda x: jax.lax.bitcast_convert_type(x, integer),
        top_half=None
        if wide
        else lambda x: jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.int32) & ~0xFFF, jnp.float32),
        minimum=jnp.minimum,
        maximum=jnp.maximum,
        is_nan=jnp.isnan,
        where=jnp.where,
        lookup=lambda table, index: jnp.asarray(table.astype(real))[index],
        cast=lambda x, dtype: x.astype(dtype),
        constant=lambda x, like: jnp.asarray(x, like.dtype),
    )


def torch_ops() -> Ops:
    import torch

    return Ops(
        width=64,
        dtype_of=lambda x: str(x.dtype).removeprefix("torch."),
        integers=lambda x: x.to(torch.int64),
        floats=lambda x: x.to(torch.float64),
        left_shift=lambda x, bits: x << bits,
        right_shift=lambda x, bits: x >> bits,
        low_bits=lambda x, bits: x & ((1 << bits) - 1),
        from_bits=lambda x: x.view(torch.float64),
        to_bits=lambda x: x.view(torch.int64),
        top_half=None,
        minimum=lambda x, bound: x.clamp(max=bound),
        maximum=lambda x, bound: x.clamp(min=bound),
        is_nan=torch.isnan,
        where=torch.where,
        lookup=lambda table, index: torch.from_numpy(table).to(index.device)[index],
        cast=lambda x, dtype: x.to(getattr(torch, dtype)),
        constant=lambda x, like: torch.tensor(x, dtype=like.dtype, device=like.device),
    )


def evaluate(plan: Plan, step: Any, ops: Ops) -> Any:
    """The rates at a tensor of steps, of any shape and real dtype, as a tensor of the schedule's dtype (docs/SPEC.md, 11.7).

    A custom scale function is called with the whole tensor of cycles (or steps), in the widest floats.
    """
    schedule = plan.schedule
    given, step = step, _whole(step, ops)
    zero = ops.right_shift(step, ops.width - 1)  # but before step 0, where it is -1, so that no compiler knows it
    step = ops.maximum(step, 0)
    by_cycle = schedule.scale_mode == "cycle" and not plan.is_constant
    m, cycle = _phase(plan, step, zero, ops, by_cycle)
    scaled = _wide if ops.width == 64 else _narrow
    rate = ops.cast(scaled(plan, m, cycle, step, zero, ops), schedule.dtype)
    if plan.cancels or plan.slope < 0 or plan.initial < 0:
        rate = ops.where(rate == 0, ops.constant(0.0, rate), rate)  # -0.0 becomes 0.0
    if "float" in ops.dtype_of(given):
        rate = ops.where(ops.is_nan(given), ops.constant(math.nan, rate), rate)
    return rate


def _whole(step: Any, ops: Ops) -> Any:
    """The steps as integers: the largest where they are larger than that or infinite, any number where they are NaN.

    A framework's own conversion of what does not fit differs between its modes of execution.
    """
    dtype, largest = ops.dtype_of(step), 2 ** (ops.width - 1) - 1
    if "float" not in dtype:
        whole = ops.integers(step)
        return ops.where(whole < 0, ops.constant(largest, whole), whole) if dtype == f"uint{ops.width}" else whole
    if "16" in dtype:
        step = ops.cast(step, "float32")  # float16 does not reach the limit
    fits = step < float(largest + 1)
    whole = ops.integers(ops.maximum(ops.where(fits, step, ops.constant(0.0, step)), -1.0))
    return ops.where(fits, whole, ops.constant(largest, whole))


def _phase(plan: Plan, step: Any, zero: Any, ops: Ops, with_cycle: bool) -> tuple[Any, Any]:
    """m = min(r, 2p - r), and the cycle counted from 0, or None; a cycle beyond the integers is held below the largest."""
    p, p2, largest = plan.p, 2 * plan.p, 2 ** (ops.width - 1) - 1
    if p2 > largest:  # a whole step_size so long that no step is past the first cycle
        folded = ops.where(step <= p, step, p - (step - p)) if p <= largest else step
        return folded, ops.low_bits(zero, 1) if with_cycle else None  # 0, but a compiler that knew it could drop the scale
    if plan.shift == 0:
        r = step % p2
        return ops.minimum(r, p2 - r), step // p2 if with_cycle else None
    cycle = step // p2
    r = step - cycle * p2
    # r = (t << shift) mod 2p, a few bits at a time, so that no product leaves the integers.
    room = ops.width - 1 - p2.bit_length()
    left = plan.shift
    while left > 0:
        bits = min(room, left)
        left -= bits
        r = r * (1 << bits)
        carry = r // p2
        r = r - carry * p2
        cycle = ops.minimum(cycle, (largest >> bits) - 1) * (1 << bits) + carry
    return ops.minimum(r, p2 - r), cycle if with_cycle else None


def _wide(plan: Plan, m: Any, cycle: Any, step: Any, zero: Any, ops: Ops) -> Any:
    m = ops.floats(m)
    if plan.is_constant:
        short = _short(plan)
        if short is None:
            return _sealed_sum(m * plan.slope, plan.initial, zero, ops)
        return m * short[0] + plan.initial - m * -short[1]  # a difference: Grappler reorders sums
    if plan.halves:
        # The scale is 2**(1 - argument): that of the first cycle is 1, that of step 0 is 2.
        halvings, slope = (step, 2 * plan.slope) if cycle is None else (cycle, plan.slope)
        if _few_halvings_do(plan):
            divisor = ops.floats(ops.left_shift(ops.constant(1, step), ops.minimum(halvings, 62)))
        else:
            divisor = _doubled(halvings, SPAN[plan.schedule.dtype], ops)
        return m * slope / divisor + plan.initial
    argument = step if cycle is None else cycle + 1
    if plan.scale is not None:
        tables = [table for table, _ in plan.powers.tables]
        digits = list(_digits(plan.powers, argument, ops))
        with np.errstate(over="ignore"):
            # An infinite entry would make NaN at the ends of cycles, where m is 0.
            first = np.clip(tables[0] * plan.slope, -_LARGEST, _LARGEST)
        product = m * (plan.slope if len(tables) == 1 else ops.lookup(first, digits[0]))
        for table, digit in zip(tables[1:-1], digits[1:-1], strict=True):
            product = _sealed(product, zero, ops) * ops.lookup(table, digit)
        if len(tables) > 2:
            product = _sealed(product, zero, ops)
        with np.errstate(divide="ignore"):  # of entries that no step asks for
            divisor = ops.lookup(1 / tables[-1], digits[-1])
        rate = product / divisor + plan.initial
        return rate if len(tables) <= 2 else _initial_before_0(rate, plan.initial, zero, ops)
    factor = _answers(plan.schedule.policy.function, argument, zero, plan.schedule.dtype, ops)
    return _sealed_sum(_sealed(m * plan.slope, zero, ops) * factor, plan.initial, zero, ops)


def _sealed_sum(product: Any, initial: float, zero: Any, ops: Ops) -> Any:
    return _initial_before_0(_sealed(product, zero, ops) + initial, initial, zero, ops)


def _initial_before_0(rate: Any, initial: float, zero: Any, ops: Ops) -> Any:
    """The rate, and the initial one before step 0, where seals change numbers."""
    return ops.where(zero < 0, ops.constant(initial, rate), rate)


def _short(plan: Plan) -> tuple[float, float] | None:
    """Two numbers whose sum is the slope to 54 bits at least, each so short that its products with m are exact; None where m is
    too long for that, or the numbers leave so little room below or above them that products could be inexact.
    """
    bits = 53 - plan.p.bit_length()
    if bits < 27 or not (abs(plan.slope) > 2.0**-900 and abs(plan.amplitude) < 2.0**900):
        return None
    slope = (Fraction(plan.schedule.maximal_learning_rate) - Fraction(plan.schedule.initial_learning_rate)) / plan.p
    high = _rounded_to(bits, float(slope))
    return high, _rounded_to(bits, float(slope - Fraction(high)))


def _rounded_to(bits: int, number: float) -> float:
    fraction, exponent = math.frexp(number)
    return math.ldexp(round(math.ldexp(fraction, bits)), exponent - bits)


def _few_halvings_do(plan: Plan) -> bool:
    """Whether what 62 halvings leave of the amplitude is below a quarter of the last place of the initial rate."""
    last_place = abs(plan.initial) * float(np.finfo(plan.schedule.dtype).eps) / 2
    return abs(plan.amplitude) * 2.0**-62 < last_place / 4


def _answers(scale_fn: Any, argument: Any, zero: Any, dtype: str, ops: Ops) -> Any:
    """A custom scale function's factor; functions with float32 constants in them cannot take float64."""
    widest = ops.floats(argument)
    try:
        answer = scale_fn(widest)
    except Exception:
        if dtype == f"float{ops.width}":
            raise
        answer = scale_fn(ops.cast(widest, dtype))
    if not hasattr(answer, "dtype"):
        return _opaque(float(answer), zero, ops)  # a constant could be combined with others
    return ops.cast(answer, f"float{ops.width}")


def _sealed(number: Any, zero: Any, ops: Ops) -> Any:
    """The same number, but that compilers cannot combine what made it with what becomes of it."""
    return ops.from_bits(ops.to_bits(number) - zero)


def _opaque(number: float, zero: Any, ops: Ops) -> Any:
    """A float, in the steps' shape, that no compiler knows to be constant."""
    kinds = (np.float64, np.int64) if ops.width == 64 else (np.float32, np.int32)
    return ops.from_bits(int(np.array(number, kinds[0]).view(kinds[1])) - zero)


def _doubled(halvings: Any, span: int, ops: Ops) -> Any:
    """2**halvings, held at 2**span."""
    mantissa, bias = _LAYOUT[ops.width]
    return ops.from_bits((bias + ops.minimum(halvings, span)) * (1 << mantissa))


def _digits(powers: Powers, exponent: Any, ops: Ops) -> Any:
    left = ops.minimum(exponent, min(powers.largest, 2 ** (ops.width - 1) - 1))
    for _ in range(powers.levels - 1):
        yield ops.low_bits(left, powers.width)
        left = ops.right_shift(left, powers.width)
    yield left


def _narrow(plan: Plan, m: Any, cycle: Any, step: Any, zero: Any, ops: Ops) -> Any:
    """In float32 alone: a value is h + e, with e about 2**-12 of h and good to 2**-33 of it.

    Every product that matters is of two halves of 12 bits, hence exact and indifferent to contraction.
    """
    schedule = plan.schedule
    high = ops.floats(m)
    value = high, ops.floats(m - ops.integers(high))
    slope = (Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)) / plan.p
    value = _times(value, tuple(float(part) for part in _thirds(float(slope))), ops)
    argument = step if cycle is None else cycle + 1
    if plan.halves:
        divisor = _doubled(argument - 1, _LAYOUT[32][1] - 1, ops)
        value = value[0] / divisor, value[1] / divisor
    elif plan.scale is not None and not plan.is_constant:
        for (table, _), digit in zip(plan.powers.tables, _digits(plan.powers, argument, ops), strict=True):
            parts = _thirds(np.minimum(table, 2.0**126))  # float32 would make infinity of a larger one, and NaN of 0 times it
            value = _times(value, tuple(ops.lookup(part, digit) for part in parts), ops)
    elif not plan.is_constant:
        factor = _answers(plan.schedule.policy.function, argument, zero, "float32", ops)
        value = value[0] * factor, value[1] * factor
    initial = plan.initial
    total = value[0] + initial
    back = total - initial
    rate = total + (((initial - (total - back)) + (value[0] - back)) + value[1])
    return ops.where(total - total == 0, rate, total)  # an infinite one has no error to add


def _thirds(numbers: Any) -> tuple[Any, Any, Any]:
    """float64 numbers as sums of two float32 of 12 bits each and one of 24."""
    parts, left = [], np.asarray(numbers, np.float64)
    for bits in (12, 12, 24):
        fraction, exponent = np.frexp(left)
        with np.errstate(under="ignore"):
            part = np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits).astype(np.float32)
        parts.append(part)
        left = left - part
    return parts[0], parts[1], parts[2]


def _times(value: tuple[Any, Any], factor: tuple[Any, ...], ops: Ops) -> tuple[Any, Any]:
    assert ops.top_half is not None
    high = ops.top_half(value[0])
    low = value[0] - high
    first, second, third = factor
    return high * first, high * second + low * first + (low * second + value[0] * third + value[1] * (first + second))
