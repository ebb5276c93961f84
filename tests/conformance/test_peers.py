"""The pages about the peers, and the files that describe them. ``tox run -e peers`` runs the peers themselves."""

from __future__ import annotations

import configparser
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.conformance import exceptions
from clr_ref.conformance.cases import fixed_cases
from clr_ref.conformance.checks import ALL, ASYMMETRIC, CHECKS
from clr_ref.conformance.config import POLICY_NAMES
from clr_ref.conformance.peers import __main__ as command, collect, registry, report, reread
from clr_ref.conformance.peers.registry import Peer, PeerError, check_installed, choose, read_peer, read_peers

ROOT = Path(__file__).parents[2]
PAGE, WEB = ROOT / "docs" / "PEERS.md", ROOT / "docs" / "peers.html"
PEERS = read_peers()


def stale(name: str) -> str:
    """Says what to do about a page that is stale."""
    command = f"python -m clr_ref.conformance.peers --peer '{name}' --markdown docs/PEERS.md --html docs/peers.html"
    return f"the pages are stale; renew them with {command}"


def verdict(status: str, **more: Any) -> dict[str, Any]:
    base = {"policy": "triangular2", "part": "clause", "clause": "4.2", "name": "halves every cycle", "status": status}
    return base | {"reason": "", "finding": None} | more


def peer(name: str, semantics: str, *verdicts: dict[str, Any], grade: str = "correctly rounded") -> dict[str, Any]:
    policies = [
        {"policy": "triangular2", "semantics": semantics, "grade": grade, "worst_ulp": 0.0, "worst_share": 0.0, "reason": ""},
        {
            "policy": "exp_range",
            "semantics": "not offered",
            "grade": "not graded",
            "worst_ulp": None,
            "worst_share": None,
            "reason": "no",
        },
    ]
    found = {"policies": policies, "verdicts": list(verdicts), "told": [], "dtype": "float64"}
    return {"name": name, "package": name, "version": "1.2", "tested": "2026-01-02", "report": found, "bugs": [], "cost": 2.0}


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
    """The worst first, each in a colour of its own."""
    gone, faulty, rough, clean = report.trust([*FOUND, {"name": "gone", "error": "not installed"}])
    assert gone == ("fails", "gone could not be tested: not installed.")
    assert faulty == ("distrust", "Do not trust bad: the rates do not follow the formula.")
    assert (rough[0], rough[1].partition(",")[0]) == ("excused", "rough computes the right rates")
    assert clean == ("holds", "No deviation was found in good (correctly rounded).")


def test_a_clause_is_as_good_as_its_worst_policy() -> None:
    names, rows = report.matrix(FOUND)
    assert names == ["clause", "check", "good", "rough", "bad"]
    assert rows == [["4.2", "halves every cycle", "holds", "deviates", "deviates"]]


def test_the_pages_hold_everything_and_escape_it() -> None:
    page, web = report.markdown(FOUND), report.html(FOUND)
    assert "cycle 1025 \\| cycle 33" in page
    assert "[overflows](https://example.org/52989)" in page
    assert "OverflowError &lt;here&gt;" in web
    assert "src=" not in web
    assert "| good | good 1.2 | triangular2 | holds | correctly rounded | 0 | float64 | 2 | 2026-01-02 |" in page


@pytest.mark.parametrize(("found", "code"), [(FOUND, 0), ([{"name": "gone", "error": "not installed"}], 1)])
def test_the_command(found: Any, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "collect", lambda peers, said: found)
    monkeypatch.setattr(command, "read_peers", lambda: [Peer(one["name"], (), "reference", "make", 1, PAGE) for one in found])
    done = CliRunner().invoke(
        command.main, ["--markdown", str(tmp_path / "p.md"), "--html", str(tmp_path / "p.html"), "--json"]
    )
    assert done.exit_code == code
    assert json.loads(done.stdout) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.html", "p.md"]


@pytest.mark.parametrize("one", PEERS, ids=lambda one: one.name)
def test_the_deviations_of_a_peer_speak_of_what_there_is(one: Peer) -> None:
    known = {(check.clause, check.name) for check in ALL} | {("7.1", "accuracy")}
    names = {case.id for policy in POLICY_NAMES for case in fixed_cases(policy, "float64")}
    for deviation in exceptions.read(one.exceptions):
        if deviation.case is not None:
            assert deviation.case in names
        else:
            assert any(deviation.clause == clause and deviation.check in (None, name) for clause, name in known), deviation


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


