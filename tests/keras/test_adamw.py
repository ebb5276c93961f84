"""AdamW with a schedule as its weight decay: the decay that was applied, read off weights whose gradients are zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref

STEPS = 14


@pytest.fixture
def optimizers(drop_ins: Any) -> Any:
    """The module ``clr_ref.keras``, where Keras has AdamW."""
    if not hasattr(drop_ins.keras.optimizers, "AdamW"):
        pytest.skip("this tf.keras has no AdamW")
    return drop_ins


RATE = clr_ref.triangular(0.25, 1.0, step_size=3)
DECAY = clr_ref.triangular2(0.01, 0.2, step_size=2)


def scheduled(optimizers: Any) -> Any:
    return optimizers.AdamW(optimizers.from_schedule(RATE), weight_decay=optimizers.from_schedule(DECAY))


def trained(keras: Any, optimizer: Any, updates: int, **compiled: Any) -> Any:
    """A model of one weight, 1 at first, after updates with a zero gradient: each multiplies it by 1 - rate * decay."""
    model = keras.Sequential([keras.layers.InputLayer((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer=optimizer, loss=lambda _, output: 0.0 * output, **compiled)
    rows = np.ones((updates, 1), np.float32)
    model.fit(rows, rows, batch_size=1, verbose=0)
    return model


def expected(decay_steps: Any) -> float:
    """The weight after one update for each of these steps of the decay."""
    rates, decays = RATE(np.arange(len(decay_steps))), DECAY(np.asarray(decay_steps))
    return float(np.prod(1 - rates.astype(float) * decays.astype(float)))


@pytest.mark.parametrize(
    "compiled",
    [{}, {"run_eagerly": True}, {"jit_compile": True}, {"steps_per_execution": 4}],
    ids=["fit", "eager", "xla", "several steps"],
)
def test_each_update_applies_the_decay_of_its_step(optimizers: Any, api: Any, compiled: dict[str, Any]) -> None:
    if api.BACKEND == "torch" and {"jit_compile", "steps_per_execution"} & compiled.keys():
        pytest.skip("on torch, Keras compiles no step, or needs a compiler for it")
    model = trained(optimizers.keras, scheduled(optimizers), STEPS, **compiled)
    assert model.get_weights()[0].item() == pytest.approx(expected(range(STEPS)), rel=3e-6)


@pytest.mark.parametrize("wrong", [range(1, STEPS + 1), [0] * STEPS], ids=["one step ahead", "constant"])
def test_other_decays_give_another_weight(wrong: Any) -> None:
    """The probe sees a shift by one step, and a decay that stays as it was when the step was compiled."""
    assert abs(expected(wrong) / expected(range(STEPS)) - 1) > 1e-3


def test_a_number_decays_as_in_keras(optimizers: Any) -> None:
    keras = optimizers.keras
    ours = trained(keras, optimizers.AdamW(optimizers.from_schedule(RATE), weight_decay=0.125), STEPS)
    theirs = trained(keras, keras.optimizers.AdamW(optimizers.from_schedule(RATE), weight_decay=0.125), STEPS)
    assert ours.get_weights() == theirs.get_weights()


def test_training_goes_on_after_loading(optimizers: Any, tmp_path: Path) -> None:
    model = trained(optimizers.keras, scheduled(optimizers), 5)
    model.compile(optimizer=model.optimizer, loss="mse")
    model.save(tmp_path / "model.keras")
    loaded = optimizers.keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, optimizers.AdamW)
    loaded.compile(optimizer=loaded.optimizer, loss=lambda _, output: 0.0 * output)
    rows = np.ones((STEPS - 5, 1), np.float32)
    loaded.fit(rows, rows, batch_size=1, verbose=0)
    assert loaded.get_weights()[0].item() == pytest.approx(expected(range(STEPS)), rel=3e-6)


def test_the_config_has_the_schedule(optimizers: Any) -> None:
    decay = optimizers.from_schedule(DECAY)
    optimizer = optimizers.AdamW(weight_decay=decay, beta_1=0.8)
    assert optimizer.get_config()["weight_decay"]["config"] == decay.get_config()
    loaded = optimizers.AdamW.from_config(optimizer.get_config())
    assert loaded.get_config() == optimizer.get_config()
    assert optimizers.AdamW.from_config(optimizers.AdamW(weight_decay=0.5).get_config()).weight_decay == 0.5
    assert optimizers.AdamW.from_config({"learning_rate": 0.1}).weight_decay == 0.004, "a config that is written by hand"


@pytest.mark.parametrize("wrong", [None, "schedule", True, lambda step: step])
def test_another_weight_decay_is_an_error(optimizers: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"weight_decay must be a number or a Keras schedule, got"):
        optimizers.AdamW(weight_decay=wrong)


def test_the_logger_knows_its_rates(optimizers: Any) -> None:
    from clr_ref.keras import optimizers as parts

    logger = optimizers.LearningRateLogger()
    model = trained(optimizers.keras, scheduled(optimizers), 1)
    rows = np.ones((4, 1), np.float32)
    model.fit(rows, rows, batch_size=1, verbose=0, callbacks=[logger])
    assert logger.rates == RATE(np.arange(1, 5)).tolist()
    assert parts.is_standard(model)  # a batch is one step of it, as the logger has to know under mixed precision


def test_keras_without_adamw_is_a_clear_error(drop_ins: Any) -> None:
    if hasattr(drop_ins.keras.optimizers, "AdamW"):
        pytest.skip("this Keras has AdamW")
    with pytest.raises(RuntimeError, match=r"TF 2\.12"):
        drop_ins.AdamW()
