"""The verdict of a study as a page in HTML, which holds its picture."""

from __future__ import annotations

import base64

import clr_ref
from clr_ref.pages import html
from clr_ref.pages.html import Markup, join, tag
from clr_ref.study import words
from clr_ref.study.report_markdown import TITLE
from clr_ref.study.tables import Table, tables
from clr_ref.study.verdict import Difference, Finding, Verdict

#: The colours of the style sheet: green, red, and the one for what is not known.
_KINDS: dict[Finding, str] = {"better": "holds", "worse": "fails", "not distinguishable": "not"}


def page(verdict: Verdict, picture: bytes, caption: str) -> str:
    """Return the page.

    Args:
        verdict: what the study shows.
        picture: a PNG file.
        caption: what the picture shows.
    """
    runs = sum(len(arm.runs) for arm in verdict.arms)
    about = f"{runs:,} runs of {len(verdict.arms)} arms; a report by clr_ref {clr_ref.__version__}, {html.now()}."
    data = base64.b64encode(picture).decode()
    body = [
        tag("ul", join(tag("li", text, _kind(found)) for found, text in words.findings(verdict)), "findings"),
        *(tag("p", text) for text in words.remarks(verdict)),
        tag("div", tag("img", alt=caption, src=f"data:image/png;base64,{data}"), "picture", tabindex=0),
        tag("p", f"{caption}.", "quote"),
    ]
    for table in tables(verdict):
        body += [tag("h2", table.title), _table(table)]
    body += [tag("h2", "How to read it"), tag("ul", join(tag("li", text) for text in words.method(verdict)))]
    return html.page(TITLE, about, body)


def _kind(found: Difference | None) -> str:
    return "not" if found is None else _KINDS[found.finding]


def _table(table: Table) -> Markup:
    rows = []
    for number, row in enumerate(table.rows):
        cells = [html.number(text) if name.startswith(">") else text for name, text in zip(table.columns, row, strict=True)]
        if table.differences:
            column = table.columns.index("finding")
            cells[column] = tag("td", row[column], _KINDS[table.differences[number].finding])
        rows.append(cells)
    return html.table([name.removeprefix(">") for name in table.columns], rows)
