"""Mutation testing: which mutants are chosen, which tests run for them, and what the report says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("mutation testing needs Python 3.11 or later, and runs on 3.13", allow_module_level=True)

CI = Path(__file__).parents[1] / ".ci"
CODE = """from __future__ import annotations
LIMIT = 3

def double(number: int | float) -> int | float:
    if number < 0:
        raise ValueError("negative")
    return (
        number
        * 2
    )

@functools.lru_cache(maxsize=8)
def kept(): return zip("a", "b", strict=True)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(CI)
    path = tmp_path / "double.py"
    path.write_text(CODE, "utf-8")
    return path


def item(path: Path, line: int, column: int, operator: str = "NumberReplacer") -> Any:
    one = SimpleNamespace(module_path=path, start_pos=(line, column), operator_name=operator)
    return SimpleNamespace(job_id=f"{line}-{column}-{operator}", mutations=(one,))


def test_the_statement_of_a_place_and_none_where_an_import_runs_it(file: Path) -> None:
    from mutation.places import statement

    assert statement(file, (2, 8)) is None
    assert statement(file, (5, 7)) == ((5, 4), (6, 0)), "the condition alone"
    assert statement(file, (6, 14)) == ((6, 8), (6, 36))
    assert statement(file, (9, 8)) == ((7, 4), (10, 5))


def test_a_sample_has_one_mutant_of_each_place_that_computes_something(file: Path) -> None:
    from mutation.places import sample

    unused = item(file, 4, 23, "Add"), item(file, 12, 0, "RemoveDecorator"), item(file, 12, 29), item(file, 13, 40)
    places = [item(file, 2, 8), item(file, 2, 8, "Other"), item(file, 9, 10), item(file, 5, 14, "Eq_Is"), *unused]
    assert {one.mutations[0].start_pos for one in sample(places, 0, 300)} == {(2, 8), (9, 10)}
    assert len(sample(places, 0, 300)) == 2
    assert len(sample(places, 0, 1)) == 1
    assert sample(places, 5, 1) == sample(places, 5, 1)
    assert len({sample(places, seed, 1)[0].job_id for seed in range(20)}) == 3
    assert len(sample(places, 0, None)) == 3


def test_the_tests_of_a_statement_run_the_quickest_first_and_those_of_its_file_after_them(file: Path) -> None:
    from mutation.suite import Suite

    lines = {5: ["slow", "quick"], 6: ["refuses"], 7: ["slow"], 9: ["gone"]}
    seconds = {"slow": 2.0, "quick": 0.1, "refuses": 1.0, "elsewhere": 0.5, "starts": 3.0}
    suite = Suite(seconds, {str(file): lines, "other.py": {1: ["elsewhere"]}})

    def names(suite: Suite, position: tuple[int, int]) -> list[list[str]]:
        return [list(tests) for tests in suite.rounds(file, position)]

    assert names(suite, (5, 7)) == [["quick", "slow"], ["refuses"]]
    assert names(suite, (9, 8)) == [["slow"], ["quick", "refuses"]], "one that is skipped by now is not run"
    assert names(suite, (2, 8)) == [["quick", "refuses", "slow", "starts"]], "of a constant, those of the file"
    shared = Suite({"m.py::starts": 2.0, "m.py::shares": 1.0, "n.py::other": 0.5}, {str(file): {5: ["m.py::starts"]}})
    assert names(shared, (5, 7)) == [["m.py::starts"], ["m.py::shares"]], "which may use a process that the other started"
    assert names(Suite(seconds, {}), (9, 8)) == [["quick", "elsewhere", "refuses", "slow", "starts"]]


@pytest.mark.parametrize(
    ("context", "tests"),
    [
        ("", []),
        ("a.py::one|setup", ["a.py::one"]),
        ("a.py::two[x|y (call)]|run", ["a.py::two[x|y (call)]"]),
        ("a.py::two[x|y] (call)", ["a.py::two[x|y]"]),
        ("a.py::one (setup)", ["a.py::one", "a.py::two[x|y]"]),
        ("a.py::one (teardown)", ["a.py::one"]),
    ],
)
def test_what_coverage_has_seen_belongs_to_tests(context: str, tests: list[str], file: Path) -> None:
    """Also what a process ran that a test, or a fixture of its file, started."""
    from mutation.suite import _tests

    assert list(_tests([context], ["a.py::one", "b.py::one", "a.py::two[x|y]"])) == tests


