"""Run every check on an implementation, and reach one verdict after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from clr_ref._inputs import nearest
from clr_ref.conformance import regimes, search
from clr_ref.conformance.accuracy import Grade, Level, rates
from clr_ref.conformance.cases import FixedCase, fixed_cases
from clr_ref.conformance.checks import (
    CHECKS,
    FURTHER,
    VALUES,
    Check,
    Hung,
    Inapplicable,
    Judge,
    Outside,
    Wrong,
)
from clr_ref.conformance.checks.asymmetric import rises_and_falls_at_two_speeds
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES, SEED, Config, everyday
from clr_ref.conformance.curves import curves
from clr_ref.conformance.domain import EVERYTHING, Domain, Within
from clr_ref.conformance.exceptions import Deviation
from clr_ref.conformance.protocol import Capabilities, Request
from clr_ref.conformance.search import explain
from clr_ref.conformance.subject import Subject
from clr_ref.conformance.verdict import UNJUDGED, Accuracy, ClauseVerdict, ConformanceReport, Finding
from clr_ref.exact import ulp

ACCURACY_CLAUSE, ACCURACY_QUOTE = (
    "7.1",
    "`schedule(step)` is the exact value rounded once to the dtype, to nearest, ties to even",
)


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of a run. ``repeat`` is the command that repeats it without ``--policy``, or a function of the policy."""

    dtype: str
    policies: tuple[str, ...]
    deviations: tuple[Deviation, ...]
    seed: int
    max_examples: int
    repeat: str | Callable[[str], str]
    domain: Domain = EVERYTHING


@dataclasses.dataclass(frozen=True)
class Item:
    """What gets one verdict: a check, a fixed case, or the accuracy of a policy."""

    policy: str
    clause: str
    name: str
    check: Check | None = None
    case: FixedCase | None = None

    @property
    def id(self) -> str:
        """A name without blanks, which pytest shows."""
        return f"{self.policy}-{self.clause}-{self.name.replace(' ', '_')}"


def precision(subject: Subject, policies: Sequence[str] = POLICY_NAMES) -> str:
    """Returns the working precision: the dtype of the narrowest of the first rates. A Python float is a float64.

    It can be float16 or bfloat16, in which the kit does not compare rates.
    """
    widths = ("float16", "bfloat16", "float32", "float64")
    kinds: list[str] = []
    for policy in policies:
        if policy not in subject.capabilities.declined:
            for config in everyday(policy):
                responses = subject.evaluate(Request(config, steps=(0, 1, 2, 3)))
                kinds += [response.kind for response in responses if response.kind in widths]
    return min(kinds, key=widths.index, default="float64")


def items(options: Options, capabilities: Capabilities) -> list[Item]:
    """Returns what gets a verdict, in order: for each policy the checks, the fixed cases, and the accuracy."""
    checks = _checks(capabilities)
    chosen = []
    for policy in options.policies:
        for check in checks:
            if policy in check.policies:
                chosen.append(Item(policy, check.clause, check.name, check=check))
        chosen += [Item(policy, case.clause, case.id, case=case) for case in fixed_cases(policy, options.dtype)]
        chosen.append(Item(policy, ACCURACY_CLAUSE, "accuracy"))
    return chosen


def _checks(capabilities: Capabilities) -> list[Check]:
    return [*CHECKS, *(check for name, more in FURTHER.items() if getattr(capabilities, name) for check in more)]


def run_checks(subject: Subject, options: Options) -> Iterator[ClauseVerdict]:
    """Yields every verdict on an implementation; the last ones are on the exceptions file."""
    session = Session(subject, options)
    for item in items(options, subject.capabilities):
        yield session.verdict(item)
    yield from session.unmatched()


def make_report(
    implementation: str, subject: Subject, options: Options, verdicts: Iterable[ClauseVerdict]
) -> ConformanceReport:
    """Returns the report that holds these verdicts."""
    verdicts = tuple(verdicts)
    return ConformanceReport(
        implementation=implementation,
        kind="scheduler" if subject.capabilities.stateful else "schedule",
        dtype=options.dtype,
        seed=options.seed,
        max_examples=options.max_examples,
        verdicts=verdicts,
        curves=tuple(curves(subject, verdicts)),
    )


