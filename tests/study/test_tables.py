"""The tables of a study's report have the numbers of the verdict, and the page has them in the right colours."""

from __future__ import annotations

import pytest

pytest.importorskip("scipy", reason="the verdict of a study needs SciPy: clr_ref[study]")

from clr_ref.study import report_html, report_markdown, words
from clr_ref.study.tables import Table, tables
from tests.study.test_report import VERDICT


def table(title: str) -> Table:
    (found,) = (one for one in tables(VERDICT) if one.title == title)
    assert all(len(row) == len(found.columns) for row in found.rows)
    return found


def test_the_differences_are_those_of_the_verdict() -> None:
    found = table("Differences from plain")
    expected = [(one, difference) for one in VERDICT.comparisons for difference in one.differences]
    for row, (one, difference) in zip(found.rows, expected, strict=True):
        needed = "-" if difference.seeds_needed is None else f"{difference.seeds_needed:,}"
        mean = "-" if difference.mean is None else words.signed(difference.mean)
        assert row[:2] == (one.arm, difference.finding)
        assert row[3:5] == (str(len(one.seeds)), mean)
        assert row[6] == needed
    assert found.differences == [difference for _, difference in expected]
    assert found.columns[5] == "interval (99.58 %)"
    assert [row[5] for row in found.rows if row[0] == "lost"] == ["none (median)"] * 2
    assert found.rows[0] == ("good", "better", "validation loss", "8", "-0.09992", "-0.1032 to -0.0966", "-")


def test_the_other_tables() -> None:
    assert table("Intervals of 95 %, not corrected").rows[0][5:] == ("1.00", "0.63 to 1.00")
    arms = {row[0]: row for row in table("Arms").rows}
    assert arms["lost"][1:3] == ("9", "1")
    assert arms["good"][5:] == ("8 of 8", "1")
    assert arms["bad"][5:] == ("0 of 8", "not reached")
    (lost,) = [row for row in table("Runs").rows if row[:2] == ("lost", "3")]
    assert lost[2:] == ("1", "diverged", "diverged", "-")


def test_the_colours_of_the_page() -> None:
    page = report_html.page(VERDICT, b"", "caption")
    for finding, kind in (("better", "holds"), ("worse", "fails"), ("not distinguishable", "not")):
        rows = sum(difference.finding == finding for one in VERDICT.comparisons for difference in one.differences)
        assert page.count(f'<td class="{kind}">{finding}</td>') == rows > 0
    assert page.count('<li class="holds">') == page.count('<li class="fails">') == 2
    assert '<li class="holds">good is better' in page
    assert '<li class="fails">bad is worse' in page


def test_markdown_has_every_table() -> None:
    page = report_markdown.page(VERDICT, "curves.png", "caption")
    assert [f"## {found.title}\n" in page for found in tables(VERDICT)] == [True] * 4
