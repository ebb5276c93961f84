"""The verdict of a study as a page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from clr_ref.pages import markdown
from clr_ref.study import words
from clr_ref.study.tables import tables
from clr_ref.study.verdict import Verdict

TITLE = "What the study shows"


def page(verdict: Verdict, picture: str, caption: str) -> str:
    """Return the page.

    Args:
        verdict: what the study shows.
        picture: where the picture is, relative to the page.
        caption: what the picture shows.
    """
    blocks = [f"# {TITLE}", _list(text for _, text in words.findings(verdict))]
    if remarks := words.remarks(verdict):
        blocks.append(_list(remarks))
    blocks.append(f"![{caption}]({picture})")
    for table in tables(verdict):
        blocks += [f"## {markdown.escaped(table.title)}", markdown.table(table.columns, table.rows)]
    blocks += ["## How to read it", _list(words.method(verdict))]
    return markdown.page(blocks)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {markdown.escaped(text)}" for text in texts)
