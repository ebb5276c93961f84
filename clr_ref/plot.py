"""Draws pictures with matplotlib into files, each written whole or not at all. No window opens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from clr_ref import tfa_arithmetic
from clr_ref._files import replacing
from clr_ref.bench.contenders import BASELINE
from clr_ref.compare import policy_name
from clr_ref.exact import ulp
from clr_ref.range_test.curve import judged

if TYPE_CHECKING:
    from clr_ref.bench.report import Report
    from clr_ref.golden.measured import Drift
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
    """One panel for each kind of contender: its times as ratios to np.full, by number of steps, log-log.

    Only contenders that were measured at more than one size are drawn. Of two reports, the first that has a contender is drawn.
    """
    lines: dict[str, dict[int, float]] = {}
    for report in reports:
        new: dict[str, dict[int, float]] = {}
        for found in report.figures:
            new.setdefault(found.contender, {})[found.size] = found.ratio
        lines = new | lines
    drawn = {name: points for name, points in lines.items() if len(points) > 1 and name != BASELINE}
    panels = [(title, kind) for title, prefixes in _PANELS if (kind := _taken(drawn, prefixes))]
    rows = max(1, -(-len(panels) // 2))  # a height of 0 would be an error
    figure = Figure(figsize=(8, 0.4 + 2.6 * rows), dpi=200, layout="constrained")
    figure.supxlabel("steps in one call", fontsize=10)
    figure.supylabel(f"time divided by the time of {BASELINE}", fontsize=10)
    for index, (title, kind) in enumerate(panels):
        _panel(figure.add_subplot(rows, 2, index + 1), title, kind)
    _save(figure, out)


#: The title of each panel, and how the names of its contenders begin. A name without the first of these labels its line.
_PANELS = [
    ("clr_ref, ranges", ("reference range ",)),
    ("clr_ref, arrays", ("reference ",)),
    ("The drop-in for Keras", ("Keras drop-in ",)),
    ("TFA and tfa_arithmetic", ("TFA ", "tfa_")),
    ("CosineDecay of Keras", ("CosineDecay ",)),
    ("Other libraries", ("",)),
]
#: One style for each line of a panel, in shades and dashes that remain apart in grey.
_STYLES = [
    ("#000000", "-", "o"),
    ("#b2182b", "--", "s"),
    ("#2166ac", "-.", "^"),
    ("#777777", ":", "D"),
    ("#4d9221", (0, (5, 1)), "v"),
]


def _taken(lines: dict[str, dict[int, float]], prefixes: tuple[str, ...]) -> dict[str, dict[int, float]]:
    """Take the lines whose names begin with a prefix out of ``lines``, without the first prefix."""
    names = [name for name in lines if name.startswith(prefixes)]
    return {name.removeprefix(prefixes[0]): lines.pop(name) for name in names}


def _panel(axes: Any, title: str, lines: dict[str, dict[int, float]]) -> None:
    """Draw the lines of one panel, each labelled at its right end, and np.full as the line at 1."""
    size = max(size for points in lines.values() for size in points)
    ratios_there = [points[size] for points in lines.values() if size in points]
    low, high = (f"{ratio:,.{0 if ratio > 10 else 1}f}" for ratio in (min(ratios_there), max(ratios_there)))
    span = low if low == high else f"{low} to {high}"
    axes.set_title(f"{title}: {span} at {_power(size)} steps", fontsize=10, loc="left", x=-0.2)
    axes.set(xscale="log", yscale="log", xlim=(0.6, 3e14), ylim=(0.2, 2e4))
    axes.set_xticks([1, 1e3, 1e5, 1e7], [_power(1), _power(1000), _power(10**5), _power(10**7)])
    axes.set_yticks([1, 10, 100, 1000, 10000], ["1", "10", "100", "1,000", "10,000"])
    axes.minorticks_off()
    # The right half of a panel is for the labels; neither grid nor axis crosses it.
    axes.hlines(axes.get_yticks(), 0.6, 1e7, color="#dddddd", linewidth=0.8, zorder=0)
    axes.hlines(1, 0.6, 1e7, color="#777777", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["bottom"].set_bounds(0.6, 1e7)
    ends = {BASELINE: (1e7, 1.0)} | {label: max(points.items()) for label, points in lines.items()}
    places = _apart([np.log10(height) for _, height in ends.values()])
    styles = {BASELINE: ("#777777", "-", "")} | dict(zip(lines, itertools.cycle(_STYLES), strict=False))
    for (label, (last, _)), place in zip(ends.items(), places, strict=True):
        colour, dashes, marker = styles[label]
        if label in lines:
            sizes, ratios = zip(*sorted(lines[label].items()), strict=True)
            axes.plot(sizes, ratios, color=colour, linestyle=dashes, marker=marker, markersize=4, linewidth=1.4)
        axes.text(last * 1.8, 10**place, label, color=colour, fontsize=9, va="center")


def _power(size: int) -> str:
    """A size to read: 10 to a power from 10**5 on."""
    exponent = round(math.log10(size))
    return f"10$^{exponent}$" if size == 10**exponent >= 10**5 else f"{size:,}"


def _apart(heights: Sequence[float], room: float = 0.33) -> list[float]:
    """The heights, in powers of ten, moved up and down until no two are closer than the room that a label takes."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    up, down = list(heights), list(heights)
    for below, above in itertools.pairwise(order):
        up[above] = max(up[above], up[below] + room)
    for above, below in itertools.pairwise(reversed(order)):
        down[below] = min(down[below], down[above] - room)
    # Both have the room between neighbours, and so has their mean, which is nearer to the lines.
    return [(high + low) / 2 for high, low in zip(up, down, strict=True)]


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
