"""The Python blocks of docs/RECIPES.md run, and do what the page says: seen by the rates and decays that were applied.

The blocks run in order in one namespace. One that begins with a comment needs what the comment names.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.blocks import blocks, run

PAGE = "RECIPES.md"
#: The rates of these tests: exact in float32, and different at each step of a cycle.
RATES = clr_ref.triangular(0.125, 1.0, step_size=4)
STEPS = 6


def is_here(block: str, api: Any) -> bool:
    """True if this environment has what the first line of a block names."""
    optimizers = api.keras.optimizers
    here = {
        "# Optax": bool(importlib.util.find_spec("optax")) and api.BACKEND == "jax",
        "# KerasTuner": bool(importlib.util.find_spec("keras_tuner")),
        "# TensorFlow": api.BACKEND == "tensorflow",
        "# AdamW": hasattr(optimizers, "AdamW"),
        "# MultiOptimizer": hasattr(optimizers, "MultiOptimizer"),
    }
    return here.get(block.partition("\n")[0], True)


@pytest.fixture(scope="module")
def recipes(api: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names of the page after all its blocks ran that can run here."""
    namespace: dict[str, Any] = {"__name__": "recipes"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("recipes"))
        for block in blocks(PAGE):
            if is_here(block, api):
                run(block, PAGE, namespace)
    return namespace


def need(recipes: dict[str, Any], name: str) -> Any:
    if name not in recipes:
        pytest.skip(f"the recipe with {name} needs what is not installed here")
    return recipes[name]


def sgd(drop_ins: Any, **changes: Any) -> Any:
    return drop_ins.keras.optimizers.SGD(drop_ins.from_schedule(RATES), **changes)


def fit(probe: Any, model: Any, start: int = 0, stop: int = STEPS, **options: Any) -> None:
    inputs, targets = probe.batches(start, stop, STEPS)
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, **options)


def compiled(probe: Any, optimizer: Any) -> Any:
    model = probe.model(STEPS)
    model.compile(optimizer=optimizer, loss=probe.loss)
    return model


def test_the_blocks_run(recipes: dict[str, Any]) -> None:
    assert recipes["averages"].count == 2


def test_a_callback_applies_the_rates_of_the_schedule(drop_ins: Any, probe: Any) -> None:
    """A callback as people have it: it counts batches, and sets the rate before the first and after each."""
    keras = drop_ins.keras

    class CyclicLR(keras.callbacks.Callback):  # type: ignore[misc]
        count = 0

        def assign(self) -> None:
            height = max(0.0, 1 - abs(self.count / 4 - 2 * np.floor(1 + self.count / 8) + 1))
            self.model.optimizer.learning_rate.assign(0.125 + 0.875 * height)

        def on_train_begin(self, logs: Any = None) -> None:
            self.assign()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.count += 1
            self.assign()

    by_callback = probe.fit(keras.optimizers.SGD(0.5), 20, callbacks=[CyclicLR()])
    by_schedule = probe.fit(sgd(drop_ins), 20)
    assert by_callback.tolist() == by_schedule.tolist() == RATES(np.arange(20)).tolist()


@pytest.mark.parametrize("kind", ["with_table", "with_drop_in"])
def test_optax_applies_the_rates_under_jit(recipes: dict[str, Any], kind: str) -> None:
    optimizer = need(recipes, kind)
    import jax
    import optax

    steps = 50
    parameters = jax.numpy.zeros(steps)

    @jax.jit
    def update(parameters: Any, state: Any, gradient: Any) -> Any:
        changes, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, changes), state

    state = optimizer.init(parameters)
    for gradient in np.eye(steps, dtype=np.float32):
        parameters, state = update(parameters, state, gradient)
    assert (-np.asarray(parameters)).tolist() == recipes["s"].values(0, steps).tolist()


def test_numpy_schedules_under_jit_are_a_clear_error(recipes: dict[str, Any]) -> None:
    s, rates = need(recipes, "s"), recipes["rates"]
    import jax

    with pytest.raises(TypeError, match=r"for tensors use clr_ref.keras.from_schedule\(schedule\)"):
        jax.jit(s)(0)
    assert jax.jit(lambda count: rates[count])(10**6) == s(9_999)


def test_keras_tuner_builds_a_schedule_for_each_trial(recipes: dict[str, Any]) -> None:
    tuner = need(recipes, "tuner")
    tried = [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]
    assert len({values["maximal_learning_rate"] for values in tried}) == 2
    best = tuner.get_best_hyperparameters()[0].values
    config = recipes["tuned"](tuner.get_best_hyperparameters()[0]).optimizer.get_config()["learning_rate"]["config"]
    assert config["maximal_learning_rate"] == best["maximal_learning_rate"]
    assert config["step_size"] == 3 * best["epochs_per_half_cycle"]


class Interrupted(Exception):
    """What ends a run before its time."""


