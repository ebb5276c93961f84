"""Draws pictures with matplotlib into files, each written whole or not at all. No window opens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from clr_ref import tfa_arithmetic
from clr_ref._files import replacing
from clr_ref.compare import policy_name
from clr_ref.exact import ulp
from clr_ref.range_test.curve import judged

if TYPE_CHECKING:
    from clr_ref.bench.report import Report
    from clr_ref.golden.report import Drift
    from clr_ref.range_test import RangeTest
    from clr_ref.schedule import CyclicalLearningRate

#: The most points that are drawn; of a longer range every second, third, ... step is.
POINTS = 20_000
_COLOURS = {"eager": "tab:blue", "function": "tab:orange", "xla": "tab:green"}


def rates(schedule: CyclicalLearningRate, start: int, stop: int, out: Path) -> None:
    """Draw the rates of the steps start <= t < stop."""
    steps = _thinned(start, stop)
    figure, axes = _figure(policy_name(schedule), "learning rate")
    axes.plot(steps, schedule(steps), linewidth=1)
    _save(figure, out)


def error(schedule: CyclicalLearningRate, start: int, stop: int, out: Path) -> None:
    """Draw the error of TFA's eager formula and the bound on it, in ULP of the rate.

    Raises:
        ValueError: the scale function is a custom one, for which there is no bound.
    """
    steps = _thinned(start, stop)
    expected = schedule(steps)
    unit = ulp.size(expected, schedule.dtype)
    figure, axes = _figure(f"TFA's formula against the exact value: {policy_name(schedule)}", "ULP")
    axes.plot(steps, tfa_arithmetic.error_bound(schedule, steps) / unit, linewidth=0.6, color="tab:red", label="bound")
    apart = np.abs(ulp.distance(tfa_arithmetic.evaluate(schedule, steps), expected))
    axes.plot(steps, apart, ".", markersize=2, label="error")
    axes.set_yscale("symlog", linthresh=1)
    axes.legend()
    _save(figure, out)


def drift(drifts: Iterable[Drift], out: Path) -> None:
    """Draw the distance of every recorded rate from the exact rate, over the step, with a panel for each mode."""
    panels = list(drifts)
    figure = Figure(figsize=(12, 4.2), dpi=110, layout="constrained")
    figure.suptitle("TFA's rates against the exact rates (float32, triangular and triangular2)", fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True), panels, strict=True):
        off = (panel.ulps > 0) & (panel.steps > 0)
        axes.plot(panel.steps[off], panel.ulps[off], ".", markersize=3, alpha=0.4, color=_COLOURS[panel.mode])
        correct = 1 - np.mean(panel.ulps > 0)
        axes.set_title(f"{panel.mode}: {correct:.0%} of {len(panel.steps):,} rates are correct", fontsize=10)
        axes.axvline(2**24, color="grey", linewidth=0.8, linestyle="--")
        axes.annotate("2$^{24}$", (2**24, 1.2), xytext=(4, 0), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("distance in ULP")
    _save(figure, out)


def range_test(result: RangeTest, out: Path) -> None:
    """Draw the loss before each update over the rate of that update, and the suggested bounds."""
    figure, axes = _figure(f"Learning rate range test: {len(result.rates)} of {result.steps} rates, {result.sweep}", "loss")
    axes.plot(
        result.rates, result.losses, linewidth=0.7, alpha=0.5, color="tab:grey", label="loss before the update at this rate"
    )
    axes.plot(
        result.rates, result.smoothed, linewidth=1.8, color="tab:blue", label=f"smoothed ({result.smoothing:g} of the past)"
    )
    trend = judged(result.losses, result.smoothing)
    axes.plot(
        result.rates[: len(trend)], trend, linewidth=1.8, color="tab:orange", label="after the update, smoothed from both sides"
    )
    bounds = {"initial": result.suggestion.initial_learning_rate, "maximal": result.suggestion.maximal_learning_rate}
    for (name, rate), colour in zip(bounds.items(), ("tab:green", "tab:red"), strict=True):
        if rate is not None:
            axes.axvline(rate, color=colour, linestyle="--", linewidth=1.2, label=f"{name} rate {rate:.3g}")
    if result.sweep == "exponential":
        axes.set_xscale("log")
    # A divergence can be a million times the rest, so the axis is cut to the losses before it.
    if len(trend):
        low, high = float(trend.min()), float(trend.max())
        room = max(high - low, abs(high) * 0.01, 1e-12)
        axes.set_ylim(low - 0.5 * room, high + 0.5 * room)
    axes.set_xlabel("learning rate")
    axes.legend(fontsize=9)
    _save(figure, out)


def _thinned(start: int, stop: int) -> Any:
    stride = max(1, -(-(stop - start) // POINTS))
    return np.array(range(start, stop, stride), np.int64)


def benchmarks(reports: Iterable[Report], out: Path) -> None:
    """Time by number of steps, log-log, for what is measured at more than one size; the first report that has one is drawn."""
    lines: dict[str, dict[int, float]] = {}
    for report in reports:
        new: dict[str, dict[int, float]] = {}
        for found in report.figures:
            new.setdefault(found.contender, {})[found.size] = found.median
        lines = new | lines
    figure = Figure(figsize=(10, 6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(lines.items()):
        if len(points) > 1:
            style = "k--" if name == "np.full" else ("o-", "s-", "^-", "v-", "x:")[index // 10 % 5]
            axes.loglog(list(points), list(points.values()), style, markersize=4, linewidth=1, label=name)
    axes.set(title="Time to evaluate so many steps", xlabel="steps", ylabel="seconds")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    _save(figure, out)


def _figure(title: str, ylabel: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9, 5), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("step")
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


def _save(figure: Figure, out: Path) -> None:
    with replacing(out) as beside:
        figure.savefig(beside)
