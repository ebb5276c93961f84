"""``clr-ref bench``: its exit codes, its JSON and its pages."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.bench.figures import Figure
from clr_ref.bench.machine import machine
from clr_ref.bench.report import Report
from clr_ref.cli import bench as command, main
from clr_ref.cli.bench import PAGE
from tests.bench.conftest import report


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["bench", "--rounds", "2", "--largest", "1", "--key", *arguments])


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed."""
    figures = [Figure("np.full", 10**7, "np.full", 1.0, 1.0, 1.0, 1.0), *report(key=3.0).figures]
    monkeypatch.setattr(command, "measure", lambda *_: (figures, {"lrsched triangular2": "no <lrsched>"}))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def names() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir())


def test_command(tmp_path: Path) -> None:
    stored = tmp_path / "bench.json"
    first = run("--out", str(stored), "--json")
    assert first.exit_code == 0
    document = json.loads(first.stdout)
    assert document["holds"] is True
    assert {f["contender"] for f in document["figures"]} >= {"np.full", "reference triangular"}
    slow = Report.from_json(stored.read_text("utf-8"))
    for factor, code, verdict in [(1e6, 0, "all key figures are at most 2"), (1e-6, 1, "a key figure is more than 2")]:
        figures = tuple(dataclasses.replace(f, ratio=f.ratio * factor) for f in slow.figures)
        stored.write_text(dataclasses.replace(slow, figures=figures).to_json(), "utf-8")
        second = run("--compare", str(stored))
        assert second.exit_code == code
        assert second.stdout.splitlines()[-1] == f"{verdict} times the stored one"
        assert "those of the stored run, on the same processor" in second.stdout
    stored.write_text(dataclasses.replace(slow, figures=()).to_json(), "utf-8")
    assert run("--compare", str(stored)).exit_code == 1  # nothing to compare is no success
    stored.write_text(first.stdout, "utf-8")  # what --json prints is a stored run too
    assert "nothing to compare" not in run("--compare", str(stored)).stdout


