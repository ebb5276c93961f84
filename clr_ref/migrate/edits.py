"""Changes of a text, at lines and columns, which leave everything else of it as it is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import NamedTuple

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


class Place(NamedTuple):
    """A place in a text: a line, from 1, and a column, from 0, in characters."""

    line: int
    column: int


class Edit(NamedTuple):
    """The text between two places becomes another; an insertion begins and ends at the same place."""

    start: Place
    end: Place
    text: str


def lines_of(text: str) -> list[str]:
    r"""Return the lines of a text with their ends, as Python's grammar sees them: a form feed ends none.

    >>> lines_of("a\r\nb\n\x0cc")
    ['a\r\n', 'b\n', '\x0cc']
    """
    return _LINE.findall(text)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with its changes. Deletions that overlap are one deletion; the same insertion counts once.

    >>> applied("a b c", [Edit(Place(1, 2), Place(1, 3), "B"), Edit(Place(1, 0), Place(1, 0), "-")])
    '-a B c'
    """
    begins = [0, *itertools.accumulate(map(len, lines_of(text)))]
    parts, at = [], 0
    for edit in sorted(set(edits)):
        start, end = (begins[place.line - 1] + place.column for place in (edit.start, edit.end))
        parts += [text[at : max(at, start)], edit.text]
        at = max(at, end)
    return "".join([*parts, text[at:]])


def moved(line: int, edits: Iterable[Edit]) -> int:
    r"""Return where a line of the text is after the changes.

    >>> moved(3, [Edit(Place(1, 0), Place(1, 0), "import clr_ref.keras\n")])
    4
    """
    before = {edit for edit in edits if edit.end.line <= line}
    return line + sum(len(lines_of(edit.text + "|")) - 1 - (edit.end.line - edit.start.line) for edit in before)
