"""One page of each kind, made of small results with long and odd names. Nothing is measured for them."""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable

import numpy as np

from clr_ref.bench import page_html
from clr_ref.bench.figures import Figure
from clr_ref.bench.report import Report
from clr_ref.conformance import report_html
from clr_ref.conformance.config import Config
from clr_ref.conformance.curves import curves
from clr_ref.conformance.peers import report as peers
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import Accuracy, ClauseVerdict, ConformanceReport, Finding
from clr_ref.range_test import RangeTest, page as range_page, rates, smoothed, suggest
from clr_ref.study import report_html as study_page
from clr_ref.study.statistics import Interval
from clr_ref.study.verdict import Arm, Comparison, Difference, Run, Verdict
from clr_ref.trace import page as trace_page
from clr_ref.trace.comparison import Change, Comparison as TraceComparison, Difference as DifferingTensor, Elements
from clr_ref.trace.growth import Distance
from clr_ref.training import tutorial
from tests.training.test_tutorial import result

#: Would end the page's own elements, or widen it, if it were not escaped and broken.
ODD = "<script>document.body.remove()</script>" + "x" * 90
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def conform() -> str:
    """A report with one policy of each colour."""

    def rate(step: int) -> float:
        return abs(math.sin(step / 12)) if step < 40 else 1 // 0

    broken = Config("triangular", 0.001, 1.0, 23, dtype="float64")
    found = Finding(broken, 9, f"returned {ODD}", "steps 0 to 8 are right", None, f"clr-ref conform {ODD}")
    verdicts = [ClauseVerdict("triangular", "clause", "2.1", "follows the formula", f"“{ODD}”", "fails", 60, found)]
    verdicts.append(
        ClauseVerdict(
            "triangular", "accuracy", "7.1", "accuracy", "", "not asked", reason="it does not follow: nothing to grade"
        )
    )
    measured = Accuracy(
        "float64", "as the textbook formula", 9, 30.0, 0.5, broken, 7, broken, tuple((t, t - 30.0) for t in range(60))
    )
    for policy, status in (("triangular2", "fails"), ("exp_range", "excused")):
        for number in range(40):
            one = ClauseVerdict(policy, "clause", f"4.{number}", f"check {number}", "A sentence of SPEC.", "holds", 60)
            verdicts.append(one if number != 11 else dataclasses.replace(one, status=status, reason=ODD))
        verdicts.append(ClauseVerdict(policy, "accuracy", "7.1", "accuracy", "", "holds", 9, accuracy=measured))
    drawn = curves(Local(lambda policy, **_: rate), verdicts)
    return report_html.page(ConformanceReport(ODD, "schedule", "float64", 0, 60, tuple(verdicts), tuple(drawn)))


def peer(name: str, semantics: str, grade: str) -> dict[str, object]:
    """What was found about a peer with forty checks."""
    lines: list[dict[str, object]] = [
        {"policy": policy, "semantics": semantics, "grade": grade, "worst_ulp": 4.4e18}
        for policy in ("triangular", "exp_range")
    ]
    verdicts = [
        {"policy": "triangular", "part": "clause", "clause": f"3.{n}", "name": f"check {n} of the schedule", "reason": ODD}
        | {"status": "excused" if n == 5 and semantics == "excused" else "holds", "finding": None}
        for n in range(40)
    ]
    bugs = [{"title": ODD, "link": "https://example.org/", "seen": ODD, "fixed": ""}]
    report = {"policies": lines, "verdicts": verdicts, "told": [], "dtype": "float64"}
    return {"name": name, "package": ODD, "version": "1", "tested": "2026-01-02", "report": report, "bugs": bugs, "cost": 2.0}


def of_peers() -> str:
    """Fourteen peers, one of them not to be trusted."""
    kinds = [("excused", "not graded"), ("excused", "as the textbook formula"), *[("holds", "correctly rounded")] * 12]
    return peers.html([peer(f"a peer {number}", *kind) for number, kind in enumerate(kinds)] + [{"name": ODD, "error": ODD}])


