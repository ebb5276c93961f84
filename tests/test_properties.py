"""The reference holds every clause, on whatever Hypothesis makes up."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings, strategies as st

import clr_ref
from clr_ref import exact, tfa_arithmetic
from tests.checks import CHECKS, Make
from tests.strategies import EXAMPLES, MAX_STEP, Config, configs, steps


def reference(config: Config) -> Callable[[int], Any]:
    return config.build()


def run(check: Callable[..., None], make: Make, *, shrink: bool = True) -> None:
    """Run one check on many inputs; raises what the check raises, on the smallest input that fails if ``shrink``."""
    inputs: dict[str, st.SearchStrategy[Any]] = {"config": configs(), "step": steps(), "cycles": st.integers(0, 1100)}
    wanted = {name: inputs[name] for name in inspect.signature(check).parameters if name in inputs}

    @settings(
        max_examples=settings().max_examples,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.nested_given],
        print_blob=False,
        report_multiple_bugs=False,  # one assertion, not a group of them
    )
    @given(**wanted)
    def body(**drawn: Any) -> None:
        check(make, **drawn)

    for one in EXAMPLES:
        body = example(**{name: one[name] for name in wanted})(body)
    body()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_reference_holds(check: Callable[..., None]) -> None:
    run(check, reference)


@given(configs(), st.lists(steps(), max_size=20))
def test_scalars_and_arrays_agree_in_bits(config: Config, asked: list[int]) -> None:
    """7.2"""
    schedule = config.build()
    one_by_one = np.array([schedule(t) for t in asked], config.dtype)
    assert schedule(np.array(asked, np.int64)).tobytes() == one_by_one.tobytes()
    assert schedule(np.array(asked, np.uint64)).tobytes() == one_by_one.tobytes()


@given(configs(), steps(), st.integers(0, 300))
def test_ranges_and_arrays_agree_in_bits(config: Config, start: int, count: int) -> None:
    """7.2"""
    stop = min(start + count, MAX_STEP + 1)
    schedule = config.build()
    asked = np.array(range(start, stop), np.uint64)
    assert schedule.values(start, stop).tobytes() == schedule(asked).tobytes()


@given(configs(whole=True, dtypes=("float32",)), st.integers(0, 10**7), st.integers(1, 60_000))
@settings(max_examples=40)
def test_long_ranges_and_arrays_agree_in_bits(config: Config, start: int, count: int) -> None:
    """7.2, over whole cycles that are computed once and reused."""
    schedule = config.build()
    asked = np.arange(start, start + count)
    assert schedule.values(start, start + count).tobytes() == schedule(asked).tobytes()


@given(configs())
def test_round_trips(config: Config) -> None:
    """8.1"""
    schedule = config.build()
    for again in (clr_ref.CyclicalLearningRate.from_json(schedule.to_json()), pickle.loads(pickle.dumps(schedule))):
        assert again == schedule
        assert hash(again) == hash(schedule)


@given(configs(), steps(), st.sampled_from(tfa_arithmetic.STEP_DTYPES))
def test_tfa_arithmetic_is_within_its_bound(config: Config, step: int, step_dtype: Any) -> None:
    """9.2"""
    assume(not (config.policy == "exp_range" and (step_dtype == "int64" or config.gamma > 1)))
    schedule = config.build()
    actual = tfa_arithmetic.evaluate(schedule, step, step_dtype=step_dtype)
    bound = tfa_arithmetic.error_bound(schedule, step, step_dtype=step_dtype)
    assume(np.isfinite(bound))
    low, high = next(exact.enclosures(schedule, step))
    near = exact.Fraction(float(actual))
    assert min(abs(near - low), abs(near - high)) <= exact.Fraction(float(bound))
