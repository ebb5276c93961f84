"""``clr-ref plot``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
