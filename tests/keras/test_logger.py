"""LearningRateLogger logs what the probe finds applied."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.test_applied import answer, backend, child

STEPS = 40


@pytest.fixture
def probe(drop_ins: Any) -> Any:
    from clr_ref.training import probe

    return probe


def logged(drop_ins: Any, probe: Any, optimizer: Any, **compiled: Any) -> tuple[Any, Any]:
    """The rates that were logged, and those that were applied."""
    logger = drop_ins.LearningRateLogger()
    applied = probe.fit(optimizer, STEPS, callbacks=[logger], **compiled)
    assert all(type(rate) is float for rate in logger.rates)
    return np.array(logger.rates, np.float32), applied


@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 8}], ids=str)
def test_every_applied_rate_is_logged(drop_ins: Any, keras: Any, probe: Any, arguments: dict[str, Any]) -> None:
    from clr_ref.keras import api

    if "steps_per_execution" in arguments and api.BACKEND == "torch":
        pytest.skip("Keras refuses steps_per_execution on torch")
    made = drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 3.5, gamma=0.97)
    found, applied = logged(drop_ins, probe, keras.optimizers.SGD(made), **arguments)
    assert found.shape == applied.shape
    assert found.tobytes() == applied.tobytes() or made._ops.width == 32


@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_the_mode_of_execution_is_that_of_fit(
    drop_ins: Any, keras: Any, tf: Any, probe: Any, arguments: dict[str, Any]
) -> None:
    """Under TFA's arithmetic every mode has its own bits."""
    made = drop_ins.Triangular2CyclicalLearningRate(1e-4, 1e-2, 33.3, arithmetic="tfa")
    found, applied = logged(drop_ins, probe, keras.optimizers.SGD(made), **arguments)
    assert found.tobytes() == applied.tobytes()


def test_a_constant_rate_and_keras_own_schedules(drop_ins: Any, keras: Any, probe: Any) -> None:
    for rate in (0.25, keras.optimizers.schedules.PiecewiseConstantDecay([9, 20], [0.5, 0.25, 0.125])):
        found, applied = logged(drop_ins, probe, keras.optimizers.SGD(rate))
        assert found.tobytes() == applied.tobytes()


def test_scaled_losses(drop_ins: Any, keras: Any, probe: Any) -> None:
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    found, applied = logged(drop_ins, probe, scaled(keras.optimizers.SGD(made)))
    assert found.tobytes() == applied.tobytes()


def test_one_rate_for_each_update_under_accumulation(drop_ins: Any, keras: Any, probe: Any) -> None:
    if not hasattr(keras, "ops"):
        pytest.skip("this is about Keras 3")
    made = drop_ins.PerUpdate(drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7), 2)
    found, applied = logged(drop_ins, probe, keras.optimizers.SGD(made, gradient_accumulation_steps=2))
    assert found.tobytes() == applied.tobytes()


def test_the_second_fit_starts_a_new_list(drop_ins: Any, keras: Any, probe: Any) -> None:
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    model, logger = probe.model(STEPS), drop_ins.LearningRateLogger()
    model.compile(optimizer=keras.optimizers.SGD(made), loss=probe.loss)
    for start in (0, 20):
        inputs, targets = probe.batches(start, start + 20, STEPS)
        model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=[logger])
        assert np.array(logger.rates, np.float32).tobytes() == probe.applied(model)[start : start + 20].tobytes()


# --- steps that are skipped ------------------------------------------------------------------------------------------

#: Gradients so large that a loss scale of 2**28 and more makes them infinite.
LARGE = np.float32(2.0**100)


def generations(keras: Any) -> list[Any]:
    """SGD of every generation here."""
    legacy = getattr(getattr(keras.optimizers, "legacy", None), "SGD", None)
    return [keras.optimizers.SGD] if legacy is None or hasattr(keras, "ops") else [keras.optimizers.SGD, legacy]


def loss_scaled(keras: Any, optimizer: Any, **options: Any) -> Any:
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    return scaled(optimizer, **options)


