"""The reference holds every clause of the specification on random inputs."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, reject, seed, settings, strategies as st

import clr_ref
from clr_ref import exact, tfa_arithmetic
from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.checks import ALL, CHECKS, Check, Inapplicable, Judge, Wrong
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.search import run_check
from tests.rates import assert_same_rates
from tests.strategies import EXAMPLES, configs, everything, steps
from tests.subjects import OfConfig


def reference(config: Config) -> Callable[[int], Any]:
    return config.build()


def strictly(
    check: Check, make: Callable[[Config], Callable[[int], Any]], *, shrink: bool = True, examples: int = 0
) -> Wrong | None:
    """What an implementation does wrong in one check that wants correct rounding, on many inputs of both dtypes; or None."""
    judge = Judge(OfConfig(make), EXAMPLES[0]["config"], Level.CORRECT)

    @seed(0)
    @settings(
        max_examples=examples or settings().max_examples,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(everything(check.needs))
    def holds(inputs: dict[str, Any]) -> None:
        try:
            run_check(check, judge, inputs)
        except Inapplicable:
            reject()

    for one in EXAMPLES:
        if one["config"].policy in check.policies:
            holds = example(one)(holds)
    try:
        holds()
    except Wrong as wrong:
        return wrong
    return None


#: The checks that need no special configs: those are for implementations that are not correctly rounded.
EVERYWHERE = [check for check in CHECKS if check.family == "everyday"]


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.name)
def test_reference_holds(check: Check) -> None:
    # Half of what a property of one line gets: each input has many steps, and 25 inputs find every planted bug (tests/meta).
    assert strictly(check, reference, examples=settings().max_examples // 2) is None


def test_the_checks_quote_the_specification() -> None:
    text = " ".join((Path(__file__).parents[1] / "docs" / "SPEC.md").read_text(encoding="utf-8").split())
    clauses = dict(re.findall(r"\*\*(\d+\.\d+)\*\* (.*?)(?= - \*\*|\Z)", text))
    for check in ALL:
        assert check.quote.rstrip(".") in clauses[check.clause], check.name


@given(configs(), st.lists(steps(), max_size=20))
def test_scalars_and_arrays_agree_in_bits(config: Config, asked: list[int]) -> None:
    """One step, int64 arrays and uint64 arrays give the same rates (clause 7.2)."""
    schedule = config.build()
    one_by_one = np.array([schedule(t) for t in asked], config.dtype)
    for dtype in ("int64", "uint64"):
        rates = schedule(np.array(asked, dtype))
        assert_same_rates(schedule, asked, rates, one_by_one, arithmetic=f"arithmetic of {dtype} arrays")


@given(configs(), steps(), st.integers(0, 300))
def test_ranges_and_arrays_agree_in_bits(config: Config, start: int, count: int) -> None:
    """Ranges and arrays give the same rates (clause 7.2)."""
    stop = min(start + count, MAX_STEP + 1)
    schedule = config.build()
    asked = np.array(range(start, stop), np.uint64)
    rates = schedule.values(start, stop)
    assert_same_rates(schedule, asked, rates, schedule(asked), arithmetic="arithmetic of ranges")


@given(configs(whole=True, dtypes=("float32",)), st.integers(0, 10**7), st.integers(1, 60_000))
@settings(max_examples=40)
def test_long_ranges_and_arrays_agree_in_bits(config: Config, start: int, count: int) -> None:
    """So do ranges of whole cycles, which are computed once and reused (clause 7.2)."""
    schedule = config.build()
    asked = np.arange(start, start + count)
    rates = schedule.values(start, start + count)
    assert_same_rates(schedule, asked, rates, schedule(asked), arithmetic="arithmetic of long ranges")


@given(configs())
def test_round_trips(config: Config) -> None:
    """JSON and pickles give back an equal schedule (clause 8.1)."""
    schedule = config.build()
    for again in (clr_ref.CyclicalLearningRate.from_json(schedule.to_json()), pickle.loads(pickle.dumps(schedule))):
        assert again == schedule
        assert hash(again) == hash(schedule)


@given(configs(), steps(), st.sampled_from(tfa_arithmetic.STEP_DTYPES))
def test_tfa_arithmetic_is_within_its_bound(config: Config, step: int, step_dtype: Any) -> None:
    """The distance from the exact rate is at most ``error_bound`` (clause 9.2)."""
    assume(not (config.policy == "exp_range" and (step_dtype == "int64" or config.gamma > 1)))
    schedule = config.build()
    actual = tfa_arithmetic.evaluate(schedule, step, step_dtype=step_dtype)
    bound = tfa_arithmetic.error_bound(schedule, step, step_dtype=step_dtype)
    assume(np.isfinite(bound))
    low, high = next(exact.enclosures(schedule, step))
    near = Fraction(float(actual))
    assert min(abs(near - low), abs(near - high)) <= Fraction(float(bound))
