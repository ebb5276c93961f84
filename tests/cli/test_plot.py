"""``clr-ref plot``."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clr_ref.cli import schedule
from tests.cli.calls import BOUNDS, call


@pytest.mark.parametrize(
    "arguments",
    [
        ["plot", "triangular", *BOUNDS, "--out", "x.txt"],
        ["plot", "triangular", *BOUNDS, "--out", "x.png", "--start", "5", "--stop", "5"],
        ["plot", "triangular", *BOUNDS],
        ["plot", "triangular", *BOUNDS, "--step-size-down", "10", "--error", "--out", "x.png"],
    ],
)
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("Error: ") == 1


@pytest.mark.parametrize(("suffix", "options"), [(".png", []), (".svg", ["--error"]), (".pdf", ["--error"])])
def test_plot(tmp_path: Path, suffix: str, options: list[str]) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs clr-ref[plot]")
    out = tmp_path / f"schedule{suffix}"
    result = call("plot", "triangular2", *BOUNDS, *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert out.stat().st_size > 5000
    assert str(out) in result.stdout
    cycles = call("plot", "triangular", "-i", "0", "-m", "1", "-s", "4", "-d", "12", "--out", str(out), "--json")
    assert json.loads(cycles.stdout)["stop"] == 160  # ten cycles
    far = call("plot", "triangular", *BOUNDS, *options, "--start", str(2**60), "--out", str(out), "--json")
    assert json.loads(far.stdout)["start"] == 2**60


@pytest.mark.parametrize(
    ("options", "start", "stop"),
    [
        (["-s", "4"], 0, 80),
        (["-s", "4", "-d", "12"], 0, 160),
        (["-s", "1"], 0, 20),
        (["-s", "0.5"], 0, 20),
        (["-s", "1.0625"], 0, 21),  # ten cycles are 21.25 steps
        (["-s", "4", "--start", "1e3"], 1000, 1080),
        (["-s", "4", "--start", str(2**63 - 5)], 2**63 - 5, 2**63),
        (["-s", "4", "--stop", "1"], 0, 1),
        (["-s", "4", "--start", "7", "--stop", str(2**63)], 7, 2**63),
        (["-s", "1e300", "--dtype", "float64"], 0, 2**63),
    ],
)
@pytest.mark.parametrize("error", [False, True])
def test_what_is_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], start: int, stop: int, error: bool
) -> None:
    """By default, ten cycles, and at least 20 steps."""
    drawn: list[tuple[str, Any]] = []
    plotting = SimpleNamespace(rates=lambda *a: drawn.append(("rates", a)), error=lambda *a: drawn.append(("error", a)))
    monkeypatch.setattr(schedule, "plotting_module", lambda: plotting)
    out = tmp_path / "a.SVG"
    more = ["--error"] if error and "-d" not in options else []
    arguments = ["plot", "triangular", "-i", "0", "-m", "1", *options, *more, "--out", str(out)]
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (0, f"wrote {out}\n")
    ((kind, (drawn_schedule, *place)),) = drawn
    assert (kind, place) == ("error" if more else "rates", [start, stop, out])
    assert drawn_schedule.step_size == float(options[1])
    document = json.loads(call(*arguments, "--json").stdout)
    assert document == {"out": str(out), "start": start, "stop": stop}


@pytest.mark.parametrize(
    ("start", "stop", "words"),
    [
        ("5", "5", "got 5:5"),
        ("6", "5", "got 6:5"),
        ("0", "0", "got 0:0"),
        (str(2**63), None, f"got {2**63}:{2**63}"),
        ("0", str(2**63 + 1), f"got '{2**63 + 1}'"),
        ("-1", None, "got '-1'"),
    ],
)
def test_an_empty_range_is_a_wrong_call(start: str, stop: str | None, words: str) -> None:
    more = [] if stop is None else ["--stop", stop]
    result = call("plot", "triangular", *BOUNDS, "--out", "x.png", "--start", start, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_an_output_is_required() -> None:
    result = call("plot", "triangular", *BOUNDS)
    assert "Missing option '-o' / '--out'" in result.stderr