def halved(keras: Any) -> Any:
    """A schedule with another rate for each step."""
    return keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)


def compiled(probe: Any, optimizer: Any, **how: Any) -> Any:
    model = probe.model(STEPS)
    model.compile(optimizer=optimizer, loss=probe.loss, **how)
    return model


def fit(probe: Any, model: Any, start: int, stop: int, callbacks: list[Any], *, infinite: Any = (), copies: int = 1) -> None:
    inputs, targets = probe.batches(start, stop, STEPS, copies)
    inputs *= LARGE
    inputs[list(infinite)] = np.inf
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)


def of_updates(probe: Any, model: Any) -> Any:
    """The rates of the updates that were made: the others left a zero."""
    rates = probe.applied(model) / LARGE
    return rates[rates != 0]


def assert_logged(probe: Any, model: Any, rates: Any) -> None:
    assert np.array(rates, np.float32).tobytes() == of_updates(probe, model).tobytes()


@pytest.mark.parametrize(
    ("options", "infinite", "skipped"),
    [
        ({"initial_scale": 2.0**33}, (), 6),
        ({"initial_scale": 2.0**33, "dynamic_growth_steps": 3}, (), 8),  # the scale grows to 2**28, twice
        ({"initial_scale": 4.0}, (5, 9), 2),
        ({"initial_scale": 4.0, "dynamic_growth_steps": 2}, (2, 3, 7), 3),
        ({"initial_scale": 1.0, "dynamic_growth_steps": 4}, (3, 4, 9), 3),
    ],
    ids=["at the start", "after growth", "in the middle", "where the scale grows", "at the smallest scale"],
)
def test_skipped_steps_have_no_rate(
    drop_ins: Any, keras: Any, probe: Any, options: dict[str, Any], infinite: Any, skipped: int
) -> None:
    for sgd in generations(keras):
        model, logger = compiled(probe, loss_scaled(keras, sgd(halved(keras)), **options)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 14, [logger], infinite=infinite)
        assert len(logger.rates) == 14 - skipped
        assert_logged(probe, model, logger.rates)


def test_a_fixed_loss_scale_skips_nothing(drop_ins: Any, keras: Any, probe: Any) -> None:
    if hasattr(keras, "ops"):
        pytest.skip("Keras 3 has no fixed loss scale in a LossScaleOptimizer")
    for sgd in generations(keras):
        optimizer = loss_scaled(keras, sgd(halved(keras)), dynamic=False, initial_scale=8.0)
        model, logger = compiled(probe, optimizer), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 9, [logger])
        assert len(logger.rates) == 9
        assert_logged(probe, model, logger.rates)


def test_skipped_steps_in_an_execution_of_several(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    """Six skips at the start can be told. Two of four steps cannot, unless the counter stands still, as in Keras 3."""
    for sgd in generations(keras):
        model = compiled(probe, loss_scaled(keras, sgd(halved(keras)), initial_scale=2.0**33), steps_per_execution=4)
        logger = drop_ins.LearningRateLogger()
        fit(probe, model, 0, 14, [logger])
        assert len(logger.rates) == 14 - 6
        assert_logged(probe, model, logger.rates)
        model = compiled(probe, loss_scaled(keras, sgd(halved(keras)), initial_scale=4.0), steps_per_execution=4)
        if hasattr(keras, "ops"):
            fit(probe, model, 0, 14, [logger], infinite=(5, 7))
            assert_logged(probe, model, logger.rates)
        else:
            with pytest.raises(
                RuntimeError, match=r"scale went from 4 to 1 in one execution of 4 steps.*steps_per_execution=1"
            ):
                fit(probe, model, 0, 14, [logger], infinite=(5, 7))


def test_skipped_steps_under_accumulation(drop_ins: Any, keras: Any, probe: Any) -> None:
    if not hasattr(keras, "ops"):
        pytest.skip("gradient_accumulation_steps came with Keras 3")
    optimizer = loss_scaled(keras, keras.optimizers.SGD(halved(keras), gradient_accumulation_steps=2))
    model, logger = compiled(probe, optimizer), drop_ins.LearningRateLogger()
    fit(probe, model, 0, 10, [logger], infinite=(6, 7, 12, 13), copies=2)
    assert len(logger.rates) == 8
    assert_logged(probe, model, logger.rates)


def test_before_the_first_update_the_log_holds_nan(drop_ins: Any, keras: Any, probe: Any, tmp_path: Path) -> None:
    """Every epoch has an entry, which CSVLogger needs."""
    model = compiled(probe, loss_scaled(keras, keras.optimizers.SGD(0.5), initial_scale=2.0**31))
    inputs, targets = probe.batches(0, 2, STEPS)
    callbacks = [drop_ins.LearningRateLogger(), keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))]
    history = model.fit(inputs * LARGE, targets, batch_size=1, epochs=3, shuffle=False, verbose=0, callbacks=callbacks).history
    assert np.isnan(history["applied_learning_rate"][0])
    assert history["applied_learning_rate"][2] == 0.5


