"""How a batch, a rate and the weights of classes get into Keras's own training."""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import range_test
from tests.range_test import probe

pytestmark = [probe.needs_keras, pytest.mark.filterwarnings("ignore")]

ENDS: dict[str, Any] = {"minimal_learning_rate": 1e-4, "maximal_learning_rate": 0.1, "steps": 2}


@pytest.fixture
def api() -> Any:
    from clr_ref.keras import api

    return api


@pytest.fixture
def sweep() -> Any:
    from clr_ref.range_test import sweep

    return sweep


@pytest.fixture
def model(api: Any) -> Any:
    keras = api.keras
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    made.compile(keras.optimizers.SGD(0.5), "mse")
    return made


def of_module(module: str, name: str, *bases: type) -> Any:
    """An object of a class with this name in this module."""
    return type(name, bases, {"__module__": module})()


# --- weights of classes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [[1.0], None, "ab"])
def test_weights_of_classes_are_a_mapping(sweep: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="class_weight must be a dict from class to weight, got "):
        sweep.weighting(np.zeros(2), wrong)


@pytest.mark.parametrize("wrong", [{1.5: 1.0}, {"a": 1.0}, {0: 1.0, 1: "2"}, {0: np.nan}, {0: np.inf}, {0: None}])
def test_classes_are_whole_numbers_with_finite_weights(sweep: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="class_weight must have whole numbers as classes and finite weights, got "):
        sweep.weighting(np.zeros(2), wrong)


def test_numbers_of_numpy_are_classes_and_weights(api: Any, sweep: Any) -> None:
    add = sweep.weighting(np.zeros(2), {np.int64(1): np.float32(2), 2: 3})
    x = np.zeros(3)
    _, _, weights = add((x, np.array([0, 1, 2])))
    assert weights.dtype == api.keras.backend.floatx()
    assert weights.tolist() == [1, 2, 3]
    batch = x, np.array([0, 1, 2]), np.array([2.0, 2.0, 2.0])
    if api.IS_KERAS_3:
        with pytest.raises(ValueError, match="class_weight and sample_weight exclude each other in Keras 3"):
            add(batch)
    else:
        assert add(batch)[2].tolist() == [2, 4, 6]


def test_in_keras_3_generators_and_loaders_weight_their_samples_themselves(api: Any, sweep: Any) -> None:
    loader = type("DataLoader", (), {"__module__": "torch.utils.data.dataloader"})
    for data, refused in (
        ((batch for batch in ()), True),
        (loader(), True),
        (of_module("mine", "Own", loader), True),
        (of_module("grain._src.python.data_loader", "DataLoader"), True),
        (of_module("grain", "Any"), True),
        (of_module("torch.utils.data", "Dataset"), False),
        (of_module("mine", "DataLoader"), False),
        (np.zeros(2), False),
    ):
        if refused and api.IS_KERAS_3:
            with pytest.raises(ValueError, match=f"in Keras 3, got {type(data).__name__}: let it yield"):
                sweep.weighting(data, {0: 1.0})
        else:
            assert callable(sweep.weighting(data, {0: 1.0}))


def test_weights_of_classes_weight_the_loss(model: Any) -> None:
    x, y = np.ones((4, 2), np.float32), np.array([[0], [0], [1], [1]], np.float32)
    found = range_test(model, x, y, class_weight={0: 0.5, 1: 3.0}, batch_size=4, **ENDS)
    assert found.losses[0] == pytest.approx((2 * 0.5 * 4 + 2 * 3 * 1) / 4)


# --- batches ---------------------------------------------------------------------------------------------------------


def test_floats_have_the_dtype_of_keras_and_others_their_own(api: Any, sweep: Any) -> None:
    for dtype in ("float64", "float16", "int64", "int8", "uint8", "bool", "complex64", "object"):
        expected = api.keras.backend.floatx() if dtype.startswith("float") else dtype
        assert sweep._as_in_fit((np.zeros(2, dtype), np.zeros(2)))[0].dtype == expected
    other = 1.5
    assert sweep._as_floatx(other) is other


