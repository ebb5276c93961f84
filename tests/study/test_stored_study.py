"""docs/STUDY.md says what its runs show."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from clr_ref.study import config, words
from clr_ref.study.outcome import Outcome
from clr_ref.study.verdict import judge

pytest.importorskip("scipy", reason="clr-ref[study] is not installed in this environment")

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The last epoch of each run, which decides all findings."""
    with (DOCS / "study" / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    metrics = ("val_loss", "val_accuracy")
    return [Outcome(row["arm"], int(row["seed"]), ({name: float(row[name]) for name in metrics},)) for row in rows]


def test_the_runs_are_those_of_the_study(outcomes: list[Outcome]) -> None:
    study = config.read(DOCS / "study" / "tutorial.toml")
    assert {(one.arm, one.seed) for one in outcomes} == {(cell.arm, cell.experiment.seed) for cell in study.cells()}
    assert len(outcomes) == len(study) == 48


@pytest.mark.parametrize(("baseline", "title"), [("plain", "Compared with plain"), ("constant", "Compared with the constant")])
def test_the_findings(outcomes: list[Outcome], baseline: str, title: str) -> None:
    chapter = (DOCS / "STUDY.md").read_text("utf-8").partition(f"\n## {title}\n\n")[2].partition("\n\n## ")[0]
    assert chapter.splitlines() == [f"- {text}" for _, text in words.findings(judge(outcomes, baseline=baseline))]
