"""Batches from arrays and from what yields batches."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from clr_ref.range_test.batches import batches


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
    x = {"a": np.arange(6), "b": [np.arange(6) * 2, (np.arange(6) * 3,)]}
    found = taken(1, x)[0]
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
        ((iter([]), np.arange(4)), TypeError, "y and sample_weight go with arrays"),
        ((7,), TypeError, "x must be arrays or something that yields batches, got int"),
        ((iter([(1, 2, 3, 4)]),), ValueError, "got a tuple of 4"),
    ],
)
def test_bad_data_are_named(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        taken(1, *arguments)
