"""``clr-ref eval`` and ``plot`` with --shift, --warm-up and --cool-down."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import clr_ref
from tests.cli.calls import call

S = clr_ref.triangular2(0.1, 1.0, 4)
OPTIONS = ["-i", "0.1", "-m", "1", "-s", "4"]
CASES = [
    (["--shift", "3"], clr_ref.Shifted(S, 3)),
    (["--shift", "-3"], clr_ref.Shifted(S, -3)),
    (["--warm-up", "5"], clr_ref.WarmUp(S, 5)),
    (["--warm-up", "5", "--warm-up-from", "0.01", "--counts-warm-up"], clr_ref.WarmUp(S, 5, 0.01, counts_warm_up=True)),
    (["--cool-down", "8", "4", "0.001"], clr_ref.CoolDown(S, 8, 4, 0.001)),
    (
        ["--cool-down", "8", "4", "0.001", "--warm-up", "5", "--shift", "16"],
        clr_ref.CoolDown(clr_ref.WarmUp(clr_ref.Shifted(S, 16), 5), 8, 4, 0.001),
    ),
]


@pytest.mark.parametrize(("options", "schedule"), CASES, ids=str)
def test_eval(options: list[str], schedule: clr_ref.CyclicalLearningRate) -> None:
    result = call("eval", "triangular2", *OPTIONS, *options, "--json", "3:15")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert clr_ref.from_json(json.dumps(data["schedule"])) == schedule
    assert np.float32([row["rate"] for row in data["rates"]]).tolist() == schedule.values(3, 15).tolist()
    exact = call("eval", "triangular2", *OPTIONS, *options, "--tier", "exact", "7").stdout
    assert exact.split()[-1] == str(schedule.exact(7))


def test_the_table_has_no_cycle() -> None:
    lines = call("eval", "triangular2", *OPTIONS, "--warm-up", "2", "0", "1", "6").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["step", "rate", "hex"],
        ["0", "0", "0x0.0p+0"],
        ["1", "0.05", "0x1.99999a0000000p-5"],
        ["6", "1", "0x1.0000000000000p+0"],
    ]
    assert call("eval", "triangular2", *OPTIONS, "--warm-up", "2", "0:2000").stdout.startswith("step  rate\n   0  0\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--warm-up-from", "0.1"], "--warm-up-from and --counts-warm-up go with --warm-up"),
        (["--counts-warm-up"], "--warm-up-from and --counts-warm-up go with --warm-up"),
        (["--warm-up", "x"], "give a whole number such as 1874, -1874 or 1e6, got 'x'"),
        (["--shift", "--5"], "give a whole number such as 1874, -1874 or 1e6, got '--5'"),
        (["--warm-up", "1.5"], "give a whole number such as 1874, -1874 or 1e6, got '1.5'"),
        (["--warm-up", "-1"], "steps must be a whole number 0 .. 2**63-1, got -1"),
        (["--cool-down", "5", "5", "nan"], "final_learning_rate must be a finite number of float32"),
        (["--shift", "-6"], "with --shift, give steps 6 .. 9223372036854775807, got 5 .. 5"),
        (["--shift", "6", "--tier", "tfa"], "--tier tfa must stand without --shift, --warm-up and --cool-down"),
    ],
)
def test_wrong_calls(options: list[str], message: str) -> None:
    result = call("eval", "triangular2", *OPTIONS, *options, "5")
    assert result.exit_code == 2
    assert message in result.stderr


def test_steps_are_typed_in_one_notation() -> None:
    def text(*options: str) -> str:
        return call("eval", "triangular2", *OPTIONS, *options, "20:1e2").stdout

    assert text("--shift", "-1.2e1") == text("--shift", "-12") != text("--shift", "12")
    assert text("--warm-up", "1_0") == text("--warm-up", "1e1") == text("--warm-up", "10")
    assert text("--cool-down", "3e1", "1_0", "0.001") == text("--cool-down", "30", "10", "1e-3")


@pytest.mark.parametrize(("options", "schedule"), CASES, ids=str)
def test_plot(options: list[str], schedule: clr_ref.CyclicalLearningRate, tmp_path: Path) -> None:
    """Ten cycles are drawn, from the first step with a rate on."""
    pytest.importorskip("matplotlib")
    out = tmp_path / "a.svg"
    result = call("plot", "triangular2", *OPTIONS, *options, "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    start = 3 if "-3" in options else 0
    assert json.loads(result.stdout) == {"out": str(out), "start": start, "stop": start + 80}
    assert out.stat().st_size
    axes = clr_ref.plot.schedule(schedule, start, start + 80)
    assert axes.get_lines()[0].get_ydata().tolist() == schedule.values(start, start + 80).astype(float).tolist()
    assert axes.get_title().endswith(" of triangular2, float32")


def test_wrong_plots(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for options, message in (
        (["--shift", "3", "--error"], "--error must stand without --shift"),
        (["--shift", "-9", "--start", "3"], "with --shift, give steps 9 .. "),
    ):
        result = call("plot", "triangular2", *OPTIONS, *options, "--out", str(tmp_path / "a.svg"))
        assert result.exit_code == 2
        assert message in result.stderr
        assert not list(tmp_path.iterdir())
