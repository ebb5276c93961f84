"""``clr-ref conform`` and the pytest plugin, run as a maintainer runs them: in another folder, in another process."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

import clr_ref
from clr_ref.cli import main
from clr_ref.conformance import search, subject
from clr_ref.conformance.checks import CHECKS
from tests.terminal import in_terminal

RIGHT = """
    import math

    def make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0):
        if policy == "exp_range":
            raise NotImplementedError("no exp_range here")
        if not (step_size > 0 and all(map(math.isfinite, (initial_learning_rate, maximal_learning_rate, step_size)))):
            raise ValueError("wrong arguments")
        print("an implementation can print")

        def rate(step):
            if step < 0 or step % 1 or step >= 2**63:
                raise ValueError("no step")
            cycle = math.floor(1 + step / (2 * step_size))
            x = abs(step / step_size - 2 * cycle + 1)
            scale = 1 / 2.0 ** (cycle - 1) if policy == "triangular2" and OVERFLOWS else 1.0
            if policy == "triangular2" and not OVERFLOWS:
                scale = math.ldexp(1.0, 1 - min(cycle, 5000))
            return initial_learning_rate + (maximal_learning_rate - initial_learning_rate) * max(0, 1 - x) * scale

        return rate

    OVERFLOWS = False
"""


def text(source: str) -> str:
    return "\n".join(line[4:] for line in source.splitlines()) + "\n"


@pytest.fixture(autouse=True)
def _few_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bisection starts at step 64, since thousands of requests to another process would only cost time."""
    monkeypatch.setattr(search, "SCANNED", 64)


