"""The page of a comparison: each part is there if there is something to say, and what it says is in its place."""

from __future__ import annotations

import re

from clr_ref.trace.comparison import Comparison, Difference
from clr_ref.trace.growth import Distance
from clr_ref.trace.page import page
from clr_ref.training.changes import Change

FIRST = Difference(1, "update", "kernel", note="0 and 1 NaN")
DISTANCES = (Distance(0, 0, 0.0, None), Distance(1, 3, 2048.0, 1.0))


def cells(text: str) -> list[list[str]]:
    """What the rows of all tables of a page hold."""
    rows = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_all_parts() -> None:
    found = Comparison(
        2,
        FIRST,
        then=(Difference(1, "loss", "loss"),),
        changes=(Change("cpu.model", "x", None),),
        commands=("clr-ref trace one", "clr-ref trace two"),
        notes=("A note.",),
    )
    text = page(found, DISTANCES, "first", "second")
    headings = ["How the distance grows", "What differs in step 1", "What the two sides were made of"]
    assert re.findall("<h2>(.*?)</h2>", text) == [*headings, "Commands that trace the step in full"]
    assert cells(text) == [
        ["step", "tensors that differ", "loss, ULP", "weights, ULP"],
        ["0", "0", "0", "not kept"],
        ["1", "3", "2,048", "1"],
        ["most likely first", "first", "second"],
        ["cpu.model", "x", "nothing"],
    ]
    assert re.findall("<pre>(.*?)</pre>", text) == ["clr-ref trace one", "clr-ref trace two"]
    listed = re.findall("<li>(.*?)</li>", text)
    assert listed[1:] == ["A note.", "updated kernel, 0 and 1 NaN", "the loss"]


def test_equal_traces_and_a_difference_without_commands() -> None:
    same = page(Comparison(2, None), (), "first", "second")
    assert "all 2 steps have the same bits" in same
    assert "<h2>" not in same
    assert "Commands" not in page(Comparison(2, FIRST), DISTANCES, "first", "second")


def test_a_single_step_has_a_picture_too() -> None:
    text = page(Comparison(1, Difference(0, "loss", "loss")), (Distance(0, 1, 1.0, None),), "first", "second")
    assert text.count("<circle") == 1
