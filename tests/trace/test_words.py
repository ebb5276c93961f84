"""A comparison in sentences: what is said of one, of several, and of too many to tell them all."""

from __future__ import annotations

from typing import Any

import pytest

from clr_ref.trace import words
from clr_ref.trace.comparison import Comparison, Difference
from clr_ref.training.changes import Change

FIRST = Difference(3, "gradient", "kernel")


def said(**more: Any) -> list[str]:
    """The lines after the headline."""
    return list(words.lines(Comparison(6, FIRST, **more)))[1:]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [(1, "the one step has the same bits"), (2, "all 2 steps have the same bits"), (0, "all 0 steps have the same bits")],
)
def test_equal_steps(steps: int, sentence: str) -> None:
    assert list(words.lines(Comparison(steps, None, notes=("A note.",)))) == [sentence, "A note."]


def test_the_headline() -> None:
    def headline(step: int | None, *same: str) -> str:
        one = Difference(step, "batch" if same else "update", "x", note="0 and 1 NaN", same=same)
        return words.headline(Comparison(9, one, reaches_loss=4))

    after = "first difference: x of the batch, 0 and 1 NaN; it reaches the loss at step 4"
    assert headline(0, "the batch") == f"in step 0 the batch has the same bits; {after}"
    assert headline(2, "a", "b", "c") == f"identical through step 1; in step 2 a, b and c have the same bits; {after}"
    assert headline(1).startswith("identical through step 0; first difference in step 1: updated x, ")
    assert headline(None) == "run x: 0 and 1 NaN"


def test_what_else_differs() -> None:
    def then(number: int) -> list[str]:
        return said(then=tuple(Difference(3, "update", f"w{one}") for one in range(number)))[:-1]

    assert then(0) == []
    assert then(1) == ["In the same step also:", "  updated w0"]
    assert then(2) == ["In the same step 2 more tensors differ:", "  updated w0", "  updated w1"]
    assert then(12)[-1] == "  updated w11"
    assert then(14)[-2:] == ["  updated w11", "  ... and 2 more; --json prints all"]


def test_what_the_sides_were_made_of() -> None:
    def changes(number: int) -> list[str]:
        return said(changes=tuple(Change(f"c{one}", one, None) for one in range(number)))

    assert changes(0) == ["Nothing that the two sides record of what they were made of differs."]
    assert changes(1) == ["What the two sides were made of differs in, most likely first:", "  c0: 0 and nothing"]
    assert changes(12)[-1] == "  c11: 11 and nothing"
    assert changes(15)[-2:] == ["  c11: 11 and nothing", "  ... and 3 more; --json prints all"]
    assert said(commands=("a", "b"))[-3:] == [
        "These commands trace the step in full, each in the environment of its side:",
        "  a",
        "  b",
    ]


def test_long_values_are_cut() -> None:
    assert words.shown("x" * 100) == "x" * 100
    more = "characters; --json prints all)"
    assert words.shown("x" * 101) == "x" * 100 + f" ... (101 {more}"
    assert words.shown("x" * 50 + " " + "x" * 49 + " x") == "x" * 50 + " " + "x" * 49 + f" ... (102 {more}"
    assert words.shown("x" * 50 + " " + "x" * 50) == "x" * 50 + f" ... (101 {more}"
    assert words.shown("x " + "x" * 1998) == "x " + "x" * 98 + f" ... (2,000 {more}"
    assert words.shown({"a": [1]}) == '{"a": [1]}'
