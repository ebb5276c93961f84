"""Configs, optimizers and models with our schedules come back as they were, in every format of every Keras.

What Keras itself does not restore (iterations, in SavedModels and in ``.keras`` with a legacy optimizer) is stated here too.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies
from tests.keras.execution import of_drop_in
from tests.keras.models import keras_release, load_model, new_model, schedule_of, train
from tests.rates import assert_same_rates

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("registries")]

STEPS = np.array([0, 1, 2, 3, 4, 5, 8, 9, 31, 2**24 + 1, 2**40 + 3])


def thirds(x: Any) -> Any:
    return 1 / (1.0 + (x - 1) / 3)


def schedules(clr: Any) -> dict[str, Any]:
    clr_ref.register_scale_fn("thirds", thirds)
    return {
        "triangular": clr.TriangularCyclicalLearningRate(1e-3, 1e-1, 4, name="mine"),
        "triangular2": clr.Triangular2CyclicalLearningRate(1e-3, 1e-1, 2.5, name=None),
        "exponential": clr.ExponentialCyclicalLearningRate(1e-3, 1e-1, 3, gamma=0.9, scale_mode="cycle"),
        "float64": clr.ExponentialCyclicalLearningRate(np.float64(1e-3), 0.1, 3, gamma=0.9),
        "registered": clr.CyclicalLearningRate(1e-3, 1e-1, 4, thirds, scale_mode="iterations"),
        "by name": clr.CyclicalLearningRate(1e-3, 1e-1, 4, "triangular2", name="halved"),
    } | (
        {"tfa": clr.Triangular2CyclicalLearningRate(1e-3, 1e-1, 4, arithmetic="tfa")} if clr.api.BACKEND == "tensorflow" else {}
    )


@pytest.mark.parametrize("name", ["WarmUp", "Shifted", "CoolDown", "PerUpdate", "CyclicalLearningRate"])
def test_a_class_of_the_user_with_a_name_of_ours_is_loaded(name: str, clr: Any, keras: Any, tmp_path: Path) -> None:
    """Many have a WarmUp. Before Keras 3, ours stand under their bare names, where .h5 looks them up."""
    if not clr.api.IS_KERAS_3:
        pytest.skip("before Keras 3, a class of ours is loaded by its bare name")

    class Own(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, step: Any) -> Any:
            return self.rate

        def get_config(self) -> dict[str, Any]:
            return {"rate": self.rate}

    own = type(name, (Own,), {"__module__": "theirs"})
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(own(0.25)), "mse")
    model.save(tmp_path / "own.keras")
    with pytest.raises(TypeError):
        keras.models.load_model(tmp_path / "own.keras")
    again = keras.models.load_model(tmp_path / "own.keras", custom_objects={name: own})
    assert type(again.optimizer._learning_rate) is own


KINDS = ("triangular", "triangular2", "exponential", "float64", "registered", "by name", "tfa")


@pytest.fixture(params=KINDS)
def schedule(request: pytest.FixtureRequest, clr: Any) -> Any:
    found = schedules(clr)
    if request.param not in found:
        pytest.skip(f"arithmetic 'tfa' needs TensorFlow, this is {clr.api.BACKEND}")
    return found[request.param]


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    assert found.get_config() == expected.get_config()
    assert (found.name, found.arithmetic, found.dtype) == (expected.name, expected.arithmetic, expected.dtype)
    rates = np.asarray(found(STEPS)), np.asarray(expected(STEPS))
    assert_same_rates(expected.reference, STEPS, *rates, arithmetic=of_drop_in("eager, loaded again"))


def optimizers(keras: Any, api: Any) -> dict[str, Any]:
    found = {
        "SGD": lambda rate: keras.optimizers.SGD(learning_rate=rate, momentum=0.5),
        "Adam": lambda rate: keras.optimizers.Adam(learning_rate=rate),
    }
    if not api.IS_KERAS_3 and hasattr(keras.optimizers, "legacy"):
        found["legacy SGD"] = lambda rate: keras.optimizers.legacy.SGD(learning_rate=rate, momentum=0.5)
        found["legacy Adam"] = lambda rate: keras.optimizers.legacy.Adam(learning_rate=rate)
    return found


@pytest.fixture(params=["SGD", "Adam", "legacy SGD", "legacy Adam"])
def make(request: pytest.FixtureRequest, keras: Any, api: Any) -> Any:
    found = optimizers(keras, api)
    if request.param not in found:
        pytest.skip("this Keras has no optimizers.legacy")
    return found[request.param]


def assert_same_kind(again: Any, optimizer: Any) -> None:
    """TF 2.9 makes an optimizer of the class that its legacy one extends."""
    assert type(again).__name__ == type(optimizer).__name__
    assert isinstance(optimizer, type(again))


def is_legacy(optimizer: Any) -> bool:
    return hasattr(optimizer, "_decayed_lr")


def restores_iterations(api: Any, file: str, legacy: bool) -> bool:
    """Keras itself decides this, with a constant rate too."""
    if file == "saved_model":
        return False
    zipped = file == "model.keras" and keras_release(api) >= (2, 13)
    return not (zipped and legacy)


#: What Keras raises where it trains on with an optimizer from an .h5: the second is that of Keras 3.8 to 3.12.
CANNOT_TRAIN_ON = r"Unknown variable|numpy\(\) is only available"


# --- schedules and optimizers ------------------------------------------------------------------------------------------


def test_config(schedule: Any) -> None:
    """The config holds all arguments of the constructor, as JSON."""
    config = json.loads(json.dumps(schedule.get_config()))
    assert_same(type(schedule).from_config(config), schedule)
    assert ("gamma" in config) is ("Exponential" in type(schedule).__name__)
    assert ("scale_fn" in config) is (type(schedule).__name__ == "CyclicalLearningRate")


def test_tensors_are_stored_as_numbers(clr: Any, tf: Any) -> None:
    schedule = clr.ExponentialCyclicalLearningRate(tf.constant(0.25), np.float32(0.5), np.int64(3), gamma=np.float64(0.9))
    config = json.loads(json.dumps(schedule.get_config()))
    assert_same(type(schedule).from_config(config), schedule)


def test_serialize(schedule: Any, keras: Any) -> None:
    config = keras.optimizers.schedules.serialize(schedule)
    assert_same(keras.optimizers.schedules.deserialize(json.loads(json.dumps(config))), schedule)


def test_optimizer_config(schedule: Any, make: Any, keras: Any) -> None:
    optimizer = make(schedule)
    again = type(optimizer).from_config(json.loads(json.dumps(optimizer.get_config())))
    assert type(again) is type(optimizer)
    assert_same(schedule_of(again), schedule)


def test_optimizer_serialize(schedule: Any, make: Any, keras: Any) -> None:
    optimizer = make(schedule)
    config = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
    try:
        again = keras.optimizers.deserialize(config, use_legacy_optimizer=is_legacy(optimizer))
    except TypeError:  # only TF 2.11 to 2.15 ask
        again = keras.optimizers.deserialize(config)
    assert_same_kind(again, optimizer)
    assert_same(schedule_of(again), schedule)


# --- models ------------------------------------------------------------------------------------------------------------


def test_model(schedule: Any, keras: Any, api: Any, file: str, tmp_path: Path) -> None:
    """Weights, optimizer and schedule come back."""
    if schedule.dtype == "float64":
        pytest.skip("a float64 rate on float32 weights is not for a Keras optimizer")
    model = train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 3)
    path = str(tmp_path / file)
    model.save(path)
    again = keras.models.load_model(path)
    assert_same_kind(again.optimizer, model.optimizer)
    assert_same(schedule_of(again.optimizer), schedule)
    assert [w.tobytes() for w in again.get_weights()] == [w.tobytes() for w in model.get_weights()]
    if not (api.IS_KERAS_3 and file == "model.h5"):
        train(again, 3, 5)


def test_training_goes_on(make: Any, clr: Any, keras: Any, api: Any, file: str, tmp_path: Path) -> None:
    """A model saved after 7 steps has after 13 steps the weights of a run that never stopped, bit for bit."""

    def start() -> Any:
        return new_model(keras, make(clr.Triangular2CyclicalLearningRate(1e-3, 1e-1, 4)))

    path = str(tmp_path / file)
    first = train(start(), 0, 7)
    first.save(path)
    again = load_model(keras, api, path, first)
    if again is None:
        return
    legacy = is_legacy(first.optimizer)
    if api.IS_KERAS_3 and file == "model.h5":
        again = trainable_again(keras, again, path)
    assert_same_kind(again.optimizer, first.optimizer)
    if not restores_iterations(api, file, legacy):
        assert int(again.optimizer.iterations.numpy()) == 0
        return
    assert int(again.optimizer.iterations.numpy()) == 7
    straight = train(start(), 0, 13)
    assert [w.tobytes() for w in train(again, 7, 13).get_weights()] == [w.tobytes() for w in straight.get_weights()]


def trainable_again(keras: Any, model: Any, path: str) -> Any:
    """Keras 3 builds the optimizer of an .h5 for no variables, clr_ref.keras_2 builds it for those of the model."""
    from clr_ref import keras_2

    with pytest.raises((ValueError, NotImplementedError), match=CANNOT_TRAIN_ON):
        train(model, 7, 8)
    other = new_model(keras, keras.optimizers.SGD(0.1))
    train(other, 0, 1).save(path + ".constant.h5")
    with pytest.raises((ValueError, NotImplementedError), match=CANNOT_TRAIN_ON):
        train(keras.models.load_model(path + ".constant.h5"), 7, 8)
    found = keras.models.load_model(path, compile=False)
    found.compile(optimizer=keras_2.load_optimizer(path, found), loss=keras.losses.MeanSquaredError())
    return found


def test_checkpoints(clr: Any, keras: Any, api: Any, tmp_path: Path) -> None:
    """The files of ModelCheckpoint load as other models do."""
    schedule = clr.ExponentialCyclicalLearningRate(1e-3, 1e-1, 3, gamma=0.9, name="kept")
    path = str(tmp_path / f"at-{{epoch}}.{'keras' if api.IS_KERAS_3 else 'h5'}")
    callback = keras.callbacks.ModelCheckpoint(path)
    train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 4, epochs=2, callbacks=[callback])
    again = keras.models.load_model(path.format(epoch=1))
    assert int(again.optimizer.iterations.numpy()) == 4
    assert_same(schedule_of(again.optimizer), schedule)


# --- scale functions -----------------------------------------------------------------------------------------------------


def test_a_name_in_clr_ref(clr: Any, keras: Any, api: Any, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config holds the name; where that is not registered, loading raises an error that says so."""
    clr_ref.register_scale_fn("of this test", thirds)
    schedule = clr.CyclicalLearningRate(1e-3, 1e-1, 4, thirds)
    assert schedule.get_config()["scale_fn"] == "of this test"
    path = str(tmp_path / file)
    train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 2).save(path)
    assert schedule_of(keras.models.load_model(path).optimizer).scale_fn is thirds
    monkeypatch.setattr(policies, "_registered", {})
    with pytest.raises(ValueError, match=r"'of this test'.*register_scale_fn"):
        type(schedule).from_config({**clr.TriangularCyclicalLearningRate(0, 1, 2).get_config(), "scale_fn": "of this test"})
    found = keras.models.load_model(path, custom_objects={"of this test": thirds})
    assert schedule_of(found.optimizer).scale_fn is thirds