def test_a_process_that_a_test_starts_is_measured_as_that_test(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coverage = pytest.importorskip("coverage", reason="coverage is installed where tests are measured")
    (file.parent / "clr_ref.py").write_text("x = 1\n")
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("COVERAGE_PROCESS_START", str(CI / "mutation" / "processes.ini"))
    monkeypatch.setenv("COVERAGE_FILE", str(file.parent / "coverage"))
    monkeypatch.setenv("COVERAGE_CORE", "ctrace")
    monkeypatch.setenv("PYTHONPATH", str(file.parent))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    subprocess.run([sys.executable, "-c", "import clr_ref"], check=True)
    (found,) = file.parent.glob("coverage.*")
    data = coverage.CoverageData(str(found))
    data.read()
    name = test_a_process_that_a_test_starts_is_measured_as_that_test.__name__
    assert data.measured_contexts() == {f"tests/test_mutation.py::{name} (call)"}


DIFF = "--- a\n+++ b\n@@ -2,2 +2,2 @@\n def f():\n-    return x + 1\n+    return x - 1\n"


@pytest.mark.parametrize(
    ("killed", "alive", "listed", "wrong"),
    [
        (19, 1, False, []),
        (18, 1, False, ["all: the tests kill 94.7% of the mutants, less than 95%"]),
        (37, 2, False, [f"{name}: the tests kill 94.9% of the mutants, less than 95%" for name in ("fast", "all")]),
        (38, 2, False, []),
        (0, 1, True, []),
        (1, 0, True, ["not equivalent, for a test fails: clr_ref/fast/pairs.py: return x + 1  ->  return x - 1"]),
    ],
)
def test_the_report_fails_for_survivors_and_for_entries_that_are_not_needed(
    killed: int, alive: int, listed: bool, wrong: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mutation.report import Equivalent, report

    path = Path("clr_ref/fast/pairs.py")
    entries = [Equivalent(str(path), "return x + 1", ("return x - 1",), "why")] if listed else []
    chosen = [item(path, line, 0) for line in range(killed + alive)]
    results = {one.job_id: SimpleNamespace(diff=DIFF, is_killed=number < killed) for number, one in enumerate(chosen)}
    assert report(chosen, results, entries) == wrong
    shown = capsys.readouterr().out
    assert ("clr_ref/fast/pairs.py:" in shown) == (not listed)


def test_listed_mutants_have_to_be_mutants_of_the_code(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cosmic_ray", reason="Cosmic Ray is installed in the environments mutation alone")
    from mutation.report import Equivalent, missing

    monkeypatch.chdir(file.parent)
    entry = Equivalent("double.py", "LIMIT = 3", ("LIMIT = 4", "LIMIT = 7"), "why")
    one = item(Path("double.py"), 2, 8, "core/NumberReplacer")
    one.mutations[0].occurrence = 0
    assert missing([entry], [one]) == ["not a mutant: double.py: LIMIT = 3  ->  LIMIT = 7"]


def test_every_listed_mutant_has_a_reason(file: Path) -> None:
    from mutation.report import read_equivalents

    for entry in read_equivalents(Path(__file__).parent / "equivalents.toml"):
        assert len(entry.reason.split()) > 3, entry
        assert entry.line in (Path(__file__).parents[1] / entry.file).read_text("utf-8"), entry


@pytest.fixture
def run_tests(file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a file of tests with the plugin, in its folder."""
    monkeypatch.setenv("PYTHONPATH", str(CI))
    monkeypatch.chdir(file.parent)
    Path("pytest.ini").write_text("[pytest]\n")
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "mutation.plugin", "-sq", "test_some.py"]

    def run(tests: str, option: str) -> subprocess.CompletedProcess[str]:
        Path("test_some.py").write_text(tests)
        return subprocess.run([*words, option], capture_output=True, text=True)

    return run


def test_chosen_tests_run_in_their_order_and_a_mutant_that_hangs_is_found(run_tests: Any) -> None:
    tests = (
        "import time\n"
        "def test_first(): print('first')\n"
        "def test_second(): print('second')\n"
        "def test_third(): raise SystemError\n"
        "def test_hangs(): time.sleep(60)\n"
    )
    Path("order.json").write_text('{"test_some.py::test_second": 1, "test_some.py::test_first": 2}')
    done = run_tests(tests, "--mutation-order=order.json")
    assert done.returncode == 0
    assert done.stdout.index("second") < done.stdout.index("first")
    Path("order.json").write_text('{"test_some.py::test_hangs": -1.95}')  # a limit of half a second
    assert run_tests(tests, "--mutation-order=order.json").returncode < 0


def test_a_test_takes_as_long_as_its_call_and_the_longest_setup_of_its_file(run_tests: Any) -> None:
    """The fixture that all share is made by whichever runs first, which may be the quickest one."""
    tests = (
        "import time, pytest\n"
        "@pytest.fixture(scope='module')\n"
        "def shared(): time.sleep(0.5)\n"
        "def test_with(shared): pass\n"
        "def test_after(shared): time.sleep(0.25)\n"
        "def test_that_fails(): raise SystemError\n"
        "def test_skipped(): pytest.skip('no reason')\n"
    )
    run_tests(tests, "--mutation-seconds=seconds.json")
    seconds = json.loads(Path("seconds.json").read_text())
    assert set(seconds) == {f"test_some.py::test_{name}" for name in ("with", "after", "that_fails")}
    assert min(seconds.values()) >= 0.5
    assert seconds["test_some.py::test_after"] >= 0.75


def test_every_module_is_changed_or_left_out_for_a_reason() -> None:
    from mutation.places import GROUPS, sources

    package = Path(__file__).parents[1] / "clr_ref"
    changed = {path.relative_to(package).parts[0] for group in GROUPS for path in sources(group, package)}
    rooms = {path.name for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    # They measure time, draw pictures, or only pass names on.
    assert rooms - changed == {"bench", "plot.py", "tfa_arithmetic.py"}
