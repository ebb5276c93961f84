"""The range test on real Keras models: the applied rates in bits, and the model as it was before."""

from __future__ import annotations

import importlib.util
import math
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import RangeTest, range_test, rates
from tests.range_test import probe

pytestmark = [
    probe.needs_keras,
    pytest.mark.filterwarnings("ignore"),  # what old TensorFlow says of new Python and NumPy
]

ENDS: dict[str, Any] = {"minimal_learning_rate": 1e-4, "maximal_learning_rate": 3.0}
EXPECTED = rates(1e-4, 3.0, probe.LENGTH)


@pytest.fixture(scope="module")
def api() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from clr_ref.keras import api
    return api


@pytest.fixture(scope="module")
def keras(api: Any) -> Any:
    return api.keras


def swept(model: Any, data: Any = None, steps: int = probe.LENGTH, **options: Any) -> RangeTest:
    return range_test(model, probe.unit_vectors() if data is None else data, steps=steps, **ENDS, **options)


def state(model: Any) -> list[Any]:
    optimizer = model.optimizer
    if not hasattr(optimizer, "dynamic_scale"):  # before Keras 3 a LossScaleOptimizer lists nothing of its own
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    found = optimizer.variables
    variables = [*model.variables, *(found() if callable(found) else found)]
    return [np.array(one.numpy()) for one in variables]


def metrics(model: Any) -> list[Any]:
    return [np.array(variable.numpy()) for metric in model.metrics for variable in metric.variables]


def same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


OPTIMIZERS = ("rate", "schedule", "composition", "callable", "legacy rate", "legacy schedule", "legacy decay")
XLA, EAGER = {"jit_compile": True}, {"run_eagerly": True}
CASES = [
    *((name, {}) for name in OPTIMIZERS),
    *(("schedule", one) for one in (XLA, EAGER)),
    ("rate", XLA),
    ("legacy schedule", XLA),
]


@pytest.mark.parametrize(("name", "compiled"), CASES)
def test_the_rates_are_applied_in_bits(api: Any, keras: Any, name: str, compiled: dict[str, bool]) -> None:
    made = probe.optimizers(keras, legacy=not api.IS_KERAS_3)
    if name not in made:
        pytest.skip("Keras 3 has no legacy optimizers")
    model = probe.model(keras, made[name](), **compiled)
    found = swept(model)
    assert (-model.seen[-1]).tobytes() == EXPECTED.tobytes()
    assert found.rates.tobytes() == EXPECTED.tobytes()
    assert (found.rates[0], found.rates[-1]) == (np.float32(1e-4), np.float32(3.0))
    assert len(model.seen) == len(found.losses) == probe.LENGTH
    assert found.stopped is None
    assert not probe.kernel(model).any()


@pytest.mark.parametrize("sweep", ["exponential", "linear"])
def test_with_momentum_and_from_any_iteration(keras: Any, sweep: Any) -> None:
    model = probe.model(keras, keras.optimizers.SGD(0.5, momentum=0.5))
    for _ in range(3):  # iterations do not start at 0
        model.train_on_batch(np.zeros((1, probe.LENGTH), np.float32), np.zeros((1, 1), np.float32))
    model.seen.clear()
    found = swept(model, sweep=sweep)
    # Coordinate t is first moved in update t, by the rate alone; momentum moves it on afterwards.
    first = np.array([-seen[t] for t, seen in enumerate(model.seen)])
    assert first.tobytes() == rates(1e-4, 3.0, probe.LENGTH, sweep).tobytes() == found.rates.tobytes()


@pytest.mark.parametrize("name", ["rate", "schedule"])
def test_adam_is_given_the_same_rates(keras: Any, name: str) -> None:
    """Its updates are those of an Adam whose rate is set by hand before each batch, in bits."""
    rate = 0.5 if name == "rate" else keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)
    model, other = probe.model(keras, keras.optimizers.Adam(rate)), probe.model(keras, keras.optimizers.Adam(0.5))
    swept(model)
    for expected, (x, y) in zip(EXPECTED, probe.unit_vectors(), strict=True):
        other.optimizer.learning_rate = expected
        other.train_on_batch(x, y)
    assert np.array(model.seen).tobytes() == np.array(other.seen).tobytes()


