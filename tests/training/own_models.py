"""Train models of one's own in this process, and write what happened as JSON: ``python -m tests.training.own_models FOLDER``"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import clr_ref
from clr_ref.training import determinism, experiment
from clr_ref.training.checkpoint import CheckpointError
from clr_ref.training.compiled import ModelError
from clr_ref.training.samples import Samples

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
DATA = Samples(X, X[:, :2])
TWO = Samples(X, (X[:, :2], X[:, 1:]))


def model(rate: Any = 0.125, *, units: int = 4, loss: Any = "mse", momentum: float = 0.5, dropout: float = 0.25) -> Any:
    from clr_ref.keras.api import keras

    dense = [keras.layers.Dense(units), keras.layers.Dropout(dropout), keras.layers.Dense(2)]
    made = keras.Sequential([keras.layers.Input((3,)), *dense])
    made.compile(keras.optimizers.SGD(rate, momentum=momentum), loss)
    return made


def functional() -> Any:
    """A model whose config refers to layers by their names, of which one is also the name of an activation."""
    from clr_ref.keras.api import keras

    inputs = keras.Input((3,))
    first = keras.layers.Dense(4, activation="relu")(inputs)
    second = keras.layers.Lambda(lambda value: value * 2)(keras.layers.Dense(4, name="relu")(first))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    made = keras.Model(inputs, keras.layers.Dense(2)(inner(first + second)))
    (name,) = made.output_names
    made.compile("sgd", {name: "mse"}, loss_weights={name: 0.5})
    return made


def decay(rate: float) -> Any:
    from clr_ref.keras.api import keras

    return keras.optimizers.schedules.CosineDecay(rate, 8)


def train(build: Callable[[], Any], schedule: Any = None, *, data: Samples = DATA, **more: Any) -> Any:
    chosen = experiment.Experiment(schedule, epochs=2, batch_size=5, model="own")
    return experiment.run(chosen, data, data, build=build, **more)


def resumed(folder: Path) -> dict[str, Any]:
    """Each model, after half of a run of the first one of its group: at which step it resumed, or what differs."""
    from clr_ref.keras.api import keras

    others: dict[str, Callable[[], Any]] = {
        "rate": lambda: model(0.5),
        "momentum": lambda: model(momentum=0.75),
        "loss": lambda: model(loss="mae"),
        "dropout": lambda: model(dropout=0.5),
        "units": lambda: model(units=5),
        "schedule": lambda: model(decay(0.5)),
        "the same": model,
    }
    groups: dict[str, tuple[Callable[[], Any], dict[str, Callable[[], Any]]]] = {
        "model": (model, others),
        "decay": (
            lambda: model(decay(0.5)),
            {"another decay": lambda: model(decay(0.25)), "the same decay": lambda: model(decay(0.5))},
        ),
        "graph": (functional, {"the same graph": functional}),
        "function": (
            lambda: model(loss=squared),
            {"function": lambda: model(loss=fourth_power), "the same function": lambda: model(loss=squared)},
        ),
        "losses": (lambda: two_losses(0.5), {"weights": lambda: two_losses(0.25), "the same losses": lambda: two_losses(0.5)}),
    }
    if hasattr(keras.optimizers, "AdamW"):
        names = ["head", "x", "y"]  # a set of them has another order in each process
        groups["exclusion"] = (
            lambda: excluded(names),
            {"exclusion": lambda: excluded(["x"]), "the same exclusion": lambda: excluded(names[::-1])},
        )
    found: dict[str, Any] = {}
    for name, (first, builds) in groups.items():
        more = {"folder": str(folder / name), "until": 4, "data": TWO if name == "losses" else DATA}
        train(first, **more)
        for what, build in builds.items():
            try:
                found[what] = train(build, **more).resumed_at
            except CheckpointError as error:
                found[what] = str(error)
    return found


def squared(expected: Any, found: Any) -> Any:
    return (expected - found) ** 2


def fourth_power(expected: Any, found: Any) -> Any:
    return (expected - found) ** 4


def two_losses(weight: float) -> Any:
    from clr_ref.keras.api import keras

    inputs = keras.Input((3,))
    made = keras.Model(inputs, [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)])
    made.compile("sgd", ["mse", "mse"], loss_weights=[1.0, weight])
    return made


def excluded(names: list[str]) -> Any:
    from clr_ref.keras.api import keras

    made = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="head")])
    optimizer = keras.optimizers.AdamW(0.125, weight_decay=0.5)
    if names:
        optimizer.exclude_from_weight_decay(var_names=names)
    made.compile(optimizer, "mse")
    return made


def stateful() -> Any:
    from clr_ref.keras.api import keras

    inner = keras.Sequential([keras.Input((3, 1), batch_size=5), keras.layers.LSTM(2, stateful=True)])
    made = keras.Sequential([keras.Input((3,), batch_size=5), keras.layers.Reshape((3, 1)), inner])
    made.compile("sgd", "mse")
    return made


def refusal(build: Callable[[], Any]) -> str:
    try:
        train(build)
    except ModelError as error:
        return str(error)
    return "trained"


def main(folder: Path) -> dict[str, Any]:
    determinism.prepare()
    from clr_ref.keras import api

    found: dict[str, Any] = {"resumed": resumed(folder / "missing" / "run")}
    (folder / "file").touch()
    try:
        train(model, folder=folder / "file" / "run", on_step=lambda step: sys.exit("it trained"))
    except OSError as error:
        found["a file"] = [type(error).__name__, str(error)]
    found["stateful"] = refusal(stateful) if api.IS_KERAS_3 else None
    if hasattr(api.keras.optimizers, "AdamW"):
        schedule = clr_ref.triangular(0.125, 0.5, 3)
        found["excluded"] = [train(lambda names=names: excluded(names), schedule).weights_sha256 for names in ([], ["head"])]
    api.keras.backend.set_floatx("float64")
    if api.IS_KERAS_3:
        api.keras.config.set_dtype_policy("float64")
    found["float64"] = train(model, clr_ref.triangular(0.1, 0.7, 3, dtype="float64")).rates.tolist()
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    (target,) = map(Path, sys.argv[1:])
    target.mkdir()
    (target / "found.json").write_text(json.dumps(main(target)), "utf-8")
