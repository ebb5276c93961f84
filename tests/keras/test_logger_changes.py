"""LearningRateLogger is right, or raises, where callbacks or users change the counter, the rate or the schedule."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.logged import STEPS, assert_logged, assert_same_logged, compiled, fit, generations, halved, hook, of_updates
from tests.keras.test_applied import backend


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
    """In the order of callbacks that hides what was applied, the logger raises; in the other order it is right."""
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


@pytest.mark.parametrize("batch", range(1, 5))
def test_a_counter_that_is_moved_on_inside_a_batch(drop_ins: Any, keras: Any, probe: Any, batch: int) -> None:
    """Whichever batch it is, it makes one step, and not two."""
    model, logger = compiled(probe, keras.optimizers.SGD(halved(keras))), drop_ins.LearningRateLogger()

    def move(number: int) -> None:
        if number == batch:
            model.optimizer.iterations.assign(batch + 1)

    with pytest.raises(RuntimeError, match=rf"iterations went from {batch} to {batch + 2} while a batch was trained"):
        fit(probe, model, 0, 5, [logger, hook(keras, "on_train_batch_begin", move)])
    assert len(logger.rates) == batch


def test_a_counter_that_is_moved_on_after_the_last_execution_of_an_epoch(drop_ins: Any, keras: Any, probe: Any) -> None:
    if backend() == "torch":
        pytest.skip("Keras refuses steps_per_execution on torch")
    model = compiled(probe, keras.optimizers.SGD(halved(keras)), steps_per_execution=2)
    logger = drop_ins.LearningRateLogger()
    fit(probe, model, 0, 4, [logger, hook(keras, "on_train_batch_end", lambda _: model.optimizer.iterations.assign(9))])
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
    assert_same_logged(None, logger.rates[:4], (began[1] - began[0])[:4])
    assert logger.rates == [0.5 ** (step + 1) for step in range(4, 12)]


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
@pytest.mark.parametrize("seen", [True, False], ids=["a logger saw it", "no logger saw it"])
def test_a_schedule_that_replaces_another(drop_ins: Any, keras: Any, probe: Any, how: dict[str, bool], seen: bool) -> None:
    """The logger is right, or raises an error that says how to go on, and is right afterwards."""
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
        assert_same_logged(None, logger.rates, of_updates(probe, model)[4:8], 4)


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}], ids=str)
def test_a_drop_in_knows_whether_it_was_compiled(drop_ins: Any, keras: Any, probe: Any, how: dict[str, bool]) -> None:
    """A logger of a later fit raises only where the schedule was replaced since the compilation."""
    for sgd in generations(keras):
        made = [drop_ins.Triangular2CyclicalLearningRate(0.25, 0.5, size) for size in (2, 4)]
        model, logger = compiled(probe, sgd(made[0]), **how), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [])
        fit(probe, model, 4, 8, [logger])
        assert_same_logged(None, logger.rates, of_updates(probe, model)[4:8], 4)
        model = compiled(probe, sgd(made[0]), **how)
        fit(probe, model, 0, 4, [])
        model.optimizer.learning_rate = made[1]
        if backend() == "torch" or hasattr(model.optimizer, "_current_learning_rate"):
            fit(probe, model, 4, 8, [logger])
            assert_same_logged(None, logger.rates, of_updates(probe, model)[4:8], 4)
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


def test_a_constant_that_no_logger_saw_is_known(drop_ins: Any, keras: Any, probe: Any) -> None:
    for sgd in generations(keras):
        model, logger = compiled(probe, sgd(0.5)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [])
        model.optimizer.learning_rate = 0.25
        fit(probe, model, 4, 8, [logger])
        assert logger.rates == [0.25] * 4
        assert_logged(probe, model, [0.5] * 4 + logger.rates)


def test_a_function_that_changes_is_an_error(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    """A function as a rate raises an error when its value changes, since the compiled function keeps the first value."""
    sgd = generations(keras)[-1]
    model, logger = compiled(probe, sgd(lambda: 0.25)), drop_ins.LearningRateLogger()
    fit(probe, model, 0, 4, [logger])
    assert_logged(probe, model, logger.rates)
    if hasattr(sgd(0.1), "_hyper") or hasattr(keras, "ops"):  # new optimizers call it once
        values = iter(np.linspace(0.5, 0.25, 100).tolist())
        model = compiled(probe, sgd(lambda: next(values)))
        with pytest.raises(RuntimeError, match=r"the learning rate .*(is a function that returned|changed while)"):
            fit(probe, model, 0, 4, [logger])


@pytest.mark.parametrize("eager", [True, False])
def test_a_function_that_changes_between_batches_is_an_error_if_it_is_compiled(
    drop_ins: Any, keras: Any, tf: Any, probe: Any, eager: bool
) -> None:
    sgd = generations(keras)[-1]
    if not (hasattr(sgd(0.1), "_hyper") or hasattr(keras, "ops")):
        return  # new optimizers call it once
    value = 0.5

    class Change(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            nonlocal value
            value = 0.5 if batch < 2 else 0.25

    model, logger = compiled(probe, sgd(lambda: value), run_eagerly=eager), drop_ins.LearningRateLogger()
    if eager:
        fit(probe, model, 0, 4, [Change(), logger])
        assert logger.rates == [0.5, 0.5, 0.25, 0.25]
        assert_logged(probe, model, logger.rates)
    else:
        with pytest.raises(RuntimeError, match=r"is a function that returned 0\.5 and then 0\.25: a compiled train function"):
            fit(probe, model, 0, 4, [Change(), logger])


@pytest.mark.parametrize("seen", [True, False], ids=["a logger saw it", "no logger saw it"])
def test_a_schedule_that_another_model_compiled_proves_nothing(drop_ins: Any, keras: Any, probe: Any, seen: bool) -> None:
    """The usual cross-validation gives one schedule to many models."""
    from clr_ref.keras import optimizers

    shared, own = (drop_ins.Triangular2CyclicalLearningRate(0.25, 0.5, size) for size in (2, 4))
    fit(probe, compiled(probe, keras.optimizers.SGD(shared)), 0, 4, [drop_ins.LearningRateLogger()] if seen else [])
    model, logger = compiled(probe, keras.optimizers.SGD(own)), drop_ins.LearningRateLogger()
    if optimizers.is_legacy(model.optimizer):
        pytest.skip("legacy optimizers call a schedule with a tensor, which says nothing of the optimizer")
    fit(probe, model, 0, 4, [])
    model.optimizer.learning_rate = shared
    if backend() == "torch" or hasattr(model.optimizer, "_current_learning_rate"):
        fit(probe, model, 4, 8, [logger])
    else:
        with pytest.raises(RuntimeError, match=r"Set model.train_function = None"):
            fit(probe, model, 4, 8, [logger])
        model.train_function = None
        fit(probe, model, 4, 8, [logger])
    assert_same_logged(None, logger.rates, of_updates(probe, model)[4:8], 4)


def test_a_schedule_that_changed_is_known_after_the_next_compilation(drop_ins: Any, keras: Any, probe: Any) -> None:
    """As the warning says: call model.compile again. Other models may keep the earlier rates."""
    from clr_ref.keras import optimizers

    made = drop_ins.Triangular2CyclicalLearningRate(0.25, 0.5, 2)
    for sgd in generations(keras):
        first, model = compiled(probe, sgd(made)), compiled(probe, sgd(made))
        for each in (first, model):
            fit(probe, each, 0, 4, [])
        with warnings.catch_warnings(record=True):
            made.step_size = made.step_size + 2
        model.compile(optimizer=sgd(made), loss=probe.loss)
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
        logger, ends = drop_ins.LearningRateLogger(), []
        fit(probe, model, 0, 4, [])
        at_end = drop_ins.AtCycleEnd(lambda model, cycle, ends=ends: ends.append(cycle))
        fit(probe, model, 4, 20, [at_end])
        assert ends == list(range(1, 1 + len(made.reference.cycle_ends(20))))
        if not optimizers.is_legacy(model.optimizer):  # which cannot be told apart
            fit(probe, model, 20, 24, [logger])
            assert_same_logged(None, logger.rates, of_updates(probe, model)[20:24], 20)


@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}], ids=str)
@pytest.mark.parametrize("first", [True, False], ids=["logger first", "logger last"])
def test_a_variable_that_is_set_after_a_batch(
    drop_ins: Any, keras: Any, tf: Any, probe: Any, how: dict[str, bool], first: bool
) -> None:
    maximal = tf.Variable(1.0)
    made = drop_ins.TriangularCyclicalLearningRate(0.25, maximal, 4, arithmetic="tfa")
    model, logger = compiled(probe, keras.optimizers.SGD(made), **how), drop_ins.LearningRateLogger()
    lower = hook(keras, "on_train_batch_end", lambda batch: maximal.assign(1 / (batch + 2)))
    if first:
        fit(probe, model, 0, 5, [logger, lower])
        assert_logged(probe, model, logger.rates)
    else:
        with pytest.raises(RuntimeError, match="the learning rate changed while a batch was trained"):
            fit(probe, model, 0, 5, [lower, logger])


def test_rates_are_logged_in_the_dtype_of_the_weights(drop_ins: Any, keras: Any, api: Any, probe: Any) -> None:
    """Optimizers round a rate to it before they apply one."""
    if backend() == "jax":
        pytest.skip("JAX without x64 has no float64 schedules")
    for sgd in generations(keras):
        wide = drop_ins.TriangularCyclicalLearningRate(np.float64(0.1), 0.7, 3)
        model, logger = compiled(probe, sgd(wide)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 4, [logger])
        assert logger.rates == [float(np.float32(rate)) for rate in (0.1, 0.3, 0.5, 0.7)]
    if not api.IS_KERAS_3:
        return
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, dtype="bfloat16")])
    model.compile(keras.optimizers.SGD(drop_ins.TriangularCyclicalLearningRate(0.1, 0.7, 3)), "mse")
    model.fit(np.ones((2, 1)), np.ones((2, 1)), batch_size=1, verbose=0, callbacks=[logger])
    assert logger.rates == [0.10009765625, 0.30078125]  # with 8 bits


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_a_line_to_a_rate_of_variables_is_not_compiled(
    drop_ins: Any, keras: Any, tf: Any, probe: Any, how: dict[str, bool]
) -> None:
    """A compiled function would keep the rate at which the line begins."""
    maximal = tf.Variable(1.0)
    inside = drop_ins.TriangularCyclicalLearningRate(0.25, maximal, 2, arithmetic="tfa")
    for around in (drop_ins.CoolDown(inside, 2, 4, 0.0), drop_ins.WarmUp(inside, 2, 0.125)):
        model = compiled(probe, keras.optimizers.SGD(around), **how)
        if how.get("run_eagerly"):
            logger = drop_ins.LearningRateLogger()
            fit(probe, model, 0, 5, [logger, hook(keras, "on_train_batch_end", lambda batch: maximal.assign(0.5))])
            assert_logged(probe, model, logger.rates)
        else:
            with pytest.raises(ValueError, match="schedule must have numbers where a line begins or ends, at step"):
                fit(probe, model, 0, 5, [])
    fit(probe, compiled(probe, keras.optimizers.SGD(drop_ins.Shifted(inside, 2)), **how), 0, 5, [])
