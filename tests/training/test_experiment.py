"""Training repeats bit for bit: run again, resumed in the middle, beside TFA, and against what is recorded."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

import clr_ref
from clr_ref.golden import store as golden
from clr_ref.training import data, determinism, digests, experiment as experiments, provenance
from clr_ref.training.experiment import Experiment, Optimizer
from clr_ref.training.samples import Samples
from tests import needs

needs_tensorflow = needs.tensorflow("seeded training needs Keras on TensorFlow")
needs_tfa = pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_TFA") and importlib.util.find_spec("tensorflow_addons") is None,
    reason="TensorFlow Addons is not installed in this environment",
)

#: 25 steps an epoch, the last of them of 32 pictures.
PICTURES = 24 * 64 + 32
DROPOUT = {
    "experiment": {"schedule": json.loads(clr_ref.triangular2(1e-4, 0.1, 8).to_json()), "epochs": 2},
    "pictures": PICTURES,
}
MIDDLE = 31
#: What NumPy 1.24, 1.26 and 2.5 give.
PINNED = [5, 6, 3, 0, 7, 2, 1, 4, 9, 8]


def work(jobs: Mapping[str, Any], folder: Path, **environment: str) -> dict[str, Any]:
    """The results of tests/training/worker.py, in a new process."""
    (folder / "jobs.json").write_text(json.dumps(jobs), "utf-8")
    run_module("tests.training.worker", folder / "jobs.json", folder / "results.json", **environment)
    return json.loads((folder / "results.json").read_text("utf-8"))  # type: ignore[no-any-return]


def run_module(name: str, *words: Path, **environment: str) -> None:
    """Run a module of the tests in a new process."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", name, *map(str, words)],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def shared(factory: pytest.TempPathFactory, name: str, jobs: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """The results of a process that all of xdist's workers share, and the folder that it had."""
    root = factory.getbasetemp()
    folder = (root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root) / f"training-{name}"
    with filelock.FileLock(f"{folder}.lock"):
        if not (folder / "results.json").exists():
            folder.mkdir(exist_ok=True)
            work(jobs(folder), folder)
    return {**json.loads((folder / "results.json").read_text("utf-8")), "folder": folder}


@pytest.fixture(scope="module")
def first(fashion_mnist: data.FashionMnist, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process: the network; a run; a run that stops in the middle of its second epoch; the recorded cases."""
    return shared(
        tmp_path_factory,
        "first",
        lambda folder: {
            "network": "network",
            "whole": DROPOUT,
            "stopped": {**DROPOUT, "folder": str(folder), "until": MIDDLE},
            **{case: {"case": case} for case in digests.RUNS},
        },
    )


@pytest.fixture(scope="module")
def second(first: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Another process: the same run again, the rest of the one that was stopped, and what has to come out otherwise."""
    other = {**DROPOUT["experiment"], "seed": 1}  # type: ignore[dict-item]
    return shared(
        tmp_path_factory,
        "second",
        lambda _: {
            "whole": DROPOUT,
            "resumed": {**DROPOUT, "folder": str(first["folder"])},
            "other seed": {**DROPOUT, "experiment": other, "until": 2},
        },
    )


def results(report: Mapping[str, Any]) -> Any:
    return {key: report[key] for key in ("digests", "rates", "losses", "history")}


@needs_tensorflow
def test_the_network_is_the_tutorials(first: dict[str, Any]) -> None:
    layers = [layer for layer in first["network"] if layer[0] != "InputLayer"]
    assert [name for name, _ in layers] == [
        "Rescaling",
        "Conv2D",
        "MaxPooling2D",
        "Conv2D",
        "MaxPooling2D",
        "SpatialDropout2D",
        "GlobalAveragePooling2D",
        "Dense",
        "Dense",
    ]
    settings = [one for _, one in layers]
    assert (settings[0]["scale"], settings[0]["offset"]) == (1 / 255, 0)
    assert settings[1] == {"filters": 16, "kernel_size": [5, 5], "activation": "relu"}
    assert settings[3] == {"filters": 32, "kernel_size": [5, 5], "activation": "relu"}
    assert settings[2] == settings[4] == {"pool_size": [2, 2]}
    assert settings[5]["rate"] == 0.2
    assert settings[7:] == [{"units": 128, "activation": "relu"}, {"units": 10, "activation": "softmax"}]


@needs_tensorflow
def test_the_same_run_is_the_same_bits(first: dict[str, Any], second: dict[str, Any]) -> None:
    """In another process, with dropout; and another seed is another run."""
    assert results(first["whole"]) == results(second["whole"])
    assert first["whole"]["losses"][:2] != second["other seed"]["losses"]


@needs_tensorflow
def test_resumed_in_the_middle_is_the_same_bits(first: dict[str, Any], second: dict[str, Any]) -> None:
    """In another process, from the sixth step of the second epoch, with dropout: weights, losses, rates and history."""
    stopped, resumed = first["stopped"], second["resumed"]
    assert (stopped["resumed_at"], stopped["complete"], len(stopped["losses"]), len(stopped["history"])) == (
        0,
        False,
        MIDDLE,
        1,
    )
    assert (resumed["resumed_at"], resumed["complete"]) == (MIDDLE, True)
    assert results(resumed) == results(first["whole"])


@needs_tensorflow
def test_the_report_says_what_was_applied(first: dict[str, Any]) -> None:
    report = first["whole"]
    schedule = clr_ref.triangular2(1e-4, 0.1, 8)
    assert np.array(report["rates"], np.float32).tobytes() == schedule.values(0, 50).tobytes()
    assert report["learning_rate"] == "clr_ref.keras.CyclicalLearningRate"
    assert report["experiment"]["schedule"] == json.loads(schedule.to_json())
    assert [epoch["epoch"] for epoch in report["history"]] == [1, 2]
    assert [epoch["learning_rate"] for epoch in report["history"]] == [report["rates"][24], report["rates"][49]]
    assert report["steps_per_epoch"] == 25
    sizes = np.array([64.0] * 24 + [32])
    for epoch, losses in zip(report["history"], np.reshape(report["losses"], (2, 25)), strict=True):
        # A sum of 25 products in float64, in another order: 25 roundings of at most 2**-53 each.
        assert epoch["loss"] == pytest.approx(float(losses @ sizes) / PICTURES, rel=25 * 2.0**-53)
        assert round(epoch["accuracy"] * PICTURES) == pytest.approx(epoch["accuracy"] * PICTURES, abs=1e-9)
    assert report["data"]["train"]["pictures"] == PICTURES
    assert report["settings"] == {"intra_op_threads": 2, "inter_op_threads": 1, "op_determinism": True, "onednn": False}
    assert {"tensorflow", "keras", "numpy", "python"} <= set(report["versions"])
    assert report["cpu"] == provenance.cpu()


@needs_tensorflow
@pytest.mark.parametrize("case", digests.RUNS)
def test_the_recorded_digests_are_reproduced(first: dict[str, Any], case: str) -> None:
    report = first[case]
    name = f"tf-{report['versions']['tensorflow']}_{report['versions']['keras']}"
    stored = golden.read().training.get(name)
    if stored is None:
        pytest.skip(f"{name} is not recorded in golden/training; clr-ref golden train")
    found = digests.differences(stored, case, report["digests"], report["cpu"])
    if found and not found[0].same_cpu:
        # TensorFlow and Eigen choose their code by the CPU: elsewhere the digests are news, not a verdict.
        print(f"on this CPU, of another family than that of the record: {found}")
        found = []
    assert found == []


@needs_tensorflow
@needs_tfa
def test_training_with_tfas_arithmetic_is_training_with_tfa(fashion_mnist: data.FashionMnist, tmp_path: Path) -> None:
    """In bits: what a user of TFA trained is what ``arithmetic="tfa"`` trains."""
    schedules = {
        "triangular": clr_ref.triangular(1e-4, 0.1, 33.3),
        "triangular2": clr_ref.triangular2(1e-4, 0.1, 7),
        "exp_range": clr_ref.exp_range(1e-4, 0.1, 11, gamma=0.97),
    }
    jobs = {}
    for name, schedule in schedules.items():
        options = {"schedule": json.loads(schedule.to_json()), "arithmetic": "tfa", "epochs": 2, "dropout": False}
        for real in (False, True):
            jobs[f"{name} {real}"] = {"experiment": options, "pictures": PICTURES, "tfa": real, "until": 30}
    found = work(jobs, tmp_path)
    for name in schedules:
        ours, theirs = found[f"{name} False"], found[f"{name} True"]
        if "error" in theirs:  # optimizers from TF 2.11 hand out int64 steps, on which TFA's exp_range fails (addons #2593)
            assert name == "exp_range"
            assert "int64" in theirs["error"]
            assert ours["complete"] is False
            continue
        assert ours["learning_rate"] == "clr_ref.keras.CyclicalLearningRate"
        assert theirs["learning_rate"].startswith("tensorflow_addons.")
        assert results(ours) == results(theirs)


@needs_tensorflow
@pytest.mark.parametrize(
    ("after", "onednn", "message"),
    [
        ("import", "1", "already imported, with oneDNN"),
        ("op", "0", "already runs with 0 threads"),
    ],
)
def test_too_late_is_said(tmp_path: Path, after: str, onednn: str, message: str) -> None:
    found = work({"late": {"after": after}}, tmp_path, TF_ENABLE_ONEDNN_OPTS=onednn)
    assert message in found["late"]


# --- what needs no TensorFlow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "0.01"}, "schedule must be a CyclicalLearningRate or a number, got '0.01'"),
        ({"schedule": True}, "schedule must be"),
        ({"schedule": -0.1}, "schedule must be a CyclicalLearningRate or a finite number >= 0, got -0.1"),
        ({"schedule": float("nan")}, "schedule must be"),
        ({"arithmetic": "Exact"}, "arithmetic must be 'exact' or 'tfa', got 'Exact'"),
        ({"epochs": 0}, "epochs must be a whole number 1 .. 2**63-1, got 0"),
        ({"epochs": 2**63}, "epochs must be a whole number 1 .. 2**63-1, got 9223372036854775808"),
        ({"epochs": 1.5}, "epochs must be a whole number 1 .. 2**63-1, got 1.5"),
        ({"batch_size": 0}, "batch_size must be a whole number 1 .. 2**63-1, got 0"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"schedule": 10**400}, "schedule must be a CyclicalLearningRate or a finite number >= 0, got an int of 1329 bits"),
        ({"arithmetic": ["exact"]}, "arithmetic must be 'exact' or 'tfa', got "),
        ({"dropout": 1}, "dropout must be True or False, got 1 of type int"),
        ({"dropout": "yes"}, "dropout must be True or False, got 'yes' of type str"),
        *(
            ({name: value}, f"{name} must be a whole number 1 .. 2**63-1, got ")
            for name in ("epochs", "batch_size")
            for value in (2.0, np.float64(2), True, "2", None, [2], float("nan"), float("inf"), np.array([2, 3]), -1)
        ),
        ({"epochs": 10**400}, "epochs must be a whole number 1 .. 2**63-1, got an int of 1329 bits"),
        *(({"seed": value}, "seed must be a whole number") for value in (1.0, "1", None, True, 10**400, np.array([1]))),
    ],
)
def test_experiments_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message.replace("*", r"\*")):
        Experiment(**{"schedule": 0.01, **options})


