"""Pictures with matplotlib: a schedule for a notebook, and files, each written whole or not at all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    from matplotlib.figure import Figure
except ImportError as _error:
    raise ImportError(f"pictures need matplotlib: install clr-ref[plot] ({_error})") from _error

from clr_ref import _axes, tfa_arithmetic
from clr_ref._files import replacing
from clr_ref.bench.contenders import BASELINE
from clr_ref.compare import policy_name
from clr_ref.exact import ulp
from clr_ref.parameters import MAX_STEP
from clr_ref.range_test import picture
from clr_ref.steps import whole

if TYPE_CHECKING:
    from clr_ref.bench.report import Report
    from clr_ref.compositions.base import Schedule
    from clr_ref.golden.measured import Drift
    from clr_ref.range_test import RangeTest
    from clr_ref.schedule import CyclicalLearningRate

__all__ = ["schedule"]

#: The most points that are drawn; of a longer range every second, third, ... step is.
POINTS = 20_000
#: matplotlib computes with the limits of an axis, and fails near the largest float64.
_LARGEST = 1e250
_COLOURS = {"eager": "tab:blue", "function": "tab:orange", "xla": "tab:green"}


def __dir__() -> list[str]:
    return __all__


def schedule(schedule: Schedule, start: int, stop: int, *, ax: Any = None) -> Any:
    """Draw the rates of the steps ``start <= t < stop``; a notebook shows the picture.

    Args:
        schedule: a schedule in NumPy, or a composition.
        start: the first step.
        stop: the step after the last one; above 20,000 steps every second, third, ... is drawn.
        ax: the matplotlib Axes to draw into. Default: those of a new figure.

    Returns:
        The Axes. The new line is labelled with the policy, for ``ax.legend()``.

    Raises:
        TypeError: start or stop is not a whole number.
        ValueError: not 0 <= start < stop <= 2**63.

    Examples:
        >>> import clr_ref
        >>> axes = clr_ref.plot.schedule(clr_ref.triangular2(1e-4, 1e-2, 1874), 0, 10_000)
        >>> axes = clr_ref.plot.schedule(clr_ref.triangular(1e-4, 1e-2, 937), 0, 10_000, ax=axes)
        >>> [line.get_label() for line in axes.get_lines()]
        ['triangular2, float32', 'triangular, float32']
    """
    steps = _thinned(whole("start", start, MAX_STEP), whole("stop", stop, MAX_STEP + 1))
    rates = np.asarray(schedule(steps), np.float64)
    # The limits of an axis, which lie beyond its values, would overflow.
    unit = 1e200 if np.abs(rates[np.isfinite(rates)]).max(initial=0) > _LARGEST else 1
    axes = _axes.for_display() if ax is None else ax
    if ax is None:
        axes.set_title(policy_name(schedule), fontsize=11)
    _axes.label(axes, "step", "learning rate" if unit == 1 else f"learning rate / {unit:g}")
    axes.plot(steps, _within(rates / unit), linewidth=1, label=policy_name(schedule))
    return axes


def rates(drawn: Schedule, start: int, stop: int, out: Path) -> None:
    """Draw the rates of the steps start <= t < stop."""
    axes = _axes.for_file()
    axes.set_title(policy_name(drawn), fontsize=11)
    _save(schedule(drawn, start, stop, ax=axes).figure, out)


def error(schedule: CyclicalLearningRate, start: int, stop: int, out: Path) -> None:
    """Draw the error of TFA's eager formula and the bound on it, in ULP of the rate.

    Raises:
        ValueError: the scale function is a custom one, for which there is no bound.
    """
    steps = _thinned(start, stop)
    expected = schedule(steps)
    with np.errstate(all="ignore"):  # the ULP of the largest number is infinite, and so are some bounds
        bound = tfa_arithmetic.error_bound(schedule, steps) / ulp.size(expected, schedule.dtype)
        apart = np.abs(ulp.distance(tfa_arithmetic.evaluate(schedule, steps), expected))
    axes = _axes.for_file()
    axes.set_title(f"TFA's formula against the exact value: {policy_name(schedule)}", fontsize=11)
    _axes.label(axes, "step", "ULP")
    axes.plot(steps, _within(bound), linewidth=0.6, color="tab:red", label="bound")
    axes.plot(steps, _within(apart), ".", markersize=2, label="error")
    axes.set_yscale("symlog", linthresh=1)
    axes.legend()
    _save(axes.figure, out)


def drift(drifts: Iterable[Drift], out: Path) -> None:
    """Draw the distance of every recorded rate from the exact rate, over the step, with a panel for each mode."""
    panels = list(drifts)
    figure = Figure(figsize=(12, 4.2), dpi=110, layout="constrained")
    figure.suptitle("TFA's rates against the exact rates (float32, triangular and triangular2)", fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
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
    axes = _axes.for_file()
    axes.set_title(picture.title(result), fontsize=11)
    _save(result.plot(ax=axes).figure, out)


def _within(values: Any) -> Any:
    """Return the values that can be drawn, with NaN, of which nothing is drawn, for the others."""
    return np.where(np.abs(values) <= _LARGEST, values, np.nan)


def _thinned(start: int, stop: int) -> Any:
    if not start < stop:
        raise ValueError(f"stop must be above start, got start={start!r}, stop={stop!r}")
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


def _save(figure: Figure, out: Path) -> None:
    with replacing(out) as beside:
        figure.savefig(beside)
