"""The page of a range test."""

from __future__ import annotations

import re

import numpy as np
import pytest

from clr_ref.pages import svg
from clr_ref.range_test import RangeTest, rates, smoothed, suggest
from clr_ref.range_test.page import page


@pytest.mark.parametrize(
    ("change", "shares"),
    [(1.0, (0.25, 0.75)), (1e-3, (0.25, 0.75)), (1e-30, (0.5, 0.5)), (0.0, (0.5, 0.5))],
)
def test_the_curve_fills_half_of_the_height(change: float, shares: tuple[float, float]) -> None:
    """The highest and the lowest loss that count are labelled; a change that no float32 loss could have is no slope."""
    losses = np.repeat([change, 0.0], 20)
    swept = rates(1e-3, 1, 40)
    drawn = page(RangeTest(swept, losses, smoothed(losses), "exponential", 40, 0.9, None, suggest(swept, losses)))
    labels = re.findall(r'<text x="[\d.]+" y="([\d.]+)" text-anchor="end">([^<]*)</text>', drawn)
    found = sorted((float(y) - 4 - svg.TOP) / (svg.HEIGHT - svg.TOP - svg.BOTTOM) for y, words in labels if "al " not in words)
    assert found == pytest.approx(shares, abs=0.001)
