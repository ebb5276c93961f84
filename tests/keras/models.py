"""A small model that the tests of saving train, and the formats in which each Keras saves it."""

from __future__ import annotations

from typing import Any

import numpy as np


def schedule_of(optimizer: Any) -> Any:
    rate = getattr(optimizer, "_learning_rate", None)
    return optimizer._get_hyper("learning_rate") if rate is None else rate


def data(first: int, last: int) -> tuple[Any, Any]:
    x = (np.arange(60).reshape(20, 3) * 7 % 11 / 16 - 0.25).astype("float32")
    return x[first:last], x[first:last] @ np.array([[1.0], [-2.0], [0.5]], "float32")


def new_model(keras: Any, optimizer: Any) -> Any:
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[0.5], [0.25], [-0.75]], "float32"), np.array([0.125], "float32")])
    loss = keras.losses.MeanSquaredError()  # Keras 3 cannot load the name of a loss from .h5
    model.compile(optimizer=optimizer, loss=loss)
    return model


def train(model: Any, first: int, last: int, **arguments: Any) -> Any:
    x, y = data(first, last)
    model.fit(x, y, batch_size=1, shuffle=False, verbose=0, **arguments)
    return model


def formats(keras: Any, api: Any) -> tuple[str, ...]:
    if api.IS_KERAS_3:
        return ("model.keras", "model.h5")
    version = tuple(int(part) for part in api.keras_version().split(".")[:2])
    return ("model.keras", "model.h5", "saved_model") if version >= (2, 12) else ("model.h5", "saved_model")
