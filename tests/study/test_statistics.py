"""Intervals of made-up differences, whose mean is known, and what they cost: the seeds that a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the verdict of a study needs SciPy: clr_ref[study]")

from scipy import stats

from clr_ref.study import statistics
from clr_ref.study.statistics import Interval, improvement, mean_interval, median_interval, quantile, seeds_needed

STUDIES = 600
#: Differences with mean 0: of equal arms, of arms whose losses are skewed, and skewed ones, up to a skewness of 2.
WITHOUT_A_DIFFERENCE: dict[str, Callable[[np.random.Generator, Any], Any]] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "of skewed losses": lambda random, shape: random.lognormal(size=shape) - random.lognormal(size=shape),
    "skewed": lambda random, shape: random.exponential(size=shape) - 1,
    "skewed to the left": lambda random, shape: 1 - random.exponential(size=shape),
    "of accuracies": lambda random, shape: (random.binomial(64, 0.85, shape) - random.binomial(64, 0.85, shape)) / 64,
}


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 999)


def claims(differences: Any, error: float = 0.05) -> int:
    found = (mean_interval(row, error) for row in differences)
    return sum(interval is not None and interval.without_zero() for interval in found)


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("n", [3, 5, 8, 20])
@pytest.mark.parametrize("kind", WITHOUT_A_DIFFERENCE)
def test_at_most_one_study_of_twenty_claims_a_difference_that_is_not_there(n: int, kind: str) -> None:
    differences = WITHOUT_A_DIFFERENCE[kind](np.random.default_rng(n), (STUDIES, n))
    # If the probability of a claim is 5 %, as it may be, there are more in one of a thousand runs of this test.
    assert claims(differences) <= stats.binom.ppf(0.999, STUDIES, 0.05)


@pytest.mark.usefixtures("few_resamples")
@pytest.mark.parametrize("error", [0.05, 0.05 / 8])
@pytest.mark.parametrize("effect", [8, 4, 2, 1.2, 0.7])
def test_the_seeds_that_are_said_to_be_needed_find_the_difference(effect: float, error: float) -> None:
    measured = np.array([-1, 1]) / math.sqrt(2) + effect  # a standard deviation of 1
    n = seeds_needed(measured, error)
    assert n is not None
    studies = 200
    found = claims(np.random.default_rng(7).standard_normal((studies, n)) + effect, error)
    # The estimate says 80 %; 5 % of that may be missing, and of 3 and of 6 seeds the power is in steps.
    assert found >= stats.binom.ppf(0.001, studies, 0.75)
    if n > 7:
        assert found <= stats.binom.ppf(0.999, studies, 0.9)


def chance(effect: float, n: int, error: float) -> float:
    """The chance that a t interval of n normal differences with this mean and a deviation of 1 lies above 0.

    It is a mean over the measured deviation. So it uses no noncentral t distribution, as ``seeds_needed`` does.
    """
    reach = stats.t.isf((0.2 if n < 6 else 0.6) * error / 2, n - 1)
    squares = stats.chi2.isf((np.arange(20_000) + 0.5) / 20_000, n - 1) / (n - 1)
    return float(np.mean(stats.norm.cdf(effect * math.sqrt(n) - reach * np.sqrt(squares))))


@pytest.mark.parametrize("error", [0.05, 0.01])
@pytest.mark.parametrize("effect", [9, 5, 3.3, 2, 1.2, 0.7, 0.3])
def test_the_seeds_that_are_needed_are_the_fewest(effect: float, error: float) -> None:
    n = seeds_needed(np.array([-1, 1]) / math.sqrt(2) + effect, error)
    assert n is not None
    n -= n > 6  # the bootstrap costs a seed
    assert chance(effect, n, error) >= 0.8
    assert n == 2 or max(chance(effect, fewer, error) for fewer in range(2, n)) < 0.8


def test_few_seeds_have_a_t_interval_at_a_fifth_of_the_error() -> None:
    found = mean_interval([1.0, 2.0, 3.0])
    assert found is not None
    reach = stats.t.isf(0.005, 2) / math.sqrt(3)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach))


def test_the_interval_is_never_narrower_than_the_t_interval_and_skewed_where_the_differences_are() -> None:
    values = np.random.default_rng(0).exponential(size=12)
    found = mean_interval(values)
    assert found is not None
    reach = stats.t.isf(0.025, 11) * values.std(ddof=1) / math.sqrt(12)
    assert found.low <= values.mean() - reach + 1e-12
    assert found.high - values.mean() > 1.2 * reach


def test_the_bootstrap_is_that_of_students_t_at_six_tenths_of_the_error() -> None:
    """With 6 seeds, all 46,656 resamples can be computed."""
    values = np.array([0.1, 0.3, 0.35, 0.7, 1.1, 3.0])
    resamples = values[np.stack(np.meshgrid(*[np.arange(6)] * 6), -1).reshape(-1, 6)]
    resamples = resamples[np.ptp(resamples, 1) > 0]
    unit = values.std(ddof=1) / math.sqrt(6)
    students = (resamples.mean(1) - values.mean()) / (resamples.std(1, ddof=1) / math.sqrt(6))
    below, above = np.quantile(students, [0.6 * 0.025, 1 - 0.6 * 0.025])
    found = mean_interval(values)
    assert found is not None
    assert found.high == pytest.approx(values.mean() - below * unit, rel=0.08)  # of 9,999 resamples
    assert above < stats.t.isf(0.025, 5)
    assert found.low == pytest.approx(values.mean() - stats.t.isf(0.025, 5) * unit)


def test_the_same_differences_have_the_same_interval() -> None:
    values = np.random.default_rng(1).standard_normal(9)
    assert mean_interval(values) == mean_interval(values.tolist())


def test_mirrored_differences_have_a_mirrored_interval() -> None:
    values = np.random.default_rng(2).exponential(size=30)
    found, mirrored = mean_interval(values), mean_interval(-values)
    assert found is not None
    assert mirrored is not None
    assert (-mirrored.high, -mirrored.low) == pytest.approx((found.low, found.high), rel=0.03)  # other resamples


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([1.0], None),
        ([1.0, 2.0, math.inf], None),
        ([1.0, 2.0, math.nan], None),
        ([0.0, 0.0], Interval(0.0, 0.0)),
        ([0.5] * 5, None),
        ([0.5] * 6, Interval(0.5, 0.5)),
        ([0.1 + 0.2, 0.3, 0.3], None),  # equal but for rounding
    ],
)
def test_an_interval_where_there_is_none_or_one_point(values: list[float], expected: Interval | None) -> None:
    assert mean_interval(values) == expected


def test_the_interval_of_the_median_is_that_of_the_sign_test() -> None:
    assert median_interval([5.0, 1.0, 3.0, 2.0, 4.0]) is None
    assert median_interval([]) is None
    assert median_interval([6.0, 1.0, 3.0, 2.0, 4.0, 5.0]) == Interval(1, 6)
    assert median_interval([6.0, 1.0, 3.0, 2.0, 4.0, 5.0], 0.01) is None
    # Of 9 values, two can lie beyond each end: 2 * P(at most 1 of 9 on one side) = 3.9 %.
    assert median_interval([*range(1, 9), math.inf]) == Interval(2, 8)
    assert median_interval([math.inf] * 6) == Interval(math.inf, math.inf)


def test_the_probability_of_improvement_counts_half_of_the_equal_runs() -> None:
    assert improvement(8, 0, 8)[1].low == pytest.approx(0.025 ** (1 / 8))
    assert improvement(8, 0, 8)[0] == improvement(8, 0, 8)[1].high == 1
    assert improvement(0, 0, 1) == (0, Interval(0, 0.975))
    share, ends = improvement(2, 2, 6)
    assert share == 0.5
    assert ends.low == pytest.approx(stats.binomtest(2, 6).proportion_ci().low)
    assert ends.high == pytest.approx(stats.binomtest(4, 6).proportion_ci().high)


@pytest.mark.parametrize("values", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, math.inf], [1.0, -1.0, 1e-9]])
def test_the_seeds_that_are_needed_cannot_always_be_estimated(values: list[float]) -> None:
    assert seeds_needed(values) is None


def test_a_smaller_difference_needs_more_seeds_and_so_do_more_comparisons() -> None:
    noise = np.random.default_rng(3).standard_normal(10)
    noise -= noise.mean()
    needed = [seeds_needed(noise + shift) or 0 for shift in (2, 1, 0.5, 0.25, 0.125)]
    assert needed == sorted(needed)
    assert 3.5 < needed[-1] / needed[-2] < 4.5  # the square of the ratio of the differences
    assert (seeds_needed(noise + 0.5, 0.05 / 8) or 0) > needed[2]
    assert seeds_needed([0.5, 0.5, 0.5]) == 6


def test_seeds_are_counted_up_to_ten_thousand() -> None:
    pair = np.array([-1, 1]) / math.sqrt(2)  # a standard deviation of 1
    assert 9_900 < (seeds_needed(pair + 0.0302) or 0) <= 10_001  # the bootstrap costs a seed
    assert seeds_needed(pair + 0.03) is None


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
def test_quantiles_are_those_of_numpy_and_may_be_infinite(share: float) -> None:
    values = [3.0, 1.0, 2.0, 7.0, 5.0, 4.5]
    assert quantile(values, share) == pytest.approx(np.quantile(values, share))
    assert quantile([math.inf] * 3, share) == math.inf


def test_quantiles_beside_infinite_values() -> None:
    assert quantile([1.0, math.inf, 3.0], 0.5) == 3
    assert quantile([1.0, math.inf], 0.5) == math.inf
    assert quantile([1.0, -math.inf], 0.5) == -math.inf


@pytest.mark.parametrize(
    ("share", "expected"), [(0, -math.inf), (0.25, -math.inf), (0.5, 0.0), (0.75, math.inf), (1, math.inf)]
)
def test_quantiles_between_two_infinite_values(share: float, expected: float) -> None:
    assert quantile([math.inf, -math.inf], share) == expected