# --- counters and rates that something else sets ----------------------------------------------------------------------


def hook(keras: Any, name: str, function: Any) -> Any:
    """A callback with one method."""
    kind = type("Hook", (keras.callbacks.Callback,), {name: lambda self, number, logs=None: function(number)})
    return kind()


@pytest.mark.parametrize("first", [True, False], ids=["logger first", "logger last"])
@pytest.mark.parametrize("name", ["on_epoch_begin", "on_epoch_end"])
def test_a_counter_that_is_set_between_epochs(drop_ins: Any, keras: Any, probe: Any, name: str, first: bool) -> None:
    for sgd in generations(keras):
        model, logger = compiled(probe, sgd(halved(keras))), drop_ins.LearningRateLogger()
        reset = hook(keras, name, lambda epoch, model=model: model.optimizer.iterations.assign(0))
        rates = []
        for start in (0, 4):
            fit(probe, model, start, start + 4, [logger, reset] if first else [reset, logger])
            rates += logger.rates
        assert rates == [0.5, 0.25, 0.125, 0.0625] * 2
        assert_logged(probe, model, rates)


@pytest.mark.parametrize("name", ["on_train_batch_begin", "on_train_batch_end"])
def test_what_is_set_beside_a_batch(drop_ins: Any, keras: Any, probe: Any, name: str) -> None:
    """Where the order of the callbacks hides what was applied, the logger raises; in the other order it is right."""
    for what, own in (("iterations", halved(keras)), ("learning rate", 0.5)):
        for first in (True, False):
            model, logger = compiled(probe, keras.optimizers.SGD(own)), drop_ins.LearningRateLogger()

            def change(batch: int, model: Any = model, what: str = what) -> None:
                if what == "learning rate":
                    model.optimizer.learning_rate = 0.5 / (batch + 2)
                elif batch == 1:
                    model.optimizer.iterations.assign(0)

            changes = hook(keras, name, change)
            callbacks = [logger, changes] if first else [changes, logger]
            # On JAX, what is set after a batch is lost before the logger brings the variables up to date.
            if first == (name == "on_train_batch_begin") and (first or backend() != "jax"):
                with pytest.raises(
                    RuntimeError, match=rf"the (optimizer's )?{what} .* Place LearningRateLogger after a callback"
                ):
                    fit(probe, model, 0, 5, callbacks)
            else:
                fit(probe, model, 0, 5, callbacks)
                assert_logged(probe, model, logger.rates)


def test_a_rate_that_a_scheduler_sets(drop_ins: Any, keras: Any, probe: Any) -> None:
    model, logger = compiled(probe, keras.optimizers.SGD(0.5)), drop_ins.LearningRateLogger()
    inputs, targets = probe.batches(0, 1, STEPS)
    callbacks = [logger, keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / 4.0**epoch)]
    model.fit(inputs, targets, epochs=3, verbose=0, callbacks=callbacks)
    assert logger.rates == [0.5, 0.125, 0.03125]
    assert float(probe.applied(model)[0]) == sum(logger.rates)


@pytest.mark.parametrize("first", [True, False], ids=["logger first", "logger last"])
def test_a_fit_that_goes_on_after_an_interruption(drop_ins: Any, keras: Any, probe: Any, tmp_path: Path, first: bool) -> None:
    """BackupAndRestore restores the counter when training begins."""

    def callbacks(logger: Any) -> list[Any]:
        path = tmp_path / ("backup.weights.h5" if hasattr(keras, "ops") else "backup")
        backup = keras.callbacks.BackupAndRestore(str(path.parent if not hasattr(keras, "ops") else path))
        return [logger, backup] if first else [backup, logger]

    def fail(epoch: int) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    inputs, targets = probe.batches(0, 4, STEPS)
    options = {"batch_size": 1, "epochs": 3, "shuffle": False, "verbose": 0}
    logger = drop_ins.LearningRateLogger()
    model = compiled(probe, keras.optimizers.SGD(halved(keras)))
    with pytest.raises(KeyboardInterrupt):
        model.fit(inputs, targets, callbacks=[*callbacks(logger), hook(keras, "on_epoch_begin", fail)], **options)
    model, began = compiled(probe, keras.optimizers.SGD(halved(keras))), []
    notes = hook(keras, "on_epoch_begin", lambda epoch: began.append(probe.applied(model)))
    model.fit(inputs, targets, callbacks=[*callbacks(logger), notes], **options)
    assert np.array(logger.rates[:4], np.float32).tobytes() == (began[1] - began[0])[:4].tobytes()
    assert logger.rates == [0.5 ** (step + 1) for step in range(4, 12)]


# --- rates that the compiled function does not know ------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
@pytest.mark.parametrize("seen", [True, False], ids=["a logger saw it", "no logger saw it"])
def test_a_schedule_that_replaces_another(drop_ins: Any, keras: Any, probe: Any, how: dict[str, bool], seen: bool) -> None:
    """The logger is right, or raises and says how to go on, and then it is right."""
    for sgd in generations(keras):
        model, logger = compiled(probe, sgd(halved(keras)), **how), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [logger] if seen else [])
        model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.75, 1, 0.5)
        applying = [0.75 * 0.5**step for step in range(4, 8)]
        if not (how == {"run_eagerly": True} or backend() == "torch" or hasattr(model.optimizer, "_current_learning_rate")):
            when = "with another learning rate" if seen else "before a LearningRateLogger saw"
            with pytest.raises(RuntimeError, match=rf"compiled {when}.*Set model.train_function = None"):
                fit(probe, model, 4, 8, [logger])
            model.train_function = None
            fit(probe, model, 4, 8, [logger])
            assert logger.rates == applying
        else:
            fit(probe, model, 4, 8, [logger])
        assert len(logger.rates) == 4
        assert np.array(logger.rates, np.float32).tobytes() == of_updates(probe, model)[4:8].tobytes()


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}], ids=str)
def test_a_drop_in_knows_whether_it_was_compiled(drop_ins: Any, keras: Any, probe: Any, how: dict[str, bool]) -> None:
    """The logger may come with a later fit, and raises only where the schedule was replaced since."""
    for sgd in generations(keras):
        made = [drop_ins.Triangular2CyclicalLearningRate(0.25, 0.5, size) for size in (2, 4)]
        model, logger = compiled(probe, sgd(made[0]), **how), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [])
        fit(probe, model, 4, 8, [logger])
        assert np.array(logger.rates, np.float32).tobytes() == of_updates(probe, model)[4:8].tobytes()
        model = compiled(probe, sgd(made[0]), **how)
        fit(probe, model, 0, 4, [])
        model.optimizer.learning_rate = made[1]
        if backend() == "torch" or hasattr(model.optimizer, "_current_learning_rate"):
            fit(probe, model, 4, 8, [logger])
            assert np.array(logger.rates, np.float32).tobytes() == of_updates(probe, model)[4:8].tobytes()
        else:
            with pytest.raises(RuntimeError, match=r"Set model.train_function = None"):
                fit(probe, model, 4, 8, [logger])


