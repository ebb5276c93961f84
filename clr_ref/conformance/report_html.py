"""The report on an implementation as an HTML page: verdicts, errors over the step, and curves at the first wrong steps."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
from collections.abc import Sequence
from pathlib import Path

import clr_ref
from clr_ref import exact
from clr_ref._files import write_text
from clr_ref.conformance.curves import around
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Curve, Finding, PolicySummary
from clr_ref.pages import html, svg
from clr_ref.pages.html import Markup, join, number, tag

#: Worst first.
_ORDER = ("fails", "excused", "skipped", "holds", "not offered", "not asked")


def write(report: ConformanceReport, path: Path) -> None:
    """Write the page to a file, whole or not at all."""
    write_text(path, page(report))


def page(report: ConformanceReport) -> str:
    """Returns the page. What failed stands before what holds."""
    about = (
        f"A {report.kind}, {_version(report.implementation)}. Its rates were compared in {report.dtype} by the conformance kit "
        f"of clr_ref {clr_ref.__version__}, {html.now()}; seed {report.seed}, {report.max_examples} random inputs per check."
    )
    wrong = [verdict for verdict in report.verdicts if verdict.fails]
    failing = {verdict.policy for verdict in wrong}
    policies = sorted(
        report.policies(),
        key=lambda line: (not _distrusted(report, line), line.policy not in failing, _ORDER.index(line.semantics)),
    )
    body = [tag("ul", join(_sentence(report, line) for line in policies), "findings"), _summary(report, policies)]
    if wrong:
        body.append(tag("h2", "What goes wrong first"))
    for policy in [*(line.policy for line in policies), ""]:  # an exceptions file can fail without a policy
        first = next((verdict for verdict in wrong if verdict.policy == policy), None)
        if first is not None:
            body += _first_failure(first, report.curves)
    body += [tag("h2", "Every verdict"), _verdicts(report.verdicts)]
    measured = [_accuracy(verdict.policy, verdict.accuracy) for verdict in report.verdicts if verdict.accuracy]
    if measured:
        body += [tag("h2", "Accuracy"), *measured]
    return html.page(f"{report.implementation} {report.outcome}", about, body)


def _version(implementation: str) -> str:
    """Returns which version of an implementation is tested: that of its package, or the checksum of its file."""
    place = implementation.rpartition(":")[0]
    if place.endswith(".py"):
        try:
            return f"the file {place} with sha256 {hashlib.sha256(Path(place).read_bytes()).hexdigest()[:16]}"
        except OSError:
            return "of a file that cannot be read any more"
    names = importlib.metadata.packages_distributions().get(place.partition(".")[0], ())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in dict.fromkeys(names)]
    return " and ".join(versions) if versions else "of no installed package, and so without a version"


def _distrusted(report: ConformanceReport, line: PolicySummary) -> str:
    """Returns why the rates of a policy are not to be trusted, or an empty text."""
    if line.semantics not in ("fails", "excused"):
        return ""
    return next(
        (v.reason for v in report.verdicts if (v.policy, v.part, v.status) == (line.policy, "accuracy", "not asked")), ""
    )


def _sentence(report: ConformanceReport, line: PolicySummary) -> Markup:
    rows = [v for v in report.verdicts if v.policy == line.policy]
    status = "fails" if any(verdict.fails for verdict in rows) else line.semantics
    count = sum(verdict.status == status for verdict in rows)
    notes = "".join(f"; {note}" for note in line.notes())
    if reason := _distrusted(report, line):
        return tag("li", f"Do not trust {line.policy}: {reason.removesuffix(': nothing to grade')}.", "distrust")
    words = {
        "fails": f"{count} of {len(rows)} checks fail, though the rates follow the formula; accuracy: {line.grade}",
        "excused": f"deviates in {count} of {len(rows)} checks, as declared",
        "holds": f"holds, {line.grade}",
        "not offered": f"not offered: {line.reason}",
    }
    return tag("li", f"{line.policy}: {words.get(status, status)}{notes}.", status.split()[0])


def _first_failure(verdict: ClauseVerdict, curves: Sequence[Curve]) -> list[Markup]:
    parts = [tag("h3", f"{verdict.policy} {verdict.clause} {verdict.name}")]
    if verdict.quote:
        parts.append(tag("p", f"“{verdict.quote}”", "quote"))
    if verdict.reason:
        parts.append(tag("p", verdict.reason))
    if verdict.finding:
        if verdict.finding.config.has_rates:
            own = next((c for c in curves if (c.policy, c.config) == (verdict.policy, verdict.finding.config)), None)
            parts.append(_curve(verdict.finding, own))
        parts.append(tag("pre", str(verdict.finding)))
    return parts


def _status(status: str) -> Markup:
    return tag("td", "FAILS" if status == "fails" else status, status.split()[0])


def _summary(report: ConformanceReport, policies: Sequence[PolicySummary]) -> Markup:
    rows = []
    for line in policies:
        worst = "-" if line.worst_ulp is None else f"{line.worst_ulp:,.0f}"
        semantics = tag("td", "do not trust", "distrust") if _distrusted(report, line) else _status(line.semantics)
        rows.append((line.policy, semantics, _status(line.input_checks), line.grade, number(worst)))
    return html.table(("policy", "semantics", "input checks", "accuracy", "worst ULP"), rows)


def _verdicts(verdicts: Sequence[ClauseVerdict]) -> Markup:
    rows = []
    for verdict in sorted(verdicts, key=lambda verdict: _ORDER.index(verdict.status)):
        said = verdict.reason or (
            f"first at step {verdict.finding.step}: {verdict.finding.call}" if verdict.finding else verdict.quote
        )
        examples = number(f"{verdict.examples:,}")
        rows.append((verdict.policy, verdict.clause, verdict.name, _status(verdict.status), examples, tag("td", said, "text")))
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
    frame = svg.Frame(0, max(x for x, _ in points) or 1, -squeeze(top), squeeze(top))
    ticks = [(math.log2(1 + t), f"{t:,}") for t in (0, 10, 100, 1000, 10_000, 100_000, 1_000_000)]
    lines = [
        frame.axes(
            [tick for tick in ticks if tick[0] <= frame.right],
            [(-squeeze(top), f"-{top:,.0f}"), (0, "0"), (squeeze(top), f"+{top:,.0f}")],
        )
    ]
    lines += [frame.dot(x, squeeze(y)) for x, y in points]
    return join(
        [tag("p", words), svg.plot(lines, f"Error in ULP of {accuracy.dtype} over the step, for {accuracy.curve_config}")]
    )


def _curve(finding: Finding, own: Curve | None) -> Markup:
    """A plot of the exact curve around the first wrong step, of the implementation's own one, and of its wrong rate."""
    schedule, step = finding.config.build(), finding.step
    steps = around(finding)
    first = steps[0]
    truth = [(float(t - first), float(exact.rounded(schedule, t))) for t in steps]
    right, x = float(exact.rounded(schedule, step)), float(step - first)
    low, high = min(y for _, y in truth), max(y for _, y in truth)
    # A rate that is far off would press the exact curve flat, so that the picture ends one height beside it.
    room = (high - low) or abs(high) or 1.0
    returned = [] if own is None else [(float(t - first), y) for t, y in zip(own.steps, own.rates, strict=True)]
    wrong = finding.disagreement.actual if finding.disagreement is not None else "nan"
    actual = float.fromhex(wrong.partition("(")[2].rstrip(")") or wrong)
    shown = [y for y in (actual, *(y for _, y in returned)) if y is not None and math.isfinite(y)]
    bottom, top = max([low - room, min([low, *shown])]), min([high + room, max([high, *shown])])
    pad = 0.08 * min(top - bottom or room, 1e300)  # the difference of two float64 can be infinite
    frame = svg.Frame(0, truth[-1][0] or 1, bottom - pad, top + pad)
    ends = [(0.0, f"{first:,}"), (truth[-1][0], f"{first + int(truth[-1][0]):,}")]
    ticks = [(x, f"step {step:,}"), *(end for end in ends if abs(end[0] - x) > 0.15 * frame.right)]

    def cut(y: float) -> float:
        return max(frame.low, min(frame.high, y))

    lines = [frame.axes(ticks, [(low, f"{low:.4g}"), (high, f"{high:.4g}")]), frame.path(truth, "exact")]
    lines.append(frame.path([(t, None if y is None else cut(y)) for t, y in returned], "own"))
    lines.append(frame.dot(x, right, "right", 4))
    caption = "Solid: the exact rates; green: the exact rate at the first wrong step"
    if returned:
        caption += "; dashed: the rates that the implementation returned"
    if math.isfinite(actual):
        lines.append(frame.dot(x, cut(actual), "wrong", 7))
        caption += "; ring: the wrong rate that was returned"
    if any(cut(y) != y for y in shown):
        caption += ". Rates beyond the edge are drawn on it"
    return svg.plot(lines, f"{caption}.")
