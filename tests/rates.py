"""Comparisons of learning rates whose failures name the arithmetic, the step, its place in the cycle, and the distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import clr_ref
from clr_ref import compare, exact, policies
from clr_ref.exact import ulp


def assert_same_rates(
    schedule: clr_ref.CyclicalLearningRate | None,
    steps: Any,
    actual: Any,
    expected: Any,
    *,
    arithmetic: str,
    ulps: Any = 0,
) -> None:
    """Fail unless two arrays hold the same rates: two NaN are the same, 0.0 and -0.0 are not.

    Args:
        schedule: the schedule whose rates they are, or None for rates without cycles.
        steps, actual, expected: arrays of one shape, or one step and its rates; both rates have one dtype.
        arithmetic: what computed ``actual``; the message begins with it.
        ulps: how many floats the rates may be apart, one number or one for each rate. With 0, all bits are compared.

    Raises:
        AssertionError: the dtypes, the shapes or the rates differ.
        ValueError: there is not one step for each rate.
    """
    __tracebackhide__ = True
    steps, expected = np.asarray(steps), np.asarray(expected)
    if steps.shape != expected.shape:
        raise ValueError(f"steps must have the shape of expected, {expected.shape}, got {steps.shape}")
    if schedule is not None:
        arithmetic = f"{arithmetic} of {policies.name_of(schedule.scale_fn) or 'custom scale_fn'}"
    assert_same_floats(
        lambda index: place(schedule, steps.reshape(-1)[index]), actual, expected, what=arithmetic, ulps=ulps, of=schedule
    )


def assert_same_floats(
    where: Callable[[int], str], actual: Any, expected: Any, *, what: str, ulps: Any = 0, of: object = None
) -> None:
    """Compare as ``assert_same_rates`` does; ``where`` returns the words for the place of a flat index."""
    __tracebackhide__ = True
    actual, expected = np.asarray(actual), np.asarray(expected)
    if (actual.dtype, actual.shape) != (expected.dtype, expected.shape):
        kinds = [f"{array.dtype} of shape {array.shape}" for array in (actual, expected)]
        raise AssertionError(f"{what}: the result is {kinds[0]}, expected {kinds[1]}")
    actual, expected = actual.reshape(-1), expected.reshape(-1)
    allowed = np.broadcast_to(ulps, expected.shape)
    wrong = np.flatnonzero(~(_same(actual, expected) | _close(actual, expected, allowed)))
    if not len(wrong):
        return
    index = int(wrong[0])
    distance = float(ulp.distance(actual[index], expected[index]))
    lines = [
        f"{what}: wrong at {where(index)}",
        f"  actual    {_shown(actual[index])}",
        f"  expected  {_shown(expected[index])}",
        f"  distance  {f'{distance:+.0f} ULP' if distance else 'the sign of zero'}"
        + (f", allowed {allowed[index]:g}" if allowed[index] else ""),
        f"  {len(wrong):,} of {len(expected):,} differ",
    ]
    raise AssertionError("\n".join([*lines, f"  {of!r}"] if of is not None else lines))


def exact_rates(schedule: clr_ref.CyclicalLearningRate, steps: Any) -> Any:
    """The exact rates, each rounded once: what every arithmetic of the reference has to give."""
    return np.array([exact.rounded(schedule, int(step)) for step in steps], schedule.dtype)


def place(schedule: clr_ref.CyclicalLearningRate | None, step: Any) -> str:
    """A step in words, with its cycle and its phase in half cycles where it has them."""
    if schedule is None or not 0 <= step < 2**63:
        return f"step {step}"
    cycle, phase = compare.place(schedule, int(step))
    return f"step {step} (cycle {cycle}, phase {phase:.6g} of 2)"


def _same(actual: Any, expected: Any) -> Any:
    bits = f"u{actual.itemsize}"
    return (actual.view(bits) == expected.view(bits)) | (np.isnan(actual) & np.isnan(expected))


def _close(actual: Any, expected: Any, allowed: Any) -> Any:
    # Without the first condition, zeros of both signs, which are 0 ULP apart, would be the same.
    return (allowed > 0) & (np.abs(ulp.distance(actual, expected)) <= allowed) if allowed.any() else np.False_


def _shown(rate: Any) -> str:
    return "-0 (-0x0p+0)" if rate == 0 and np.signbit(rate) else ulp.show(rate)
