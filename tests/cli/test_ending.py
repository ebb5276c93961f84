"""Commands whose output cannot be written end with one message and exit code 2, or quietly if the reader has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calls import BOUNDS, call

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this needs /dev/full, a disk that is full")
COMMAND = f"{sys.executable} -m clr_ref"
EVAL = f"{COMMAND} eval triangular {' '.join(BOUNDS)}"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("command", [f"{COMMAND} --help", f"{EVAL} 1:3", f"{EVAL} :3000"])
def test_a_full_disk(command: str) -> None:
    result = shell(f"{command} > /dev/full")
    assert result.returncode == 2
    assert result.stderr == "Error: the output cannot be read or written: No space left on device\n"


@pytest.mark.parametrize("command", [f"{EVAL} :9e18", f"{EVAL} 1"])
def test_a_reader_that_has_gone(command: str) -> None:
    result = shell(f"{command} | head -c 1")
    assert len(result.stdout) == 1
    assert result.stderr == ""


@pytest.mark.parametrize(("redirection", "code"), [(">&- 2>&-", 0), ("2>/dev/full", 0), (">/dev/full 2>/dev/full", 2)])
def test_streams_that_are_closed_or_full(redirection: str, code: int) -> None:
    result = shell(f"{EVAL} 1:3 {redirection}")
    assert (result.returncode, result.stderr) == (code, "")
    assert shell(f"{EVAL} x {redirection}").returncode == 2


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs clr-ref[plot]")
    out = os.path.join(os.fsencode(tmp_path), b"\xff" * 200 + b".png").decode("utf-8", "surrogateescape")
    for options in ([], ["--json"]):
        result = call("plot", "triangular", *BOUNDS, "--out", out, *options)
        assert result.exit_code == 0, result.output
        assert "\\udcff.png" in result.stdout
        assert os.path.getsize(out) > 5000