@pytest.mark.parametrize("until", [-1, 5, True, np.bool_(True), 2.0, "2"])
def test_until_is_a_step_of_the_experiment(until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments.determinism, "prepare", lambda: None)
    samples = Samples.of(np.zeros((7, 2)), np.zeros(7))
    with pytest.raises(ValueError, match=r"^until must be a whole number 0 \.\. 4, the steps of the experiment, got "):
        experiments.run(Experiment(0.5, epochs=2, batch_size=4, model="m:make"), samples, samples, until=until)


def test_build_goes_with_a_model_that_is_not_the_tutorials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments.determinism, "prepare", lambda: None)
    samples = Samples.of(np.zeros((7, 2)), np.zeros(7))
    for model, build in (("m:make", None), ("tutorial", lambda: None)):
        with pytest.raises(ValueError, match=rf"^build must be given for every model but 'tutorial', got .* for '{model}'$"):
            experiments.run(Experiment(0.5, model=model), samples, samples, build=build)


def test_numbers_of_numpy_are_pythons_own_in_an_experiment() -> None:
    assert Experiment(0.5, epochs=2**63 - 1, batch_size=1).epochs == 2**63 - 1
    numpys: Any = {"epochs": np.int64(2), "batch_size": np.uint8(8), "seed": np.int32(1), "dropout": np.bool_(False)}
    made = Experiment(np.float32(0.5), **numpys)  # type: ignore[arg-type]
    assert made == Experiment(0.5, epochs=2, batch_size=8, seed=1, dropout=False)
    assert json.loads(json.dumps(made.to_data())) == made.to_data()


