"""A verdict holds within its bound and fails beyond it, and a failure names the step and both values."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

import clr_ref
from clr_ref import compare

SCHEDULE = clr_ref.triangular2(1e-4, 1e-2, 1874)
STEPS = np.array([0, 1, 1874, 3748, 5000])
WORDS = {"case": "tutorial", "repeat": "clr-ref verify --case tutorial"}


def test_within_ulp_holds_and_fails_at_the_bound() -> None:
    expected = SCHEDULE(STEPS)
    actual = expected.copy()
    actual[4] = np.nextafter(np.nextafter(actual[4], np.float32(1)), np.float32(1))
    held = compare.within_ulp(SCHEDULE, STEPS, actual, expected, 2, tier="record", **WORDS)
    assert (held.first, held.values, held.worst_ulp) == (None, 5, 2.0)
    failed = compare.within_ulp(SCHEDULE, STEPS, actual, expected, np.array([2, 2, 2, 2, 1]), tier="record", **WORDS)
    assert failed.first is not None
    assert failed.first.step == 5000
    assert failed.first.ulp == 2


def test_a_number_of_ulp_is_allowed_and_no_fraction_less() -> None:
    expected = SCHEDULE(STEPS)
    actual = expected.copy()
    actual[1] -= 7 * np.spacing(expected[1])
    for allowed, held in ((7, True), (np.nextafter(7, 0), False)):
        found = compare.within_ulp(SCHEDULE, STEPS, actual, expected, allowed, tier="record", **WORDS)
        assert (found.first is None) is held
        assert found.worst_ulp == 7
        assert found.farthest == compare.Farthest("tutorial", 1, float(7 * np.spacing(expected[1])) / float(np.float32(1e-2)))


@pytest.mark.parametrize("sign", [1, -1])
def test_an_error_may_be_as_large_as_the_bound_and_no_larger(sign: int) -> None:
    truth = compare.truth(SCHEDULE, STEPS)
    actual = SCHEDULE(STEPS) + np.float32(sign * 2.0**-20)
    errors = np.abs((actual.astype(np.float64) - truth.high) - truth.low)
    held = compare.within_bound(SCHEDULE, STEPS, actual, truth, errors, **WORDS)
    assert (held.first, held.worst_share) == (None, 1.0)
    assert held.worst_ulp == 2.0**-20 / np.spacing(np.float32(1e-4))
    for index in range(len(STEPS)):
        bound = errors.copy()
        bound[index] = np.nextafter(bound[index], 0)
        failed = compare.within_bound(SCHEDULE, STEPS, actual, truth, bound, **WORDS)
        assert failed.first is not None
        assert failed.first.step == STEPS[index]
        assert failed.worst_share == pytest.approx(1, abs=1e-15)


def test_nan_never_holds() -> None:
    expected = SCHEDULE(STEPS)
    actual = expected.copy()
    actual[2] = np.nan
    assert compare.within_ulp(SCHEDULE, STEPS, actual, expected, 10**9, tier="record", **WORDS).first is not None
    truth = compare.truth(SCHEDULE, STEPS)
    assert compare.within_bound(SCHEDULE, STEPS, actual, truth, np.ones(5), **WORDS).first is not None


def test_within_bound_measures_the_share() -> None:
    truth = compare.truth(SCHEDULE, STEPS)
    actual = SCHEDULE(STEPS)
    errors = np.abs((actual.astype(np.float64) - truth.high) - truth.low)
    held = compare.within_bound(SCHEDULE, STEPS, actual, truth, 4 * errors + 1e-300, **WORDS)
    assert held.first is None
    assert held.worst_share == pytest.approx(0.25, rel=1e-6)
    failed = compare.within_bound(SCHEDULE, STEPS, actual, truth, 0.9 * errors, **WORDS)
    assert failed.first is not None
    assert failed.first.tier == "exact"
    infinite = compare.within_bound(SCHEDULE, STEPS, np.full(5, np.nan, np.float32), truth, np.full(5, np.inf), **WORDS)
    assert (infinite.first, infinite.worst_share) == (None, 0.0)  # an infinite bound says nothing about the share


def test_truth_is_exact_to_105_bits() -> None:
    truth = compare.truth(clr_ref.triangular(0, 1, 3, dtype="float64"), [1])
    third = Fraction(1, 3)
    assert abs(Fraction(truth.high[0]) + Fraction(truth.low[0]) - third) < third / 2**104


def test_truth_of_an_irrational_rate_is_exact_to_105_bits() -> None:
    schedule = clr_ref.exp_range(0, 1, 1, gamma=0.9, dtype="float64")
    truth = compare.truth(schedule, [1_001])
    power = Fraction(0.9) ** 1_001
    assert 0 < abs(Fraction(truth.high[0]) + Fraction(truth.low[0]) - power) < power / 2**105


def test_relative_errors_are_of_the_larger_bound() -> None:
    for low, high in ((-0.5, 0.25), (0.25, -0.5), (0.0, 0.5), (0.5, 0.0)):
        assert compare.relative(clr_ref.triangular(low, high, 4), 0.125) == 0.25
    assert compare.relative(clr_ref.triangular(0, 0, 4), 0.0) == 0
    assert compare.relative(clr_ref.triangular(0, 0, 4), 1e-300) == np.inf


def test_a_verdict_has_the_worst_of_its_comparisons() -> None:
    first, second = (
        compare.Comparison(values, ulps, share, None, compare.Farthest("x", values, 0.0))
        for values, ulps, share in ((1, 3.0, 0.25), (2, 2.0, 0.5))
    )
    found = compare.verdict("TFA", "exact", "eager", "error_bound", [first, second], cases=1)
    assert (found.values, found.worst_ulp, found.worst_share, found.farthest) == (3, 3.0, 0.5, first.farthest)


def test_a_failure_says_everything() -> None:
    expected = SCHEDULE(STEPS)
    actual = expected.copy()
    actual[3] = np.float32(0.001)
    found = compare.within_ulp(SCHEDULE, STEPS, actual, expected, 0, tier="reference", **WORDS).first
    text = str(found)
    for part in (
        "tutorial: triangular2, float32 against the reference tier, step 3748 (cycle 2, phase 0 of 2)",
        "expected 0.0001 (0x1.a36e2ep-14)",
        "actual   0.001 (0x1.0624dep-10)",
        " ULP, bound 0 ULP",
        "repeat with: clr-ref verify --case tutorial",
    ):
        assert part in text
    assert found is not None
    assert found.ulp > 0
    actual[3] = 0
    lower = compare.within_ulp(SCHEDULE, STEPS, actual, expected, 0, tier="reference", **WORDS).first
    assert lower is not None
    assert lower.ulp < 0


def test_verdicts_fold() -> None:
    expected = SCHEDULE(STEPS)
    good = compare.within_ulp(SCHEDULE, STEPS, expected, expected, 0, tier="exact", **WORDS)
    bad = compare.within_ulp(SCHEDULE, STEPS, np.roll(expected, 1), expected, 0, tier="exact", **WORDS)
    holds = compare.verdict("reference", "exact", "-", "0 ULP", [good, good], cases=2)
    assert holds.holds
    assert (holds.values, holds.worst_ulp, holds.worst_share, holds.first) == (10, 0.0, None, None)
    fails = compare.verdict("reference", "exact", "-", "0 ULP", [good, bad], cases=2)
    assert not fails.holds
    assert fails.first == bad.first
    assert fails.worst_ulp == bad.worst_ulp > 0
    nothing = compare.verdict("reference", "exact", "-", "0 ULP", [], cases=0)
    assert not nothing.holds  # a comparison of no values proves nothing
    with pytest.raises(dataclasses.FrozenInstanceError):
        holds.holds = False  # type: ignore[misc]


def test_policy_names() -> None:
    assert compare.policy_name(clr_ref.exp_range(0, 1, 2, gamma=0.9)) == "exp_range(gamma=0.9), float32"
    assert (
        compare.policy_name(clr_ref.CyclicalLearningRate(0, 1, 2, lambda x: x, dtype="float64")) == "custom scale_fn, float64"
    )
