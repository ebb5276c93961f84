"""Samples and targets: arrays, alone or in dicts, lists and tuples, as Keras takes them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """What a model is trained on, or measured with.

    Args:
        x: an array, or arrays in dicts, lists and tuples; the first axis of each counts the samples.
        y: the targets, likewise.

    Raises:
        TypeError: an array of Python objects, or a number instead of an array.
        ValueError: no samples, or not the same number in each array.
    """

    x: Any
    y: Any

    def __post_init__(self) -> None:
        if not leaves(self.x):
            raise ValueError("x must be an array, or arrays in dicts, lists and tuples, got none")
        named = named_leaves("x", self.x) + named_leaves("y", self.y)
        for name, leaf in named:
            if not leaf.ndim:
                raise TypeError(f"{name} must be an array, got {leaf.item()!r}; a list stands for several: use np.array")
            if leaf.dtype.hasobject:
                raise TypeError(f"x and y must be arrays of numbers, got dtype {leaf.dtype}")
        lengths = {len(leaf) for _, leaf in named}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(f"x and y must have as many samples each, and at least one, got {sorted(lengths)}")

    @classmethod
    def of(cls, x: Any, y: Any) -> Samples:
        """The samples of what ``np.asarray`` makes arrays of. Lists become tuples."""
        return cls(mapped(np.asarray, x), mapped(np.asarray, y))

    def __len__(self) -> int:
        return len(leaves(self.x)[0])

    def rows(self, chosen: NDArray[np.int64] | slice) -> Samples:
        """The samples with these numbers, in this order."""
        return Samples(*mapped(lambda leaf: leaf[chosen], (self.x, self.y)))

    def sha256(self) -> str:
        """The sha256 of structure, dtypes, shapes and bytes."""
        digest = hashlib.sha256(repr(mapped(lambda leaf: (leaf.dtype.str, leaf.shape), (self.x, self.y))).encode())
        for leaf in leaves((self.x, self.y)):
            digest.update(np.ascontiguousarray(leaf).tobytes())
        return digest.hexdigest()


def mapped(function: Callable[[Any], Any], data: Any) -> Any:
    """The data with ``function`` applied to each leaf. None stays, and lists become tuples, as in ``fit``."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: mapped(function, value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        values = [mapped(function, value) for value in data]
        return type(data)(*values) if hasattr(data, "_fields") else tuple(values)
    return function(data)


def named_leaves(name: str, data: Any) -> list[tuple[str, Any]]:
    """All leaves of data, in the order of ``mapped``, each with this name and the keys and places that lead to it."""
    if data is None:
        return []
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in named_leaves(f"{name} {key}", value)]
    if isinstance(data, (list, tuple)):
        return [leaf for place, value in enumerate(data) for leaf in named_leaves(f"{name} {place}", value)]
    return [(name, data)]


def leaves(data: Any) -> list[Any]:
    """All leaves of data, in the order of ``mapped``."""
    return [leaf for _, leaf in named_leaves("", data)]
