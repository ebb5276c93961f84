"""What the kit found, as frozen data that JSON can hold."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterable
from typing import Any, Literal

from clr_ref.compare import Disagreement, place
from clr_ref.conformance.accuracy import Grade
from clr_ref.conformance.config import Config

#: ``excused``: it fails as the exceptions file says. ``not asked``: the clause says nothing here, or the implementation cannot
#: be evaluated where it does.
Status = Literal["holds", "fails", "excused", "skipped", "not offered", "not asked"]
Part = Literal["clause", "case", "accuracy", "exceptions"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """The first wrong step, in the smallest configuration that was found.

    ``call`` shows the fault when it is evaluated. ``disagreement`` is None if rates are wrong only in relation to each other.
    ``earlier`` says which steps before are right; ``repeat`` is the command that finds it again. ``given`` is what was given in
    place of a step, if the fault is that no exception was raised.
    """

    config: Config
    step: int
    words: str
    earlier: str
    disagreement: Disagreement | None
    repeat: str
    given: float | None = None

    @property
    def call(self) -> str:
        """The call that shows the fault, in Python."""
        return f"{self.config}({self.step if self.given is None else self.given})"

    def _place(self) -> str:
        if not self.config.has_rates or self.given is not None:
            return ""
        cycle, phase = place(self.config.build(), self.step)
        return f" (cycle {cycle}, phase {phase:.6g} of 2)"

    def __str__(self) -> str:
        if self.disagreement is not None:
            lines = [str(self.disagreement)]
        else:
            step = self.step if self.given is None else self.given
            lines = [f"{self.config.policy}, {self.config.dtype}, step {step}{self._place()}"]
        if self.words:
            lines.append(f"  {self.words}")
        if self.earlier:
            lines.append(f"  {self.earlier}")
        lines.append(f"  call: {self.call}")
        if self.disagreement is None:
            lines.append(f"  repeat with: {self.repeat}")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How far the rates were from the exact ones.

    ``worst_ulp`` is the largest distance in ULP of the dtype, at ``worst_config`` and ``worst_step``. ``worst_share`` is the
    largest error divided by the allowed error of the textbook formula; 1 is the limit. ``curve`` holds steps and signed ULP of
    one everyday schedule.
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
class ClauseVerdict:
    """The verdict on one clause, fixed case or grade of one policy.

    ``examples`` counts the inputs that were tried, ``declined`` those that were drawn outside the domain of the implementation.
    ``of_inputs`` says that it is about refusals of wrong inputs, and not about rates.
    """

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
    of_inputs: bool = False
    declined: int = 0

    @property
    def fails(self) -> bool:
        """Whether the status is ``fails``."""
        return self.status == "fails"

    def __str__(self) -> str:
        return f"{self.policy} {self.clause} {self.name}: {self.status}"


#: How the reason begins of what is not judged after a hang, or after five deaths of the process in a row.
UNJUDGED = "not judged any further"


@dataclasses.dataclass(frozen=True)
class Curve:
    """What the implementation returned around the first wrong step of a policy, at ``steps``.

    ``rates`` holds None where it returned no finite number.
    """

    policy: str
    config: Config
    step: int
    steps: tuple[int, ...]
    rates: tuple[float | None, ...]


@dataclasses.dataclass(frozen=True)
class PolicySummary:
    """The verdicts on a policy: ``semantics``, the worst status of its clauses and cases, and ``grade`` of accuracy.

    ``input_checks`` is the worst status of the checks that wrong inputs are refused. ``declined`` counts the inputs that were
    drawn outside the domain of the implementation, ``drawn`` all of them. ``outside`` names the checks and cases that were left
    out as a whole for that reason. ``unjudged`` counts the checks and cases after a hang, or after five deaths of the process.
    """

    policy: str
    semantics: Status
    grade: str
    worst_ulp: float | None
    worst_share: float | None
    reason: str
    input_checks: Status = "not asked"
    declined: int = 0
    drawn: int = 0
    outside: tuple[str, ...] = ()
    unjudged: int = 0

    @property
    def accuracy(self) -> str:
        """The grade in words, without ULP: beside a rate near 0, a harmless error is millions of them."""
        return accuracy_words(self.grade, self.worst_share)

    def notes(self) -> list[str]:
        """Returns what is to be said beside semantics and accuracy: that inputs are not checked, and what was left out."""
        notes = [] if self.input_checks in ("holds", "not asked", "not offered") else [f"input checks: {self.input_checks}"]
        if self.declined:
            words = f"outside its domain: {self.declined:,} of {self.drawn:,} inputs"
            notes.append(words + (f"; not judged: {', '.join(self.outside)}" if self.outside else ""))
        if self.unjudged:
            notes.append(f"not judged, since it hung or kept dying: {self.unjudged} checks and cases")
        return notes


def accuracy_words(grade: str, worst_share: float | None) -> str:
    """Returns a grade, and how large the errors are if roundings cause them.

    >>> accuracy_words("as the textbook formula", 0.43)
    'as the textbook formula: errors up to 43 % of what its roundings can cause'
    """
    if grade not in (Grade.FORMULA.value, Grade.WORSE.value) or worst_share is None:
        return grade
    if worst_share == math.inf:
        return f"{grade}: some errors are beyond all floats"
    if grade == Grade.WORSE.value and worst_share <= 1:
        return f"{grade}: some calls return no finite rate"
    share = f"{100 * worst_share:.0f} % of" if worst_share <= 1 else f"{min(worst_share, 1e6):,.3g} times"
    return f"{grade}: errors up to {share} what its roundings can cause"


@dataclasses.dataclass(frozen=True, repr=False)
class ConformanceReport:
    """Everything that was found about an implementation. ``curves`` has one for each policy that fails, to be drawn."""

    implementation: str
    kind: Literal["schedule", "scheduler"]
    dtype: str
    seed: int
    max_examples: int
    verdicts: tuple[ClauseVerdict, ...]
    curves: tuple[Curve, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing fails, and something holds."""
        return not any(verdict.fails for verdict in self.verdicts) and any(v.status == "holds" for v in self.verdicts)

    @property
    def only_inputs_fail(self) -> bool:
        """Whether it is a cyclical learning rate that does not check its inputs: nothing else fails."""
        wrong = [verdict for verdict in self.verdicts if verdict.fails]
        return bool(wrong) and all(verdict.of_inputs for verdict in wrong)

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        if self.only_inputs_fail:
            return "is a cyclical learning rate that does not check its inputs"
        return "conforms" if self.holds else "does not conform"

    def __repr__(self) -> str:
        outcome = self.outcome
        return "\n  ".join(
            [f"{self.implementation} {outcome}: a {self.kind}, compared in {self.dtype}", *map(self._words, self.policies())]
        )

    def _repr_html_(self) -> str:
        """Returns the page for a notebook, in a frame of its own, so that its styles stay there."""
        from clr_ref.conformance.report_html import page

        return f'<iframe srcdoc="{html.escape(page(self))}" style="width: 100%; height: 40em; border: 0"></iframe>'

    def _words(self, line: PolicySummary) -> str:
        rows = [v for v in self.verdicts if v.policy == line.policy and v.status not in ("not asked", "not offered")]
        meaning = [verdict for verdict in rows if verdict.part in ("clause", "case")]
        held = f", {sum(verdict.status == 'holds' for verdict in meaning)} of {len(meaning)} checks and cases hold"
        words = f"{line.policy}: {line.semantics}" + (held if meaning else f" ({line.reason})" if line.reason else "")
        if line.worst_ulp is not None:
            words += f"; {line.accuracy}"
        words += "".join(f"; {note}" for note in line.notes())
        wrong = next((verdict for verdict in rows if verdict.fails), None)
        if wrong is not None:
            words += f"; first {wrong.clause} {wrong.name}"
            words += f" at step {wrong.finding.step}: {wrong.finding.call}" if wrong.finding else ""
        return words

    def policies(self) -> list[PolicySummary]:
        """Returns a summary of each policy that was tested."""
        return [self._summary(policy) for policy in dict.fromkeys(v.policy for v in self.verdicts if v.policy)]

    def _summary(self, policy: str) -> PolicySummary:
        rows = [verdict for verdict in self.verdicts if verdict.policy == policy]
        judged = [verdict for verdict in rows if verdict.part in ("clause", "case")]
        grade = next((v for v in rows if v.accuracy is not None), None)
        return PolicySummary(
            policy=policy,
            semantics=_worst(verdict for verdict in judged if not verdict.of_inputs),
            grade=grade.accuracy.grade if grade and grade.accuracy else "not graded",
            worst_ulp=grade.accuracy.worst_ulp if grade and grade.accuracy else None,
            worst_share=grade.accuracy.worst_share if grade and grade.accuracy else None,
            reason=next((v.reason for v in rows if v.status == "not offered"), ""),
            input_checks=_worst(verdict for verdict in judged if verdict.of_inputs),
            declined=sum(verdict.declined for verdict in judged),
            drawn=sum(verdict.declined + verdict.examples for verdict in judged),
            outside=tuple(f"{v.clause} {v.name}" for v in judged if v.status == "not asked" and v.declined),
            unjudged=sum(v.reason.startswith(UNJUDGED) for v in judged),
        )

    def to_data(self) -> dict[str, Any]:
        """Returns the report as JSON holds it; the curves are for pictures only."""
        report = dataclasses.asdict(self)
        del report["curves"]
        return {"holds": self.holds, "policies": [dataclasses.asdict(summary) for summary in self.policies()]} | report


def _worst(verdicts: Iterable[ClauseVerdict]) -> Status:
    """Returns the worst status of some verdicts."""
    statuses = {verdict.status for verdict in verdicts}
    ranks: tuple[Status, ...] = ("fails", "excused", "holds", "not offered")
    return next((status for status in ranks if status in statuses), "not asked")
