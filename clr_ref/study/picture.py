"""The picture of a study: the validation loss and accuracy of every arm over the epochs. Needs matplotlib."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clr_ref import _axes
from clr_ref._files import replacing
from clr_ref.study.verdict import Arm, Band, Verdict
from clr_ref.study.words import NAMES

CAPTION = "Medians over the seeds; the bands are the middle half of the runs"
#: A longer name is cut in the legend.
_LONGEST = 40
#: Colours that remain apart for the colour-blind (Okabe and Ito), each with a dash and a marker, so that grey is enough.
_STYLES: list[tuple[str, Any, str]] = [
    ("#000000", "-", "o"),
    ("#0072b2", "--", "s"),
    ("#d55e00", "-.", "^"),
    ("#009e73", ":", "D"),
    ("#cc79a7", (0, (5, 1)), "v"),
    ("#e69f00", (0, (3, 1, 1, 1)), "P"),
    ("#56b4e9", (0, (1, 1)), "X"),
]


def draw(verdict: Verdict, axes: Sequence[Any]) -> None:
    """Draw the curves of each metric into its own axes."""
    for metric, panel in zip(verdict.metrics, axes, strict=True):
        _axes.label(panel, "epoch", NAMES[metric])
        for arm, style in zip(verdict.arms, itertools.cycle(_STYLES), strict=False):
            _curve(panel, arm, arm.bands[metric], style)
        room = max(0.5, 0.03 * verdict.epochs)  # one epoch alone would have ticks at fractions of it
        panel.set_xlim(1 - room, verdict.epochs + room)
        panel.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if verdict.target is not None:
        axes[1].axhline(verdict.target, color="#777777", linewidth=0.8)
        place = {"xytext": (4, 3), "textcoords": "offset points", "fontsize": 8}
        axes[1].annotate("target", (1, verdict.target), **place)


def save(verdict: Verdict, out: Path) -> None:
    """Draw a panel for each metric into a PNG file, which is written whole or not at all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), dpi=110, layout="constrained")
    figure.suptitle(CAPTION, fontsize=10)
    panels = figure.subplots(1, len(verdict.metrics), squeeze=False)[0]
    draw(verdict, panels)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=9)
    with replacing(out) as beside:
        figure.savefig(beside, format="png")


def _curve(axes: Any, arm: Arm, band: Band, style: tuple[str, Any, str]) -> None:
    colour, dashes, marker = style
    epochs = range(1, len(band.median) + 1)
    # Of a curve that diverged nothing is drawn: matplotlib would stretch the axis for it.
    parts = (band.low, band.median, band.high)
    low, median, high = ([value if math.isfinite(value) else math.nan for value in part] for part in parts)
    axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
    # In a legend, a name that begins with "_" is left out, "$" begins a formula, and a long name leaves no room.
    name = " ".join(arm.name.split())
    name = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
    label = name.replace("$", r"\$")
    every = max(1, len(epochs) // 15)
    axes.plot(
        epochs,
        median,
        color=colour,
        linestyle=dashes,
        marker=marker,
        markersize=4,
        markevery=every,
        linewidth=1.4,
        label=f" {label}" if label.startswith("_") else label,
    )
