"""Patterns of ``real_code`` with a scale function that has no name: configs, copies and files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

from tests.keras.models import new_model, train
from tests.keras.real_code import close, fitted, halving, pattern, triangular, unnamed

# --- configs and copies of a schedule with a lambda --------------------------------------------------------------------


@pattern("lambda: `from_config(get_config())`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    assert type(schedule).from_config(schedule.get_config()).scale_fn is schedule.scale_fn


@pattern("lambda: `schedules.deserialize(schedules.serialize(schedule))`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    schedule = unnamed(clr)
    schedules = keras.optimizers.schedules
    assert schedules.deserialize(schedules.serialize(schedule)).scale_fn is schedule.scale_fn


@pattern("lambda: `optimizer.from_config(optimizer.get_config())`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    optimizer = keras.optimizers.Adam(unnamed(clr))
    train(new_model(keras, type(optimizer).from_config(optimizer.get_config())), 0, 3)


@pattern("lambda: `clone_model(model)`, `model.to_json()`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    model = fitted(keras, unnamed(clr))
    keras.models.clone_model(model)
    keras.models.model_from_json(model.to_json())


@pattern("lambda: `copy.deepcopy(schedule)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    close(copy.deepcopy(unnamed(clr))(4), 1e-1)


@pattern("lambda: `copy.deepcopy(optimizer)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    train(new_model(keras, copy.deepcopy(keras.optimizers.Adam(unnamed(clr)))), 0, 3)


@pattern("lambda: `copy.deepcopy(model)`, `pickle.dumps(model)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    model = fitted(keras, unnamed(clr))
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        train(again, 4, 6)


@pattern("function of a module: `pickle.dumps(schedule)`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    close(pickle.loads(pickle.dumps(clr.CyclicalLearningRate(1e-3, 1e-1, 4, halving)))(4), 1e-1)


@pattern("`pickle.dumps` of a Triangular or Triangular2")
def _(clr: Any, keras: Any, folder: Path) -> None:
    close(pickle.loads(pickle.dumps(triangular(clr)))(4), 1e-1)


# --- saving a schedule with a lambda -----------------------------------------------------------------------------------


def checkpoint(keras: Any, schedule: Any, path: Path) -> Any:
    callback = keras.callbacks.ModelCheckpoint(str(path))
    return fitted(keras, schedule, epochs=2, callbacks=[callback])


@pattern('lambda: `ModelCheckpoint("model.h5")`, then `load_model(compile=False)`')
def _(clr: Any, keras: Any, folder: Path) -> None:
    checkpoint(keras, unnamed(clr), folder / "model.h5")
    keras.models.load_model(str(folder / "model.h5"), compile=False)


@pattern('lambda: `ModelCheckpoint("model.keras")`, then `load_model(compile=False)`')
def _(clr: Any, keras: Any, folder: Path) -> None:
    checkpoint(keras, unnamed(clr), folder / "model.keras")
    keras.models.load_model(str(folder / "model.keras"), compile=False)


@pattern('lambda: `model.save("folder")`, a SavedModel, then `load_model(compile=False)`')
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, unnamed(clr)).save(str(folder / "model"))
    keras.models.load_model(str(folder / "model"), compile=False)


@pattern('lambda: `load_model("model.keras")`')
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, unnamed(clr)).save(str(folder / "model.keras"))
    keras.models.load_model(str(folder / "model.keras"))


@pattern('lambda: `load_model("model.keras", custom_objects={"<lambda>": f})`')
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, unnamed(clr)).save(str(folder / "model.keras"))
    train(keras.models.load_model(str(folder / "model.keras"), custom_objects={"<lambda>": halving}), 4, 6)


@pattern("lambda: `save_weights` and `load_weights`")
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, unnamed(clr)).save_weights(str(folder / "model.weights.h5"))
    new_model(keras, keras.optimizers.SGD(unnamed(clr))).load_weights(str(folder / "model.weights.h5"))


@pattern("lambda: `tf.train.Checkpoint(model=model, optimizer=optimizer)`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    import tensorflow as tf

    model = fitted(keras, unnamed(clr))
    path = tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(str(folder / "state"))
    again = new_model(keras, keras.optimizers.SGD(learning_rate=unnamed(clr)))
    tf.train.Checkpoint(model=again, optimizer=again.optimizer).restore(path).expect_partial()
    assert int(again.optimizer.iterations.numpy()) == 4


@pattern("lambda: `BackupAndRestore`", tensorflow=True)
def _(clr: Any, keras: Any, folder: Path) -> None:
    fitted(keras, unnamed(clr), epochs=2, callbacks=[keras.callbacks.BackupAndRestore(str(folder / "backup"))])
