"""An implementation with a smaller domain is judged inside it, and one that checks no inputs is told apart from a wrong one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import clr_ref
from clr_ref.cli import main
from clr_ref.conformance import check
from clr_ref.conformance.domain import read_domain
from clr_ref.conformance.exceptions import ExceptionsError, read
from clr_ref.conformance.report_html import page


def hook(policy: str, **arguments: Any) -> Any:
    """As mmcv's hook: it cannot have an initial rate of 0 nor fractional step sizes."""
    if arguments["initial_learning_rate"] == 0:
        raise NotImplementedError("initial must not be 0")
    if arguments["step_size"] % 1:
        raise NotImplementedError("whole step sizes alone")
    return getattr(clr_ref, policy)(**arguments)


def asserting_hook(policy: str, **arguments: Any) -> Any:
    """The same, but it says so with other exceptions."""
    assert arguments["initial_learning_rate"] != 0
    assert not arguments["step_size"] % 1
    return getattr(clr_ref, policy)(**arguments)


DOMAIN = '[domain]\nstep_size = "whole"\ninitial_learning_rate = ["0 or more", "above 0"]\nreason = "a hook of mmcv"\n'
LEFT_OUT = {"1.2 takes any step size", "1.2 fractional-step-size", "1.2 fractional-33.3"}


@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_a_hook_holds_inside_its_domain(policy: str) -> None:
    report = check(hook, policies=[policy], max_examples=20)
    assert report.holds, [str(verdict.finding) for verdict in report.verdicts if verdict.fails]
    (line,) = report.policies()
    assert line.semantics == line.input_checks == "holds"
    assert set(line.outside) == LEFT_OUT  # what needs an initial rate of 0 is judged at another one
    assert 0 < line.declined < line.drawn / 2
    assert {verdict.reason for verdict in report.verdicts if verdict.name in ("fractional-33.3", "takes any step size")} == {
        "outside its domain: whole step sizes alone"
    }
    assert f"outside its domain: {line.declined} of {line.drawn} inputs; not judged: 1.2 " in repr(report)