def test_backup_and_restore_goes_on_in_the_cycle(drop_ins: Any, probe: Any, tmp_path: Path) -> None:
    keras = drop_ins.keras

    class Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise Interrupted

    uninterrupted = compiled(probe, sgd(drop_ins))
    fit(probe, uninterrupted, epochs=4)
    backup = str(tmp_path / "backup")
    with pytest.raises(Interrupted):
        fit(probe, compiled(probe, sgd(drop_ins)), epochs=4, callbacks=[keras.callbacks.BackupAndRestore(backup), Interrupt()])
    resumed = compiled(probe, sgd(drop_ins))
    fit(probe, resumed, epochs=4, callbacks=[keras.callbacks.BackupAndRestore(backup)])
    assert int(resumed.optimizer.iterations) == 4 * STEPS
    assert probe.applied(resumed).tolist() == probe.applied(uninterrupted).tolist()
    assert probe.applied(resumed).tolist() == RATES(np.arange(4 * STEPS)).reshape(4, STEPS).sum(0).tolist()


@pytest.mark.parametrize("assigned", [0, 3 * STEPS])
def test_initial_epoch_does_not_move_the_cycle(drop_ins: Any, probe: Any, assigned: int) -> None:
    model = compiled(probe, sgd(drop_ins))
    model.optimizer.iterations.assign(assigned)
    fit(probe, model, initial_epoch=3, epochs=4)
    assert probe.applied(model).tolist() == RATES(np.arange(assigned, assigned + STEPS)).tolist()


def test_a_schedule_is_replaced_between_two_fits(drop_ins: Any, probe: Any) -> None:
    model = compiled(probe, sgd(drop_ins))
    fit(probe, model, 0, 3)
    other = clr_ref.triangular(2.0, 4.0, step_size=4)
    model.optimizer.learning_rate = drop_ins.from_schedule(other)
    model.train_function = None
    fit(probe, model, 3, STEPS)
    assert probe.applied(model).tolist() == [*RATES(np.arange(3)), *other(np.arange(3, STEPS))]


def test_a_plateau_lowers_the_upper_bound(recipes: dict[str, Any], drop_ins: Any, tf: Any, probe: Any) -> None:
    callback, highest = recipes["LowerOnPlateau"](), recipes["highest"]
    highest.assign(1.0)
    callback.best = -np.inf  # each epoch is a plateau
    cycle = drop_ins.TriangularCyclicalLearningRate(0.125, highest, step_size=4, arithmetic="tfa")
    model = compiled(probe, drop_ins.keras.optimizers.SGD(cycle))
    fit(probe, model, epochs=2, callbacks=[callback])
    later = clr_ref.triangular(0.125, 0.5, step_size=4)
    assert probe.applied(model).tolist() == [RATES(t) + later(STEPS + t) for t in range(STEPS)]
    assert float(highest) == 0.25


class Weight:
    """What the callbacks use of a Keras variable."""

    def __init__(self) -> None:
        self.value = np.zeros(2)

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.value.copy()

    def assign(self, value: Any) -> None:
        self.value = np.array(value)


CHANGES = np.random.default_rng(0).normal(size=(25, 2))


def trained(callback: Any) -> Any:
    """The weights after each update, of a model whose batch t changes its weight by ``CHANGES[t]``."""
    weight = Weight()
    callback.set_model(SimpleNamespace(trainable_weights=[weight]))
    seen = []
    for batch, change in enumerate(CHANGES):
        callback.on_train_batch_begin(batch)
        weight.value = weight.value + change
        callback.on_train_batch_end(batch)
        seen.append(weight.value)
    return np.array(seen)


def test_lookahead_goes_back_at_each_sync(recipes: dict[str, Any]) -> None:
    weights = trained(recipes["Lookahead"](sync_period=4, slow_step_size=0.25))
    slow = np.zeros(2)
    for start in range(0, len(CHANGES), 4):
        fast = slow + np.cumsum(CHANGES[start : start + 4], axis=0)
        if len(fast) == 4:
            slow = slow + 0.25 * (fast[-1] - slow)
            fast[-1] = slow
        np.testing.assert_allclose(weights[start : start + 4], fast, rtol=1e-12)


def test_the_mean_is_that_of_each_period(recipes: dict[str, Any]) -> None:
    callback = recipes["WeightMean"](average_period=10)
    weights = trained(callback)
    np.testing.assert_allclose(weights, np.cumsum(CHANGES, axis=0))
    np.testing.assert_allclose(callback.mean[0], weights[[0, 10, 20]].mean(axis=0), rtol=1e-12)


