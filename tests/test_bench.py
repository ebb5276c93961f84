"""The benchmark itself: what it asks and when, what it makes of times, and what it says of a change. Nothing here is timed."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref import bench, contenders
from clr_ref.bench import Figure, Report
from clr_ref.cli import main


def test_rounds_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    clock = iter(range(10**6))
    monkeypatch.setattr(bench.time, "process_time", lambda: next(clock))  # every call takes a second
    monkeypatch.setattr(bench.gc, "collect", lambda: None)  # which takes a tenth of a second in a process of many tests
    times = bench.interleaved({name: functools.partial(asked.append, name) for name in "abc"}, 20)
    # Once to warm up and once to see how long it takes; then in turns, each once to warm up and once to count.
    assert asked[:6] == [*"aabbcc"]
    rounds = {"".join(asked[start : start + 6]) for start in range(6, len(asked), 6)}
    assert rounds == {"aabbcc", "aaccbb", "bbaacc", "bbccaa", "ccaabb", "ccbbaa"}
    assert times == {name: [1] * 20 for name in "abc"}


def test_short_calls_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    now = [0.0]
    monkeypatch.setattr(bench.time, "process_time", lambda: now[0])

    def call() -> None:
        calls.append(1)
        now[0] += 1e-4

    times = bench.interleaved({"a": call}, 2)
    assert len(calls) == 1 + (1 + 2 + 4 + 8 + 16) + 2 * (1 + 16)  # 16 are the first power of two to take a millisecond
    assert times["a"] == pytest.approx([1e-4, 1e-4])


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine is ten times as slow changes the median time, and not the ratio."""
    found = bench.figure("x", 10, "base", [2.0, 20.0, 20.0], [1.0, 10.0, 10.0], None)
    assert (found.median, found.ratio, found.low, found.high) == (20.0, 2.0, 2.0, 2.0)
    assert bench.figure("x", 10, "base", [1.0, 2.0, 9.0], [1.0, 1.0, 1.0], None).ratio == 2.0


def report(processor: str = "A", **ratios: float) -> Report:
    names = {"key": "reference triangular", "other": "tfa_arithmetic"}
    machine = {"processor": processor}
    return Report(machine, tuple(Figure(names[k], 10**7, "np.full", 1.0, r, r, r) for k, r in ratios.items()), {})


@pytest.mark.parametrize(
    ("processor", "key", "holds"),
    [("A", 1.0, True), ("A", 8.0, True), ("A", 8.1, False), ("B", 8.1, True), ("B", 16.0, True), ("B", 16.1, False)],
)
def test_key_figures_fail_past_twice_the_stored_ratio_or_four_times_on_another_processor(
    processor: str, key: float, holds: bool
) -> None:
    then = report(key=4.0, other=4.0)
    changes = bench.compare(report(processor, key=key, other=100.0), then)
    assert [(c.key, c.holds, c.now, c.then) for c in changes] == [(True, holds, key, 4.0), (False, True, 100.0, 4.0)]


def test_figures_of_one_report_alone_are_no_change() -> None:
    assert bench.compare(report(key=1.0), report(other=1.0)) == []


def test_reports_travel() -> None:
    full = dataclasses.replace(report(key=3.0), machine={"python": "3"}, missing={"x": "y"}, harness={"z": 1.5})
    full = dataclasses.replace(full, training=(bench.Overhead("TFA", "function", 1e-3, 1e-6, 0.0, 2e-6),))
    assert Report.from_json(full.to_json()) == full
    for text in (
        "",
        "[]",
        "{}",
        full.to_json().replace('"format": 1', '"format": 2'),
        full.to_json().replace('"size"', '"sizes"'),
    ):
        with pytest.raises(ValueError, match=r"not a report of clr-ref bench"):
            Report.from_json(text)


def test_who_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(size: int) -> Any:
        raise ImportError("no such library")

    monkeypatch.setitem(contenders.CONTENDERS, "lrsched triangular2", absent)
    figures, missing = bench.measure(["lrsched triangular2", "reference range triangular"], [1, 1000], 2)
    assert missing == {"lrsched triangular2": "no such library"}
    assert [(f.contender, f.size) for f in figures] == [
        ("np.full", 1),
        ("np.full", 1000),
        ("reference range triangular", 1000),
    ]
    assert [f.memory is None for f in figures] == [True, False, False]


def test_key_figures_are_contenders() -> None:
    assert {name for name, _ in contenders.KEY_FIGURES} <= set(contenders.CONTENDERS)
    assert {size for _, size in contenders.KEY_FIGURES} <= set(bench.SIZES)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["bench", "--rounds", "2", "--largest", "1", "--key", *arguments])


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
        assert second.stdout.splitlines()[-1] == f"{verdict} times the stored one, which was measured on the same processor"
    stored.write_text(dataclasses.replace(slow, figures=()).to_json(), "utf-8")
    assert run("--compare", str(stored)).exit_code == 1  # nothing to compare is no success
    stored.write_text("{}", "utf-8")
    wrong = run("--compare", str(stored))
    assert wrong.exit_code == 2
    assert "not a report of clr-ref bench" in wrong.stderr


def test_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib")
    page = tmp_path / "B.md"
    arguments = ["bench", "--rounds", "2", "--largest", "1000", "--key", "--markdown", str(page)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    text = page.read_text("utf-8")
    assert "![time by number of steps, log-log](B.png)" in text
    assert "| reference triangular |" in text
    assert (tmp_path / "B.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B.md", "B.png"]
