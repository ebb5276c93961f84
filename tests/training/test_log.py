"""The results of a run: those of each batch, whatever its size, and of each complete epoch."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clr_ref.training import log
from clr_ref.training.samples import Samples
from tests import needs

NAN = math.nan


def test_the_entries_of_epochs_are_means_over_the_samples() -> None:
    """Two epochs of 10 samples in batches of 4, 4 and 2, and a batch of a third one."""
    found = log.Log(
        7,
        rates=[0.5, 0.25, 0.125, 1.0, 2.0, NAN, 4.0],
        losses=[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
        hits=[4.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0],
        validation=[{"val_loss": 3.0, "val_accuracy": 0.5, "other": 1.0}, {"val_loss": 5.0}],
    )
    assert found.history(3, 4, 10) == [
        {"epoch": 1, "loss": 2.0, "accuracy": 0.5, "val_loss": 3.0, "val_accuracy": 0.5, "learning_rate": 0.125},
        {"epoch": 2, "loss": 16.0, "accuracy": 0.7, "val_loss": 5.0, "learning_rate": 2.0},
    ]
    assert found.history(1, 12, 10) == [
        {"epoch": 1, "loss": 1.0, "accuracy": 0.4, "val_loss": 3.0, "val_accuracy": 0.5, "learning_rate": 0.5},
        {"epoch": 2, "loss": 2.0, "accuracy": 0.0, "val_loss": 5.0, "learning_rate": 0.25},
    ]


def test_an_epoch_without_accuracies_or_without_a_rate() -> None:
    found = log.Log(2, [NAN, NAN], [1.0, 3.0], [1.0, NAN], [{"val_loss": 2.0}])
    (epoch,) = found.history(2, 1, 2)
    assert math.isnan(epoch.pop("learning_rate"))
    assert epoch == {"epoch": 1, "loss": 2.0, "val_loss": 2.0}
    assert log.Log().history(2, 1, 2) == []


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        ({"loss": 1, "accuracy": 0.5, "mae": 2.0}, {"val_loss": 1.0, "val_accuracy": 0.5}),
        ({"loss": 1, "mae": 2.0}, {"val_loss": 1.0}),
        ({"loss": NAN, "acc": 0.25}, {"val_loss": NAN, "val_accuracy": 0.25}),
    ],
)
def test_what_is_measured_on_other_samples(logs: dict[str, float], found: dict[str, float]) -> None:
    def evaluate(x: Any, y: Any, **options: Any) -> dict[str, float]:
        assert (x, y, options) == ("x", "y", {"batch_size": 256, "verbose": 0, "return_dict": True})
        return logs

    result = log.evaluated(SimpleNamespace(evaluate=evaluate), SimpleNamespace(x="x", y="y"))  # type: ignore[arg-type]
    assert repr(result) == repr(found)


@needs.tensorflow("seeded training needs Keras on TensorFlow")
@pytest.mark.filterwarnings("ignore")  # those of Keras
def test_each_batch_has_its_hits_also_the_smaller_last_one() -> None:
    from clr_ref.keras.api import keras

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(2, "softmax")])
    model.set_weights([np.array([[-1.0, 1.0]], "float32"), np.zeros(2, "float32")])  # class 1 for what is greater than 0
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.array([[1], [-1], [1], [1], [-1], [1], [1], [1], [-1], [1]], "float32")
    y = np.array([1, 1, 1, 1, 1, 0, 0, 1, 0, 0])
    steps: list[int] = []
    found = log.Log(on_step=steps.append)
    seen: list[float] = []
    callback = keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs["applied_learning_rate"]))
    for _ in range(2):
        log.fit(model, Samples.of(x, y), 4, found, [callback])
    assert (found.step, found.rates, found.hits) == (6, [0.0] * 6, [3.0, 1.0, 1.0] * 2)
    assert found.losses[:3] == found.losses[3:]
    assert len(set(found.losses)) == 3, "each batch has its own loss, and not a mean"
    assert (steps, seen) == ([1, 2, 3, 4, 5, 6], [0.0] * 6)
