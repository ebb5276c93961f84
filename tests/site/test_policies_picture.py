"""The stored picture of the three policies: drawn by its script, of the rates of clr_ref, and legible on any background."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
STORED = (DOCS / "policies.svg").read_text("utf-8")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script() -> Any:
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib", exc_type=ImportError)
    specification = importlib.util.spec_from_file_location("policies", DOCS / "policies.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def curves(picture: str) -> dict[str, list[tuple[float, float]]]:
    """The corners of the line of each policy."""
    groups = {group.get("id"): group for group in ElementTree.fromstring(picture).iter(f"{SVG}g")}
    found = {}
    for name in ("triangular", "triangular2", "exp_range"):
        (path,) = groups[name].iter(f"{SVG}path")
        found[name] = [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path.get("d") or "")]
    return found


def test_the_script_draws_the_stored_curves(script: Any, tmp_path: Path) -> None:
    """Not the whole file, because releases of matplotlib write other comments and names into it."""
    script.draw(tmp_path / "again.svg")
    again = (tmp_path / "again.svg").read_text("utf-8")
    assert curves(again) == curves(STORED)
    assert re.findall("<text .*>(.*)</text>", again) == re.findall("<text .*>(.*)</text>", STORED)


def test_the_curves_are_the_rates(script: Any) -> None:
    for name, corners in curves(STORED).items():
        x, y = np.array(corners).T
        steps = np.round((x - x[0]) / (x[-1] - x[0]) * (script.STEPS - 1)).astype(int)
        rates = script.SCHEDULES[name](steps).astype(float)
        # All panels have the place of triangular: its bounds, 0.001 and 0.006, are its lowest and its highest point.
        low, high = max(y for _, y in curves(STORED)["triangular"]), min(y for _, y in curves(STORED)["triangular"])
        drawn = 0.001 + 0.005 * (low - y) / (low - high)
        # A pixel of the picture is 7e-5 of the rate; matplotlib leaves out corners that move a line by a ninth of it.
        assert np.abs(drawn - rates).max() < 2e-5
        assert len(corners) >= 7


def test_it_is_legible_on_white_and_on_black() -> None:
    """The picture has no background of its own, and each colour in it is that of words or lines."""
    assert "fill: #ffffff" not in STORED
    used = set(re.findall("#[0-9a-f]{6}", STORED))
    assert len(used) == 2
    for colour in used:
        for page in ("#ffffff", "#0d1117"):  # GitHub's, light and dark
            lighter, darker = sorted((luminance(colour), luminance(page)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4  # WCAG 2 demands 3 of lines and large words


def luminance(colour: str) -> float:
    """The relative luminance as WCAG 2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
