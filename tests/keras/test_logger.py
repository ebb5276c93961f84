"""LearningRateLogger logs the rates that are applied, in its list and in the logs of fit."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.logged import STEPS, assert_same_logged, generations


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
    if made._ops.width == 64:
        assert_same_logged(made.reference, found, applied)


@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_the_mode_of_execution_is_that_of_fit(
    drop_ins: Any, keras: Any, tf: Any, probe: Any, arguments: dict[str, Any]
) -> None:
    """Under TFA's arithmetic every mode has its own bits."""
    made = drop_ins.Triangular2CyclicalLearningRate(1e-4, 1e-2, 33.3, arithmetic="tfa")
    found, applied = logged(drop_ins, probe, keras.optimizers.SGD(made), **arguments)
    assert_same_logged(made.reference, found, applied)


def test_a_constant_rate_and_keras_own_schedules(drop_ins: Any, keras: Any, probe: Any) -> None:
    for rate in (0.25, keras.optimizers.schedules.PiecewiseConstantDecay([9, 20], [0.5, 0.25, 0.125])):
        found, applied = logged(drop_ins, probe, keras.optimizers.SGD(rate))
        assert_same_logged(None, found, applied)


def test_the_steps_have_the_dtype_of_those_in_fit(drop_ins: Any, keras: Any, probe: Any) -> None:
    """Integers, except for the optimizers of Keras 2 that came first, which pass floats."""

    class OfIntegers(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return 0.5 if "int" in str(step.dtype) else 0.25

    for kind in generations(keras):
        found, applied = logged(drop_ins, probe, kind(OfIntegers()))
        assert_same_logged(None, found, applied)


def test_scaled_losses(drop_ins: Any, keras: Any, probe: Any) -> None:
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    found, applied = logged(drop_ins, probe, scaled(keras.optimizers.SGD(made)))
    assert_same_logged(made.reference, found, applied)


def test_one_rate_for_each_update_under_accumulation(drop_ins: Any, keras: Any, probe: Any) -> None:
    if not hasattr(keras, "ops"):
        pytest.skip("this is about Keras 3")
    made = drop_ins.PerUpdate(drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7), 2)
    found, applied = logged(drop_ins, probe, keras.optimizers.SGD(made, gradient_accumulation_steps=2))
    assert_same_logged(None, found, applied)


def test_the_second_fit_starts_a_new_list(drop_ins: Any, keras: Any, probe: Any) -> None:
    made = drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 7)
    model, logger = probe.model(STEPS), drop_ins.LearningRateLogger()
    model.compile(optimizer=keras.optimizers.SGD(made), loss=probe.loss)
    for start in (0, 20):
        inputs, targets = probe.batches(start, start + 20, STEPS)
        model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0, callbacks=[logger])
        assert_same_logged(made.reference, logger.rates, probe.applied(model)[start : start + 20], start)


def test_history_and_csv_see_it(drop_ins: Any, keras: Any, probe: Any, tmp_path: Path) -> None:
    """The log of an epoch, and CSVLogger where it comes after the logger, hold the rate of the last update."""
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
    """TensorBoard shows it beside its own learning_rate, which is that of the next step."""
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