def test_the_data_of_an_experiment_with_the_tutorials_network_has_no_others() -> None:
    """So that a record of it stays as it was before there were other networks."""
    data = Experiment(0.5).to_data()
    assert data.keys() == {"schedule", "arithmetic", "epochs", "batch_size", "seed", "dropout"}
    adam = Optimizer("adam", {"beta_1": 0.5})
    other = Experiment(0.5, model="m:make", optimizer=adam, loss="mae").to_data()
    assert other == {**data, "model": "m:make", "optimizer": {"name": "adam", "arguments": {"beta_1": 0.5}}, "loss": "mae"}


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "2"])
def test_numbers_of_threads_out_of_range(number: Any) -> None:
    with pytest.raises(ValueError, match="intra_op_threads must be a whole number >= 1, got "):
        determinism.prepare(intra_op_threads=number)
    with pytest.raises(ValueError, match="inter_op_threads must be a whole number >= 1, got "):
        determinism.prepare(inter_op_threads=number)


def test_onednn_is_chosen_with_true_or_false() -> None:
    with pytest.raises(TypeError, match="onednn must be True or False, got 1 of type int"):
        determinism.prepare(onednn=1)  # type: ignore[arg-type]


def test_a_schedule_without_a_name_cannot_be_reported() -> None:
    nameless = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 8, lambda x: 1.0)
    with pytest.raises(ValueError, match="register"):
        Experiment(nameless).to_data()


