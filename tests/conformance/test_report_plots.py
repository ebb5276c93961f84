"""The plots on the page on an implementation: where each label, line and dot stands."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from clr_ref.compare import Disagreement
from clr_ref.conformance.config import Config
from clr_ref.conformance.verdict import Curve
from clr_ref.pages import html
from tests.conformance.reporting import FINDING, GOOD, WIDE, body, shapes, verdict


def graded(**changes: Any) -> list[str]:
    """The lines of the section on accuracy."""
    measured = dataclasses.replace(GOOD, **changes)
    lines = body(verdict("a", "holds", "accuracy", part="accuracy", accuracy=measured))
    return lines[lines.index("<h2>Accuracy</h2>") + 1 :]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"worst_ulp": 0.0, "worst_config": WIDE}, ""),
        ({"worst_ulp": 0.25, "worst_config": None}, ""),
        ({"worst_ulp": 2500.0, "worst_config": WIDE, "worst_step": 9}, f", at {html.tag('p', str(WIDE))[3:-4]}(9)"),
        ({"worst_ulp": 0.25, "worst_config": WIDE, "worst_step": 1}, f", at {html.tag('p', str(WIDE))[3:-4]}(1)"),
    ],
)
def test_the_worst_error_has_its_place_if_there_is_one(changes: dict[str, Any], place: str) -> None:
    assert graded(**changes) == [f"<p>a: correctly rounded; worst {changes['worst_ulp']:,.0f} ULP over 1,234 values{place}</p>"]


CAPTION = f'<p class="quote">Error in ULP of float64 over the step, for {html.tag("p", str(WIDE))[3:-4]}</p>'


def test_errors_are_drawn_over_the_logarithm_of_the_step() -> None:
    """log2(1 + step) is 0, 1, 2, 3 for these steps. A plot is 548 wide and 212 high; it begins at 88 and ends at 226."""
    lines = graded(curve=((0, -4.0), (1, 0.0), (3, 1.0), (7, 3.0)))
    assert shapes(lines) == [
        "88.0,246 0",
        "80,230.0 -4",
        "80,124.0 0",
        "80,18.0 +4",
        "dot 2 at 88.0,226.0",
        "dot 2 at 270.7,120.0",
        "dot 2 at 453.3,93.5",
        "dot 2 at 636.0,40.5",
    ]
    assert "".join(lines).endswith(CAPTION)


def test_small_errors_are_not_enlarged() -> None:
    lines = graded(curve=((0, 0.5), (1, -0.25)))
    assert shapes(lines)[1:] == ["80,230.0 -1", "80,124.0 0", "80,18.0 +1", "dot 2 at 88.0,67.0", "dot 2 at 636.0,146.5"]


def test_an_error_at_step_0_alone_can_be_drawn() -> None:
    assert shapes(graded(curve=((0, 2.0),)))[-1] == "dot 2 at 88.0,14.0"


@pytest.mark.parametrize(("top", "quarter"), [(10, "dot 2 at 636.0,146.5"), (16, "dot 2 at 636.0,173.0")])
def test_beyond_10_ulp_the_axis_shows_square_roots(top: float, quarter: str) -> None:
    drawn = shapes(graded(curve=((0, float(top)), (1, -top / 4))))
    assert drawn[1:] == ["80,230.0 -" + str(top), "80,124.0 0", "80,18.0 +" + str(top), "dot 2 at 88.0,14.0", quarter]


@pytest.mark.parametrize(
    ("last", "labels"),
    [
        (9, "0"),
        (10, "0 10"),
        (1000, "0 10 100 1,000"),
        (999_999, "0 10 100 1,000 10,000 100,000"),
        (2**20, "0 10 100 1,000 10,000 100,000 1,000,000"),
    ],
)
def test_powers_of_10_are_labelled(last: int, labels: str) -> None:
    drawn = [shape.split() for shape in shapes(graded(curve=((last, 0.0),)))]
    ticks = {place: words[0] for place, *words in drawn if place.endswith(",246")}
    assert list(ticks.values()) == labels.split()
    for place, words in ticks.items():
        x = 88 + 548 * math.log2(1 + int(words.replace(",", ""))) / math.log2(1 + last)
        assert float(place.removesuffix(",246")) == pytest.approx(x, abs=0.051)


def drawn(
    config: Config = WIDE, step: int = 5, actual: str | None = None, own: dict[int, float | None] | None = None
) -> tuple[list[str], str]:
    """The shapes of the curve of a finding, and its caption."""
    apart = None if actual is None else Disagreement("c", "p", "exact", step, 1, 0.0, "x", actual, 1.0, "0 ULP", "again")
    finding = dataclasses.replace(FINDING, config=config, step=step, disagreement=apart)
    curve = Curve("a", config, step, tuple(own or ()), tuple((own or {}).values()))
    others = (
        dataclasses.replace(curve, policy="b", rates=()),
        dataclasses.replace(curve, config=dataclasses.replace(config, gamma=0.5), rates=()),
    )
    lines = body(verdict("a", "fails", finding=finding), curves=(*others, *((curve,) if own else ())))
    text = "".join(lines)
    return shapes(lines), text.partition('<p class="quote">Solid')[2].partition("</p>")[0]


#: The rates of WIDE at steps 0 to 13, which is one cycle around step 5, and the places of the steps.
TRUTH = [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3]
PLACES = [88.0, 130.2, 172.3, 214.5, 256.6, 298.8, 340.9, 383.1, 425.2, 467.4, 509.5, 551.7, 593.8, 636.0]


def line(kind: str, heights: dict[int, float]) -> str:
    return f"line {kind} " + " ".join(f"{PLACES[step]},{y}" for step, y in heights.items())


def exact(low: float, quarter: float) -> str:
    return line("exact", {step: round(low - rate * quarter, 1) for step, rate in enumerate(TRUTH)})


def test_the_exact_curve_reaches_one_cycle_around_the_wrong_step() -> None:
    """Rates of 0 to 1 with 8 % of room at each end: 1 is 212 / 1.16 = 182.8 high, and 0 stands 0.08 * 182.8 above 226."""
    found, caption = drawn()
    low, quarter = 226 - 212 * 0.08 / 1.16, 212 / 4 / 1.16
    assert found == [
        "298.8,246 step 5",
        "88.0,246 0",
        "636.0,246 13",
        f"80,{round(low, 1) + 4} 0",
        f"80,{round(low - 4 * quarter, 1) + 4} 1",
        exact(low, quarter),
        f"right 4 at 298.8,{round(low - 3 * quarter, 1)}",
    ]
    assert caption == ": the exact rates; green: the exact rate at the first wrong step."


OWN = "; dashed: the rates that the implementation returned"
RING = "; ring: the wrong rate that was returned"
EDGE = ". Rates beyond the edge are drawn on it"


@pytest.mark.parametrize(
    ("actual", "bottom", "top", "cut"),
    [
        ("0x1.8p+0", 0.0, 1.5, False),
        ("1.5 (0x1.8p+0)", 0.0, 1.5, False),
        ("2.0 (0x1p+1)", 0.0, 2.0, False),
        ("3.0 (0x1.8p+1)", 0.0, 2.0, True),
        ("-0.5 (-0x1p-1)", -0.5, 1.0, False),
        ("-1.0 (-0x1p+0)", -1.0, 1.0, False),
        ("-3.0 (-0x1.8p+1)", -1.0, 1.0, True),
        ("0.5 (0x1p-1)", 0.0, 1.0, False),
    ],
)
def test_a_wrong_rate_is_drawn_up_to_one_height_beside_the_curve(actual: str, bottom: float, top: float, cut: bool) -> None:
    found, caption = drawn(actual=actual)
    pad = 0.08 * (top - bottom)
    height = 212 / (top - bottom + 2 * pad)
    low = 226 - height * (pad - bottom)
    assert exact(low, height / 4) in found
    rate = float.fromhex(actual.partition("(")[2].rstrip(")") or actual)
    y = {3.0: 14.0, -3.0: 226.0}.get(rate, round(low - rate * height, 1))
    assert found[-1] == f"wrong 7 at 298.8,{y}"
    assert caption.endswith(f"wrong step{RING}{EDGE * cut}.")


def test_bounds_far_from_0_leave_as_much_of_the_picture_to_the_curve() -> None:
    """Its height counts, not its rates."""
    high = dataclasses.replace(WIDE, initial_learning_rate=1000.0, maximal_learning_rate=1001.0)
    for actual, far in (("3.0 (0x1.8p+1)", "1003.0 (0x1.f58p+9)"), ("-3.0 (-0x1.8p+1)", "997.0 (0x1.f28p+9)")):
        (curve,) = (shape for shape in drawn(actual=actual)[0] if shape.startswith("line exact"))
        assert curve in drawn(high, actual=far)[0]


@pytest.mark.parametrize("actual", ["nan (nan)", "inf", "-inf (-inf)"])
def test_a_wrong_rate_that_is_not_finite_is_not_drawn(actual: str) -> None:
    assert drawn(actual=actual) == drawn()


def test_the_rates_that_were_returned_are_drawn_with_gaps_and_cut_at_the_edge() -> None:
    found, caption = drawn(own={0: 0.0, 1: None, 2: 1.0, 3: 9.0})
    height = 212 / 2.32
    low = 226 - height * 0.16
    assert exact(low, height / 4) in found
    assert f"line own 88.0,{round(low, 1)}" in found
    assert f"line own 172.3,{round(low - height, 1)} 214.5,14.0" in found
    assert caption == f": the exact rates; green: the exact rate at the first wrong step{OWN}{EDGE}."
    _, caption = drawn(own={0: 0.0, 1: 1.0}, actual="0.5 (0x1p-1)")
    assert caption == f": the exact rates; green: the exact rate at the first wrong step{OWN}{RING}."


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        (Config("triangular", 0.5, 0.5, 4, dtype="float64"), {"0.5"}),
        (Config("triangular", -0.5, -0.5, 4, dtype="float64"), {"-0.5"}),
        (Config("triangular", 0.0, 0.0, 4, dtype="float64"), {"0"}),
        (Config("triangular", -1.7e308, 1.7e308, 4, dtype="float64"), {"-1.7e+308", "1.7e+308"}),
    ],
)
def test_flat_and_huge_curves_are_drawn(config: Config, labels: set[str]) -> None:
    found, _ = drawn(config)
    assert {shape.partition(" ")[2] for shape in found if shape.startswith("80,")} == labels
    heights = {
        float(point.partition(",")[2]) for shape in found if shape.startswith("line exact") for point in shape.split()[2:]
    }
    assert len(heights) in (1, 5)
    assert heights == {120.0} or (min(heights) >= 14 and max(heights) <= 226 and max(heights) - min(heights) > 180)


def test_a_flat_curve_has_room_of_its_own_rate_for_a_wrong_one() -> None:
    """The frame ends at twice the rate with 8 % of 0.5 beyond: from 0.46 to 1.04."""
    found, caption = drawn(Config("triangular", 0.5, 0.5, 4, dtype="float64"), actual="7.0 (0x1.cp+2)")
    assert f"80,{round(226 - 212 * 0.04 / 0.58, 1) + 4} 0.5" in found
    assert EDGE in caption
    found, _ = drawn(Config("triangular", 0.0, 0.0, 4, dtype="float64"), actual="7.0 (0x1.cp+2)")
    assert f"80,{round(226 - 212 * 0.08 / 1.16, 1) + 4} 0" in found


@pytest.mark.parametrize(
    ("step", "labels"),
    [
        (0, ["step 0", "8"]),
        (1, ["step 1", "9"]),  # 1 of 9 is too near to the left end
        (2, ["step 2", "0", "10"]),
        (5000, ["step 5,000", "4,992", "5,008"]),
    ],
)
def test_the_ends_of_the_curve_are_labelled_where_there_is_room(step: int, labels: list[str]) -> None:
    found, _ = drawn(step=step)
    assert [shape.partition(" ")[2] for shape in found if ",246 " in shape] == labels