class Session:
    """A run that remembers which policies hung, and which checks of values hold."""

    def __init__(self, subject: Subject, options: Options) -> None:
        self._subject = Within(subject, options.domain)
        self._options = options
        self._hung: dict[str, str] = {}
        self._outcomes: dict[tuple[str, Check], search.Outcome] = {}

    def verdict(self, item: Item) -> ClauseVerdict:
        """Returns the verdict on one item; items can be judged in any order."""
        quote = item.check.quote if item.check else item.case.note if item.case else ACCURACY_QUOTE
        part: Any = "clause" if item.check else "case" if item.case else "accuracy"
        of_inputs = item.check is not None and item.check.of_inputs
        base = ClauseVerdict(item.policy, part, item.clause, item.name, quote, "not asked", of_inputs=of_inputs)
        if (words := self._subject.capabilities.declined.get(item.policy)) is not None:
            return dataclasses.replace(base, status="not offered", reason=words)
        if item.policy in self._hung:
            return dataclasses.replace(base, reason=f"{UNJUDGED}: {self._hung[item.policy]}")
        deviation = self._deviation(item)
        if deviation is not None and deviation.kind == "skip":
            return dataclasses.replace(base, status="skipped", reason=deviation.reason)
        try:
            verdict = self._judge_item(item, base, 0.0)
            if deviation is None or verdict.status == "not asked":
                return verdict
            if verdict.status != "fails":
                words = f"the exceptions file says that it fails ({deviation}: {deviation.reason}), and it does not"
                return dataclasses.replace(verdict, status="fails", reason=words)
            if deviation.kind == "ulp":
                wider = self._judge_item(item, base, deviation.ulp)
                if wider.status == "fails":
                    return dataclasses.replace(wider, reason=f"even with the {deviation.ulp:g} ULP of the exceptions file")
                verdict = dataclasses.replace(verdict, accuracy=wider.accuracy, examples=wider.examples)
            return dataclasses.replace(verdict, status="excused", reason=deviation.reason)
        except Hung as error:
            self._hung[item.policy] = error.words
            finding = Finding(error.config, error.step, error.words, "", None, self._repeat(item.policy))
            if deviation is not None and deviation.kind == "xfail":
                return dataclasses.replace(base, status="excused", reason=deviation.reason, finding=finding)
            return dataclasses.replace(base, status="fails", finding=finding)

    def unmatched(self) -> Iterator[ClauseVerdict]:
        """Yields a failure for every deviation that matches no item, unless its policy was not chosen.

        So it does for every condition of the domain that excludes nothing, whatever is chosen.
        """
        # A deviation without a policy may be one of a clause that only a policy has which was not chosen.
        judged = items(dataclasses.replace(self._options, policies=tuple(POLICY_NAMES)), self._subject.capabilities)
        for deviation in self._options.deviations:
            if deviation.policy is not None and deviation.policy not in self._options.policies:
                continue
            if not any(_speaks_of(deviation, item) for item in judged):
                words = "the exceptions file names it, and there is no check or case of that name" + _nearest(deviation, judged)
                base = ClauseVerdict(deviation.policy or "", "exceptions", deviation.clause or "", str(deviation), "", "fails")
                yield dataclasses.replace(base, reason=words)
        for condition in self._options.domain.idle(_tried(self._options.dtype, self._subject.capabilities)):
            words = "the exceptions file declares it, and it excludes nothing that the kit tries"
            yield ClauseVerdict("", "exceptions", "", f"[domain] {condition}", "", "fails", reason=words)

    def _deviation(self, item: Item) -> Deviation | None:
        return next((deviation for deviation in self._options.deviations if _speaks_of(deviation, item)), None)

    def _judge_item(self, item: Item, base: ClauseVerdict, more_ulp: float) -> ClauseVerdict:
        if item.check is not None:
            return self._clause(item.check, base, more_ulp)
        if item.case is not None:
            return self._case(item.case, base, more_ulp)
        return self._accuracy(base, more_ulp)

    def _clause(self, check: Check, base: ClauseVerdict, more_ulp: float) -> ClauseVerdict:
        judge = self._judge(base.policy, Level.SEMANTICS, more_ulp)
        outcome = self._search(check, judge)
        if not more_ulp:
            self._outcomes[base.policy, check] = outcome
        examples, outside = len(outcome.inputs), len(outcome.outside)
        base = dataclasses.replace(base, examples=examples, declined=outside)
        if check is follows_the_formula and outside > max(self._options.max_examples / 2, 4):
            words = f"declines {outside} of {examples + outside} everyday configurations, and may decline half of them at most"
            return dataclasses.replace(base, status="fails", reason=f"{words}; the first: {outcome.outside[0]}")
        if outcome.wrong is not None:
            finding = explain(judge, outcome.wrong, name=f"{check.clause} {check.name}", repeat=self._repeat(base.policy))
            return dataclasses.replace(base, status="fails", finding=finding)
        if examples:
            return dataclasses.replace(base, status="holds")
        beyond = "this implementation cannot be evaluated where the clause applies"
        return dataclasses.replace(base, reason=f"outside its domain: {outcome.outside[0]}" if outside else beyond)

    def _case(self, case: FixedCase, base: ClauseVerdict, more_ulp: float) -> ClauseVerdict:
        steps = tuple(step for step in case.steps if step <= self._subject.capabilities.reach)
        if not steps:
            return dataclasses.replace(base, reason="its steps are beyond those at which this implementation can be evaluated")
        judge = dataclasses.replace(self._judge(base.policy, Level.SEMANTICS, more_ulp), config=case.config)
        try:
            # Some implementations cannot have an initial rate of 0.
            judge = judge.inside(steps, {}, *([] if case.config.initial_learning_rate else [{"initial_learning_rate": 0.125}]))
            for step, value in judge.pairs(*steps):
                judge.compare(step, value)
        except Outside as outside:
            return dataclasses.replace(base, declined=1, reason=f"outside its domain: {outside}")
        except Wrong as wrong:
            finding = explain(judge, wrong, name=f"{case.clause} {case.id}", repeat=self._repeat(base.policy))
            return dataclasses.replace(base, status="fails", examples=len(steps), finding=finding)
        return dataclasses.replace(base, status="holds", examples=len(steps))

    def _accuracy(self, base: ClauseVerdict, more_ulp: float) -> ClauseVerdict:
        """Grades the rates of those checks of values that hold, and of a few everyday schedules."""
        values = [*VALUES, *([rises_and_falls_at_two_speeds] if self._subject.capabilities.asymmetric else [])]
        for check in values:
            if (base.policy, check) not in self._outcomes:
                self._clause(check, base, 0.0)  # pytest can run this item alone, before those whose outcome it needs
        sound = [check for check in values if self._outcomes[base.policy, check].holds]
        if follows_the_formula not in sound:
            return dataclasses.replace(base, reason="it does not follow the formula: nothing to grade")
        measured = _Measured(self._options.dtype)
        judge = dataclasses.replace(self._judge(base.policy, Level.FORMULA, more_ulp), on_rate=measured)
        wrong = None
        for check in sound:
            failure = self._again(check, judge, self._outcomes[base.policy, check].inputs)
            wrong = wrong or failure
        everyday = Config(base.policy, 1e-4, 1e-2, 937, 0.9999 if base.policy == "exp_range" else 1.0, self._options.dtype)
        for config, steps in _sweep(everyday, self._subject.capabilities.reach):
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

    def _again(self, check: Check, judge: Judge, inputs: Sequence[regimes.Inputs]) -> Wrong | None:
        """Runs a check on the same inputs again, with another judge; returns the smallest failure, if any."""
        for example in inputs:
            try:
                search.run_check(check, judge, example)
            except Inapplicable:
                pass
            except Wrong as wrong:
                return self._search(check, judge).wrong or wrong
        return None

    def _judge(self, policy: str, level: Level, more_ulp: float) -> Judge:
        """Returns a judge whose checks replace the numbers of its config."""
        return Judge(self._subject, next(fixed_cases(policy, self._options.dtype)).config, level, more_ulp)

    def _search(self, check: Check, judge: Judge) -> search.Outcome:
        options, reach = self._options, self._subject.capabilities.reach
        setting = regimes.Setting(judge.config.policy, options.dtype, reach, check.family, check.needs)
        return search.search(check, judge, regimes.points(setting, options.seed, options.max_examples))

    def _repeat(self, policy: str) -> str:
        repeat = self._options.repeat
        return f"{repeat} --policy {policy}" if isinstance(repeat, str) else repeat(policy)


