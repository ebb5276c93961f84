"""Notebooks: their code cells are one Python file, and only the changed lines of the notebook are written anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from clr_ref.migrate import magics
from clr_ref.migrate.edits import Edit, Place, applied, lines_of
from clr_ref.migrate.facts import ARGUMENTS
from clr_ref.migrate.names import ParseError
from clr_ref.migrate.report import Finding
from clr_ref.migrate.source import Changes, changes, mentions

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Cell(NamedTuple):
    """A code cell.

    Attributes:
        number: its place among all cells, from 1.
        start: where the value of its source begins in the text of the notebook.
        end: where that ends.
        code: the code.
        first: its first line among the lines of all code cells, from 1.
    """

    number: int
    start: int
    end: int
    code: str
    first: int

    @property
    def lines(self) -> int:
        return len(lines_of(self.code))


def code_cells(text: str) -> list[Cell]:
    """Return the code cells of a notebook; none if its language is not Python.

    Raises:
        ParseError: the text is no notebook.
    """
    from nbformat import NBFormatError, ValidationError

    try:
        return _code_cells(text)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, NBFormatError, ValidationError) as error:
        raise ParseError(f"it is no notebook: {str(error).splitlines()[0]}") from None


def _code_cells(text: str) -> list[Cell]:
    from nbformat import reader

    # nbformat.reads also validates, and prints what is wrong: a field too many is no reason to leave a notebook alone.
    reads: Any = reader.reads
    document = reads(text)
    if document.get("nbformat") not in (3, 4):
        raise ValueError("its format is neither 3 nor 4")
    metadata = document["metadata"]
    languages = {metadata.get("kernelspec", {}).get("language"), metadata.get("language_info", {}).get("name")}
    if languages - {None, "", "python", "ipython"}:
        return []
    cells, first = [], 1
    for number, start in enumerate(_cells(text), 1):
        places = {key: (begin, end) for key, begin, end in _members(text, start)}
        kind, place = places.get("cell_type"), places.get("source") or places.get("input")
        if kind is None or place is None or text[slice(*kind)] != '"code"':
            continue
        value = json.loads(text[slice(*place)])
        cell = Cell(number, *place, value if isinstance(value, str) else "".join(value), first)
        cells.append(cell)
        first += cell.lines
    return cells


def notebook_changes(cells: list[Cell]) -> Changes:
    """Return the changes in the lines of all code cells, and what was found there.

    Raises:
        ParseError: the cells together are no Python that can be parsed.
    """
    read = [magics.read(cell.code) for cell in cells]
    found = changes("".join(cell.python for cell in read), [cell.left for cell in read])
    told = list(found.findings)
    for cell, python in zip(cells, read, strict=True):
        classes = [name for name in ARGUMENTS if re.search(rf"\b{name}\b", python.left)]
        reason = python.reason or "it is in a magic"
        if classes:
            told.append(Finding(cell.first, "by hand", f"{classes[0]} was left alone: {reason}"))
        elif python.reason and mentions(python.left):
            told.append(Finding(cell.first, "note", f"the cell uses TFA and was left alone: {reason}"))
        elif python.reason.startswith("it cannot"):
            told.append(Finding(cell.first, "note", f"the cell was left alone: {reason}"))
    return Changes(found.edits, tuple(sorted(told)), found.uses)


def written(text: str, cells: list[Cell], edits: tuple[Edit, ...]) -> str:
    """Return a notebook with the changes in the lines of its cells; everything else keeps its bytes."""
    parts, at = [], 0
    for cell in cells:
        own = [
            Edit(_shifted(edit.start, cell), _shifted(edit.end, cell), edit.text)
            for edit in edits
            if cell.first <= edit.start.line < cell.first + cell.lines
        ]
        if own:
            parts += [text[at : cell.start], _value(text, cell, applied(cell.code, own))]
            at = cell.end
    return "".join([*parts, text[at:]])


def _shifted(place: Place, cell: Cell) -> Place:
    return Place(place.line - cell.first + 1, place.column)


def _value(text: str, cell: Cell, code: str) -> str:
    """Return the JSON of a source, in the form that it had: a string, or lines, of which unchanged ones keep their bytes."""
    before = text[cell.start : cell.end]
    if before.startswith('"'):
        return json.dumps(code, ensure_ascii=text.isascii())
    items = [(begin, end) for _, begin, end in _members(text, cell.start)]
    known = {json.loads(text[begin:end]): text[begin:end] for begin, end in items}
    lines = [known.get(line) or json.dumps(line, ensure_ascii=text.isascii()) for line in code.splitlines(keepends=True)]
    lead, trail = text[cell.start + 1 : items[0][0]], text[items[-1][1] : cell.end - 1]
    between = text[items[0][1] : items[1][0]] if len(items) > 1 else f",{lead}"
    return f"[{lead}{between.join(lines)}{trail}]"


def _cells(text: str) -> Iterator[int]:
    """Yield where each cell begins; notebooks before version 4 have them in worksheets."""
    top = {key: begin for key, begin, _ in _members(text, _skip(text, 0))}
    sheets = [begin for _, begin, _ in _members(text, top["worksheets"])] if "worksheets" in top else []
    for sheet in [{key: begin for key, begin, _ in _members(text, begin)} for begin in sheets] or [top]:
        if "cells" in sheet:
            yield from (begin for _, begin, _ in _members(text, sheet["cells"]))


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield the key, the beginning and the end of each value in the JSON object or array that begins at ``at``."""
    key, closing = "", {"{": "}", "[": "]"}.get(text[at])
    at = _skip(text, at + 1)
    while closing is not None and text[at] != closing:
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        begin = at
        _, at = _DECODER.raw_decode(text, at)
        yield key, begin, at
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    assert match is not None
    return match.end()
