"""The first updates of TFA's optimizers beside those of their counterparts in Keras 3: the figures of docs/MIGRATING.md.

``fixtures/tfa-0.23.0.npz`` has what TFA gave. Two processes exchange such a file, since no environment has both: one with
TFA 0.23 and TF 2.15, and one with Keras 3.

    python -m tests.migrate.counterparts tfa.npz
    python -m tests.migrate.counterparts --compare tfa.npz     # prints the rows of the table

Both give the optimizers the same weights, the same gradients and the same cyclical rate, which is that of ``clr_ref.keras``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from tests.keras import blocks

UPDATES = 20
#: The weight decay of the rows that have one; TFA's optimizers have no default, Keras's AdamW has this one.
DECAY = 0.004
#: The variables of the model: an embedding, whose gradient has two rows of six in each update, a kernel and a bias.
SHAPES = {"embedding": (6, 4), "kernel": (4, 3), "bias": (3,)}
ROWS = 2


def rate(factor: float = 1.0) -> Any:
    """The cyclical rate of all optimizers, times a factor."""
    from clr_ref.keras import TriangularCyclicalLearningRate

    return TriangularCyclicalLearningRate(factor * 1e-3, factor * 1e-2, step_size=5)


def seed_weights() -> list[Any]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype(np.float32) for shape in SHAPES.values()]


def gradients(update: int) -> list[Any]:
    """The gradients of an update; that of the embedding is 0 but for two rows."""
    generator = np.random.default_rng([1, update])
    values = [generator.normal(size=shape).astype(np.float32) for shape in SHAPES.values()]
    values[0][np.setdiff1d(np.arange(len(values[0])), rows(update))] = 0
    return values


def rows(update: int) -> Any:
    return np.arange(update, update + ROWS) % SHAPES["embedding"][0]


def weights_of(optimizer: Any, variables: list[Any]) -> list[Any]:
    """The present weights of the model."""
    return variables


def average_of_tfa(optimizer: Any, variables: list[Any]) -> list[Any]:
    """The averages that TFA's wrapper keeps, which ``assign_average_vars`` would move into the model."""
    return [optimizer.get_slot(variable, "average") for variable in variables]


def average_of_keras(optimizer: Any, variables: list[Any]) -> list[Any]:
    """The averages of ``use_ema=True``, which the end of ``fit`` moves into the model."""
    return list(optimizer._model_variables_moving_average)


def run(optimizer: Any, *, sparse: bool = False, read: Any = weights_of, callback: Any = None) -> Any:
    """What is read after each update, as float32 of the shape (updates, weights).

    Args:
        optimizer: a new one.
        sparse: the gradient of the embedding comes as its two rows, as from an embedding layer.
        read: called with the optimizer and the variables, it returns the arrays to look at.
        callback: a Keras callback, called around each update as ``fit`` would.
    """
    import tensorflow as tf

    from clr_ref.keras import api

    make = api.keras.Variable if api.IS_KERAS_3 else tf.Variable
    variables = [make(value, name=name) for name, value in zip(SHAPES, seed_weights(), strict=True)]
    callback = callback or api.keras.callbacks.Callback()
    callback.set_model(SimpleNamespace(trainable_weights=variables))
    seen = []
    for update in range(UPDATES):
        given = [tf.constant(gradient) for gradient in gradients(update)]
        if sparse:
            chosen = tf.constant(rows(update))
            given[0] = tf.IndexedSlices(tf.gather(given[0], chosen), chosen, tf.constant(SHAPES["embedding"]))
        callback.on_train_batch_begin(update)
        optimizer.apply_gradients(list(zip(given, variables, strict=True)))
        callback.on_train_batch_end(update)
        seen.append(np.concatenate([np.asarray(value).reshape(-1) for value in read(optimizer, variables)]))
    return np.asarray(seen, np.float32)


