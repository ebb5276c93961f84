"""Changes at lines and columns."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from clr_ref.migrate.edits import Edit, Place, applied, lines_of, moved

TEXTS = st.text(alphabet="ab \n\r\x0c\u2028é", max_size=30)


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> Edit:
    return Edit(Place(*start), Place(*end), text)


@given(TEXTS)
def test_lines_make_the_text(text: str) -> None:
    assert "".join(lines_of(text)) == text
    assert len(lines_of(text)) == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - text.endswith(
        ("\n", "\r")
    ) - (not text)
    assert applied(text, []) == text


def test_overlapping_deletions_are_one() -> None:
    assert applied("abcdef", [edit((1, 1), (1, 3), ""), edit((1, 2), (1, 5), ""), edit((1, 2), (1, 5), "")]) == "af"


def test_the_same_insertion_counts_once() -> None:
    assert applied("a\nb", [edit((2, 0), (2, 0), "x\n")] * 2) == "a\nx\nb"


@pytest.mark.parametrize(
    ("edits", "now"),
    [
        ([edit((1, 0), (1, 0), "x\n")], 4),
        ([edit((3, 2), (3, 2), "x\n  ")], 4),
        ([edit((1, 0), (2, 0), "")], 2),
        ([edit((1, 1), (1, 2), "x")], 3),
        ([edit((3, 0), (4, 0), "")], 3),
        ([edit((4, 0), (4, 0), "x\n")], 3),
    ],
)
def test_where_line_3_is_afterwards(edits: list[Edit], now: int) -> None:
    assert moved(3, edits) == now
