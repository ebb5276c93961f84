"""``clr-ref bench``: its exit codes, its JSON and its page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.bench.report import Report
from clr_ref.cli import main


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


def test_page_and_picture_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib")
    page = tmp_path / "B.md"
    arguments = ["bench", "--rounds", "2", "--largest", "1000", "--key", "--markdown", str(page)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    text = page.read_text("utf-8")
    assert "![time as a ratio to np.full, by number of steps](B.png)" in text
    assert "| reference triangular |" in text
    assert (tmp_path / "B.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["B.md", "B.png"]
