"""Times of calls that take turns."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

Call = Callable[[], Any]
#: Seconds that one sample takes at least, so that reading the clock costs next to nothing of it.
_SAMPLE = 1e-3


def interleaved(calls: Mapping[Any, Call], rounds: int) -> dict[Any, list[float]]:
    """CPU seconds per call, for each call and round.

    Every round times each of them in turn, in a new random order. Each runs once untimed before, because the previous one left
    its own data in the caches and its own state in the allocator. The time is that of the CPU, in which other processes count
    less; it is comparable only if all calls run on one thread.
    """
    repeats = {}
    for name, call in calls.items():
        call()
        repeats[name] = 1
        while _timed(call, repeats[name]) * repeats[name] < _SAMPLE:
            repeats[name] *= 2
    times: dict[Any, list[float]] = {name: [] for name in calls}
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        order, names = random.Random(0), list(calls)
        for _ in range(rounds):
            order.shuffle(names)
            gc.collect()
            for name in names:
                calls[name]()
                times[name].append(_timed(calls[name], repeats[name]))
    finally:
        if was_enabled:
            gc.enable()
    return times


def _timed(call: Call, repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats
