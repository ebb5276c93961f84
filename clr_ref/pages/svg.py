"""Plots as SVG inside a page; the style sheet has their colours, so that they suit light, dark and paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from clr_ref.pages.html import Markup, join, tag

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 260, 88, 44, 14, 34

Ticks = Sequence[tuple[float, str]]
#: Points in the order of x; None where there is no number, and the line is broken.
Points = Sequence[tuple[float, "float | None"]]


class Frame:
    """The coordinates of a plot, and the shapes in it."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high

    def x(self, value: float) -> float:
        """Where a value stands from the left."""
        return round(LEFT + (WIDTH - LEFT - RIGHT) * _share(value, self.left, self.right), 1)

    def y(self, value: float) -> float:
        """Where a value stands from the top."""
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _share(value, self.low, self.high), 1)

    def axes(self, xs: Ticks, ys: Ticks) -> Markup:
        """Lines across the plot, with a label at each."""
        parts = []
        for value, words in xs:
            at = self.x(value)
            parts.append(tag("line", "", "grid", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM))
            parts.append(tag("text", words, x=at, y=HEIGHT - BOTTOM + 20, text_anchor="middle"))
        for value, words in ys:
            at = self.y(value)
            parts.append(tag("line", "", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at))
            parts.append(tag("text", words, x=LEFT - 8, y=at + 4, text_anchor="end"))
        return join(parts)

    def path(self, points: Points, kind: str) -> Markup:
        """A line through the points."""
        runs = [list(run) for known, run in itertools.groupby(points, lambda point: point[1] is not None) if known]
        places = [[f"{self.x(x)},{self.y(y)}" for x, y in run if y is not None] for run in runs]
        return join(tag("polyline", "", f"line {kind}", points=" ".join(run)) for run in places)

    def dot(self, x: float, y: float, kind: str = "dot", size: float = 2) -> Markup:
        """A small circle."""
        return tag("circle", "", kind, cx=self.x(x), cy=self.y(y), r=size)

    def upright(self, x: float, words: str, kind: str) -> Markup:
        """A line from top to bottom, with words at its upper end."""
        at = self.x(x)
        near_end = at > (LEFT + WIDTH - RIGHT) / 2
        place = {"x": at - 6 if near_end else at + 6, "y": TOP + 12, "text_anchor": "end" if near_end else "start"}
        return join([tag("line", "", kind, x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM), tag("text", words, **place)])


def plot(parts: Iterable[Markup], caption: str) -> Markup:
    """The plot with its caption; in a narrow window it scrolls in its own box."""
    drawn = tag("svg", join(parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=caption)
    return join([tag("div", drawn, "picture", tabindex=0), tag("p", caption, "quote")])


def _share(value: float, low: float, high: float) -> float:
    # Halves, because the difference of two float64 of opposite signs can be infinite.
    return (value / 2 - low / 2) / (high / 2 - low / 2)
