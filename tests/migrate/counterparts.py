"""The first updates of TFA's optimizers beside those of their counterparts in Keras 3: the figures of docs/MIGRATING.md.

Two processes exchange one file, since no environment has both. In one with TFA 0.23 and TF 2.15, and in one with Keras 3:

    python -m tests.migrate.counterparts tfa.npz
    python -m tests.migrate.counterparts --compare tfa.npz

Both give the optimizers the same weights, the same gradients and the same cyclical rate, which is that of ``clr_ref.keras``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

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


Read = Callable[[Any, list[Any]], list[Any]]


def run(optimizer: Any, *, sparse: bool = False, read: Read = weights_of, after: Any = None) -> Any:
    """What ``read`` returns after each update, as float32 of the shape (updates, weights).

    Args:
        optimizer: a new one.
        sparse: the gradient of the embedding comes as its two rows, as from an embedding layer.
        read: what to look at.
        after: it is called after each update with the number of updates and the variables, as a callback would be.
    """
    import tensorflow as tf

    from clr_ref.keras import api

    make = api.keras.Variable if api.IS_KERAS_3 else tf.Variable
    variables = [make(value, name=name) for name, value in zip(SHAPES, seed_weights(), strict=True)]
    seen = []
    for update in range(UPDATES):
        given = [tf.constant(gradient) for gradient in gradients(update)]
        if sparse:
            chosen = tf.constant(rows(update))
            given[0] = tf.IndexedSlices(tf.gather(given[0], chosen), chosen, tf.constant(SHAPES["embedding"]))
        optimizer.apply_gradients(list(zip(given, variables, strict=True)))
        if after is not None:
            after(update + 1, variables)
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
        "AdamW, decay times rate": run(o.AdamW(rate(DECAY), rate())),
        "SGDW": run(o.SGDW(DECAY, rate(), momentum=0.9)),
        "SGDW, decay times rate": run(o.SGDW(rate(DECAY), rate(), momentum=0.9)),
        "LAMB": run(o.LAMB(rate())),
        "LAMB, decay": run(o.LAMB(rate(), weight_decay=DECAY)),
        "Lookahead": run(o.Lookahead(adam())),
        "SWA": run(o.SWA(adam(), average_period=10), read=average_of_tfa),
        "MovingAverage": run(o.MovingAverage(adam()), read=average_of_tfa),
        "MovingAverage, start_step=1": run(o.MovingAverage(adam(), start_step=1), read=average_of_tfa),
        "LazyAdam, dense": run(o.LazyAdam(rate())),
        "LazyAdam, rows": run(o.LazyAdam(rate()), sparse=True),
        "RectifiedAdam": run(o.RectifiedAdam(rate())),
        "AdaBelief": run(o.AdaBelief(rate())),
        "MultiOptimizer": run(multi()),
    }


def of_keras() -> Mapping[str, tuple[str, Any]]:
    """For each comparison its case of TFA, and the weights of the optimizer of Keras 3; the key says which that is."""
    from clr_ref.keras.api import keras

    o = keras.optimizers

    def multi() -> Any:
        return o.MultiOptimizer(o.OptimizerMap(default_optimizer=o.SGD(rate()), optimizer_map={"bias": o.Adam(rate())}))

    def ema() -> Any:
        return run(o.Adam(rate(), use_ema=True), read=average_of_keras)

    return {
        "AdamW(weight_decay=wd), TFA with wd": ("AdamW", run(o.AdamW(rate(), weight_decay=DECAY))),
        "AdamW(weight_decay=wd), TFA with wd * rate": ("AdamW, decay times rate", run(o.AdamW(rate(), weight_decay=DECAY))),
        "SGD(weight_decay=wd), TFA with wd": ("SGDW", run(o.SGD(rate(), momentum=0.9, weight_decay=DECAY))),
        "SGD(weight_decay=wd), TFA with wd * rate": (
            "SGDW, decay times rate",
            run(o.SGD(rate(), momentum=0.9, weight_decay=DECAY)),
        ),
        "Lamb()": ("LAMB", run(o.Lamb(rate()))),
        "Lamb(epsilon=1e-6)": ("LAMB", run(o.Lamb(rate(), epsilon=1e-6))),
        "Lamb(epsilon=1e-6, weight_decay=wd)": ("LAMB, decay", run(o.Lamb(rate(), epsilon=1e-6, weight_decay=DECAY))),
        "Adam, for Lookahead": ("Lookahead", run(o.Adam(rate()))),
        "Adam(use_ema=True), for SWA": ("SWA", ema()),
        "Adam(use_ema=True)": ("MovingAverage", ema()),
        "Adam(use_ema=True), TFA with start_step=1": ("MovingAverage, start_step=1", ema()),
        "Adam, dense gradients": ("LazyAdam, dense", run(o.Adam(rate()))),
        "Adam, rows of an embedding": ("LazyAdam, rows", run(o.Adam(rate()), sparse=True)),
        "Adam, for RectifiedAdam": ("RectifiedAdam", run(o.Adam(rate()))),
        "Adam, for AdaBelief": ("AdaBelief", run(o.Adam(rate()))),
        "MultiOptimizer": ("MultiOptimizer", run(multi())),
    }


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
        for name, (case, weights) in of_keras().items():
            print(f"{distance(stored[case], weights):.1e}  {name}")


if __name__ == "__main__":
    main()
