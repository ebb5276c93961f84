"""Tables and pages in Markdown."""

from __future__ import annotations

from clr_ref.pages import markdown


def test_a_column_marked_with_an_angle_is_flush_right() -> None:
    assert markdown.table(("name", ">ratio"), [("a", "1.0"), ("b", "2.0")]) == (
        "| name | ratio |\n| --- | ---: |\n| a | 1.0 |\n| b | 2.0 |"
    )


def test_no_text_ends_a_cell_or_a_row_or_begins_html() -> None:
    table = markdown.table(("a",), [("x | y",), ("x\ny",), ("<x>",)])
    assert table.splitlines()[2:] == ["| x \\| y |", "| x y |", "| &lt;x> |"]


def test_cells_may_hold_links() -> None:
    assert markdown.table(("a",), [("[x](https://example.org/1)",)]).endswith("| [x](https://example.org/1) |")


def test_blocks_of_a_page_are_separated_by_an_empty_line() -> None:
    assert markdown.page(["# Title", "Text."]) == "# Title\n\nText.\n"


def test_signs_of_bold_are_shown_outside_backticks_and_read_back() -> None:
    text = "near-2**24, `2**31 __x__` | __init__() of <x>, 2 * 3 * 4"
    cell = markdown.table(("a",), [(text,)]).splitlines()[-1][2:-2]
    assert cell == r"near-2\*\*24, `2**31 __x__` \| \_\_init\_\_() of &lt;x>, 2 * 3 * 4"
    assert markdown.unescaped(cell) == text