def test_a_batch_has_the_structure_that_fit_gives_it(api: Any) -> None:
    keras = api.keras
    x = np.ones((4, 2), np.float32)

    def structure(data: Any) -> Any:
        return tuple(structure(one) for one in data) if isinstance(data, (list, tuple)) else type(data).__name__ != "NoneType"

    seen: list[Any] = []

    class Noting(keras.Sequential):  # type: ignore[misc]
        def train_step(self, *arguments: Any) -> Any:
            seen.append(structure(arguments[-1]))
            return super().train_step(*arguments)

    def data(batch: Any, *, ready: bool) -> Any:
        return api.tensorflow().data.Dataset.from_tensors(batch).repeat(4) if ready else (batch for _ in range(4))

    batches = [((x,), False), ((x, x[:, :1]), False), ((x, x[:, :1], x[:, 0]), False)]
    if api.BACKEND == "tensorflow":
        batches += [(x, True), ((x,), True), ((x, x[:, :1]), True), ((x, x[:, :1], x[:, 0]), True)]
    for batch, ready in batches:
        found = []
        for train in (lambda model, data: model.fit(data, steps_per_epoch=2, verbose=0), functools.partial(range_test, **ENDS)):
            model = Noting([keras.Input((2,)), keras.layers.Dense(1, activity_regularizer="l2")])
            model.compile(keras.optimizers.SGD(0.5), "mse" if len(batch) in (2, 3) else None)
            train(model, data(batch, ready=ready))
            found.append(set(seen))
            seen.clear()
        assert found[0] == found[1] != set(), (structure(batch), ready)


def test_a_batch_for_one_replica_is_passed_as_it_is(api: Any, sweep: Any, model: Any) -> None:
    """A data set for each batch would take most of the time of a small model."""
    if not (api.BACKEND == "tensorflow" and api.IS_KERAS_3):
        pytest.skip("other Keras take a data set, or their own lists and iterators")
    batch = (np.zeros((4, 2)), np.zeros((4, 1)))
    (given,) = sweep._iterator(model, batch, None)
    assert given is batch


def test_an_iterator_of_another_backend_has_the_parts_of_the_batch(sweep: Any) -> None:
    """torch takes the first item of a list, JAX the next of an iterator."""
    given = (1, 2, None)
    for batch, expected in (((1, 2), (1, 2)), ((1,), (1,)), (1, 1)):
        assert sweep._like_first(batch, [given]) == [expected]
        again = sweep._like_first(batch, iter([given]))
        assert next(again) == expected


