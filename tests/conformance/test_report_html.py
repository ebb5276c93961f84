"""The page on an implementation: each of its elements for a small report, with expected texts and coordinates."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref.compare import Disagreement
from clr_ref.conformance import report_html
from clr_ref.conformance.config import Config
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Curve, Finding
from clr_ref.pages import html

WIDE = Config("triangular", 0.0, 1.0, 4, dtype="float64")
FINDING = Finding(WIDE, 5, "wrong <words>", "steps 0 to 4 are right", None, "clr-ref conform x")
GOOD = Accuracy("float64", "correctly rounded", 1234, 0.0, 0.0, None, 0, WIDE, ())


def verdict(policy: str, status: str, name: str = "rises", **more: Any) -> ClauseVerdict:
    return ClauseVerdict(
        policy, **{"part": "clause", "clause": "2.1", "name": name, "quote": "A <quote>.", "status": status} | more
    )


def report(*verdicts: ClauseVerdict, curves: tuple[Curve, ...] = (), implementation: str = "nowhere:make") -> ConformanceReport:
    return ConformanceReport(implementation, "schedule", "float32", 3, 60, verdicts, curves)


def body(*verdicts: ClauseVerdict, curves: tuple[Curve, ...] = (), implementation: str = "nowhere:make") -> list[str]:
    """The lines of the page's body. A list and a table have a line for each item, row and head."""
    page = report_html.page(report(*verdicts, curves=curves, implementation=implementation))
    text = page.partition("<body>")[2].partition("<script>")[0].rstrip("\n")
    return re.sub("(?<!^)(?=<(?:li|tr|tbody|line|polyline|circle)[ >])", "\n", text).splitlines()


def rows(lines: Sequence[str]) -> list[list[str]]:
    """The cells of all rows, each as its class and its text: ``fails|FAILS``."""
    cells = (re.findall('<td(?: class="([^"]*)")?>(.*?)</td>', line) for line in lines)
    return [[f"{kind}|{text}" if kind else text for kind, text in found] for found in cells if found]


def items(lines: Sequence[str]) -> list[str]:
    return [line.partition("</li>")[0] for line in lines if line.startswith("<li")]


def about(lines: Sequence[str]) -> str:
    return next(line for line in lines if line.startswith('<p class="about">'))


