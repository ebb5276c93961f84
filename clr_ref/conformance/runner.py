"""Run every check on an implementation: verdicts, one after the other. Needs Hypothesis."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from clr_ref import ulp
from clr_ref.conformance import cases as fixed, search, strategies
from clr_ref.conformance.accuracy import Grade, Level, rates
from clr_ref.conformance.cases import Case
from clr_ref.conformance.checks import APPLIED, CHECKS, STATEFUL, VALUES, Check, Hung, Inapplicable, Judge, Wrong
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.config import POLICIES, Config
from clr_ref.conformance.exceptions import Deviation
from clr_ref.conformance.protocol import Nature, Question
from clr_ref.conformance.search import explain
from clr_ref.conformance.subject import Subject
from clr_ref.conformance.verdict import Accuracy, Finding, Report, Status, Verdict

ACCURACY_CLAUSE, ACCURACY_QUOTE = (
    "7.1",
    "`schedule(step)` is the exact value rounded once to the dtype, to nearest, ties to even",
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to run. ``repeat`` is the command that runs it again, without the policy."""

    dtype: str
    policies: tuple[str, ...]
    deviations: tuple[Deviation, ...]
    seed: int
    max_examples: int
    repeat: str


@dataclasses.dataclass(frozen=True)
class Item:
    """One verdict to be reached: a check, a fixed case, or the grade of a policy."""

    policy: str
    clause: str
    name: str
    check: Check | None = None
    case: Case | None = None

    @property
    def id(self) -> str:
        """A name without blanks, for pytest."""
        return f"{self.policy}-{self.clause}-{self.name.replace(' ', '_')}"


def precision(subject: Subject) -> str:
    """The working precision: that of the narrowest number among the first answers; float64 for a Python float.

    An answer in another precision, bfloat16 for one, is named as it is.
    """
    widths = ("float16", "bfloat16", "float32", "float64")
    kinds: list[str] = []
    for policy in POLICIES:
        if policy not in subject.nature.declined:
            answers = subject.ask(Question(Config(policy, 0.125, 1.0, 4, 0.5), steps=(0, 1, 2, 3)))
            kinds += [answer.kind for answer in answers if answer.kind in widths]
            if any(answer.kind == "hang" for answer in answers):
                break
    return min(kinds, key=widths.index, default="float64")


def items(plan: Plan, nature: Nature) -> list[Item]:
    """All that is asked, in order: of each policy the clauses, the fixed cases, and the grade."""
    checks = list(CHECKS)
    if nature.stateful:
        checks += STATEFUL
    if nature.applies:
        checks.append(APPLIED)
    found = []
    for policy in plan.policies:
        for check in checks:
            if policy in check.policies:
                found.append(Item(policy, check.clause, check.name, check=check))
        found += [Item(policy, case.clause, case.id, case=case) for case in fixed.cases(policy, plan.dtype)]
        found.append(Item(policy, ACCURACY_CLAUSE, "accuracy"))
    return found


def run(subject: Subject, plan: Plan) -> Iterator[Verdict]:
    """Every verdict on an implementation, one after the other, the last ones on the exceptions file."""
    session = Session(subject, plan)
    for item in items(plan, subject.nature):
        yield session.verdict(item)
    yield from session.unmatched()


def report(implementation: str, subject: Subject, plan: Plan, verdicts: Iterable[Verdict]) -> Report:
    """The verdicts of a run in one piece."""
    return Report(
        implementation=implementation,
        kind="scheduler" if subject.nature.stateful else "schedule",
        dtype=plan.dtype,
        seed=plan.seed,
        max_examples=plan.max_examples,
        verdicts=tuple(verdicts),
    )