def test_the_rate_advances_with_updates_under_accumulation(api: Any, keras: Any) -> None:
    if not api.IS_KERAS_3:
        pytest.skip("gradient_accumulation_steps came with Keras 3")
    for rate in (0.5, keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)):
        # Four equal gradients have the mean 1 exactly.
        model = probe.model(keras, keras.optimizers.SGD(rate, gradient_accumulation_steps=4))
        found = swept(model, probe.unit_vectors(repeat=4))
        assert (-model.seen[-1]).tobytes() == EXPECTED.tobytes() == found.rates.tobytes()
        assert len(model.seen) == 4 * probe.LENGTH


def test_the_loss_of_an_accumulated_update_is_the_mean_of_its_batches(api: Any, keras: Any) -> None:
    if not api.IS_KERAS_3:
        pytest.skip("gradient_accumulation_steps came with Keras 3")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.5, gradient_accumulation_steps=2), probe.output)
    data = ((np.full((1, 1), value, np.float32), np.zeros((1, 1), np.float32)) for value in (1, 3, 5, 7))
    found = swept(model, data, steps=2)
    # Update 0 has the gradient 2 and the rate 1e-4: the kernel is then 1 - 2e-4, of which float32 keeps 7 digits.
    assert found.losses == pytest.approx([2.0, 6 * (1 - 2e-4)], rel=1e-6)


def test_under_a_loss_scale(keras: Any) -> None:
    model = probe.model(keras, keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.5)))
    model.train_on_batch(*next(probe.unit_vectors()))
    model.seen.clear()
    model.set_weights([np.zeros((probe.LENGTH, 1), np.float32)])
    before, config = state(model), model.optimizer.get_config()
    swept(model)
    # Scaling by 2**15 and back is exact.
    assert (-model.seen[-1]).tobytes() == EXPECTED.tobytes()
    assert same(state(model), before)
    assert model.optimizer.get_config() == config
    counter = getattr(model.optimizer, "dynamic_counter", None)  # in Keras 3, one of the optimizer's variables
    assert counter is None or int(counter.numpy()) == 1


def numbered(count: int, too_large: int) -> Any:
    """Batches whose loss is their number; a loss scale above 2**27 makes their gradients infinite, and any that of one."""
    for number in range(count):
        x = np.zeros((1, probe.LENGTH), np.float32)
        x[0, number % probe.LENGTH] = 2.0**126 if number == too_large else 2.0**100
        yield x, np.full((1, 1), number, np.float32)


def test_batches_that_a_loss_scale_skips_belong_to_no_update(keras: Any) -> None:
    """Six batches are skipped at the start and one in the middle."""
    made = [keras.optimizers.SGD]
    if hasattr(getattr(keras.optimizers, "legacy", None), "SGD") and not hasattr(keras, "ops"):
        made.append(keras.optimizers.legacy.SGD)
    for sgd in made:
        model = probe.model(keras, keras.mixed_precision.LossScaleOptimizer(sgd(0.5), initial_scale=2.0**33))
        model.compile(model.optimizer, loss=lambda y, outputs: y + outputs)
        found = swept(model, numbered(probe.LENGTH, 9), steps=probe.LENGTH - 7)
        updated = [number for number in range(6, probe.LENGTH) if number != 9]
        assert found.losses.tolist() == updated
        applied = -model.seen[-1] / np.float32(2.0**100)
        assert applied[updated].tobytes() == found.rates.tobytes()
        assert np.count_nonzero(applied) == len(updated)


