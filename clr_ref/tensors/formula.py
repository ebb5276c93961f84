"""The reference's arithmetic in tensors: one formula for every backend, which the backend traces into its graphs.

    rate = initial + m * slope * scale                                 with m the whole-number phase, as in ``fast``

in float64, rounded once to the dtype. This is the formula of ``fast`` without its test of the rounding. The rate therefore
differs from the correctly rounded one only where float64 cannot decide: for about one float32 rate in 2**27, by one ULP.
``evaluate`` with ``backends.numpy_ops()`` computes it in NumPy, and all modes of TensorFlow give its bits, with about as many
operations as TFA:

- Whole numbers are exact, however a compiler reorders the operations on them.
- No power function is called: 2**k is assembled from its bits, gamma**step is a product of table entries.
- XLA contracts a product and the sum that follows into one fused operation, which rounds once less. That changes nothing if
  the product is exact. So the slope of triangular is a sum of two numbers, each so short that its product with m is exact.
  XLA does not contract a quotient and a sum. So triangular2 and exp_range divide last. XLA also counts a division as
  expensive, and computes the rate once; of products alone it makes a copy for each weight.
- If neither can be done (functions of the user, a step_size of very many bits), the product is *sealed*: the sign bit of the
  step is subtracted from its bits. It is 0, but no compiler can know that. Longer chains of products are sealed too,
  since XLA and Grappler reorder them. (Division by a 1.0 that is made in this way is not enough, since XLA of TF 2.8 moves it.)

Without float64, as in JAX by default, the formula is computed in pairs of float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clr_ref.fast.plan import SPAN, Plan
from clr_ref.fast.powers import Powers
from clr_ref.tensors import between, moves
from clr_ref.tensors.backends import Ops

#: For each width of the floats: the number of stored bits of the significand, and the stored exponent of 1.0.
_LAYOUT = {64: (52, 1023), 32: (23, 127)}
_LARGEST = float(np.finfo(np.float64).max)


def evaluate(plan: Plan, step: Any, ops: Ops) -> Any:
    """Return the rates at a tensor of steps, of any shape and real dtype, in the schedule's dtype (docs/SPEC.md, 11.7).

    A custom scale function is called with the whole tensor of cycles (or steps), in the widest floats.
    The plan of an asymmetric schedule must have passed ``check_period``.
    """
    schedule = plan.schedule
    given, step = step, _whole(step, ops)
    zero = ops.right_shift(step, ops.width - 1)  # -1 before step 0, so no compiler can replace it by 0
    step = ops.maximum(step, 0)
    by_cycle = schedule.scale_mode == "cycle" and not plan.is_constant
    r, cycle = _remainder(plan, step, zero, ops, by_cycle)

    def scaled(m: Any, falls: Any, cycle: Any, step: Any) -> Any:
        in_width = _wide if ops.width == 64 else _narrow
        if not _is_turned(plan, ops):
            return in_width(plan, m, falls, cycle, step, zero, ops)
        m = _side(falls, plan.p, plan.fall, m, ops) - m
        return _initial_before_0(in_width(plan.turned, m, falls, cycle, step, zero, ops), plan.initial, zero, ops)

    rate = scaled(*_folded(plan, r, ops), cycle, step)
    if moves.is_float(given, ops):
        part = between.fraction(given, step, ops)
        rate = ops.where(part > 0, scaled(*_between(plan, r, cycle, step, part, ops)), rate)
    rate = ops.cast(rate, schedule.dtype)
    if plan.cancels or plan.slope < 0 or plan.initial < 0:
        rate = ops.where(rate == 0, ops.constant(0.0, rate), rate)  # -0.0 becomes 0.0
    if moves.is_float(given, ops):
        rate = ops.where(ops.is_nan(given), ops.constant(math.nan, rate), rate)
    return rate


def prepare(plan: Plan, ops: Ops) -> None:
    """Compute what the formula needs of a plan: ``torch.compile`` cannot trace the arithmetic of fractions."""
    _ = (plan.turned if _is_turned(plan, ops) else plan).short_slopes


def _is_turned(plan: Plan, ops: Ops) -> bool:
    """Check that the formula begins at the peak of triangular, which is nearer to 0 than the initial rate.

    From the initial rate, the sum would cancel near the peak: where the rate is 0, it would be some 1e-18.
    """
    nearer = abs(plan.schedule.maximal_learning_rate) < abs(plan.schedule.initial_learning_rate)
    return plan.is_constant and nearer and max(plan.p, plan.fall) < 2 ** (ops.width - 1)


def check_period(plan: Plan, ops: Ops) -> None:
    """Raise ValueError for an asymmetric cycle that the integers of the backend cannot count in the units of its step sizes."""
    if not plan.is_symmetric and plan.period >= 2 ** (ops.width - 1):
        given = f"{plan.schedule.step_size!r} and {plan.schedule.fall!r}"
        raise ValueError(
            f"step_size and step_size_down must add up to less than 2**{ops.width - 1} in units of their last binary digit, "
            f"got {given}, of which it is 2**-{plan.shift}"
        )


def _whole(step: Any, ops: Ops) -> Any:
    """Return the steps as integers: the largest one for larger steps and infinity, any number for NaN.

    The frameworks convert numbers that do not fit differently in their modes of execution.
    """
    largest = 2 ** (ops.width - 1) - 1
    if not moves.is_float(step, ops):
        return moves.integers(step, ops)
    if "16" in ops.dtype_of(step):
        step = ops.cast(step, "float32")  # the limit is infinite in float16
    fits = step < float(largest)
    whole = ops.integers(ops.maximum(ops.where(fits, step, ops.constant(0.0, step)), -1.0))
    return ops.where(fits, whole, ops.constant(largest, whole))


def _remainder(plan: Plan, step: Any, zero: Any, ops: Ops, with_cycle: bool) -> tuple[Any, Any]:
    """Return r, the distance of a step from the start of its cycle, and the cycle counted from 0, or None.

    Cycles too large for the integers are limited.
    """
    period, largest = plan.period, 2 ** (ops.width - 1) - 1
    if period > largest:  # a whole step_size so long that no step is past the first cycle
        return step, ops.low_bits(zero, 1) if with_cycle else None  # 0; a compiler that knew it would drop the scale
    if plan.shift == 0:
        return step % period, step // period if with_cycle else None
    cycle = step // period
    r = step - cycle * period
    # r = (t << shift) mod period, a few bits at a time, so that no product leaves the integers.
    room = ops.width - 1 - period.bit_length()
    left = plan.shift
    while left:
        bits = min(room, left)
        left -= bits
        r = r * (1 << bits)
        carry = r // period
        r = r - carry * period
        cycle = ops.minimum(cycle, largest >> bits) * (1 << bits) + carry
    return r, cycle if with_cycle else None


def _folded(plan: Plan, r: Any, ops: Ops) -> tuple[Any, Any]:
    """Return m, the distance from the end of the cycle on this side of the peak, and on which side the step is.

    The side is whether the step is on the fall, or None for a symmetric cycle, where it does not matter.
    """
    p, largest = plan.p, 2 ** (ops.width - 1) - 1
    if plan.period > largest:
        return ops.where(r <= p, r, p - (r - p)) if p <= largest else r, None
    if plan.is_symmetric:
        return ops.minimum(r, plan.period - r), None
    falls = r > p
    return ops.where(falls, plan.period - r, r), falls


def _between(plan: Plan, r: Any, cycle: Any, step: Any, part: Any, ops: Ops) -> tuple[Any, Any, Any, Any]:
    """Return m, the side, the cycle and the step for steps with a fraction: what ``_wide`` takes.

    The power of the fraction is a factor of m, and that of the framework. So its bits may differ between modes of execution.
    """
    if plan.period > 2 ** (ops.width - 1) - 1:
        m, falls = ops.floats(r) + part, None  # on the rise: behind the peak of so long a cycle, no float has a fraction
    else:
        m, falls, further = between.phase(plan, r, part, ops)
        falls = None if plan.is_symmetric else falls
        cycle = None if cycle is None else cycle + further
    if plan.is_constant or plan.schedule.scale_mode == "cycle":
        return m, falls, cycle, step
    if plan.scale is None:
        return m, falls, cycle, ops.floats(step) + part
    return m * plan.scale.base**part, falls, cycle, step


def _side(falls: Any, rise: float, fall: float, like: Any, ops: Ops) -> Any:
    """Return the number of the side of the peak on which a step is; for ``falls`` see ``_folded``."""
    return rise if falls is None else ops.where(falls, ops.constant(fall, like), ops.constant(rise, like))


def _wide(plan: Plan, m: Any, falls: Any, cycle: Any, step: Any, zero: Any, ops: Ops) -> Any:
    m = ops.floats(m)
    slope = _side(falls, plan.slope, plan.fall_slope, m, ops)
    if plan.is_constant:
        short = plan.short_slopes
        if short is None:
            return _sealed_sum(m * slope, plan.initial, zero, ops)
        high, low = (_side(falls, rise, fall, m, ops) for rise, fall in zip(*short, strict=True))
        return m * high + plan.initial - m * -low  # a difference: Grappler reorders sums
    if plan.halves:
        # The scale is 2**(1 - argument): that of the first cycle is 1, that of step 0 is 2.
        halvings, slope = (step, 2 * slope) if cycle is None else (cycle, slope)
        if _few_halvings_do(plan):
            divisor = ops.floats(ops.left_shift(ops.constant(1, step), ops.minimum(halvings, 62)))
        else:
            divisor = _doubled(halvings, SPAN[plan.schedule.dtype], ops)
        return m * slope / divisor + plan.initial
    argument = step if cycle is None else cycle + 1
    if plan.scale is not None:
        tables = [table for table, _ in plan.powers.tables]
        digits = list(_digits(plan.powers, argument, ops))
        if len(tables) > 1:
            with np.errstate(all="ignore"):
                # Without the limits, an infinite entry would give NaN at the ends of cycles, where m is 0.
                firsts = [np.clip(tables[0] * each, -_LARGEST, _LARGEST) for each in (plan.slope, plan.fall_slope)]
            rise = ops.lookup(firsts[0], digits[0])
            slope = rise if falls is None else ops.where(falls, ops.lookup(firsts[1], digits[0]), rise)
        product = m * slope
        for table, digit in zip(tables[1:-1], digits[1:-1], strict=True):
            product = _sealed(product, zero, ops) * ops.lookup(table, digit)
        with np.errstate(all="ignore"):  # 0, or too small, are entries that no step reads
            divisor = ops.lookup(1 / tables[-1], digits[-1])
        rate = product / divisor + plan.initial
        return rate if len(tables) <= 2 else _initial_before_0(rate, plan.initial, zero, ops)
    factor = _results(plan.schedule.policy.function, argument, zero, plan.schedule.dtype, ops)
    return _sealed_sum(_sealed(m * slope, zero, ops) * factor, plan.initial, zero, ops)


def _sealed_sum(product: Any, initial: float, zero: Any, ops: Ops) -> Any:
    return _initial_before_0(_sealed(product, zero, ops) + initial, initial, zero, ops)


def _initial_before_0(rate: Any, initial: float, zero: Any, ops: Ops) -> Any:
    """Return the rate, but the initial rate before step 0, where a seal changes numbers."""
    return ops.where(zero < 0, ops.constant(initial, rate), rate)


def _few_halvings_do(plan: Plan) -> bool:
    """Check that after 62 halvings the sum is the initial rate: the nearest other number is half an epsilon of it away.

    Half-way between the two, the sum is rounded to a power of two, the even one.
    """
    return abs(plan.amplitude) <= abs(plan.initial) * float(np.finfo(plan.schedule.dtype).eps) * 2.0**60


def _results(scale_fn: Any, argument: Any, zero: Any, dtype: str, ops: Ops) -> Any:
    """Return the results of a custom scale function. A function with float32 constants in it does not accept float64."""
    widest = ops.floats(argument)
    try:
        result = ops.call(scale_fn, widest)
    except Exception:
        if dtype == f"float{ops.width}":
            raise
        result = ops.call(scale_fn, ops.cast(widest, dtype))
    if not hasattr(result, "dtype"):
        return _opaque(float(result), zero, ops)  # a compiler could combine a constant with others
    return ops.cast(result, f"float{ops.width}")


def _sealed(number: Any, zero: Any, ops: Ops) -> Any:
    """Return the same number, such that compilers cannot combine the operations before it with those after it."""
    return ops.from_bits(ops.to_bits(number) - zero)


def _opaque(number: float, zero: Any, ops: Ops) -> Any:
    """Return a float in the shape of the steps, which no compiler can treat as a constant."""
    kinds = (np.float64, np.int64) if ops.width == 64 else (np.float32, np.int32)
    return ops.from_bits(int(np.array(number, kinds[0]).view(kinds[1])) - zero)


def _doubled(halvings: Any, span: int, ops: Ops) -> Any:
    """Return 2**halvings, at most 2**span."""
    mantissa, bias = _LAYOUT[ops.width]
    return ops.from_bits((bias + ops.minimum(halvings, span)) * (1 << mantissa))


def _digits(powers: Powers, exponent: Any, ops: Ops) -> Any:
    left = ops.minimum(exponent, min(powers.largest, 2 ** (ops.width - 1) - 1))
    for _ in range(powers.levels - 1):
        yield ops.low_bits(left, powers.width)
        left = ops.right_shift(left, powers.width)
    yield left


def _narrow(plan: Plan, m: Any, falls: Any, cycle: Any, step: Any, zero: Any, ops: Ops) -> Any:
    """Return the rates in float32 alone. A value is h + e, with e about 2**-12 of h, and a relative error of 2**-33.

    Every product that matters is one of two halves of 12 bits. It is exact, so contraction does not change it.
    """
    high = ops.floats(m)
    low = high * 0.0 if "float" in ops.dtype_of(m) else ops.floats(m - ops.integers(high))
    value = high, low
    rise, fall = ([float(part) for part in _thirds(float(slope))] for slope in plan.exact_slopes)
    value = _times(value, tuple(_side(falls, *pair, high, ops) for pair in zip(rise, fall, strict=True)), ops)
    argument = step if cycle is None else cycle + 1
    if plan.halves:
        divisor = _doubled(argument - 1, _LAYOUT[32][1] - 1, ops)
        value = value[0] / divisor, value[1] / divisor
    elif plan.scale is not None and not plan.is_constant:
        for (table, _), digit in zip(plan.powers.tables, _digits(plan.powers, argument, ops), strict=True):
            parts = _thirds(np.minimum(table, 2.0**127))  # a larger one would be infinite in float32, and 0 times it NaN
            value = _times(value, tuple(ops.lookup(part, digit) for part in parts), ops)
    elif not plan.is_constant:
        factor = _results(plan.schedule.policy.function, argument, zero, "float32", ops)
        value = value[0] * factor, value[1] * factor
    initial = plan.initial
    total = value[0] + initial
    back = total - initial
    rate = total + (((initial - (total - back)) + (value[0] - back)) + value[1])
    return ops.where(total - total == 0, rate, total)  # the error term of an infinite rate is NaN


def _thirds(numbers: Any) -> tuple[Any, Any, Any]:
    """Return float64 numbers as sums of two float32 of 12 bits each and one of 24 bits."""
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
