"""Run by test_applied.py in processes of their own: the probe under a distribution strategy. Prints rates as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any


def main(role: str, steps: int) -> None:
    import tensorflow as tf

    if role == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
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
