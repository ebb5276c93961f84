"""A range test as an HTML page: the suggestion, its reason, and the curve."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

import clr_ref
from clr_ref.exact import ulp
from clr_ref.pages import html, svg
from clr_ref.pages.html import join, number, tag
from clr_ref.range_test.curve import judged, limits

if TYPE_CHECKING:
    from clr_ref.range_test.result import RangeTest


def page(result: RangeTest) -> str:
    """Return the page of a range test."""
    about = f"A range test by clr_ref {clr_ref.__version__}, {html.now()}."
    suggestion = result.suggestion
    bounds = {"initial": suggestion.initial_learning_rate, "maximal": suggestion.maximal_learning_rate}
    lines = [
        tag("li", f"No {name} learning rate is suggested.", "fails")
        if rate is None
        else tag("li", f"{name.capitalize()} learning rate: {rate:.3g}", "holds")
        for name, rate in sorted(bounds.items(), key=lambda bound: bound[1] is not None)
    ]
    told = [tag("p", f"The reason: {suggestion.reason}.")]
    if result.stopped is not None:
        told.append(tag("p", f"The sweep was stopped: {result.stopped}."))
    known = [
        f"{result.sweep.capitalize()} sweep",
        f"{len(result.rates):,} of {result.steps:,} rates",
        f"smoothing {result.smoothing:g}",
    ]
    rows = [
        (number(str(step)), number(ulp.shortest(rate)), number(f"{loss:.4g}"), number(f"{smooth:.4g}"))
        for step, (rate, loss, smooth) in enumerate(zip(result.rates, result.losses, result.smoothed, strict=True))
    ]
    body = [
        tag("ul", join(lines), "findings"),
        *told,
        _curve(result),
        tag("p", f"{', '.join(known)}. Each loss is that before the update at the rate beside it."),
        tag("h2", "Every update"),
        html.table(("update", "learning rate", "loss", "smoothed loss"), rows),
    ]
    return html.page("Learning rate range test", about, body)


def _curve(result: RangeTest) -> html.Markup:
    """The losses over the rate; the axis is cut as in the picture, because a divergence can be a million times the rest."""
    across = {"exponential": math.log10, "linear": float}[result.sweep]
    places = [across(float(rate)) for rate in result.rates]
    trend = judged(result.losses, result.smoothing)
    if len(trend) < 2:
        return tag("p", "There are too few finite losses for a curve.")
    low, high = float(trend.min()), float(trend.max())
    frame = svg.Frame(places[0], places[-1], *limits(trend))
    ends = [(places[0], f"{result.rates[0]:.3g}"), (places[-1], f"{result.rates[-1]:.3g}")]
    shapes = [frame.axes(ends, [(low, f"{low:.4g}"), (high, f"{high:.4g}")])]
    for values, kind in ((result.losses, "faint"), (result.smoothed, "third"), (trend, "exact")):
        shapes.append(frame.path(list(zip(places, _cut(values, frame), strict=False)), kind))
    bounds = (
        ("initial", result.suggestion.initial_learning_rate, "mark"),
        ("maximal", result.suggestion.maximal_learning_rate, "mark bad"),
    )
    shapes += [frame.upright(across(rate), f"{name} {rate:.3g}", kind) for name, rate, kind in bounds if rate is not None]
    caption = "Thin: the loss before each update; yellow: smoothed; blue: after the update, smoothed from both sides."
    return svg.plot(shapes, caption)


def _cut(values: Iterable[float], frame: svg.Frame) -> list[float | None]:
    return [float(np.clip(value, frame.low, frame.high)) if math.isfinite(value) else None for value in values]
