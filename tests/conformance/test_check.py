"""The kit runs from Python on functions and names, and its report can be read in a notebook."""

from __future__ import annotations

import html
import inspect
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.conformance import check
from clr_ref.conformance.config import THOROUGH_EXAMPLES


def reference(policy: str, **arguments: Any) -> Any:
    return getattr(clr_ref, policy)(**arguments)


def late(policy: str, *, gamma: float = 1.0, **arguments: Any) -> Any:
    """Wrong from step 3 on, and without exp_range."""
    if policy == "exp_range":
        raise NotImplementedError("no gamma here")
    schedule = getattr(clr_ref, policy)(**arguments)
    return lambda step: schedule(step) * 1.25 if step >= 3 else schedule(step)


def half(policy: str, **arguments: Any) -> Any:
    return lambda step: np.float16(0.5)


def test_the_least_that_can_be_asked_for() -> None:
    report = check(reference, policies=["triangular", "triangular"], seed=0, max_examples=1, dtype="float64")
    assert (report.seed, report.max_examples, report.dtype) == (0, 1, "float64")
    assert len([verdict for verdict in report.verdicts if verdict.name == "accuracy"]) == 1


def test_the_defaults_are_those_of_the_manual() -> None:
    """Each check tries 60 inputs, of the seed 0, for every policy, as the command does."""
    defaults = {name: given.default for name, given in inspect.signature(check).parameters.items()}
    assert (defaults["seed"], defaults["max_examples"], THOROUGH_EXAMPLES) == (0, 60, 1000)
    assert defaults["policies"] == ("triangular", "triangular2", "exp_range")
    assert (defaults["dtype"], defaults["exceptions"]) == (None, None)


