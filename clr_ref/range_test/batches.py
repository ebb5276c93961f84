"""Endless batches from all data that Keras can be trained on."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from clr_ref.training.samples import leaves, mapped


def batches(
    x: Any, y: Any, sample_weight: Any, *, batch_size: int, seed: int, is_sequence: Callable[[Any], bool]
) -> Iterator[Any]:
    """Return endless batches x, (x,), (x, y) or (x, y, sample_weight), as ``fit`` gives them to ``train_step``.

    Arrays, alone or in dicts, lists and tuples, are shuffled again for every pass by their own generator, and cut into batches
    of one size, without the rest. All other data yield batches themselves and are iterated, or indexed if ``is_sequence``
    returns True. At their end they begin again. Lists become tuples.

    Raises:
        TypeError: data of another kind, or y or sample_weight beside data that yield batches.
        ValueError: arrays of different lengths or without samples; data that are exhausted and cannot begin again.
    """
    found = leaves((x, y, sample_weight))
    if found and all(hasattr(leaf, "shape") and not callable(leaf.shape) for leaf in found):
        return _of_arrays((x, y, sample_weight), found, batch_size, seed)
    if y is not None or sample_weight is not None:
        raise TypeError(f"y and sample_weight go with arrays; {type(x).__name__} has to yield them itself")
    if is_sequence(x):
        return _of_iterables(_once_through(x))
    if isinstance(x, Iterable):
        return _of_iterables(lambda: iter(x))
    raise TypeError(f"x must be arrays or something that yields batches, got {type(x).__name__}")


def unpacked(batch: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight of a batch, None for those that it does not have.

    Raises:
        ValueError: a tuple of another length.
    """
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(f"a batch must be x, (x, y) or (x, y, sample_weight), got a tuple of {len(batch)}")
    x, y, sample_weight = (*batch, None, None)[:3]
    return x, y, sample_weight


def packed(x: Any, y: Any, sample_weight: Any) -> Any:
    """Return the batch that Keras makes of its parts: x alone stays alone, unless it is a tuple."""
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def weighted_by_class(batch: Any, class_weight: Mapping[int, float], dtype: str, *, multiply: bool) -> Any:
    """Return the batch with the weight of each sample's class, as ``class_weight`` of ``fit`` gives it.

    Args:
        batch: a batch whose y are labels or one-hot vectors.
        class_weight: the weight of each class; 1 for a class without one.
        dtype: the dtype of the weights.
        multiply: True if sample weights are multiplied by those of the classes; if False, they raise an error.

    Raises:
        ValueError: no y, or several; sample weights if ``multiply`` is False.
    """
    x, y, sample_weight = unpacked(batch)
    if y is None or isinstance(y, (dict, list, tuple)):
        raise ValueError(f"class_weight needs one array of labels as y, got {'none' if y is None else 'several'}")
    if sample_weight is not None and not multiply:
        raise ValueError("class_weight and sample_weight exclude each other in Keras 3: multiply them into sample_weight")
    labels = np.asarray(y)
    if labels.shape[1:]:
        labels = np.argmax(labels, axis=-1) if labels.shape[-1] > 1 else np.squeeze(labels, axis=-1)
    flat = [class_weight.get(int(label), 1.0) for label in np.round(labels).flat]
    weights = np.array(flat, dtype).reshape(labels.shape)
    if sample_weight is not None:
        own = np.asarray(sample_weight)
        weights = own.reshape(own.shape + (1,) * (weights.ndim - own.ndim)) * weights.astype(own.dtype)
    return x, y, weights


def _of_arrays(data: tuple[Any, Any, Any], found: list[Any], batch_size: int, seed: int) -> Iterator[Any]:
    count, *others = sorted({int(leaf.shape[0]) if len(leaf.shape) else 0 for leaf in found})
    if others:
        raise ValueError(f"x, y and sample_weight must have as many samples each, got {[count, *others]}")
    if not count:
        raise ValueError("x must have samples, got none")
    return _shuffled(data, count, min(batch_size, count), seed)


def _shuffled(data: tuple[Any, Any, Any], count: int, size: int, seed: int) -> Iterator[Any]:
    generator = np.random.default_rng(seed)
    arrays = mapped(np.asarray, data)
    while True:
        order = generator.permutation(count)
        for chosen in order[: count - count % size].reshape(count // size, size):
            yield packed(*mapped(operator.itemgetter(chosen), arrays))


def _of_iterables(begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    taken = 0
    while True:
        before = taken
        for item in begin():
            taken += 1
            batch = mapped(lambda leaf: leaf, item)
            unpacked(batch)
            yield batch
        if taken == before:
            end = f"after {taken} batches and cannot begin again" if taken else "before the first batch"
            raise ValueError(f"the data end {end}: give a data set that repeats, or take fewer steps")


def _once_through(sequence: Any) -> Callable[[], Iterator[Any]]:
    def begin() -> Iterator[Any]:
        # Keras 3 has num_batches, which is None for endless data; Keras 2 has len().
        count = sequence.num_batches if hasattr(sequence, "num_batches") else len(sequence)
        for index in itertools.count() if count is None else range(count):
            yield sequence[index]
        if hasattr(sequence, "on_epoch_end"):
            sequence.on_epoch_end()

    return begin
