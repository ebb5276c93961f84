"""Traced training: what a trace holds, that tracing changes no bit, and that planted differences are named."""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

import clr_ref
from clr_ref.trace import words
from clr_ref.trace.compare import compare
from clr_ref.trace.comparison import Comparison, Elements
from clr_ref.trace.format import Reader, Step
from clr_ref.trace.tensors import STAGES
from tests import needs

pytestmark = needs.tensorflow("tracing needs Keras on TensorFlow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traces of tests/trace/worker.py, in a new process that all of xdist's workers share."""
    root = tmp_path_factory.getbasetemp()
    found = (root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) / "traces"
    with filelock.FileLock(f"{found}.lock"):
        if not (found / "results.json").exists():
            found.mkdir(exist_ok=True)
            run("-m", "tests.trace.worker", str(found))
    return found


def run(*arguments: str, code: int = 0) -> str:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text("utf-8"))  # type: ignore[no-any-return]


def steps(folder: Path, name: str) -> list[Step]:
    return list(Reader(folder / f"{name}.trace").steps())


def compared(folder: Path, a: str, b: str) -> Comparison:
    return compare(folder / f"{a}.trace", folder / f"{b}.trace")


def place(found: Comparison) -> tuple[int | None, str, str]:
    assert found.first is not None
    return found.first.step, found.first.stage, found.first.tensor


def test_tracing_changes_no_bit(results: dict[str, Any]) -> None:
    refused = {"by hand", "own function", "two optimizers", "other logs", "no logs", "interrupted", "changing"}
    assert {name: faithful for name, faithful in results.items() if name not in refused} == dict.fromkeys(
        results.keys() - refused, True
    )


def test_a_step_has_its_tensors_in_the_order_of_the_flow(folder: Path) -> None:
    found = steps(folder, "plain")
    assert [step.number for step in found] == list(range(16))
    kernels = ["hidden/kernel", "hidden/bias", "top/kernel", "top/bias"]
    expected = {
        "batch": ["x", "y"],
        "weights": kernels,
        "random": ["mask"],
        "forward": ["hidden", "mask", "top"],
        "loss": ["loss"],
        "gradient": kernels,
        "rate": ["learning_rate"],
        "slots": ["iteration"],
        "update": kernels,
    }
    for step in found:
        assert [tensor.key for tensor in step.tensors] == [(stage, name) for stage in STAGES for name in expected[stage]]
        assert all((tensor.elements is not None) == (4 <= step.number < 14) for tensor in step.tensors)
    without = [(stage, name) for stage in STAGES for name in expected[stage] if stage not in ("forward", "gradient")]
    assert [tensor.key for tensor in steps(folder, "weights")[0].tensors] == without


def test_the_tensors_are_those_of_the_training(folder: Path) -> None:
    """Plain SGD subtracts the rate times the gradient, and the loss is that of the outputs."""
    found = steps(folder, "plain")
    for step in found[4:14]:
        tensors = {tensor.key: tensor.array() for tensor in step.tensors}
        rate = tensors["rate", "learning_rate"]
        assert rate == np.float32(0.1)
        for name in ("hidden/kernel", "hidden/bias", "top/kernel", "top/bias"):
            after = tensors["weights", name] - rate * tensors["gradient", name]  # type: ignore[operator]
            np.testing.assert_array_max_ulp(after, tensors["update", name], 1)
        x, kernel, bias = tensors["batch", "x"], tensors["weights", "hidden/kernel"], tensors["weights", "hidden/bias"]
        np.testing.assert_allclose(tensors["forward", "hidden"], np.maximum(x @ kernel + bias, 0), rtol=1e-5, atol=1e-6)  # type: ignore[operator]
        dropped = tensors["forward", "mask"] == 0  # type: ignore[comparison-overlap]
        assert dropped.sum() > (tensors["forward", "hidden"] == 0).sum()  # type: ignore[attr-defined, union-attr]
        right = np.take_along_axis(tensors["forward", "top"], tensors["batch", "y"][:, None], 1)  # type: ignore[arg-type, index]
        np.testing.assert_allclose(tensors["loss", "loss"], -np.log(right).mean(), rtol=1e-5)  # type: ignore[arg-type]
        assert tensors["slots", "iteration"] == step.number + 1
    for one, other in itertools.pairwise(found):
        after = {tensor.name: tensor.sha256 for tensor in one.tensors if tensor.stage == "update"}
        assert after == {tensor.name: tensor.sha256 for tensor in other.tensors if tensor.stage == "weights"}


def test_two_traces_of_one_training_are_the_same(folder: Path) -> None:
    assert compared(folder, "plain", "interrupted").first is None
    assert compared(folder, "plain", "weights").first is None
    assert compared(folder, "exact", "in time").first is None


def test_one_ulp_in_one_weight_is_named(folder: Path) -> None:
    for a, b in (("plain", "ulp"), ("weights", "ulp weights")):
        found = compared(folder, a, b)
        assert place(found) == (12, "weights", "top/kernel")
        assert found.first is not None
        assert found.first.elements == Elements(1, 16, 1.0)
        assert found.reaches_weights == 12
        assert words.headline(found).startswith(
            "identical through step 11; in step 12 the batch and the weights up to hidden/bias have the same bits; "
            "first difference: weight top/kernel, 1 of 16 elements, at most 1 ULP"
        )