def _tried(dtype: str, capabilities: Capabilities) -> Iterator[Config]:
    """Yields the configs that a run with the default options tries, of every policy that may be offered."""
    for policy in POLICY_NAMES:
        if policy not in capabilities.declined:
            yield from (case.config for case in fixed_cases(policy, dtype))
            for family in dict.fromkeys(check.family for check in _checks(capabilities) if policy in check.policies):
                setting = regimes.Setting(policy, dtype, capabilities.reach, family, ())
                yield from (point.inputs["config"] for point in regimes.points(setting, SEED, MAX_EXAMPLES))


def _nearest(deviation: Deviation, judged: Iterable[Item]) -> str:
    """Returns the names of checks or cases that the name in a deviation may be meant to be, in words."""
    if deviation.case is not None:
        given, known = deviation.case, {item.name for item in judged if item.case is not None}
    elif deviation.check is not None and deviation.clause in {item.clause for item in judged}:
        given, known = deviation.check, {item.name for item in judged if item.case is None and item.clause == deviation.clause}
    else:
        given, known = deviation.clause or "", {item.clause for item in judged if item.case is None}
    return nearest(given, known)


def _speaks_of(deviation: Deviation, item: Item) -> bool:
    return deviation.matches(item.policy, item.clause, item.case.id if item.case else None, item.name)


