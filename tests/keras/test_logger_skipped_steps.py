"""LearningRateLogger logs nothing for a step that a loss scale skips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras.logged import LARGE, STEPS, assert_logged, assert_same_logged, compiled, fit, generations, halved, loss_scaled
from tests.keras.test_applied import answer, child


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
    """Six skips at the start are noticed. Two of four steps are noticed only where the counter stands still, as in Keras 3."""
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
    """CSVLogger needs an entry for every epoch."""
    model = compiled(probe, loss_scaled(keras, keras.optimizers.SGD(0.5), initial_scale=2.0**31))
    inputs, targets = probe.batches(0, 2, STEPS)
    callbacks = [drop_ins.LearningRateLogger(), keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))]
    history = model.fit(inputs * LARGE, targets, batch_size=1, epochs=3, shuffle=False, verbose=0, callbacks=callbacks).history
    assert np.isnan(history["applied_learning_rate"][0])
    assert history["applied_learning_rate"][2] == 0.5


@pytest.mark.programs
def test_two_replicas(drop_ins: Any, tf: Any) -> None:
    """Two replicas under MirroredStrategy log one rate for each update that the loss scale does not skip."""
    rates = answer(child("logged"))
    logged, applied = (np.array([float.fromhex(rate) for rate in rates[name]], np.float32) for name in ("logged", "applied"))
    assert_same_logged(None, logged, applied[applied != 0])
    assert 0 < len(logged) < len(applied)
