"""The pictures of a schedule and of a range test: in the caller's axes, in a notebook, and in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.range_test import RangeTest, rates, smoothed, suggest
from tests.schedules import TUTORIAL

pytest.importorskip("matplotlib", reason="pictures need matplotlib: clr_ref[plot]", exc_type=ImportError)
from matplotlib import pyplot

LOSSES = np.array([2.3, 2.0, 1.2, 0.8, 5.0])
RATES = rates(1e-4, 1.0, 5)
TEST = RangeTest(RATES, LOSSES, smoothed(LOSSES), "exponential", 5, 0.9, None, suggest(RATES, LOSSES))


@pytest.fixture(autouse=True)
def _no_figures() -> Any:
    yield
    pyplot.close("all")


def test_the_picture_shows_the_rates_and_is_one_that_a_notebook_shows() -> None:
    axes = clr_ref.plot.schedule(TUTORIAL, 5, 4000)
    (line,) = axes.get_lines()
    assert np.array_equal(line.get_xdata(), np.arange(5, 4000))
    assert np.array_equal(line.get_ydata(), TUTORIAL.values(5, 4000))
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("triangular2, float32", "step", "learning rate")
    assert pyplot.fignum_exists(axes.figure.number)
    assert clr_ref.plot.schedule(TUTORIAL, 0, 10) is not axes


def test_axes_of_the_caller_keep_their_title() -> None:
    axes = pyplot.figure().add_subplot()
    axes.set_title("mine")
    for schedule in (TUTORIAL, clr_ref.triangular(1e-4, 1e-2, 937)):
        assert clr_ref.plot.schedule(schedule, 0, 10_000, ax=axes) is axes
    assert [line.get_label() for line in axes.get_lines()] == ["triangular2, float32", "triangular, float32"]
    assert axes.get_title() == "mine"
    assert TEST.plot(ax=axes) is axes
    assert axes.get_title() == "mine"
    assert len(pyplot.get_fignums()) == 1


def test_long_ranges_are_thinned() -> None:
    (line,) = clr_ref.plot.schedule(TUTORIAL, 2**62, 2**63).get_lines()
    assert len(line.get_xdata()) == 20_000
    assert line.get_xdata()[0] == 2**62


@pytest.mark.parametrize(
    ("start", "stop", "error", "message"),
    [
        (5, 5, ValueError, "stop must be above start, got start=5, stop=5"),
        (-1, 5, ValueError, r"start must be a whole number 0 \.\. 2\*\*63-1, got -1"),
        (0, 2**63 + 1, ValueError, r"stop must be a whole number 0 \.\. 2\*\*63, got "),
        (0.5, 5, ValueError, r"start must be a whole number 0 \.\. 2\*\*63-1, got 0\.5"),
        ("0", 5, TypeError, "start must be a real number, got '0'"),
    ],
)
def test_steps_that_are_no_range(start: Any, stop: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        clr_ref.plot.schedule(TUTORIAL, start, stop)
    assert not pyplot.get_fignums()


def test_rates_too_large_for_an_axis_are_scaled() -> None:
    wide = clr_ref.plot.schedule(clr_ref.triangular(-1.7e308, 1.7e308, 5, dtype="float64"), 0, 10)
    assert wide.get_ylabel() == "learning rate / 1e+200"
    assert wide.get_lines()[0].get_ydata()[5] == pytest.approx(1.7e108)
    overflowing = clr_ref.plot.schedule(clr_ref.exp_range(0, 1, 10, 2.0), 0, 10_000)
    assert overflowing.get_ylabel() == "learning rate"
    assert not np.isfinite(overflowing.get_lines()[0].get_ydata()).all()  # infinite ones are left out


def test_files_are_drawn_by_the_same_code_and_open_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(clr_ref.plot, "schedule", lambda *args, ax: drawn.append(args) or ax)
    clr_ref.plot.rates(TUTORIAL, 0, 10, tmp_path / "rates.png")
    clr_ref.plot.range_test(TEST, tmp_path / "test.png")
    assert drawn == [(TUTORIAL, 0, 10)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.png", "test.png"]
    assert not pyplot.get_fignums()


def test_the_picture_of_a_range_test() -> None:
    axes = TEST.plot()
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels[:2] == ["loss before the update at this rate", "smoothed (0.9 of the past)"]
    assert axes.get_title() == "Learning rate range test: 5 of 5 rates, exponential"
    assert axes.get_xscale() == "log"
    assert np.array_equal(axes.get_lines()[0].get_ydata(), LOSSES)


def test_without_matplotlib_the_error_names_it() -> None:
    code = "import sys; sys.modules['matplotlib'] = None\nimport clr_ref\nclr_ref.plot"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "clr_ref.plot cannot be imported: pictures need matplotlib: install clr-ref[plot]" in run.stderr