def test_the_whole_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "now", lambda: "2026-01-02 03:04 UTC")
    lines = body(
        verdict("triangular", "holds", examples=1000),
        verdict("triangular", "holds", "accuracy", part="accuracy", quote="", accuracy=GOOD),
        verdict("triangular2", "fails", examples=7, finding=FINDING, reason="a reason"),
        verdict("triangular2", "holds", "accuracy", part="accuracy", accuracy=dataclasses.replace(GOOD, worst_ulp=1234567.0)),
        verdict("exp_range", "not offered", quote="", reason="no gamma"),
        verdict("", "fails", "exceptions", part="exceptions", quote="", reason="declared, but nothing deviates"),
    )
    drawn = lines.index(next(line for line in lines if line.startswith('<div class="picture"')))
    end = lines.index(next(line for line in lines if line.startswith("<pre>")))
    assert lines[:drawn] == [
        "<h1>nowhere:make does not conform</h1>",
        '<p class="about">A schedule, of no installed package, and so without a version. Its rates were compared in float32 by '
        f"the conformance kit of clr_ref {clr_ref.__version__}, 2026-01-02 03:04 UTC; seed 3, 60 random inputs per check.</p>",
        '<ul class="findings">',
        '<li class="fails">triangular2: 1 of 2 checks fail, though the rates follow the formula; '
        "accuracy: correctly rounded.</li>",
        '<li class="holds">triangular: holds, correctly rounded.</li>',
        '<li class="not">exp_range: not offered: no gamma.</li></ul>',
        '<div class="box" tabindex="0"><table><thead>',
        "<tr><th>policy</th><th>semantics</th><th>input checks</th><th>accuracy</th><th>worst ULP</th></tr></thead>",
        "<tbody>",
        '<tr><td>triangular2</td><td class="fails">FAILS</td><td class="not">not asked</td><td>correctly rounded</td>'
        '<td class="number">1,234,567</td></tr>',
        '<tr><td>triangular</td><td class="holds">holds</td><td class="not">not asked</td><td>correctly rounded</td>'
        '<td class="number">0</td></tr>',
        '<tr><td>exp_range</td><td class="not">not offered</td><td class="not">not asked</td><td>not graded</td>'
        '<td class="number">-</td></tr></tbody></table></div>',
        "<h2>What goes wrong first</h2>",
        "<h3>triangular2 2.1 rises</h3>",
        '<p class="quote">“A &lt;quote&gt;.”</p>',
        "<p>a reason</p>",
    ]
    assert lines[end : end + 7] == [
        "<pre>triangular, float64, step 5 (cycle 1, phase 1.25 of 2)",
        "  wrong &lt;words&gt;",
        "  steps 0 to 4 are right",
        "  call: make(&#x27;triangular&#x27;, initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)(5)",
        "  repeat with: clr-ref conform x</pre>",
        "<h3> 2.1 exceptions</h3>",
        "<p>declared, but nothing deviates</p>",
    ]
    assert lines[end + 7 :] == [
        "<h2>Every verdict</h2>",
        '<div class="box" tabindex="0"><table><thead>',
        "<tr><th>policy</th><th>clause</th><th>check or case</th><th>verdict</th><th>inputs</th><th>says</th></tr></thead>",
        "<tbody>",
        '<tr><td>triangular2</td><td>2.1</td><td>rises</td><td class="fails">FAILS</td><td class="number">7</td>'
        '<td class="text">a reason</td></tr>',
        '<tr><td></td><td>2.1</td><td>exceptions</td><td class="fails">FAILS</td><td class="number">0</td>'
        '<td class="text">declared, but nothing deviates</td></tr>',
        '<tr><td>triangular</td><td>2.1</td><td>rises</td><td class="holds">holds</td><td class="number">1,000</td>'
        '<td class="text">A &lt;quote&gt;.</td></tr>',
        '<tr><td>triangular</td><td>2.1</td><td>accuracy</td><td class="holds">holds</td><td class="number">0</td>'
        '<td class="text"></td></tr>',
        '<tr><td>triangular2</td><td>2.1</td><td>accuracy</td><td class="holds">holds</td><td class="number">0</td>'
        '<td class="text">A &lt;quote&gt;.</td></tr>',
        '<tr><td>exp_range</td><td>2.1</td><td>rises</td><td class="not">not offered</td><td class="number">0</td>'
        '<td class="text">no gamma</td></tr></tbody></table></div>',
        "<h2>Accuracy</h2>",
        "<p>triangular: correctly rounded; worst 0 ULP over 1,234 values</p>",
        "<p>triangular2: correctly rounded; worst 1,234,567 ULP over 1,234 values</p>",
    ]


def test_a_page_without_failures_and_grades_is_short() -> None:
    lines = body(verdict("triangular", "holds"))
    assert lines[0] == "<h1>nowhere:make conforms</h1>"
    assert [line for line in lines if line.startswith("<h2>")] == ["<h2>Every verdict</h2>"]


def test_policies_stand_in_the_order_of_what_a_user_has_to_know() -> None:
    """First what is not to be trusted, then what fails, then the others, the worst first."""
    untrusted = [
        verdict("e", "excused"),
        verdict("e", "not asked", part="accuracy", reason="it returns 0: nothing to grade"),
    ]
    lines = body(
        verdict("a", "not offered", reason="unknown"),
        verdict("b", "holds"),
        verdict("c", "excused"),
        verdict("d", "holds"),
        verdict("d", "fails", "refuses", of_inputs=True),
        *untrusted,
        verdict("f", "not asked"),
    )
    assert items(lines) == [
        '<li class="distrust">Do not trust e: it returns 0.',
        '<li class="fails">d: 1 of 2 checks fail, though the rates follow the formula; accuracy: not graded; '
        "input checks: fails.",
        '<li class="excused">c: deviates in 1 of 1 checks, as declared.',
        '<li class="holds">b: holds, not graded.',
        '<li class="not">a: not offered: unknown.',
        '<li class="not">f: not asked.',
    ]
    table = rows(lines)
    assert [row[:3] for row in table[:6]] == [
        ["e", "distrust|do not trust", "not|not asked"],
        ["d", "holds|holds", "fails|FAILS"],
        ["c", "excused|excused", "not|not asked"],
        ["b", "holds|holds", "not|not asked"],
        ["a", "not|not offered", "not|not asked"],
        ["f", "not|not asked", "not|not asked"],
    ]
    ordered = ["fails", "excused", "excused", "holds", "holds", "not offered", "not asked", "not asked"]
    assert [row[3].partition("|")[2].lower() for row in table[6:]] == ordered