def test_a_name_in_keras(clr: Any, keras: Any, file: str, tmp_path: Path) -> None:
    registered = keras.utils.register_keras_serializable(package="tests")(lambda x: 1 / (x + 1.0))
    schedule = clr.CyclicalLearningRate(1e-3, 1e-1, 4, registered)
    path = str(tmp_path / file)
    train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 2).save(path)
    again = schedule_of(keras.models.load_model(path).optimizer)
    assert again.scale_fn is registered
    assert_same(again, schedule)


def test_custom_object_scope(clr: Any, keras: Any) -> None:
    clr_ref.register_scale_fn("saved elsewhere", thirds)
    config = keras.optimizers.schedules.serialize(clr.CyclicalLearningRate(1e-3, 1e-1, 4, thirds))
    policies._registered.clear()
    with keras.utils.custom_object_scope({"saved elsewhere": thirds}):
        assert keras.optimizers.schedules.deserialize(config).scale_fn is thirds
    assert keras.optimizers.schedules.deserialize(config, custom_objects={"saved elsewhere": thirds}).scale_fn is thirds


# --- copies that Keras makes ------------------------------------------------------------------------------


def unnamed(clr: Any) -> Any:
    return clr.CyclicalLearningRate(1e-3, 1e-1, 4, lambda x: 1 / (2.0 ** (x - 1)))


