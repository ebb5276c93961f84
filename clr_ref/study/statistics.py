"""Intervals for differences that are paired by seed. docs/STUDIES.md has the coverage that was measured for each method.

Every function takes one difference for each seed. A diverged run makes an infinite difference.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The share of studies without any difference that may claim one.
ERROR = 0.05
#: The chance with which a difference of the measured size is found with ``seeds_needed`` seeds.
POWER = 0.8
#: With fewer seeds no 95 % interval of a median exists, and one of 20 resamples has no spread.
FEW = 6
RESAMPLES = 9_999
#: More seeds than this are not counted.
MOST_SEEDS = 10_000
#: With few seeds, skewed differences leave a t interval four times as often as its level says; one of a fifth of the error
#: holds them. From FEW seeds on, the t interval is widened by the bootstrap, of which 0.6 of the error suffices.
_FEW_SHARE, _BOOTSTRAP_SHARE = 0.2, 0.6
#: Differences that agree to this share of their size differ by rounding alone.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Interval:
    """Both ends belong to it; they can be infinite."""

    low: float
    high: float

    def without_zero(self) -> bool:
        """Whether 0 is outside."""
        return self.low > 0 or self.high < 0


def mean_interval(differences: Sequence[float], error: float = ERROR) -> Interval | None:
    """Return an interval for the mean, or None if the differences allow none.

    It is a t interval. From FEW seeds on, each end is moved outwards to that of the bootstrap of Student's t, if that is wider.

    Args:
        differences: one for each seed.
        error: the share of such intervals that may miss the mean.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return None
    if _equal(values):
        # So few equal differences can be chance, above all of accuracies, which have few values.
        middle = float(values[0])
        return Interval(middle, middle) if n >= FEW or middle == 0 else None
    from scipy import stats

    few = n < FEW
    mean, unit = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(n)
    reach = float(stats.t.isf((_FEW_SHARE if few else 1) * error / 2, n - 1))
    below, above = (reach, reach) if few else _widened(values, error, reach)
    return Interval(mean - below * unit, mean + above * unit)


def median_interval(differences: Sequence[float], error: float = ERROR) -> Interval | None:
    """Return an interval for the median between two of the differences, or None if there are too few for one.

    It assumes nothing about the differences, and is that of the sign test.
    """
    from scipy import stats

    if not differences:
        return None
    found = stats.quantile_test(np.asarray(differences, np.float64), q=0, p=0.5).confidence_interval(1 - error)
    return None if math.isnan(found.low) else Interval(float(found.low), float(found.high))


def improvement(better: int, equal: int, n: int, error: float = ERROR) -> tuple[float, Interval]:
    """Return the probability that a run is better than the baseline's run of the same seed, and its exact binomial interval.

    Equal runs count as half; for the interval they are all worse at its lower end, and all better at its upper end.
    """
    from scipy import stats

    low = stats.binomtest(better, n).proportion_ci(1 - error, "exact").low
    high = stats.binomtest(better + equal, n).proportion_ci(1 - error, "exact").high
    return (better + equal / 2) / n, Interval(float(low), float(high))


def seeds_needed(differences: Sequence[float], error: float = ERROR) -> int | None:
    """Return with how many seeds ``mean_interval`` would find a difference of this mean and spread, with the chance POWER.

    It is None if it cannot be estimated: one seed, infinite differences, a mean of 0, or more than MOST_SEEDS.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2 or not np.isfinite(values).all() or values.mean() == 0:
        return None
    if _equal(values):
        return FEW
    from scipy import stats

    n = np.arange(2, MOST_SEEDS + 1)
    tail = np.where(n < FEW, _FEW_SHARE, _BOOTSTRAP_SHARE) * error / 2
    effect = abs(values.mean()) / values.std(ddof=1)
    finds = stats.nct.sf(stats.t.isf(tail, n - 1), n - 1, effect * np.sqrt(n)) >= POWER
    if not finds.any():
        return None
    needed = int(n[finds.argmax()])
    # The bootstrap widens the interval of normal differences too, which costs as much as one seed.
    return needed + (needed >= FEW)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile between two values as NumPy does, also where some are infinite; NumPy then returns NaN.

    Between -inf and inf, it is the limit for two numbers that are equally far from 0.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    if below == above:
        return below
    weight = place - math.floor(place)
    if math.isinf(below) and math.isinf(above):
        return 0.0 if weight == 0.5 else math.copysign(math.inf, weight - 0.5)
    return below * (1 - weight) + above * weight


def _equal(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def _widened(values: NDArray[np.float64], error: float, reach: float) -> tuple[float, float]:
    """Return how many standard errors the interval reaches below and above the mean: ``reach``, or further."""
    from scipy import stats

    mean, n = values.mean(), len(values)

    def student(sample: Any, axis: int) -> Any:
        away, spread = sample.mean(axis) - mean, sample.std(axis, ddof=1) / math.sqrt(n)
        alike = np.ptp(sample, axis) == 0  # the computed spread of equal numbers need not be 0
        return np.where(alike, np.copysign(np.inf, away), away / np.where(alike, 1, spread))

    # The same differences have the same interval, in every report.
    with np.errstate(invalid="ignore"):  # SciPy computes a standard error too, which the infinite values make NaN
        found = stats.bootstrap(
            (values,),
            student,
            n_resamples=RESAMPLES,
            batch=max(1, 10**6 // n),  # or the memory would grow with the number of seeds
            method="percentile",
            rng=np.random.default_rng(0),
        )
    ordered = np.sort(found.bootstrap_distribution)
    tail = math.ceil(_BOOTSTRAP_SHARE * error / 2 * len(ordered))
    return max(reach, float(ordered[-tail])), max(reach, -float(ordered[tail - 1]))