@pytest.fixture
def right(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.py"
    path.write_text(text(RIGHT))
    return path


@pytest.fixture
def overflowing(tmp_path: Path) -> Path:
    """As in PyTorch's triangular2 (#52989), Python raises OverflowError from cycle 1025 on."""
    path = tmp_path / "overflowing.py"
    path.write_text(text(RIGHT).replace("OVERFLOWS = False", "OVERFLOWS = True"))
    return path


def conform(path: Path, *options: str, name: str = "make", examples: int = 4) -> Result:
    return CliRunner().invoke(main, ["conform", f"{path}:{name}", "--max-examples", str(examples), *options])


def test_a_right_one_holds(right: Path) -> None:
    result = conform(right)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"{right}:make: a schedule, judged in float64"
    assert lines[-1] == "all hold"
    assert re.search(r"triangular2 +holds +\d+ of \d+ clauses and cases hold; as the textbook formula", result.stdout)
    assert re.search(r"exp_range +not offered: no exp_range here", result.stdout)
    assert sorted(path.name for path in right.parent.iterdir()) in (["schedules.py"], ["__pycache__", "schedules.py"])


def test_a_wrong_one_is_reported_with_the_command_that_repeats_it(overflowing: Path) -> None:
    result = conform(overflowing, "--policy", "triangular2")
    assert result.exit_code == 1
    assert "raised OverflowError" in result.stdout
    assert "cycle 1025" in result.stdout
    (again, *_) = re.findall(r"repeat with: clr-ref (.*)", result.stdout)
    repeated = CliRunner().invoke(main, again.split())
    assert repeated.exit_code == 1
    assert repeated.stdout == result.stdout


def test_it_fits_a_terminal(overflowing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(overflowing.parent)
    code, output = in_terminal("conform", "overflowing.py:make", "--max-examples", "2", "--policy", "triangular2")
    shown = [line.rpartition("\r")[2] for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output).splitlines()]
    assert code == 1
    assert max(map(len, shown)) <= 80
    assert "\u2026" not in output
    assert any(re.fullmatch(r"triangular2  FAILS    \d+ of \d+ clauses and cases hold; .*", line) for line in shown)
    (begin, *_) = [number for number, line in enumerate(shown) if line.strip() == "repeat with: \\"]
    pasted = " ".join(line.strip().rstrip("\\") for line in shown[begin + 1 : begin + 3])
    assert pasted.split()[:3] == ["clr-ref", "conform", "overflowing.py:make"]
    assert pasted.split()[-2:] == ["--policy", "triangular2"]


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.py")
    try:
        path.write_text(text(RIGHT))
    except OSError:
        pytest.skip("this file system refuses names that are no UTF-8")
    result = conform(path, "--policy", "triangular", "--html", str(tmp_path / "report.html"), examples=1)
    assert result.exit_code == 0, result.output
    assert "udcff.py:make: a schedule" in result.stdout


def test_json(overflowing: Path) -> None:
    document = json.loads(conform(overflowing, "--json").stdout)
    assert document["holds"] is False
    assert [line["semantics"] for line in document["policies"]] == ["holds", "fails", "not offered"]
    assert document["seed"] == 0
    wrong = [verdict for verdict in document["verdicts"] if verdict["status"] == "fails"]
    assert all(verdict["finding"]["repeat"] for verdict in wrong)
    assert {"policy", "clause", "quote", "name", "status", "finding", "accuracy", "reason"} <= set(wrong[0])
    for verdict in document["verdicts"]:
        assert verdict["quote"] or verdict["reason"]
        if verdict["status"] == "not asked":
            assert verdict["reason"]


def test_verdicts_name_their_clauses_without_docstrings(right: Path) -> None:
    """Under ``python -OO`` there are no docstrings."""
    command = [sys.executable, "-OO", "-m", "clr_ref", "conform", f"{right}:make", "--max-examples", "1", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([*command, "--policy", "triangular"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    told = {(verdict["clause"], verdict["name"]): verdict["quote"] for verdict in json.loads(done.stdout)["verdicts"]}
    checks = {(check.clause, check.name): check.quote for check in CHECKS if "triangular" in check.policies}
    assert all(clause and quote for (clause, _), quote in checks.items())
    assert checks.items() <= told.items()


class Page(HTMLParser):
    """Collects what a browser would fetch, and which tags are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for key, value in attrs if key in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html(tmp_path: Path) -> None:
    path = tmp_path / "<b>odd.py"
    path.write_text(text(RIGHT).replace("max(0, 1 - x)", "max(0, 1 - x) ** 2"))
    out = tmp_path / "report.html"
    assert conform(path, "--html", str(out)).exit_code == 1
    content = out.read_text(encoding="utf-8")
    assert "<b>" not in content
    assert "&lt;b&gt;odd.py" in content
    page = Page()
    page.feed(content)
    assert page.fetched == []
    assert page.open == []
    assert content.count("<svg") >= 2  # a curve for each policy that fails
    assert "ring: the wrong rate that was returned" in content
    assert content.count('class="line own"') == content.count('class="line exact"') == content.count("<svg")
    assert f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}" in content
    assert f"clr_ref {clr_ref.__version__}, 20" in content


def test_a_hang_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hanging.py"
    path.write_text(text(RIGHT).replace("x = abs", "while step == 3 and policy == 'triangular': pass\n        x = abs"))
    monkeypatch.setattr(subject, "STEP_TIMEOUT", 1.0)
    result = conform(path)
    assert result.exit_code == 1
    assert "did not return within 1 s" in result.stdout
    assert re.search(r"triangular2 +holds", result.stdout)


def test_a_make_that_hangs_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hanging.py"
    path.write_text("def make(policy, **_):\n    while True:\n        pass\n")
    monkeypatch.setattr(subject, "STEP_TIMEOUT", 0.5)
    result = conform(path, "--policy", "triangular", examples=1)
    assert result.exit_code == 1, result.output
    assert "did not return within 0.5 s" in result.stdout


def test_a_crash_is_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "crashing.py"
    path.write_text(text(RIGHT).replace("x = abs", "import os; step_size == 7 and step == 3 and os._exit(7)\n        x = abs"))
    result = conform(path, "--policy", "triangular")
    assert result.exit_code == 1
    assert "the process died: exit code 7" in result.stdout
    assert "steps 0 to 2 are right" in result.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("schedules", "Invalid value for IMPL: 'schedules' names no function; give package.module:make"),
        ("nowhere.py:make", "'nowhere.py' is no file; give package.module:make or path/to/file.py:make"),
        ("json:nothing", "'json' has no 'nothing'"),
    ],
)
def test_a_wrong_name_is_a_wrong_call(name: str, words: str) -> None:
    result = CliRunner().invoke(main, ["conform", name])
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_half_precision_needs_a_dtype(tmp_path: Path) -> None:
    path = tmp_path / "half.py"
    path.write_text("import numpy as np\ndef make(policy, **_):\n    return lambda step: np.float16(0)\n")
    result = conform(path)
    assert result.exit_code == 2
    assert "returns float16" in result.stderr
    assert conform(path, "--dtype", "float32", "--policy", "triangular", examples=1).exit_code == 1


# --- Exceptions files --------------------------------------------------------------------------------------------------------

ENTRY = '[[deviation]]\n{}\nreason = "https://github.com/pytorch/pytorch/issues/52989"\n'


def entries(path: Path, *bodies: str) -> str:
    file = path.parent / "exceptions.toml"
    file.write_text("".join(ENTRY.format(body) for body in bodies))
    return str(file)


def failing(path: Path) -> list[str]:
    document = json.loads(conform(path, "--json", "--policy", "triangular2").stdout)
    wrong = [verdict for verdict in document["verdicts"] if verdict["status"] == "fails"]
    return [
        f'case = "{v["name"]}"\npolicy = "{v["policy"]}"'
        if v["part"] == "case"
        else f'clause = "{v["clause"]}"\npolicy = "{v["policy"]}"'
        for v in wrong
    ]


def test_known_deviations_are_excused_and_no_others(overflowing: Path) -> None:
    bodies = list(dict.fromkeys(failing(overflowing)))
    kinds = [body + ("\nxfail = true" if body.startswith("case") else "\nskip = true") for body in bodies]
    result = conform(overflowing, "--exceptions", entries(overflowing, *kinds), "--policy", "triangular2")
    assert result.exit_code == 0, result.stdout
    assert "excused: https://github.com" in result.stdout
    assert "skipped: https://github.com" in result.stdout
    less = conform(overflowing, "--exceptions", entries(overflowing, *kinds[1:]), "--policy", "triangular2")
    assert less.exit_code == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('case = "step-0"\nxfail = true', "and it does not"),
        ('clause = "7.1"\nulp = 5', "and it does not"),
        ('clause = "3.14"\nskip = true', "there is no check or case of that name"),
        ('case = "no-such-case"\nxfail = true', "there is no check or case of that name"),
        ('case = "step0"\nxfail = true', "of that name; the nearest are step-0"),
        ('clause = "3.1"\ncheck = "follows formula"\nskip = true', "of that name; the nearest are follows the formula"),
        ('clause = "3.11"\nskip = true', "of that name; the nearest are 3.1, "),
    ],
)
def test_an_entry_that_is_not_needed_fails(right: Path, body: str, words: str) -> None:
    result = conform(right, "--exceptions", entries(right, body), "--policy", "triangular")
    assert result.exit_code == 1
    assert words in result.stdout


def test_ulp_widens_the_bound_as_far_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "off.py"
    scaled = text(RIGHT).replace("return initial_learning_rate", "return (1 + 2.0**-40) * (initial_learning_rate")
    path.write_text(scaled.replace("* scale\n", "* scale)\n"))
    wide = entries(path, 'clause = "7.1"\nulp = 20000')
    # An entry that is not needed would fail, so the rates are really off.
    assert conform(path, "--policy", "triangular", "--exceptions", wide, examples=2).exit_code == 0
    narrow = entries(path, 'clause = "7.1"\nulp = 100')
    result = conform(path, "--policy", "triangular", "--exceptions", narrow, examples=2)
    assert result.exit_code == 1
    assert "even with the 100 ULP" in result.stdout


# --- pytest ------------------------------------------------------------------------------------------------------------------


def run_pytest(folder: Path, *arguments: str, more: str = "") -> subprocess.CompletedProcess[str]:
    # With clr_ref installed its entry point loads the plugin; to name it too does no harm.
    command = [sys.executable, "-m", "pytest", *arguments]
    paths = [path for path in sys.path if path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTEST_ADDOPTS": f"-p pytest_clr_ref {more}"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # other plugins take longer to load than the test takes
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


def test_pytest_from_a_folder_without_tests(overflowing: Path) -> None:
    folder = overflowing.parent
    options = ["--pyargs", "clr_ref.conformance", "--clr-impl", "overflowing.py:make"]
    done = run_pytest(folder, *options, "-k", "triangular2 and (cycles-1024 or step-0)", "--junitxml=junit.xml", "-q")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "raised OverflowError" in done.stdout
    suite = next(iter(ElementTree.parse(folder / "junit.xml").getroot()))
    names = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert names["test_conformance[triangular2-4.2-cycles-1024-1026]"] == ["failure"]
    assert names["test_conformance[triangular2-3.2-step-0]"] == []


def test_pytest_with_an_exceptions_file(overflowing: Path) -> None:
    file = entries(overflowing, 'case = "cycles-1024-1026"\npolicy = "triangular2"\nxfail = true', 'clause = "99"\nskip = true')
    options = ["--pyargs", "clr_ref.conformance", "--clr-impl", "overflowing.py:make", "--clr-exceptions", file]
    done = run_pytest(overflowing.parent, *options, "-k", "cycles-1024-1026 or exceptions_file", "-q", "-rA")
    assert done.returncode == 1
    assert re.search(r"XFAIL .*cycles-1024-1026.*52989", done.stdout)
    assert "clause 99" in done.stdout


def test_pytest_without_an_implementation_is_a_wrong_call(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--pyargs", "clr_ref.conformance")
    assert done.returncode != 0
    assert "needs --clr-impl" in done.stdout + done.stderr


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    code = "import sys, typing; before = set(sys.modules); import pytest_clr_ref; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("['pytest_clr_ref']", "['__future__', 'pytest_clr_ref']")


def test_the_ten_lines_of_the_manual(tmp_path: Path) -> None:
    """The lines that docs/CONFORMANCE.md says to paste work in a project with a schedule of its own."""
    manual = (Path(__file__).parents[2] / "docs" / "CONFORMANCE.md").read_text(encoding="utf-8")
    (pasted,) = re.findall(r"```python\n# tests/test_conformance\.py\n(.*?)```", manual, re.DOTALL)
    assert len(pasted.strip().splitlines()) <= 10
    (tmp_path / "mypackage").mkdir()
    (tmp_path / "mypackage" / "__init__.py").touch()
    schedules = tmp_path / "mypackage" / "schedules.py"
    one_policy = text(RIGHT).replace('== "exp_range"', '!= "triangular"')
    schedules.write_text(one_policy)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_conformance.py").write_text(pasted)
    assert run_pytest(tmp_path, "-q").returncode == 0
    schedules.write_text(one_policy.replace("1 - x", "1 - x * x"))
    done = run_pytest(tmp_path, "-q", more="-x")
    assert done.returncode == 1
    assert "3.1 follows the formula" in done.stdout


def test_the_kit_needs_neither_hypothesis_nor_a_reader_of_toml(right: Path) -> None:
    """On Python 3.10 only an extra installs one, and the tests alone need Hypothesis."""
    words = ["conform", f"{right}:make", "--max-examples", "4", "--policy", "triangular"]
    absent = "import sys; sys.modules |= dict.fromkeys(['hypothesis', 'tomllib', 'tomli'])"
    code = f"{absent}; from clr_ref.cli import main; main({words!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_reader_of_toml_an_exceptions_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tomllib" if sys.version_info >= (3, 11) else "tomli", None)
    known = tmp_path / "known.toml"
    known.touch()
    result = CliRunner().invoke(main, ["conform", "json:dumps", "--exceptions", str(known)])
    assert result.exit_code == 2
    assert "pip install clr-ref[conformance]" in result.stderr


def test_the_plugin_is_declared() -> None:
    found = {entry.name: entry.value for entry in importlib.metadata.entry_points(group="pytest11")}
    assert found.get("pytest_clr_ref") == "pytest_clr_ref", "install clr_ref anew: its entry points are older than it"