def test_the_same_schedule_raises_nothing_in_another_fit_and_logger(drop_ins: Any, keras: Any, probe: Any) -> None:
    for sgd in generations(keras):
        for rate in (halved(keras), 0.5):
            model = compiled(probe, sgd(rate))
            rates = []
            for start in (0, 4):
                logger = drop_ins.LearningRateLogger()
                fit(probe, model, start, start + 4, [logger])
                rates += logger.rates
            assert_logged(probe, model, rates)


def test_a_constant_that_nobody_saw_is_known(drop_ins: Any, keras: Any, probe: Any) -> None:
    for sgd in generations(keras):
        model, logger = compiled(probe, sgd(0.5)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [])
        model.optimizer.learning_rate = 0.25
        fit(probe, model, 4, 8, [logger])
        assert logger.rates == [0.25] * 4
        assert_logged(probe, model, [0.5] * 4 + logger.rates)


def test_a_function_that_changes_is_an_error(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    """The compiled function keeps the value that it was traced with."""
    sgd = generations(keras)[-1]
    model, logger = compiled(probe, sgd(lambda: 0.25)), drop_ins.LearningRateLogger()
    fit(probe, model, 0, 4, [logger])
    assert_logged(probe, model, logger.rates)
    if hasattr(sgd(0.1), "_hyper") or hasattr(keras, "ops"):  # new optimizers call it once
        values = iter(np.linspace(0.5, 0.25, 100).tolist())
        model = compiled(probe, sgd(lambda: next(values)))
        with pytest.raises(RuntimeError, match=r"the learning rate .*(is a function that returned|changed while)"):
            fit(probe, model, 0, 4, [logger])


def test_the_decay_of_legacy_optimizers(drop_ins: Any, keras: Any, probe: Any) -> None:
    sgd = generations(keras)[-1]
    if not hasattr(sgd(0.1), "_hyper"):
        pytest.skip("this Keras has no legacy optimizers")
    for rate in (0.5, halved(keras)):
        model, logger = compiled(probe, sgd(rate, decay=0.3)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 9, [logger])
        assert len(set(logger.rates)) == 9
        assert_logged(probe, model, logger.rates)


# --- optimizers elsewhere, inside others, and none -------------------------------------------------------------------


def elsewhere(keras: Any, tf: Any, probe: Any, own: Any) -> Any:
    """A probe that trains with an optimizer of its own, which it applies twice for each batch, to half the gradient."""

    class Model(keras.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> Any:
            weights = self.trainable_variables
            for _ in range(2):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_sum(self(data[0])) / 2
                self.own.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    model = Model(probe.model(STEPS).layers)
    model.own = own
    return model


def test_an_optimizer_that_the_model_holds_elsewhere(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    for sgd in generations(keras):
        own = sgd(halved(keras))
        model = elsewhere(keras, tf, probe, own)
        model.compile(optimizer=keras.optimizers.SGD(0.5))
        with pytest.raises(RuntimeError, match=r"model.optimizer made no step .* LearningRateLogger\(optimizer=...\)"):
            fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])
        logger = drop_ins.LearningRateLogger(optimizer=own)
        model.train_function = None
        fit(probe, model, 3, 6, [logger])
        # Each coordinate holds half of two rates.
        applied = probe.applied(model)[3:6] / LARGE
        assert len(logger.rates) == 6
        assert applied.tolist() == [(a + b) / 2 for a, b in zip(logger.rates[::2], logger.rates[1::2], strict=True)]


def test_no_optimizer_is_an_error(drop_ins: Any, keras: Any, probe: Any) -> None:
    logger = drop_ins.LearningRateLogger()
    logger.set_model(probe.model(STEPS))
    with pytest.raises(ValueError, match=r"model.optimizer is None: give .* LearningRateLogger\(optimizer=...\)"):
        logger.on_train_begin()


@pytest.mark.parametrize("wrapper", ["Lookahead", "MovingAverage", "SWA"])
@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "scaled"])
def test_tfa_wrappers(drop_ins: Any, keras: Any, tfa: Any, probe: Any, wrapper: str, scaled: bool) -> None:
    """Those that average keep the weights as they are until the end; Lookahead does within its period."""
    options = {"sync_period": STEPS} if wrapper == "Lookahead" else {}

    def trained(callbacks: list[Any]) -> Any:
        optimizer = getattr(tfa.optimizers, wrapper)(generations(keras)[-1](halved(keras)), **options)
        model = compiled(probe, loss_scaled(keras, optimizer, initial_scale=2.0**30) if scaled else optimizer)
        fit(probe, model, 0, 9, callbacks)
        return model

    logger = drop_ins.LearningRateLogger()
    model = trained([logger])
    assert len(logger.rates) == 9 - 3 * scaled
    assert_logged(probe, model, logger.rates)
    # Reading the inner optimizer's counter would create a variable that is then saved with the weights.
    assert len(model.optimizer.weights) == len(trained([]).optimizer.weights)


