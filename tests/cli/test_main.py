"""The command line: exit codes, tables, JSON, and the errors of wrong calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_script_works_from_any_directory(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("clr-ref.exe" if os.name == "nt" else "clr-ref")
    result = subprocess.run([script, "verify", "--case", "triangular2-7"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "checks hold" in result.stdout
    assert result.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_module_is_the_command() -> None:
    found = subprocess.run([sys.executable, "-m", "clr_ref", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("clr-ref, version ")


@pytest.mark.parametrize("arguments", [["verify", "--case", "nobody"], ["verify", "--nonsense"], ["nonsense"]])
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output