# --- The pages in docs/ ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> list[dict[str, Any]]:
    return reread.read_page(PAGE.read_text("utf-8"))


def test_the_pages_are_what_the_report_writes_today(stored: Any) -> None:
    assert report.markdown(stored) == PAGE.read_text("utf-8"), stale("clr_ref")
    assert report.html(stored) == WEB.read_text("utf-8"), stale("clr_ref")


def test_the_pages_hold_every_peer_in_order(stored: Any) -> None:
    shown = [one["name"] for one in stored]
    assert shown == [one.name for one in PEERS], stale(next((one.name for one in PEERS if one.name not in shown), "clr_ref"))


def described(stored: Any) -> list[tuple[dict[str, Any], Peer]]:
    """The peers that are in the pages, with their descriptions."""
    return [(found, one) for found in stored for one in PEERS if one.name == found["name"]]


def test_the_pages_are_of_the_versions_that_are_required(stored: Any) -> None:
    for found, one in described(stored):
        if one.requires:
            version = found["version"].partition("+")[0]
            assert f"{found['package']}=={version}" == one.requires[0], stale(one.name)


def test_the_pages_excuse_what_is_declared(stored: Any) -> None:
    for found, one in described(stored):
        declared = exceptions.read(one.exceptions)
        used = set()
        for verdict in found["report"]["verdicts"]:
            if verdict["status"] in ("excused", "skipped"):
                case = verdict["name"] if verdict["part"] == "case" else None
                place = (verdict["policy"], verdict["clause"], case, verdict["name"])
                first = next((deviation for deviation in declared if deviation.matches(*place)), None)
                assert first, f"{place}: {stale(one.name)}"
                assert first.reason == verdict["reason"], f"{place}: {stale(one.name)}"
                used.add(first)
        assert set(declared) == used, stale(one.name)


def test_the_pages_have_a_row_for_every_check_and_case(stored: Any) -> None:
    known = {(check.clause, check.name) for check in ALL} | {("7.1", "accuracy")}
    known |= {(case.clause, f"case {case.id}") for policy in POLICY_NAMES for case in fixed_cases(policy, "float64")}
    names, rows = report.matrix(stored)
    assert {(clause, name) for clause, name, *_ in rows} == known, "run tox run -e peers: all peers need the new checks"
    # A row that only one renewed peer fills would say nothing of the others.
    beyond = {check.name for check in ALL if check not in (*CHECKS, *ASYMMETRIC)}
    assert {row[1] for row in rows if not row[names.index("clr_ref")]} == beyond, stale("clr_ref")


def test_both_pages_are_read_alike(stored: Any) -> None:
    assert reread.read_page(WEB.read_text("utf-8")) == stored


def test_marks_and_bugs_survive_being_read() -> None:
    found = copy.deepcopy(FOUND)
    found[0]["report"]["verdicts"] = [verdict("fails"), verdict("skipped", name="is periodic", reason="too | slow")]
    found[2]["bugs"] = [BUG | {"seen": "", "fixed": "2.0"}, BUG | {"seen": ""}]
    for write in (report.markdown, report.html):
        again = reread.read_page(write(found))
        assert write(again) == write(found)
        assert "FAILS" in write(again)


def test_every_bug_of_the_pages_occurs_or_was_fixed_in_a_version(stored: Any) -> None:
    bugs = [bug for one in stored for bug in one["bugs"]]
    assert len(bugs) > 10
    assert all(bool(bug["seen"]) != bool(bug["fixed"]) for bug in bugs), stale("clr_ref")


# --- One peer ----------------------------------------------------------------------------------------------------------------


def renew(folder: Path, monkeypatch: pytest.MonkeyPatch, found: list[dict[str, Any]], name: str) -> Any:
    monkeypatch.setattr(command, "collect", lambda peers, said: found)
    monkeypatch.setattr(command, "check_installed", lambda peers: None)
    options = ["--markdown", str(folder / "p.md"), "--html", str(folder / "p.html")]
    return CliRunner().invoke(command.main, ["--peer", name, *options])


