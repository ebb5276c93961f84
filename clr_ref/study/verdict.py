"""What the runs of a study show: each arm compared with the baseline, paired by seed.

Runs of models without accuracies are compared in their validation loss alone.

A run diverged if its last validation loss or accuracy is not finite, or if it has fewer epochs than the longest run of the
study. A diverged run is worse than every other run, and equal to another diverged one: its loss counts as infinite, and its
accuracy as minus infinity.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from clr_ref._inputs import as_real, one_of, shown
from clr_ref.study import statistics
from clr_ref.study.outcome import Outcome
from clr_ref.study.statistics import Interval

Finding = Literal["better", "worse", "not distinguishable"]

#: What is compared, and its value where a run diverged: the worst.
METRICS = {"val_loss": math.inf, "val_accuracy": -math.inf}


@dataclasses.dataclass(frozen=True)
class Run:
    """One run: what it reached in its last epoch, and in which epoch it first reached the target, or None."""

    seed: int
    epochs: int
    diverged: bool
    val_loss: float
    val_accuracy: float | None
    reached: int | None


@dataclasses.dataclass(frozen=True)
class Band:
    """A metric over the epochs: the lower quartile, the median and the upper quartile of the runs of an arm."""

    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Arm:
    """All runs of an arm, in the order of their seeds, and their medians. ``reached`` is infinite if half never got there."""

    name: str
    runs: tuple[Run, ...]
    val_loss: float
    val_accuracy: float | None
    reached: float
    bands: Mapping[str, Band]

    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(run.diverged for run in self.runs)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A metric of an arm less that of the baseline, in the last epoch, paired by seed.

    - ``interval`` decides the finding. It is that of ``decided_by``: of the mean, or of the median if a run diverged. It is
      corrected for the number of comparisons, and None if there are too few seeds for one.
    - ``mean`` is None if a run diverged.
    - ``mean_interval``, ``median_interval`` and ``probability_interval`` hold with 95 % each. They are not corrected, and
      decide nothing.
    - ``probability`` is that of improvement: the share of seeds in which the arm is better. Equal runs count as half.
    - ``seeds_needed`` is a number only where the arms are not distinguishable, and only where it can be estimated.
    """

    metric: str
    values: tuple[float, ...]
    mean: float | None
    median: float
    decided_by: Literal["mean", "median"]
    interval: Interval | None
    mean_interval: Interval | None
    median_interval: Interval | None
    probability: float
    probability_interval: Interval
    finding: Finding
    seeds_needed: int | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An arm and the baseline. Only ``seeds``, which both have, are compared; without any, there are no differences."""

    arm: str
    seeds: tuple[int, ...]
    only_arm: tuple[int, ...]
    only_baseline: tuple[int, ...]
    differences: tuple[Difference, ...]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a study shows. ``target`` is the validation accuracy to reach, or None if the baseline has none.

    The probability that any of the ``claims`` intervals misses its difference is at most ``error``; each may miss with
    ``error / claims`` (Bonferroni).
    """

    baseline: str
    epochs: int
    metrics: tuple[str, ...]
    target: float | None
    error: float
    claims: int
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]

    def arm(self, name: str) -> Arm:
        """Return the arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)


def has_accuracies(outcomes: Sequence[Outcome]) -> bool:
    """Return whether any epoch of the runs has a validation accuracy."""
    return any("val_accuracy" in epoch for one in outcomes for epoch in one.history)


def judge(outcomes: Sequence[Outcome], *, baseline: str | None = None, target: float | None = None) -> Verdict:
    """Return what the runs of a study show.

    Args:
        outcomes: the runs. Arms stay in the order in which they first appear.
        baseline: the arm that all others are compared with. Default: the first.
        target: the validation accuracy of which the report says when it is reached. Default: the baseline's lower quartile.

    Raises:
        TypeError: ``target`` is not a number.
        ValueError: no outcomes, two of one arm and seed, a run without epochs in all of them, an epoch without a loss or
            without the accuracy that others have, a baseline that is no arm, a target outside 0 .. 1 or without accuracies.
    """
    metrics = tuple(METRICS) if has_accuracies(outcomes) else ("val_loss",)
    found = _by_arm(outcomes, metrics)
    epochs = max(len(outcome.history) for outcome in outcomes)
    if epochs == 0:
        raise ValueError("outcomes must have at least one epoch, got only empty histories")
    baseline = next(iter(found)) if baseline is None else one_of("baseline", baseline, tuple(found))
    if target is not None:
        target = float(as_real("target", target))
        if not 0 <= target <= 1:
            raise ValueError(f"target must be an accuracy 0 .. 1, got {shown(target)}")
        if "val_accuracy" not in metrics:
            raise ValueError(f"target must be left out where runs have no val_accuracy, got {shown(target)}")
    elif "val_accuracy" in metrics:
        # Half of the runs do not reach their median, so that it would take them forever.
        low = statistics.quantile([_at(outcome, epochs - 1, "val_accuracy") for outcome in found[baseline].values()], 0.25)
        target = low if math.isfinite(low) else None
    arms = tuple(_arm(name, runs, epochs, metrics, target) for name, runs in found.items())
    others = [arm for arm in arms if arm.name != baseline]
    claims = max(1, len(others) * len(metrics))
    base = next(arm for arm in arms if arm.name == baseline)
    error = statistics.ERROR
    return Verdict(
        baseline,
        epochs,
        metrics,
        target,
        error,
        claims,
        arms,
        tuple(_comparison(arm, base, metrics, error / claims) for arm in others),
    )


def _by_arm(outcomes: Sequence[Outcome], metrics: Sequence[str]) -> dict[str, dict[int, Outcome]]:
    if not outcomes:
        raise ValueError("outcomes must have at least one run, got none")
    found: dict[str, dict[int, Outcome]] = collections.defaultdict(dict)
    for outcome in outcomes:
        if outcome.seed in found[outcome.arm]:
            raise ValueError(
                f"outcomes must have one run of each arm and seed, got two of {outcome.arm!r} with seed {outcome.seed}"
            )
        for number, epoch in enumerate(outcome.history, 1):
            for metric in metrics:
                if metric not in epoch:
                    where = f"epoch {number} of {outcome.arm!r} with seed {outcome.seed}"
                    raise ValueError(f"every epoch must have {metric}, got {where} with {', '.join(epoch) or 'nothing'}")
        found[outcome.arm][outcome.seed] = outcome
    return {name: dict(sorted(runs.items())) for name, runs in found.items()}


def _at(outcome: Outcome, epoch: int, metric: str) -> float:
    """Return a metric after an epoch, counted from 0: the worst value if the run had diverged by then."""
    if epoch >= len(outcome.history):
        return METRICS[metric]
    values = [outcome.history[epoch][name] for name in METRICS if name in outcome.history[epoch]]
    # JSON has no NaN, so that some writers store null for it.
    if any(value is None or not math.isfinite(value) for value in values):
        return METRICS[metric]
    return float(outcome.history[epoch][metric])


def _arm(name: str, outcomes: Mapping[int, Outcome], epochs: int, metrics: Sequence[str], target: float | None) -> Arm:
    runs = tuple(_run(outcome, epochs, metrics, target) for outcome in outcomes.values())
    accuracies = [run.val_accuracy for run in runs if run.val_accuracy is not None]
    bands = {}
    for metric in metrics:
        columns = [[_at(outcome, epoch, metric) for outcome in outcomes.values()] for epoch in range(epochs)]
        bands[metric] = Band(*(tuple(statistics.quantile(column, share) for column in columns) for share in (0.25, 0.5, 0.75)))
    return Arm(
        name,
        runs,
        val_loss=statistics.quantile([run.val_loss for run in runs], 0.5),
        val_accuracy=statistics.quantile(accuracies, 0.5) if accuracies else None,
        reached=statistics.quantile([math.inf if run.reached is None else run.reached for run in runs], 0.5),
        bands=bands,
    )


def _run(outcome: Outcome, epochs: int, metrics: Sequence[str], target: float | None) -> Run:
    loss, *accuracy = (_at(outcome, epochs - 1, metric) for metric in metrics)
    reached = None
    if target is not None:
        accuracies = (_at(outcome, epoch, "val_accuracy") for epoch in range(epochs))
        reached = next((epoch for epoch, value in enumerate(accuracies, 1) if value >= target), None)
    return Run(outcome.seed, len(outcome.history), math.isinf(loss), loss, accuracy[0] if accuracy else None, reached)


def _comparison(arm: Arm, baseline: Arm, metrics: Sequence[str], error: float) -> Comparison:
    runs, others = ({run.seed: run for run in one.runs} for one in (arm, baseline))
    seeds = tuple(seed for seed in runs if seed in others)
    differences = (
        _difference(metric, [(getattr(runs[seed], metric), getattr(others[seed], metric)) for seed in seeds], error)
        for metric in metrics
    )
    return Comparison(
        arm.name,
        seeds,
        tuple(seed for seed in runs if seed not in others),
        tuple(seed for seed in others if seed not in runs),
        tuple(differences) if seeds else (),
    )


def _difference(metric: str, pairs: Sequence[tuple[float, float]], error: float) -> Difference:
    values = [0.0 if value == other else value - other for value, other in pairs]
    finite = all(map(math.isfinite, values))
    interval = (statistics.mean_interval if finite else statistics.median_interval)(values, error)
    towards_worse = math.copysign(1, METRICS[metric])
    finding: Finding = "not distinguishable"
    if interval is not None and interval.without_zero():
        finding = "worse" if interval.low * towards_worse > 0 else "better"
    better = sum(value * towards_worse < 0 for value in values)
    probability, probability_interval = statistics.improvement(better, values.count(0), len(values))
    needed = statistics.seeds_needed(values, error) if finding == "not distinguishable" else None
    return Difference(
        metric=metric,
        values=tuple(values),
        mean=math.fsum(values) / len(values) if finite else None,
        median=statistics.quantile(values, 0.5),
        decided_by="mean" if finite else "median",
        interval=interval,
        mean_interval=statistics.mean_interval(values),
        median_interval=statistics.median_interval(values),
        probability=probability,
        probability_interval=probability_interval,
        finding=finding,
        # What is needed is estimated from the same seeds, which may say that fewer would have been enough.
        seeds_needed=None if needed is None else max(needed, len(values) + 1),
    )
