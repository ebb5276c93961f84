"""Tables and bars: columns, widths, and what becomes of them in a narrow terminal."""

from __future__ import annotations

import re

import pytest

from clr_ref.cli import common
from tests.terminal import ESCAPES

NAMES = ("name", ">number", "remark")
ROW = ("[a]:b:", "12,345", "two words")
WIDE = ["name    number  remark", "[a]:b:  12,345  two words"]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    """Return the lines that a terminal of some columns shows of a table, or those of a pipe, for None."""

    def lines(columns: int | None, *rows: tuple[str, ...]) -> list[str]:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        if columns is not None:
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("COLUMNS", str(columns))
        table = common.new_table(*NAMES)
        for row in rows:
            table.add_row(*row)
        common.print_table(table)
        text = capsys.readouterr().out
        assert bool(ESCAPES.search(text)) is (columns is not None), "a header is bold"
        return [line.rstrip() for line in ESCAPES.sub("", text).splitlines()]

    return lines


@pytest.mark.parametrize("columns", [None, 25, 26, 80])
def test_a_table_that_fits(printed, columns: int | None) -> None:  # type: ignore[no-untyped-def]
    assert printed(columns, ROW) == WIDE


@pytest.mark.parametrize("columns", [14, 80])
def test_only_names_of_columns_are_bold(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers, names and so on are not coloured by what they look like."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    table = common.new_table(*NAMES)
    table.add_row("'text'", "12,345", "True 0x1p3")
    common.print_table(table)
    assert set(re.findall(r"\x1b\[([0-9;]*)m", capsys.readouterr().out)) == {"0", "1"}


def test_the_widest_column_gives_way(printed) -> None:  # type: ignore[no-untyped-def]
    assert printed(24, ROW) == ["name    number  remark", "[a]:b:  12,345  two", "                words"]
    assert printed(22, ROW) == printed(24, ROW)
    assert printed(22, ("a", "1", "two words")) == ["name  number  remark", "a          1  two", "              words"]


def test_no_word_is_cut(printed) -> None:  # type: ignore[no-untyped-def]
    """The longest words take 6, 6 and 6 characters."""
    assert printed(21, ROW, ROW) == [
        *("  name  [a]:b:", "number  12,345", "remark  two words", ""),
        *("  name  [a]:b:", "number  12,345", "remark  two words"),
    ]
    assert printed(14, ROW) == ["  name  [a]:b:", "number  12,345", "remark  two", "        words"]


def test_a_row_can_have_lines(printed) -> None:  # type: ignore[no-untyped-def]
    assert printed(80, ("a\nbcdefg", "1", "c")) == ["name    number  remark", "a            1  c", "bcdefg"]


def test_progress_without_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with common.Progress(2) as progress:
        progress.start("[a]:b:")
        progress.say("is under way")
        progress.done("[b]:c: a line of more than forty characters is not wrapped")
        progress.advance()
    out, err = capsys.readouterr()
    assert (out, err) == ("", "[b]:c: a line of more than forty characters is not wrapped\n")


def test_progress_in_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    with common.Progress(4) as progress:
        progress.start("[a]")
        progress.say("is under way")
        progress.advance()
        progress.done("one of 4")
        progress.advance(2)
    raw = capsys.readouterr().err
    assert "one of 4" in raw, "numbers are not coloured"
    text = ESCAPES.sub("", raw).replace("\r", "\n")
    last = text.rstrip().splitlines()[-1]
    assert last.startswith(f"[a] is under way {'━' * 20} 4/4 0:00:00 "), text


@pytest.mark.parametrize("terminal", [False, True])
def test_the_status_is_no_result(terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
    with common.status_line("reading"):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert ("reading" in err) is terminal


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (1234, "1,234 pairs"), (float("inf"), "inf pairs")]
)
def test_counted(number: float, text: str) -> None:
    assert common.counted(number, "pair") == text


@pytest.mark.parametrize(("number", "text"), [(1234.6, "1,235"), (0.0, "0"), (float("inf"), "inf"), (float("nan"), "nan")])
def test_short(number: float, text: str) -> None:
    assert common.short(number) == text


def test_a_json_document_has_a_line_for_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    common.print_json({"rates": (0.5, float("nan")), "more": [{"worst": float("-inf")}]})
    assert capsys.readouterr().out == (
        '{\n "rates": [\n  0.5,\n  "nan"\n ],\n "more": [\n  {\n   "worst": "-inf"\n  }\n ]\n}\n'
    )
