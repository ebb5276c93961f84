"""Models and configs that the real TFA saved (fixtures/record_tfa_models.py) load without TFA, and train on.

The files come from TF 2.12.1 with TFA 0.22.0 and TF 2.15.1 with TFA 0.23.0; rates, weights and iterations are what TFA gave.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies, tfa_arithmetic
from tests.keras.models import keras_release, schedule_of
from tests.rates import assert_same_rates

pytestmark = pytest.mark.filterwarnings("ignore")

FIXTURES = Path(__file__).parent / "fixtures"
PAIRS = sorted(path.parent.name for path in FIXTURES.glob("*/record.json"))
RECORDS: dict[str, Any] = {pair: json.loads((FIXTURES / pair / "record.json").read_text("utf-8")) for pair in PAIRS}
FILES = {"keras": "model.keras", "h5": "model.h5", "tf": "saved_model"}
ALL = [(pair, case) for pair in PAIRS for case in RECORDS[pair]["cases"]]
SAVED = [
    (pair, case, form)
    for pair, case in ALL
    for form, outcome in RECORDS[pair]["cases"][case]["formats"].items()
    if outcome["saved"] == "yes"
]


def halving(x: Any) -> Any:
    return 1 / (2.0 ** (x - 1))


#: TF 2.12 stored the registered name, TF 2.15 the bare one.
NAMES = ("halving", "registered_halving", "fixtures>registered_halving", "<lambda>")


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has given the scale functions of the fixtures their names."""
    monkeypatch.setattr(policies, "_registered", dict(policies._registered))
    for name in NAMES:
        clr_ref.register_scale_fn(name, halving)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files, unpacked."""
    root = tmp_path_factory.mktemp("tfa_models")
    for pair in PAIRS:
        with zipfile.ZipFile(FIXTURES / pair / "models.zip") as archive:
            archive.extractall(root / pair)
    return root


def no_tfa() -> None:
    if importlib.util.find_spec("tensorflow_addons") is not None:
        pytest.skip("TensorFlow Addons is installed here and claims its own names")


def iterations(optimizer: Any) -> int:
    return int(optimizer.iterations.numpy())


def floats(hexes: Any) -> Any:
    return np.array([float.fromhex(h) for h in hexes], "float32")


def check_schedule(found: Any, case: Any, clr: Any) -> None:
    """It is our class with TFA's arguments: rates are TFA's to the bound of TFA's error, and in bits in TFA's arithmetic."""
    assert type(found) is getattr(clr, case["class"])
    steps = np.arange(len(case["rates"]))
    recorded = floats(case["rates"])
    reference = found.reference
    if case["class"] == "CyclicalLearningRate":  # ``halving`` is triangular2, written as a function
        reference = clr_ref.triangular2(
            found.initial_learning_rate, found.maximal_learning_rate, found.step_size, dtype=found.dtype
        )
    bound = tfa_arithmetic.error_bound(reference, steps)
    assert np.all(np.abs(np.asarray(found(steps), "float64") - recorded) <= bound + np.spacing(recorded))
    config = {**found.get_config(), "arithmetic": "tfa"}
    if "Exponential" not in case["class"]:  # the power function is the platform's
        import tensorflow as tf

        again = type(found).from_config(config)
        rates = np.array([again(tf.constant(t, tf.float32)).numpy() for t in steps.tolist()])
        assert_same_rates(reference, steps, rates, recorded, arithmetic="TFA's arithmetic (eager) of the Keras drop-in")


def train_on(model: Any, record: Any, case: Any) -> None:
    """The steps that TFA's model went on to make give the weights that it ended with.

    The tolerance: both rates are within 1e-5 of the exact one, relatively (tfa_arithmetic.error_bound at these steps), and
    the 6 steps here move a weight by less than 1.
    """
    before, after = record["steps_before"], record["steps_after"]
    total = before + after
    x = ((np.arange(total * 3) * 7 % 11).reshape(total, 3) / 16 - 0.25).astype("float32")
    y = (x @ np.array([[1.0], [-2.0], [0.5]], "float32") + 0.125).astype("float32")
    model.fit(x[before:], y[before:], batch_size=1, shuffle=False, verbose=0)
    for weight, expected in zip(model.get_weights(), case["later"]["weights"], strict=True):
        np.testing.assert_allclose(weight.reshape(-1), floats(expected), rtol=0, atol=1e-5)


def same_weights(model: Any, case: Any) -> None:
    assert [w.reshape(-1).tolist() for w in model.get_weights()] == [floats(w).tolist() for w in case["saved"]["weights"]]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_fixtures_are_what_was_recorded(pair: str) -> None:
    with zipfile.ZipFile(FIXTURES / pair / "models.zip") as archive:
        digests = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    assert digests == RECORDS[pair]["sha256"]
    recorder = hashlib.sha256((FIXTURES / "record_tfa_models.py").read_bytes()).hexdigest()
    assert RECORDS[pair]["provenance"]["recorder_sha256"] == recorder


def test_the_fixtures_are_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) < 500_000


@pytest.mark.parametrize(("pair", "case"), ALL)
def test_a_schedule_config_loads(pair: str, case: str, clr: Any, keras: Any, named: None) -> None:
    no_tfa()
    record = RECORDS[pair]["cases"][case]
    found = keras.optimizers.schedules.deserialize(record["configs"]["schedule"])
    check_schedule(found, record, clr)


@pytest.mark.parametrize("name", ["lambda", "named"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_scale_function_that_has_no_name_here_is_asked_for(pair: str, name: str, clr: Any) -> None:
    config = RECORDS[pair]["cases"][name]["configs"]["schedule"]["config"]
    with pytest.raises(ValueError, match=r"register_scale_fn.*then load again"):
        clr.CyclicalLearningRate.from_config(config)


@pytest.mark.parametrize("key", ["optimizer", "optimizer.get_config"])
@pytest.mark.parametrize(("pair", "case"), [(p, c) for p, c in ALL if "optimizer" in RECORDS[p]["cases"][c]["configs"]])
def test_an_optimizer_config_loads(pair: str, case: str, key: str, clr: Any, keras: Any, named: None) -> None:
    from clr_ref import keras_2

    no_tfa()
    record = RECORDS[pair]["cases"][case]
    config = record["configs"][key]
    kind = record["optimizer"].split()[-1]
    optimizer = keras_2.optimizer_from_config(config if key == "optimizer" else {"class_name": kind, "config": config})
    assert type(optimizer).__name__ == kind
    check_schedule(schedule_of(optimizer), record, clr)


@pytest.mark.parametrize(("pair", "case", "form"), SAVED)
def test_a_model_loads_and_trains_on(
    pair: str, case: str, form: str, clr: Any, api: Any, keras: Any, folder: Path, named: None
) -> None:
    """With Keras 2 by load_model; with Keras 3 the weights by Keras, and the optimizer by clr_ref.keras_2."""
    no_tfa()
    record = RECORDS[pair]["cases"][case]
    path = folder / pair / case / FILES[form]
    if api.IS_KERAS_3:
        if form == "tf":
            inference(path, record, keras)
            return
        model = load_with_keras_3(path, keras)
    else:
        if zipfile.is_zipfile(path) and keras_release(api) < (2, 15):
            pytest.skip(f"{path.name} is of Keras 2.15, and Keras {api.keras_version()} does not read all of them")
        model = keras.models.load_model(str(path))
    same_weights(model, record)
    check_schedule(schedule_of(model.optimizer), record, clr)
    # A SavedModel, and the .keras of TF 2.15 with a legacy optimizer, restore no counter; with TFA they did not either.
    lost = form == "tf" or (form == "keras" and "legacy" in case and zipfile.is_zipfile(path))
    assert iterations(model.optimizer) == (0 if lost else record["saved"]["iterations"])
    if not lost:
        train_on(model, RECORDS[pair], record)


def load_with_keras_3(path: Path, keras: Any) -> Any:
    """As docs/MIGRATING.md says: the model from the user's code, where Keras 3 cannot read that of Keras 2."""
    from clr_ref import keras_2

    if zipfile.is_zipfile(path):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="dense")])
        model.load_weights(path)
    else:
        source = path
        if path.suffix != ".h5":  # TF 2.12 wrote HDF5 under the name .keras
            source = path.with_name("renamed.h5")
            source.write_bytes(path.read_bytes())
        model = keras.models.load_model(source, compile=False)
    model.compile(optimizer=keras_2.load_optimizer(path, model), loss="mse")
    return model


