"""Figures made of times, and what is measured."""

from __future__ import annotations

from typing import Any

import pytest

from clr_ref.bench import contenders, figures


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine is ten times as slow changes the median time, but not the ratio."""
    figure = figures.figure("x", 10, "base", [3.0, 20.0, 4.0], [1.0, 10.0, 4.0], None)
    assert figure.median == 4.0
    assert (figure.low, figure.ratio, figure.high) == (1.5, 2.0, 2.5)  # of 3, 2 and 1; the medians' own ratio would be 1


def test_a_contender_that_is_not_installed_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(size: int) -> Any:
        raise ImportError("no such library")

    monkeypatch.setitem(contenders.CONTENDERS, "lrsched triangular2", absent)
    measured, missing = figures.measure(["lrsched triangular2", "reference range triangular"], [1, 1000], 2)
    assert missing == {"lrsched triangular2": "no such library"}
    assert [(f.contender, f.size) for f in measured] == [
        ("np.full", 1),
        ("np.full", 1000),
        ("reference range triangular", 1000),
    ]
    assert [f.memory is None for f in measured] == [True, False, False]


def test_key_figures_are_contenders_at_measured_sizes() -> None:
    assert {name for name, _ in contenders.KEY_FIGURES} <= set(contenders.CONTENDERS)
    assert {size for _, size in contenders.KEY_FIGURES} <= set(figures.SIZES)
