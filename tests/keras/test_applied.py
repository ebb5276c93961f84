"""Optimizers apply the rates of the reference: the weights of a probe show each rate that was applied."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keras import models
from tests.rates import assert_same_rates

STEPS = 17  # two cycles and more
POLICIES = ["Triangular", "Triangular2", "Exponential"]


def schedule(drop_ins: Any, policy: str = "Triangular2", **more: Any) -> Any:
    gamma = {"gamma": 0.97} if policy == "Exponential" else {}
    return getattr(drop_ins, f"{policy}CyclicalLearningRate")(1e-4, 1e-2, 3.5, **gamma, **more)


def expected(made: Any, stop: int = STEPS) -> Any:
    return made.reference(np.arange(stop))


def assert_applied(made: Any, applied: Any) -> None:
    """The applied rates are those of the reference; on JAX without x64 they are within 2 ULP of it, as the schedule is."""
    __tracebackhide__ = True
    ulps = 0 if made._ops.width == 64 else 2
    assert_same_rates(made.reference, range(STEPS), applied, expected(made), arithmetic="applied rates", ulps=ulps)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 5}], ids=str)
def test_fit(drop_ins: Any, keras: Any, probe: Any, policy: str, arguments: dict[str, Any]) -> None:
    made = schedule(drop_ins, policy)
    if "steps_per_execution" in arguments and backend() == "torch":
        pytest.skip("Keras refuses steps_per_execution on torch")
    assert_applied(made, probe.fit(keras.optimizers.SGD(made), STEPS, **arguments))


def backend() -> str:
    from clr_ref.keras import api

    return api.BACKEND


@pytest.mark.parametrize("policy", POLICIES)
def test_legacy_optimizers(drop_ins: Any, keras: Any, probe: Any, policy: str) -> None:
    """The legacy optimizers of TF 2.11 to 2.15 and tf-keras, which count in float32, apply the same rates."""
    from clr_ref.keras import api

    if api.IS_KERAS_3 or not hasattr(keras.optimizers, "legacy"):
        pytest.skip("this Keras has one kind of optimizers")
    made = schedule(drop_ins, policy)
    assert_applied(made, probe.fit(keras.optimizers.legacy.SGD(made), STEPS))
    assert_applied(made, probe.fit(keras.optimizers.legacy.SGD(made), STEPS, jit_compile=True))


@pytest.mark.parametrize("how", ["eager", "function", "xla"])
@pytest.mark.parametrize("policy", POLICIES)
def test_custom_loop(drop_ins: Any, keras: Any, tf: Any, probe: Any, policy: str, how: str) -> None:
    made = schedule(drop_ins, policy)
    model, optimizer = probe.model(STEPS), keras.optimizers.SGD(made)

    def step(row: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(row))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))

    if how != "eager":
        prepare(optimizer, model)
        step = tf.function(step, jit_compile=how == "xla", autograph=False)
    for row in probe.batches(0, STEPS, STEPS)[0]:
        step(tf.constant(row[None]))
    assert_applied(made, probe.applied(model))


def prepare(optimizer: Any, model: Any) -> None:
    """Make an optimizer's variables outside of the function that is traced."""
    if hasattr(optimizer, "build"):
        optimizer.build(model.trainable_variables)
    else:
        assert optimizer.iterations is not None


def test_accumulation_in_a_custom_loop(drop_ins: Any, keras: Any, tf: Any, probe: Any) -> None:
    """With two gradients for each update, the rate advances with the updates."""
    made = schedule(drop_ins)
    model, optimizer = probe.model(STEPS), keras.optimizers.SGD(made)
    rows, total = probe.batches(0, STEPS, STEPS, copies=2)[0], None
    for batch, row in enumerate(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(row[None])) / 2
        found = tape.gradient(loss, model.trainable_variables)
        total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
        if batch % 2:
            optimizer.apply_gradients(zip(total, model.trainable_variables, strict=True))
            total = None
    assert_applied(made, probe.applied(model))


@pytest.fixture
def keras_3(keras: Any) -> Any:
    from clr_ref.keras import api

    if not api.IS_KERAS_3:
        pytest.skip("this is about Keras 3")
    return keras