class Session:
    """A run that remembers what it has found: which policies hung, and which value checks hold."""

    def __init__(self, subject: Subject, plan: Plan) -> None:
        self._subject = subject
        self._plan = plan
        self._hung: dict[str, str] = {}
        self._asked: dict[tuple[str, Check], search.Outcome] = {}

    def verdict(self, item: Item) -> Verdict:
        """The verdict on one item, whatever came before."""
        quote = item.check.quote if item.check else item.case.note if item.case else ACCURACY_QUOTE
        part: Any = "clause" if item.check else "case" if item.case else "accuracy"
        base = Verdict(item.policy, part, item.clause, item.name, quote, "not asked")
        if (words := self._subject.nature.declined.get(item.policy)) is not None:
            return dataclasses.replace(base, status="not offered", reason=words)
        if item.policy in self._hung:
            return dataclasses.replace(base, reason=f"it hung before: {self._hung[item.policy]}")
        deviation = self._deviation(item)
        if deviation is not None and deviation.kind == "skip":
            return dataclasses.replace(base, status="skipped", reason=deviation.reason)
        try:
            found = self._reach(item, base, 0.0)
            if deviation is None:
                return found
            if found.status == "not asked":
                return found
            if found.status != "fails":
                words = f"the exceptions file says that it fails ({deviation}: {deviation.reason}), and it does not"
                return dataclasses.replace(found, status="fails", reason=words)
            if deviation.kind == "ulp":
                more = self._reach(item, base, deviation.ulp)
                if more.status == "fails":
                    return dataclasses.replace(more, reason=f"even with the {deviation.ulp:g} ULP of the exceptions file")
                found = dataclasses.replace(found, accuracy=more.accuracy, examples=more.examples)
            return dataclasses.replace(found, status="excused", reason=deviation.reason)
        except Hung as error:
            self._hung[item.policy] = error.words
            finding = Finding(error.config, error.step, error.words, "", None, self._repeat(item.policy))
            return dataclasses.replace(base, status="fails", finding=finding)

    def unmatched(self) -> Iterator[Verdict]:
        """A failure for every deviation that nothing matched, among the policies that were asked."""
        asked = items(self._plan, self._subject.nature)
        for deviation in self._plan.deviations:
            if deviation.policy is not None and deviation.policy not in self._plan.policies:
                continue
            if not any(_speaks_of(deviation, item) for item in asked):
                yield Verdict(
                    policy=deviation.policy or "",
                    part="exceptions",
                    clause=deviation.clause or "",
                    name=str(deviation),
                    quote="",
                    status="fails",
                    reason="the exceptions file speaks of it, and nothing of that name was asked",
                )

    def _deviation(self, item: Item) -> Deviation | None:
        return next((deviation for deviation in self._plan.deviations if _speaks_of(deviation, item)), None)

    def _reach(self, item: Item, base: Verdict, more_ulp: float) -> Verdict:
        if item.check is not None:
            return self._clause(item.check, base, more_ulp)
        if item.case is not None:
            return self._case(item.case, base, more_ulp)
        return self._accuracy(base, more_ulp)

    def _clause(self, check: Check, base: Verdict, more_ulp: float) -> Verdict:
        judge = self._judge(base.policy, Level.SEMANTICS, more_ulp)
        outcome = self._search(check, judge)
        if not more_ulp:
            self._asked[base.policy, check] = outcome
        examples = len(outcome.inputs)
        status: Status = "holds" if examples else "not asked"
        if outcome.wrong is not None:
            finding = explain(judge, outcome.wrong, name=f"{check.clause} {check.name}", repeat=self._repeat(base.policy))
            return dataclasses.replace(base, status="fails", examples=examples, finding=finding)
        reason = "" if examples else "nothing of the kind can be asked of this implementation"
        return dataclasses.replace(base, status=status, examples=examples, reason=reason)

    def _case(self, case: Case, base: Verdict, more_ulp: float) -> Verdict:
        judge = dataclasses.replace(self._judge(base.policy, Level.SEMANTICS, more_ulp), config=case.config)
        steps = tuple(step for step in case.steps if step <= self._subject.nature.reach)
        if not steps:
            return dataclasses.replace(base, reason="its steps are further than this implementation can be asked")
        try:
            for step, value in zip(steps, judge.numbers(*steps), strict=True):
                judge.compare(step, value)
        except Wrong as wrong:
            finding = explain(judge, wrong, name=f"{case.clause} {case.id}", repeat=self._repeat(base.policy))
            return dataclasses.replace(base, status="fails", examples=len(steps), finding=finding)
        return dataclasses.replace(base, status="holds", examples=len(steps))

    def _accuracy(self, base: Verdict, more_ulp: float) -> Verdict:
        """The grade, over what the value checks draw where they mean the right thing, and over one everyday schedule."""
        for check in VALUES:
            if (base.policy, check) not in self._asked:
                self._clause(check, base, 0.0)  # pytest can run this item alone, before those whose outcome it needs
        sound = [check for check in VALUES if self._asked[base.policy, check].holds]
        if follows_the_formula not in sound:
            return dataclasses.replace(base, reason="it does not follow the formula: nothing to grade")
        measured = _Measured(self._plan.dtype)
        judge = dataclasses.replace(self._judge(base.policy, Level.FORMULA, more_ulp), on_rate=measured)
        wrong = None
        for check in sound:
            failure = self._again(check, judge, self._asked[base.policy, check].inputs)
            wrong = wrong or failure
        everyday = Config(base.policy, 1e-4, 1e-2, 937, 0.9999 if base.policy == "exp_range" else 1.0, self._plan.dtype)
        for config, steps in _sweep(everyday, self._subject.nature.reach):
            try:
                _measure(dataclasses.replace(judge, config=config), steps)
            except Wrong as error:
                wrong = wrong or error
            except Inapplicable:
                pass
        accuracy = measured.accuracy(Grade.WORSE if wrong is not None else measured.grade(), everyday)
        if wrong is None:
            return dataclasses.replace(base, status="holds", examples=accuracy.values, accuracy=accuracy)
        judge = dataclasses.replace(judge, on_rate=None)
        finding = explain(judge, wrong, name=f"{base.clause} accuracy", repeat=self._repeat(base.policy))
        return dataclasses.replace(base, status="fails", examples=accuracy.values, finding=finding, accuracy=accuracy)

    def _again(self, check: Check, judge: Judge, inputs: Sequence[strategies.Inputs]) -> Wrong | None:
        """A check on inputs that were asked before, under another judge; a search for the smallest, where one fails."""
        for one in inputs:
            try:
                search.ask(check, judge, one)
            except Inapplicable:
                pass
            except Wrong as wrong:
                return self._search(check, judge).wrong or wrong
        return None

    def _judge(self, policy: str, level: Level, more_ulp: float) -> Judge:
        return Judge(self._subject, Config(policy, 0.0, 1.0, 4, 1.0, self._plan.dtype), level, more_ulp)

    def _search(self, check: Check, judge: Judge) -> search.Outcome:
        plan = self._plan
        drawn = strategies.inputs(judge.config.policy, plan.dtype, self._subject.nature.reach, check.needs)
        return search.search(check, judge, drawn, seed=plan.seed, max_examples=plan.max_examples)

    def _repeat(self, policy: str) -> str:
        return f"{self._plan.repeat} --policy {policy}"


