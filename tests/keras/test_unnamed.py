"""Schedules whose scale function has no name: all that stays in memory works, and files are saved with a warning."""

from __future__ import annotations

import copy
import functools
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.models import new_model, schedule_of, train

pytestmark = pytest.mark.usefixtures("registries")

STEPS = [0, 3, 4, 13, 30]


def fading(x: Any) -> Any:
    return 1 / (x + 1.0)


class Fading:
    """A scale function without a ``__name__``."""

    def __call__(self, x: Any) -> Any:
        return 1 / (x + 1.0)


def functions() -> dict[str, Any]:
    data = np.ones(3)  # what a function closes over stays out of configs and files

    def inner(x: Any) -> Any:
        return float(data[0]) / (x + 1.0)

    return {
        "lambda": lambda x: float(data[0]) / (x + 1.0),
        "module": fading,
        "inner": inner,
        "object": Fading(),
        "partial": functools.partial(fading),
    }


@pytest.fixture(params=["lambda", "module", "inner", "object", "partial"])
def schedule(request: pytest.FixtureRequest, drop_ins: Any) -> Any:
    return drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, functions()[request.param])


def assert_same(found: Any, schedule: Any) -> None:
    assert type(found) is type(schedule)
    assert found.scale_fn is schedule.scale_fn
    assert np.array_equal(np.asarray(found(STEPS)), np.asarray(schedule(STEPS)))


def about_names(caught: list[warnings.WarningMessage]) -> list[warnings.WarningMessage]:
    return [warning for warning in caught if "has no name" in str(warning.message)]


# --- in memory ---------------------------------------------------------------------------------------------------------


def test_the_config_holds_the_function(schedule: Any) -> None:
    config = schedule.get_config()
    assert config["scale_fn"] is schedule.scale_fn
    assert_same(type(schedule).from_config(config), schedule)
    assert json.loads(json.dumps(config, default=str))["scale_fn"] == str(schedule.scale_fn)


