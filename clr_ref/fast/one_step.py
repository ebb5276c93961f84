"""One step at a time, in Python numbers: a function made once per schedule, with everything it needs bound to it.

A NumPy scalar costs as much to make as ten operations on Python floats, so only the result is one. Rounding to float32 is
Veltkamp's: with c = x * (2**29 + 1), c - (c - x) is x rounded to 24 bits, for x well inside the range of float32. It is
done to both ends of the interval that holds the exact rate; if they round to one number, that is the result (Ziv's test).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from clr_ref import exact
from clr_ref._environment import HALF_ULP, ONE, QUARTER_ULP, keeps_subnormals, rounds_to_nearest
from clr_ref.fast.plan import LARGEST, SMALLEST_NORMAL, SPAN, Plan, twice_the_error

_SPLITTER = 2.0**29 + 1
#: The smallest float64 that is not subnormal.
_NORMAL = sys.float_info.min
#: After so many halvings the amplitude, below 2**1025, cannot change a float64: the smallest are 2**-1074.
_CLAMP = 2200
#: Steps computed ahead for steps that follow each other: enough to make a block cheap, few enough to be soon used.
BLOCK = 1024
_LAST_BLOCK = 2**63 - BLOCK


def function(plan: Plan) -> Callable[[int], Any]:
    """The rate at one step, a whole number 0 .. 2**63-1 that is not checked here, as a NumPy scalar of the dtype."""
    if plan.schedule.dtype == "float64":
        return _rational(plan)
    if plan.last_fast_step < 0 or not plan.regular:
        return lambda step: one_rate(plan, step)
    if plan.is_constant:
        return _triangular(plan)
    return _triangular2(plan) if plan.halves else _exp_range(plan)


def with_blocks_ahead(rate: Callable[[int], Any], block: Callable[[int], Any]) -> Callable[[int], Any]:
    """The same function, which takes the rates of steps that follow each other from blocks of ``BLOCK``.

    A training loop calls it in that way, and a step then costs less than the NumPy scalar that is returned. Nothing is computed
    ahead for steps that do not follow each other. Threads may share it: what is known is replaced as a whole.

    Args:
        rate: the rate at one step.
        block: the rates of ``BLOCK`` steps from a first one on, as an array.
    """
    known: tuple[int, list[Any]] = (-BLOCK, [])
    following = -1

    def remembered(step: int) -> Any:
        nonlocal known, following
        first, rates = known
        index = step - first
        if index < BLOCK and index >= 0:
            return rates[index]
        if step == following and step <= _LAST_BLOCK:
            rates = list(block(step))
            known, following = (step, rates), step + BLOCK
            return rates[0]
        following = step + 1
        return rate(step)

    return remembered


def one_rate(plan: Plan, step: int) -> Any:
    """One rate of any schedule, in float64 if that decides its rounding, else exactly."""
    schedule = plan.schedule
    if not (plan.regular and schedule.dtype == "float32" and rounds_to_nearest() and keeps_subnormals()):
        return exact.rounded(schedule, step)
    cycle, r = divmod(step << plan.shift, plan.period)
    product = r * plan.slope if r <= plan.p else (plan.period - r) * plan.fall_slope
    if not plan.is_constant:
        argument = cycle + 1 if schedule.scale_mode == "cycle" else step
        if plan.halves:
            product *= 2.0 ** max(1 - argument, -SPAN["float32"])
        else:
            product *= schedule.policy(argument) if plan.scale is None else plan.powers.one(argument)
    near = plan.initial + product
    if near == plan.initial:
        # The exact value is within a few units in 2**53 of a float32, which no rounding leaves.
        return np.float32(near + 0.0)  # -0.0 becomes 0.0
    error = twice_the_error(plan.roundings, abs(product), abs(near))
    if abs(near) + error < LARGEST:  # conversion of larger ones may overflow, with a warning
        result = np.float32(near - error)
        if result == np.float32(near + error):
            return result if result else np.float32(0.0)  # which may have been -0.0
    return exact.rounded(schedule, step)


def _rounding(plan: Plan) -> Callable[[float, int], Any]:
    """A function of the float64 rate and its step: the rate in float32 where its rounding is decided, else by ``one_rate``."""
    # No product is larger than the amplitude.
    error = twice_the_error(plan.roundings, abs(plan.amplitude), abs(plan.amplitude) + abs(plan.initial))
    float32 = np.float32
    one, half_ulp, quarter_ulp = ONE, HALF_ULP, QUARTER_ULP

    def rounded(near: float, step: int) -> Any:
        low, high = near - error, near + error
        # The sum is ``rounds_to_nearest``, whose call takes longer.
        # Veltkamp's rounding to 24 bits is that of float32 above the subnormals, up to the largest number.
        if low > SMALLEST_NORMAL and high < LARGEST and one + half_ulp - quarter_ulp == one:
            c = low * _SPLITTER
            d = high * _SPLITTER
            result = c - (c - low)
            if result == d - (d - high):
                return float32(result)
        return one_rate(plan, step)

    return rounded


def _triangular(plan: Plan) -> Callable[[int], Any]:
    p, period, shift, initial, rounded = plan.p, plan.period, plan.shift, plan.initial, _rounding(plan)
    slope, fall_slope = plan.slope, plan.fall_slope

    def rate(step: int) -> Any:
        r = (step << shift) % period
        return rounded(initial + (r * slope if r <= p else (period - r) * fall_slope), step)

    return rate


def _triangular2(plan: Plan) -> Callable[[int], Any]:
    p, period, shift, initial, rounded = plan.p, plan.period, plan.shift, plan.initial, _rounding(plan)
    last = SPAN["float32"]
    slopes, fall_slopes = ([slope * 2.0**-cycle for cycle in range(last + 1)] for slope in (plan.slope, plan.fall_slope))

    def rate(step: int) -> Any:
        step_q = step << shift
        cycle = step_q // period
        r = step_q - cycle * period
        at = cycle if cycle < last else last
        return rounded(initial + (r * slopes[at] if r <= p else (period - r) * fall_slopes[at]), step)

    return rate


def _exp_range(plan: Plan) -> Callable[[int], Any]:
    p, period, shift, initial, rounded = plan.p, plan.period, plan.shift, plan.initial, _rounding(plan)
    powers = plan.powers
    largest, mask, width = powers.largest, powers.mask, powers.width
    first, *others = powers.lists
    slopes, fall_slopes = ([power * slope for power in first] for slope in (plan.slope, plan.fall_slope))

    def product_of_others(left: int) -> float:
        product = 1.0
        for table in others:
            product *= table[left & mask]
            left >>= width
        return product

    # Most gammas take two tables.
    upper = others[0].__getitem__ if len(others) == 1 else product_of_others

    def rate(step: int) -> Any:
        r = (step << shift) % period
        left = step if step < largest else largest
        product = r * slopes[left & mask] if r <= p else (period - r) * fall_slopes[left & mask]
        return rounded(initial + product * upper(left >> width), step)

    return rate


def _rational(plan: Plan) -> Callable[[int], Any]:
    """float64: the rate is a quotient of two whole numbers, and Python divides those correctly rounded."""
    schedule = plan.schedule
    halves = plan.halves and schedule.scale_mode == "cycle"
    if not (halves or plan.is_constant):
        return lambda step: one_rate(plan, step)
    (a, under_a), (b, under_b) = (
        x.as_integer_ratio() for x in (schedule.initial_learning_rate, schedule.maximal_learning_rate)
    )
    under = max(under_a, under_b)  # powers of two
    p, period, shift = plan.p, plan.period, plan.shift
    initial = a * (under // under_a)
    amplitude = b * (under // under_b) - initial
    base_of_rise, base_of_fall = initial * p, initial * plan.fall
    divisor_of_rise, divisor_of_fall, float64 = p * under, plan.fall * under, np.float64
    last = _CLAMP if halves else 0
    one, half_ulp, quarter_ulp = ONE, HALF_ULP, QUARTER_ULP

    def rate(step: int) -> Any:
        cycle, r = divmod(step << shift, period)
        halvings = cycle if cycle < last else last
        if r <= p:
            near = ((base_of_rise << halvings) + r * amplitude) / (divisor_of_rise << halvings)
        else:
            near = ((base_of_fall << halvings) + (period - r) * amplitude) / (divisor_of_fall << halvings)
        # The sum is ``rounds_to_nearest``, as above. Only a subnormal rate can be wrong where the CPU makes those 0.
        if one + half_ulp - quarter_ulp == one and (near >= _NORMAL or near <= -_NORMAL or keeps_subnormals()):
            return float64(near + 0.0)  # -0.0 becomes 0.0
        return one_rate(plan, step)

    return rate