def of_tfa() -> Mapping[str, Any]:
    """The weights of TFA's optimizers, by the name of the case."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    def adam() -> Any:
        return tf.keras.optimizers.legacy.Adam(rate())

    def multi() -> Any:
        """Chosen by layer: the specs of MultiOptimizer name variables, so they can be given without layers."""
        sgd = tf.keras.optimizers.legacy.SGD(rate())
        return o.MultiOptimizer(
            optimizer_specs=[
                {"optimizer": sgd, "weights": ["embedding:0", "kernel:0"]},
                {"optimizer": adam(), "weights": ["bias:0"]},
            ]
        )

    o = tfa.optimizers
    return {
        "AdamW": run(o.AdamW(DECAY, rate())),
        "AdamW, wd * rate": run(o.AdamW(rate(DECAY), rate())),
        "SGDW": run(o.SGDW(DECAY, rate(), momentum=0.9)),
        "SGDW, wd * rate": run(o.SGDW(rate(DECAY), rate(), momentum=0.9)),
        "LAMB": run(o.LAMB(rate())),
        "LAMB, wd": run(o.LAMB(rate(), weight_decay=DECAY)),
        "Lookahead": run(o.Lookahead(adam())),
        "SWA": run(o.SWA(adam(), average_period=10), read=average_of_tfa),
        "MovingAverage": run(o.MovingAverage(adam()), read=average_of_tfa),
        "MovingAverage, start_step=1": run(o.MovingAverage(adam(), start_step=1), read=average_of_tfa),
        "LazyAdam, dense gradients": run(o.LazyAdam(rate())),
        "LazyAdam, rows of an embedding": run(o.LazyAdam(rate()), sparse=True),
        "RectifiedAdam": run(o.RectifiedAdam(rate())),
        "AdaBelief": run(o.AdaBelief(rate())),
        "MultiOptimizer": run(multi()),
    }


class Comparison(NamedTuple):
    """One row of the table.

    Attributes:
        tfa: the case of ``of_tfa``.
        keras: what stands in its place, as the table writes it.
        weights: what it gave after each update.
    """

    tfa: str
    keras: str
    weights: Any


def of_keras() -> Iterator[Comparison]:
    """The weights of the counterparts in Keras 3."""
    import clr_ref.keras as clr

    o = clr.keras.optimizers
    names: dict[str, Any] = {"keras": clr.keras, "np": np}

    def recipe(name: str) -> Any:
        return blocks.definition("RECIPES.md", name, names)

    ema = run(o.Adam(rate(), use_ema=True), read=average_of_keras)
    mean = recipe("WeightMean")()
    adam = run(o.Adam(rate()))
    yield Comparison("AdamW", "`AdamW(weight_decay=wd)`", run(o.AdamW(rate(), DECAY)))
    divided = recipe("Divided")(DECAY, rate())
    yield Comparison("AdamW", "`clr_ref.keras.AdamW` with `wd / rate`", run(clr.AdamW(rate(), divided)))
    yield Comparison("AdamW, wd * rate", "`AdamW(weight_decay=wd)`", run(o.AdamW(rate(), DECAY)))
    sgdw = run(o.SGD(rate(), momentum=0.9, weight_decay=DECAY))
    yield Comparison("SGDW", "`SGD(weight_decay=wd)`", sgdw)
    yield Comparison("SGDW, wd * rate", "`SGD(weight_decay=wd)`", sgdw)
    yield Comparison("LAMB", "`Lamb()`", run(o.Lamb(rate())))
    yield Comparison("LAMB", "`Lamb(epsilon=1e-6)`", run(o.Lamb(rate(), epsilon=1e-6)))
    yield Comparison("LAMB, wd", "`Lamb(epsilon=1e-6, weight_decay=wd)`", run(o.Lamb(rate(), epsilon=1e-6, weight_decay=DECAY)))
    yield Comparison("Lookahead", "`Adam`", adam)
    yield Comparison("Lookahead", "`Adam` with the callback", run(o.Adam(rate()), callback=recipe("Lookahead")()))
    yield Comparison("SWA", "`Adam(use_ema=True)`", ema)
    yield Comparison("SWA", "`Adam` with the callback", run(o.Adam(rate()), callback=mean, read=lambda *_: mean.mean))
    yield Comparison("MovingAverage", "`Adam(use_ema=True)`", ema)
    yield Comparison("MovingAverage, start_step=1", "`Adam(use_ema=True)`", ema)
    yield Comparison("LazyAdam, dense gradients", "`Adam`", adam)
    yield Comparison("LazyAdam, rows of an embedding", "`Adam`", run(o.Adam(rate()), sparse=True))
    yield Comparison("RectifiedAdam", "`Adam`", adam)
    yield Comparison("AdaBelief", "`Adam`", adam)
    if hasattr(o, "MultiOptimizer"):
        chosen = o.OptimizerMap(default_optimizer=o.SGD(rate()), optimizer_map={"bias": o.Adam(rate())})
        yield Comparison("MultiOptimizer", "`MultiOptimizer`", run(o.MultiOptimizer(chosen)))


def distance(expected: Any, actual: Any) -> float:
    """The largest difference of a weight after any update, divided by the largest weight."""
    return float(np.max(np.abs(expected.astype(np.float64) - actual)) / np.max(np.abs(expected)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the file with TFA's weights: written, or read with --compare")
    parser.add_argument("--compare", action="store_true", help="print the distances of Keras 3's weights from TFA's")
    arguments = parser.parse_args()
    if not arguments.compare:
        np.savez_compressed(arguments.file, **of_tfa())
        return
    with np.load(arguments.file) as stored:
        for case, keras, weights in of_keras():
            print(f"| {case} | {keras} | {distance(stored[case], weights):.0e} |")


if __name__ == "__main__":
    main()