def test_another_dropout_mask_is_named(folder: Path) -> None:
    found = compared(folder, "plain", "mask")
    assert place(found) == (5, "random", "mask")
    assert found.reaches_loss == 5


def test_a_shuffled_batch_is_named(folder: Path) -> None:
    found = compared(folder, "plain", "shuffled")
    assert place(found) == (2, "batch", "x")
    assert found.changes[0].what.startswith("data.train")


def test_the_arithmetic_of_tfa_is_named(folder: Path) -> None:
    """The first step at which TFA's eager rate is another float32; both run eagerly."""
    schedule = clr_ref.triangular(1e-3, 1e-1, 33.3)
    differ = [t for t in range(16) if schedule(t) != clr_ref.tfa_arithmetic.evaluate(schedule, t)]
    found = compared(folder, "exact", "tfa")
    assert place(found) == (differ[0], "rate", "learning_rate")
    assert found.first is not None
    assert found.first.elements is not None
    assert found.changes[0].what == "experiment.arithmetic"


def test_a_rate_that_is_one_step_late_is_named(folder: Path) -> None:
    found = compared(folder, "in time", "late")
    assert place(found) == (6, "rate", "learning_rate")
    assert compared(folder, "exact", "in time").changes[0].what == "learning_rate"


@pytest.mark.skipif(platform.machine() != "x86_64", reason=f"oneDNN is tried on x86-64, this is {platform.machine()}")
def test_onednn_is_named(folder: Path, tmp_path: Path) -> None:
    """oneDNN is chosen for a whole process, and before TensorFlow is imported."""
    run("-m", "tests.trace.worker", str(tmp_path), "with-onednn")
    found = compare(folder / "convolution.trace", tmp_path / "onednn.trace")
    assert place(found) == (0, "forward", "convolved")
    assert found.reaches_weights is not None
    assert [change.what for change in found.changes] == ["settings.onednn"]


def test_another_activation_is_named_where_the_level_reaches(folder: Path) -> None:
    found = compared(folder, "plain", "top")
    assert place(found) == (0, "forward", "top")
    assert words.headline(found).startswith(
        "in step 0 the batch, the weights, the state of the random generators and every output up to mask have the same bits; "
    )
    coarse = compared(folder, "weights", "top weights")
    assert place(coarse) == (0, "loss", "loss")
    assert len(coarse.commands) == 2


def test_shared_and_nested_layers_and_slots_are_traced(folder: Path) -> None:
    step = steps(folder, "adam")[0]
    names = {stage: [tensor.name for tensor in step.tensors if tensor.stage == stage] for stage in STAGES}
    layers = ["shared", "shared (call 2)", "block/inside", "other/inside", "normal", "top"]
    assert [name for name in names["forward"] if name not in ("block", "other")] == layers
    assert {"normal/moving_mean", "shared/kernel"} <= set(names["update"])
    assert len(set(names["update"])) == len(names["update"])
    assert set(names["gradient"]) <= set(names["update"])
    assert "normal/moving_mean" not in names["gradient"]
    assert len(names["slots"]) == 1 + 2 * len(names["gradient"])
    assert "iteration" in names["slots"]
    assert len(set(names["slots"])) >= 1 + 2 * (len(names["gradient"]) - 2), "both slots of a weight have the same name"


def test_a_loss_scale_is_a_slot_and_a_skipped_step_has_no_rate(folder: Path) -> None:
    assert [tensor.name for tensor in steps(folder, "scaled")[0].tensors if tensor.stage == "slots"][-2:] == [
        "loss_scale",
        "good_steps",
    ]
    found = [{tensor.key: tensor for tensor in step.tensors} for step in steps(folder, "skipping")]
    scales = [2.0**24, *(float(step["slots", "loss_scale"].max or 0) for step in found)]
    skipped = [after < before for before, after in itertools.pairwise(scales)]
    assert True in skipped
    assert False in skipped
    assert [step["rate", "learning_rate"].nan == 1 for step in found] == skipped
    assert [step["slots", "iteration"].max for step in found][-1] in (len(found), skipped.count(False))


def test_a_run_resumes_with_its_loss_scale(folder: Path) -> None:
    reader = Reader(folder / "skipping.trace")
    assert len(list(reader.steps())) == 14
    assert reader.end is not None
    assert json.loads((folder / "resumed.json").read_text("utf-8")) == reader.end.untraced


def test_loops_and_sparse_gradients_are_traced(folder: Path) -> None:
    names = [tensor.name for tensor in steps(folder, "recurrent")[0].tensors if tensor.stage == "forward"]
    assert [name for name in names if "cell" not in name] == ["column", "loop", "lstm", "top"]
    gradients = {tensor.name: tensor for tensor in steps(folder, "embedded")[0].tensors if tensor.stage == "gradient"}
    assert gradients["words/embeddings (values)"].shape == (128, 2)
    assert (gradients["words/embeddings (indices)"].min or 0) >= 0