def inference(path: Path, record: Any, keras: Any) -> None:
    """Keras 3 has no load_model for a SavedModel; it runs one as a layer."""
    with pytest.raises(ValueError, match="File format not supported"):
        keras.models.load_model(path)
    # TensorFlow has nobody to hand that optimizer's momentums to, but tf-keras
    if "legacy" in record["optimizer"] and importlib.util.find_spec("tf_keras") is None:
        with pytest.raises(AttributeError, match="add_slot"):
            keras.layers.TFSMLayer(path, call_endpoint="serving_default")
        return
    layer = keras.layers.TFSMLayer(path, call_endpoint="serving_default")
    kernel, bias = (floats(w) for w in record["saved"]["weights"])
    x = np.array([[1.0, 2.0, 4.0]], "float32")
    (answer,) = layer(x).values()
    np.testing.assert_allclose(np.asarray(answer), [[x[0] @ kernel + bias[0]]], rtol=1e-6)


def test_files_without_an_optimizer_are_refused(clr: Any, keras: Any, tmp_path: Path) -> None:
    from clr_ref import keras_2

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.save(str(tmp_path / "model.h5"))
    with pytest.raises(ValueError, match="saved with its optimizer"):
        keras_2.load_optimizer(tmp_path / "model.h5", model)
    (tmp_path / "text.h5").write_text("no model")
    with pytest.raises(ValueError, match="path must be"):
        keras_2.load_optimizer(tmp_path / "text.h5", model)