def test_the_exceptions_file_declares_a_domain(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text(DOMAIN, "utf-8")
    assert not check(asserting_hook, policies=["triangular"], max_examples=20).holds
    report = check(asserting_hook, policies=["triangular"], max_examples=20, exceptions=tmp_path / "known.toml")
    assert report.holds, [str(verdict.finding) for verdict in report.verdicts if verdict.fails]
    (line,) = report.policies()
    # "0 or more" leaves out half of the bounds of any sign too.
    assert set(line.outside) == LEFT_OUT
    assert line.declined


@pytest.mark.parametrize(
    ("conditions", "stale"),
    [
        ('step_size = "whole"\ngamma = "at most 1"\nmaximal_learning_rate = "0 or more"', []),
        ('step_size = ["1 or more", "above 0"]\ngamma = "above 0"', ['step_size = "above 0"', 'gamma = "above 0"']),
    ],
)
def test_a_condition_that_excludes_nothing_is_stale(tmp_path: Path, conditions: str, stale: list[str]) -> None:
    """Whatever policies and how many inputs are chosen: exp_range is not tested here, and has gammas above 1."""
    (tmp_path / "known.toml").write_text(f'[domain]\n{conditions}\nreason = "x"\n', "utf-8")
    report = check(hook, policies=["triangular"], max_examples=4, exceptions=tmp_path / "known.toml")
    verdicts = [verdict for verdict in report.verdicts if verdict.part == "exceptions"]
    assert [verdict.name for verdict in verdicts] == [f"[domain] {condition}" for condition in stale]
    assert all(verdict.fails and "it excludes nothing that the kit tries" in verdict.reason for verdict in verdicts)
    assert report.holds == (not stale)


@pytest.mark.parametrize(("condition", "stale"), [("whole", []), ("above 0", ["above 0"])])
def test_a_condition_on_the_fall_is_one_where_there_is_a_fall(tmp_path: Path, condition: str, stale: list[str]) -> None:
    def two_speeds(policy: str, *, step_size_down: Any = None, **arguments: Any) -> Any:
        assert step_size_down is None or step_size_down % 1 == 0 or condition != "whole"
        return getattr(clr_ref, policy)(**arguments, step_size_down=step_size_down)

    (tmp_path / "known.toml").write_text(f'[domain]\nstep_size_down = "{condition}"\nreason = "x"\n', "utf-8")
    report = check(two_speeds, policies=["triangular"], max_examples=8, exceptions=tmp_path / "known.toml")
    names = [verdict.name for verdict in report.verdicts if verdict.fails]
    assert names == [f'[domain] step_size_down = "{one}"' for one in stale]


def test_a_domain_without_the_first_schedule_that_is_tried_is_one() -> None:
    def small(policy: str, **arguments: Any) -> Any:
        if max(arguments["initial_learning_rate"], arguments["maximal_learning_rate"]) >= 1 or arguments.get("gamma", 1) < 0.9:
            raise NotImplementedError("rates below 1, and slow decays")
        return getattr(clr_ref, policy)(**arguments)

    for policy in ("triangular", "exp_range"):
        report = check(small, policies=[policy], max_examples=4)
        assert report.policies()[0].semantics != "not offered"

    def nothing(policy: str, **arguments: Any) -> Any:
        raise NotImplementedError("not this policy")

    assert {one.reason for one in check(nothing, max_examples=4).policies()} == {"not this policy"}


def test_gamma_has_no_condition_where_exp_range_is_not_offered(tmp_path: Path) -> None:
    def no_powers(policy: str, **arguments: Any) -> Any:
        if policy == "exp_range":
            raise NotImplementedError("no powers")
        return getattr(clr_ref, policy)(**arguments)

    (tmp_path / "known.toml").write_text('[domain]\ngamma = "at most 1"\nreason = "x"\n', "utf-8")
    report = check(no_powers, max_examples=4, exceptions=tmp_path / "known.toml")
    assert [verdict.name for verdict in report.verdicts if verdict.fails] == ['[domain] gamma = "at most 1"']


def test_a_fault_inside_the_domain_is_found() -> None:
    def wrong(policy: str, **arguments: Any) -> Any:
        schedule = hook(policy, **arguments)
        return lambda step: schedule(step + 1)

    report = check(wrong, policies=["triangular2"], max_examples=20)
    finding = next(verdict.finding for verdict in report.verdicts if verdict.finding)
    assert finding.config.initial_learning_rate > 0
    assert report.policies()[0].semantics == "fails"


@pytest.mark.parametrize(("share", "holds"), [(0.3, True), (0.7, False)])
def test_at_most_half_of_the_everyday_inputs_may_be_outside(share: float, holds: bool) -> None:
    """What declines whatever it gets wrong would always hold."""

    def choosy(policy: str, **arguments: Any) -> Any:
        digest = hashlib.sha256(repr(sorted(arguments.items())).encode()).digest()
        if digest[0] < 256 * share and arguments["step_size"] != 4:  # with which the kit looks at what is offered
            raise NotImplementedError("not this one")
        return getattr(clr_ref, policy)(**arguments)

    report = check(choosy, policies=["triangular"], max_examples=60)
    first = next(verdict for verdict in report.verdicts if verdict.name == "follows the formula")
    assert first.fails == (first.declined > 30)
    assert first.fails == (not holds)
    assert not first.fails or first.reason.startswith(f"declines {first.declined} of 60 everyday configurations, and may")


def test_a_call_that_is_not_implemented_is_a_failure() -> None:
    """The domain is one of configurations: an object that was made has every rate."""

    def lazy(policy: str, **arguments: Any) -> Any:
        def rate(step: int) -> float:
            raise NotImplementedError("later")

        return rate

    report = check(lazy, policies=["triangular"], max_examples=3)
    assert not report.holds
    assert report.policies()[0].declined == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "domain = 3",
            "needs conditions on some of initial_learning_rate, maximal_learning_rate, step_size, step_size_down, gamma",
        ),
        ('[domain]\nreason = "x"', "needs conditions"),
        ('[domain]\nsteps = "whole"\nreason = "x"', "needs conditions"),
        ('[domain]\nstep_size = "whole"', "needs a reason, in words"),
        ('[domain]\nstep_size = "even"\nreason = "x"', "'even' is not a condition on step_size; give one of whole, above 0"),
        ('[domain]\nstep_size = []\nreason = "x"', "needs at least one condition"),
        ('[domain]\nstep_size = [3]\nreason = "x"', "3 is not a condition on step_size; give one of whole"),
    ],
)
def test_a_wrong_domain_is_refused(tmp_path: Path, body: str, words: str) -> None:
    path = tmp_path / "known.toml"
    path.write_text(body, "utf-8")
    with pytest.raises(ExceptionsError, match=words):
        read_domain(path)
    path.write_text(DOMAIN, "utf-8")
    assert read(path) == ()