def test_a_lambda_trains_everywhere(make: Any, clr: Any, keras: Any, api: Any) -> None:
    """Keras copies and wraps an optimizer, and places it under a strategy, without the config of the schedule."""
    train(new_model(keras, make(unnamed(clr))), 0, 3)
    scaled = keras.mixed_precision.LossScaleOptimizer
    optimizer = make(unnamed(clr))
    train(
        new_model(keras, optimizer if is_legacy(optimizer) and not hasattr(keras.optimizers, "legacy") else scaled(optimizer)),
        0,
        3,
    )
    copied = copy.deepcopy(unnamed(clr))
    rates = np.asarray(copied(STEPS)), np.asarray(unnamed(clr)(STEPS))
    assert_same_rates(copied.reference, STEPS, *rates, arithmetic=of_drop_in("eager, copied"))
    if api.BACKEND == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        with strategy.scope():
            model = new_model(keras, make(unnamed(clr)))
        train(model, 0, 3)
        pool = getattr(getattr(strategy.extended, "_collective_ops", None), "_pool", None)
        if pool is not None:  # TensorFlow leaves it running, and Python warns of that when it goes
            pool.close()


def test_clone(clr: Any, keras: Any, api: Any) -> None:
    """Later Keras 3 clones the compilation too, by the config."""
    for schedule in (clr.Triangular2CyclicalLearningRate(1e-3, 1e-1, 4, name="mine"), unnamed(clr)):
        clone = keras.models.clone_model(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)))
        if api.IS_KERAS_3 and keras_release(api) > (3, 8):
            assert_same(schedule_of(clone.optimizer), schedule)


def test_to_json(schedule: Any, keras: Any) -> None:
    model = new_model(keras, keras.optimizers.SGD(learning_rate=schedule))
    again = keras.models.model_from_json(model.to_json())
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()]
