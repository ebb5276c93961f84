"""Tables and pages in Markdown, as GitHub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def page(blocks: Iterable[str]) -> str:
    """The blocks with an empty line between two, and a newline at the end."""
    return "\n\n".join(blocks) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, without a newline at the end.

    Args:
        columns: the heads. A column whose head starts with ">" is set flush right.
        rows: a cell per column. Cells may hold Markdown, such as a link, but no HTML: a "<" is shown as such.
    """
    ruler = ["---:" if name.startswith(">") else "---" for name in columns]
    heads = [name.removeprefix(">") for name in columns]
    # Without the backslash a "|" would end the cell.
    cells = ([escaped(cell).replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in (heads, ruler, *cells))


def escaped(text: str) -> str:
    """A text on one line in which "<" begins no HTML, and "**" and "__" no bold, except inside backticks."""
    outside = r"`[^`]*`|\*\*|__"
    one_line = text.replace("<", "&lt;").replace("\n", " ")
    return re.sub(
        outside, lambda found: found[0] if found[0][0] == "`" else "".join(f"\\{sign}" for sign in found[0]), one_line
    )


def unescaped(text: str) -> str:
    """The text of a cell of ``table``, if the text has neither a backslash nor an ``&lt;``."""
    return re.sub(r"\\([|*_])", r"\1", text).replace("&lt;", "<")
