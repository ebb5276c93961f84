"""Any model: trained so that it repeats, or refused with the reason. Each is made in the process that trains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.study import worker
from clr_ref.study.cell import Cell, Swept
from clr_ref.study.training import CellError, Material, UnfitError
from clr_ref.training import checkpoint
from clr_ref.training.checkpoint import Checkpoint
from clr_ref.training.experiment import Experiment, Optimizer
from tests import needs
from tests.study import loopback

pytestmark = [
    pytest.mark.programs,
    needs.tensorflow("studies need Keras on TensorFlow"),
]
MATERIAL = Material(str(Path(__file__).parent), (), None, 0.2, None, 16)
CLR = clr_ref.triangular2(1e-3, 1e-1, 5)


@pytest.fixture(autouse=True, scope="module")
def _process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(loopback.ROOT))
        yield
        worker._end()


def described(*names: str, **changes: Any) -> Any:
    """What the process that trains says of one model, or of each of several."""
    material = dataclasses.replace(MATERIAL, models=tuple(f"small.py:{name}" for name in names), **changes)
    found = list(worker._call("describe", material)["models"].values())  # without a new process, as worker.describe makes one
    return found[0] if len(names) == 1 else found


def experiment(name: str, **changes: Any) -> Experiment:
    return Experiment(**{"schedule": CLR, "epochs": 2, "batch_size": 16, "model": f"small.py:{name}", **changes})


def trained(name: str, found: dict[str, Any], swept: Swept | None = None, folder: Path | None = None, **changes: Any) -> Any:
    cell = Cell("arm", experiment(name, **changes), swept)
    return worker.train(cell, MATERIAL, found, None if folder is None else str(folder))


def test_a_model_of_a_file_repeats_after_other_runs(tmp_path: Path) -> None:
    """In the same process, after a run of another seed and optimizer, and in a new one; each seed is another run."""
    found = described("make")
    first = trained("make", found)
    other = trained("make", found, seed=1, optimizer=Optimizer("adam", {"beta_1": 0.8}), schedule=0.01)
    again = trained("make", found)
    worker._end()  # the next call starts another process
    anew = trained("make", found, folder=tmp_path / "cell")
    assert first == again == anew
    assert other["digests"] != first["digests"]
    assert list(tmp_path.iterdir()) == []  # no checkpoint is left of a cell that is done
    assert np.array(first["rates"], np.float32).tobytes() == CLR.values(0, 8).tobytes()
    assert [sorted(epoch) for epoch in first["history"]] == [
        ["accuracy", "epoch", "learning_rate", "loss", "val_accuracy", "val_loss"]
    ] * 2
    assert first["data"]["train"]["samples"] == 64
    assert other["rates"] == [0.01] * 8 or np.array(other["rates"], np.float32).tolist() == [np.float32(0.01)] * 8


def test_data_in_every_form_are_the_same_data() -> None:
    arrays, dataset, own = (found["data"] for found in described("make", "dataset", "with_validation"))
    assert dataset == arrays
    assert (own["train"]["samples"], own["test"]["samples"]) == (64, 32)
    first, half = (found["data"] for found in described("make", "with_validation", subset=32, validation=0.5))
    assert (first["train"]["samples"], first["test"]["samples"]) == (32, 40)
    assert half["test"] == own["test"]


def test_the_models_own_optimizer_and_schedule() -> None:
    found = described("own_schedule")
    report = trained("own_schedule", found, schedule=None)
    assert report["rates"] == pytest.approx([0.1 * 0.5 ** (step / 4) for step in range(8)], rel=1e-6)
    assert report["learning_rate"].endswith("ExponentialDecay")
    kept = trained("own_schedule", found, schedule=0.01)  # its Adam, with another rate
    assert kept["digests"] != trained("own_schedule", found, schedule=0.01, optimizer=Optimizer("sgd"))["digests"]
    assert kept["digests"] == trained("own_schedule", found, schedule=0.01, optimizer=Optimizer("adam"))["digests"]


def test_a_loss_scale_stays_and_skipped_steps_have_no_rate() -> None:
    """Before Keras 3, the counter of the schedule advances at skipped steps too."""
    found = described("mixed")  # which also resumes it while steps are skipped
    report = trained("mixed", found, epochs=4)
    skipped = np.isnan(np.array(report["rates"], float))
    assert skipped[:3].all()
    assert skipped.sum() < 10
    steps = np.cumsum(~skipped) - 1 if report["versions"]["keras"].startswith("keras-") else np.arange(16)
    assert np.array(report["rates"], np.float32)[~skipped].tobytes() == CLR(steps[~skipped]).tobytes()
    assert [epoch["learning_rate"] for epoch in report["history"]][-1] == report["rates"][np.flatnonzero(~skipped)[-1]]
    adam = trained("mixed", found, epochs=4, optimizer=Optimizer("adam"))
    assert adam["rates"][:3] == ["nan"] * 3, "another optimizer is scaled as the model's own"


def test_a_model_that_is_not_compiled_takes_the_loss_of_the_study() -> None:
    loss = "sparse_categorical_crossentropy"
    found = described("not_compiled", loss=loss)
    report = trained("not_compiled", found, loss=loss)
    assert "val_accuracy" in report["history"][0]
    with pytest.raises(UnfitError, match=r"the model of small\.py:not_compiled is not compiled: compile it, or give a loss"):
        described("not_compiled")
    with pytest.raises(UnfitError, match=r"cannot be compiled with loss 'nonsense'"):
        described("not_compiled", loss="nonsense")


def test_a_regression_has_no_accuracy() -> None:
    report = trained("lines", described("lines"))
    assert [sorted(epoch) for epoch in report["history"]] == [["epoch", "learning_rate", "loss", "val_loss"]] * 2


def test_bounds_from_the_range_test_of_each_seed() -> None:
    found = described("lines")
    swept = Swept("triangular", {"step_size": 4.0}, 100, 1e-4, 10.0)
    reports = [trained("lines", found, swept, schedule=0.01, seed=seed) for seed in (0, 0, 1)]
    assert reports[0] == reports[1]
    tested = [report["range_test"] for report in reports]
    assert tested[0]["initial_learning_rate"] < tested[0]["maximal_learning_rate"]
    assert tested[0] != tested[2]
    bounds = (tested[0]["initial_learning_rate"], tested[0]["maximal_learning_rate"])
    assert np.array(reports[0]["rates"], np.float32).tobytes() == clr_ref.triangular(*bounds, 4.0).values(0, 8).tobytes()
    with pytest.raises(CellError, match="the range test suggests no bounds: "):
        trained("lines", found, dataclasses.replace(swept, maximal_learning_rate=2e-4), schedule=0.01)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unseeded", "small.py:unseeded does not repeat: two runs of its first 2 steps from the same seed differ in losses"),
        ("counting", "small.py:counting cannot be resumed: after an interruption between the first two steps, these differ"),
        ("averaging", "use_ema"),
        ("accumulating", "accumulates gradients|gradient_accumulation_steps"),  # tf.keras has no such argument
        ("recurrent", "is stateful"),
        ("other_data", "small.py:other_data returns other data when it is called again with the same seed"),
        ("shuffled_dataset", "yields other batches when it is read again"),
        ("endless_dataset", r"repeats without an end: return it without repeat\(\)"),
        ("generator", "can be read only once: return arrays or a data set, not a generator"),
        ("weighted", r"must be \(x, y\), without sample weights, got a tuple of 3"),
        ("without_test_loss", "the test_step of the model must return its loss as 'loss', got accuracy"),
        ("no_model", "must make a Keras model, got int"),
        ("raising", "raised RuntimeError: no data today"),
        ("missing", "has no 'missing'"),
    ],
)
def test_what_cannot_repeat_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnfitError, match=message):
        described(name)


def test_the_loss_of_the_study_is_for_models_without_one() -> None:
    with pytest.raises(UnfitError, match=r"the model of small\.py:make is compiled, with its own loss; leave out 'mse'"):
        described("make", loss="mse")


def test_a_checkpoint_of_another_worker_is_not_gone_on_with(tmp_path: Path) -> None:
    """Such as one of another version of TensorFlow, or a file that was damaged."""
    found, place = described("make"), tmp_path / "cell" / "checkpoint.npz"
    expected = trained("make", found)
    place.parent.mkdir()
    checkpoint.save(place, Checkpoint(1, *[()] * 3, *[np.zeros(1)] * 3, ()), {"versions": {}})
    assert trained("make", found, folder=place.parent) == expected
    place.parent.mkdir()
    place.write_bytes(b"damaged")
    assert trained("make", found, folder=place.parent) == expected


def test_wrong_optimizers_and_data_fail_the_cell() -> None:
    found = described("make")
    with pytest.raises(CellError, match=r"^Keras makes no optimizer 'nonsense' with \{\}"):
        trained("make", found, optimizer=Optimizer("nonsense"))
    with pytest.raises(CellError, match=r"Keras makes no optimizer 'sgd' with \{'beta_7': 1\}"):
        trained("make", found, optimizer=Optimizer("sgd", {"beta_7": 1}))
    with pytest.raises(CellError, match=r"the data of small\.py:make changed while the study ran"):
        trained("make", {**found, "data": {}})


def test_tensorflow_that_was_imported_too_early_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import tensorflow\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    with pytest.raises(UnfitError, match="TensorFlow is already imported, with oneDNN"):
        worker.describe(MATERIAL)
    worker._end()
