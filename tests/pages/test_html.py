"""Tags, tables and pages in HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from clr_ref.pages.html import STYLE, Markup, join, page, table, tag


def test_texts_and_attributes_are_escaped_and_markup_is_not() -> None:
    inner = tag("a", "<&>", href='"quoted"')
    assert inner == '<a href="&quot;quoted&quot;">&lt;&amp;&gt;</a>'
    assert tag("p", inner, "quote") == f'<p class="quote">{inner}</p>'
    assert isinstance(join([inner, inner]), Markup)


def test_names_of_attributes_get_their_hyphens() -> None:
    assert tag("line", stroke_width=2) == '<line stroke-width="2"></line>'


def test_void_elements_have_no_end_tag() -> None:
    assert tag("img", src="a.png") == '<img src="a.png">'


def test_a_cell_is_a_text_or_a_whole_element() -> None:
    cells = table(("<a>", "b"), [("<1>", tag("td", "2", "number"))])
    assert "<tr><th>&lt;a&gt;</th><th>b</th></tr>" in cells
    assert '<tr><td>&lt;1&gt;</td><td class="number">2</td></tr>' in cells


def test_a_page_is_well_formed_and_has_one_style_sheet() -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.titles: list[str] = []
            self.styles: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            if self.open and self.open[-1] in ("title", "style"):
                {"title": self.titles, "style": self.styles}[self.open[-1]].append(data)

    reader = Reader()
    text = page("a < b", [tag("h1", "a < b"), table(("a",), [("1",)]), tag("img", src="data:,")], "p { color: red }\n")
    reader.feed(text)
    assert reader.open == []
    assert reader.titles == ["a < b"]
    assert reader.styles == [STYLE + "p { color: red }\n"]
    assert text.startswith('<!doctype html>\n<html lang="en">')
