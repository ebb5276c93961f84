"""The picture of a range test, read from the Axes that it is drawn into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import RangeTest, Suggestion, judged, rates, smoothed

pytest.importorskip("matplotlib", reason="needs clr_ref[plot]")


BOUNDS = Suggestion(0.01, 1.0, "why")


def drawn(
    losses: Any, sweep: Any = "exponential", suggestion: Suggestion = BOUNDS, smoothing: float = 0.9
) -> tuple[RangeTest, Any]:
    from matplotlib.figure import Figure

    swept = rates(1e-3, 10, len(losses), sweep)
    test = RangeTest(swept, losses, smoothed(losses, smoothing), sweep, 50, smoothing, None, suggestion)
    axes = Figure().add_subplot()
    assert test.plot(ax=axes) is axes
    return test, axes


def test_the_lines_are_the_three_losses_and_the_bounds() -> None:
    losses = np.array([*np.linspace(2, 1, 40), np.nan])
    test, axes = drawn(losses)
    trend = judged(losses)
    before, mean, after, initial, maximal = axes.get_lines()
    for line, x, y in ((before, test.rates, losses), (mean, test.rates, test.smoothed), (after, test.rates[:39], trend)):
        np.testing.assert_array_equal(line.get_xdata(), x)
        np.testing.assert_array_equal(line.get_ydata(), y)
    assert [line.get_xdata()[0] for line in (initial, maximal)] == [0.01, 1.0]
    assert [(line.get_label(), line.get_linewidth(), line.get_alpha(), line.get_color()) for line in axes.get_lines()] == [
        ("loss before the update at this rate", 0.7, 0.5, "tab:grey"),
        ("smoothed (0.9 of the past)", 1.8, None, "tab:blue"),
        ("after the update, smoothed from both sides", 1.8, None, "tab:orange"),
        ("initial rate 0.01", 1.2, None, "tab:green"),
        ("maximal rate 1", 1.2, None, "tab:red"),
    ]
    assert [text.get_fontsize() for text in axes.get_legend().get_texts()] == [9] * 5
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("learning rate", "loss", "")


@pytest.mark.parametrize(("sweep", "scale"), [("exponential", "log"), ("linear", "linear")])
def test_the_axis_of_the_rates_is_that_of_the_sweep(sweep: str, scale: str) -> None:
    _, axes = drawn(np.linspace(2, 1, 40), sweep, Suggestion(None, 0.5, "why"))
    assert axes.get_xscale() == scale
    assert [line.get_label() for line in axes.get_lines()][3:] == ["maximal rate 0.5"]


@pytest.mark.parametrize(
    ("high", "low", "room"),
    [(4.0, 1.0, 1.5), (-1.0, -4.0, 1.5), (100.0, 99.9, 0.5), (-100.0, -100.1, 0.5), (0.0, 0.0, 5e-13)],
)
def test_the_losses_that_count_fill_half_of_the_height(high: float, low: float, room: float) -> None:
    """If they differ by a hundredth of their level; what comes after them can be a million times the rest."""
    _, axes = drawn(np.array([high] * 10 + [low] * 30 + [1e30]), smoothing=0.0)
    assert axes.get_ylim() == pytest.approx((low - room, high + room), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("losses", [[np.nan, np.nan], [2.0, np.nan], [2.0, 1.0]])
def test_a_curve_of_no_losses_is_drawn(losses: list[float]) -> None:
    _, axes = drawn(np.array(losses))
    assert len(axes.get_lines()) == 5


def test_without_axes_there_is_a_figure_with_a_title() -> None:
    from matplotlib import pyplot

    test, _ = drawn(np.linspace(2, 1, 40), "linear")
    axes = test.plot()
    assert axes.get_title() == "Learning rate range test: 40 of 50 rates, linear"
    assert axes.title.get_fontsize() == 11
    pyplot.close(axes.figure)
