"""What the kit found: data alone, frozen, in a form that JSON can hold."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, Literal

from clr_ref import exact
from clr_ref.compare import Disagreement
from clr_ref.conformance.config import Config

#: ``excused``: it fails as the exceptions file says. ``not asked``: the clause says nothing here, or nothing could be asked.
Status = Literal["holds", "fails", "excused", "skipped", "not offered", "not asked"]
Part = Literal["clause", "case", "accuracy", "exceptions"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Where a clause first goes wrong, in the smallest configuration that was found.

    ``call`` is what to call to see it; ``disagreement`` is None where the answers are wrong in relation to each other alone.
    ``earlier`` says what is known of the steps before.
    """

    config: Config
    step: int
    words: str
    earlier: str
    disagreement: Disagreement | None
    repeat: str

    @property
    def call(self) -> str:
        return f"{self.config}({self.step})"

    def _place(self) -> str:
        if not self.config.step_size > 0:
            return ""
        size = Fraction(self.config.build().step_size)
        cycle, _ = exact.phase(size, self.step)
        return f" (cycle {cycle}, phase {float(self.step / size - 2 * (cycle - 1)):.6g} of 2)"

    def __str__(self) -> str:
        if self.disagreement is not None:
            told = [str(self.disagreement)]
        else:
            told = [f"{self.config.policy}, {self.config.dtype}, step {self.step}{self._place()}"]
        if self.words:
            told.append(f"  {self.words}")
        if self.earlier:
            told.append(f"  {self.earlier}")
        told.append(f"  asked: {self.call}")
        if self.disagreement is None:
            told.append(f"  repeat with: {self.repeat}")
        return "\n".join(told)


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How far the answers were from the exact rates.

    ``worst_ulp`` is the largest distance in floats of the dtype, at ``worst_config`` and ``worst_step``; ``worst_share`` the
    largest error as a share of the bound of the textbook formula. ``curve`` holds step and signed ULP of one everyday
    schedule.
    """

    dtype: str
    grade: str
    values: int
    worst_ulp: float
    worst_share: float
    worst_config: Config | None
    worst_step: int
    curve_config: Config
    curve: tuple[tuple[int, float], ...]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One clause, fixed case or grade of one policy. ``examples`` counts the inputs that were tried."""

    policy: str
    part: Part
    clause: str
    name: str
    quote: str
    status: Status
    examples: int = 0
    finding: Finding | None = None
    reason: str = ""
    accuracy: Accuracy | None = None

    @property
    def fails(self) -> bool:
        return self.status == "fails"

    def __str__(self) -> str:
        return f"{self.policy} {self.clause} {self.name}: {self.status}"


@dataclasses.dataclass(frozen=True)
class PolicySummary:
    """The two verdicts on a policy. ``semantics``: holds, fails, excused or not offered; ``grade``: of ``accuracy.Grade``."""

    policy: str
    semantics: Status
    grade: str
    worst_ulp: float | None
    reason: str


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was found about an implementation."""

    implementation: str
    kind: Literal["schedule", "scheduler"]
    dtype: str
    seed: int
    max_examples: int
    verdicts: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing fails, and something was asked."""
        return not any(verdict.fails for verdict in self.verdicts) and any(v.status == "holds" for v in self.verdicts)

    def policies(self) -> list[PolicySummary]:
        """One line for each policy that was asked about."""
        return [self._summary(policy) for policy in dict.fromkeys(v.policy for v in self.verdicts if v.policy)]

    def _summary(self, policy: str) -> PolicySummary:
        rows = [verdict for verdict in self.verdicts if verdict.policy == policy]
        meaning = [verdict for verdict in rows if verdict.part in ("clause", "case")]
        statuses = {verdict.status for verdict in meaning}
        ranks: tuple[Status, ...] = ("fails", "excused", "holds", "not offered")
        status: Status = next((status for status in ranks if status in statuses), "not asked")
        grade = next((v for v in rows if v.accuracy is not None), None)
        return PolicySummary(
            policy=policy,
            semantics=status,
            grade=grade.accuracy.grade if grade and grade.accuracy else "not graded",
            worst_ulp=grade.accuracy.worst_ulp if grade and grade.accuracy else None,
            reason=next((v.reason for v in rows if v.status == "not offered"), ""),
        )

    def to_data(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {"holds": self.holds, "policies": [dataclasses.asdict(summary) for summary in self.policies()]} | (
            dataclasses.asdict(self)
        )