def test_keras_2_makes_x_of_a_tuple_of_one_and_nothing_of_tensors(
    api: Any, sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if api.BACKEND != "tensorflow":
        pytest.skip("Keras 2 is TensorFlow's")
    monkeypatch.setattr(api, "IS_KERAS_3", False)
    x = np.zeros(2, np.float32)
    tensor = api.tensorflow().constant(x)
    assert isinstance(sweep._as_in_fit((x,)), np.ndarray)
    assert len(sweep._as_in_fit((x, tensor, None))) == 2
    assert len(sweep._as_in_fit((tensor, x, None))) == 3


def test_keras_2_makes_an_iterator_of_a_tuple_itself(api: Any, sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would make a tuple of x alone."""
    if api.BACKEND != "tensorflow":
        pytest.skip("Keras 2 is TensorFlow's")
    seen: list[Any] = []

    class Model:
        _steps_per_execution = types.SimpleNamespace(assign=lambda steps: None)
        train_function: Any = None

        def make_train_function(self) -> None:
            self.train_function = seen.append

        def reset_metrics(self) -> None:
            pass

        def train_on_batch(self, x: Any, y: Any, **keywords: Any) -> dict[str, float]:
            self.train_function("Keras's")
            return {"loss": 0.0}

    monkeypatch.setattr(api, "IS_KERAS_3", False)
    monkeypatch.setattr(sweep, "_iterator", lambda model, batch, given: "ours")
    train = sweep._trainer(Model(), [])
    x = api.tensorflow().constant([1.0])
    for batch in (x, (x,), (x, x)):
        train(batch)
    assert seen == ["ours", "Keras's", "Keras's"]


def test_one_call_trains_on_one_batch(api: Any, sweep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    model = types.SimpleNamespace(
        steps_per_execution=7,
        _steps_per_execution=types.SimpleNamespace(assign=steps.append),
        _autotune_steps_per_execution=True,
    )
    monkeypatch.setattr(api, "IS_KERAS_3", True)
    sweep._execute_one_step(model)
    assert (model.steps_per_execution, steps, model._autotune_steps_per_execution) == (1, [], True)
    monkeypatch.setattr(api, "IS_KERAS_3", False)
    sweep._execute_one_step(model)
    assert (steps, model._autotune_steps_per_execution) == ([1], False)


@pytest.mark.parametrize("eager", [True, False])
def test_only_eager_operations_need_other_kernels(
    api: Any, sweep: Any, model: Any, monkeypatch: pytest.MonkeyPatch, eager: bool
) -> None:
    used: list[bool] = []

    @contextlib.contextmanager
    def other_kernels() -> Iterator[None]:
        used.append(True)
        yield

    monkeypatch.setattr(sweep.state, "other_kernels", other_kernels)
    model.compile(api.keras.optimizers.SGD(0.5), "mse", run_eagerly=eager)
    sweep.build(model, (np.zeros((4, 2)), np.zeros((4, 1))))
    with sweep.swept(model):
        assert used == [True] * eager


# --- the rate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"built": True}, []),
        ({"built": False}, ["build"]),
        ({}, ["build"]),
        ({"_create_all_weights": None}, ["_create_all_weights"]),
    ],
)
def test_an_optimizer_is_built_in_the_way_of_its_generation(
    sweep: Any, model: Any, attributes: dict[str, Any], expected: list[str]
) -> None:
    """The first new ones do not say whether they are built."""
    calls: list[tuple[str, Any]] = []
    optimizer = types.SimpleNamespace(**attributes)
    for name in ("build", *attributes.keys() - {"built"}):
        setattr(optimizer, name, lambda variables, name=name: calls.append((name, variables)))
    built = types.SimpleNamespace(
        built=True,
        optimizer=optimizer,
        trainable_variables=["a"],
        distribute_strategy=getattr(model, "distribute_strategy", None),
    )
    sweep.build(built, None)
    assert calls == [(name, ["a"]) for name in expected]


@pytest.mark.parametrize("constant", [True, False])
def test_a_schedule_gives_way_to_a_variable_that_is_not_trained(api: Any, sweep: Any, constant: bool) -> None:
    keras = api.keras
    schedule = keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)
    model = probe.model(keras, keras.optimizers.SGD(0.5 if constant else schedule))
    sweep.build(model, next(probe.unit_vectors()))
    own = sweep.optimizers.rate_of(model.optimizer)
    setter = sweep._settable_rate(model)
    variable = sweep.optimizers.rate_of(model.optimizer)
    assert (variable is own) is constant
    assert float(sweep.optimizers._value(variable)) == (0.5 if constant else 0.0)
    assert not variable.trainable
    assert str(getattr(variable.dtype, "name", variable.dtype)) == keras.backend.floatx()
    setter(0.125)
    assert float(sweep.optimizers._value(variable)) == 0.125


@pytest.mark.parametrize("constant", [True, False])
def test_the_rate_of_a_legacy_optimizer_is_set_without_its_decay(api: Any, sweep: Any, model: Any, constant: bool) -> None:
    if api.BACKEND != "tensorflow":
        pytest.skip("legacy optimizers are TensorFlow's")
    own = api.tensorflow().Variable(0.5) if constant else api.keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)
    legacy = types.SimpleNamespace(_hyper={"learning_rate": own}, _initial_decay=0.1)
    owner = types.SimpleNamespace(optimizer=legacy, distribute_strategy=model.distribute_strategy)
    setter = sweep._settable_rate(owner)
    assert legacy._initial_decay == 0
    assert (legacy._hyper["learning_rate"] is own) is constant
    setter(0.125)
    assert float(sweep.optimizers._value(legacy._hyper["learning_rate"])) == 0.125


def test_a_model_reports_its_loss(api: Any) -> None:
    class Silent(api.keras.Sequential):  # type: ignore[misc]
        def train_on_batch(self, *arguments: Any, **keywords: Any) -> Any:
            logs = super().train_on_batch(*arguments, **keywords)
            return {name: logs[name] for name in self.told}

    x = np.ones((4, 2), np.float32)
    for told in ((), ("mse", "mae")):
        Silent.told = told
        model = Silent([api.keras.Input((2,)), api.keras.layers.Dense(1)])
        model.compile(api.keras.optimizers.SGD(0.5), "mae", metrics=["mae", "mse"])
        with pytest.raises(ValueError, match=f"model must report its loss as 'loss', got {'mae, mse' if told else 'nothing'}"):
            range_test(model, x, x[:, :1], **ENDS)


def test_each_loss_is_of_its_batch_also_in_a_metric_that_the_model_does_not_list(api: Any) -> None:
    class Averaging(api.keras.Sequential):  # type: ignore[misc]
        def train_on_batch(self, *arguments: Any, **keywords: Any) -> Any:
            logs = super().train_on_batch(*arguments, **keywords)
            self.means["loss"].update_state(logs["loss"])
            return {"loss": float(self.means["loss"].result())}

    x = np.array([[1, 2], [4, 8]], np.float32)
    losses = []
    for kind in (api.keras.Sequential, Averaging):
        model = kind([api.keras.Input((2,)), api.keras.layers.Dense(1, kernel_initializer="ones")])
        object.__setattr__(model, "means", {"loss": api.keras.metrics.Mean()})
        model.compile(api.keras.optimizers.SGD(0.5), "mae")
        losses.append(range_test(model, x, x[:, :1], batch_size=1, **ENDS).losses.tolist())
    assert losses[0] == losses[1] != [losses[0][0]] * 2
