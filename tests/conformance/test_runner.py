"""What a run tries, in which order, and what becomes of it: verdicts on single items."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.conformance import regimes, runner
from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.cases import fixed_cases
from clr_ref.conformance.checks import ASYMMETRIC, CHECKS, STATEFUL, Judge, Wrong
from clr_ref.conformance.checks.rate import follows_the_formula
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.domain import Domain
from clr_ref.conformance.exceptions import Deviation
from clr_ref.conformance.protocol import COUNTED, Capabilities, Offer, Request, capabilities_from
from clr_ref.conformance.response import Response
from clr_ref.conformance.subject import Local
from tests.subjects import OfConfig

RIGHT = Capabilities({}, False, False, MAX_STEP)
FORMULA = runner.Item("triangular", "3.1", "follows the formula", check=follows_the_formula)
ACCURACY = runner.Item("triangular", "7.1", "accuracy")


def options(*deviations: Deviation, examples: int = 60, dtype: str = "float32", domain: Domain | None = None) -> runner.Options:
    made = runner.Options(dtype, ("triangular",), deviations, 0, examples, "clr-ref conform x:make")
    return dataclasses.replace(made, domain=domain) if domain else made


def make(policy: str, **arguments: Any) -> Any:
    return getattr(clr_ref, policy)(**arguments)


# --- The precision -----------------------------------------------------------------------------------------------------------


def of_kinds(*kinds: Any) -> Callable[..., Any]:
    """Returns an implementation whose rates at the first steps have these types, and are a float16 later."""
    return lambda policy, **_: lambda step: (kinds[step] if step < len(kinds) else np.float16)(0)


@pytest.mark.parametrize(
    ("kinds", "dtype"),
    [
        ((float, float, float, np.float16), "float16"),
        ((float, float, float, float), "float64"),
        ((float, float, float, np.float32), "float32"),
        ((float, float, np.float32, float), "float32"),
        ((np.float32, float, np.float64, float), "float32"),
        ((np.float16, np.float32, float, float), "float16"),
        ((int, int, int, int), "float64"),
        ((int, np.float32, str, int), "float32"),
    ],
)
def test_the_precision_is_the_narrowest_of_the_first_four_rates(kinds: tuple[Any, ...], dtype: str) -> None:
    assert runner.precision(Local(of_kinds(*kinds)), ["triangular"]) == dtype


@pytest.mark.parametrize(("kinds", "narrowest"), [(["float16", "bfloat16"], "float16"), (["bfloat16", "float32"], "bfloat16")])
def test_half_precisions_are_told_apart(kinds: list[str], narrowest: str) -> None:
    class Subject:
        capabilities = RIGHT

        def evaluate(self, request: Request) -> tuple[Response, ...]:
            return tuple(Response(kinds[step % 2], "0x0p+0") for step in request.steps)

    assert runner.precision(Subject(), ["triangular"]) == narrowest


def test_the_first_config_is_one_that_every_implementation_can_have() -> None:
    """A base of 0 is outside of many domains, and so are bounds in the other order, a fraction, and a gamma above 1."""
    made: list[dict[str, Any]] = []

    def recorded(policy: str, **arguments: Any) -> Any:
        made.append(arguments)
        return make(policy, **arguments)

    runner.precision(Local(recorded, ["exp_range"]), ["exp_range"])
    first = {"initial_learning_rate": 0.125, "maximal_learning_rate": 1.0, "step_size": 4, "gamma": 0.5}
    assert made == [
        first,
        first,
        {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 937, "gamma": 0.9999},
    ]


# --- The items ---------------------------------------------------------------------------------------------------------------


def names(capabilities: Capabilities) -> list[str]:
    return [item.name for item in runner.items(options(), capabilities)]


def test_checks_come_before_cases_and_accuracy_last() -> None:
    checks = [check.name for check in CHECKS if "triangular" in check.policies]
    cases = [case.id for case in fixed_cases("triangular", "float32")]
    assert names(RIGHT) == [*checks, *cases, "accuracy"]
    uneven = [check.name for check in ASYMMETRIC if "triangular" in check.policies]
    assert names(dataclasses.replace(RIGHT, asymmetric=True)) == [*checks, *uneven, *cases, "accuracy"]
    counting = [check.name for check in STATEFUL]
    assert names(dataclasses.replace(RIGHT, stateful=True)) == [*checks, *counting, *cases, "accuracy"]
    assert names(dataclasses.replace(RIGHT, applies=True)) == [*checks, "applies what it reports", *cases, "accuracy"]
    applied = "applies the momentum that it reports"
    assert names(dataclasses.replace(RIGHT, applies_momentum=True)) == [*checks, applied, *cases, "accuracy"]
    reported = [
        "moves its momentum against the rate",
        "turns its momentum at ends and peaks",
        "resumes with its momentum",
    ]
    assert names(dataclasses.replace(RIGHT, momentum=True)) == [*checks, *reported, *cases, "accuracy"]


def test_what_an_item_is_called() -> None:
    assert FORMULA.id == "triangular-3.1-follows_the_formula"
    parts = [runner.Session(Local(make), options()).verdict(item).part for item in (FORMULA, ACCURACY)]
    assert parts == ["clause", "accuracy"]


# --- The domain --------------------------------------------------------------------------------------------------------------


class Declining:
    """The reference; it declines the first inputs of the check 3.1."""

    capabilities = RIGHT

    def __init__(self, declined: int, examples: int) -> None:
        setting = regimes.Setting("triangular", "float32", MAX_STEP, "everyday", ("step",))
        inputs = [point.inputs for point in regimes.points(setting, 0, examples)]
        self.declined = {(one["config"], (one["step"],)) for one in inputs[:declined]}
        assert len(self.declined) == declined

    def evaluate(self, request: Request) -> tuple[Response, ...]:
        if (request.config, request.steps) in self.declined:
            return (Response("declined", f"no {request.config.step_size}"),) * request.expected
        return OfConfig(lambda config: config.build()).evaluate(request)


@pytest.mark.parametrize(
    ("declined", "examples", "holds"),
    [(30, 60, True), (31, 60, False), (4, 7, True), (4, 4, None), (5, 8, False), (4, 8, True), (5, 9, False), (5, 11, True)],
)
def test_more_than_half_of_the_inputs_and_more_than_4_may_not_be_outside(
    declined: int, examples: int, holds: bool | None
) -> None:
    session = runner.Session(Declining(declined, examples), options(examples=examples))
    verdict = session.verdict(FORMULA)
    assert verdict.status == {True: "holds", False: "fails", None: "not asked"}[holds]
    assert (verdict.examples, verdict.declined) == (examples - declined, declined)
    if holds is False:
        words = (
            f"declines {declined} of {examples} everyday configurations, and may decline half of them at most; the first: no "
        )
        assert verdict.reason.startswith(words)
    if holds is None:
        assert verdict.reason.startswith("outside its domain: no ")


def test_where_a_clause_never_applies_nothing_is_asked() -> None:
    short = Local(make)
    short.capabilities = dataclasses.replace(short.capabilities, reach=-1)
    verdict = runner.Session(short, options(examples=2)).verdict(dataclasses.replace(FORMULA))
    assert verdict.status == "not asked"
    assert verdict.reason == "this implementation cannot be evaluated where the clause applies"
    case = next(fixed_cases("triangular", "float32"))
    verdict = runner.Session(short, options()).verdict(runner.Item("triangular", case.clause, case.id, case=case))
    assert (verdict.status, verdict.examples) == ("not asked", 0)
    assert verdict.reason == "its steps are beyond those at which this implementation can be evaluated"


def case_verdict(subject: Any, name: str, *deviations: Deviation) -> Any:
    case = next(case for case in fixed_cases("triangular", "float32") if case.id == name)
    return runner.Session(subject, options(*deviations)).verdict(runner.Item("triangular", case.clause, case.id, case=case))


def test_a_case_counts_its_steps_within_reach() -> None:
    assert (case_verdict(Local(make), "tutorial").status, case_verdict(Local(make), "tutorial").examples) == ("holds", 97)
    near = Local(make)
    near.capabilities = dataclasses.replace(near.capabilities, reach=97 * 40)
    assert case_verdict(near, "tutorial").examples == 41


def test_a_case_takes_an_initial_rate_of_an_eighth_where_0_is_outside() -> None:
    bases: set[float] = set()

    def above_0(policy: str, **arguments: Any) -> Any:
        if arguments["initial_learning_rate"] <= 0:
            raise NotImplementedError("above 0 alone")
        bases.add(arguments["initial_learning_rate"])
        return make(policy, **arguments)

    subject = Local(above_0, ["triangular"])
    bases.clear()
    assert case_verdict(subject, "odd-step-size").status == "holds"
    assert bases == {0.125}
    bases.clear()
    assert case_verdict(subject, "step-0").status == "holds"
    assert bases == {1e-4}

    def nothing(policy: str, **arguments: Any) -> Any:
        raise NotImplementedError("nothing")

    subject.capabilities = Local(make).capabilities
    subject._make = nothing
    verdict = case_verdict(subject, "first-peak")
    assert (verdict.status, verdict.declined, verdict.reason) == ("not asked", 1, "outside its domain: nothing")


def test_a_case_that_fails_names_the_step() -> None:
    late = OfConfig(lambda config: lambda step: config.build()(step + 1))
    verdict = case_verdict(late, "first-peak")
    assert (verdict.status, verdict.examples) == ("fails", 3)
    assert verdict.finding.step == 0
    assert verdict.finding.repeat == "clr-ref conform x:make --policy triangular"


# --- Deviations --------------------------------------------------------------------------------------------------------------


def off(ulps: int) -> OfConfig:
    """The reference in float32; every rate is so many ULP too large."""

    def altered(config: Config) -> Callable[[int], Any]:
        schedule = config.build()

        def rate(step: int) -> Any:
            value = schedule(step)
            return value + np.float32(ulps) * np.spacing(value)

        return rate

    return OfConfig(altered)


def test_a_deviation_has_to_show_and_is_then_excused() -> None:
    wrong = OfConfig(lambda config: lambda step: config.build()(step + 1))
    right = Local(make)
    for kind, subject, status in (("skip", wrong, "skipped"), ("xfail", wrong, "excused"), ("xfail", right, "fails")):
        verdict = case_verdict(subject, "first-peak", Deviation(kind, "known", case="first-peak"))  # type: ignore[arg-type]
        assert verdict.status == status
        words = "the exceptions file says that it fails (case first-peak: known), and it does not"
        assert verdict.reason == (words if subject is right else "known")
    assert case_verdict(wrong, "step-0", Deviation("xfail", "known", case="first-peak")).status == "fails"


@pytest.mark.parametrize(("allowed", "status"), [(150.0, "excused"), (50.0, "fails")])
def test_a_deviation_of_some_ulp_widens_the_bound_by_them(allowed: float, status: str) -> None:
    deviation = Deviation("ulp", "known", case="first-peak", ulp=allowed)
    verdict = case_verdict(off(100), "first-peak", deviation)
    assert verdict.status == status
    assert verdict.reason == ("known" if status == "excused" else "even with the 50 ULP of the exceptions file")


def test_without_a_deviation_nothing_is_added_to_the_bound() -> None:
    """An implementation that declares no deviation gets no tolerance for one."""
    session = runner.Session(Local(make), options(dtype="float64"))
    levels: list[float] = []
    session._accuracy = lambda base, more_ulp: levels.append(more_ulp) or base  # type: ignore[method-assign, func-returns-value]
    session.verdict(ACCURACY)
    assert levels == [0.0]


def unmatched(*deviations: Deviation, domain: Domain | None = None) -> list[tuple[str, str, str]]:
    session = runner.Session(Local(make), options(*deviations, domain=domain))
    return [(verdict.policy, verdict.name, verdict.status) for verdict in session.unmatched()]


def test_what_matches_nothing_fails() -> None:
    assert unmatched(Deviation("skip", "x", clause="3.1"), Deviation("skip", "x", case="step-0")) == []
    assert unmatched(Deviation("skip", "x", clause="9.9")) == [("", "clause 9.9", "fails")]
    (verdict,) = runner.Session(Local(make), options(Deviation("skip", "x", clause="9.9"))).unmatched()
    assert (verdict.part, verdict.clause, verdict.quote) == ("exceptions", "9.9", "")
    assert unmatched(Deviation("skip", "x", clause="9.9", policy="triangular")) == [
        ("triangular", "clause 9.9 of triangular", "fails")
    ]
    assert unmatched(Deviation("skip", "x", clause="9.9", policy="exp_range")) == []  # which was not chosen
    assert unmatched(domain=Domain((("step_size", "above 0"), ("step_size", "whole")), "x")) == [
        ("", '[domain] step_size = "above 0"', "fails")
    ]


@pytest.mark.parametrize(
    ("deviation", "nearest"),
    [
        (Deviation("skip", "x", clause="3.11"), "3.1, "),
        (Deviation("skip", "x", clause="3.11", check="follows the formula"), "3.1, "),
        (Deviation("skip", "x", clause="3.1", check="follows formula"), "follows the formula"),
        (Deviation("skip", "x", case="step0"), "step-0"),
    ],
)
def test_what_matches_nothing_has_a_name_that_is_near(deviation: Deviation, nearest: str) -> None:
    (verdict,) = runner.Session(Local(make), options(deviation)).unmatched()
    assert f"of that name; the nearest are {nearest}" in verdict.reason


# --- Accuracy ----------------------------------------------------------------------------------------------------------------


def swept(reach: int) -> list[tuple[Config, list[int]]]:
    return [(config, list(steps)) for config, steps in runner._sweep(Config("triangular", 1e-4, 1e-2, 937), reach)]


def test_accuracy_is_measured_close_to_the_start_and_ever_further_apart() -> None:
    (first, steps), *others = swept(MAX_STEP)
    assert first == Config("triangular", 1e-4, 1e-2, 937)
    assert steps[:32] == list(range(32))
    assert steps[-1] == 10**6
    assert sorted(set(steps)) == steps
    ratios = [later / step for step, later in zip(steps[60:], steps[61:])]  # noqa: B905, RUF007
    assert max(ratios) < (10**6 / 32) ** (1 / 219) * 1.02
    assert min(ratios) > 1
    assert len([step for step in steps if step > 1000]) == len(
        [n for n in range(220) if 32 * (10**6 / 32) ** (n / 219) >= 1001]
    )
    assert [(one.initial_learning_rate, one.maximal_learning_rate, one.step_size) for one, _ in others] == [
        *((0.0, 1.0, 7), (1e-3, 6e-3, 2000), (0.1, 0.3, 3))
    ]
    assert [given for _, given in others] == [steps[:120]] * 3
    assert swept(COUNTED)[0][1][-1] == COUNTED


def test_the_curve_is_that_of_an_everyday_schedule() -> None:
    for policy, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.9999)):
        chosen = dataclasses.replace(options(examples=2), policies=(policy,))
        accuracy = runner.Session(Local(make), chosen).verdict(runner.Item(policy, "7.1", "accuracy")).accuracy
        assert accuracy is not None
        assert accuracy.curve_config == Config(policy, 1e-4, 1e-2, 937, gamma)
        assert [step for step, _ in accuracy.curve] == swept(MAX_STEP)[0][1]
        assert {apart for _, apart in accuracy.curve} == {0.0}
        assert (accuracy.worst_ulp, accuracy.dtype) == (0.0, "float32")
        assert 0 < accuracy.worst_share < 1


def test_what_does_not_follow_the_formula_is_not_graded() -> None:
    wrong = OfConfig(lambda config: lambda step: config.build()(step + 1))
    verdict = runner.Session(wrong, options(examples=5)).verdict(ACCURACY)
    assert (verdict.status, verdict.accuracy) == ("not asked", None)
    assert verdict.reason == "it does not follow the formula: nothing to grade"


def test_a_rate_that_is_not_accurate_is_shown_in_the_simplest_config() -> None:
    """Off by 2**-40 is right in float32, and wrong in float64."""

    def altered(config: Config) -> Callable[[int], Any]:
        schedule = config.build()
        return lambda step: float(schedule(step)) * (1 + 2.0**-40 * (config.step_size <= 7))

    verdict = runner.Session(OfConfig(altered), options(dtype="float64", examples=20)).verdict(ACCURACY)
    assert verdict.status == "fails"
    assert verdict.accuracy is not None
    assert verdict.accuracy.grade == "worse than the textbook formula"
    assert verdict.finding is not None
    assert verdict.finding.config.step_size == 1
    assert verdict.finding.step <= 1
    assert verdict.finding.config.maximal_learning_rate == 1.0


def test_all_rates_are_measured_before_one_is_wrong() -> None:
    measured: list[int] = []
    judge = Judge(
        off(10**6), Config("triangular", 0.1, 1.0, 9), Level.FORMULA, on_rate=lambda config, step, value: measured.append(step)
    )
    with pytest.raises(Wrong) as error:
        runner._measure(judge, [3, 5, 8])
    assert measured == [3, 5, 8]
    assert error.value.step == 3


def test_nothing_measured_is_nothing_wrong() -> None:
    accuracy = runner._Measured("float32").accuracy(runner._Measured("float32").grade(), Config("triangular", 0.0, 1.0, 1))
    assert (accuracy.values, accuracy.worst_ulp, accuracy.worst_share) == (0, 0.0, 0.0)
    assert (accuracy.worst_config, accuracy.worst_step, accuracy.curve) == (None, 0, ())


# --- The report --------------------------------------------------------------------------------------------------------------


def test_the_report_holds_what_was_asked_for() -> None:
    report = runner.make_report("x:make", Local(make), options(examples=3), [])
    assert (report.implementation, report.kind, report.dtype, report.seed, report.max_examples) == (
        *("x:make", "schedule", "float32", 0, 3),
    )
    counting = OfConfig(lambda config: config.build())
    counting.capabilities = capabilities_from({"triangular": Offer(stateful=True)})
    assert runner.make_report("x:make", counting, options(), []).kind == "scheduler"


def test_a_hang_ends_a_policy() -> None:
    class Hanging:
        capabilities = RIGHT

        def evaluate(self, request: Request) -> tuple[Response, ...]:
            return (Response("hang", "did not return"),) * request.expected

    session = runner.Session(Hanging(), options())
    first, second = session.verdict(FORMULA), session.verdict(ACCURACY)
    assert (first.status, first.finding is not None and first.finding.words) == ("fails", "did not return")
    assert (second.status, second.reason) == ("not asked", "not judged any further: did not return")
    assert first.finding is not None
    assert first.finding.repeat == "clr-ref conform x:make --policy triangular"
    report = runner.make_report("x:make", Hanging(), options(), [first, second, dataclasses.replace(second, part="case")])
    assert report.policies()[0].notes() == ["not judged, since it hung or kept dying: 1 checks and cases"]
    known = Deviation(kind="xfail", policy="triangular", clause="3.1", case=None, check=None, ulp=0.0, reason="it waits")
    excused = runner.Session(Hanging(), options(known)).verdict(FORMULA)
    assert (excused.status, excused.reason) == ("excused", "it waits")


@pytest.mark.parametrize("clause", ["1.4", "4.2"])
def test_a_deviation_of_a_clause_of_another_policy_is_no_wrong_name(clause: str) -> None:
    known = Deviation(kind="xfail", policy=None, clause=clause, case=None, check=None, ulp=0.0, reason="x")
    assert [*runner.Session(Local(make), options(known)).unmatched()] == []
    wrong = dataclasses.replace(known, clause="4.9")
    assert len([*runner.Session(Local(make), options(wrong)).unmatched()]) == 1
