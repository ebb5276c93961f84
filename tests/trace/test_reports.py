"""Two reports, or two records of golden/training, are compared as far as they hold data."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from clr_ref.trace import words
from clr_ref.trace.comparison import Elements
from clr_ref.trace.format import TraceError
from clr_ref.trace.reports import compare
from tests.cli.calls import call
from tests.trace.test_compare import write

TRAINING = Path(__file__).parents[2] / "golden" / "training"
REPORT = {
    "format": 1,
    "experiment": {"seed": 0},
    "learning_rate": "constant",
    "data": {"train": {"sha256": "1"}, "test": {"sha256": "1"}},
    "versions": {"tensorflow": "2.15.1"},
    "cpu": {},
    "settings": {},
    "rates": [0.1, 0.2, 0.3],
    "losses": [3.0, 2.0, 1.0],
    "weights_sha256": "1",
    "digests": {},
}


def pair(folder: Path, a: Any, b: Any) -> tuple[Path, Path]:
    for name, document in (("a.json", a), ("b.json", b)):
        (folder / name).write_text(json.dumps(document), "utf-8")
    return folder / "a.json", folder / "b.json"


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"losses": [3.0, 2.0, 1 + 2.0**-23]}, (2, "loss", "loss")),
        ({"losses": [3.0, 2.5, 1.0], "rates": [0.1, 0.25, 0.3]}, (1, "loss", "loss")),
        ({"rates": [0.1, 0.2, 0.4], "weights_sha256": "2"}, (2, "rate", "learning_rate")),
        ({"weights_sha256": "2"}, (2, "update", "weights")),
        ({"weights_sha256": "0"}, (2, "update", "weights")),
        ({"data": {"train": {"sha256": "2"}, "test": {"sha256": "1"}}, "losses": [9, 9, 9]}, (0, "batch", "train")),
        ({"rates": [0.1, 0.2], "losses": [3.0, 2.0], "weights_sha256": "2"}, None),
        ({"rates": [0.1, 0.2, 0.3, 0.4], "losses": [3.0, 2.0, 1.0, 0.5], "weights_sha256": "2"}, None),
        ({}, None),
    ],
)
def test_the_first_difference_of_two_reports(tmp_path: Path, change: Any, first: Any) -> None:
    found = compare(*pair(tmp_path, REPORT, {**REPORT, **change}))
    assert first == (None if found.first is None else (found.first.step, found.first.stage, found.first.tensor))
    steps = len(change.get("rates", REPORT["rates"]))
    if "weights_sha256" in change and first:
        assert found.reaches_weights == steps - 1
    if change.get("losses") == [3.0, 2.0, 1 + 2.0**-23]:
        assert found.first is not None
        assert found.first.elements is not None
        assert (found.first.elements.ulp, found.reaches_loss, found.first.comparable) == (1.0, 2, True)
    assert (f"3 and {steps} steps" in " ".join(found.notes)) == (steps != 3)


def test_losses_of_nan_on_both_sides_are_the_same(tmp_path: Path) -> None:
    a = {**REPORT, "losses": [3.0, math.nan, math.nan]}
    found = compare(*pair(tmp_path, a, {**a, "rates": [0.1, 0.2, 0.4], "losses": [3.0, math.nan, 1.0]}))
    assert (found.first.step if found.first else None, found.reaches_loss) == (2, 2)
    assert compare(*pair(tmp_path, a, {**a, "rates": [0.1, 0.2, 0.4]})).reaches_loss is None
    assert compare(*pair(tmp_path, a, {**a, "losses": [3.0, "nan", "nan"]})).first is None
    assert compare(*pair(tmp_path, a, {**a, "losses": [3.0, "nan", "-inf"]})).reaches_loss == 2


def test_a_difference_below_float32_is_one(tmp_path: Path) -> None:
    found = compare(*pair(tmp_path, REPORT, {**REPORT, "losses": [3.0, 2.0 + 2.0**-51, 1.0]}))
    assert found.first is not None
    assert (found.first.step, found.first.stage, found.first.elements) == (1, "loss", Elements(1, 1, 1.0))
    assert found.first.note == "2.0 and 2.0000000000000004"


def test_the_weights_of_reports_of_different_lengths_are_not_compared(tmp_path: Path) -> None:
    changed = {"rates": [0.1, 0.25], "losses": [3.0, 2.0], "weights_sha256": "2"}
    found = compare(*pair(tmp_path, REPORT, {**REPORT, **changed}))
    assert found.first is not None
    assert (found.first.step, found.reaches_weights) == (1, None)


def test_reports_tell_what_differs_in_versions(tmp_path: Path) -> None:
    a, b = pair(tmp_path, REPORT, {**REPORT, "weights_sha256": "2", "versions": {"tensorflow": "2.8.4"}})
    result = call("diff", str(a), str(b))
    assert result.exit_code == 1
    assert "versions.tensorflow: 2.15.1 and 2.8.4" in result.stdout
    assert call("diff", str(a), str(a)).exit_code == 0


def test_the_records_of_the_store(tmp_path: Path) -> None:
    """2.10 and 2.15 agree without dropout, and 2.8 with nobody, as docs/TRAINING.md says."""
    old, middle, new = (TRAINING / f"tf-{name}_tf.keras-{name}.json" for name in ("2.8.4", "2.10.1", "2.15.1"))
    alone = compare(old, middle)
    assert alone.first is not None
    assert (alone.first.step, alone.first.stage, alone.first.tensor) == (None, "loss", "triangular2")
    assert words.headline(alone) == "run triangular2: losses and weights differ, from epoch 1 on"
    assert alone.changes[0].what == "versions.tensorflow"
    dropout = compare(middle, new)
    assert dropout.first is not None
    assert dropout.first.tensor == "triangular2-dropout"
    assert compare(new, new).first is None
    document = json.loads(new.read_text("utf-8"))
    other = copy.deepcopy(document)
    other["runs"]["plain"] |= {"pictures": 100, "rates_sha256": "0" * 64}
    found = compare(*pair(tmp_path, document, other)).first
    assert found is not None
    assert (found.stage, found.tensor, found.note) == ("batch", "plain", "experiment and rates differ")
    with pytest.raises(TraceError, match="no run in common"):
        compare(*pair(tmp_path, document, {**document, "runs": {"mine": document["runs"]["plain"]}}))


def test_what_differs_between_two_records_is_what_their_runs_were_made_of(tmp_path: Path) -> None:
    document = json.loads((TRAINING / "tf-2.10.1_tf.keras-2.10.1.json").read_text("utf-8"))
    other = copy.deepcopy(document)
    other["runs"]["plain"]["experiment"]["seed"] = 7
    other["provenance"]["settings"]["onednn"] = True
    found = compare(*pair(tmp_path, document, other))
    assert found.first is not None
    assert (found.first.stage, found.first.tensor) == ("batch", "plain")
    assert [(change.what, change.a, change.b) for change in found.changes] == [
        ("experiment.seed", 1, 7),
        ("settings.onednn", False, True),
    ]
    assert found.steps == document["runs"]["triangular2"]["steps"]


def test_a_loss_that_is_not_a_number_differs(tmp_path: Path) -> None:
    found = compare(*pair(tmp_path, REPORT, {**REPORT, "losses": [3.0, float("nan"), 1.0]}))
    assert found.first is not None
    assert (found.first.step, found.first.elements, found.first.note) == (1, Elements(1, 1, math.inf), "2.0 and NaN")


def test_other_files_are_refused(tmp_path: Path) -> None:
    a, b = pair(tmp_path, REPORT, {"format": 1})
    trace = write(tmp_path / "x.trace")
    for one, other, message in (
        (a, b, "b.json is neither a trace, nor the report"),
        (a, trace, "got a report, .*a.json, and a trace, .*x.trace"),
        (trace, TRAINING / "tf-2.8.4_tf.keras-2.8.4.json", "got a trace, .* and a record"),
        (a, tmp_path / "missing", "missing cannot be read"),
        (a, tmp_path, "cannot be read"),
    ):
        with pytest.raises(TraceError, match=message):
            compare(one, other)
        assert call("diff", str(one), str(other)).exit_code == 2
    (tmp_path / "b.json").write_text("no JSON", "utf-8")
    with pytest.raises(TraceError, match="is neither a trace nor JSON"):
        compare(a, b)
    with pytest.raises(TraceError, match="is damaged: KeyError"):
        compare(*pair(tmp_path, REPORT, {**REPORT, "rates": [0.1, 0.2, 0.3], "data": {}}))
