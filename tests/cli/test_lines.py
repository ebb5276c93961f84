"""Lines that fit the terminal: where they wrap, and what is never cut."""

from __future__ import annotations

import sys

import pytest

from clr_ref.cli.lines import say, visible
from tests.terminal import ESCAPES

REPEAT = "repeat with: clr-ref conform a.py:make --seed 1"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def lines(columns: int | None, *arguments: str, **settings: str) -> list[str]:
        monkeypatch.delenv("FORCE_COLOR", raising=False)
        if columns is not None:
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("COLUMNS", str(columns))
        say(*arguments, **settings)  # type: ignore[arg-type]
        out, err = capsys.readouterr()
        assert err == ""
        return ESCAPES.sub("", out).splitlines()

    return lines


def test_without_a_terminal_no_line_is_wrapped(said) -> None:  # type: ignore[no-untyped-def]
    text = "one " * 40
    assert said(None, f"{text}\n  two ", first="- ", hang="xx") == [f"- {text}".rstrip(), "    two"]
    assert said(None) == [""]
    assert said(None, "", first="- ") == ["-"]


@pytest.mark.parametrize(
    ("columns", "settings", "lines"),
    [
        (9, {}, ["one two", "three"]),
        (7, {}, ["one two", "three"]),
        (6, {}, ["one", "two", "three"]),
        (4, {}, ["one", "two", "three"]),  # no word is cut
        (9, {"first": "- "}, ["- one two", "  three"]),
        (8, {"first": "- "}, ["- one", "  two", "  three"]),
        (9, {"first": "- ", "then": "...."}, ["- one two", "....three"]),
        (9, {"hang": "  "}, ["one two", "  three"]),
    ],
)
def test_where_a_line_wraps(said, columns: int, settings: dict[str, str], lines: list[str]) -> None:  # type: ignore[no-untyped-def]
    assert said(columns, "one two three", **settings) == lines


def test_each_line_of_a_text_begins_a_line(said) -> None:  # type: ignore[no-untyped-def]
    assert said(9, "a\n\n  one two three", first="- ", hang="x") == ["- a", "", "    one", "    xtwo", "    xthree"]


def test_a_name_and_a_command_are_not_cut(said) -> None:  # type: ignore[no-untyped-def]
    assert said(12, "see tf-2.15.1_tfa-0.23.0 here") == ["see", "tf-2.15.1_tfa-0.23.0", "here"]
    assert said(12, "run `clr-ref golden diff` now") == ["run", "`clr-ref golden diff`", "now"]


def test_a_command_that_repeats_is_cut_for_the_shell(said) -> None:  # type: ignore[no-untyped-def]
    assert said(len(REPEAT), REPEAT) == [REPEAT] == said(len(REPEAT) + 9, REPEAT)
    assert said(len(REPEAT) - 1, REPEAT) == ["repeat with: \\", "  clr-ref conform a.py:make --seed 1"]
    # The second line takes 36 characters.
    assert said(36, REPEAT) == ["repeat with: \\", "  clr-ref conform a.py:make --seed \\", "  1"]
    assert said(35, REPEAT) == ["repeat with: \\", "  clr-ref conform a.py:make \\", "  --seed 1"]
    assert said(5, "repeat with: run 'a b'", first="- ") == ["- repeat with: \\", "    run \\", "    'a b'"]
    assert said(5, "at 1; repeat with: run", hang="  ") == ["at 1; repeat with: \\", "    run"]


def test_to_stderr_or_nowhere(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    say("a", err=True)
    assert tuple(capsys.readouterr()) == ("", "a\n")
    monkeypatch.setattr(sys, "stdout", None)
    say("a")
    say("b", err=True)
    assert capsys.readouterr().err == "b\n"


def test_control_characters_are_visible() -> None:
    assert visible("a\tb\n\x1b[31m\x9bé") == "a\tb\n\\x1b[31m\\x9bé"


@pytest.mark.parametrize("indent", ["", "  ", "- "])
def test_each_line_of_a_command_takes_as_many_words_as_fit(said, indent: str) -> None:  # type: ignore[no-untyped-def]
    words = ["clr-ref", *(str(number) * (number % 7 + 1) for number in range(40))]
    command = " ".join(words)
    for width in range(8, 60):
        first, *lines = said(width, f"repeat with: {command}", first=indent)
        assert first == f"{indent}repeat with: \\"
        blanks = " " * (len(indent) + 2)
        assert " ".join(line.strip(" \\") for line in lines) == command
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            assert line.startswith(blanks)
            assert line.endswith(" \\") is bool(following)
            assert len(line) <= width or " " not in line.strip(" \\"), "one word alone can be too wide"
            # With the next word, a blank and " \", the line would be too wide.
            assert not following or len(line) + 1 + len(following.split()[0]) > width
