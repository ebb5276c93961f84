"""The page of the benchmark."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from clr_ref.bench import page, page_html
from clr_ref.bench.report import Report
from tests.bench.conftest import report

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_in_docs_are_those_of_the_stored_report() -> None:
    report = Report.from_json((DOCS / "benchmarks.json").read_text("utf-8"))
    assert (DOCS / "BENCHMARKS.md").read_text("utf-8") == page.markdown([report], "BENCHMARKS.png")
    assert (DOCS / "benchmarks.html").read_text("utf-8") == page_html.page(report)


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.174e-7, "417 ns"), (9.996e-7, "1 us"), (1.25e-3, "1.25 ms"), (0.9996, "1 s"), (75, "75 s")]
)
def test_a_time_has_three_digits_and_its_unit(seconds: float, text: str) -> None:
    assert page.show_time(seconds) == text


def test_the_page_has_the_stored_run_beside_the_new_one_and_failures_first() -> None:
    now, then = report("A", other=2.0, key=30.0), report("B", other=4.0, key=6.0)
    shown = page_html.page(dataclasses.replace(now, machine={"clr_ref": "1.2", "measured": "today", "processor": "A"}), then)
    rows = re.findall(r"<tr><td>(reference triangular|tfa_arithmetic)</td>.*?</tr>", shown.partition("Every figure")[0])
    assert rows == ["reference triangular", "tfa_arithmetic"]
    assert "1 of 1 key figures are more than 4 times the stored ones" in shown
    assert "on another processor" in shown
    assert "This is clr_ref 1.2, measured today." in shown
    assert [text for text in ("+400 %", "-50 %", ">FAILS<", ">faster<") if text not in shown] == []
    assert "<td>processor</td><td>A</td><td>B</td>" in shown
    assert "All 1 key figures are at most 2 times the stored ones" in page_html.page(then, then)
    assert "Nothing to compare" in page_html.page(report(other=1.0), report(key=1.0))
    assert "stored" not in page_html.page(now).partition("</style>")[2]


@pytest.mark.parametrize(("ratio", "text"), [(0.44, "0.44"), (1234.5, "1234.50"), (1e300, "1e+300"), (1e-9, "1e-09")])
def test_extreme_ratios_are_short(ratio: float, text: str) -> None:
    assert page.show_ratio(ratio) == text
