"""The pages about the peers, made from canned verdicts, and the files beside the adapters. The peers: ``tox run -e peers``."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.conformance import exceptions
from clr_ref.conformance.cases import cases
from clr_ref.conformance.checks import APPLIED, CHECKS, STATEFUL
from clr_ref.conformance.config import POLICIES
from clr_ref.conformance.peers import __main__ as command, report
from clr_ref.conformance.peers.registry import HERE, PEERS, Peer


def verdict(status: str, **more: Any) -> dict[str, Any]:
    base = {"policy": "triangular2", "part": "clause", "clause": "4.2", "name": "halves every cycle", "status": status}
    return base | {"reason": "", "finding": None} | more


def peer(name: str, semantics: str, *verdicts: dict[str, Any], grade: str = "correctly rounded") -> dict[str, Any]:
    policies = [
        {"policy": "triangular2", "semantics": semantics, "grade": grade, "worst_ulp": 0.0, "reason": ""},
        {"policy": "exp_range", "semantics": "not offered", "grade": "not graded", "worst_ulp": None, "reason": "no"},
    ]
    found = {"policies": policies, "verdicts": list(verdicts), "told": [], "dtype": "float64"}
    return {"name": name, "package": name, "version": "1.2", "report": found, "bugs": [], "cost": 2.0}


BUG = {"title": "overflows", "link": "https://example.org/52989", "seen": "OverflowError <here>", "fixed": ""}
FOUND = [
    peer("good", "holds", verdict("holds")),
    peer("rough", "excused", verdict("holds"), verdict("excused", reason="cycle 1025 | cycle 33")) | {"bugs": [BUG]},
    peer("bad", "excused", verdict("excused", reason="another base"), grade="not graded"),
]


def test_what_is_as_declared_is_no_surprise() -> None:
    assert report.surprises(FOUND) == []


def test_every_surprise_is_told() -> None:
    found = copy.deepcopy(FOUND)
    found[0]["report"]["verdicts"][0] |= {
        "status": "fails",
        "reason": "the exceptions file says that it fails, and it does not",
    }
    found[1]["bugs"] = [BUG | {"seen": ""}, BUG | {"fixed": "2.0"}]
    found[2] = {"name": "bad", "error": "no module named bad"}
    assert [line.split(":")[0] for line in report.surprises(found)] == ["good", "rough", "rough", "bad could not be tested"]


def test_a_bug_that_is_fixed_is_no_surprise() -> None:
    assert report.surprises([FOUND[0] | {"bugs": [BUG | {"seen": "", "fixed": "2.0"}]}]) == []


def test_whom_to_trust() -> None:
    clean, rough, faulty = report.trust(FOUND)
    assert "good (correctly rounded)" in clean
    assert rough.startswith("rough computes the right rates")
    assert faulty.startswith("Do not trust bad")


def test_a_clause_is_as_good_as_its_worst_policy() -> None:
    names, rows = report.matrix(FOUND)
    assert names == ["clause", "check", "good", "rough", "bad"]
    assert rows == [["4.2", "halves every cycle", "holds", "deviates", "deviates"]]


def test_the_pages_hold_everything_and_escape_it() -> None:
    page, web = report.markdown(FOUND), report.html(FOUND)
    assert "cycle 1025 \\| cycle 33" in page
    assert "[overflows](https://example.org/52989)" in page
    assert "OverflowError &lt;here&gt;" in web
    assert '<td class="deviates">deviates</td>' in web
    assert "src=" not in web
    assert "| good | good 1.2 | triangular2 | holds | correctly rounded | 0 | float64 | 2 |" in page


@pytest.mark.parametrize(("found", "code"), [(FOUND, 0), ([{"name": "gone", "error": "not installed"}], 1)])
def test_the_command(found: Any, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "collect", lambda peers, said: found)
    done = CliRunner().invoke(
        command.main, ["--markdown", str(tmp_path / "p.md"), "--html", str(tmp_path / "p.html"), "--json"]
    )
    assert done.exit_code == code
    assert json.loads(done.stdout) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.html", "p.md"]


@pytest.mark.parametrize("one", PEERS, ids=lambda one: one.name)
def test_the_deviations_of_a_peer_speak_of_what_there_is(one: Peer) -> None:
    known = {(check.clause, check.name) for check in (*CHECKS, *STATEFUL, APPLIED)} | {("7.1", "accuracy")}
    names = {case.id for policy in POLICIES for case in cases(policy, "float64")}
    for deviation in exceptions.read(one.exceptions):
        if deviation.case is not None:
            assert deviation.case in names
        else:
            assert any(deviation.clause == clause and deviation.check in (None, name) for clause, name in known), deviation
    assert (HERE / f"{one.module}.py").is_file()


def test_no_exceptions_file_is_left_over() -> None:
    assert {path.name for path in HERE.glob("*.toml")} == {one.file for one in PEERS}


def test_a_deviation_can_speak_of_one_check_of_a_clause(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text('[[deviation]]\nclause = "10.3"\ncheck = "loads a state twice"\nxfail = true\nreason = "eaten"\n', "utf-8")
    (deviation,) = exceptions.read(path)
    assert deviation.matches("triangular", "10.3", None, "loads a state twice")
    assert not deviation.matches("triangular", "10.3", None, "keeps its state apart")
    assert str(deviation) == "clause 10.3 (loads a state twice)"
    path.write_text('[[deviation]]\ncase = "step-0"\ncheck = "x"\nxfail = true\nreason = "r"\n', "utf-8")
    with pytest.raises(exceptions.ExceptionsError, match="check must be a string beside a clause"):
        exceptions.read(path)