def test_accumulation_by_keras(drop_ins: Any, keras_3: Any, probe: Any) -> None:
    """Keras 3 counts batches: update n of k batches gets the rate of step k n + k - 1; with ``PerUpdate`` that of step n."""
    every, made = 3, schedule(drop_ins)
    applied = probe.fit(keras_3.optimizers.SGD(made, gradient_accumulation_steps=every), STEPS)
    batches = made.reference(np.arange(every * STEPS))[every - 1 :: every]
    steps = np.arange(every - 1, every * STEPS, every)
    # The average of three gradients, 1/3 each, may be one rounding away from 1, and its product with the rate another.
    assert_same_rates(made.reference, steps, applied, batches, arithmetic="rates applied under accumulation", ulps=2)
    assert np.abs(applied - expected(made)).max() > 1e-3

    per_update = drop_ins.PerUpdate(made, 2)  # halves add up to 1 exactly
    assert_applied(made, probe.fit(keras_3.optimizers.SGD(per_update, gradient_accumulation_steps=2), STEPS))


@pytest.mark.parametrize("policy", POLICIES)
def test_scaled_losses(drop_ins: Any, keras: Any, probe: Any, policy: str) -> None:
    made = schedule(drop_ins, policy)
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    assert_applied(made, probe.fit(scaled(keras.optimizers.SGD(made)), STEPS))


def test_mixed_precision(drop_ins: Any, keras: Any, probe: Any) -> None:
    """Under mixed_float16 the variables and the rates stay float32."""
    before = keras.mixed_precision.dtype_policy() if hasattr(keras.mixed_precision, "dtype_policy") else None
    before = before if before is not None else keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        made = schedule(drop_ins)
        assert_applied(made, probe.fit(keras.optimizers.SGD(made), STEPS))
    finally:
        keras.mixed_precision.set_global_policy(before)


# --- saved in the middle ---------------------------------------------------------------------------------------------

HALF = 8


def train(model: Any, probe: Any, start: int, stop: int) -> None:
    """Train with the hinge loss, which every format can store: max(0, 1 + output) for a target of -1 has a gradient of 1."""
    inputs, targets = probe.batches(start, stop, STEPS)
    model.fit(inputs, targets - 1, batch_size=1, shuffle=False, verbose=0)


def half_trained(drop_ins: Any, keras: Any, probe: Any) -> tuple[Any, Any]:
    made = schedule(drop_ins)
    model = probe.model(STEPS)
    model.compile(optimizer=keras.optimizers.SGD(made), loss=keras.losses.Hinge())
    train(model, probe, 0, HALF)
    return made, model


def iterations(model: Any) -> int:
    return int(np.asarray(model.optimizer.iterations))


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "saved_model"])
def test_resumed_from_a_file(drop_ins: Any, keras: Any, api: Any, probe: Any, tmp_path: Path, name: str) -> None:
    """Keras restores the iterations from ``.keras`` (TF 2.13 and later) and ``.h5``. From a SavedModel, and from the ``.keras``
    of TF 2.12, it does not, with any learning rate: there, the count has to be put back by hand. A model that Keras 3 loaded
    from ``.h5`` refuses to train on, with any optimizer: there, it has to be given a new one.
    """
    if name not in models.formats(keras, api):
        pytest.skip(f"this Keras does not write {name}")
    made, model = half_trained(drop_ins, keras, probe)
    model.save(str(tmp_path / name))
    again = keras.models.load_model(str(tmp_path / name))
    kept = made.reference, range(STEPS), probe.applied(again), probe.applied(model)
    assert_same_rates(*kept, arithmetic="applied rates in the loaded weights")
    if hasattr(keras, "ops") and name == "model.h5":
        # The last is what Keras 3.8 to 3.12 say.
        with pytest.raises((ValueError, NotImplementedError), match=r"Unknown variable|optimizer_variables|only available"):
            train(keras.models.load_model(str(tmp_path / name)), probe, HALF, STEPS)
        again.compile(optimizer=keras.optimizers.SGD.from_config(again.optimizer.get_config()), loss=keras.losses.Hinge())
        again.optimizer.build(again.trainable_variables)
    if iterations(again) != HALF:
        assert name != "model.h5" or hasattr(keras, "ops")
        assert iterations(again) == 0
        again.optimizer.iterations.assign(HALF)
    train(again, probe, HALF, STEPS)
    assert_applied(made, probe.applied(again))


