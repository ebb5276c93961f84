"""The report of a cell: found by what the cell is, whole, and as it was written."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from clr_ref.study import cells, config
from clr_ref.study.cell import sha256
from clr_ref.study.outcome import Outcome
from tests.study.test_config import CLR, PLAIN

DESCRIPTION: dict[str, Any] = {
    "models": {"small.py:make": {"data": {"train": {"samples": 64, "sha256": "a"}}, "first_steps_sha256": "b"}},
    "versions": {"tensorflow": "2.21.0"},
    "cpu": {"machine": "x86_64", "model": "A", "flags": ["avx2"], "caches": {"L1 Data": "32K"}},
    "settings": {"intra_op_threads": 2},
}
HISTORY = [{"epoch": 1, "loss": 0.5, "val_loss": 0.1 + 0.2}]
REPORT: dict[str, Any] = {"digests": {"steps": 4}, "history": HISTORY}


def studied(**changes: Any) -> config.Study:
    return config.of_document(
        {**PLAIN, "arms": {"plain": {"learning_rate": 0.01}, "clr": CLR}, "seeds": 2, **changes}, "x.toml"
    )


def shas(study: config.Study, description: dict[str, Any] = DESCRIPTION) -> list[str]:
    return [sha256(cell.identity(description)) for cell in study.cells()]


def test_what_a_cell_is() -> None:
    """Everything that changes its bits, and neither the name of its arm nor the other cells of the study."""
    known = shas(studied())
    assert len(set(known)) == 4
    assert shas(studied(seeds=3))[:4] == known
    assert shas(studied(arms={"other": {"learning_rate": 0.01}}))[0] == known[0]
    for changes in ({"epochs": 3}, {"batch_size": 8}, {"loss": "mse"}, {"arms": {"plain": {"learning_rate": 0.02}}}):
        assert not set(shas(studied(**changes))) & set(known), changes
    swept = {"policy": "triangular", "bounds": "range-test", "step_size": 3}
    assert len({*shas(studied(arms={"a": swept})), *shas(studied(arms={"a": {**swept, "step_size": 4}}))}) == 4


def test_the_name_of_a_report_does_not_depend_on_the_order_of_keys() -> None:
    assert sha256({"b": [1, 0.5], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,0.5]}').hexdigest()


@pytest.mark.parametrize("key", ["models", "versions", "settings", "cpu"])
def test_what_a_cell_was_made_with(key: str) -> None:
    other = json.loads(json.dumps(DESCRIPTION))
    changed = other[key]["small.py:make"] if key == "models" else other[key]
    changed[{"models": "first_steps_sha256", "versions": "tensorflow", "settings": "intra_op_threads", "cpu": "flags"}[key]] = 0
    assert not set(shas(studied(), other)) & set(shas(studied()))
    other = {**DESCRIPTION, "cpu": {**DESCRIPTION["cpu"], "model": "B"}}
    assert shas(studied(), other) == shas(studied())


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, dict[str, Any], Path]:
    identity = next(studied().cells()).identity(DESCRIPTION)
    with cells.held(tmp_path):
        return tmp_path, identity, cells.write(tmp_path, identity, REPORT)


def test_a_report_comes_back(written: tuple[Path, dict[str, Any], Path]) -> None:
    place, identity, path = written
    assert path == place / "cells" / f"{sha256(identity)}.json"
    assert json.loads(path.read_text("utf-8"))["digests"] == {"steps": 4}
    found = cells.read(place, identity)
    assert found is not None
    assert found == {**REPORT, "identity": identity}
    assert cells.read(place, {**identity, "format": 2}) is None


def test_a_report_that_was_changed_is_refused(written: tuple[Path, dict[str, Any], Path]) -> None:
    place, identity, path = written
    text = path.read_text("utf-8")
    for changed in (
        text.replace("0.5", "0.4"),
        text[:-9],
        "[]",
        "{}",
        "",
        "[" * 100_000,
        text.replace('"steps": 4', '"steps": 5'),
    ):
        assert changed != text
        path.write_text(changed, "utf-8")
        with pytest.raises(cells.ChangedError, match=f"{path.name} was changed, or is damaged: delete it"):
            cells.read(place, identity)
    path.write_text(json.dumps(json.loads(text)), "utf-8")  # the same values in another form
    assert cells.read(place, identity) is not None


def test_the_report_of_another_cell_is_refused(written: tuple[Path, dict[str, Any], Path]) -> None:
    place, identity, path = written
    other = {**identity, "format": 2}
    path.rename(cells.path(place, other))
    with pytest.raises(cells.ChangedError, match="was changed"):
        cells.read(place, other)


def test_outcomes(tmp_path: Path) -> None:
    """Arm by arm in the order of the study, as far as it has run, for each study and model."""
    study = studied()
    with cells.held(tmp_path):
        pass
    with pytest.raises(FileNotFoundError, match="holds no study"):
        cells.outcomes(tmp_path)
    cells.write_index(tmp_path, "one", cells.Index(study, DESCRIPTION))
    for cell in list(study.cells())[1:]:
        cells.write(tmp_path, cell.identity(DESCRIPTION), REPORT)
    runs = [Outcome("plain", 1, tuple(HISTORY)), Outcome("clr", 0, tuple(HISTORY)), Outcome("clr", 1, tuple(HISTORY))]
    assert cells.outcomes(tmp_path) == {"": runs}
    cells.write_index(tmp_path, "two", cells.Index(studied(seeds=[1], arms={"flat": {"learning_rate": 0.01}}), DESCRIPTION))
    assert cells.outcomes(tmp_path) == {"one": runs, "two": [Outcome("flat", 1, tuple(HISTORY))]}
    cell = next(study.cells())
    cells.write(tmp_path, cell.identity(DESCRIPTION), {**REPORT, "history": [{"epoch": 1, "val_loss": "-inf"}]})
    assert cells.outcomes(tmp_path)["one"][0].history == ({"epoch": 1, "val_loss": -math.inf},)
    whole = json.loads((tmp_path / "studies" / "one.json").read_text("utf-8"))
    wrong = [
        {**whole, "study": ["model"]},
        {**whole, "description": {}},
        {**whole, "description": {**DESCRIPTION, "models": {}}},
    ]
    for damaged in ("{", "[]", "[" * 100_000, *map(json.dumps, wrong)):
        (tmp_path / "studies" / "one.json").write_text(damaged, "utf-8")
        with pytest.raises(cells.ChangedError, match=r"one\.json is damaged"):
            cells.outcomes(tmp_path)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """What a killed command has left is removed, since no other can be writing it, unless it cannot be."""
    left, foreign = (tmp_path / "cells" / f".abc.clr-ref-new-{name}" for name in ("xyz", "file"))
    left.mkdir(parents=True)
    foreign.touch()  # no folder, as everything that a command leaves
    with cells.held(tmp_path):
        assert not left.exists()
        assert foreign.exists()
        with pytest.raises(cells.BusyError, match=r"another study runs in .*: wait for its end"), cells.held(tmp_path):
            pass
    with cells.held(tmp_path):
        pass