def of_the_tutorial() -> str:
    """Four epochs."""
    one = result()
    claims = tuple(dataclasses.replace(claim, measured=ODD, verdict="FAILS") for claim in one.claims)
    return tutorial.page(dataclasses.replace(one, claims=claims), dict.fromkeys(tutorial.PICTURES, PIXEL))


def of_a_range_test() -> str:
    """A sweep that diverges."""
    losses = np.concatenate([np.full(20, 2.0), np.geomspace(2.0, 0.3, 60), np.full(15, 0.3), np.geomspace(0.3, 1e9, 5)])
    losses[:-5] += 0.05 * np.sin(np.arange(95.0))
    swept = rates(1e-4, 10.0, 100)
    return range_page.page(RangeTest(swept, losses, smoothed(losses), "exponential", 100, 0.9, ODD, suggest(swept, losses)))


def of_a_study() -> str:
    """Three arms with long names, and every finding. It is made without SciPy."""
    ends = Interval(-0.0123456, -0.0012345)
    loss = Difference("val_loss", (-0.01,) * 20, -0.01, -0.01, "mean", ends, ends, ends, 1, Interval(0.8, 1), "better", None)
    other = dataclasses.replace(loss, metric="val_accuracy", finding="worse", mean=None, decided_by="median", interval=None)
    unknown = dataclasses.replace(loss, finding="not distinguishable", seeds_needed=12345)
    seeds = tuple(range(20))
    runs = tuple(Run(seed, 3, seed == 4, math.inf if seed == 4 else 0.5, 0.9, 2) for seed in seeds)
    names = ("plain", ODD, f"{ODD} again")
    arms = tuple(Arm(name, runs, 0.5, 0.9, 2, {}) for name in names)
    found = ((names[1], (loss, other)), (names[2], (unknown, unknown)))
    comparisons = tuple(Comparison(name, seeds, (99,), (), differences) for name, differences in found)
    return study_page.page(
        Verdict(names[0], 3, ("val_loss", "val_accuracy"), 0.9, 0.05, 4, arms, comparisons), PIXEL, "A caption"
    )


def benchmark() -> str:
    """A run beside a stored one, with one key figure that fails."""
    names = [
        "reference triangular",
        "reference range triangular2, cycle 2e6",
        "tfa_arithmetic",
        *(f"other {n}" for n in range(20)),
    ]
    now = tuple(Figure(name, 10**7, "np.full", 1e-3 * (n + 1), 3.0 + n, 2.5 + n, 4.0 + n, 1.0) for n, name in enumerate(names))
    then = tuple(dataclasses.replace(f, ratio=f.ratio / (9 if not n else 1.1)) for n, f in enumerate(now))
    machine = {"processor": ODD, "clr_ref": "1.0", "measured": "2026-01-02 03:04 UTC"}
    return page_html.page(Report(machine, now, {"torch CyclicLR": ODD}), Report({"processor": "another"}, then, {}))


def of_two_traces() -> str:
    """Forty steps, from one on with a difference that grows to infinity, and long names everywhere."""
    at = [DifferingTensor(3, "gradient", f"{name} {ODD}", Elements(3, 144, 2.0), "", ("the batch",)) for name in ("a", "b")]
    steps = [Distance(t, 2 * t, 2.0**t if t < 30 else math.inf, 3.0**t if t < 20 else None) for t in range(40)]
    both = TraceComparison(40, at[0], (at[1],), 4, 3, (Change("cpu.flags", [ODD], [ODD]),), (f"clr-ref trace {ODD}",), (ODD,))
    return trace_page.page(both, steps, f"a {ODD}", "b")


PAGES: dict[str, Callable[[], str]] = {
    "conform": conform,
    "peers": of_peers,
    "tutorial": of_the_tutorial,
    "range-test": of_a_range_test,
    "bench": benchmark,
    "study": of_a_study,
    "diff": of_two_traces,
}
