"""A verdict in sentences and numbers, for all forms of the report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from clr_ref.study.statistics import FEW, MOST_SEEDS, POWER, Interval
from clr_ref.study.verdict import Arm, Comparison, Difference, Verdict

NAMES = {"val_loss": "validation loss", "val_accuracy": "validation accuracy"}


def number(value: float | None) -> str:
    """Return four digits of a number; "-" for None, and "diverged" for what a diverged run has."""
    if value is None:
        return "-"
    return "diverged" if math.isinf(value) else f"{value:.4g}"


def signed(value: float | None) -> str:
    """Return four digits of a difference with its sign."""
    if value is None:
        return "-"
    return f"{value:+.4g}" if value else "0"


def interval(found: Interval | None) -> str:
    """Return both ends of an interval of differences, or "none"."""
    return "none" if found is None else f"{signed(found.low)} to {signed(found.high)}"


def percent(share: float) -> str:
    """Return a share in percent with as many digits as it needs, at most two after the point."""
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"


def each(verdict: Verdict) -> str:
    """Return the level of each of the intervals that decide."""
    return percent(1 - verdict.error / verdict.claims)


def epochs(value: float) -> str:
    """Return a median number of epochs."""
    return "not reached" if math.isinf(value) else f"{value:g}"


def seeds(values: Sequence[int]) -> str:
    """Return seeds with their number, as "4 seeds (0 to 2, 7)"."""
    runs = [list(run) for _, run in itertools.groupby(enumerate(values), lambda place: place[1] - place[0])]
    parts = [" to ".join(dict.fromkeys(f"{run[end][1]}" for end in (0, -1))) for run in runs]
    return f"{of_seeds(len(values))} ({', '.join(parts)})"


def of_seeds(n: int) -> str:
    """Return a number of seeds."""
    return "1 seed" if n == 1 else f"{n:,} seeds"


def findings(verdict: Verdict) -> list[tuple[Difference | None, str]]:
    """Return the findings, those that distinguish two arms first. Without a Difference, nothing could be compared."""
    found: list[tuple[Difference | None, str]] = []
    for one in verdict.comparisons:
        if not one.differences:
            words = f"{one.arm} and {verdict.baseline} have no common seed, so they are not compared."
            found.append((None, words))
        found += [(difference, sentence(one, difference, verdict)) for difference in one.differences]
    if not verdict.comparisons:
        found.append((None, f"{verdict.baseline} is the only arm, so nothing is compared."))
    return sorted(found, key=lambda entry: entry[0] is None or entry[0].finding == "not distinguishable")


def sentence(comparison: Comparison, difference: Difference, verdict: Verdict) -> str:
    """Return the finding about one metric of an arm."""
    arm, n, name = comparison.arm, len(comparison.seeds), NAMES[difference.metric]
    if difference.finding == "not distinguishable":
        head = f"{arm} and {verdict.baseline} are not distinguishable with {of_seeds(n)} in their {name}."
        return f"{head} {_measured(difference)} {_needed(difference, n)}".rstrip()
    order = "lower" if (difference.finding == "better") == (difference.metric == "val_loss") else "higher"
    head = f"{arm} is {difference.finding} than {verdict.baseline} with {of_seeds(n)}: its {name} is {order}."
    return f"{head} {_measured(difference)}"


def remarks(verdict: Verdict) -> list[str]:
    """Return what a reader has to know beside the findings: seeds that are not compared, and runs that diverged."""
    found = []
    for one in verdict.comparisons:
        for name, other, left in (
            (one.arm, verdict.baseline, one.only_arm),
            (verdict.baseline, one.arm, one.only_baseline),
        ):
            if left and one.differences:
                found.append(f"{name} and {other} are compared without {seeds(left)}, which only {name} has.")
    for arm in verdict.arms:
        if arm.diverged():
            diverged = [run.seed for run in arm.runs if run.diverged]
            found.append(f"{arm.name}: {len(diverged)} of {len(arm.runs)} runs diverged: {seeds(diverged)}.")
    return found


def method(verdict: Verdict) -> list[str]:
    """Return how the numbers came about."""
    sizes = sorted({len(one.seeds) for one in verdict.comparisons})
    level = percent(1 - verdict.error)
    together = f"The interval of this report holds with {level}."
    if verdict.claims > 1:
        together = (
            f"All {verdict.claims} intervals of this report together hold with {level}: each holds with {each(verdict)} "
            "(Bonferroni)."
        )
    lines = [
        f"All differences are those of an arm less {verdict.baseline}, in the last epoch ({verdict.epochs}), of runs with the "
        "same seed.",
        f"{together} Two arms are not distinguishable where this interval holds 0.",
    ]
    if any(1 < n < FEW for n in sizes):
        lines.append(f"With fewer than {FEW} seeds it is a t interval, widened for skewed differences.")
    if any(n >= FEW for n in sizes):
        lines.append(
            f"With {FEW} or more seeds it is a t interval, or that of a bootstrap of Student's t (scipy.stats.bootstrap) where "
            "that reaches further."
        )
    lines += [
        "A run diverged if its last validation loss or accuracy is not finite, or if epochs are missing. It is worse than "
        "every run that did not diverge. A mean then does not exist, and the interval of the median decides.",
        f"The intervals of {level} hold with {level} each. They are not corrected, and decide nothing. That of the median lies "
        f"between two of the differences (scipy.stats.quantile_test), and needs {FEW} seeds.",
        "The probability of improvement is the share of seeds in which the arm is better; equal runs count as half.",
    ]
    if verdict.target is not None:
        lines.append(f"The target of the epochs is a validation accuracy of {number(verdict.target)}.")
    return lines


def reached(arm: Arm) -> str:
    """Return in how many runs an arm reached the target."""
    return f"{sum(run.reached is not None for run in arm.runs)} of {len(arm.runs)}"


def _measured(difference: Difference) -> str:
    value = difference.mean if difference.decided_by == "mean" else difference.median
    found = difference.interval
    ends = "for which there is no interval" if found is None else f"with the interval {interval(found)}"
    return f"The {difference.decided_by} difference is {signed(value)}, {ends}."


def _needed(difference: Difference, n: int) -> str:
    if n == 1:
        return "One seed cannot show a difference."
    if set(difference.values) == {0}:
        return "Both are the same with every seed."
    if difference.mean is None:
        return "Runs diverged, so that the number of seeds that would be needed cannot be estimated."
    if difference.seeds_needed is None:
        return f"More than {MOST_SEEDS:,} seeds would be needed to find a difference of this size."
    return (
        f"About {difference.seeds_needed:,} seeds would be needed to find a difference of this size with a chance of "
        f"{percent(POWER)}, if its spread is as measured."
    )


def lines(verdict: Verdict) -> Iterable[str]:
    """Return the findings and remarks as plain lines, for a terminal."""
    return [words for _, words in findings(verdict)] + remarks(verdict)
