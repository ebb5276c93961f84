"""Tags, tables and pages in HTML."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from html.parser import HTMLParser

import pytest

from clr_ref.pages import html
from clr_ref.pages.html import SCRIPT, STYLE, Markup, join, number, page, table, tag


def test_texts_and_attributes_are_escaped_and_markup_is_not() -> None:
    inner = tag("a", "<&>", href='"quoted"')
    assert inner == '<a href="&quot;quoted&quot;">&lt;&amp;&gt;</a>'
    assert tag("p", inner, "quote") == f'<p class="quote">{inner}</p>'
    assert isinstance(join([inner, inner]), Markup)


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ("\x08\x0b\x1f\x20~\x7f\x9f\xa0", "\\x08\\x0b\\x1f ~\\x7f\\x9f\xa0"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\0", "\\x00"),
        ("\udcff", "\\udcff"),
        ("a\tb\n", "a\tb\n"),
    ],
)
def test_what_no_page_can_hold_is_written_in_ascii(odd: str, shown: str) -> None:
    assert tag("p", odd, title=odd) == f'<p title="{shown}">{shown}</p>'
    page("x", "", [tag("p", odd)]).encode("utf-8")


def test_names_of_attributes_get_their_hyphens() -> None:
    assert tag("line", stroke_width=2) == '<line stroke-width="2"></line>'


def test_void_elements_have_no_end_tag() -> None:
    assert tag("img", src="a.png") == '<img src="a.png">'


def test_a_cell_is_a_text_or_a_whole_element() -> None:
    cells = table(("<a>", "b", "c"), [("<1>", number("2"), number("2 ms", 2e-3))])
    assert "<thead><tr><th>&lt;a&gt;</th><th>b</th><th>c</th></tr></thead>" in cells
    assert '<tr><td>&lt;1&gt;</td><td class="number">2</td><td class="number" data-sort="0.002">2 ms</td></tr>' in cells


def test_a_long_text_has_a_least_width() -> None:
    cells = table(("a", "b"), [("x" * 41, "x" * 40)])
    assert f'<td class="text">{"x" * 41}</td><td>{"x" * 40}</td>' in cells


def test_a_page_is_well_formed_and_has_one_style_sheet_and_one_script() -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.found: dict[str, list[str]] = {"title": [], "style": [], "script": [], "h1": []}

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            if self.open and self.open[-1] in self.found:
                self.found[self.open[-1]].append(data)

    reader = Reader()
    text = page("a < b", "measured today", [table(("a",), [("1",)]), tag("img", src="data:,")])
    reader.feed(text)
    assert reader.open == []
    assert reader.found == {"title": ["a < b"], "style": [STYLE], "script": [SCRIPT], "h1": ["a < b"]}
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert '<meta name="viewport" content="width=device-width">' in text
    assert '<p class="about">measured today</p>' in text


def test_neither_the_style_sheet_nor_the_script_can_end_its_element_or_load_anything() -> None:
    for text in (STYLE, SCRIPT):
        assert "</" not in text
        assert "url(" not in text
        assert "import" not in text
        assert "fetch" not in text


def test_a_table_has_a_box_and_a_class_of_its_own() -> None:
    rest = "<thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table></div>"
    for kind, start in (((), "<table>"), (("wide",), '<table class="wide">')):
        assert table(("a",), [("1",), ("2",)], *kind) == f'<div class="box" tabindex="0">{start}{rest}'


def test_the_time_of_a_page_is_utc_to_the_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            assert tz is timezone.utc
            return datetime(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(html, "datetime", Clock)
    assert html.now() == "2026-01-02 03:04 UTC"


def test_the_whole_page() -> None:
    assert page("a < b", "<today>", [tag("p", "x"), tag("p", "y")]) == (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>a &lt; b</title><style>{STYLE}</style></head>\n"
        '<body><h1>a &lt; b</h1>\n<p class="about">&lt;today&gt;</p>\n<p>x</p>\n<p>y</p>\n'
        f"<script>{SCRIPT}</script></body></html>\n"
    )