# --- Input checks ------------------------------------------------------------------------------------------------------------

TEXTBOOK = """
def make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0):
    def rate(step):
        cycle = step // (2 * step_size)
        height = 1 - abs(step / step_size - 2 * cycle - 1)
        scale = {"triangular": 1.0, "triangular2": 2.0**-cycle, "exp_range": gamma**step}[policy]
        return initial_learning_rate + (maximal_learning_rate - initial_learning_rate) * max(0.0, height) * scale

    return rate
"""


@pytest.fixture
def textbook(tmp_path: Path) -> str:
    (tmp_path / "textbook.py").write_text(TEXTBOOK, "utf-8")
    return f"{tmp_path / 'textbook.py'}:make"


def test_a_textbook_is_a_cyclical_learning_rate_that_checks_no_inputs(textbook: str) -> None:
    options = ["conform", textbook, "--policy", "triangular", "--max-examples", "12"]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[1].startswith("triangular   holds ")
    assert lines[2].strip() == "input checks: fails"
    assert lines[-1] == "it is a cyclical learning rate that does not check its inputs"
    document = json.loads(CliRunner().invoke(main, [*options, "--json"]).stdout)
    assert [(line["semantics"], line["input_checks"]) for line in document["policies"]] == [("holds", "fails")]
    wrong = {verdict["name"] for verdict in document["verdicts"] if verdict["status"] == "fails"}
    assert wrong == {verdict["name"] for verdict in document["verdicts"] if verdict["of_inputs"]} - {"refuses a step size of 0"}


def test_the_page_tells_input_checks_from_semantics() -> None:
    def unchecked(policy: str, **arguments: Any) -> Any:
        arguments["step_size"] = abs(arguments["step_size"])
        return getattr(clr_ref, policy)(**arguments)

    report = check(unchecked, policies=["triangular"], max_examples=12)
    assert report.only_inputs_fail
    assert [verdict.name for verdict in report.verdicts if verdict.fails] == ["refuses a negative step size"]
    assert "is a cyclical learning rate that does not check its inputs" in page(report)
    assert "<th>input checks</th>" in page(report).replace(' scope="col"', "")
    assert "Do not trust" not in page(report)


def test_a_call_of_a_refused_input_can_be_pasted() -> None:
    def unchecked(policy: str, **arguments: Any) -> Any:
        return lambda step: 0.0

    report = check(unchecked, policies=["exp_range"], max_examples=12)
    calls = [v.finding.call for v in report.verdicts if v.of_inputs and v.finding]
    assert len(calls) == 5  # a constant is the rate of the nearest step too
    for call in calls:
        assert eval(call, {"make": unchecked}) == 0.0


def test_thorough(textbook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = CliRunner().invoke(main, ["conform", textbook, "--thorough", "--max-examples", "3"])
    assert both.exit_code == 2
    assert "--thorough and --max-examples both say" in " ".join(both.stderr.split())
    monkeypatch.setattr("clr_ref.cli.conform.THOROUGH_EXAMPLES", 7)
    found = json.loads(CliRunner().invoke(main, ["conform", textbook, "--thorough", "--json", "--policy", "triangular"]).stdout)
    assert found["max_examples"] == 7
