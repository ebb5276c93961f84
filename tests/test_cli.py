"""The command line: exit codes, tables, JSON, and the errors of wrong calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main
from clr_ref.golden import store as golden
from clr_ref.tfa import eager


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


@pytest.mark.parametrize("arguments", [["verify", "--case", "nobody"], ["verify", "--nonsense"], ["nonsense"]])
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.output
