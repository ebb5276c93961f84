"""What a user's ``make()`` returns: a Keras model, its data and, if it has them, other data to measure with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from clr_ref.training.samples import Samples, leaves, mapped


class MadeError(ValueError):
    """A function that returns something else, or data that cannot be used; the message names the function."""


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """The parts of what ``make()`` returned; ``validation`` is None without them."""

    model: Any
    data: Any
    validation: Any = None


def made(returned: Any, target: str) -> Made:
    """The parts of (model, data) or (model, data, validation).

    Args:
        returned: what the function returned.
        target: its name in an error.

    Raises:
        MadeError: it is something else.
    """
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        got = f"a tuple of {len(returned)}" if isinstance(returned, tuple) else type(returned).__name__
        raise MadeError(f"{target} must return (model, data) or (model, data, validation), got {got}")
    return Made(*returned)


def parts(data: Any, target: str) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of data, None for those that they do not have.

    Raises:
        MadeError: a tuple of another length.
    """
    given = data if isinstance(data, tuple) else (data,)
    if not 1 <= len(given) <= 3:
        raise MadeError(f"the data of {target} must be (x, y) or (x, y, sample_weight), got a tuple of {len(given)}")
    x, y, weights = (*given, None, None)[:3]
    return x, y, weights


def samples(data: Any, target: str) -> Samples:
    """The samples of arrays (x, y), or of a data set whose batches are such.

    A data set is read twice, since one that shuffles its samples anew could not be repeated.

    Raises:
        MadeError: other data; data without an end, or that differ when they are read again.
    """
    try:
        if isinstance(data, tuple):
            return _pair(data, f"the data of {target}")
        first, second = _joined(data, target), _joined(data, target)
        if first.sha256() != second.sha256():
            raise MadeError(
                f"the data set of {target} yields other batches when it is read again: return arrays, or a data set of a fixed "
                "order; training shuffles the samples itself"
            )
        return first
    except (TypeError, ValueError) as error:
        if isinstance(error, MadeError):
            raise
        raise MadeError(f"the data of {target} cannot be used: {error}") from None


def _pair(data: Any, what: str) -> Samples:
    if not isinstance(data, tuple) or len(data) != 2:
        got = f"a tuple of {len(data)}" if isinstance(data, tuple) else type(data).__name__
        raise MadeError(f"{what} must be (x, y), without sample weights, got {got}")
    return Samples.of(*data)


def _joined(data: Any, target: str) -> Samples:
    batches = [_pair(batch, f"a batch of {target}") for batch in _batches(data, target)]
    if not batches:
        raise MadeError(f"the data set of {target} yields no batches")
    columns = zip(*(leaves((batch.x, batch.y)) for batch in batches), strict=True)
    joined = iter([np.concatenate(column) for column in columns])
    return Samples(*mapped(lambda _: next(joined), (batches[0].x, batches[0].y)))


def _batches(data: Any, target: str) -> Iterator[Any]:
    """One pass over a tf.data.Dataset, a Keras Sequence or PyDataset, or another object that can be iterated again."""
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        raise MadeError(f"the data set of {target} repeats without an end: return it without repeat()")
    if hasattr(data, "keys"):  # a dict, or a table of pandas
        raise MadeError(
            f"the data of {target} must be (x, y), or a data set whose batches are, got a {type(data).__name__} alone"
        )
    if hasattr(data, "__getitem__"):  # Keras 3 has num_batches, which is None for endless data; Keras 2 has len()
        count = data.num_batches if hasattr(data, "num_batches") else len(data)
        if count is None:
            raise MadeError(f"the data set of {target} has no end")
        return (data[index] for index in range(count))
    if hasattr(data, "__next__"):
        raise MadeError(f"the data of {target} can be read only once: return arrays or a data set, not a {type(data).__name__}")
    return iter(data)