def _speaks_of(deviation: Deviation, item: Item) -> bool:
    return deviation.matches(item.policy, item.clause, item.case.id if item.case else None, item.name)


class _Measured:
    """Hears of every answer, and keeps the worst."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._seen: dict[tuple[Config, int], tuple[float, float]] = {}

    def __call__(self, config: Config, step: int, value: Any) -> None:
        if (config, step) not in self._seen:
            expected = rates(config, step, Level.FORMULA)
            apart = float(ulp.distance(value, expected.rounded))
            self._seen[config, step] = apart, expected.share(value)

    def grade(self) -> Grade:
        """The best grade that all answers satisfy."""
        if all(apart == 0 for apart, _ in self._seen.values()):
            return Grade.CORRECT
        return Grade.FORMULA if all(share <= 1 for _, share in self._seen.values()) else Grade.WORSE

    def accuracy(self, grade: Grade, everyday: Config) -> Accuracy:
        config, step = max(self._seen, key=lambda key: abs(self._seen[key][0]), default=(None, 0))
        return Accuracy(
            dtype=self._dtype,
            grade=grade.value,
            values=len(self._seen),
            worst_ulp=max((abs(apart) for apart, _ in self._seen.values()), default=0.0),
            worst_share=max((share for _, share in self._seen.values()), default=0.0),
            worst_config=config,
            worst_step=step,
            curve_config=everyday,
            curve=tuple(sorted((t, apart) for (c, t), (apart, _) in self._seen.items() if c == everyday)),
        )


def _sweep(everyday: Config, reach: int) -> Iterator[tuple[Config, Sequence[int]]]:
    """Steps of a few schedules: all of the first, then ever further apart."""
    steps = np.unique(np.concatenate([np.arange(32), np.geomspace(32, min(10**6, reach), 220).astype(np.int64)]))
    yield everyday, [int(step) for step in steps]
    for low, high, size in ((0.0, 1.0, 7), (1e-3, 6e-3, 2000), (0.1, 0.3, 3)):
        config = dataclasses.replace(everyday, initial_learning_rate=low, maximal_learning_rate=high, step_size=size)
        yield config, [int(step) for step in steps[:120]]


def _measure(judge: Judge, steps: Sequence[int]) -> None:
    assert judge.on_rate is not None
    for step, value in zip(steps, judge.numbers(*steps), strict=True):
        judge.on_rate(judge.config, step, value)
    for step, value in zip(steps, judge.numbers(*steps), strict=True):
        judge.compare(step, value)
