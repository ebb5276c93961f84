"""Pages in HTML, each a file that loads no other.

``tag`` escapes every text that is not ``Markup`` already, and no other function makes markup of a text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

#: The style sheet and the script that every page holds.
STYLE, SCRIPT = (Path(__file__).with_name(f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
#: Elements without content, which have no end tag.
_VOID = {"img", "meta"}
#: A longer cell is given a least width; a narrow window would otherwise show it with a word on each line.
_LONG = 40
#: What no HTML may hold, however it is written: control characters, and halves of surrogate pairs, which UTF-8 cannot encode.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


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
    inside = content if isinstance(content, Markup) else _escaped(content)
    given = {"class": kind, **attributes} if kind else attributes
    words = "".join(f' {key.replace("_", "-")}="{_escaped(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{words}>" if name in _VOID else f"<{name}{words}>{inside}</{name}>")


def join(parts: Iterable[Markup], between: str = "") -> Markup:
    """One Markup of several."""
    return Markup(between.join(parts))


def number(text: str, value: float | None = None) -> Markup:
    """A cell that is set flush right, and sorted by ``value``; without one, by the number that the text is."""
    return tag("td", text, "number") if value is None else tag("td", text, "number", data_sort=repr(value))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> Markup:
    """A table that scrolls sideways where the page is too narrow for it, and that a reader can sort.

    Args:
        columns: the heads.
        rows: a cell per column. A text becomes the cell's content; Markup must be a whole ``td`` element.
        kind: "wide" for one that needs the whole window.
    """
    lines = [join(map(_cell, row)) for row in rows]
    head, body = tag("thead", tag("tr", join(tag("th", name) for name in columns))), join(tag("tr", line) for line in lines)
    # A box that scrolls can be reached with the keyboard only if it takes the focus.
    return tag("div", tag("table", join([head, tag("tbody", body)]), kind), "box", tabindex=0)


def _cell(content: str) -> Markup:
    if isinstance(content, Markup):
        return content
    return tag("td", content, "text" if len(content) > _LONG else "")


def page(title: str, about: str, body: Iterable[Markup]) -> str:
    """The whole page.

    Args:
        title: its head, and that of the browser's window.
        about: what was measured, in which version, and when.
        body: the elements that follow.
    """
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    ]
    parts = [tag("h1", title), tag("p", about, "about"), *body, tag("script", Markup(SCRIPT))]
    return f'<!doctype html>\n<html lang="en"><head>{join(head)}</head>\n<body>{join(parts, chr(10))}</body></html>\n'


def now() -> str:
    """The date and the time, for ``about``."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"


def _escaped(text: str) -> str:
    return html.escape(_UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text))