def test_one_peer_is_renewed_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: Any) -> None:
    (tmp_path / "p.md").write_bytes(PAGE.read_bytes())
    (tmp_path / "p.html").write_bytes(WEB.read_bytes())
    assert (
        renew(tmp_path, monkeypatch, [FOUND[0] | {"name": "clr_ref"}, FOUND[1] | {"name": "lrsched"}], "lrsched").exit_code == 0
    )
    for written in (tmp_path / "p.md", tmp_path / "p.html"):
        again = {one["name"]: one for one in reread.read_page(written.read_text("utf-8"))}
        assert [line["grade"] for line in again["lrsched"]["report"]["policies"]] == ["correctly rounded", ""]
        assert again["lrsched"]["bugs"] == [BUG]
        assert [one for name, one in again.items() if name != "lrsched"] == [one for one in stored if one["name"] != "lrsched"]
    old, new = PAGE.read_text("utf-8").splitlines(), (tmp_path / "p.md").read_text("utf-8").splitlines()
    rows = [line for line in old if line.startswith("| ") and "lrsched" not in line and "| triangular" in line]
    assert set(rows) <= set(new)


def test_a_new_peer_takes_its_place(stored: Any) -> None:
    names = [one["name"] for one in stored]
    without = [one for one in stored if one["name"] != "lrsched"]
    again = reread.renew(without, [FOUND[0] | {"name": "lrsched"}], names)
    assert [one["name"] for one in again] == names


def test_a_peer_that_fails_to_run_keeps_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.md").write_bytes(PAGE.read_bytes())
    done = renew(tmp_path, monkeypatch, [FOUND[0] | {"name": "clr_ref"}, {"name": "lrsched", "error": "gone"}], "lrsched")
    assert done.exit_code == 1
    assert "gone" in done.stdout
    assert (tmp_path / "p.md").read_bytes() == PAGE.read_bytes()


def test_a_file_that_is_no_page_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (
        "# Notes\n",
        report.markdown(FOUND).replace("clause", "clauses"),
        report.html(FOUND).replace('<td class="number">2</td>', '<td class="number">x</td>'),
    ):
        (tmp_path / "p.md").write_text(text, "utf-8")
        done = renew(tmp_path, monkeypatch, FOUND, "lrsched")
        assert done.exit_code == 2
        assert "no page about the peers" in " ".join(done.stderr.split())
        assert (tmp_path / "p.md").read_text("utf-8") == text


def test_an_unknown_peer_is_a_wrong_call() -> None:
    done = CliRunner().invoke(command.main, ["--peer", "torch Cyclic"])
    assert done.exit_code == 2
    assert "'torch Cyclic' is not a peer; the nearest are torch CyclicLR" in done.stderr


def test_a_missing_package_is_reported_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = describe(tmp_path, 'name = "absent"\nrequires = ["no-such-package==1.0", "numpy<9"]')
    monkeypatch.setattr(command, "read_peers", lambda: (PEERS[0], absent))
    monkeypatch.setattr(command, "collect", lambda *_: pytest.fail("a peer was run"))
    (tmp_path / "p.md").write_text("as it was", "utf-8")
    done = CliRunner().invoke(command.main, ["--markdown", str(tmp_path / "p.md")])
    assert done.exit_code == 2
    assert "absent" in done.stderr
    assert "pip install no-such-package==1.0 'numpy<9' (or test other peers" in done.stderr
    assert (tmp_path / "p.md").read_text("utf-8") == "as it was"
    check_installed(PEERS[:2])  # clr_ref itself needs nothing


def test_what_the_command_prints_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    long = {"policy": "triangular2", "semantics": "excused", "grade": "as the textbook formula", "worst_share": 0.4321}
    first, rough, gone = (
        copy.deepcopy(FOUND[0]),
        copy.deepcopy(FOUND[1]),
        {"name": "gone", "error": "exit code 1, " + "why " * 30},
    )
    rough["report"]["policies"][0] = long | {"reason": ""}
    monkeypatch.setattr(command, "collect", lambda peers, said: [first, rough, gone])
    everyone = [Peer(one["name"], (), "reference", "m", 1, PAGE) for one in (first, rough, gone)]
    monkeypatch.setattr(command, "read_peers", lambda: everyone)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stdout for a terminal
    done = CliRunner().invoke(command.main, [])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "good (good 1.2), judged in float64; a step costs 2 times that of clr_ref",
        "  triangular2  holds; correctly rounded",
        "  exp_range    not offered: no",
    ]
    assert "as the textbook formula: errors up to 43 % of what its" in done.stdout
    assert max(map(len, lines)) <= 80


