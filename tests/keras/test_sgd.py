"""SGD with a schedule as its momentum: the momentums that were applied, read off velocities, and the weights they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras import momentum as momentum_probe
from tests.keras.models import new_model, train
from tests.keras.momentum import FEW_DIGITS, exact_weights, few_digits
from tests.keras.test_applied import answer, child
from tests.rates import assert_same_rates

STEPS = 13
RATE = clr_ref.triangular(0.25, 1.0, step_size=3)
#: Against the rate: from 0.95 down to 0.85, then down to half of that.
MOMENTUM = clr_ref.triangular2(0.95, 0.85, step_size=3)


def scheduled(drop_ins: Any, momentum: clr_ref.CyclicalLearningRate = MOMENTUM, **more: Any) -> Any:
    return drop_ins.SGD(drop_ins.from_schedule(RATE), momentum=drop_ins.from_schedule(momentum), **more)


def skip_where_nothing_is_compiled(api: Any, compiled: dict[str, Any]) -> None:
    if api.BACKEND == "torch" and {"jit_compile", "steps_per_execution"} & compiled.keys():
        pytest.skip("on torch, Keras compiles no step, or needs a compiler for it")


def assert_momentums(api: Any, schedule: clr_ref.CyclicalLearningRate, steps: range, applied: Any) -> None:
    """They are those of the reference; on JAX without x64 within 2 ULP, as every drop-in."""
    __tracebackhide__ = True
    expected = schedule(np.asarray(steps))
    ulps = 2 if api.BACKEND == "jax" else 0
    assert_same_rates(schedule, steps, applied, expected, arithmetic="applied momentums", ulps=ulps)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("compiled", [{}, {"run_eagerly": True}, {"jit_compile": True}], ids=["fit", "eager", "xla"])
def test_each_update_applies_the_momentum_of_its_step(
    drop_ins: Any, keras: Any, api: Any, compiled: dict[str, Any], nesterov: bool
) -> None:
    skip_where_nothing_is_compiled(api, compiled)
    probe = momentum_probe.model(keras, scheduled(drop_ins, nesterov=nesterov), **compiled)
    momentums, weights = momentum_probe.applied(probe, STEPS)
    assert_momentums(api, MOMENTUM, range(STEPS), momentums)
    np.testing.assert_allclose(weights, momentums**2 if nesterov else momentums, rtol=1e-7 if nesterov else 0)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(
    "compiled",
    [{}, {"run_eagerly": True}, {"jit_compile": True}, {"steps_per_execution": 3}],
    ids=["fit", "eager", "xla", "several steps"],
)
def test_the_weights_are_those_of_exact_arithmetic(drop_ins: Any, api: Any, compiled: dict[str, Any], nesterov: bool) -> None:
    skip_where_nothing_is_compiled(api, compiled)
    assert few_digits(drop_ins, nesterov, **compiled) == exact_weights(*FEW_DIGITS, nesterov)


def test_weights_of_float64(drop_ins: Any) -> None:
    """The momentum and the rate are float32."""
    assert few_digits(drop_ins, dtype="float64") == exact_weights(*FEW_DIGITS)


@pytest.mark.programs
def test_mirrored_on_two_devices(drop_ins: Any, tf: Any) -> None:
    """The momentum advances once for each global step."""
    weights = answer(child("momentum"))
    for nesterov in (False, True):
        assert list(map(float.fromhex, weights[str(nesterov)])) == exact_weights(*FEW_DIGITS, nesterov)


@pytest.mark.parametrize("wrong", ["late", "early", "constant", "in phase"])
def test_other_momentums_lead_to_other_weights(wrong: str) -> None:
    momentum, rate = FEW_DIGITS
    others = {
        "late": lambda step: momentum(max(step - 1, 0)),
        "early": lambda step: momentum(step + 1),
        "constant": lambda step: momentum(0),
        "in phase": rate,
    }
    assert exact_weights(others[wrong], rate) != exact_weights(momentum, rate)


def test_in_a_custom_loop(drop_ins: Any, keras: Any, tf: Any, api: Any) -> None:
    """A function that is traced before the optimizer has its variables, and one that XLA compiles."""
    for jit_compile in (False, True):
        optimizer = scheduled(drop_ins)
        weight = tf.Variable([0.0])
        if jit_compile and hasattr(optimizer, "build"):
            optimizer.build([weight])

        @tf.function(jit_compile=jit_compile, autograph=False)
        def step(gradient: Any) -> None:
            optimizer.apply_gradients([(gradient, weight)])  # noqa: B023 - called in this turn alone

        if jit_compile and not hasattr(optimizer, "build"):
            optimizer._create_all_weights([weight])
        found = []
        for _ in range(STEPS):
            step(tf.constant([0.0]))
            slot = optimizer.momentums[0] if hasattr(optimizer, "momentums") else optimizer.get_slot(weight, "momentum")
            found.append(float(slot[0]))
            slot.assign([1.0])
        assert_momentums(api, MOMENTUM, range(1, STEPS), np.array(found[1:], np.float32))


@pytest.mark.parametrize("nesterov", [False, True])
def test_rows_of_an_embedding(drop_ins: Any, keras: Any, tf: Any, nesterov: bool) -> None:
    """Gradients that are IndexedSlices move the rows as in Keras's SGD with the same momentum as a number."""
    constant = clr_ref.triangular(0.75, 0.75, step_size=3)
    found = []
    for momentum in (drop_ins.from_schedule(constant), 0.75):
        optimizer = drop_ins.SGD(0.5, momentum=momentum, nesterov=nesterov)
        model = keras.Sequential([keras.layers.Embedding(4, 2, embeddings_initializer="ones")])
        model.compile(optimizer=optimizer, loss="mse")
        model.fit(
            np.array([[0], [1], [1], [3]]), np.zeros((4, 1, 2), np.float32), batch_size=2, shuffle=False, verbose=0, epochs=2
        )
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_number_trains_as_in_keras(drop_ins: Any, keras: Any, api: Any, nesterov: bool) -> None:
    """Ours with the number, and with a schedule that is always this number. On torch, Keras's own SGD rounds less often."""
    constant = drop_ins.from_schedule(clr_ref.triangular(0.875, 0.875, step_size=3))
    rate = drop_ins.from_schedule(RATE)
    optimizers = [
        keras.optimizers.SGD(rate, momentum=0.875, nesterov=nesterov),
        drop_ins.SGD(rate, momentum=0.875, nesterov=nesterov),
        drop_ins.SGD(rate, momentum=constant, nesterov=nesterov),
    ]
    theirs, *ours = (train(new_model(keras, optimizer), 0, 12).get_weights() for optimizer in optimizers)
    for weights in ours:
        for weight, other in zip(weights, theirs, strict=True):
            np.testing.assert_allclose(weight, other, rtol=1e-5 if api.BACKEND == "torch" else 0)


