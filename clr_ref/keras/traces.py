"""Which optimizers called a schedule while a function was compiled: the function keeps the rates that the schedule had then."""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from collections.abc import Iterator
from typing import Any

from clr_ref.keras import api

#: The attribute of a schedule that holds the traces; copies do not have it.
TRACES = "_traces"
#: What stands for the attributes of traces that differ.
DIFFERENT = object()
_notes: contextvars.ContextVar[bool] = contextvars.ContextVar("_notes", default=True)


def note(schedule: Any, step: Any, made: Any) -> None:
    """Note that a function is being compiled which calls a schedule.

    Args:
        schedule: the schedule.
        step: the counter of an optimizer, or another tensor: legacy optimizers call a schedule with one.
        made: what belongs to the present attributes of the schedule.
    """
    if not _notes.get():
        return
    counter = step if api.is_variable(step) else None
    if counter is None and was_noted(schedule, None) and not was_noted(schedule, None, made):
        made = DIFFERENT  # nothing says whose functions these are
    kept = [pair for pair in _known(schedule) if pair[0] is not counter]
    schedule.__dict__[TRACES] = [(None if one is None else weakref.ref(one), what) for one, what in [*kept, (counter, made)]]


def was_noted(schedule: Any, counter: Any, *made: Any) -> bool:
    """Return True if a trace with a counter was noted, or with None for tensors; with ``made``, one with these attributes."""
    return any(one is counter and (not made or what is made[0]) for one, what in _known(schedule))


@contextlib.contextmanager
def unnoted() -> Iterator[None]:
    """Compile a function that is not part of a training."""
    token = _notes.set(False)
    try:
        yield
    finally:
        _notes.reset(token)


def _known(schedule: Any) -> list[tuple[Any, Any]]:
    """Return the counters that still exist, or None for tensors, and the attributes of the last trace with each."""
    pairs = (
        (None if one is None else one(), one is None, made) for one, made in getattr(schedule, "__dict__", {}).get(TRACES, ())
    )
    return [(counter, made) for counter, is_tensor, made in pairs if is_tensor or counter is not None]