class FakeChild:
    """A worker whose peer takes as many seconds for a step as its name says, or whose process ends."""

    def __init__(self, module: str, name: str) -> None:
        self.name, self.tested = name, False

    def send(self, seconds: float) -> None:
        pass

    def receive(self) -> Any:
        if self.name == "dead":
            raise ConnectionError("exit code 7")
        if self.tested:
            return float(self.name)
        self.tested = True
        return {"version": "1"}

    def stop(self) -> None:
        pass


@pytest.mark.parametrize(("names", "costs"), [(["2", "8", "dead"], [1.0, 4.0, None]), (["dead", "8"], [None, None])])
def test_costs_are_ratios_to_the_first_peer(names: list[str], costs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "Child", FakeChild)
    lines: list[str] = []
    found = collect.collect([Peer(name, (), "reference", "make", 1, PAGE) for name in names], lines.append)
    assert [one.get("cost") for one in found] == costs
    assert [one["error"] for one in found if one["name"] == "dead"] == ["exit code 7"]
    assert sorted(lines) == sorted(f"{name}: {'exit code 7' if name == 'dead' else 'tested'}" for name in names)


# --- What describes a peer ---------------------------------------------------------------------------------------------------


def describe(folder: Path, peer: str, name: str = "adapter") -> Peer:
    (folder / f"{name}.py").touch()
    (folder / f"{name}.toml").write_text(f"[peer]\n{peer}\n", "utf-8")
    return read_peer(folder / f"{name}.toml")


def test_a_toml_beside_an_adapter_is_a_peer(tmp_path: Path) -> None:
    one = describe(tmp_path, 'name = "new"\nrequires = ["some-package[extra]>=2"]')
    assert (one.package, one.implementation) == ("some-package", "clr_ref.conformance.peers.adapter:make")
    assert one.reports_bugs
    other = describe(
        tmp_path, 'name = "again"\nrequires = ["x"]\nmodule = "adapter"\nmake = "other"\nmax_examples = 3', "second"
    )
    assert (other.implementation, other.max_examples) == ("clr_ref.conformance.peers.adapter:other", 3)
    assert not other.reports_bugs
    assert read_peers(tmp_path) == (other, one)
    assert choose((one, other), ["again"]) == (other,)
    assert choose((one, other), []) == (one, other)


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ('requires = ["x"]', "needs name"),
        ('name = "x"', "needs requires"),
        ('name = ""\nrequires = ["x"]', "name must be of type str"),
        ('name = "x"\nrequires = "y"', "requires must be of type list"),
        ('name = "x"\nrequires = []', "requirements as pip takes them"),
        ('name = "x"\nrequires = ["==1"]', "requirements as pip takes them"),
        ('name = "x"\nrequires = ["y"]\nmax_examples = 0', "max_examples must be"),
        ('name = "x"\nrequires = ["y"]\nmax_examples = true', "max_examples must be"),
        ('name = "x"\nrequires = ["y"]\nmodules = "z"', "got modules"),
        ('name = "x"\nrequires = ["y"]\nmodule = "z"', "no adapter z.py"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path: Path, peer: str, words: str) -> None:
    with pytest.raises(PeerError, match=words) as raised:
        describe(tmp_path, peer)
    assert "adapter.toml" in str(raised.value)


def test_two_peers_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        describe(tmp_path, 'name = "same"\nrequires = ["x"]', name)
    with pytest.raises(PeerError, match=r"(a.toml and b.toml|b.toml and a.toml) describe"):
        read_peers(tmp_path)


def test_a_toml_without_a_peer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("", "utf-8")
    with pytest.raises(PeerError, match=r"needs a \[peer\] table"):
        read_peers(tmp_path)


def test_every_adapter_is_described() -> None:
    adapters = {
        path.stem for path in registry.HERE.glob("*.py") if re.search("^def make", path.read_text("utf-8"), re.MULTILINE)
    }
    assert adapters == {one.module for one in PEERS}


def test_tox_installs_what_the_peers_require() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    installed = {line.partition("  #")[0].strip() for line in tox["testenv:peers"]["deps"].splitlines()}
    required = {requirement for one in PEERS for requirement in one.requires}
    assert sorted(required - installed) == [], "add these lines to deps of [testenv:peers] in tox.ini"
