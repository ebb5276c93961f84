"""The rates of an implementation around its first wrong step, which the report draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from clr_ref.conformance.config import MAX_STEP
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.protocol import Request
from clr_ref.conformance.subject import Subject
from clr_ref.conformance.verdict import ClauseVerdict, Curve, Finding

#: About how many steps of a curve are evaluated: a slow implementation needs milliseconds for each.
POINTS = 120


def curves(subject: Subject, verdicts: Iterable[ClauseVerdict]) -> Iterator[Curve]:
    """Yields the curve around the first failure of each policy, if the implementation can be evaluated there."""
    first: dict[str, Finding] = {}
    for verdict in verdicts:
        finding = verdict.finding if verdict.fails else None
        # Where the momentum is wrong, the rates are not.
        if finding is not None and finding.config.has_rates and finding.config.max_momentum is None:
            first.setdefault(verdict.policy, finding)
    for policy, finding in first.items():
        steps = around(finding, subject.capabilities.reach)
        try:
            responses = subject.evaluate(Request(finding.config, steps=steps))
        except LoadError:  # it was imported before, but its new process cannot import it again
            continue
        values = [None if one.failed else float(one.value(finding.config.dtype)) for one in responses]
        finite = tuple(value if value is not None and np.isfinite(value) else None for value in values)
        yield Curve(policy, finding.config, finding.step, steps, finite)


def around(finding: Finding, reach: int = MAX_STEP) -> tuple[int, ...]:
    """Returns the first wrong step, and steps at equal distances one cycle before and after it."""
    cycle = max(int(finding.config.cycle), 4)
    stride = -(-2 * cycle // POINTS)
    steps = {finding.step, *range(max(0, finding.step - cycle), min(finding.step + cycle, MAX_STEP) + 1, stride)}
    return tuple(sorted(step for step in steps if step <= reach))
