"""The command line: exit codes, tables, JSON, and the errors of wrong calls."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import common, main
from clr_ref.golden import store as golden
from clr_ref.tfa import eager

BOUNDS = ["--initial-learning-rate", "1e-4", "--maximal-learning-rate", "1e-2", "--step-size", "1874"]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_verify_of_one_case() -> None:
    result = call("verify", "--case", "triangular-7")
    assert result.exit_code == 0
    assert "all hold" in result.stdout
    assert "correctly rounded" in result.stdout
    assert "\x1b" not in result.stdout  # no colour without a terminal


def test_verify_as_json() -> None:
    result = call("verify", "--case", "triangular-7", "--json")
    document = json.loads(result.stdout)
    assert document["holds"] is True
    assert document["store"]["pairs"] == 42
    assert {"subject", "tier", "mode", "bound", "cases", "values", "worst_ulp", "worst_share", "holds", "first"} <= set(
        document["verdicts"][0]
    )


def test_a_failure_is_shown_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    original = eager.evaluate

    def off(schedule: Any, steps: Any, **options: Any) -> Any:
        return original(schedule, steps, **options) * 2

    monkeypatch.setattr(eager, "evaluate", off)
    result = call("verify", "--case", "triangular-7")
    assert result.exit_code == 1
    repeat = "repeat with: clr-ref verify --case triangular-7"
    for part in ("FAILS", "expected", "actual", "ULP, bound", repeat, "cycle", "(0x"):
        assert part in result.stdout
    document = json.loads(call("verify", "--case", "triangular-7", "--json").stdout)
    assert document["holds"] is False
    first = next(v["first"] for v in document["verdicts"] if not v["holds"])
    assert {"policy", "tier", "step", "cycle", "phase", "expected", "actual", "ulp", "bound", "repeat"} <= set(first)


def test_a_damaged_store_exits_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(golden.default_folder(), folder)
    victim = sorted((folder / "values" / "triangular-7").iterdir())[0]
    victim.write_bytes(victim.read_bytes().replace(b"0x1.", b"0x1,", 1))
    for options in ([], ["--json"]):
        result = call("verify", "--golden", str(folder), *options)
        assert result.exit_code == 1
        assert victim.name in result.stderr
    assert json.loads(result.stdout)["holds"] is False
    assert call("verify", "--golden", str(tmp_path / "nowhere")).exit_code == 1
    (tmp_path / "empty").mkdir()
    assert call("verify", "--golden", str(tmp_path / "empty")).exit_code == 1


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
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = call("plot", "triangular", *BOUNDS, "--out", "x.png")
    assert result.exit_code == 2
    assert 'this command needs clr-ref[plot]: pip install "clr-ref[plot]"' in result.output


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        (["matplotlib"], 'needs clr-ref[plot]: pip install "clr-ref[plot]"'),
        (["matplotlib", "pooch"], 'needs clr-ref[plot,training]: pip install "clr-ref[plot,training]"'),
        (
            ["matplotlib", "pooch", "tensorflow", "keras"],
            'needs clr-ref[plot,training] and TensorFlow: pip install "clr-ref[plot,training]" tensorflow',
        ),
        (["tensorflow", "keras"], "needs TensorFlow: pip install tensorflow"),
        (["tensorflow"], None),
        ([], None),
    ],
)
def test_everything_that_is_missing_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, absent: list[str], words: str | None
) -> None:
    monkeypatch.setattr(common, "_is_installed", lambda name: name not in absent)
    with pytest.raises(click.UsageError) if words else contextlib.nullcontext() as raised:
        common.require_extras("plot", "training", framework=True)
    assert words is None or str(raised.value) == f"this command {words}"


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
    assert "all hold" in result.stdout
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command() -> None:
    found = subprocess.run([sys.executable, "-m", "clr_ref", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("clr-ref, version ")
