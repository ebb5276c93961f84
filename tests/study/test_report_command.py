"""``clr-ref study report``: what the runs in the folder of a study show."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from clr_ref.study import cells, config
from tests.cli.calls import call
from tests.study.test_cells import DESCRIPTION, studied

pytestmark = pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_STUDY")
    and any(importlib.util.find_spec(name) is None for name in ("distributed", "scipy", "matplotlib")),
    reason="needs clr-ref[study] and clr-ref[plot]",
)


def trained(folder: Path, name: str = "grid", models: tuple[str, ...] = ("small.py:make",)) -> None:
    """Write the reports of a study of eight seeds, in which ``clr`` is better by 0.1 in each seed but for little."""
    document = {**studied(seeds=8).document, "models": list(models)}
    del document["model"]
    study = config.of_document(document, f"{name}.toml")
    description = {**DESCRIPTION, "models": dict.fromkeys(models, DESCRIPTION["models"]["small.py:make"])}
    with cells.held(folder):
        cells.write_index(folder, name, cells.Index(study, description))
        for cell in study.cells():
            away = (0.1 if cell.arm == "clr" else 0.0) + 0.001 * cell.experiment.seed * (1 if cell.arm == "clr" else -1)
            history = [{"epoch": 1, "loss": 0.5, "val_loss": 0.5 - away, "val_accuracy": 0.5 + away}]
            cells.write(folder, cell.identity(description), {"digests": {}, "history": history})


def test_the_findings_and_the_files(tmp_path: Path) -> None:
    trained(tmp_path)
    result = call("study", "report", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "clr is better than plain with 8 seeds: its validation loss is lower." in " ".join(result.output.split())
    names = {"curves.png", "report.md", "report.html", "comparisons.csv", "runs.csv", "report.json"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == names


def test_options(tmp_path: Path) -> None:
    trained(tmp_path)
    out = tmp_path / "elsewhere"
    words = ["--out", str(out), "--baseline", "clr", "--target", "0.55", "--json"]
    result = call("study", "report", str(tmp_path), *words)
    ((document),) = json.loads(result.stdout)
    assert (document["part"], document["out"], document["baseline"], document["target"]) == ("", str(out), "clr", 0.55)
    assert {one["finding"] for one in document["comparisons"][0]["differences"]} == {"worse"}
    assert (out / "report.html").exists()


def test_models_and_studies_are_not_compared_with_one_another(tmp_path: Path) -> None:
    trained(tmp_path, models=("a.py:make", "b.py:make"))
    trained(tmp_path, "other", models=("a.py:make",))
    result = call("study", "report", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert [path.name for path in sorted((tmp_path / "report").iterdir())] == [
        "grid-a.py-make",
        "grid-b.py-make",
        "other-a.py-make",
    ]
    assert [line for line in result.output.splitlines() if line.endswith("make:")] == [
        "grid, a.py:make:",
        "grid, b.py:make:",
        "other, a.py:make:",
    ]


def test_wrong_calls(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call("study", "report", str(tmp_path / "empty"))
    assert (result.exit_code, "holds no study" in result.output) == (2, True)
    trained(tmp_path / "grid")
    result = call("study", "report", str(tmp_path / "grid"), "--baseline", "plane")
    assert result.exit_code == 2
    assert "baseline must be 'plain' or 'clr', got 'plane'" in " ".join(result.output.split())
    assert not (tmp_path / "grid" / "report").exists()
    for path in (tmp_path / "grid" / "cells").glob("*.json"):
        path.unlink()
    result = call("study", "report", str(tmp_path / "grid"))
    assert (result.exit_code, "no run" in result.output) == (2, True)


def test_what_only_one_study_of_the_folder_has_is_for_it_alone(tmp_path: Path) -> None:
    trained(tmp_path)
    other = config.of_document(
        {**studied(arms={"flat": {"learning_rate": 0.02}}).document, "model": "small.py:make"}, "other.toml"
    )
    cells.write_index(tmp_path, "other", cells.Index(other, DESCRIPTION))
    for cell in other.cells():
        cells.write(tmp_path, cell.identity(DESCRIPTION), {"digests": {}, "history": [{"epoch": 1, "val_loss": 0.5}]})
    result = call("study", "report", str(tmp_path), "--baseline", "clr", "--target", "0.5")
    assert result.exit_code == 0, result.output
    assert "There is no arm clr here, so the others are compared with flat." in " ".join(result.output.split())
    found = json.loads(call("study", "report", str(tmp_path), "--baseline", "clr", "--target", "0.5", "--json").stdout)
    assert [(one["part"], one["baseline"], one["target"]) for one in found] == [("grid", "clr", 0.5), ("other", "flat", None)]
    assert call("study", "report", str(tmp_path), "--baseline", "plane").exit_code == 2


def test_a_report_that_was_changed_is_named(tmp_path: Path) -> None:
    trained(tmp_path)
    path = next((tmp_path / "cells").glob("*.json"))
    path.write_text(path.read_text("utf-8").replace("val_loss", "val_lose"), "utf-8")
    result = call("study", "report", str(tmp_path))
    assert result.exit_code == 1
    assert path.name in "".join(result.output.split())