class _Measured:
    """Is called with every rate that is compared with the formula, and knows the worst."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._seen: dict[tuple[Config, int], tuple[float, float]] = {}

    def __call__(self, config: Config, step: int, value: Any) -> None:
        if (config, step) not in self._seen:
            expected = rates(config, step, Level.FORMULA)
            apart = float(ulp.distance(value, expected.rounded))
            self._seen[config, step] = apart, expected.share(value)

    def grade(self) -> Grade:
        """Returns the best grade that all rates earn."""
        if all(apart == 0 for apart, _ in self._seen.values()):
            return Grade.CORRECT
        return Grade.FORMULA if all(share <= 1 for _, share in self._seen.values()) else Grade.WORSE

    def accuracy(self, grade: Grade, everyday: Config) -> Accuracy:
        """Returns the accuracy of all rates; its curve is that of the everyday schedule."""
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
    """Yields a few schedules and their steps: small ones first, then ever further apart."""
    steps = np.unique(np.concatenate([np.arange(32), np.geomspace(32, min(10**6, reach), 220).astype(np.int64)]))
    yield everyday, [int(step) for step in steps]
    for low, high, size in ((0.0, 1.0, 7), (1e-3, 6e-3, 2000), (0.1, 0.3, 3)):
        config = dataclasses.replace(everyday, initial_learning_rate=low, maximal_learning_rate=high, step_size=size)
        yield config, [int(step) for step in steps[:120]]


def _measure(judge: Judge, steps: Sequence[int]) -> None:
    """Records the rates at all steps, then compares them: a wrong one must not keep the others from being recorded."""
    assert judge.on_rate is not None
    for step, value in judge.pairs(*steps):
        judge.on_rate(judge.config, step, value)
    for step, value in judge.pairs(*steps):
        judge.compare(step, value)