def test_the_inputs_of_a_batch_are_named(folder: Path) -> None:
    batch = [tensor.name for tensor in steps(folder, "two inputs")[0].tensors if tensor.stage == "batch"]
    assert batch == ["x left", "x right", "y"]


def test_gradients_that_the_optimizer_gets_as_keywords(folder: Path) -> None:
    for step in steps(folder, "keywords"):
        gradients = [tensor for tensor in step.tensors if tensor.stage == "gradient"]
        assert [tensor.name for tensor in gradients] == ["top/bias", "top/kernel", "hidden/bias", "hidden/kernel"]
        shapes = {tensor.name: tensor.shape for tensor in step.tensors if tensor.stage == "weights"}
        assert [tensor.shape for tensor in gradients] == [shapes[tensor.name] for tensor in gradients]


def test_what_cannot_be_traced_is_refused(results: dict[str, Any]) -> None:
    assert results["by hand"].startswith("ModelError: the train_step of the model gives its optimizer no gradients")
    assert results["own function"].startswith("ModelError: the model has a train function of its own")
    assert results["two optimizers"].startswith("ModelError: the model of tests.trace.models has optimizers beside its own")
    assert results["two optimizers"].endswith(": others")
    assert results["other logs"] == "ModelError: the train_step of the model must return its loss as 'loss', got mine"
    assert results["no logs"].startswith("ModelError: the train_step of the model must return a dict with its loss, got ")
    assert results["by hand, weights"] is True


def test_a_trace_says_if_it_is_not_faithful(folder: Path, results: dict[str, Any]) -> None:
    assert results["changing"] is False
    reader = Reader(folder / "changing.trace")
    assert len(list(reader.steps())) == 2
    assert reader.end is not None
    assert not reader.end.faithful


def test_an_interrupted_run_leaves_its_steps(folder: Path, results: dict[str, Any]) -> None:
    assert results["interrupted"].startswith("KeyboardInterrupt")
    assert len(steps(folder, "interrupted")) in (4, 5)
    found = compared(folder, "plain", "interrupted")
    assert found.first is None
    assert any("ends early" in note for note in found.notes)


def test_the_header_says_what_the_run_is_made_of(folder: Path) -> None:
    header = Reader(folder / "adam.trace").header
    assert (header.level, header.steps, header.keep, header.command) == ("layers", 16, (4, 14), None)
    assert header.made_of.keys() == {"experiment", "learning_rate", "data", "versions", "cpu", "settings", "optimizer"}
    assert header.made_of["optimizer"] == {"class": "Adam"}
    scaled = Reader(folder / "scaled.trace").header.made_of["optimizer"]
    assert scaled == {"class": "SGD", "inside": "LossScaleOptimizer", "momentum": 0.9}


MAKE = """
import numpy as np
from tests.trace import models

def make():
    data = models.data()
    return models.compiled(), (data.x, data.y)

def other():
    data = models.data()
    return models.compiled(last="softplus"), (data.x, data.y)

def bare():
    model, data = make()
    model.optimizer = None
    return model, data

class Broken:
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise RuntimeError("no data today")

def raising():
    return models.compiled(), Broken()
"""


def test_the_command_traces_a_model(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(MAKE, "utf-8")
    make, a, b = str(tmp_path / "own.py"), str(tmp_path / "a.trace"), str(tmp_path / "b.trace")
    command = ["-m", "clr_ref", "trace"]
    said = run(*command, f"{make}:make", "--out", a, "--steps", "3", "--keep", "1:2", "--json")
    document = json.JSONDecoder().raw_decode(said)[0]  # progress follows
    assert (document["faithful"], document["steps"], document["level"]) == (True, 3, "layers")
    assert [tensor.elements is not None for tensor in (step.tensors[0] for step in Reader(Path(a)).steps())] == [
        False,
        True,
        False,
    ]
    assert "wrote 2 steps" in run(*command, f"{make}:other", "--out", b, "--steps", "2", "--level", "weights", "--seed", "0")
    said = run("-m", "clr_ref", "diff", a, b, code=1)
    assert "first difference: the loss" in said
    assert f"clr-ref trace {make}:make --seed 0 --steps 1 --keep 0:1 --out {tmp_path / 'a-step-0.trace'}" in said
    assert f"clr-ref trace {make}:other --seed 0 --steps 1 --keep 0:1" in said
    assert "the model of" in run(*command, f"{make}:bare", "--out", b, "--steps", "2", code=2)
    assert Reader(Path(b)).header.steps == 2, "what fails before the first step leaves the file as it was"
    assert "raised RuntimeError: no data today" in run(*command, f"{make}:raising", "--out", b, code=2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_no_fault_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(MAKE, "utf-8")
    said = run("-m", "clr_ref", "trace", f"{tmp_path / 'own.py'}:make", "--out", "/dev/full", "--steps", "1", code=2)
    assert "Error: /dev/full cannot be written: No space left on device" in said