def test_configs_that_are_no_optimizer_are_refused(clr: Any, api: Any) -> None:
    from clr_ref import keras_2

    with pytest.raises(ValueError, match="config must be a dict"):
        keras_2.optimizer_from_config("SGD")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of Keras's optimizers"):
        keras_2.optimizer_from_config({"class_name": "schedules", "config": {}})
    if api.IS_KERAS_3:
        with pytest.raises(ValueError, match="decay must be 0"):
            keras_2.optimizer_from_config({"class_name": "SGD", "config": {"learning_rate": 0.1, "decay": 0.5}})


def test_a_model_of_another_shape_is_refused(clr: Any, api: Any, keras: Any, folder: Path) -> None:
    from clr_ref import keras_2

    no_tfa()
    if not api.IS_KERAS_3:
        pytest.skip("with Keras 2, load_model loads the optimizer")
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="the file holds the shapes"):
        keras_2.load_optimizer(folder / PAIRS[0] / "triangular" / "model.h5", model)


#: For each optimizer up to TF 2.10: its arguments, its slots in the order of its .h5 (Ftrl's stand variable by variable), and
#: the endings that their variables have in Keras 3.
LEGACY: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "SGD": ({"momentum": 0.9}, ["momentum"], ["momentum"]),
    "Adam": ({"amsgrad": True}, ["m", "v", "vhat"], ["momentum", "velocity", "velocity_hat"]),
    "Adamax": ({}, ["m", "v"], ["momentum", "norm"]),
    "RMSprop": (
        {"momentum": 0.9, "centered": True},
        ["rms", "momentum", "mg"],
        ["velocity", "momentum", "average_gradient"],
    ),
    "Adagrad": ({}, ["accumulator"], ["accumulator"]),
    "Adadelta": ({}, ["accum_grad", "accum_var"], ["accumulated_grad", "accumulated_delta_var"]),
    "Ftrl": ({}, ["accumulator", "linear"], ["accumulator", "linear"]),
}


