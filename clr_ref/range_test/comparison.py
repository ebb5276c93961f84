"""A comparison of suggested bounds with the tutorial's, with its model, data and schedule, seeded."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from clr_ref.range_test.result import RangeTest
from clr_ref.range_test.run import range_test

if TYPE_CHECKING:
    from clr_ref.training.data import FashionMnist

#: The tutorial's bounds and batch size.
TUTORIAL = (1e-4, 1e-2)
BATCH_SIZE = 64


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of training with two bounds, on pictures that neither the training nor the range test used."""

    initial_learning_rate: float
    maximal_learning_rate: float
    test_loss: float
    test_accuracy: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Both trainings of one seed: the same initial weights and order of batches; ``suggested`` is None without bounds."""

    seed: int
    suggested: Outcome | None
    tutorial: Outcome

    @property
    def holds(self) -> bool:
        """Whether there are suggested bounds, and their test loss is no higher than the tutorial's."""
        return self.suggested is not None and self.suggested.test_loss <= self.tutorial.test_loss


def compiled(seed: int, learning_rate: Any = 1e-2) -> Any:
    """Seed all random generators, and return the tutorial's network with the weights of the seed, compiled with SGD."""
    from clr_ref.keras.api import keras
    from clr_ref.training import determinism, model

    determinism.seed_everything(seed)
    network = model.build(model.initial_weights(seed))
    network.compile(keras.optimizers.SGD(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def tutorial_range_test(data: FashionMnist, seed: int, **options: Any) -> RangeTest:
    """Return the range test of the tutorial's network on the training pictures; options as for ``range_test``."""
    return range_test(compiled(seed), data.train.images[..., None], data.train.labels, seed=seed, **options)


def compare(data: FashionMnist, found: RangeTest, seed: int, epochs: int) -> Comparison:
    """Train the tutorial's network with the suggested bounds and with the tutorial's, and return both results."""
    suggestion = found.suggestion
    suggested = None
    if suggestion.initial_learning_rate is not None and suggestion.maximal_learning_rate is not None:
        suggested = outcome(data, (suggestion.initial_learning_rate, suggestion.maximal_learning_rate), seed, epochs)
    return Comparison(seed, suggested, outcome(data, TUTORIAL, seed, epochs))


def outcome(data: FashionMnist, bounds: tuple[float, float], seed: int, epochs: int) -> Outcome:
    """Train with triangular2 between the bounds, with cycles of four epochs as in the tutorial."""
    from clr_ref.keras import Triangular2CyclicalLearningRate

    initial, maximal = bounds
    step_size = 2 * max(1, len(data.train) // BATCH_SIZE)
    network = compiled(seed, Triangular2CyclicalLearningRate(initial, maximal, step_size))
    network.fit(data.train.images[..., None], data.train.labels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    loss, accuracy = network.evaluate(data.test.images[..., None], data.test.labels, batch_size=500, verbose=0)
    return Outcome(initial, maximal, float(loss) if math.isfinite(loss) else math.inf, float(accuracy))
