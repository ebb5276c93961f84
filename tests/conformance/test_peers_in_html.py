"""The page about the peers in HTML: its marks, what it escapes, and what is read back from it."""

from __future__ import annotations

import pytest

from clr_ref.conformance.peers import report, reread
from tests.conformance.test_peers import FOUND


def test_what_is_not_to_be_trusted_is_marked_otherwise_than_what_deviates() -> None:
    web = report.html(FOUND)
    semantics = {row[0]: row[3] for row in report.overview(FOUND)[1] if row[2] == "triangular2"}
    assert semantics == {"good": "holds", "rough": "deviates", "bad": "do not trust"}
    assert '<td class="excused">deviates</td>' in web
    assert '<td class="distrust">do not trust</td>' in web
    assert web.index('<li class="distrust">') < web.index('<li class="excused">') < web.index('<li class="holds">')


def test_names_and_texts_of_peers_are_no_html() -> None:
    odd = FOUND[1] | {"name": "<script>alert(1)</script>", "package": "<img src=x>", "version": '"><b>'}
    web = report.html([odd, {"name": "<i>", "error": "<u>\udcff"}])
    assert all(text not in web for text in ("<script>alert", "<img", "<b>", "<i>", "<u>"))
    assert web.count("<script>") == 1  # the page's own
    assert "\\udcff" in web


def test_what_is_said_of_a_bug_is_not_lost_when_the_words_change() -> None:
    """A page of other words is refused; read as if it said nothing, it would be written again without what was seen."""
    for wrong in ("shows: OverflowError", "fixed in ", "occurs: ", ""):
        page = report.markdown(FOUND).replace("| occurs: OverflowError &lt;here>", f"| {wrong}")
        with pytest.raises(reread.PageError, match="the bug 'overflows' neither occurs nor is fixed"):
            reread.read_page(page)