def legacy_file(path: Path, kind: str, weights: Any, slots: list[str], rate: Any) -> None:
    """Write what TF 2.8 to 2.15 write into an .h5 for a legacy optimizer: each slot is full of its place and its variable."""
    import h5py

    config = {"learning_rate": rate, "decay": 0.0, "name": kind, **LEGACY[kind][0]}
    places = [(place, number) for place in range(len(slots)) for number in range(len(weights))]
    if kind == "Ftrl":
        places.sort(key=lambda pair: pair[1])
    with h5py.File(path, "w") as file:
        file.attrs["training_config"] = json.dumps({"optimizer_config": {"class_name": kind, "config": config}})
        group = file.create_group("optimizer_weights")
        names = [f"{kind}/iter:0", *(f"{kind}/variable_{number}/{slots[place]}:0" for place, number in places)]
        group.attrs["weight_names"] = [name.encode() for name in names]
        group[names[0]] = np.int64(7)
        for name, (place, number) in zip(names[1:], places, strict=True):
            group[name] = np.full(weights[number].shape, 10 * place + number, np.float32)


@pytest.mark.parametrize("rate", [0.125, "schedule"])
@pytest.mark.parametrize("kind", LEGACY)
def test_the_state_of_legacy_optimizers_is_reordered(
    kind: str, rate: Any, clr: Any, api: Any, keras: Any, tmp_path: Path
) -> None:
    """Also beside a constant rate, which is a variable of the optimizer in Keras 3."""
    from clr_ref import keras_2

    if not api.IS_KERAS_3:
        pytest.skip("with Keras 2, load_model loads the optimizer")
    pytest.importorskip("h5py")
    _, slots, endings = LEGACY[kind]
    if rate == "schedule":
        rate = keras.optimizers.schedules.serialize(clr.TriangularCyclicalLearningRate(0.125, 0.5, 4))
    # The shapes are the same, so that no other order is noticed by them.
    layers = [keras.layers.Dense(3, use_bias=False, name=name) for name in ("a", "b", "c")]
    model = keras.Sequential([keras.layers.Input((3,)), *layers])
    legacy_file(tmp_path / "old.h5", kind, model.trainable_variables, slots, rate)
    optimizer = keras_2.load_optimizer(tmp_path / "old.h5", model)
    assert int(optimizer.iterations) == 7
    found = [(v.path, float(api.to_numpy(v).ravel()[0])) for v in optimizer.variables if tuple(v.shape) == (3, 3)]
    assert len(found) == 3 * len(slots)
    for place, ending in enumerate(endings):
        assert [value for path, value in found if path.endswith(ending)] == [10.0 * place + number for number in range(3)]


def test_slots_that_are_not_known_are_named(clr: Any, api: Any) -> None:
    from clr_ref import keras_2

    state = {"Nadam/iter:0": 1, "Nadam/momentum_cache:0": 1.0, "Nadam/a/kernel/m:0": 1.0}
    with pytest.raises(ValueError, match=r"state is known: Adadelta, .*, SGD; got Nadam with m, momentum_cache in 'x\.h5'"):
        keras_2._in_order("Nadam", state, "x.h5")
    with pytest.raises(ValueError, match=r"every slot of every variable, got Adam/iter:0, Adam/a/m:0, Adam/a/v:0, Adam/b/m:0"):
        keras_2._in_order("Adam", dict.fromkeys(("Adam/iter:0", "Adam/a/m:0", "Adam/a/v:0", "Adam/b/m:0")), "x.h5")