def test_resumed_from_a_checkpoint(drop_ins: Any, keras: Any, tf: Any, probe: Any, tmp_path: Path) -> None:
    """tf.train.Checkpoint of model and optimizer restores everything, on every TensorFlow."""
    made, model = half_trained(drop_ins, keras, probe)
    path = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(str(tmp_path / "checkpoint"))
    again = probe.model(STEPS)
    again.compile(optimizer=keras.optimizers.SGD(schedule(drop_ins)), loss=keras.losses.Hinge())
    if hasattr(again.optimizer, "build"):
        again.optimizer.build(again.trainable_variables)
    tf.train.Checkpoint(model=again, optimizer=again.optimizer).restore(path)
    assert iterations(again) == HALF
    train(again, probe, HALF, STEPS)
    assert_applied(made, probe.applied(again))


# --- more than one replica -------------------------------------------------------------------------------------------


def child(role: str, **environment: str) -> subprocess.Popen[str]:
    """A new process, since logical devices and clusters have to be set before TensorFlow starts."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("replicas.py")), role, str(STEPS)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    found: dict[str, list[str]] = json.loads(out.splitlines()[-1])
    return found


def assert_all_applied(made: Any, found: dict[str, list[str]]) -> None:
    for how, rates in found.items():
        applied = np.array([float.fromhex(rate) for rate in rates], np.float32)
        assert_same_rates(made.reference, range(STEPS), applied, expected(made), arithmetic=f"rates applied by {how}")


@pytest.mark.programs
def test_mirrored_on_two_devices(drop_ins: Any, tf: Any) -> None:
    """Rates advance once for each global step, under fit and in a custom loop."""
    found = answer(child("mirrored"))
    assert set(found) == {"fit", "loop"}
    assert_all_applied(schedule(drop_ins), found)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.mark.programs
def test_two_workers(drop_ins: Any, tf: Any) -> None:
    """Under MultiWorkerMirroredStrategy, both of two processes apply each rate once."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    workers = [
        child("worker", TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}))
        for index in range(2)
    ]
    try:
        found = [answer(worker) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert found[0] == found[1]
    assert_all_applied(schedule(drop_ins), found[0])


# --- TFA -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["Triangular", "Triangular2"])
@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}], ids=str)
def test_tfa_arithmetic_trains_as_tfa_does(
    drop_ins: Any, keras: Any, tfa: Any, probe: Any, policy: str, arguments: dict[str, Any]
) -> None:
    """TFA's schedule and ours with arithmetic "tfa" apply the same rates."""
    for optimizer in optimizers(keras):
        ours = schedule(drop_ins, policy, arithmetic="tfa")
        real = getattr(tfa.optimizers, f"{policy}CyclicalLearningRate")(1e-4, 1e-2, 3.5)
        applied = probe.fit(optimizer(ours), 200, **arguments)
        theirs = probe.fit(optimizer(real), 200, **arguments)
        assert_same_rates(ours.reference, range(200), applied, theirs, arithmetic="rates applied in TFA's arithmetic")


def test_where_tfas_exponential_class_cannot_train(drop_ins: Any, keras: Any, tfa: Any, probe: Any) -> None:
    """TFA's class fails with the int64 steps of new optimizers; ours takes these and the float32 steps of legacy ones."""
    for optimizer in optimizers(keras):
        ours = schedule(drop_ins, "Exponential", arithmetic="tfa")
        real = tfa.optimizers.ExponentialCyclicalLearningRate(1e-4, 1e-2, 3.5, gamma=0.97)
        applied = probe.fit(optimizer(ours), 200)
        if not hasattr(optimizer(0.1), "_decayed_lr"):  # a new one, which hands out int64 steps
            with pytest.raises(TypeError):
                probe.fit(optimizer(real), 200)
        else:
            theirs = probe.fit(optimizer(real), 200)
            assert_same_rates(ours.reference, range(200), applied, theirs, arithmetic="rates applied in TFA's arithmetic")


def optimizers(keras: Any) -> list[Callable[..., Any]]:
    legacy = getattr(keras.optimizers, "legacy", None)
    return [keras.optimizers.SGD] if legacy is None else [keras.optimizers.SGD, legacy.SGD]
