"""Batches from arrays and from what yields batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test.batches import batches, packed, unpacked, weighted_by_class


class Indexed:
    """What a Keras Sequence looks like."""

    def __init__(self) -> None:
        self.ended = 0

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return np.array([index]), np.array([-index])

    def on_epoch_end(self) -> None:
        self.ended += 1


def taken(count: int, x: Any, y: Any = None, sample_weight: Any = None, seed: int = 0, size: int = 3) -> list[Any]:
    found = batches(x, y, sample_weight, batch_size=size, seed=seed, is_sequence=lambda data: isinstance(data, Indexed))
    return list(itertools.islice(found, count))


def test_arrays_are_shuffled_anew_each_pass_in_batches_of_one_size() -> None:
    x = np.arange(10)
    found = taken(6, x, x * 2, x * 3)
    assert all(len(one) == 3 for one, _, _ in found)
    passes = [np.concatenate([one for one, _, _ in found[start : start + 3]]) for start in (0, 3)]
    assert all(len(set(one.tolist())) == 9 for one in passes)
    assert passes[0].tolist() != passes[1].tolist()
    assert passes[0].tolist() != sorted(passes[0].tolist())
    for a, b, c in found:
        np.testing.assert_array_equal(b, a * 2)
        np.testing.assert_array_equal(c, a * 3)


@pytest.mark.parametrize("count", [9, 10, 11])
def test_a_pass_has_every_whole_batch_and_no_other(count: int) -> None:
    found = taken(3, np.arange(count))
    assert [len(one) for one in found] == [3, 3, 3]
    assert len(set(np.concatenate(found).tolist())) == 9


def test_the_seed_is_the_order() -> None:
    x = np.arange(100)
    first, again, other = (np.concatenate([one for one, _ in taken(5, x, x, seed=seed)]) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    taken(5, np.arange(10))
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_arrays_may_be_nested() -> None:
    x = {"a": np.arange(6), "b": [np.arange(6) * 2, (np.arange(6) * 3,)], "c": np.arange(24).reshape(6, 2, 2)}
    found = taken(1, x)[0]
    np.testing.assert_array_equal(found["c"][:, 0, 0], found["a"] * 4)
    np.testing.assert_array_equal(found["b"][0], found["a"] * 2)
    np.testing.assert_array_equal(found["b"][1][0], found["a"] * 3)


def test_a_batch_size_above_the_samples_is_all_of_them() -> None:
    assert len(taken(1, np.arange(4), size=32)[0]) == 4


def test_an_iterable_begins_again() -> None:
    class Data:
        def __iter__(self) -> Any:
            return iter([(1, 2), (3, 4, 5), 6, (7,)])

    assert taken(6, Data()) == [(1, 2), (3, 4, 5), 6, (7,), (1, 2), (3, 4, 5)]


def test_a_sequence_is_indexed_and_told_of_the_end() -> None:
    data = Indexed()
    assert [int(x[0]) for x, _ in taken(5, data)] == [0, 1, 0, 1, 0]
    assert data.ended == 2


@pytest.mark.parametrize(("count", "expected"), [(3, [0, 1, 2, 0]), (None, [0, 1, 2, 3])])
def test_a_sequence_of_keras_3_says_how_many_batches_it_has(count: int | None, expected: list[int]) -> None:
    """None is endless; ``len`` is not that number."""
    data = Indexed()
    data.num_batches = count  # type: ignore[attr-defined]
    assert [int(x[0]) for x, _ in taken(4, data)] == expected


def test_data_with_a_method_shape_yield_batches_themselves() -> None:
    class Table:
        def shape(self) -> None: ...

        def __iter__(self) -> Any:
            return iter([(1, 2)])

    assert taken(1, Table()) == [(1, 2)]


def test_parts_of_a_batch_are_unpacked_and_packed() -> None:
    for batch, parts in (
        (1, (1, None, None)),
        ((1, 2), (1, 2, None)),
        ((1, 2, 3), (1, 2, 3)),
        ((1, None, 3), (1, None, 3)),
        (((1,),), ((1,), None, None)),
    ):
        assert unpacked(batch) == parts
        assert packed(*parts) == batch
    assert unpacked((1,)) == (1, None, None)
    for wrong in ((), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match=f"got a tuple of {len(wrong)}"):
            unpacked(wrong)


WEIGHTS = {0: 0.5, 2: 4.0}


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([2, 1, 0], [4, 1, 0.5]),
        ([1.9, 1.4, 0.1], [4, 1, 0.5]),
        ([[2], [1], [0]], [4, 1, 0.5]),
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [4, 1, 0.5]),
        ([[0.4, 0.6], [0.6, 0.4]], [1, 0.5]),
        ([[[2], [1]], [[0], [2]]], [[4, 1], [0.5, 4]]),
        (np.eye(3)[[[2, 1], [0, 2]]], [[4, 1], [0.5, 4]]),
    ],
    ids=["labels", "floats", "a column", "one-hot", "two classes", "a column of each step", "one-hot of each step"],
)
def test_a_sample_has_the_weight_of_its_class(y: Any, expected: Any) -> None:
    x, target = np.zeros(len(y)), np.array(y)
    same_x, same_y, weights = weighted_by_class((x, target), WEIGHTS, "float32", multiply=False)
    assert same_x is x
    assert same_y is target
    assert weights.dtype == np.float32
    assert weights.tolist() == expected


@pytest.mark.parametrize(
    ("y", "own", "expected"),
    [
        ([2, 0], [3.0, 5.0], [12, 2.5]),
        ([[[2], [1]], [[0], [2]]], [3.0, 5.0], [[12, 3], [2.5, 20]]),
        ([[[[2], [1]]], [[[0], [2]]]], [3.0, 5.0], [[[12, 3]], [[2.5, 20]]]),
    ],
    ids=["labels", "steps", "steps of steps"],
)
def test_weights_of_samples_are_multiplied_by_those_of_the_classes(y: Any, own: Any, expected: Any) -> None:
    batch = np.zeros(2), np.array(y), np.array(own, np.float64)
    weights = weighted_by_class(batch=batch, class_weight=WEIGHTS, dtype="float32", multiply=True)[2]
    assert weights.dtype == np.float64
    assert weights.tolist() == expected


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros(2), "class_weight needs one array of labels as y, got none"),
        ((np.zeros(2), {"a": np.zeros(2)}), "class_weight needs one array of labels as y, got several"),
        ((np.zeros(2), np.zeros(2), np.ones(2)), "class_weight and sample_weight exclude each other"),
    ],
)
def test_a_batch_that_classes_cannot_weight_is_named(batch: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weighted_by_class(batch, WEIGHTS, "float32", multiply=False)


def test_a_generator_that_ends_is_named() -> None:
    with pytest.raises(ValueError, match="the data end after 3 batches and cannot begin again"):
        taken(4, iter([(1, 2)] * 3))
    with pytest.raises(ValueError, match="the data end before the first batch"):
        taken(1, iter(()))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((np.arange(3), np.arange(4)), ValueError, r"as many samples each, got \[3, 4\]"),
        ((np.arange(0),), ValueError, "x must have samples, got none"),
        ((np.array(7),), ValueError, "x must have samples, got none"),
        ((iter([]), None, np.arange(4)), TypeError, "y and sample_weight go with arrays"),
        ((None,), TypeError, "x must be arrays or something that yields batches, got NoneType"),
        ((iter([]), np.arange(4)), TypeError, "y and sample_weight go with arrays"),
        ((7,), TypeError, "x must be arrays or something that yields batches, got int"),
        ((iter([(1, 2, 3, 4)]),), ValueError, "got a tuple of 4"),
    ],
)
def test_bad_data_are_named(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        taken(1, *arguments)
