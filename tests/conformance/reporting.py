"""A small report on an implementation, and the elements of its page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from clr_ref.conformance import report_html
from clr_ref.conformance.config import Config
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Curve, Finding

WIDE = Config("triangular", 0.0, 1.0, 4, dtype="float64")
FINDING = Finding(WIDE, 5, "wrong <words>", "steps 0 to 4 are right", None, "clr-ref conform x")
GOOD = Accuracy("float64", "correctly rounded", 1234, 0.0, 0.0, None, 0, WIDE, ())


def verdict(policy: str, status: str, name: str = "rises", **more: Any) -> ClauseVerdict:
    return ClauseVerdict(
        policy, **{"part": "clause", "clause": "2.1", "name": name, "quote": "A <quote>.", "status": status} | more
    )


def report(*verdicts: ClauseVerdict, curves: tuple[Curve, ...] = (), implementation: str = "nowhere:make") -> ConformanceReport:
    return ConformanceReport(implementation, "schedule", "float32", 3, 60, verdicts, curves)


def body(*verdicts: ClauseVerdict, curves: tuple[Curve, ...] = (), implementation: str = "nowhere:make") -> list[str]:
    """The lines of the page's body. A list and a table have a line for each item, row and head."""
    page = report_html.page(report(*verdicts, curves=curves, implementation=implementation))
    text = page.partition("<body>")[2].partition("<script>")[0].rstrip("\n")
    return re.sub("(?<!^)(?=<(?:li|tr|tbody|line|polyline|circle)[ >])", "\n", text).splitlines()


def rows(lines: Sequence[str]) -> list[list[str]]:
    """The cells of all rows, each as its class and its text: ``fails|FAILS``."""
    cells = (re.findall('<td(?: class="([^"]*)")?>(.*?)</td>', line) for line in lines)
    return [[f"{kind}|{text}" if kind else text for kind, text in found] for found in cells if found]


def items(lines: Sequence[str]) -> list[str]:
    return [line.partition("</li>")[0] for line in lines if line.startswith("<li")]


def shapes(lines: Sequence[str]) -> list[str]:
    """The labels, dots and lines of curves as short texts: ``88.0,226.0 0``, ``dot 88.0,226.0``, ``exact 88.0,226.0``."""
    found = []
    for shape in re.findall(r"<(?:text|circle|polyline) .*?>[^<]*<", "".join(lines)):
        value = dict(re.findall(r'([a-z0-9-]+)="([^"]*)"', shape))
        if shape.startswith("<text"):
            found.append(f"{value['x']},{value['y']} {shape.partition('>')[2][:-1]}")
        elif shape.startswith("<circle"):
            found.append(f"{value['class']} {value['r']} at {value['cx']},{value['cy']}")
        else:
            found.append(f"{value['class']} {value['points']}")
    return found
