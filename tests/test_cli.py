"""The command line: exit codes, tables, JSON, and the errors of wrong calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main

BOUNDS = ["--initial-learning-rate", "1e-4", "--maximal-learning-rate", "1e-2", "--step-size", "1874"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--case", "nobody"],
        ["verify", "--nonsense"],
        ["nonsense"],
        ["eval", "triangular", *BOUNDS],
        ["eval", "cosine", *BOUNDS, "1"],
        ["eval", "triangular", *BOUNDS, "--", "-1"],
        ["eval", "triangular", *BOUNDS, "1.5"],
        ["eval", "triangular", *BOUNDS, "9223372036854775808"],
        ["eval", "triangular", *BOUNDS, "0:10:0"],
        ["eval", "triangular", *BOUNDS, "--gamma", "0.9", "1"],
        ["eval", "exp_range", *BOUNDS, "1"],
        ["eval", "exp_range", *BOUNDS, "--gamma", "-1", "1"],
        ["eval", "triangular", *BOUNDS[:-1], "0", "1"],
        ["eval", "triangular", *BOUNDS[:-1], "nan", "1"],
        ["plot", "triangular", *BOUNDS, "--out", "x.txt"],
        ["plot", "triangular", *BOUNDS, "--out", "x.png", "--start", "5", "--stop", "5"],
        ["plot", "triangular", *BOUNDS],
    ],
)
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_eval() -> None:
    result = call("eval", "triangular2", *BOUNDS, "0", "1874", "3748:3752:2")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["step", "cycle", "height", "rate", "hex"],
        ["0", "1", "0", "0.0001", "0x1.a36e2e0000000p-14"],
        ["1874", "1", "1", "0.01", "0x1.47ae140000000p-7"],
        ["3748", "2", "0", "0.0001", "0x1.a36e2e0000000p-14"],
        ["3750", "2", "0.00106724", "0.000105282816", "0x1.b996900000000p-14"],
    ]


def test_eval_tiers() -> None:
    exact = call("eval", "triangular", *BOUNDS, "--tier", "exact", "--json", "7")
    (row,) = json.loads(exact.stdout)["rates"]
    assert "/" in row["rate"]
    tfa = json.loads(call("eval", "triangular", *BOUNDS, "--tier", "tfa", "--json", "70:90").stdout)["rates"]
    reference = json.loads(call("eval", "triangular", *BOUNDS, "--json", "70:90").stdout)["rates"]
    assert [row["step"] for row in tfa] == list(range(70, 90))
    assert [row["hex"] for row in tfa] != [row["hex"] for row in reference]
    power = call("eval", "exp_range", *BOUNDS, "--gamma", "0.999", "--tier", "exact", "1000000")
    assert power.exit_code == 0


@pytest.mark.parametrize(("suffix", "options"), [(".png", []), (".svg", ["--error"]), (".pdf", ["--error"])])
def test_plot(tmp_path: Path, suffix: str, options: list[str]) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs clr-ref[plot]")
    out = tmp_path / f"schedule{suffix}"
    result = call("plot", "triangular2", *BOUNDS, *options, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert out.stat().st_size > 5000
    assert str(out) in result.stdout
    far = call("plot", "triangular", *BOUNDS, *options, "--start", str(2**60), "--out", str(out), "--json")
    assert json.loads(far.stdout)["start"] == 2**60


def test_plotting_without_matplotlib_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "clr_ref.plot", raising=False)
    import clr_ref

    monkeypatch.delattr(clr_ref, "plot", raising=False)
    result = call("plot", "triangular", *BOUNDS, "--out", "x.png")
    assert result.exit_code == 2
    assert "clr-ref[plot]" in result.output


def test_every_command_offers_json_and_help() -> None:
    for command in (
        ["verify"],
        ["eval"],
        ["plot"],
        ["conform"],
        *(["golden", name] for name in ("record", "diff", "accept", "show")),
    ):
        result = call(*command, "--help")
        assert result.exit_code == 0
        assert "--json" in result.stdout


def test_the_script_works_from_any_directory(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("clr-ref.exe" if os.name == "nt" else "clr-ref")
    result = subprocess.run([script, "verify", "--case", "triangular2-7"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "All 7 checks hold" in result.stdout
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command() -> None:
    found = subprocess.run([sys.executable, "-m", "clr_ref", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("clr-ref, version ")
