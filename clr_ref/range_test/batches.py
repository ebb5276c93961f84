"""Batches without end, from whatever Keras can be trained on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

#: x, y and sample weights, as ``train_on_batch`` takes them.
Batch = tuple[Any, Any, Any]


def batches(
    x: Any, y: Any, sample_weight: Any, *, batch_size: int, seed: int, is_sequence: Callable[[Any], bool]
) -> Iterator[Batch]:
    """Batches (x, y, sample_weight), beginning again where the data end.

    Arrays, alone or in dicts, lists and tuples, are shuffled anew for every pass by a generator of their own, and cut into
    batches of one size: what is left over is left out. Everything else yields batches itself, x or (x, y) or (x, y,
    sample_weight), and is iterated as it comes; ``is_sequence`` tells those that are indexed instead.

    Raises:
        TypeError: data of no such kind, or y or sample_weight beside data that yield batches.
        ValueError: arrays of different lengths or without samples; data that are exhausted and cannot begin again.
    """
    leaves = _leaves((x, y, sample_weight))
    if leaves and all(hasattr(leaf, "shape") and not callable(leaf.shape) for leaf in leaves):
        return _of_arrays((x, y, sample_weight), leaves, batch_size, seed)
    if y is not None or sample_weight is not None:
        raise TypeError(f"y and sample_weight go with arrays; {type(x).__name__} has to yield them itself")
    if is_sequence(x):
        return _of_iterables(_once_through(x))
    if isinstance(x, Iterable):
        return _of_iterables(lambda: iter(x))
    raise TypeError(f"x must be arrays or something that yields batches, got {type(x).__name__}")


def _of_arrays(data: Batch, leaves: list[Any], batch_size: int, seed: int) -> Iterator[Batch]:
    lengths = sorted({int(leaf.shape[0]) if len(leaf.shape) else 0 for leaf in leaves})
    if len(lengths) > 1:
        raise ValueError(f"x, y and sample_weight must have as many samples each, got {lengths}")
    if lengths[0] == 0:
        raise ValueError("x must have samples, got none")
    return _shuffled(data, lengths[0], min(batch_size, lengths[0]), seed)


def _shuffled(data: Batch, count: int, size: int, seed: int) -> Iterator[Batch]:
    generator = np.random.default_rng(seed)
    arrays = _map(np.asarray, data)
    while True:
        order = generator.permutation(count)
        for start in range(0, count - size + 1, size):
            chosen = order[start : start + size]
            x, y, sample_weight = _map(functools.partial(_rows, chosen), arrays)
            yield x, y, sample_weight


def _rows(chosen: Any, array: Any) -> Any:
    return array[chosen]


def _of_iterables(begin: Callable[[], Iterator[Any]]) -> Iterator[Batch]:
    taken = 0
    while True:
        before = taken
        for item in begin():
            taken += 1
            yield _unpacked(item)
        if taken == before:
            end = f"after {taken} batches and cannot begin again" if taken else "before the first batch"
            raise ValueError(f"the data end {end}: give a data set that repeats, or take fewer steps")


def _once_through(sequence: Any) -> Callable[[], Iterator[Any]]:
    def begin() -> Iterator[Any]:
        # Keras 3 has num_batches, None where there is no end; before, len() it was.
        count = sequence.num_batches if hasattr(sequence, "num_batches") else len(sequence)
        index = 0
        while count is None or index < count:
            yield sequence[index]
            index += 1
        if hasattr(sequence, "on_epoch_end"):
            sequence.on_epoch_end()

    return begin


def _unpacked(item: Any) -> Batch:
    if not isinstance(item, tuple):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got a tuple of {len(item)}")
    x, y, sample_weight = (*item, None, None)[:3]
    return x, y, sample_weight


def _map(function: Callable[[Any], Any], data: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: _map(function, value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)([_map(function, value) for value in data])
    return function(data)


def _leaves(data: Any) -> list[Any]:
    if data is None:
        return []
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in _leaves(value)]
    if isinstance(data, (list, tuple)):
        return [leaf for value in data for leaf in _leaves(value)]
    return [data]
