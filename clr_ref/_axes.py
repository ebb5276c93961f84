"""The matplotlib axes that a picture is drawn into: those of the caller, a new figure of a notebook, or one for a file."""

from __future__ import annotations

from typing import Any


def for_display() -> Any:
    """Return the axes of a new figure of pyplot, which a notebook shows inline."""
    from matplotlib import pyplot

    return pyplot.figure(figsize=(9, 5), layout="constrained").add_subplot()


def for_file() -> Any:
    """Return the axes of a new figure that pyplot does not know: no window opens, and nothing has to be closed."""
    from matplotlib.figure import Figure

    return Figure(figsize=(9, 5), dpi=110, layout="constrained").add_subplot()


def label(axes: Any, xlabel: str, ylabel: str) -> None:
    """Label both axes, and draw a grid."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
