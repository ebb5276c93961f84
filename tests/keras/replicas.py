"""Trains the probe under a distribution strategy and prints the applied rates as JSON; the tests run it as a script."""

from __future__ import annotations

import json
import sys
from typing import Any


def main(role: str, steps: int) -> None:
    import tensorflow as tf

    if role != "worker":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
    if role == "logged":
        print(json.dumps(logged(tf, strategy, steps)))
        return
    if role == "momentum":
        print(json.dumps(momentum(strategy)))
        return
    how = {"fit": fit, "loop": loop} if role == "mirrored" else {"loop": loop}
    print(json.dumps({name: [float(rate).hex() for rate in run(tf, strategy, steps)] for name, run in how.items()}))


def made(strategy: Any, steps: int) -> tuple[Any, Any]:
    from clr_ref import keras as drop_ins
    from clr_ref.training import probe

    schedule = drop_ins.Triangular2CyclicalLearningRate(1e-4, 1e-2, 3.5)
    with strategy.scope():
        return probe.model(steps), drop_ins.keras.optimizers.SGD(schedule)


def fit(tf: Any, strategy: Any, steps: int) -> Any:
    from clr_ref.training import probe

    model, optimizer = made(strategy, steps)
    with strategy.scope():
        model.compile(optimizer=optimizer, loss=probe.loss)
    # Two equal rows to a batch, one for each replica, whose halves of the gradient add up to it.
    data = tf.data.Dataset.from_tensor_slices(probe.batches(0, steps, steps, copies=2)).batch(2)
    model.fit(data, verbose=0)
    return probe.applied(model)


def logged(tf: Any, strategy: Any, steps: int) -> dict[str, list[str]]:
    """The rates that are logged and those that are applied, where the loss scale skips the first steps."""
    from clr_ref import keras as drop_ins
    from clr_ref.training import probe

    keras, large = drop_ins.keras, 2.0**100
    model, optimizer = made(strategy, steps)
    scaled = getattr(keras.mixed_precision, "LossScaleOptimizer", None) or keras.optimizers.LossScaleOptimizer
    with strategy.scope():
        model.compile(optimizer=scaled(optimizer, initial_scale=2.0**30), loss=probe.loss)
    inputs, targets = probe.batches(0, steps, steps, copies=2)
    data = tf.data.Dataset.from_tensor_slices((inputs * large, targets)).batch(2)
    logger = drop_ins.LearningRateLogger()
    model.fit(data, verbose=0, callbacks=[logger])
    applied = probe.applied(model) / large
    return {name: [float(rate).hex() for rate in rates] for name, rates in (("applied", applied), ("logged", logger.rates))}


def momentum(strategy: Any) -> dict[str, list[str]]:
    """The weights of the probe of momentums, without and with Nesterov's."""
    from clr_ref import keras as drop_ins
    from tests.keras.momentum import few_digits

    with strategy.scope():
        return {
            str(nesterov): [weight.hex() for weight in few_digits(drop_ins, nesterov, copies=2)] for nesterov in (False, True)
        }


def loop(tf: Any, strategy: Any, steps: int) -> Any:
    from clr_ref.training import probe

    model, optimizer = made(strategy, steps)
    with strategy.scope():
        if hasattr(optimizer, "build"):
            optimizer.build(model.trainable_variables)

    def replica(row: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(row)) / strategy.num_replicas_in_sync
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    step = tf.function(lambda row: strategy.run(replica, args=(row,)), autograph=False)
    for row in probe.batches(0, steps, steps)[0]:
        step(tf.constant(row[None]))
    return probe.applied(model)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