def test_tfa_optimizers_without_one_rate(drop_ins: Any, keras: Any, tfa: Any, probe: Any) -> None:
    sgd = generations(keras)[-1]
    model = probe.model(STEPS)
    several = tfa.optimizers.MultiOptimizer([(sgd(0.5), model.layers)])
    model.compile(optimizer=several, loss=probe.loss)
    with pytest.raises(TypeError, match="one learning rate, got MultiOptimizer, which holds several optimizers"):
        fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])
    if hasattr(tfa.optimizers, "COCOB"):
        model.compile(optimizer=tfa.optimizers.COCOB(), loss=probe.loss)
        with pytest.raises(TypeError, match="with a learning rate, got COCOB"):
            fit(probe, model, 0, 3, [drop_ins.LearningRateLogger()])


def test_two_replicas(drop_ins: Any, tf: Any) -> None:
    """Under MirroredStrategy, with a loss scale that skips steps."""
    rates = answer(child("logged"))
    assert rates["logged"] == [rate for rate in rates["applied"] if float.fromhex(rate)]
    assert 0 < len(rates["logged"]) < len(rates["applied"])


# --- the logs --------------------------------------------------------------------------------------------------------


def test_history_and_csv_see_it(drop_ins: Any, keras: Any, probe: Any, tmp_path: Path) -> None:
    """History in any case, CSVLogger where it comes after; an epoch has the rate of its last update."""
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    model = probe.model(STEPS)
    model.compile(optimizer=keras.optimizers.SGD(made), loss=probe.loss)
    inputs, targets = probe.batches(0, STEPS // 2, STEPS)
    history = model.fit(
        inputs,
        targets,
        batch_size=1,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[drop_ins.LearningRateLogger(), keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))],
    ).history
    last = [float(made.reference(STEPS // 2 - 1)), float(made.reference(STEPS - 1))]
    assert history["applied_learning_rate"] == last
    with (tmp_path / "log.csv").open() as lines:
        assert [float(line["applied_learning_rate"]) for line in csv.DictReader(lines)] == last


def test_tensorboard_sees_it(drop_ins: Any, keras: Any, tf: Any, probe: Any, tmp_path: Path) -> None:
    """Beside its own learning_rate, which is that of the next step."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed in this environment")
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    model = probe.model(STEPS)
    model.compile(optimizer=keras.optimizers.SGD(made), loss=probe.loss)
    inputs, targets = probe.batches(0, STEPS // 2, STEPS)
    callbacks = [drop_ins.LearningRateLogger(), keras.callbacks.TensorBoard(str(tmp_path), write_graph=False)]
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
    seen = {}
    for path in tmp_path.rglob("*tfevents*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if "learning_rate" in value.tag:
                    seen[value.tag] = float(tf.make_ndarray(value.tensor))
    assert np.float32(seen["epoch_applied_learning_rate"]) == made.reference(STEPS // 2 - 1)
    assert np.float32(seen["epoch_learning_rate"]) == made.reference(STEPS // 2)
