"""Draws the pictures of the tutorial with matplotlib into PNG files, each written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from clr_ref._files import replacing
from clr_ref.training.tutorial.runs import Result


def schedule(result: Result, out: Path) -> None:
    """Draw the cyclical rate over the epochs of the run, and over a hundred, where its cycles have all but vanished."""
    figure = Figure(figsize=(9, 3.2), dpi=100, layout="constrained")
    per_epoch, epochs = result.clr.steps_per_epoch, result.setting.epochs
    this = "the epoch of this run" if epochs == 1 else f"the {epochs} epochs of this run"
    for axes, shown, title in zip(
        figure.subplots(1, 2), (epochs, 100), (this, "the same schedule over 100 epochs"), strict=True
    ):
        stride = max(1, shown * per_epoch // 20_000)
        steps = np.arange(0, shown * per_epoch, stride)
        axes.plot(steps, result.setting.schedule(steps), linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("learning rate")
    with replacing(out) as beside:
        figure.savefig(beside)


def curves(result: Result, out: Path) -> None:
    """Draw loss and accuracy over epochs, without CLR on the left and with it on the right, on common scales."""
    figure = Figure(figsize=(9, 5.6), dpi=100, layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (title, report) in enumerate((("without CLR", result.plain), ("with CLR", result.clr))):
        epochs = [epoch["epoch"] for epoch in report.history]
        for row, quantity in enumerate(("loss", "accuracy")):
            axes = panels[row, column]
            for key, label in ((quantity, "training"), (f"val_{quantity}", "validation")):
                axes.plot(epochs, [epoch[key] for epoch in report.history], marker=".", label=label)
            axes.grid(alpha=0.3)
            axes.legend(fontsize=8)
            axes.xaxis.get_major_locator().set_params(integer=True)
        panels[0, column].set_title(title, fontsize=10)
        panels[1, column].set_xlabel("epoch")
    panels[0, 0].set_ylabel("loss")
    panels[1, 0].set_ylabel("accuracy")
    with replacing(out) as beside:
        figure.savefig(beside)