def test_the_order_of_an_epoch() -> None:
    """A permutation, another one for every epoch and seed; pinned, since training digests stand on it."""
    order = experiments.epoch_order(1, 0, 1000)
    assert sorted(order.tolist()) == list(range(1000))
    assert order[:5].tolist() != experiments.epoch_order(1, 1, 1000)[:5].tolist()
    assert order[:5].tolist() != experiments.epoch_order(2, 0, 1000)[:5].tolist()
    assert order.dtype == np.int64
    assert experiments.epoch_order(1, 0, 10).tolist() == PINNED


def test_versions_agree_as_the_documentation_says() -> None:
    """docs/TRAINING.md: without dropout, every TensorFlow from 2.9 trains to the same bits, whatever its Keras."""
    records = golden.read().training.values()
    for case in ("triangular2", "plain"):
        recent = [one for one in records if tuple(map(int, one.provenance["versions"]["tensorflow"].split(".")[:2])) >= (2, 9)]
        assert len(recent) >= 14
        assert len(digests.groups(recent, case)) == 1
    assert len({json.dumps([one.runs[case]["rates_sha256"] for case in sorted(one.runs)]) for one in records}) == 1


# --- models of one's own ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tests/training/own_models.py found, in a new process."""
    folder = tmp_path_factory.mktemp("own") / "found"
    run_module("tests.training.own_models", folder)
    return json.loads((folder / "found.json").read_text("utf-8"))  # type: ignore[no-any-return]


