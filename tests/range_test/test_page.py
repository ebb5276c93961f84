"""The page of a range test."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from clr_ref.pages import svg
from clr_ref.range_test import RangeTest, Suggestion, judged, rates, smoothed, suggest
from clr_ref.range_test.page import page


@pytest.mark.parametrize(
    ("change", "level", "shares"),
    [
        (1.0, 0.0, (0.25, 0.75)),
        (1e-3, 0.0, (0.25, 0.75)),
        (1e-30, 0.0, (0.5, 0.5)),
        (0.0, 0.0, (0.5, 0.5)),
        (0.1, 99.9, (0.5 / 1.1, 0.6 / 1.1)),
        (0.1, -100.1, (0.5 / 1.1, 0.6 / 1.1)),
    ],
)
def test_the_curve_fills_half_of_the_height(change: float, level: float, shares: tuple[float, float]) -> None:
    """The highest and the lowest loss that count are labelled; a change that no float32 loss could have is no slope.

    Less than a hundredth of the level fills less.
    """
    losses = np.repeat([change + level, level], 20)
    swept = rates(1e-3, 1, 40)
    drawn = page(RangeTest(swept, losses, losses, "exponential", 40, 0.0, None, suggest(swept, losses)))
    labels = re.findall(r'<text x="[\d.]+" y="([\d.]+)" text-anchor="end">([^<]*)</text>', drawn)
    found = sorted((float(y) - 4 - svg.TOP) / (svg.HEIGHT - svg.TOP - svg.BOTTOM) for y, words in labels if "al " not in words)
    assert found == pytest.approx(shares, abs=0.001)


def drawn(sweep: Any, suggestion: Suggestion, losses: Any) -> str:
    """The page of a sweep from 0.001 to 10 that was stopped."""
    swept = rates(1e-3, 10, len(losses), sweep)
    return page(RangeTest(swept, losses, smoothed(losses, 0.5), sweep, 1050, 0.5, "it was inf", suggestion))


LOSSES = np.linspace(2, 1, 41)


def test_what_is_known_is_told() -> None:
    found = drawn("exponential", Suggestion(None, 1.0, "why"), LOSSES)
    missing = '<li class="fails">No initial learning rate is suggested.</li>'
    assert f'<ul class="findings">{missing}<li class="holds">Maximal learning rate: 1</li></ul>' in found
    assert "<p>The reason: why.</p>\n<p>The sweep was stopped: it was inf.</p>" in found
    known = "Exponential sweep, 41 of 1,050 rates, smoothing 0.5. Each loss is that before the update at the rate beside it."
    assert f"<p>{known}</p>" in found
    found = drawn("linear", Suggestion(0.5, None, "why"), LOSSES)
    missing = '<li class="fails">No maximal learning rate is suggested.</li>'
    assert f'<ul class="findings">{missing}<li class="holds">Initial learning rate: 0.5</li></ul>' in found
    assert "<p>Linear sweep, " in found


def test_every_update_is_a_row() -> None:
    found = drawn("linear", Suggestion(None, None, "why"), np.array([2.0, 0.123456]))
    rows = re.findall(r"<tr>(<td.*?)</tr>", found)
    cells = [re.findall(r'<td class="number">([^<]*)</td>', row) for row in rows]
    assert cells == [["0", "0.001", "2", "2"], ["1", "10", "0.1235", f"{(0.123456 + 0.5 * 2) / 1.5:.4g}"]]


@pytest.mark.parametrize("sweep", ["exponential", "linear"])
def test_the_axis_of_the_rates_is_that_of_the_sweep(sweep: str) -> None:
    found = drawn(sweep, Suggestion(0.1, 1.0, "why"), LOSSES)
    ends = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]*)</text>', found)
    assert ends == [(f"{svg.LEFT:.1f}", "0.001"), (f"{svg.WIDTH - svg.RIGHT:.1f}", "10")]
    shares = {"exponential": (0.5, 0.75), "linear": (0.099 / 9.999, 0.999 / 9.999)}[sweep]
    marks = re.findall(r'<line class="(mark[^"]*)" x1="([\d.]+)".*?>((?:initial|maximal) [\d.]+)<', found)
    assert [(kind, words) for kind, _, words in marks] == [("mark", "initial 0.1"), ("mark bad", "maximal 1")]
    places = [(float(x) - svg.LEFT) / (svg.WIDTH - svg.RIGHT - svg.LEFT) for _, x, _ in marks]
    assert places == pytest.approx(shares, abs=1e-3)


def test_the_lines_are_the_three_losses_as_far_as_they_are_finite() -> None:
    losses = np.array([2.0, 1.0, 100.0, 1.5, np.nan])
    found = drawn("linear", Suggestion(None, None, "why"), losses)
    lines = {kind: points.split() for kind, points in re.findall(r'class="line (\w+)" points="([^"]*)"', found)}
    assert {kind: len(points) for kind, points in lines.items()} == {"faint": 4, "third": 4, "exact": 3}
    trend = judged(losses, 0.5)
    room = (trend.max() - trend.min()) / 2
    frame = svg.Frame(1e-3, 10.0, trend.min() - room, trend.max() + room)
    expected = [
        (frame.x(rate), frame.y(loss)) for rate, loss in zip(rates(1e-3, 10, 5, "linear").tolist(), trend, strict=False)
    ]
    assert lines["exact"] == [f"{x},{y}" for x, y in expected]
    assert lines["faint"][2].endswith(f",{float(svg.TOP)}")  # cut


@pytest.mark.parametrize(("count", "words"), [(2, True), (3, False)])
def test_a_curve_needs_two_losses_that_count(count: int, words: bool) -> None:
    found = drawn("linear", Suggestion(None, None, "why"), np.linspace(2, 1, count))
    assert ("There are too few finite losses for a curve." in found) is words
    assert ("<svg" in found) is not words
