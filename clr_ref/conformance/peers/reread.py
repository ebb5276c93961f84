"""Read back the pages that ``report`` writes, so that the rows of one peer can be renewed and those of the others stay.

A page holds four tables, which are known by their column names. What ``report`` makes of a page that was read is the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

from clr_ref import pages
from clr_ref.conformance.peers import report

Rows = list[list[str]]


class PageError(ValueError):
    """A file is no page about the peers."""


def read_page(text: str) -> list[dict[str, Any]]:
    """Returns what a page, Markdown or HTML, says about every peer, in the form that ``report`` takes.

    Raises:
        PageError: a table is missing, or does not fit the others.
    """
    try:
        tables = _html_tables(text) if "<table" in text else _markdown_tables(text)
        by_columns = {tuple(rows[0][:2]): rows for rows in tables}
        overview, bugs, deviations, matrix = (
            by_columns[columns] for columns in (("peer", "package"), ("version", "bug"), ("peer", "why"), ("clause", "check"))
        )
        by_name = _peers(overview[1:])
        peers = {name: by_name[name] for name in matrix[0][2:]}  # in HTML the worst peers come first in the other tables
        _add_bugs(peers, bugs[1:])
        _add_verdicts(peers, deviations[1:], matrix)
    except (KeyError, IndexError, ValueError) as error:
        raise PageError(f"it is no page about the peers: {type(error).__name__}: {error}") from None
    return list(peers.values())


def renew(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """Returns the peers of ``old`` with those of ``new`` in their places, in the order of ``names``.

    A peer that could not be tested stays as it was; one that ``names`` does not hold is dropped.
    """
    peers = {peer["name"]: peer for peer in old} | {peer["name"]: peer for peer in new if "error" not in peer}
    return [peers[name] for name in names if name in peers]


def _peers(rows: Rows) -> dict[str, dict[str, Any]]:
    """Returns the peers by name, without bugs and verdicts."""
    peers: dict[str, dict[str, Any]] = {}
    statuses = {mark: status for status, mark in report.MARKS.items()} | {report.DISTRUST: "excused"}
    for name, version, policy, semantics, grade, worst, dtype, cost, tested in rows:
        package, _, number = version.partition(" ")
        empty: dict[str, Any] = {"name": name, "package": package, "version": number, "bugs": [], "tested": tested}
        if cost:
            empty["cost"] = float(cost)
        peer = peers.setdefault(name, empty | {"report": {"dtype": dtype, "policies": [], "verdicts": [], "told": []}})
        line = {"policy": policy, "semantics": statuses.get(semantics, semantics), "grade": grade}
        peer["report"]["policies"].append(line | {"worst_ulp": float(worst.replace(",", "")) if worst else None})
    return peers


def _add_bugs(peers: dict[str, dict[str, Any]], rows: Rows) -> None:
    """Adds every bug to the first peer of its package."""
    for version, name, seen in rows:
        title, link = name[1:-1].rsplit("](", 1)
        peer = {f"{peer['package']} {peer['version']}": peer for peer in reversed(peers.values())}[version]
        bug = {"title": title, "link": link, "seen": "", "fixed": ""}
        for field, prefix in (("seen", report.OCCURS), ("fixed", report.FIXED)):
            if seen.startswith(prefix) and seen != prefix:
                bug[field] = seen.removeprefix(prefix)
        if not bug["seen"] and not bug["fixed"] and seen != report.GONE:  # it would be lost when the page is written again
            raise ValueError(f"the bug {title!r} neither occurs nor is fixed: {seen!r}")
        peer["bugs"].append(bug)


def _add_verdicts(peers: dict[str, dict[str, Any]], deviations: Rows, matrix: Rows) -> None:
    """Adds to every peer a verdict for each cell of its column, and one for each place that a deviation excuses.

    The page holds only the worst of the policies, so a verdict of the first kind has no policy.
    """
    statuses = {mark: status for status, mark in report.MARKS.items()} | {"": "not asked"}
    marks: dict[tuple[str, str, str], str] = {}
    for clause, label, *cells in matrix[1:]:
        check = label.removeprefix("case ")
        part = "case" if check != label else "accuracy" if check == "accuracy" else "clause"
        for name, mark in zip(matrix[0][2:], cells, strict=True):
            marks[name, clause, check] = statuses[mark]
            # What is excused follows with its policies; this verdict keeps the place of the check in the page.
            status = "not asked" if statuses[mark] in ("excused", "skipped") else statuses[mark]
            verdict = {"policy": "", "part": part, "clause": clause, "name": check, "status": status}
            peers[name]["report"]["verdicts"].append(verdict | {"reason": "", "finding": None})
    for name, reason, where in deviations:
        for place in where.split(", "):
            policy, clause, check = place.split(" ", 2)
            (verdict,) = (
                v for v in peers[name]["report"]["verdicts"] if (v["policy"], v["clause"], v["name"]) == ("", clause, check)
            )
            status = "skipped" if marks[name, clause, check] == "skipped" else "excused"
            peers[name]["report"]["verdicts"].append(verdict | {"policy": policy, "status": status, "reason": reason})


def _markdown_tables(text: str) -> list[Rows]:
    """Returns the cells of all tables in a Markdown page, header first."""
    tables: list[Rows] = [[]]
    for line in text.split("\n"):
        if line.startswith("| "):
            cells = [pages.markdown.unescaped(cell[1:-1]) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not set("".join(cells)) <= set("-:"):  # the ruler under the header
                tables[-1].append(cells)
        elif tables[-1]:
            tables.append([])
    return [rows for rows in tables if rows]


def _html_tables(text: str) -> list[Rows]:
    """Returns the cells of all tables in an HTML page, header first; a link is written as in Markdown."""
    parser = _Tables()
    parser.feed(text)
    return parser.tables


class _Tables(HTMLParser):
    """A parser that collects the cells of all tables."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Rows] = []
        self._link = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
            self._inside = True
        elif tag == "a" and self._inside:
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.tables[-1][-1][-1] += f"[{data}]({self._link})" if self._link else data
            self._link = ""
