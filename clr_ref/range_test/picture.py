"""The picture of a range test: the loss over the rate, and the suggested bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clr_ref import _axes
from clr_ref.range_test.curve import judged, limits

if TYPE_CHECKING:
    from clr_ref.range_test.result import RangeTest


def title(result: RangeTest) -> str:
    """Return how many rates were tried, and how they were spaced."""
    return f"Learning rate range test: {len(result.rates)} of {result.steps} rates, {result.sweep}"


def draw(result: RangeTest, axes: Any) -> None:
    """Draw the loss before each update over the rate of that update, and the suggested bounds."""
    _axes.label(axes, "learning rate", "loss")
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
    axes.set_xscale({"exponential": "log", "linear": "linear"}[result.sweep])
    # A divergence can be a million times the rest, so the axis is cut to the losses before it.
    if len(trend):
        axes.set_ylim(limits(trend))
    axes.legend(fontsize=9)
