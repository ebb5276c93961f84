"""Which optimizers called a schedule while a function was compiled: such a function keeps the rates that it had then."""

from __future__ import annotations

import weakref
from typing import Any

from clr_ref.keras import api, optimizers

#: The attribute of a schedule that holds the counters; copies do not have it.
COUNTERS = "_traced_by"


def note(schedule: Any, step: Any) -> None:
    """Note that a function is being compiled which calls a schedule with an optimizer's counter, or with another tensor."""
    known = schedule.__dict__.setdefault(COUNTERS, [])
    if not any(one is not None and one() is step for one in known):
        known.append(weakref.ref(step) if api.is_variable(step) else None)


def may_be_of(schedule: Any, optimizer: Any) -> bool:
    """Return False if no compiled function of an applying optimizer can have called a schedule.

    Legacy optimizers call it with a tensor, which says nothing of the optimizer.
    """
    counter = optimizers.counter(optimizer)
    return any(one is None or one() is counter for one in schedule.__dict__.get(COUNTERS, ()))
