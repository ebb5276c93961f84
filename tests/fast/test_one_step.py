"""One step at a time: each function rounds once, in whatever order the steps come."""

from __future__ import annotations

import concurrent.futures
import itertools
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.fast import one_step
from clr_ref.fast.plan import plan as plan_of
from tests import midpoints
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import BOUNDS, POLICIES, schedule_of

MAX_STEP = 2**63 - 1


def assert_one_step_is_rounded_once(schedule: clr_ref.CyclicalLearningRate, steps: list[int]) -> None:
    """Compare the fast function and the careful one, called step by step, with the exact rates."""
    __tracebackhide__ = True
    plan = plan_of(schedule)
    expected = exact_rates(schedule, steps)
    fast = one_step.function(plan)
    assert_same_rates(schedule, steps, np.array([fast(step) for step in steps]), expected, arithmetic="arithmetic of one step")
    careful = np.array([one_step.one_rate(plan, step) for step in steps])
    assert_same_rates(schedule, steps, careful, expected, arithmetic="careful arithmetic of one step")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("step_size", [1, 937, 2.5])
def test_the_first_steps(policy: str, step_size: float) -> None:
    assert_one_step_is_rounded_once(schedule_of(policy, step_size), list(range(60)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", POLICIES)
def test_one_step_of_any_schedule_is_rounded_once(policy: str, dtype: str) -> None:
    """Bounds of all kinds have exact rates, also in cycles far beyond the last that matters."""
    steps = [0, 1, 2, 3, 936, 937, 938, 1874, 10**4, 10**6, 937 * 4801, 937 * 3 + 2**40, 2**62 + 5, MAX_STEP]
    wide = [(1e-4, 1e-2), (0.0, 1.0), (0.0, 5e-324), (-1.7e308, 1.7e308), (-0.0, -1e-300)]
    for bounds, step_size in itertools.product(BOUNDS if dtype == "float32" else wide, (937, 2.5, 0.1, 2.0**60)):
        assert_one_step_is_rounded_once(schedule_of(policy, step_size, *bounds, dtype=dtype), steps)


@pytest.mark.parametrize("amplitude", midpoints.AMPLITUDES)
@pytest.mark.parametrize("policy", ["triangular", "triangular2"])
def test_rates_around_every_kind_of_midpoint(policy: str, amplitude: float) -> None:
    """Midpoints of normal and subnormal float32, also on both sides of a power of two, are rounded once."""
    schedule = schedule_of(policy, midpoints.FAST_STEP_SIZE, 0.0, amplitude)
    assert_one_step_is_rounded_once(schedule, [step for step, _ in midpoints.steps_around(schedule, range(-8, 9))])


@pytest.mark.parametrize(
    "near",
    [midpoints.near_midpoints, midpoints.near_midpoints_of_triangular2, midpoints.near_midpoints_of_exp_range],
    ids=POLICIES,
)
def test_rates_that_float64_cannot_round(near: Any) -> None:
    for schedule, step, _ in near():
        assert_one_step_is_rounded_once(schedule, [step])


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1), (1e-2, 1e-4)])
@pytest.mark.parametrize("policy", POLICIES)
def test_hardly_any_step_needs_the_careful_function(
    policy: str, bounds: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = one_step.one_rate
    monkeypatch.setattr(one_step, "one_rate", lambda *a: calls.append(a) or original(*a))
    schedule = schedule_of(policy, 99_991, *bounds)
    for step in range(1, 40_000, 2):
        schedule(step)
    assert len(calls) <= 20


@pytest.mark.parametrize("policy", POLICIES)
def test_steps_in_a_row(policy: str) -> None:
    """A rate does not depend on earlier calls: in a row, backwards, over the ends of blocks, with gaps, at the end."""
    rows = [
        range(1000),
        range(999, -1, -1),
        range(0, 3000, 3),
        [5, 6, 7, 300, 301, 5, 6, 262, 263, 7],
        range(MAX_STEP - 600, MAX_STEP + 1),
    ]
    schedule = schedule_of(policy, 37)
    for row in rows:
        found = [schedule(step) for step in row]
        assert {type(rate) for rate in found} == {np.float32}
        expected = exact_rates(schedule, row)
        assert_same_rates(schedule, row, np.array(found), expected, arithmetic="arithmetic of one step after the other")
        again = np.array([schedule(step) for step in row])
        assert_same_rates(schedule, row, again, expected, arithmetic="arithmetic of one step, for the second time")


def test_nothing_is_computed_ahead_for_steps_apart() -> None:
    asked = []
    block = one_step.BLOCK
    rate = one_step.with_blocks_ahead(lambda step: step, lambda first: asked.append(first) or range(first, first + block))
    for step in (0, 2, 4, 3, 1):
        assert rate(step) == step
    assert asked == []
    for step in range(10, 11 + 2 * one_step.BLOCK):
        assert rate(step) == step
    assert asked == [11, 11 + one_step.BLOCK]


def test_threads_share_a_schedule() -> None:
    schedule = schedule_of("triangular2", 37)
    expected = schedule.values(0, 20_000).tolist()

    def ask(first: int) -> bool:
        return [schedule(step) for step in range(first, 20_000)] == expected[first:]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, [0, 100, 300, 7]))