def test_a_schedule_that_begins_at_0(drop_ins: Any, keras: Any, api: Any) -> None:
    """Keras's own SGD makes no velocities for a momentum of 0."""
    rising = clr_ref.triangular(0.0, 0.5, step_size=3)
    momentums, _ = momentum_probe.applied(momentum_probe.model(keras, scheduled(drop_ins, rising)), STEPS)
    assert_momentums(api, rising, range(STEPS), momentums)


def test_scaled_losses(drop_ins: Any, keras: Any, api: Any) -> None:
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    probe = momentum_probe.model(keras, scaled(scheduled(drop_ins)))
    momentum_probe.fit(probe, 3)
    momentums, _ = momentum_probe.applied(probe, STEPS)
    assert_momentums(api, MOMENTUM, range(3, STEPS + 3), momentums)


def test_the_config_has_the_schedule(drop_ins: Any, keras: Any, api: Any) -> None:
    optimizer = scheduled(drop_ins, nesterov=True)
    again = drop_ins.SGD.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert again.get_config()["momentum"]["config"] == drop_ins.from_schedule(MOMENTUM).get_config()
    assert again.nesterov
    assert_momentums(api, MOMENTUM, range(5), momentum_probe.applied(momentum_probe.model(keras, again), 5)[0])


def test_the_config_has_a_number(drop_ins: Any) -> None:
    optimizer = drop_ins.SGD(0.5, momentum=0.25)
    assert optimizer.get_config()["momentum"] == 0.25
    assert float(drop_ins.SGD.from_config(optimizer.get_config()).momentum) == 0.25
    assert float(drop_ins.SGD.from_config({"learning_rate": 0.5}).momentum) == 0.0, "a config that is written by hand"
    assert drop_ins.SGD(0.5, momentum=1).get_config()["momentum"] == 1.0


def test_training_goes_on_after_loading(drop_ins: Any, keras: Any, api: Any, file: str, tmp_path: Path) -> None:
    if api.IS_KERAS_3 and file == "model.h5":
        pytest.skip("a model that Keras 3 loaded from .h5 refuses to train on, with any optimizer")
    model = new_model(keras, scheduled(drop_ins))
    train(model, 0, 8)
    model.save(str(tmp_path / file))
    loaded = keras.models.load_model(str(tmp_path / file))
    assert isinstance(loaded.optimizer, drop_ins.SGD)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    if int(np.asarray(loaded.optimizer.iterations)) == 8:  # a SavedModel, and .keras of TF 2.12, restore 0, with any rate
        for weight, other in zip(train(loaded, 8, 16).get_weights(), train(model, 8, 16).get_weights(), strict=True):
            np.testing.assert_array_equal(weight, other)
    else:
        assert file == "saved_model" or api.keras_version().startswith("2.12")


@pytest.mark.parametrize("wrong", [None, "schedule", True, lambda: 0.5])
def test_another_momentum_is_an_error(drop_ins: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"momentum must be a number from 0 to 1 or a Keras schedule, got"):
        drop_ins.SGD(0.1, momentum=wrong)


@pytest.mark.parametrize("wrong", [-0.5, 1.5, float("nan"), np.float32(2)])
def test_a_number_outside_its_range_is_an_error(drop_ins: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"momentum must be a number from 0 to 1 or a Keras schedule, got"):
        drop_ins.SGD(0.1, momentum=wrong)
    optimizer = drop_ins.SGD(0.1)
    with pytest.raises(ValueError, match="momentum must be a number from 0 to 1"):
        optimizer.momentum = wrong


def test_the_momentum_can_be_set(drop_ins: Any, keras: Any, api: Any) -> None:
    optimizer = drop_ins.SGD(0.5, momentum=0.5)
    optimizer.momentum = drop_ins.from_schedule(MOMENTUM)
    probe = momentum_probe.model(keras, optimizer)
    assert_momentums(api, MOMENTUM, range(4), momentum_probe.applied(probe, 4)[0])
    assert_momentums(api, MOMENTUM, range(4, 5), np.array([float(optimizer.momentum)], np.float32))


def test_the_logger_knows_its_rates(drop_ins: Any, keras: Any) -> None:
    from clr_ref.keras import optimizers as parts

    logger = drop_ins.LearningRateLogger()
    model = new_model(keras, scheduled(drop_ins))
    train(model, 0, 5, callbacks=[logger])
    assert logger.rates == RATE(np.arange(5)).tolist()
    assert parts.is_standard(model)
