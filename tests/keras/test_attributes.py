"""The attributes of a drop-in can be set, as TFA's can, and are checked; classes of users extend the drop-ins."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.models import new_model, schedule_of, train

STEPS = [0, 1, 3, 4, 7, 20]


def same_rates(made: Any, expected: Any) -> bool:
    return np.array_equal(np.asarray(made(STEPS)), np.asarray(expected(STEPS)))


# --- setting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("initial_learning_rate", 0.01),
        ("maximal_learning_rate", np.float32(0.5)),
        ("step_size", np.array([7])),
        ("step_size", 2.5),
        ("scale_mode", "cycle"),
        ("gamma", 0.5),
        ("name", None),
    ],
    ids=str,
)
def test_the_rates_follow_an_attribute(drop_ins: Any, name: str, value: Any) -> None:
    given = {"initial_learning_rate": 1e-3, "maximal_learning_rate": 0.1, "step_size": 4, "gamma": 0.9}
    made = drop_ins.ExponentialCyclicalLearningRate(**given)
    before = made(STEPS)
    setattr(made, name, value)
    expected = drop_ins.ExponentialCyclicalLearningRate(**{**given, name: value})
    assert made == expected
    assert same_rates(made, expected)
    assert (name == "name") is np.array_equal(np.asarray(before), np.asarray(made(STEPS)))
    assert type(made).from_config(made.get_config()) == made


def test_the_rates_follow_attributes_that_are_set_in_other_ways(drop_ins: Any) -> None:
    made = drop_ins.TriangularCyclicalLearningRate(1e-3, 0.1, 4)
    vars(made)["step_size"] = 5
    object.__setattr__(made, "maximal_learning_rate", 0.2)
    assert same_rates(made, drop_ins.TriangularCyclicalLearningRate(1e-3, 0.2, 5))
    assert made.reference == clr_ref.triangular(1e-3, 0.2, 5)


@pytest.mark.parametrize("name", ["", "Triangular", "Triangular2", "Exponential"])
def test_a_scale_function_can_be_set(drop_ins: Any, name: str) -> None:
    """A policy's class keeps it in its config, beside the arguments of its constructor."""
    more: dict[str, Any] = {"": {"scale_fn": math.sqrt}, "Exponential": {"gamma": 0.9}}.get(name, {})
    made = getattr(drop_ins, f"{name}CyclicalLearningRate")(1e-3, 0.1, 4, **more)
    made.scale_fn = function = lambda x: 1 / (x + 2.0)
    assert made.scale_fn is function
    assert same_rates(made, drop_ins.CyclicalLearningRate(1e-3, 0.1, 4, function, made.scale_mode))
    for again in (type(made).from_config(made.get_config()), copy.copy(made), copy.deepcopy(made)):
        assert again.scale_fn is function
        assert same_rates(again, made)
        assert again == made


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("initial_learning_rate", math.nan, ValueError, "initial_learning_rate must be a finite number"),
        ("maximal_learning_rate", "0.1", TypeError, "maximal_learning_rate must be a real number"),
        ("step_size", 0, ValueError, "step_size must be a finite number of float32 > 0"),
        ("step_size", np.ones(2), TypeError, r"step_size must be one real number, got an array of the shape \(2,\)"),
        ("scale_fn", 3, TypeError, "scale_fn must be a callable or a registered name"),
        ("scale_mode", "cycles", ValueError, "scale_mode must be 'cycle' or 'iterations'"),
        ("gamma", -1, ValueError, "gamma must be a finite number > 0"),
        ("name", 5, TypeError, "name must be a str or None"),
        ("arithmetic", "fast", ValueError, "arithmetic must be 'exact' or 'tfa'"),
        ("dtype", "float16", ValueError, "dtype must be 'float32' or 'float64'"),
    ],
)
def test_a_wrong_attribute_is_refused_and_changes_nothing(
    drop_ins: Any, name: str, value: Any, error: Any, message: str
) -> None:
    made = drop_ins.ExponentialCyclicalLearningRate(1e-3, 0.1, 4, gamma=0.9)
    before, rates = dict(vars(made)), made(STEPS)
    with pytest.raises(error, match=f"^{message}"):
        setattr(made, name, value)
    assert vars(made) == before
    assert np.array_equal(np.asarray(rates), np.asarray(made(STEPS)))


def test_a_variable_is_refused_as_in_the_constructor(drop_ins: Any, tf: Any) -> None:
    made = drop_ins.TriangularCyclicalLearningRate(1e-3, 0.1, 4)
    with pytest.raises(TypeError, match=r"^step_size must be a number or a tensor with arithmetic 'exact'"):
        made.step_size = tf.Variable(4.0)
    following = drop_ins.TriangularCyclicalLearningRate(1e-3, tf.Variable(0.1), 4, arithmetic="tfa")
    with pytest.raises(TypeError, match=r"^maximal_learning_rate must be a number or a tensor with arithmetic 'exact'"):
        following.arithmetic = "exact"
    made.arithmetic = "tfa"
    made.step_size = size = tf.Variable(4.0)
    size.assign(5.0)
    assert same_rates(made, drop_ins.TriangularCyclicalLearningRate(1e-3, 0.1, 5, arithmetic="tfa"))


