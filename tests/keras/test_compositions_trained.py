"""Optimizers apply the rates of schedules around schedules, log them, save them and go on with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.logged import STEPS, compiled, fit, generations, loss_scaled
from tests.keras.models import load_model, new_model, schedule_of, train
from tests.rates import assert_same_floats

HALF = STEPS // 2
T2 = clr_ref.triangular2(1e-3, 0.5, 3.3)
COMPOSED = {
    "WarmUp": clr_ref.WarmUp(T2, 9, 1e-4),
    "counting": clr_ref.WarmUp(T2, 9, 1e-4, counts_warm_up=True),
    "Shifted": clr_ref.Shifted(T2, 9),
    "CoolDown": clr_ref.CoolDown(T2, 18, 9, 1e-4),
    "nested": clr_ref.CoolDown(clr_ref.WarmUp(clr_ref.Shifted(T2, 3), 5), 25, 7, 0.0),
}


@pytest.fixture(params=COMPOSED)
def composed(request: pytest.FixtureRequest) -> Any:
    return COMPOSED[request.param]


def assert_rates(made: Any, found: Any, expected: Any, what: str) -> None:
    """On JAX without x64 they are within 2 ULP, as the schedule is."""
    __tracebackhide__ = True
    from clr_ref.keras import api
    from clr_ref.tensors import backends

    ulps = 0 if backends.OPS[api.BACKEND]().width == 64 else 2
    rates = np.asarray(found, np.float32)
    assert_same_floats(lambda index: f"step {index}", rates, np.asarray(expected, np.float32), what=what, ulps=ulps, of=made)


@pytest.mark.parametrize("how", [{}, {"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 5}], ids=str)
def test_applied_and_logged(drop_ins: Any, keras: Any, api: Any, probe: Any, composed: Any, how: dict[str, Any]) -> None:
    if "steps_per_execution" in how and api.BACKEND == "torch":
        pytest.skip("Keras refuses steps_per_execution on torch")
    made, logger = drop_ins.from_schedule(composed), drop_ins.LearningRateLogger()
    for kind in generations(keras):
        applied = probe.fit(kind(made), STEPS, callbacks=[logger], **how)
        assert_rates(composed, applied, composed.values(0, STEPS), "applied rates")
        assert_same_floats(lambda index: f"step {index}", np.float32(logger.rates), applied, what="logged rates", of=composed)


def test_scaled_losses(drop_ins: Any, keras: Any, probe: Any, composed: Any) -> None:
    applied = probe.fit(loss_scaled(keras, keras.optimizers.SGD(drop_ins.from_schedule(composed))), STEPS)
    assert_rates(composed, applied, composed.values(0, STEPS), "applied rates")


def test_accumulated_gradients(drop_ins: Any, keras: Any, api: Any, probe: Any, composed: Any) -> None:
    """With ``PerUpdate`` outside, steps of the composition are updates."""
    if not api.IS_KERAS_3:
        pytest.skip("this is about Keras 3")
    made = drop_ins.PerUpdate(drop_ins.from_schedule(composed), 2)
    applied = probe.fit(keras.optimizers.SGD(made, gradient_accumulation_steps=2), STEPS)
    assert_rates(composed, applied, composed.values(0, STEPS), "applied rates")


def test_the_logger_refuses_what_a_compiled_function_does_not_follow(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    """A drop-in inside two others changed after the train function was compiled."""
    inside = drop_ins.TriangularCyclicalLearningRate(0.25, 1.0, 4)
    made = drop_ins.WarmUp(drop_ins.Shifted(inside, 2), 3)
    for kind in generations(keras):
        model, logger = compiled(probe, kind(made)), drop_ins.LearningRateLogger()
        fit(probe, model, 0, 5, [logger])
        with pytest.warns(UserWarning, match="initial_learning_rate changed"):
            inside.initial_learning_rate = inside.initial_learning_rate / 2
        if hasattr(model.optimizer, "_current_learning_rate"):  # it stores the rate that it applied
            continue
        with pytest.raises(RuntimeError, match="train function was compiled with another learning rate"):
            fit(probe, model, 5, 6, [logger])


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.usefixtures("registries")
def test_saved_and_loaded(drop_ins: Any, keras: Any, tf: Any, api: Any, file: str, tmp_path: Path, name: str) -> None:
    """A model comes back with an equal schedule, in every format; also in PerUpdate, and around a schedule of Keras."""
    made = drop_ins.from_schedule(COMPOSED[name])
    if name == "nested":
        made = drop_ins.PerUpdate(made, 3)
    for number, kind in enumerate(generations(keras)):
        for schedule in (made, drop_ins.WarmUp(keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5), 3)):
            model = train(new_model(keras, kind(schedule)), 0, 8)
            path = str(tmp_path / f"{number}-{type(schedule).__name__}-{file}")
            model.save(path)
            if (loaded := load_model(keras, api, path, model)) is None:
                continue
            again = schedule_of(loaded.optimizer)
            assert type(again) is type(schedule)
            assert again.get_config() == schedule.get_config()
            assert [float(again(step)) for step in range(40)] == [float(schedule(step)) for step in range(40)]


def test_resumed(drop_ins: Any, keras: Any, probe: Any, composed: Any) -> None:
    """A new optimizer goes on at the step to which its iterations are set; with ``Shifted``, at its own step 0."""
    made = drop_ins.from_schedule(composed)
    first, second = compiled(probe, keras.optimizers.SGD(made)), compiled(probe, keras.optimizers.SGD(made))
    shifted = compiled(probe, keras.optimizers.SGD(drop_ins.Shifted(made, HALF)))
    fit_plain(probe, first, 0, HALF)
    second.optimizer.iterations.assign(HALF)
    fit_plain(probe, second, HALF, STEPS)
    fit_plain(probe, shifted, HALF, STEPS)
    assert_rates(composed, probe.applied(first)[:HALF], composed.values(0, HALF), "applied rates")
    for model in (second, shifted):
        assert_rates(composed, probe.applied(model)[HALF:], composed.values(HALF, STEPS), "applied rates of the second half")


def fit_plain(probe: Any, model: Any, start: int, stop: int) -> None:
    inputs, targets = probe.batches(start, stop, STEPS)
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0)
