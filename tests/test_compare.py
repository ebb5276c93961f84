"""A verdict holds within its bound and fails beyond it, and a failure names the step and both values."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

import clr_ref
from clr_ref import compare
from clr_ref.exact import ulp

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


def test_the_whole_text_of_a_failure() -> None:
    actual = SCHEDULE(STEPS)
    actual[1] = np.nextafter(actual[1], np.float32(0))
    found = compare.within_ulp(SCHEDULE, STEPS, actual, SCHEDULE(STEPS), 0.125, tier="record", **WORDS).first
    expected, given = SCHEDULE(1), actual[1]
    assert str(found) == (
        "tutorial: triangular2, float32 against the record tier, step 1 (cycle 1, phase 0.000533618 of 2)\n"
        f"  expected {ulp.show(expected)}\n"
        f"  actual   {ulp.show(given)}\n"
        "  -1 ULP, bound 0.125 ULP\n"
        "  repeat with: clr-ref verify --case tutorial"
    )


def test_the_bound_of_a_failure_has_its_error_beside_it() -> None:
    truth = compare.truth(SCHEDULE, [1874])
    actual = truth.rounded + np.float32(2.0**-10)
    first = compare.within_bound(SCHEDULE, [1874], actual, truth, [2.0**-11], **WORDS).first
    assert first is not None
    assert first.bound == "0.000488281 absolute, error 0.000976562"
    assert (first.expected, first.actual) == (ulp.show(truth.rounded[0]), ulp.show(actual[0]))


def test_a_comparison_of_no_steps_has_no_farthest_value() -> None:
    nothing = np.array([], np.float32)
    empty = compare.Truth(nothing, nothing.astype(np.float64), nothing.astype(np.float64))
    assert compare.within_ulp(SCHEDULE, [], nothing, nothing, 0, tier="record", **WORDS) == compare.Comparison(
        0, 0.0, None, None
    )
    assert compare.within_bound(SCHEDULE, [], nothing, empty, [], **WORDS) == compare.Comparison(0, 0.0, 0.0, None)


def test_the_largest_error_of_values_is_that_of_the_farthest_one() -> None:
    """3 ULP near 0 are a smaller error than 1 ULP near 1."""
    expected = np.array([1.0, 2.0**-40], np.float32)
    actual = expected + np.array([2.0**-23, 3 * 2.0**-63], np.float32)
    found = compare.within_ulp(clr_ref.triangular(0, 2, 4), [7, 8], actual, expected, 3, tier="record", **WORDS)
    assert (found.worst_ulp, found.farthest) == (3.0, compare.Farthest("tutorial", 8, 3 * 2.0**-64))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.5, "50 %"),
        (0.12345678, "12.35 %"),
        (0.99994, "99.99 %"),
        (0.9999999, "99.99 %"),
        (1.0, "100 %"),
        (1.0000001, "100.01 %"),
        (1.5, "150 %"),
        (123456.789, "12,345,678.9 %"),
        (np.inf, "inf %"),
    ],
)
def test_shares_of_the_allowed_error(share: float, words: str) -> None:
    assert compare.percent_of_allowed(share) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (-0.25, "-25 %"),
        (1e-9, "0.0000001 %"),
        (9.99e-10, "1e-07 %"),
        (-5e-12, "-5e-10 %"),
        (1e40, f"{10**42:,} %"),
        (np.inf, "inf %"),
        (np.nan, "nan %"),
    ],
)
def test_parts_in_percent(part: float, words: str) -> None:
    assert compare.percent(part) == words


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, (1, 0.0)),
        (1, (1, 0.25)),
        (4, (1, 1.0)),
        (5, (1, 1.5)),
        (6, (2, 0.0)),
        (10, (2, 1.0)),
        (11, (2, 1.5)),
        (12, (3, 0.0)),
    ],
)
def test_the_place_of_a_step_in_a_cycle_of_4_up_and_2_down(step: int, expected: tuple[int, float]) -> None:
    assert compare.place(clr_ref.triangular(0, 1, 4, step_size_down=2), step) == expected


@pytest.mark.parametrize("step", [-1, 1.5])
def test_the_place_of_what_is_no_step(step: float) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^step must be "):
        compare.place(SCHEDULE, step)  # type: ignore[arg-type]


def test_a_verdict_has_the_origin_and_the_values_of_the_first_failure() -> None:
    good = compare.Comparison(1, 0.0, None, None, None, compare.Origin("a", "int64", ()))
    found = compare.within_ulp(SCHEDULE, STEPS, np.roll(SCHEDULE(STEPS), 1), SCHEDULE(STEPS), 0, tier="exact", **WORDS)
    bad = [dataclasses.replace(found, origin=compare.Origin(name, "int64", ("x",))) for name in "bc"]
    verdict = compare.verdict("s", "record", "eager", "0 ULP", [good, *bad], cases=7, note="n")
    assert verdict == compare.Verdict(
        subject="s",
        tier="record",
        mode="eager",
        bound="0 ULP",
        cases=7,
        values=11,
        worst_ulp=found.worst_ulp,
        worst_share=None,
        holds=False,
        first=found.first,
        note="n",
        farthest=found.farthest,
        origin=bad[0].origin,
    )
    held = compare.verdict("s", "record", "eager", "0 ULP", [good], cases=1)
    assert (held.holds, held.first, held.origin) == (True, None, None)
    assert compare.verdict("s", "record", "eager", "0 ULP", [dataclasses.replace(good, values=0)], cases=1).holds is False
    nothing = compare.verdict("s", "record", "eager", "0 ULP", [], cases=0)
    assert (nothing.values, nothing.worst_ulp, nothing.worst_share, nothing.farthest) == (0, 0.0, None, None)
