"""The page of the benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from clr_ref.bench import page, page_html
from clr_ref.bench.report import Report

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
