"""Pages in HTML, each a file that loads no other.

``tag`` escapes every text that is not ``Markup`` already, and no other function makes markup of a text.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1.5rem; color: #1d2330 }
h1 { font-size: 1.5rem }
h2 { font-size: 1.15rem; margin-top: 2.2rem }
div { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .6rem; vertical-align: top; border-bottom: 1px solid #e8ebf0 }
th { border-bottom: 2px solid #1d2330 }
td.number { text-align: right }
pre { background: #f5f6f9; padding: .8rem; overflow-x: auto; font-size: 13px }
img, svg { max-width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #1d2330 }
.holds { color: #17663a }
.fails { color: #b3261e; font-weight: 600 }
.excused, .skipped { color: #8a5a00 }
.not, .quote { color: #69707f }
"""
#: Elements without content, which have no end tag.
_VOID = {"img", "meta"}


class Markup(str):
    """Text that is HTML already."""


def tag(name: str, content: str = "", kind: str = "", /, **attributes: object) -> Markup:
    """An element.

    Args:
        name: of the element.
        content: what it holds; a text is escaped unless it is Markup.
        kind: its class, if any.
        attributes: its other attributes; "_" in a name stands for "-".
    """
    inside = content if isinstance(content, Markup) else html.escape(content)
    given = {"class": kind, **attributes} if kind else attributes
    words = "".join(f' {key.replace("_", "-")}="{html.escape(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{words}>" if name in _VOID else f"<{name}{words}>{inside}</{name}>")


def join(parts: Iterable[Markup], between: str = "") -> Markup:
    """One Markup of several."""
    return Markup(between.join(parts))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table that scrolls sideways where the page is too narrow for it.

    Args:
        columns: the heads.
        rows: a cell per column. A text becomes the cell's content; Markup must be a whole ``td`` element.
    """
    lines = [join(tag("th", name) for name in columns)]
    lines += [join(cell if isinstance(cell, Markup) else tag("td", cell) for cell in row) for row in rows]
    return tag("div", tag("table", join(tag("tr", line) for line in lines)))


def page(title: str, body: Iterable[Markup], style: str = "") -> str:
    """The whole page.

    Args:
        title: for the browser's window.
        body: its elements.
        style: CSS that is added to STYLE.
    """
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", title),
        tag("style", Markup(STYLE + style)),
    ]
    return f'<!doctype html>\n<html lang="en"><head>{join(head)}</head>\n<body>{join(body, chr(10))}</body></html>\n'
