"""The page that ``clr-ref bench`` writes: a run, and a stored one beside it."""

from __future__ import annotations

from collections.abc import Sequence

from clr_ref.bench.compare import SAME_PROCESSOR, Change, compare, has_key_figure
from clr_ref.bench.contenders import BASELINE
from clr_ref.bench.figures import Figure
from clr_ref.bench.page import show_extra, show_memory, show_ratio, show_time
from clr_ref.bench.report import Report
from clr_ref.pages import html
from clr_ref.pages.html import Markup, join, number, tag

#: Begins every page of the benchmark, and no other file.
TITLE = "Benchmark of clr_ref"
_WIDTH, _HEIGHT = 140, 22


def page(report: Report, stored: Report | None = None) -> str:
    """The page.

    Args:
        report: the run.
        stored: the run with which it is compared, if any.
    """
    changes = [] if stored is None else compare(report, stored)
    body = [*_comparison(report, stored, changes)] if stored is not None else []
    body += [
        tag("h2", "Every figure"),
        tag(
            "p",
            f"A ratio is the time of a call divided by that of {BASELINE} for as many steps in the same round: the median of "
            "all rounds, and the quartiles. Memory is the most that was allocated during a call, as a multiple of the result.",
        ),
        _figures(report.figures),
    ]
    if report.training:
        rows = [
            (t.schedule, t.mode, number(show_time(t.step), t.step), number(show_extra(t), t.extra)) for t in report.training
        ]
        body += [tag("h2", "One train step"), html.table(("schedule", "mode", "a step", "more than a constant rate"), rows)]
    if report.harness:
        harness = [(name, number(f"{value:.2f}")) for name, value in report.harness.items()]
        body += [tag("h2", "The harness"), html.table(("what", "measured"), harness)]
    if report.missing:
        body += [tag("h2", "Not measured"), html.table(("contender", "why"), list(report.missing.items()))]
    body += [tag("h2", "Measured on"), _machines(report, stored)]
    return html.page(TITLE, f"This is {_named(report)}.", body)


def _named(report: Report) -> str:
    version, when = (report.machine.get(name) for name in ("clr_ref", "measured"))
    if not (version and when):
        return "a run that does not say when, and in which version of clr_ref, it was measured"
    return f"clr_ref {version}, measured {when}"


def _comparison(report: Report, stored: Report, changes: Sequence[Change]) -> list[Markup]:
    if not has_key_figure(changes):
        return [tag("ul", tag("li", "Nothing to compare: the stored run has none of these key figures.", "fails"), "findings")]
    wrong = [change for change in changes if not change.holds]
    limit = changes[0].limit
    machine = "the same processor" if limit == SAME_PROCESSOR else "another processor"
    words = (
        f"{len(wrong)} of {sum(c.key for c in changes)} key figures are more than {limit:g} times the stored ones."
        if wrong
        else f"All {sum(c.key for c in changes)} key figures are at most {limit:g} times the stored ones."
    )
    lines = [tag("li", words, "fails" if wrong else "holds")]
    now, then = ({(f.contender, f.size): f for f in one.figures} for one in (report, stored))
    rows = []
    for change in sorted(changes, key=lambda change: (change.holds, not change.key)):
        place = change.contender, change.size
        rows.append(
            (
                change.contender,
                number(f"{change.size:,}"),
                _judged(change, now[place], then[place]),
                number(f"{100 * (change.now / change.then - 1):+,.0f} %", change.now / change.then),
                number(show_ratio(change.then)),
                number(show_ratio(change.now)),
                tag("td", _bars(now[place], then[place])),
            )
        )
    return [
        tag("ul", join(lines), "findings"),
        tag("p", f"The stored run: {_named(stored)}, on {machine}."),
        html.table(("contender", "steps", "verdict", "change", "stored ratio", "new ratio", "quartiles: stored, new"), rows),
    ]


def _judged(change: Change, now: Figure, then: Figure) -> Markup:
    if not change.holds:
        return tag("td", "FAILS", "fails")
    moved = "slower" if now.low > then.high else "faster" if now.high < then.low else "no clear change"
    return tag("td", moved, {"slower": "excused", "faster": "holds"}.get(moved, "not"))


def _bars(now: Figure, then: Figure) -> Markup:
    """The quartiles of both runs as two lines on one axis from 0, with the medians as dots."""
    full = max(now.high, then.high) or 1.0
    parts = []
    for figure, y, kind in ((then, 6, "faint"), (now, 16, "exact")):
        shares = (min(value / full, 1.0) for value in (figure.low, figure.ratio, figure.high))
        low, middle, high = (round(4 + (_WIDTH - 8) * share, 1) for share in shares)
        parts.append(tag("line", "", f"line {kind}", x1=low, x2=high, y1=y, y2=y))
        parts.append(tag("circle", "", "dot" if kind == "exact" else "grey", cx=middle, cy=y, r=3))
    words = f"stored {show_ratio(then.low)} to {show_ratio(then.high)}, new {show_ratio(now.low)} to {show_ratio(now.high)}"
    return tag("svg", join(parts), viewBox=f"0 0 {_WIDTH} {_HEIGHT}", width=_WIDTH, role="img", aria_label=words)


def _figures(figures: Sequence[Figure]) -> Markup:
    rows = [
        (
            f.contender,
            number(f"{f.size:,}"),
            number(show_time(f.median), f.median),
            number(show_ratio(f.ratio), f.ratio),
            number(f"{show_ratio(f.low)} to {show_ratio(f.high)}", f.low),
            number(show_memory(f)),
        )
        for f in figures
    ]
    return html.table(("contender", "steps", "a call", "ratio", "quartiles", "memory"), rows)


def _machines(report: Report, stored: Report | None) -> Markup:
    if stored is None:
        return html.table(("what", "which"), list(report.machine.items()))
    names = dict.fromkeys([*report.machine, *stored.machine])
    rows = [(name, report.machine.get(name, "-"), stored.machine.get(name, "-")) for name in names]
    return html.table(("what", "this run", "the stored run"), rows)
