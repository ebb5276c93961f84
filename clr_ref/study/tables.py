"""The tables of a study's report, for Markdown and HTML: a title, columns (">" sets one flush right), and rows of texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from clr_ref.study import words
from clr_ref.study.verdict import Difference, Verdict


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a report. ``differences`` has the one that a row is about, where the rows are about differences."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    differences: Sequence[Difference] = ()


def tables(verdict: Verdict) -> list[Table]:
    """Return the tables of a report; empty ones are left out."""
    found = [_differences(verdict), _uncorrected(verdict), _arms(verdict), _runs(verdict)]
    return [table for table in found if table.rows]


def _differences(verdict: Verdict) -> Table:
    # The finding comes second, where a narrow window shows it too.
    columns = ("arm", "finding", "metric", ">seeds", ">mean difference", f"interval ({words.each(verdict)})", ">seeds needed")
    rows, about = [], []
    for one in verdict.comparisons:
        for found in one.differences:
            ends = words.interval(found.interval) + (" (median)" if found.decided_by == "median" else "")
            needed = "-" if found.seeds_needed is None else f"{found.seeds_needed:,}"
            mean = words.signed(found.mean)
            rows.append((one.arm, found.finding, words.NAMES[found.metric], str(len(one.seeds)), mean, ends, needed))
            about.append(found)
    return Table(f"Differences from {verdict.baseline}", columns, rows, about)


def _uncorrected(verdict: Verdict) -> Table:
    each = words.percent(1 - verdict.error)
    columns = (
        "arm",
        "metric",
        "interval of the mean",
        ">median difference",
        "interval of the median",
        ">probability of improvement",
        "interval of the probability",
    )
    rows = []
    for one in verdict.comparisons:
        for found in one.differences:
            mean, median = words.interval(found.mean_interval), words.interval(found.median_interval)
            chance = f"{found.probability_interval.low:.2f} to {found.probability_interval.high:.2f}"
            middle = (mean, words.signed(found.median), median)
            rows.append((one.arm, words.NAMES[found.metric], *middle, f"{found.probability:.2f}", chance))
    return Table(f"Intervals of {each}, not corrected", columns, rows)


def _arms(verdict: Verdict) -> Table:
    columns = (
        "arm",
        ">runs",
        ">diverged",
        ">median validation loss",
        ">median validation accuracy",
        ">reached the target",
        ">median epochs to the target",
    )
    rows = []
    for arm in verdict.arms:
        medians = (words.number(arm.val_loss), words.number(arm.val_accuracy))
        reached = ("-", "-") if verdict.target is None else (words.reached(arm), words.epochs(arm.reached))
        rows.append((arm.name, str(len(arm.runs)), str(arm.diverged()), *medians, *reached))
    return Table("Arms", columns, rows)


def _runs(verdict: Verdict) -> Table:
    columns = ("arm", ">seed", ">epochs", ">validation loss", ">validation accuracy", ">epochs to the target")
    rows = []
    for arm in verdict.arms:
        for run in arm.runs:
            last = (words.number(run.val_loss), words.number(run.val_accuracy))
            reached = "-" if run.reached is None else str(run.reached)
            rows.append((arm.name, str(run.seed), str(run.epochs), *last, reached))
    return Table("Runs", columns, rows)
