"""Draws policies.svg, the picture of the three policies: ``python docs/policies.py`` in a checkout, with clr-ref[plot]."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import clr_ref
from clr_ref._files import replacing

#: Legible on a white and on a black page: the background is transparent, and an image does not know the theme around it.
LINE, WORDS = "#2f7ae5", "#757575"
SCHEDULES = {
    "triangular": clr_ref.triangular(1e-3, 6e-3, 2000),
    "triangular2": clr_ref.triangular2(1e-3, 6e-3, 2000),
    "exp_range": clr_ref.exp_range(1e-3, 6e-3, 2000, gamma=0.9999),
}
STEPS = 12_000


def draw(out: Path) -> None:
    """Draw the rates of three cycles of each policy."""
    figure = Figure(figsize=(7.2, 2.1))
    # Fixed places: a layout that is fitted to the fonts of the machine would give other coordinates on the next one.
    for index, (name, schedule) in enumerate(SCHEDULES.items()):
        axes = figure.add_axes((0.08 + 0.31 * index, 0.25, 0.28, 0.6))
        clr_ref.plot.schedule(schedule, 0, STEPS, ax=axes)
        axes.set_title(name, fontsize=12, color=WORDS)
        axes.set_xlabel("step", fontsize=10, color=WORDS)
        axes.set_ylabel("")
        axes.set(xlim=(0, STEPS), ylim=(0, 6.5e-3))
        axes.set_xticks([0, 4000, 8000], ["0", "4,000", "8,000"])
        axes.set_yticks([1e-3, 6e-3], ["0.001", "0.006"] if index == 0 else ["", ""])
        axes.tick_params(labelsize=10, labelcolor=WORDS, color=WORDS)
        axes.grid(axis="x", visible=False)
        axes.grid(axis="y", color=WORDS, linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(WORDS)
        axes.get_lines()[0].set(color=LINE, linewidth=1.8, gid=name)
    # Text stays text, and neither a date nor a random number changes the file from run to run.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "policies", "path.simplify": True}), replacing(out) as beside:
        figure.savefig(beside, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".svg"))