def test_keras_serializes_in_memory(schedule: Any, keras: Any) -> None:
    """No warning, since nothing is lost; and JSON of it can be written."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = keras.optimizers.schedules.serialize(schedule)
        json.dumps(config)
        assert_same(keras.optimizers.schedules.deserialize(config), schedule)
        assert_same(keras.optimizers.schedules.deserialize(copy.deepcopy(config)), schedule)
        for make in (keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.RMSprop):
            optimizer = make(learning_rate=schedule)
            json.dumps(optimizer.get_config(), default=str)
            assert_same(schedule_of(make.from_config(optimizer.get_config())), schedule)
            assert_same(schedule_of(keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))), schedule)


def test_two_functions_of_one_name_are_not_mixed_up(drop_ins: Any, keras: Any) -> None:
    first, second = (drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, lambda x, k=k: k / x) for k in (1.0, 2.0))
    configs = [keras.optimizers.schedules.serialize(schedule) for schedule in (first, second)]
    assert_same(keras.optimizers.schedules.deserialize(configs[0]), first)
    assert_same(keras.optimizers.schedules.deserialize(configs[1]), second)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_a_schedule(schedule: Any, copied: Any) -> None:
    made = copied(schedule)
    assert np.array_equal(np.asarray(made(STEPS)), np.asarray(schedule(STEPS)))
    made.step_size = 5
    assert schedule.step_size == 4


def test_copies_of_an_optimizer(schedule: Any, keras: Any, api: Any) -> None:
    """Keras 3 copies an optimizer by way of a file in memory. That of TF 2.11 to 2.15 it cannot copy with any schedule."""
    optimizer = keras.optimizers.SGD(learning_rate=schedule)
    assert_same(schedule_of(copy.copy(optimizer)), schedule)
    try:
        found = schedule_of(copy.deepcopy(optimizer))
    except RuntimeError as error:
        assert not api.IS_KERAS_3
        assert "_DefaultDistributionStrategy" in str(error)  # noqa: PT017
    else:
        assert np.array_equal(np.asarray(found(STEPS)), np.asarray(schedule(STEPS)))


def test_copies_of_a_model(schedule: Any, keras: Any) -> None:
    model = train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert_same(schedule_of(again.optimizer), schedule)
        keras.models.clone_model(model)
    assert not about_names(caught)


def test_a_json_of_the_model(schedule: Any, keras: Any, api: Any) -> None:
    """The JSON of Keras 3 has the optimizer, and comes back in this process."""
    model = new_model(keras, keras.optimizers.SGD(learning_rate=schedule))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text = model.to_json()
    assert len(about_names(caught)) == api.IS_KERAS_3
    again = keras.models.model_from_json(text)
    if api.IS_KERAS_3:
        assert_same(schedule_of(again.optimizer), schedule)
        elsewhere = text.replace("of process ", "of process x")
        with pytest.raises(ValueError, match=r"scale_fn .*register_scale_fn\('[<>\w]+', scale_fn\)"):
            keras.models.model_from_json(elsewhere)


def test_pickles(drop_ins: Any) -> None:
    """As with TFA, a function of a module is pickled by its name, and a lambda is not."""
    for made in (
        drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, fading),
        drop_ins.TriangularCyclicalLearningRate(1e-3, 1e-1, 4),
        drop_ins.Triangular2CyclicalLearningRate(1e-3, 1e-1, 2.5, "iterations", name=None),
        drop_ins.ExponentialCyclicalLearningRate(1e-3, 1e-1, 4, gamma=0.9),
    ):
        assert pickle.loads(pickle.dumps(made)) == made
    clr_ref.register_scale_fn("named", named := lambda x: 1 / x)
    assert pickle.loads(pickle.dumps(drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, "named"))).scale_fn is named
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, lambda x: 1 / x))


# --- files -------------------------------------------------------------------------------------------------------------


def test_a_file_is_saved_with_one_warning(schedule: Any, keras: Any, file: str, tmp_path: Path) -> None:
    """The warning stands at the line that saves; the model loads without its optimizer, or with the function."""
    path = str(tmp_path / file)
    model = train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save(path)
    (warning,) = about_names(caught)
    assert warning.filename == __file__
    again = keras.models.load_model(path, compile=False)
    assert [w.tobytes() for w in again.get_weights()] == [w.tobytes() for w in model.get_weights()]
    with pytest.raises(ValueError, match=r"^scale_fn .*clr_ref\.register_scale_fn\('[<>\w]+', scale_fn\).*compile=False$"):
        keras.models.load_model(path)
    name = str(warning.message).partition("register_scale_fn('")[2].partition("'")[0]
    found = keras.models.load_model(path, custom_objects={name: schedule.scale_fn})
    assert_same(schedule_of(found.optimizer), schedule)
    clr_ref.register_scale_fn(name, schedule.scale_fn)
    assert_same(schedule_of(keras.models.load_model(path).optimizer), schedule)


def test_checkpoints_in_the_middle_of_training(drop_ins: Any, keras: Any, file: str, tmp_path: Path) -> None:
    """Training ends, each epoch has its file, and there is one warning for all of them, at the line with fit."""
    schedule = drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, lambda x: 1 / x)
    model = new_model(keras, keras.optimizers.SGD(learning_rate=schedule))
    callback = keras.callbacks.ModelCheckpoint(str(tmp_path / f"{{epoch}}_{file}"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(model, 0, 4, epochs=3, callbacks=[callback])
    assert len(about_names(caught)) == 1
    for epoch in (1, 2, 3):
        keras.models.load_model(str(tmp_path / f"{epoch}_{file}"), compile=False)
    assert int(model.optimizer.iterations.numpy()) == 12


def test_weights_alone_are_saved_without_a_warning(drop_ins: Any, keras: Any, tmp_path: Path) -> None:
    schedule = drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, lambda x: 1 / x)
    model = train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save_weights(str(tmp_path / "model.weights.h5"))
    assert not about_names(caught)


def test_a_function_is_not_saved_under_the_name_of_another(drop_ins: Any, keras: Any, tmp_path: Path) -> None:
    """A function called triangular2 must not come back as the policy of that name, nor as one that has been registered."""

    def triangular2(x: Any) -> Any:
        return 1 / x

    clr_ref.register_scale_fn("fading", np.cos)
    for function in (triangular2, fading):
        path = str(tmp_path / f"{function.__name__}.h5")
        schedule = drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, function)
        model = train(new_model(keras, keras.optimizers.SGD(learning_rate=schedule)), 0, 2)
        with pytest.warns(UserWarning, match=rf"register_scale_fn\('{__name__}.*{function.__name__}', scale_fn\)"):
            model.save(path)
        with pytest.raises(ValueError, match=rf"got '{__name__}.*{function.__name__}'"):
            keras.models.load_model(path)


def test_a_pickle_of_another_process_needs_the_name(drop_ins: Any) -> None:
    with pytest.raises(ValueError, match=r"scale_fn was saved as a lambda.*register_scale_fn\('<lambda>', scale_fn\)"):
        drop_ins.CyclicalLearningRate(1e-3, 1e-1, 4, "<lambda> of process 0, number 0")
