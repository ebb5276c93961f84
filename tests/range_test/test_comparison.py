"""The comparison of suggested bounds with the tutorial's, with a network that only notes what it is given."""

from __future__ import annotations

import dataclasses
import math
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test import Suggestion, comparison
from clr_ref.range_test.comparison import Comparison, Outcome
from clr_ref.training.data import FashionMnist, Split
from tests.range_test.probe import needs_keras

BETTER, SAME, WORSE = (Outcome(1e-4, 1e-2, loss, 0.5) for loss in (0.9, 1.0, 1.1))


def test_a_comparison_holds_if_the_suggested_bounds_are_no_worse() -> None:
    results = [Comparison(0, suggested, SAME).holds for suggested in (None, BETTER, SAME, WORSE)]
    assert results == [False, True, True, False]
    for one in (BETTER, Comparison(0, None, SAME)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.seed = 1  # type: ignore[misc, union-attr]


@pytest.mark.parametrize(("initial", "maximal"), [(0.1, 0.2), (None, 0.2), (0.1, None)])
def test_only_two_suggested_bounds_are_trained_with(
    monkeypatch: pytest.MonkeyPatch, initial: float | None, maximal: float | None
) -> None:
    monkeypatch.setattr(comparison, "outcome", lambda *words: words)
    found: Any = types.SimpleNamespace(suggestion=Suggestion(initial, maximal, "why"))
    data: Any = "data"
    suggested = ("data", (0.1, 0.2), 7, 3) if initial and maximal else None
    assert comparison.compare(data, found, 7, 3) == Comparison(7, suggested, ("data", (1e-4, 1e-2), 7, 3))  # type: ignore[arg-type]


def pictures(train: int) -> FashionMnist:
    def split(count: int, first: int) -> Split:
        return Split(np.full((count, 2, 2), first, np.float32), np.arange(count, dtype=np.int64))

    return FashionMnist(split(train, 1), split(3, 2), Path())


def test_the_range_test_is_of_the_training_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "compiled", lambda seed: f"network {seed}")
    monkeypatch.setattr(comparison, "range_test", lambda *words, **options: (words, options))
    data = pictures(5)
    (network, x, y), options = comparison.tutorial_range_test(data, 7, steps=3)  # type: ignore[misc]
    assert (network, x.shape, options) == ("network 7", (5, 2, 2, 1), {"seed": 7, "steps": 3})
    assert x.all()
    assert y is data.train.labels


@needs_keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("train", "loss", "step_size", "expected"), [(5, 1.5, 2, 1.5), (191, math.nan, 4, math.inf), (192, math.inf, 6, math.inf)]
)
def test_a_cycle_is_four_epochs(
    monkeypatch: pytest.MonkeyPatch, train: int, loss: float, step_size: int, expected: float
) -> None:
    calls = []

    class Network:
        def fit(self, *data: Any, **options: Any) -> None:
            calls.append((data, options))

        def evaluate(self, *data: Any, **options: Any) -> tuple[float, float]:
            calls.append((data, options))
            return loss, 0.25

    def compiled(seed: int, schedule: Any) -> Network:
        calls.append((seed, schedule))
        return Network()

    monkeypatch.setattr(comparison, "compiled", compiled)
    data = pictures(train)
    assert comparison.outcome(data, (1e-3, 0.1), 7, 3) == Outcome(1e-3, 0.1, expected, 0.25)
    (seed, schedule), ((x, y), fitted), ((test_x, test_y), evaluated) = calls
    assert seed == 7
    config = schedule.get_config()
    assert type(schedule).__name__ == "Triangular2CyclicalLearningRate"
    assert (config["initial_learning_rate"], config["maximal_learning_rate"], config["step_size"]) == (1e-3, 0.1, step_size)
    assert (x.shape, test_x.shape) == ((train, 2, 2, 1), (3, 2, 2, 1))
    assert (y is data.train.labels, test_y is data.test.labels) == (True, True)
    assert fitted == {"batch_size": 64, "epochs": 3, "verbose": 0}
    assert evaluated == {"batch_size": 500, "verbose": 0}


@needs_keras
@pytest.mark.filterwarnings("ignore")
def test_the_network_has_the_weights_of_its_seed() -> None:
    from clr_ref.keras import api, optimizers

    if api.BACKEND != "tensorflow":
        pytest.skip("the tutorial's network is trained on TensorFlow")
    networks = [comparison.compiled(seed) for seed in (1, 1, 2)]
    first, again, other = (np.concatenate([one.ravel() for one in network.get_weights()]) for network in networks)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert float(optimizers._value(optimizers.rate_of(optimizers.applying(networks[0].optimizer)))) == np.float32(1e-2)
    assert networks[0].loss == "sparse_categorical_crossentropy"