def test_public_attributes_stand_in_vars(drop_ins: Any) -> None:
    made = drop_ins.ExponentialCyclicalLearningRate(1e-3, 0.1, 4, gamma=0.9)
    public = {name: value for name, value in vars(made).items() if not name.startswith("_")}
    assert public == {
        "initial_learning_rate": 1e-3,
        "maximal_learning_rate": 0.1,
        "step_size": 4,
        "scale_fn": made.scale_fn,
        "scale_mode": "iterations",
        "name": "ExponentialCyclicalLearningRate",
        "gamma": 0.9,
        "arithmetic": "exact",
        "dtype": "float32",
        "step_size_down": None,
    }


# --- compiled functions ------------------------------------------------------------------------------------------------


def test_a_compiled_function_keeps_the_rates_that_it_was_compiled_with(drop_ins: Any, tf: Any) -> None:
    """A warning says so, when the rates change after a function was compiled, and only then."""
    from clr_ref.keras import traces

    made = drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 4)
    made.step_size = 8
    compiled = tf.function(made)
    step = tf.constant(4)
    assert compiled(step).numpy() == 0.5
    assert traces.was_noted(made, None, made._made)
    made.step_size = 8.0  # the same rates
    with pytest.warns(UserWarning, match=r"^step_size changed, but functions .* call model.compile again, or set") as caught:
        made.step_size = 4
    assert [warning.filename for warning in caught] == [__file__]
    assert (compiled(step).numpy(), made(step).numpy()) == (0.5, 1.0)
    assert traces.was_noted(made, None)
    assert not traces.was_noted(made, None, made._made)
    assert tf.function(made)(step).numpy() == 1.0
    assert not traces.was_noted(made, None, made._made), "the first function may still be called"


def test_a_plateau_callback(drop_ins: Any, keras: Any, tf: Any) -> None:
    """Eager training applies the new rates at once; compiled training does so after the function was thrown away."""

    class Plateau(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            schedule = schedule_of(self.model.optimizer)
            schedule.maximal_learning_rate = 0.5 * schedule.maximal_learning_rate

    for eagerly in (True, False):
        made = drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 4)
        model = new_model(keras, keras.optimizers.SGD(learning_rate=made))
        model.run_eagerly = eagerly
        logger = drop_ins.LearningRateLogger()
        train(model, 0, 2, callbacks=[logger, Plateau()])
        assert logger.rates == [0.0, 0.25]
        if not eagerly:
            model.train_function = None
        train(model, 0, 2, callbacks=[logger])
        assert logger.rates == [0.25, 0.375]


def test_the_logger_does_not_log_rates_that_the_compiled_function_does_not_apply(
    drop_ins: Any, keras: Any, api: Any, tf: Any
) -> None:
    made = drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 4)
    optimizers = keras.optimizers if api.IS_KERAS_3 else getattr(keras.optimizers, "legacy", keras.optimizers)
    model = new_model(keras, optimizers.SGD(learning_rate=made))
    logger = drop_ins.LearningRateLogger()
    train(model, 0, 2, callbacks=[logger])
    made.maximal_learning_rate = 0.5
    with pytest.raises(RuntimeError, match="was compiled with another learning rate"):
        train(model, 0, 2, callbacks=[logger])
    model.train_function = None
    train(model, 0, 2, callbacks=[logger])
    assert logger.rates == [0.25, 0.375]


def test_the_logger_follows_a_change_between_two_epochs(drop_ins: Any, keras: Any, tf: Any) -> None:
    """It raises an error for one in the middle of a batch, whose rate is unknown."""
    made = drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 4)
    model = new_model(keras, keras.optimizers.SGD(learning_rate=made))
    model.run_eagerly = True
    logger = drop_ins.LearningRateLogger()

    def halve(*_: Any, **__: Any) -> None:
        made.maximal_learning_rate = 0.5 * made.maximal_learning_rate

    train(model, 0, 2, epochs=2, callbacks=[logger, keras.callbacks.LambdaCallback(on_epoch_end=halve)])
    assert logger.rates == [0.0, 0.25, 0.25, 0.375]
    with pytest.raises(RuntimeError, match="the learning rate changed while a batch was trained"):
        train(model, 0, 2, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=halve), logger])


# --- classes of users --------------------------------------------------------------------------------------------------


