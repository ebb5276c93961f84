"""A report as one HTML file that needs nothing else: verdicts, accuracy over steps, the first disagreement as a curve.

Every text passes through ``html.escape`` on its way in: ``_tag`` is the only place that makes markup of text.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path

from clr_ref import exact
from clr_ref._files import write_text
from clr_ref.conformance.config import MAX_STEP
from clr_ref.conformance.verdict import Accuracy, Finding, Report, Verdict

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2330 }
h1 { font-size: 1.5rem }
h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #d8dce4 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; vertical-align: top }
th { border-bottom: 2px solid #1d2330 }
td { border-bottom: 1px solid #e8ebf0 }
td.number { text-align: right; padding-right: 1.2rem }
.holds { color: #17663a }
.fails { color: #b3261e; font-weight: 600 }
.excused, .skipped { color: #8a5a00 }
.not, .quote { color: #69707f }
pre { background: #f5f6f9; padding: .8rem; overflow-x: auto; font-size: 13px }
svg { width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: #1d2330 }
"""
WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 860, 250, 84, 40, 34


class Markup(str):
    """Text that is HTML already."""


def write(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(path, page(report))


def page(report: Report) -> str:
    """The report as HTML."""
    outcome = "conforms" if report.holds else "does not conform"
    title = f"{report.implementation} {outcome}"
    body = [
        _tag("h1", title),
        _tag(
            "p",
            f"A {report.kind}, judged in {report.dtype} by clr_ref's conformance kit; seed {report.seed}, "
            f"{report.max_examples} made-up inputs per check.",
        ),
        _summary(report),
    ]
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    if wrong:
        body.append(_tag("h2", "What goes wrong first"))
    told = set()
    for verdict in wrong:
        if verdict.policy in told:
            continue
        told.add(verdict.policy)
        body.append(_tag("h3", f"{verdict.policy} {verdict.clause} {verdict.name}"))
        if verdict.quote:
            body.append(_tag("p", f"“{verdict.quote}”", "quote"))
        body.append(_tag("p", verdict.reason) if verdict.reason else Markup())
        if verdict.finding:
            body.append(_curve(verdict.finding) if verdict.finding.config.step_size > 0 else Markup())
            body.append(_tag("pre", str(verdict.finding)))
    measured = [verdict.accuracy for verdict in report.verdicts if verdict.accuracy]
    if measured:
        body.append(_tag("h2", "Accuracy"))
        body += [_accuracy(policy, accuracy) for policy, accuracy in _graded(report)]
    body.append(_tag("h2", "Every verdict"))
    body.append(_verdicts(report.verdicts))
    head = _tag("meta", "", charset="utf-8") + _tag("meta", "", name="viewport", content="width=device-width")
    head += _tag("title", title) + f"<style>{STYLE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{chr(10).join(body)}</body></html>\n'


def _tag(name: str, text: str, kind: str = "", /, **attributes: object) -> Markup:
    inside = text if isinstance(text, Markup) else html.escape(text)
    given = {"class": kind, **attributes} if kind else attributes
    words = "".join(f' {key.replace("_", "-")}="{html.escape(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{words}>" if name == "meta" else f"<{name}{words}>{inside}</{name}>")


def _join(parts: Sequence[str]) -> Markup:
    return Markup("".join(parts))


def _row(cells: Sequence[str], tag: str = "td") -> Markup:
    return _tag("tr", _join([cell if cell.startswith(f"<{tag}") else _tag(tag, cell) for cell in cells]))


def _status(status: str) -> Markup:
    return _tag("td", "FAILS" if status == "fails" else status, status.split()[0])


def _summary(report: Report) -> Markup:
    rows = [_row(("policy", "semantics", "accuracy", "worst ULP"), "th")]
    for line in report.policies():
        worst = "-" if line.worst_ulp is None else f"{line.worst_ulp:,.0f}"
        rows.append(
            _row((_tag("td", line.policy), _status(line.semantics), _tag("td", line.grade), _tag("td", worst, "number")))
        )
    return _tag("table", _join(rows))


def _verdicts(verdicts: Sequence[Verdict]) -> Markup:
    rows = [_row(("policy", "clause", "check or case", "verdict", "inputs", "says"), "th")]
    for verdict in verdicts:
        said = verdict.reason or (
            f"first at step {verdict.finding.step}: {verdict.finding.call}" if verdict.finding else verdict.quote
        )
        cells = (verdict.policy, verdict.clause, verdict.name)
        rows.append(
            _row(
                (
                    *(_tag("td", cell) for cell in cells),
                    _status(verdict.status),
                    _tag("td", f"{verdict.examples:,}", "number"),
                    _tag("td", said, "quote"),
                )
            )
        )
    return _tag("table", _join(rows))


def _graded(report: Report) -> list[tuple[str, Accuracy]]:
    return [(verdict.policy, verdict.accuracy) for verdict in report.verdicts if verdict.accuracy]


def _accuracy(policy: str, accuracy: Accuracy) -> Markup:
    """Signed distance from the exact rate over the logarithm of the step."""
    points = [(math.log2(1 + step), apart) for step, apart in accuracy.curve]
    words = f"{policy}: {accuracy.grade}; worst {accuracy.worst_ulp:,.0f} ULP over {accuracy.values:,} values"
    if accuracy.worst_config is not None and accuracy.worst_ulp:
        words += f", at {accuracy.worst_config}({accuracy.worst_step})"
    if not points:
        return _tag("p", words)
    top = max(1.0, max(abs(y) for _, y in points))
    # Past 10 ULP the square root keeps the small errors to be seen.
    squeeze = (lambda y: math.copysign(math.sqrt(abs(y)), y)) if top > 10 else (lambda y: y)
    frame = _Frame(0, max(x for x, _ in points) or 1, -squeeze(top), squeeze(top))
    ticks = [(math.log2(1 + t), f"{t:,}") for t in (0, 10, 100, 1000, 10_000, 100_000, 1_000_000)]
    lines = [
        frame.axes(
            [tick for tick in ticks if tick[0] <= frame.right],
            [(-squeeze(top), f"-{top:,.0f}"), (0, "0"), (squeeze(top), f"+{top:,.0f}")],
        )
    ]
    lines += [frame.dot(x, squeeze(y), "#2456a6" if y else "#9aa3b2") for x, y in points]
    caption = f"Error in ULP of {accuracy.dtype} over the step, for {accuracy.curve_config}"
    return _join([_tag("p", words), frame.svg(lines, caption), _tag("p", caption, "quote")])


def _curve(finding: Finding) -> Markup:
    """The exact curve around the first wrong step, and the wrong answer, if it is a number."""
    schedule, step = finding.config.build(), finding.step
    reach = max(int(2 * schedule.step_size), 4)
    first, stride = max(0, step - reach), max(1, 2 * reach // 240)
    steps = sorted({*range(first, min(step + reach, MAX_STEP) + 1, stride), step})
    truth = [(float(t - first), float(exact.rounded(schedule, t))) for t in steps]
    right, x = float(exact.rounded(schedule, step)), float(step - first)
    told = finding.disagreement.actual if finding.disagreement is not None else "nan"
    actual = float.fromhex(told.partition("(")[2].rstrip(")") or told)
    shown = [y for _, y in truth] + ([actual] if math.isfinite(actual) else [])
    low, high = min(shown), max(shown)
    pad = (high - low) * 0.08 or abs(high) or 1.0
    frame = _Frame(0, truth[-1][0] or 1, low - pad, high + pad)
    ends = [(0.0, f"{first:,}"), (truth[-1][0], f"{first + int(truth[-1][0]):,}")]
    ticks = [(x, f"step {step:,}"), *(end for end in ends if abs(end[0] - x) > 0.15 * frame.right)]
    lines = [frame.axes(ticks, [(low, f"{low:.4g}"), (high, f"{high:.4g}")]), frame.path(truth)]
    lines.append(frame.dot(x, right, "#17663a", 4))
    caption = "The exact curve; green: the exact rate at the first wrong step"
    if math.isfinite(actual):
        lines += [frame.stem(x, right, actual), frame.ring(x, actual, "#b3261e")]
        caption += "; red: the answer"
    return _join([frame.svg(lines, caption), _tag("p", caption, "quote")])


class _Frame:
    """A plot's coordinates, and the shapes in them."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right, self._low, self._high = left, right, low, high

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.left) / (self.right - self.left)

    def y(self, value: float) -> float:
        return (HEIGHT - BOTTOM) - (HEIGHT - BOTTOM - 14) * (value - self._low) / (self._high - self._low)

    def axes(self, xs: Sequence[tuple[float, str]], ys: Sequence[tuple[float, str]]) -> Markup:
        bottom = HEIGHT - BOTTOM
        parts = []
        for value, words in xs:
            at = round(self.x(value), 1)
            parts.append(_tag("line", "", x1=at, x2=at, y1=14, y2=bottom, stroke="#eceff4"))
            parts.append(_tag("text", words, x=at, y=bottom + 20, text_anchor="middle"))
        for value, words in ys:
            at = round(self.y(value), 1)
            parts.append(_tag("line", "", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, stroke="#d8dce4"))
            parts.append(_tag("text", words, x=LEFT - 8, y=at + 4, text_anchor="end"))
        return _join(parts)

    def path(self, points: Sequence[tuple[float, float]]) -> Markup:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return _tag("polyline", "", points=places, fill="none", stroke="#2456a6", stroke_width=1.6)

    def dot(self, x: float, y: float, colour: str, size: float = 2) -> Markup:
        return _tag("circle", "", cx=round(self.x(x), 1), cy=round(self.y(y), 1), r=size, fill=colour)

    def ring(self, x: float, y: float, colour: str) -> Markup:
        place = {"cx": round(self.x(x), 1), "cy": round(self.y(y), 1)}
        return _tag("circle", "", **place, r=7, fill="none", stroke=colour, stroke_width=2.5)

    def stem(self, x: float, start: float, stop: float) -> Markup:
        at = round(self.x(x), 1)
        ends = {"y1": round(self.y(start), 1), "y2": round(self.y(stop), 1)}
        return _tag("line", "", x1=at, x2=at, **ends, stroke="#b3261e", stroke_dasharray="3 3")

    def svg(self, parts: Sequence[str], label: str) -> Markup:
        return _tag("svg", _join(parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)
