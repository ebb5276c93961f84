"""Cells of a notebook as Python: the lines that only IPython understands are blanked out, and no line moves."""

from __future__ import annotations

import io
import re
import tokenize
from typing import NamedTuple

from clr_ref.migrate.edits import lines_of
from clr_ref.migrate.names import ParseError, check_syntax

#: The cell magics whose cells are Python that runs in the notebook.
_OF_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")
_ASSIGNED = re.compile(r"\s*[^=#'\"]+=\s*(?=[!%])")


class Cell(NamedTuple):
    """The code of a cell.

    Attributes:
        python: Python with as many lines as the cell.
        left: what is no Python, or "".
        reason: why the whole cell is left alone, or "".
    """

    python: str
    left: str = ""
    reason: str = ""


def read(code: str) -> Cell:
    r"""Return a cell as Python.

    >>> read("%matplotlib inline\nx = 1")
    Cell(python='pass\nx = 1\n', left='%matplotlib inline\n', reason='')
    """
    text = code if code.endswith(("\n", "\r")) or not code else code + "\n"
    lines = lines_of(text)
    magic = next((line.split()[0] for line in lines if line.strip()), "")
    if magic.startswith("%%") and magic not in _OF_PYTHON:
        return Cell("\n" * len(lines), text, f"it begins with {magic}")
    try:
        check_syntax(text)
        return Cell(text)
    except ParseError as error:
        problem = str(error)
    python, left = _masked(lines)
    try:
        check_syntax(python)
    except ParseError:
        return Cell("\n" * len(lines), text, f"it cannot be parsed ({problem})")
    return Cell(python, left)


def _masked(lines: list[str]) -> tuple[str, str]:
    """Return Python in place of some lines, and what was replaced."""
    python, left, at = [], [], 0
    while at < len(lines):
        line = lines[at].strip()
        assigned = _ASSIGNED.match(lines[at])
        if line.startswith(("%", "!", "?")) or assigned or (line.endswith("?") and not line.startswith("#")):
            end = _end_of_magic(lines, at)
            indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            python += [f"{assigned[0]}None\n" if assigned else "\n" if line.startswith("%%") else f"{indent}pass\n"]
            python += ["\n"] * (end - at - 1)
            left += lines[at:end]
        else:
            end = _end_of_statement(lines, at)
            python += lines[at:end]
        at = end
    return "".join(python), "".join(left)


def _end_of_magic(lines: list[str], at: int) -> int:
    end = at + 1
    while end < len(lines) and lines[end - 1].rstrip("\r\n").endswith("\\"):
        end += 1
    return end


def _end_of_statement(lines: list[str], at: int) -> int:
    """Return where the line that begins at ``at`` ends: brackets and strings may go over several."""
    for end in range(at + 1, len(lines) + 1):
        text = "".join(lines[at:end]).lstrip()
        try:
            list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (tokenize.TokenError, SyntaxError):
            continue
        return end
    return at + 1
