"""The picture of the benchmarks: each contender in one panel, labelled at its line."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from clr_ref.bench.report import Figure, Report

plot = pytest.importorskip("clr_ref.plot", reason="drawing needs matplotlib", exc_type=ImportError)
STORED = Path(__file__).parents[2] / "docs" / "benchmarks.json"


def drawn(monkeypatch: pytest.MonkeyPatch, *reports: Report) -> dict[str, dict[str, Any]]:
    """The panels: the title, and the drawn ratios of each label; None for the label of np.full."""
    figures: list[Any] = []
    monkeypatch.setattr(plot, "_save", lambda figure, out: figures.append(figure))
    plot.benchmarks(reports, Path("unused.png"))
    panels = {}
    for axes in figures[0].axes:
        lines = [dict(zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True)) for line in axes.lines]
        labels = [text.get_text() for text in axes.texts]
        assert labels[0] == "np.full"
        panels[axes.get_title(loc="left")] = dict(zip(labels, [None, *lines], strict=True))
    return panels


def figure(contender: str, size: int, ratio: float) -> Figure:
    return Figure(contender, size, "np.full", 1.0, ratio, ratio, ratio)


def test_every_stored_contender_of_several_sizes_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report.from_json(STORED.read_text("utf-8"))
    ratios: dict[str, dict[int, float]] = {}
    for found in report.figures:
        ratios.setdefault(found.contender, {})[found.size] = found.ratio
    expected = [points for name, points in ratios.items() if len(points) > 1 and name != "np.full"]
    panels = drawn(monkeypatch, report)
    lines = [points for panel in panels.values() for points in panel.values() if points]
    assert sorted(lines, key=repr) == sorted(expected, key=repr)
    assert max(len(panel) for panel in panels.values()) <= 6  # more labels than that overlap
    assert not any("reference" in label for panel in panels.values() for label in panel)


def test_a_title_has_the_least_and_the_largest_ratio_at_the_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = [figure("TFA eager", 1, 900.0), figure("TFA eager", 10**5, 2.04), figure("TFA xla", 1, 5.0)]
    figures += [figure("TFA xla", 10**5, 1234.0), figure("a new library", 1, 3.0), figure("a new library", 1000, 3.0)]
    panels = drawn(monkeypatch, Report({}, tuple(figures), {}))
    assert list(panels) == ["TFA and tfa_arithmetic: 2.0 to 1,234 at 10$^5$ steps", "Other libraries: 3.0 at 1,000 steps"]


def test_the_first_report_that_has_a_contender_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [Report({}, tuple(figure("TFA xla", size, ratio) for size in (1, 1000)), {}) for ratio in (7.0, 8.0)]
    (panel,) = drawn(monkeypatch, *reports).values()
    assert panel["xla"] == {1: 7.0, 1000: 7.0}


def test_a_report_of_single_sizes_is_a_picture_without_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, Report({}, (figure("np.full", 1, 1.0), figure("TFA xla", 1, 1.0)), {})) == {}


@pytest.mark.parametrize("heights", [[0.0], [1.0, 1.0, 1.0], [3.0, 0.0, 0.1, 0.05], [0.0, 5.0]])
def test_labels_keep_their_order_and_their_distance(heights: list[float]) -> None:
    places = plot._apart(heights, room=0.3)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    # The mean of two float64 sums: 1e-9 is far above their rounding and far below what is seen.
    assert all(places[above] - places[below] >= 0.3 - 1e-9 for below, above in itertools.pairwise(order))
    if all(abs(a - b) >= 0.3 for a, b in itertools.combinations(heights, 2)):
        assert places == heights
