"""The probe under MirroredStrategy on two logical CPUs, in a process of its own: devices are set before TensorFlow starts."""

import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from clr_ref.keras.api import IS_KERAS_3, keras  # noqa: E402
from clr_ref.range_test import range_test, rates  # noqa: E402
from tests.range_test import probe  # noqa: E402

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
expected = rates(1e-4, 3.0, probe.LENGTH)
for name, make in probe.optimizers(keras, legacy=not IS_KERAS_3).items():
    with strategy.scope():
        model = probe.model(keras, make())
    found = range_test(
        model, probe.unit_vectors(size=4), minimal_learning_rate=1e-4, maximal_learning_rate=3.0, steps=probe.LENGTH
    )
    assert (-model.seen[-1]).tobytes() == expected.tobytes(), (name, model.seen[-1], expected)
    assert found.rates.tobytes() == expected.tobytes(), name
    assert not probe.kernel(model).any(), name

# Each replica sees its own half of a batch, as in fit: the losses are those of the whole, and weights come back.
seen = []


class Spy(keras.Sequential):
    """Notes how many rows a replica is given."""

    def train_step(self, data):
        seen.append(int(data[0].shape[0]))
        return super().train_step(data)


with strategy.scope():
    model = Spy([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
x = np.arange(24, dtype=np.float32).reshape(8, 3) / 24
y = np.zeros((8, 1), np.float32)
before = [array.copy() for array in model.get_weights()]
found = range_test(model, x, y, batch_size=8, minimal_learning_rate=1e-3, maximal_learning_rate=0.1, steps=12)
first = float(np.mean((x @ before[0] + before[1] - y) ** 2))
assert set(seen) == {4}, seen
assert abs(found.losses[0] - first) < 1e-5 * first, (found.losses[0], first)
assert found.losses[-1] < 0.6 * first, found.losses
assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
print("mirrored: holds")