def test_an_exceptions_file_is_read_and_repeated(tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    file.write_text(
        '[domain]\nstep_size = "1 or more"\nreason = "why"\n[[deviation]]\nclause = "3.1"\nskip = true\nreason = "why"'
    )
    report = check(late, policies=["triangular2"], max_examples=1, exceptions=file)
    statuses = {verdict.name: verdict.status for verdict in report.verdicts}
    assert statuses["follows the formula"] == "skipped"
    finding = next(verdict.finding for verdict in report.verdicts if verdict.finding)
    assert finding.repeat.endswith(f", max_examples=1, exceptions={str(file)!r})")


def test_a_function_is_shown_by_its_name() -> None:
    class Kit:
        def __call__(self, policy: str, **arguments: Any) -> Any:
            return reference(policy, **arguments)

    assert check(Kit(), policies=["triangular"], max_examples=1).implementation == "Kit"
    assert check(reference, policies=["triangular"], max_examples=1).implementation == "reference"


def test_an_implementation_that_conforms() -> None:
    report = check(reference, policies=["triangular"], max_examples=3)
    assert report.holds
    assert {verdict.policy for verdict in report.verdicts} == {"triangular"}
    first, second = repr(report).splitlines()
    assert first == "reference conforms: a schedule, compared in float32"
    assert re.fullmatch(r"  triangular: holds, (\d+) of \1 checks and cases hold; correctly rounded", second)


def test_the_report_says_what_is_wrong_and_how_to_repeat_it() -> None:
    report = check(late, policies=["triangular2", "exp_range"], seed=3, max_examples=5)
    assert not report.holds
    first, second, third = repr(report).splitlines()
    assert first == "late does not conform: a schedule, compared in float32"
    assert re.fullmatch(
        r"  triangular2: fails, \d+ of \d+ checks and cases hold; first [\d.]+ .* at step \d+: make\(.*", second
    )
    assert third == "  exp_range: not offered (no gamma here)"
    finding = next(verdict.finding for verdict in report.verdicts if verdict.finding)
    call = "clr_ref.conformance.check(late, dtype='float32', policies=['triangular2'], seed=3, max_examples=5)"
    assert f"repeat with: {call}" in str(finding)


def test_a_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    shown = check(reference, policies=["triangular"], max_examples=1)._repr_html_()
    page = html.unescape(re.fullmatch(r'<iframe srcdoc="([^"]*)" style="[^"]*"></iframe>', shown)[1])  # type: ignore[index]
    assert page.startswith("<!doctype html>")
    assert "reference conforms" in page


def test_names_run_in_a_process_of_their_own(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, clr_ref\n"
        "pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()))\n"
        "def make(policy, **arguments): return getattr(clr_ref, policy)(**arguments)\n"
    )
    (tmp_path / "named.py").write_text(code)
    name = f"{tmp_path / 'named.py'}:make"
    report = check(name, policies=["triangular"], max_examples=1)
    assert report.holds
    assert report.implementation == name
    assert int((tmp_path / "pid").read_text()) != os.getpid()


def test_functions_of_main_leave_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import clr_ref\n"
        "class Rate:\n"
        "    def __init__(self, schedule): self.schedule = schedule\n"
        "    def __call__(self, step): return self.schedule(step)\n"
        "def make(policy, **arguments): return Rate(getattr(clr_ref, policy)(**arguments))\n"
        "print(clr_ref.conformance.check(make, policies=('triangular',), max_examples=1))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout.startswith("make conforms: a schedule, compared in float32\n")
    assert run.stderr == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "more", "error", "message"),
    [
        (clr_ref.triangular, {}, TypeError, r"make must be a name, or a function make\(policy, \*, .*got <function triangular"),
        (3, {}, TypeError, "make must be a name, or a function .*got 3 of type int"),
        ("nowhere:make", {}, ValueError, "No module named 'nowhere'"),
        (reference, {"dtype": "float16"}, ValueError, "dtype must be 'float32', 'float64' or None, got 'float16'"),
        (reference, {"policies": "triangular"}, ValueError, "policies must be some of triangular, .*got 'triangular'"),
        (reference, {"policies": []}, ValueError, "policies must be some of triangular, "),
        (reference, {"policies": ["cosine"]}, ValueError, r"policies must be some of triangular, .*got \['cosine'\]"),
        (reference, {"policies": ["triangular", "cosine"]}, ValueError, r"got \['triangular', 'cosine'\]"),
        (reference, {"seed": True}, ValueError, "seed must be a whole number >= 0, got True"),
        (reference, {"max_examples": 1.0}, ValueError, "max_examples must be a whole number >= 1, got 1.0"),
        (half, {}, ValueError, "dtype must be 'float32' or 'float64', since the rates are float16, got None"),
        (reference, {"seed": -1}, ValueError, "seed must be a whole number >= 0, got -1"),
        (reference, {"max_examples": 0}, ValueError, "max_examples must be a whole number >= 1, got 0"),
        (reference, {"exceptions": "nowhere.toml"}, ValueError, r"nowhere\.toml"),
    ],
)
def test_wrong_calls(make: Any, more: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        check(make, **more)


def test_no_other_policy_is_made() -> None:
    """Another one may hang, or have rates of another precision."""

    def make(policy: str, **arguments: Any) -> Any:
        assert policy == "triangular2"
        return getattr(clr_ref, policy)(**arguments)

    assert clr_ref.conformance.check(make, policies=["triangular2"], max_examples=4).holds


@pytest.mark.parametrize(
    ("policy", "accepted"),
    [
        ("exp_range", {"gamma": 0.0}),
        ("triangular", {"initial_learning_rate": math.inf}),
        ("triangular", {"initial_learning_rate": -math.inf}),
    ],
)
def test_each_wrong_input_is_tried(policy: str, accepted: dict[str, float]) -> None:
    def make(policy: str, **arguments: Any) -> Any:
        if accepted.items() <= arguments.items():
            return lambda step: 0.5
        return getattr(clr_ref, policy)(**arguments)

    report = clr_ref.conformance.check(make, policies=[policy])
    (wrong,) = (verdict for verdict in report.verdicts if verdict.fails)
    assert wrong.of_inputs
    ((name, value),) = accepted.items()
    assert wrong.finding is not None
    assert f"for {name}={value} instead of raising" in wrong.finding.words