def test_a_divided_decay_is_applied_as_it_is(recipes: dict[str, Any], drop_ins: Any, tmp_path: Path) -> None:
    """With zero gradients each update multiplies a weight by 1 - decay, whatever the rate is."""
    divided = need(recipes, "Divided")
    keras, schedule = drop_ins.keras, drop_ins.from_schedule(RATES)
    model = keras.Sequential([keras.layers.InputLayer((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    optimizer = drop_ins.AdamW(schedule, weight_decay=divided(0.125, schedule))
    restored = drop_ins.AdamW.from_config(optimizer.get_config())
    model.compile(optimizer=restored, loss=lambda _, output: 0.0 * output)
    rows = np.ones((10, 1), np.float32)
    model.fit(rows, rows, batch_size=1, verbose=0)
    assert model.get_weights()[0].item() == pytest.approx(0.875**10, rel=1e-6)


def test_keras_alone_takes_no_schedule_as_weight_decay(drop_ins: Any, api: Any, probe: Any) -> None:
    keras = drop_ins.keras
    if not hasattr(keras.optimizers, "AdamW"):
        pytest.skip("this tf.keras has no AdamW")
    with pytest.raises(ValueError if api.BACKEND == "torch" else TypeError):
        fit(probe, compiled(probe, keras.optimizers.AdamW(0.1, weight_decay=drop_ins.from_schedule(RATES))))


def test_the_momentum_is_the_cycle_of_the_rate_upside_down(recipes: dict[str, Any]) -> None:
    rate, momentum = recipes["rate"].reference, recipes["momentum"].reference
    for step in (0, 700, 2000, 3300, 4000, 6000):
        height = (rate(step) - 0.1) / 0.9
        assert momentum(step) == pytest.approx(0.95 - 0.1 * height, rel=1e-6)


def test_each_layer_has_its_rates_after_loading_too(recipes: dict[str, Any], drop_ins: Any, tmp_path: Path) -> None:
    """Two probes side by side: the gradient of both kernels is 1 in the coordinate of the step."""
    need(recipes, "chosen")
    assert recipes["logger"].rates == clr_ref.triangular(1e-3, 1e-2, step_size=2000).values(0, 3).tolist()
    keras, other = drop_ins.keras, clr_ref.triangular(1.0, 2.0, step_size=2)
    inputs = keras.Input((STEPS,))
    layers = [keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=name) for name in ("body", "head")]
    model = keras.Model(inputs, keras.layers.Add()([layer(inputs) for layer in layers]))
    head = keras.optimizers.SGD(drop_ins.from_schedule(other))
    chosen = keras.optimizers.OptimizerMap(default_optimizer=sgd(drop_ins), optimizer_map={"head/.*": head})
    x, y = np.eye(STEPS, dtype=np.float32), np.zeros((STEPS, 1), np.float32)
    model.compile(optimizer=keras.optimizers.MultiOptimizer(chosen), loss=lambda _, output: output)
    model.fit(x[:4], y[:4], batch_size=1, shuffle=False, verbose=0)
    model.compile(optimizer=model.optimizer, loss="mse")
    model.save(tmp_path / "layers.keras")
    loaded = keras.models.load_model(tmp_path / "layers.keras")
    loaded.compile(optimizer=loaded.optimizer, loss=lambda _, output: output)
    loaded.fit(x[4:], y[4:], batch_size=1, shuffle=False, verbose=0)
    for name, rates in (("body", RATES), ("head", other)):
        assert (-loaded.get_layer(name).get_weights()[0].ravel()).tolist() == rates(np.arange(STEPS)).tolist()


def test_a_cycle_restarts_in_the_middle_of_training(drop_ins: Any, api: Any, probe: Any) -> None:
    """The recipe: the schedule is shifted by minus the number of updates, which goes on counting."""
    model = compiled(probe, sgd(drop_ins))
    fit(probe, model, 0, 3)
    updates = int(model.optimizer.iterations)
    assert updates == 3
    model.optimizer.learning_rate = drop_ins.Shifted(drop_ins.from_schedule(RATES), start=-updates)
    model.train_function = None
    fit(probe, model, 3, STEPS)
    assert probe.applied(model).tolist() == [*RATES(np.arange(3)), *RATES(np.arange(STEPS - 3))]
    assert int(model.optimizer.iterations) == STEPS


def test_snapshots_are_the_weights_at_the_minima(recipes: dict[str, Any]) -> None:
    """12 updates with cycles of 4 have two ends, after the updates of steps 4 and 8."""
    assert [array.shape for array in recipes["predictions"]] == [(12, 1)] * 2
    np.testing.assert_allclose(recipes["ensemble"], sum(recipes["predictions"]) / 2, rtol=1e-6)
    assert not np.array_equal(*recipes["predictions"])


def test_the_mean_is_that_of_the_weights_at_the_minima(recipes: dict[str, Any], drop_ins: Any, probe: Any) -> None:
    """With cycles of 2 steps, the probe's kernel at steps 2 and 4 has the first three and five rates."""
    assert recipes["cycle_mean"].count == 2
    mean, rates = recipes["CycleMean"](), clr_ref.triangular(0.125, 1.0, step_size=1)
    model = compiled(probe, drop_ins.keras.optimizers.SGD(drop_ins.from_schedule(rates)))
    fit(probe, model, callbacks=[drop_ins.AtCycleEnd(mean)])
    expected = np.where(np.arange(STEPS) < 3, rates.values(0, STEPS), rates.values(0, STEPS) / 2)
    assert (-mean.mean[0].ravel()).tolist() == np.where(np.arange(STEPS) < 5, expected, 0).tolist()