@pytest.mark.parametrize(("second", "code"), [(1.0, 0), (3.0, 1)])
def test_a_figure_that_fails_is_measured_once_more(second: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process can spoil one measurement, hardly two; the other figures stay as they are."""
    contender, size = "reference exp_range", 100_000
    ratios = iter([5.0, second])
    asked = []

    def measure(names: Iterable[str], sizes: Iterable[int], *_: object) -> tuple[list[Figure], dict[str, str]]:
        asked.append((list(names), list(sizes)))
        return [Figure(contender, size, "np.full", 1e-6, next(ratios), 1.0, 5.0)], {}

    now = machine()
    stored = Report(now, (Figure(contender, size, "np.full", 1e-6, 1.0, 1.0, 1.0),), {}, {}, ())
    Path("then.json").write_text(stored.to_json(), "utf-8")
    monkeypatch.setattr(command, "measure", measure)
    result = run("--compare", "then.json")
    assert result.exit_code == code, result.output
    assert asked[1:] == [([contender], [size])]
    failing = f"FAILS: {contender}, 100,000 steps: 3.0 times the stored ratio, measured twice"
    assert (failing in result.stdout) == bool(code)


@pytest.mark.usefixtures("measured")
def test_the_page_stands_beside_the_results_or_where_it_is_wanted_and_litters_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("then.json").write_text(report(key=3.0).to_json(), "utf-8")
    for options in ("--compare then.json", "--json", "--out /dev/null", "--out /dev/stdout"):
        assert run(*options.split()).exit_code == 0
        assert names() == ["then.json"], options
    assert run("--html", "x.html").exit_code == 0
    assert run("--out", "now.json").exit_code == 0
    assert names() == ["now.html", "now.json", "then.json", "x.html"]
    assert "Benchmark of clr_ref" in Path("now.html").read_text("utf-8")


@pytest.mark.usefixtures("measured")
def test_at_a_terminal_the_page_stands_in_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [command._page_by_default(None, as_json) for as_json in (False, True)]
    assert chosen == [None, None]
    monkeypatch.setattr(command.sys.stdout, "isatty", lambda: True)
    chosen = [command._page_by_default(None, as_json) for as_json in (False, True)]
    assert chosen == [PAGE, None]
    assert command._page_by_default(Path("/dev/null"), False) is None  # nor is there a page in /dev


@pytest.mark.usefixtures("measured")
def test_a_page_of_somebody_else_is_not_replaced_unless_it_is_named() -> None:
    Path("now.html").write_text("<p>mine", "utf-8")
    assert run("--out", "now.json").exit_code == 0
    assert Path("now.html").read_text("utf-8") == "<p>mine"
    for options in ("--html now.html", "--out now.json"):  # the second replaces what the first wrote
        before = Path("now.html").read_text("utf-8")
        assert "wrote now.html" in run(*options.split()).stdout
        assert Path("now.html").read_text("utf-8") != before or options.startswith("--out")
    wrong = run("--out", "x.html")
    assert wrong.exit_code == 2
    assert "'x.html' would be written twice" in wrong.stderr


@pytest.mark.usefixtures("measured")
def test_the_run_that_is_replaced_stands_beside_the_new_one() -> None:
    assert "stored ratio" not in Path(run("--out", "now.json") and "now.html").read_text("utf-8")
    run("--out", "now.json")
    assert "stored ratio" in Path("now.html").read_text("utf-8")
    Path("now.json").write_text("[]", "utf-8")  # no run: it is replaced, and nothing is compared
    assert run("--out", "now.json").exit_code == 0
    assert "stored ratio" not in Path("now.html").read_text("utf-8")


@pytest.mark.parametrize("option", ["--compare", "--markdown page.md --add"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b"1", b'"x"', b"[" * 10**5, b"\xff\xfe", b"1" * 5000, b"NaN", None],
    ids=lambda content: repr(content[:9]) if content is not None else "/dev/zero",
)
def test_another_file_is_one_message_before_the_work(
    content: bytes | None, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--markdown" in option:
        pytest.importorskip("matplotlib", reason="--markdown needs clr-ref[plot]")
    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("the command began"))
    path = "/dev/zero" if content is None else "x"
    if content is not None:
        Path("x").write_bytes(content)
    wrong = run(*option.split(), path)
    assert wrong.exit_code == 2
    assert wrong.stderr.count("Error: ") == 1
    said = " ".join(wrong.stderr.split())
    assert option.split()[-1] in said
    assert "not a report of clr-ref bench" in said or "can't decode" in said
    assert ("it has more than 16,777,216 bytes" in said) is (content is None)


@pytest.mark.parametrize("path", [".", "/dev/null", "gone"])
def test_a_folder_and_an_empty_device_are_no_stored_run(path: str) -> None:
    wrong = run("--compare", path)
    assert wrong.exit_code == 2
    assert wrong.stderr.count("Error: ") == 1


@pytest.mark.parametrize(("option", "missing"), [("--markdown=x.md", "matplotlib"), ("--training", "tensorflow")])
def test_what_is_missing_is_said_before_the_work(option: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from clr_ref.cli import common

    monkeypatch.setattr(command, "measure", lambda *_: pytest.fail("the command began"))
    monkeypatch.setattr(common, "_is_installed", lambda module: module not in (missing, "keras"))
    wrong = run(option)
    assert wrong.exit_code == 2
    assert "this command needs" in wrong.stderr


def test_the_example_of_the_help_runs() -> None:
    text = CliRunner().invoke(main, ["bench", "--help"]).stdout
    assert "\b" not in text
    lines = [line.strip() for line in text.partition("Example:\n")[2].partition("\n\n")[0].splitlines()]
    assert lines == ["clr-ref bench --key --rounds 2 --largest 1000"]
    assert CliRunner().invoke(main, shlex.split(lines[0])[1:]).exit_code == 0


def test_nothing_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from clr_ref.bench.compare import compare

    stored = Report.from_json((Path(__file__).parents[2] / "docs" / "benchmarks.json").read_text("utf-8"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the output for a terminal
    monkeypatch.setenv("TERM", "dumb")
    figures = tuple(dataclasses.replace(f, ratio=f.ratio * 1e6) for f in stored.figures)
    command._print(
        dataclasses.replace(stored, training=(), harness={}), compare(stored, dataclasses.replace(stored, figures=figures))
    )
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    text = " ".join(shown.split())
    for figure in stored.figures:
        assert f"{figure.low:.2f} to {figure.high:.2f}" in text
        assert set(figure.contender.split()) <= set(text.split())


def test_page_and_picture_are_written() -> None:
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib")
    arguments = ["bench", "--rounds", "2", "--largest", "1000", "--key", "--markdown", "B.md"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    text = Path("B.md").read_text("utf-8")
    assert "![time as a ratio to np.full, by number of steps](B.png)" in text
    assert "| reference triangular |" in text
    assert Path("B.png").read_bytes().startswith(b"\x89PNG")
    assert names() == ["B.md", "B.png"]


@pytest.mark.usefixtures("measured")
def test_a_stored_run_without_a_key_figure_compares_nothing() -> None:
    other = Figure("other", 1000, "np.full", 1e-6, 1.0, 1.0, 1.0)
    Path("then.json").write_text(dataclasses.replace(report(key=3.0), figures=(other,)).to_json(), "utf-8")
    result = run("--compare", "then.json", "--html", "x.html")
    assert result.exit_code == 1
    assert "nothing to compare: the stored run has none of these key figures" in result.stdout
    assert "all key figures" not in result.stdout
    assert "Nothing to compare" in Path("x.html").read_text("utf-8")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("options", ["--compare then.json --html then.json", "--add then.json --markdown then.json"])
def test_no_page_replaces_a_stored_run_that_is_read(options: str) -> None:
    pytest.importorskip("matplotlib", reason="--markdown needs clr-ref[plot]")
    text = report(key=3.0).to_json()
    Path("then.json").write_text(text, "utf-8")
    result = run(*options.split())
    assert (result.exit_code, "'then.json' is what the command reads" in result.stderr) == (2, True)
    assert Path("then.json").read_text("utf-8") == text


def test_add_without_a_page_is_a_wrong_call() -> None:
    Path("then.json").write_text(report(key=3.0).to_json(), "utf-8")
    result = run("--add", "then.json")
    assert (result.exit_code, "--add goes with --markdown" in result.stderr) == (2, True)


@pytest.mark.usefixtures("measured")
def test_the_figures_are_kept_if_the_harness_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def harness() -> None:
        raise RuntimeError("a test failed")

    monkeypatch.setattr(command, "measure_harness", harness)
    result = run("--harness", "--out", "now.json")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "Error: --harness: a test failed")
    assert Report.from_json(Path("now.json").read_text("utf-8")).figures