def test_a_class_that_sets_attributes_around_the_constructor(drop_ins: Any) -> None:
    class Epochs(drop_ins.Triangular2CyclicalLearningRate):  # type: ignore[misc,name-defined]
        def __init__(self, low: float, high: float, epochs: int, dtype: str = "float32") -> None:
            self.dtype = dtype
            self.epochs = epochs
            super().__init__(low, high, 1)
            self.step_size = 4 * epochs

    assert same_rates(Epochs(1e-3, 0.1, 2), drop_ins.Triangular2CyclicalLearningRate(1e-3, 0.1, 8))
    with pytest.raises(ValueError, match=r"^step_size must be a finite number of float32 > 0, got 0"):
        Epochs(1e-3, 0.1, 0)
    with pytest.raises(ValueError, match=r"^dtype must be 'float32' or 'float64', got 'float16'"):
        Epochs(1e-3, 0.1, 2, "float16")
    if Epochs(1e-3, 0.1, 2)._ops.width == 64:
        assert Epochs(1e-3, 0.1, 2, "float64").reference == clr_ref.triangular2(1e-3, 0.1, 8, dtype="float64")


def own_class(drop_ins: Any) -> Any:
    class Own(drop_ins.CyclicalLearningRate):  # type: ignore[misc,name-defined]
        """A class that knows TFA's arguments alone."""

        def __init__(
            self,
            initial_learning_rate: float,
            maximal_learning_rate: float,
            step_size: float,
            scale_fn: Any = None,
            scale_mode: str = "cycle",
            warm_up: int = 3,
        ) -> None:
            super().__init__(
                initial_learning_rate, maximal_learning_rate, step_size, scale_fn or (lambda x: 1.0), scale_mode, "own"
            )
            self.warm_up = warm_up

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "warm_up": self.warm_up}

    return Own


def test_the_config_is_that_of_tfa(drop_ins: Any) -> None:
    """What TFA's config lacks stands in the config only where it is no default."""

    def function(x: Any) -> Any:
        return 1 / x

    given = {"initial_learning_rate": 1e-3, "maximal_learning_rate": 0.1, "step_size": 4}
    for cls, more in (
        ("CyclicalLearningRate", {"scale_fn": function, "scale_mode": "cycle"}),
        ("TriangularCyclicalLearningRate", {"scale_mode": "iterations"}),
        ("Triangular2CyclicalLearningRate", {"scale_mode": "cycle"}),
        ("ExponentialCyclicalLearningRate", {"scale_mode": "iterations", "gamma": 0.9}),
    ):
        assert getattr(drop_ins, cls)(**given, **more).get_config() == given | more
    made = drop_ins.TriangularCyclicalLearningRate(**given, name="mine")
    assert made.get_config() == given | {"scale_mode": "cycle", "name": "mine"}


def test_the_config_is_equal_to_tfas(drop_ins: Any, tfa: Any) -> None:
    def function(x: Any) -> Any:
        return 1 / x

    for cls, more in (("", {"scale_fn": function}), ("Triangular", {}), ("Triangular2", {}), ("Exponential", {"gamma": 0.9})):
        theirs = getattr(tfa.optimizers, f"{cls}CyclicalLearningRate")(1e-3, 0.1, 4, **more)
        assert getattr(drop_ins, f"{cls}CyclicalLearningRate")(1e-3, 0.1, 4, **more).get_config() == theirs.get_config()


def test_classes_with_a_constructor_of_their_own_come_back(drop_ins: Any) -> None:
    Own = own_class(drop_ins)
    made = Own(1e-3, 0.1, 4, lambda x: 1 / x, warm_up=5)
    assert "arithmetic" not in made.get_config()
    made.note = "kept"
    for again in (Own.from_config(made.get_config()), copy.copy(made), copy.deepcopy(made)):
        assert type(again) is Own
        assert (again.warm_up, again.name, again.scale_fn) == (5, "own", made.scale_fn)
        assert same_rates(again, made)
    assert copy.deepcopy(made).note == "kept"
    if made._ops.width == 64:
        made.dtype = "float64"
        again = Own.from_config(made.get_config())
        assert again.dtype == "float64"
        assert same_rates(again, made)


def test_a_class_with_other_arguments_is_copied(drop_ins: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies and pickles keep the class and all its attributes, without a call of its constructor."""

    class Peak(drop_ins.TriangularCyclicalLearningRate):  # type: ignore[misc,name-defined]
        def __init__(self, peak: float) -> None:
            super().__init__(0.0, peak, 4)
            self.peak = peak

    Peak.__qualname__ = "Peak"
    monkeypatch.setitem(globals(), "Peak", Peak)
    made = Peak(0.5)
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(again) is Peak
        assert (again.peak, again) == (0.5, made)
        again.maximal_learning_rate = 1.0
        assert made.maximal_learning_rate == 0.5


def test_step_size_down_can_be_set(drop_ins: Any) -> None:
    """It is checked, the rates follow, and a config has it only where it is not None."""
    made = drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 2)
    made.step_size_down = 8
    assert float(made(6)) == 0.5
    assert made.get_config()["step_size_down"] == 8
    with pytest.raises(ValueError, match="step_size_down must be a finite number of float32 > 0"):
        made.step_size_down = 0
    assert float(made(6)) == 0.5
    made.step_size_down = None
    assert float(made(6)) == 1.0
    assert "step_size_down" not in made.get_config()
