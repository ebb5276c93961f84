"""How the distance of two traces grows, and the page that shows it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clr_ref.pages import svg
from clr_ref.trace.growth import Distance, growth
from tests.cli.calls import call
from tests.trace.test_compare import Changed, ulp_up, write


def up(count: int) -> Any:
    def change(array: NDArray[Any]) -> Any:
        return array if not count else up(count - 1)(ulp_up(np.atleast_1d(array)).reshape(array.shape))

    return change


def loss_up(array: NDArray[Any]) -> Any:
    return np.nextafter(array, np.float32(np.inf))


CHANGED: Changed = {
    (1, "gradient", "top/kernel"): ulp_up,
    (1, "update", "top/kernel"): ulp_up,
    (2, "loss", "loss"): loss_up,
    (2, "update", "conv/kernel"): up(5),
    (2, "update", "top/kernel"): up(3),
    (3, "update", "top/kernel"): lambda array: array * np.float32(np.nan),
    (5, "update", "top/kernel"): ulp_up,
}


def test_the_distance_at_each_step(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", keep=range(5)), write(tmp_path / "b", CHANGED, keep=range(5))
    assert growth(a, b) == (
        Distance(0, 0, 0.0, 0.0),
        Distance(1, 2, 0.0, 1.0),
        Distance(2, 3, 1.0, 5.0),
        Distance(3, 1, 0.0, math.inf),
        Distance(4, 0, 0.0, 0.0),
        Distance(5, 1, 0.0, None),
    )
    coarse = write(tmp_path / "c", level="weights", steps=2)
    assert growth(coarse, b) == (Distance(0, 0, 0.0, 0.0), Distance(1, 1, 0.0, 1.0))


def test_the_page_shows_it(tmp_path: Path) -> None:
    out = tmp_path / "x.html"
    a, b = str(write(tmp_path / "a")), str(write(tmp_path / "b<c>", CHANGED, keep=range(5)))
    result = call("diff", a, b, "--html", str(out))
    assert (result.exit_code, f"wrote {out}" in result.stdout) == (1, True)
    text = out.read_text("utf-8")
    assert "first difference: gradient of top/kernel, 1 of 12 elements, at most 1 ULP; it reaches the loss at step 2" in text
    assert text.count("<polyline") >= 2
    bottom, height = svg.HEIGHT - svg.BOTTOM, svg.HEIGHT - svg.BOTTOM - svg.TOP
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', text)]
    # The losses of the six steps, then the weights of those that are kept and not infinite: the largest distance is 5 ULP.
    assert [x for x, _ in dots[:6]] == pytest.approx(np.linspace(svg.LEFT, svg.WIDTH - svg.RIGHT, 6), abs=0.1)
    assert f'y="{bottom + 20}" text-anchor="middle">5</text>' in text, "the last step"
    expected = [bottom - height * math.log2(1 + ulp) / math.log2(6) for ulp in (0, 0, 1, 0, 0, 0, 0, 1, 5, 0)]
    assert [y for _, y in dots] == pytest.approx(expected, abs=0.1)
    assert "What differs in step 1" in text
    assert "b&lt;c&gt;" in text
    assert "<c>" not in text
    assert call("diff", a, a, "--html", str(out)).exit_code == 0
    text = out.read_text("utf-8")
    assert "all 6 steps have the same bits" in text
    assert "<polyline" not in text
    record = str(next((Path(__file__).parents[2] / "golden" / "training").glob("*.json")))
    assert "--html goes with two traces" in call("diff", record, record, "--html", str(out)).stderr
    far = str(write(tmp_path / "e", {(1, "loss", "loss"): lambda array: array + np.float32(1e30)}, keep=range(5)))
    call("diff", a, far, "--html", str(out))
    ticks = re.findall(r">([\d,]+)</text>", out.read_text("utf-8"))
    assert ticks[-7:] == ["0", "1", "10", "1,000", "100,000", "10,000,000", "1,000,000,000"]
    call("diff", a, str(write(tmp_path / "f", {(1, "loss", "loss"): loss_up})), "--html", str(out))
    assert f'cy="{svg.TOP}"' in out.read_text("utf-8").replace(".0", ""), "1 ULP, the largest distance, is at the top"
    one_step = str(write(tmp_path / "d", {(0, "loss", "loss"): loss_up}, steps=1))
    assert call("diff", a, one_step, "--html", str(out)).exit_code == 1
