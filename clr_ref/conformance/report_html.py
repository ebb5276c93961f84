"""The report on an implementation as an HTML page: verdicts, errors over the step, and curves at the first wrong steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from clr_ref import exact
from clr_ref._files import write_text
from clr_ref.conformance.config import MAX_STEP
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Finding
from clr_ref.pages import html
from clr_ref.pages.html import Markup, join, tag

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM = 860, 250, 84, 40, 34


def write(report: ConformanceReport, path: Path) -> None:
    """Write the page to a file, whole or not at all."""
    write_text(path, page(report))


def page(report: ConformanceReport) -> str:
    """Returns the page."""
    outcome = "conforms" if report.holds else "does not conform"
    title = f"{report.implementation} {outcome}"
    body = [
        tag("h1", title),
        tag(
            "p",
            f"A {report.kind}, judged in {report.dtype} by clr_ref's conformance kit; seed {report.seed}, "
            f"{report.max_examples} random inputs per check.",
        ),
        _summary(report),
    ]
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    if wrong:
        body.append(tag("h2", "What goes wrong first"))
    shown = set()
    for verdict in wrong:
        if verdict.policy in shown:
            continue
        shown.add(verdict.policy)
        body.append(tag("h3", f"{verdict.policy} {verdict.clause} {verdict.name}"))
        if verdict.quote:
            body.append(tag("p", f"“{verdict.quote}”", "quote"))
        body.append(tag("p", verdict.reason) if verdict.reason else Markup())
        if verdict.finding:
            body.append(_curve(verdict.finding) if verdict.finding.config.step_size > 0 else Markup())
            body.append(tag("pre", str(verdict.finding)))
    measured = [_accuracy(verdict.policy, verdict.accuracy) for verdict in report.verdicts if verdict.accuracy]
    if measured:
        body += [tag("h2", "Accuracy"), *measured]
    body.append(tag("h2", "Every verdict"))
    body.append(_verdicts(report.verdicts))
    return html.page(title, body)


def _status(status: str) -> Markup:
    return tag("td", "FAILS" if status == "fails" else status, status.split()[0])


def _number(text: str) -> Markup:
    return tag("td", text, "number")


def _summary(report: ConformanceReport) -> Markup:
    rows = []
    for line in report.policies():
        worst = "-" if line.worst_ulp is None else f"{line.worst_ulp:,.0f}"
        rows.append((line.policy, _status(line.semantics), line.grade, _number(worst)))
    return html.table(("policy", "semantics", "accuracy", "worst ULP"), rows)


def _verdicts(verdicts: Sequence[ClauseVerdict]) -> Markup:
    rows = []
    for verdict in verdicts:
        said = verdict.reason or (
            f"first at step {verdict.finding.step}: {verdict.finding.call}" if verdict.finding else verdict.quote
        )
        examples = _number(f"{verdict.examples:,}")
        rows.append((verdict.policy, verdict.clause, verdict.name, _status(verdict.status), examples, tag("td", said, "quote")))
    return html.table(("policy", "clause", "check or case", "verdict", "inputs", "says"), rows)


def _accuracy(policy: str, accuracy: Accuracy) -> Markup:
    """A plot of the signed distance from the exact rate over the logarithm of the step."""
    points = [(math.log2(1 + step), apart) for step, apart in accuracy.curve]
    words = f"{policy}: {accuracy.grade}; worst {accuracy.worst_ulp:,.0f} ULP over {accuracy.values:,} values"
    if accuracy.worst_config is not None and accuracy.worst_ulp:
        words += f", at {accuracy.worst_config}({accuracy.worst_step})"
    if not points:
        return tag("p", words)
    top = max(1.0, max(abs(y) for _, y in points))
    # On a linear axis that reaches beyond 10 ULP, errors of 1 ULP would look like 0.
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
    return join([tag("p", words), frame.svg(lines, caption), tag("p", caption, "quote")])


def _curve(finding: Finding) -> Markup:
    """A plot of the exact curve around the first wrong step, and of the wrong rate if it is a finite number."""
    schedule, step = finding.config.build(), finding.step
    reach = max(int(2 * schedule.step_size), 4)
    first, stride = max(0, step - reach), max(1, 2 * reach // 240)
    steps = sorted({*range(first, min(step + reach, MAX_STEP) + 1, stride), step})
    truth = [(float(t - first), float(exact.rounded(schedule, t))) for t in steps]
    right, x = float(exact.rounded(schedule, step)), float(step - first)
    returned = finding.disagreement.actual if finding.disagreement is not None else "nan"
    actual = float.fromhex(returned.partition("(")[2].rstrip(")") or returned)
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
        caption += "; red: the rate that was returned"
    return join([frame.svg(lines, caption), tag("p", caption, "quote")])


class _Frame:
    """The coordinates of a plot, and the shapes in it."""

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
            parts.append(tag("line", "", x1=at, x2=at, y1=14, y2=bottom, stroke="#eceff4"))
            parts.append(tag("text", words, x=at, y=bottom + 20, text_anchor="middle"))
        for value, words in ys:
            at = round(self.y(value), 1)
            parts.append(tag("line", "", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, stroke="#d8dce4"))
            parts.append(tag("text", words, x=LEFT - 8, y=at + 4, text_anchor="end"))
        return join(parts)

    def path(self, points: Sequence[tuple[float, float]]) -> Markup:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return tag("polyline", "", points=places, fill="none", stroke="#2456a6", stroke_width=1.6)

    def dot(self, x: float, y: float, colour: str, size: float = 2) -> Markup:
        return tag("circle", "", cx=round(self.x(x), 1), cy=round(self.y(y), 1), r=size, fill=colour)

    def ring(self, x: float, y: float, colour: str) -> Markup:
        place = {"cx": round(self.x(x), 1), "cy": round(self.y(y), 1)}
        return tag("circle", "", **place, r=7, fill="none", stroke=colour, stroke_width=2.5)

    def stem(self, x: float, start: float, stop: float) -> Markup:
        at = round(self.x(x), 1)
        ends = {"y1": round(self.y(start), 1), "y2": round(self.y(stop), 1)}
        return tag("line", "", x1=at, x2=at, **ends, stroke="#b3261e", stroke_dasharray="3 3")

    def svg(self, parts: Sequence[Markup], label: str) -> Markup:
        return tag("svg", join(parts), viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)