def test_skipped_verdicts_stand_between_deviations_and_what_holds() -> None:
    lines = body(*(verdict("a", status) for status in ("holds", "skipped", "excused")))
    assert [row[3].partition("|")[2] for row in rows(lines)[1:]] == ["excused", "skipped", "holds"]


@pytest.mark.parametrize("part", ["accuracy", "clause"])
@pytest.mark.parametrize("semantics", ["fails", "excused", "holds"])
def test_only_wrong_rates_without_a_grade_are_distrusted(part: Any, semantics: str) -> None:
    lines = body(verdict("a", semantics), verdict("b", semantics), verdict("a", "not asked", part=part, reason="why"))
    distrusted = part == "accuracy" and semantics != "holds"
    assert (items(lines)[0] == '<li class="distrust">Do not trust a: why.') is distrusted
    assert sum("Do not trust" in item for item in items(lines)) == distrusted


def test_a_failure_without_a_reason_says_the_first_step() -> None:
    lines = body(verdict("triangular", "fails", finding=FINDING))
    call = "make(&#x27;triangular&#x27;, initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)(5)"
    assert rows(lines)[1][-1] == f"text|first at step 5: {call}"


def test_only_the_first_failure_of_a_policy_is_shown() -> None:
    lines = body(verdict("a", "holds", "zeroth"), verdict("a", "fails", "first"), verdict("a", "fails", "second"))
    assert [line for line in lines if line.startswith("<h3>")] == ["<h3>a 2.1 first</h3>"]


def test_arguments_without_rates_have_no_curve() -> None:
    refused = dataclasses.replace(FINDING, config=dataclasses.replace(WIDE, step_size=0))
    lines = body(verdict("a", "fails", finding=refused))
    assert "<svg" not in "".join(lines)
    assert any(line.startswith("<pre>triangular, float64, step 5") for line in lines)


@pytest.mark.parametrize(
    ("distributions", "expected"),
    [
        ({"lib": ["numpy"]}, f"numpy {importlib.metadata.version('numpy')}"),
        ({"lib": ["numpy", "numpy"]}, f"numpy {importlib.metadata.version('numpy')}"),
        (
            {"lib": ["numpy", "pytest"]},
            f"numpy {importlib.metadata.version('numpy')} and pytest {importlib.metadata.version('pytest')}",
        ),
        ({"other": ["numpy"]}, "of no installed package, and so without a version"),
    ],
)
def test_the_version_is_that_of_the_package(
    distributions: dict[str, list[str]], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: distributions)
    lines = body(verdict("a", "holds"), implementation="lib.inner.deeper:make")
    assert about(lines).startswith(f'<p class="about">A schedule, {expected}. Its rates ')


def test_the_version_of_a_file_is_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(b"x = 1\n")
    lines = body(verdict("a", "holds"), implementation=f"{path}:make")
    assert f"the file {path} with sha256 {hashlib.sha256(b'x = 1' + bytes([10])).hexdigest()[:16]}. Its" in about(lines)
    path.unlink()
    assert "of a file that cannot be read any more. Its" in about(body(verdict("a", "holds"), implementation=f"{path}:make"))


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


def shapes(lines: Sequence[str]) -> list[str]:
    """The labels, dots and lines of curves as short texts: ``88.0,226.0 0``, ``dot 88.0,226.0``, ``exact 88.0,226.0``."""
    found = []
    for shape in re.findall(r"<(?:text|circle|polyline) .*?>[^<]*<", "".join(lines)):
        value = dict(re.findall(r'([a-z0-9-]+)="([^"]*)"', shape))
        if shape.startswith("<text"):
            found.append(f"{value['x']},{value['y']} {shape.partition('>')[2][:-1]}")
        elif shape.startswith("<circle"):
            found.append(f"{value['class']} {value['r']} at {value['cx']},{value['cy']}")
        else:
            found.append(f"{value['class']} {value['points']}")
    return found


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
