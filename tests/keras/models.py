"""A small model that the tests of saving train, and the formats in which each Keras saves it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest


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


def keras_release(api: Any) -> tuple[int, int]:
    major, minor = (int(part) for part in api.keras_version().split(".")[:2])
    return major, minor


def load_model(keras: Any, api: Any, path: str, model: Any) -> Any:
    """The model of a file that was saved; None where Keras cannot load it, with a constant rate either.

    Keras 2.13 and 2.14 build the optimizer of a .keras, which a legacy one cannot do.
    """
    if path.endswith(".keras") and keras_release(api) in ((2, 13), (2, 14)) and not hasattr(model.optimizer, "build"):
        for rate in (None, 0.1):
            if rate is not None:
                model.compile(type(model.optimizer)(rate), model.loss)
                model.save(path)
            with pytest.raises(AttributeError, match="has no attribute 'build'"):
                keras.models.load_model(path)
        return None
    return keras.models.load_model(path)


def formats(keras: Any, api: Any) -> tuple[str, ...]:
    if api.IS_KERAS_3:
        return ("model.keras", "model.h5")
    return ("model.keras", "model.h5", "saved_model") if keras_release(api) >= (2, 12) else ("model.h5", "saved_model")
