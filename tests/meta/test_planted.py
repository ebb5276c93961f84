"""The conformance kit catches planted bugs, in few digits and at the first wrong step; right implementations pass."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref import exact
from clr_ref.conformance import runner, search
from clr_ref.conformance.accuracy import Grade, Level, rates
from clr_ref.conformance.checks import Judge
from clr_ref.conformance.config import MAX_EXAMPLES, POLICY_NAMES
from clr_ref.conformance.subject import Local
from clr_ref.conformance.verdict import ClauseVerdict, ConformanceReport, Finding
from tests.meta.bugs import BUGS, textbook
from tests.subjects import of_dtype
from tests.test_properties import EVERYWHERE, strictly

#: Wrong in the last place only, or where the textbook formula underflows: only the level of correct rounding notices.
ROUNDING = {
    "step through float64",
    "halving stops at cycle 1024",
    "float64 formula",
    "cut instead of rounded",
    "subnormals flushed",
    "one ULP high at peaks",
    "bounds not rounded first",
}


def options_of(
    dtype: str, *policies: str, examples: int = 10
) -> runner.Options:  # a sixth of the kit's default, since every bug is plain
    return runner.Options(dtype, policies or POLICY_NAMES, (), 0, examples, "clr-ref conform planted.py:make")


def full(make: Callable[..., Any], dtype: str, *policies: str, examples: int = 5) -> ConformanceReport:
    subject, options = Local(make), options_of(dtype, *policies, examples=examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return runner.make_report("planted", subject, options, runner.run_checks(subject, options))


def first_failure(name: str) -> ClauseVerdict | None:
    """Returns the first failure of the policy that has the bug."""
    policies = {"halv": "triangular2", "cycl": "triangular2", "thir": "triangular2", "2**c": "triangular2", "gamm": "exp_range"}
    policy = "triangular2" if name == "does not halve" else policies.get(name[:4], "triangular")
    policy = "triangular" if name == "cycle one step too long" else policy
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # some bugs overflow
        verdicts = runner.run_checks(Local(of_dtype(BUGS[name], "float64")), options_of("float64", policy))
        return next((verdict for verdict in verdicts if verdict.fails), None)


def digits(number: float) -> int:
    """Significant decimal digits."""
    return (
        len(f"{number:.17g}".split("e")[0].replace(".", "").strip("0"))
        if number != round(number, 6)
        else len(f"{number:.6f}".replace(".", "").strip("0"))
    )


def test_there_are_at_least_thirty() -> None:
    assert len(set(BUGS) - ROUNDING) >= 30


@pytest.mark.parametrize("name", [name for name in BUGS if name not in ROUNDING])
def test_bug_is_caught_in_few_digits_at_the_first_wrong_step(name: str) -> None:
    verdict = first_failure(name)
    assert verdict is not None
    finding = verdict.finding
    assert isinstance(finding, Finding)
    config = finding.config
    for number in (config.initial_learning_rate, config.maximal_learning_rate, config.gamma):
        assert digits(number) <= 3, config
    # What shows at large step sizes alone has as many digits as they have.
    assert digits(config.step_size) <= 8 or 2**20 <= config.step_size == int(config.step_size), config
    assert finding.step <= 10 or finding.step >= 65, finding  # early, or in a deep cycle or at a far step
    if verdict.of_inputs:
        return  # a wrong input has no right rate
    level = Level.SEMANTICS if verdict.part == "clause" else Level.FORMULA
    judge = Judge(Local(of_dtype(BUGS[name], "float64")), config, level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if finding.disagreement is not None:
            assert finding.disagreement.step == finding.step
            actual = float.fromhex(finding.disagreement.actual.split("(")[1].rstrip(")"))
            assert not rates(config, finding.step, level).allows(np.float64(actual))
        for step in range(min(finding.step, 50)):
            (value,) = judge.numbers(step)
            assert rates(config, step, level).allows(value), step


#: What the kit once let through, with the check that finds it.
ONCE_MISSED = {
    "gamma in float32": "does not round gamma",
    "fractions of step_size below 0.011 cut": "takes any step size",
    "bounds in absolute value": "takes bounds of any sign",
    "gamma clamped to 1": "takes any gamma",
    "gamma cannot be tiny": "takes any gamma",
    "large odd step sizes": "takes large step sizes",
    "a negative rate at the end of a cycle": "between its bounds",
    "negative steps accepted": "refuses what is no step",
    "negative step_size accepted": "refuses a negative step size",
    "step_size that is not finite accepted": "refuses a step size that is not finite",
    "bounds that are not finite accepted": "refuses bounds that are not finite",
    "gamma that is not positive accepted": "refuses a gamma that is not positive and finite",
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ONCE_MISSED)
def test_bug_is_caught_at_the_defaults(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SCANNED", 0)
    subject = Local(of_dtype(BUGS[name], dtype))
    for seed in range(3):
        options = runner.Options(dtype, ("exp_range",), (), seed, MAX_EXAMPLES, "clr-ref conform planted.py:make")
        (item,) = (one for one in runner.items(options, subject.capabilities) if one.name == ONCE_MISSED[name])
        assert runner.Session(subject, options).verdict(item).fails, seed


@pytest.mark.parametrize("name", [name for name in BUGS if not name.endswith("accepted")])  # whose rates are right
def test_bug_is_not_rounded_correctly(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for check in EVERYWHERE:
            if strictly(check, BUGS[name], shrink=False, examples=25) is not None:
                return
    pytest.fail("no check notices")


def test_the_textbook_without_a_bug_is_right() -> None:
    for check in EVERYWHERE:
        if check.of_inputs:
            continue  # it checks no inputs
        assert strictly(check, textbook(), shrink=False, examples=25) is None


# --- Right implementations ---------------------------------------------------------------------------------------------------


def scaled(policy: str, cycle: Any, gamma: float, step: int) -> float:
    if policy == "triangular2":
        return math.ldexp(1.0, 1 - int(min(cycle, 5000)))
    return gamma**step if policy == "exp_range" else 1.0


def float64_textbook(
    policy: str, *, initial_learning_rate: Any, maximal_learning_rate: Any, step_size: Any, gamma: float = 1.0
):
    def rate(step: int) -> float:
        cycle = math.floor(1 + step / (2 * step_size))
        x = abs(step / step_size - 2 * cycle + 1)
        amplitude = maximal_learning_rate - initial_learning_rate
        return initial_learning_rate + amplitude * max(0.0, 1 - x) * scaled(policy, cycle, gamma, step)

    return rate


def ratio(policy: str, *, initial_learning_rate: Any, maximal_learning_rate: Any, step_size: Any, gamma: float = 1.0):
    def rate(step: int) -> float:
        into = (step % (2 * step_size)) / step_size
        weight = min(into, 2 - into) * scaled(policy, step // (2 * step_size) + 1, gamma, step)
        return initial_learning_rate * (1 - weight) + maximal_learning_rate * weight

    return rate


def float32_integer_phase(
    policy: str, *, initial_learning_rate: Any, maximal_learning_rate: Any, step_size: Any, gamma: float = 1.0
):
    low, high = np.float32(initial_learning_rate), np.float32(maximal_learning_rate)
    size = Fraction(float(np.float32(step_size)))

    def rate(step: int) -> np.float32:
        p, q = size.numerator, size.denominator
        into = step * q % (2 * p)
        height = np.float32(min(into, 2 * p - into)) / np.float32(p)
        scale = np.float32(scaled(policy, 1 + step * q // (2 * p), gamma, step))
        return np.float32(low + (high - low) * height * scale)

    return rate


def rational(policy: str, *, initial_learning_rate: Any, maximal_learning_rate: Any, step_size: Any, gamma: float = 1.0):
    low, high, size = Fraction(initial_learning_rate), Fraction(maximal_learning_rate), Fraction(step_size)

    def rate(step: int) -> Fraction:
        cycle, height = exact.phase(size, step)
        scale = {
            "triangular": lambda: Fraction(1),
            "triangular2": lambda: Fraction(1, 2) ** min(cycle - 1, 5000),
            "exp_range": lambda: Fraction(gamma) ** step if step < 2000 else Fraction(gamma**step),
        }[policy]()
        return low + (high - low) * height * scale

    return rate


FLOAT32 = of_dtype(BUGS["float32 formula"], "float32")


@pytest.mark.parametrize(
    ("make", "dtype", "grades"),
    [
        (float64_textbook, "float64", {Grade.FORMULA}),
        (ratio, "float64", {Grade.FORMULA}),
        (float32_integer_phase, "float32", {Grade.FORMULA, Grade.CORRECT}),
        (rational, "float64", {Grade.CORRECT, Grade.FORMULA}),
        (of_dtype(textbook(), "float32"), "float32", {Grade.CORRECT}),
        (FLOAT32, "float32", {Grade.FORMULA}),
        (of_dtype(BUGS["float64 formula"], "float64"), "float64", {Grade.FORMULA}),
    ],
    ids=["float64 textbook", "ratio", "float32 integer phase", "Fraction", "reference", "float32 formula", "NumPy float64"],
)
def test_right_implementations_pass(make: Callable[..., Any], dtype: str, grades: set[Grade]) -> None:
    """They check no inputs, which alone fails; only the float32 formula rounds gamma as well."""
    report = full(make, dtype)
    wrong = {v.name for v in report.verdicts if v.fails and not v.of_inputs}
    assert wrong == ({"does not round gamma"} if make is FLOAT32 else set())
    assert report.only_inputs_fail == (make is not FLOAT32)
    assert runner.precision(Local(make)) == dtype
    for policy in report.policies():
        assert policy.semantics == ("fails" if make is FLOAT32 and policy.policy == "exp_range" else "holds")
        assert policy.grade in {grade.value for grade in grades}


def test_a_float32_formula_that_returns_float64_means_the_right_thing_and_is_worse() -> None:
    report = full(of_dtype(BUGS["float32 formula"], "float64"), "float64", "triangular")
    (policy,) = report.policies()
    assert (policy.semantics, policy.grade) == ("holds", Grade.WORSE.value)
    assert not report.holds


def test_the_same_call_gives_the_same_report() -> None:
    one, two = (full(of_dtype(BUGS["cosine"], "float64"), "float64", "triangular") for _ in range(2))
    assert one == two
