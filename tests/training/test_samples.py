"""Samples, what ``make`` returns, and what an experiment says of any model: all of it without a framework."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from clr_ref.training import log, made
from clr_ref.training.experiment import Experiment, Optimizer
from clr_ref.training.made import MadeError
from clr_ref.training.samples import Samples, leaves, named_leaves

X, Y = np.arange(24.0).reshape(8, 3), np.arange(8)


class Batches:
    """A data set that can be read again; with ``shift``, its samples differ every time."""

    def __init__(self, shift: int = 0, end: int = 8, size: int = 3) -> None:
        self.shift, self.end, self.size, self.reads = shift, end, size, 0

    def __iter__(self) -> Iterator[Any]:
        self.reads += 1
        for start in range(0, self.end, self.size):
            yield X[start : start + self.size] + self.shift * self.reads, Y[start : start + self.size]


class Sequence:
    """As Keras's: it is indexed, and has no iterator that ends."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Endless(Batches):
    def cardinality(self) -> int:
        return -1


@pytest.mark.parametrize("data", [(X, Y), Batches(), Batches(size=8), Sequence()])
def test_data_of_every_kind(data: Any) -> None:
    found = made.samples(data, "m:make")
    assert found.sha256() == Samples.of(X, Y).sha256()
    assert len(found) == 8


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Batches(shift=1), "the data set of m:make yields other batches when it is read again"),
        (Batches(end=0), "the data set of m:make yields no batches"),
        (Endless(), r"the data set of m:make repeats without an end: return it without repeat\(\)"),
        (iter([]), "the data of m:make can be read only once"),
        ((X,), r"the data of m:make must be \(x, y\), without sample weights, got a tuple of 1"),
        ((X, Y, Y), "got a tuple of 3"),
        ((X, Y[:3]), r"the data of m:make cannot be used: x and y must have as many samples each, .* got \[3, 8\]"),
        ((X[:0], Y[:0]), "at least one, got"),
        ((np.array(["a", None]), Y[:2]), "must be arrays of numbers, got dtype object"),
        ([X, X], r"a batch of m:make must be \(x, y\), without sample weights, got ndarray"),
        ({"a": X}, r"the data of m:make must be \(x, y\), or a data set whose batches are, got a dict alone"),
        ((None, Y), "x must be an array, or arrays in dicts, lists and tuples, got none"),
        (([[1, 2], [3, 4]], [1, 2]), "x 0 0 must be an array, got 1; a list stands for several: use np.array"),
        ((X, [1, 2]), "y 0 must be an array, got 1;"),
        (7, "the data of m:make cannot be used: 'int' object is not iterable"),
    ],
)
def test_data_that_cannot_be_used(data: Any, message: str) -> None:
    with pytest.raises(MadeError, match=message):
        made.samples(data, "m:make")


def test_samples_in_dicts_and_tuples_keep_their_form() -> None:
    found = Samples.of({"a": X, "b": [X, Y]}, Y).rows(np.array([5, 2]))
    assert found.x["a"].tolist() == X[[5, 2]].tolist()
    assert found.x["b"][1].tolist() == [5, 2]
    assert len(found) == 2


CHANGES: list[Callable[[], Samples]] = [
    lambda: Samples.of(X + 1, Y),
    lambda: Samples.of(X.astype("float32"), Y),
    lambda: Samples.of(X.reshape(8, 3, 1), Y),
    lambda: Samples.of([X], Y),
    lambda: Samples.of(X[::-1], Y),
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_sha256_of_samples(change: Callable[[], Samples]) -> None:
    assert change().sha256() != Samples.of(X, Y).sha256()
    assert Samples.of(np.asfortranarray(X), Y).sha256() == Samples.of(X, Y).sha256()


def test_what_make_returns() -> None:
    assert made.made((1, 2), "m:make").validation is None
    found = made.made((1, 2, 3), "m:make")
    assert (found.model, found.data, found.validation) == (1, 2, 3)
    for wrong, got in ((7, "int"), ((1,), "a tuple of 1"), ((1, 2, 3, 4), "a tuple of 4")):
        with pytest.raises(MadeError, match=rf"m:make must return \(model, data\) or \(model, data, validation\), got {got}"):
            made.made(wrong, "m:make")


def test_the_parts_of_data() -> None:
    assert made.parts(1, "m:make") == made.parts((1,), "m:make") == (1, None, None)
    assert made.parts((1, 2), "m:make") == (1, 2, None)
    assert made.parts((1, 2, 3), "m:make") == (1, 2, 3)
    for wrong in ((), (1, 2, 3, 4)):
        with pytest.raises(MadeError, match=rf"\(x, y, sample_weight\), got a tuple of {len(wrong)}"):
            made.parts(wrong, "m:make")


def test_hits_and_accuracies() -> None:
    """float32 has rounded the quotient of whole hits; an accuracy over more than the samples stays as it is."""
    for size in (3, 7, 64, 999):
        for hits in range(size + 1):
            assert log._hits(float(np.float32(hits) / np.float32(size)), size) == hits
    assert log._hits(0.3, 2) == 0.6
    assert log.accuracy_of({"loss": 1.0, "sparse_categorical_accuracy": 0.5}) == 0.5
    assert math.isnan(log.accuracy_of({"loss": 1.0, "mae": 0.5}))
    assert math.isnan(log._hits(math.nan, 4))


def test_the_leaves_of_data_are_named_by_their_keys_and_places() -> None:
    data = {"left": 1, "right": (2, None, [3])}
    assert named_leaves("x", data) == [("x left", 1), ("x right 0", 2), ("x right 2 0", 3)]
    assert leaves(data) == [1, 2, 3]
    assert named_leaves("x", 1) == [("x", 1)]


def test_experiments_with_any_model() -> None:
    chosen = Experiment(None, model="m:make")
    assert chosen.to_data() == {**Experiment(0.0).to_data(), "schedule": None, "model": "m:make"}
    adam = Experiment(0.5, model="m:make", optimizer=Optimizer("adam", {"beta_1": 0.8}), loss="mse").to_data()
    assert json.loads(json.dumps(adam)) == adam
    assert (adam["optimizer"], adam["loss"]) == ({"name": "adam", "arguments": {"beta_1": 0.8}}, "mse")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": None}, "schedule must be a CyclicalLearningRate or a number, got None"),
        ({"loss": "mse"}, "loss goes with a model that is not compiled, not with the tutorial's, got 'mse'"),
        ({"model": "m:make", "dropout": False}, "dropout=False goes with the tutorial's network, got model 'm:make'"),
        ({"model": "m:make", "schedule": None, "optimizer": Optimizer("sgd")}, "an optimizer needs a schedule"),
    ],
)
def test_experiments_that_contradict_themselves(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Experiment(**{"schedule": 0.1, **options})