@needs_tensorflow
@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("rate", r"model\.rate was 0\.125, now 0\.5"),
        ("momentum", r"model\.optimizer\.momentum was 0\.5, now 0\.75"),
        ("loss", r"model\.loss was 'mse', now 'mae'"),
        ("dropout", r"model\.layers\.layers\[\d\]\.config\.rate was 0\.25, now 0\.5"),
        ("units", r"model\.shapes was .*\[\[3, 4\], \[4\], \[4, 2\]\].*, now .*\[\[3, 5\], \[5\], \[5, 2\]\]"),
        ("schedule", r"model\.rate was 0\.125, now \{'class': 'CosineDecay'"),
        ("another decay", r"model\.rate\.config\.initial_learning_rate was 0\.5, now 0\.25"),
        ("function", r"model\.loss\.class was 'squared', now 'fourth_power'"),
        ("weights", r"model\.loss_weights was \[0\.5\], now \[0\.25\]"),
        ("exclusion", r"model\.without_decay was \['head', 'y'\], now \[\]"),
    ],
)
def test_a_run_of_another_model_is_not_resumed(name: str, differs: str, own: dict[str, Any]) -> None:
    if name == "exclusion" and "exclusion" not in own["resumed"]:
        pytest.skip("this Keras has no AdamW")
    assert re.search(f"checkpoint of another run; these differ: .*{differs}", own["resumed"][name]), own["resumed"][name]


@needs_tensorflow
def test_the_same_model_is_resumed_though_keras_numbers_its_layers_anew(own: dict[str, Any]) -> None:
    same = {name: step for name, step in own["resumed"].items() if name.startswith("the same")}
    assert len(same) >= 4
    assert set(same.values()) == {4}, same


@needs_tensorflow
def test_a_folder_that_cannot_be_made_is_said_before_the_training(own: dict[str, Any]) -> None:
    kind, message = own["a file"]
    assert kind == "WriteError"
    assert message.endswith("run cannot be made: Not a directory")


@needs_tensorflow
def test_a_schedule_keeps_what_the_optimizer_excludes_from_its_decay(own: dict[str, Any]) -> None:
    if "excluded" not in own:
        pytest.skip("this Keras has no AdamW")
    without, excluded = own["excluded"]
    assert without != excluded


@needs_tensorflow
def test_a_stateful_layer_inside_another_model_is_refused(own: dict[str, Any]) -> None:
    if own["stateful"] is None:
        pytest.skip("the model of this test is written for Keras 3")
    assert "is stateful" in own["stateful"]


@needs_tensorflow
def test_a_float64_schedule_trains_a_float64_model(own: dict[str, Any]) -> None:
    """A float64 drop-in may be one float off (SPEC, clause 11.2); a float32 one would be off by 2**28."""
    expected = clr_ref.triangular(0.1, 0.7, 3, dtype="float64").values(0, 4)
    assert np.all(np.abs(np.array(own["float64"][:4]) - expected) <= np.spacing(expected))


@needs_tensorflow
def test_oneDNN_that_was_switched_after_the_import_is_not_believed(tmp_path: Path) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    if tuple(map(int, tensorflow.__version__.split(".")[:2])) < (2, 19):
        pytest.skip("TensorFlow tells from 2.19 on with which choice of oneDNN it was imported")
    found = work({"late": {"after": "a switch"}}, tmp_path, TF_ENABLE_ONEDNN_OPTS="1")
    assert "already imported, with oneDNN" in found["late"]