def test_skipped_batches_are_not_accumulated(api: Any, keras: Any) -> None:
    """Batches 0, 1 and 4 are skipped; the loss of an update is the mean over its two."""
    if not api.IS_KERAS_3:
        pytest.skip("gradient_accumulation_steps came with Keras 3")
    inner = keras.optimizers.SGD(0.5, gradient_accumulation_steps=2)
    model = probe.model(keras, keras.mixed_precision.LossScaleOptimizer(inner, initial_scale=2.0**29))
    model.compile(model.optimizer, loss=lambda y, outputs: y + outputs)
    found = swept(model, numbered(9, 4), steps=3)
    assert found.losses.tolist() == [2.5, 5.5, 7.5]


@pytest.mark.programs
def test_under_a_strategy() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed in this environment")
    run = subprocess.run(
        [sys.executable, "-m", "tests.range_test.mirrored"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "mirrored: holds" in run.stdout


def trained(keras: Any, **compiled: Any) -> tuple[Any, Any, Any]:
    """A model with dropout, batch normalisation and a metric, trained a little; and its data."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compiled)
    x = np.random.default_rng(5).normal(size=(64, 6)).astype(np.float32)
    y = x[:, :1] * 2
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False)
    return model, x, y


@pytest.mark.parametrize("compiled", [{}, {"steps_per_execution": 2}], ids=["one step", "two steps per execution"])
def test_everything_is_as_before(api: Any, keras: Any, compiled: dict[str, int]) -> None:
    if compiled and api.BACKEND == "torch":
        pytest.skip("Keras has no steps_per_execution on torch")
    model, x, y = trained(keras, **compiled)
    before, counted, function, config = state(model), metrics(model), model.train_function, model.optimizer.get_config()
    assert any(one.any() for one in counted)
    found = range_test(model, x, y, batch_size=16, steps=12, **ENDS)
    assert len(set(found.losses.tolist())) > 10  # it did train
    assert same(state(model), before)
    assert same(metrics(model), counted)
    assert model.train_function is function
    assert model.optimizer.get_config() == config


def test_training_goes_on_as_if_nothing_had_been(keras: Any) -> None:
    """Dropout included: in bits, the history and the weights of a model that was never tested."""
    results = []
    for tested in (False, True):
        model, x, y = trained(keras)
        if tested:
            range_test(model, x, y, batch_size=16, steps=12, **ENDS)
        history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False).history
        results.append((history, state(model)))
    (history, weights), (other_history, other_weights) = results
    assert history == other_history
    assert same(weights, other_weights)


@pytest.mark.parametrize("rate", ["rate", "schedule"])
def test_an_exception_in_the_middle_leaves_everything_as_before(keras: Any, rate: str) -> None:
    own = 0.5 if rate == "rate" else keras.optimizers.schedules.ExponentialDecay(0.25, 3, 0.5)
    model = probe.model(keras, keras.optimizers.Adam(own))
    model.fit(*map(np.concatenate, zip(*probe.unit_vectors(), strict=True)), verbose=0)
    before, function, config = state(model), model.train_function, model.optimizer.get_config()

    def fails() -> Any:
        for number, batch in enumerate(probe.unit_vectors()):
            if number == 5:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        swept(model, fails())
    assert len(model.seen) == 5
    assert same(state(model), before)
    assert model.train_function is function
    assert model.optimizer.get_config() == config


def test_a_model_that_was_never_built(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((8, 3), np.float32)
    found = range_test(model, x, x[:, :1], batch_size=4, steps=12, **ENDS)
    weights = model.get_weights()
    expected = float(np.mean((x @ weights[0] + weights[1] - 1) ** 2))
    assert found.losses[0] == pytest.approx(expected, rel=1e-5)  # the weights before the sweep are those after it


def test_every_kind_of_data_gives_the_same_curve(api: Any, keras: Any) -> None:
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)  # six batches of four
    y = x[:, :, :1] * 3

    class Sequence(keras.utils.Sequence):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(x)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return x[index], y[index]

    class Iterable:
        def __iter__(self) -> Any:
            return iter(zip(x, y, strict=True))

    kinds = {"sequence": Sequence(), "iterable": Iterable(), "generator": ((x[t % 6], y[t % 6]) for t in range(14))}
    if api.BACKEND == "tensorflow":
        kinds["tf.data"] = api.tensorflow().data.Dataset.from_tensor_slices((x, y))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    ends = {"minimal_learning_rate": 1e-4, "maximal_learning_rate": 0.1}
    curves = {name: range_test(model, data, steps=14, **ends).losses.tolist() for name, data in kinds.items()}
    assert len(curves["sequence"]) == 14
    assert all(losses == curves["sequence"] for losses in curves.values()), curves


def test_arrays_with_weights_in_a_dict(keras: Any) -> None:
    inputs = {name: keras.Input((1,), name=name) for name in ("a", "b")}
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(
        keras.layers.Concatenate()(list(inputs.values()))
    )
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = {"a": np.ones((8, 1), np.float32), "b": np.full((8, 1), 2, np.float32)}
    weights = np.full(8, 0.5, np.float32)
    found = range_test(model, x, np.zeros((8, 1), np.float32), sample_weight=weights, batch_size=4, steps=3, **ENDS)
    assert found.losses[0] == pytest.approx(0.5 * 9)


def test_the_loss_is_that_before_its_update(keras: Any) -> None:
    """Kernel w, loss w x: with x = 1 throughout, loss t is w minus the rates before t."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.5), probe.output)
    data = ((np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)) for _ in range(8))
    found = swept(model, data, steps=8)
    weight, expected = np.float32(1), []
    for rate in found.rates:
        expected.append(float(weight))
        weight -= rate
    assert found.losses.tolist() == expected


def test_a_loss_that_is_not_finite_stops_the_sweep(keras: Any) -> None:
    model = probe.model(keras, keras.optimizers.SGD(0.5))

    def data() -> Any:
        for number, (x, y) in enumerate(probe.unit_vectors()):
            yield (x if number < 7 else x * np.float32(math.nan)), y

    found = swept(model, data())
    assert len(found.losses) == len(found.rates) == 8
    assert math.isnan(found.losses[-1])
    assert found.stopped is not None
    assert found.stopped.startswith("the loss was nan after the update at ")
    assert found.stopped.endswith("rate 7 of 24")
    assert not probe.kernel(model).any()


def test_a_loss_that_runs_away_stops_the_sweep(keras: Any) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = np.ones((4, 1), np.float32)
    options: dict[str, Any] = {"batch_size": 4, "steps": 60, "minimal_learning_rate": 0.8, "maximal_learning_rate": 8.0}
    found = range_test(model, x, x * 0, **options)
    # The loss is w**2, and the rate r makes (1 - 2 r) w of w: it grows from r = 1 on and not before.
    assert found.stopped is not None
    assert "over 4 times its lowest" in found.stopped
    assert 1 < found.rates[-1] < 8
    assert len(found.rates) == len(found.losses) < 60
    patient = range_test(model, x, x * 0, **options, divergence_factor=math.inf)
    assert len(patient.losses) > len(found.losses)


def test_a_call_that_is_wrong_is_told(keras: Any) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    x = np.ones((4, 1), np.float32)
    with pytest.raises(ValueError, match="model must be compiled with an optimizer"):
        range_test(model, x, x, steps=3, **ENDS)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="divergence_factor must be a number > 1, got 1"):
        range_test(model, x, x, steps=3, **ENDS, divergence_factor=1)
    with pytest.raises(ValueError, match="batch_size must be a whole number >= 1, got 0"):
        range_test(model, x, x, steps=3, **ENDS, batch_size=0)
    with pytest.raises(ValueError, match="the loss is nan before any update"):
        range_test(model, x * np.nan, x, steps=3, **ENDS)
    with pytest.raises(ValueError, match="the data end after 2 batches"):
        range_test(model, iter([(x, x)] * 2), steps=3, **ENDS)
