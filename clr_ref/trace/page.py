"""The comparison of two traces as a page in HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

import clr_ref
from clr_ref.pages import html, svg
from clr_ref.pages.html import Markup, join, tag
from clr_ref.trace import words
from clr_ref.trace.comparison import Comparison
from clr_ref.trace.growth import Distance


def page(found: Comparison, distances: Sequence[Distance], a: str, b: str) -> str:
    """Return the page.

    Args:
        found: the comparison.
        distances: the distance at each step.
        a: the name of the first trace.
        b: the name of the second.
    """
    about = f"{a} and {b}; a report by clr_ref {clr_ref.__version__}, {html.now()}."
    sentences = [words.headline(found), *found.notes]
    body = [tag("ul", join(tag("li", text) for text in sentences), "findings")]
    if found.first is not None:
        body += [tag("h2", "How the distance grows"), _picture(distances), _steps(distances)]
        listed = [words.difference(one) for one in (found.first, *found.then)]
        body += [tag("h2", f"What differs in step {found.first.step}"), tag("ul", join(tag("li", text) for text in listed))]
        rows = [(one.what, words.shown(one.a), words.shown(one.b)) for one in found.changes]
        body += [tag("h2", "What the two sides were made of"), html.table(("most likely first", a, b), rows)]
    if found.commands:
        body += [tag("h2", "Commands that trace the step in full"), *(tag("pre", command) for command in found.commands)]
    return html.page("Where two trainings part", about, body)


def _picture(distances: Sequence[Distance]) -> Markup:
    """The distances over the steps; on a linear axis, all but the last ones would look like 0."""

    def height(ulp: float | None) -> float | None:
        return math.log2(1 + ulp) if ulp is not None and math.isfinite(ulp) else None

    losses = [(float(one.step), height(one.loss)) for one in distances]
    weights = [(float(one.step), height(one.weights)) for one in distances]
    top = max([1.0, *(y for _, y in losses + weights if y is not None)])
    last = distances[-1].step
    frame = svg.Frame(0, last or 1, 0, top)
    ticks = [(math.log2(1 + ulp), f"{ulp:,}") for ulp in (0, 1, 10, 1000, 10**5, 10**7, 10**9)]
    shapes = [frame.axes([(0, "0"), *([(last, f"{last:,}")] if last else [])], [one for one in ticks if one[0] <= top])]
    shapes += [frame.path(losses, "exact"), frame.path(weights, "own")]
    shapes += [frame.dot(x, y) for x, y in losses + weights if y is not None]
    caption = "Distance in ULP over the step. Solid: the loss; dashed: the farthest updated weight, in the steps that are kept."
    return svg.plot(shapes, caption)


def _steps(distances: Sequence[Distance]) -> Markup:
    def cell(ulp: float | None) -> str:
        return tag("td", "not kept") if ulp is None else html.number(f"{ulp:,.0f}", ulp)

    rows = [
        (html.number(str(one.step)), html.number(str(one.different)), cell(one.loss), cell(one.weights)) for one in distances
    ]
    return html.table(("step", "tensors that differ", "loss, ULP", "weights, ULP"), rows)
