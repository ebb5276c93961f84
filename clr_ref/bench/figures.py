"""What one contender takes at one size: its time, as a ratio to ``np.full`` of that size, and its memory."""

from __future__ import annotations

import dataclasses
import statistics
import tracemalloc
import warnings
from collections.abc import Callable, Iterable

from clr_ref.bench.contenders import BASELINE, CONTENDERS
from clr_ref.bench.rounds import Call, interleaved

SIZES = (1, 1_000, 100_000, 10_000_000)


@dataclasses.dataclass(frozen=True)
class Figure:
    """One contender at one size.

    ``median`` is in CPU seconds per call. ``ratio`` is the median of the ratios to ``base``, ``low`` and ``high`` are their
    quartiles. ``memory`` is the peak of what NumPy and Python allocated during a call, as a multiple of the result's bytes. It
    is None if another library allocates, or if the result is one number.
    """

    contender: str
    size: int
    base: str
    median: float
    ratio: float
    low: float
    high: float
    memory: float | None = None


def figure(contender: str, size: int, base: str, times: list[float], base_times: list[float], memory: float | None) -> Figure:
    """The figure of a contender from its times and those of the base, in the order of the rounds."""
    ratios = [time / base_time for time, base_time in zip(times, base_times, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Figure(contender, size, base, statistics.median(times), ratio, low, high, memory)


def show_steps(size: int) -> str:
    """A number of steps, in words."""
    return f"{size:,} step{'s' if size > 1 else ''}"


def measure(
    names: Iterable[str],
    sizes: Iterable[int] = SIZES,
    rounds: int = 11,
    done: Callable[[str], None] = lambda text: None,
) -> tuple[list[Figure], dict[str, str]]:
    """Figures of contenders, and the reason for each contender that is not installed.

    Args:
        names: of CONTENDERS; BASELINE is always measured.
        sizes: numbers of steps.
        rounds: how often each contender is timed.
        done: called with a line of text after each size.
    """
    names = [BASELINE, *(name for name in names if name != BASELINE)]
    figures, missing = [], {}
    for size in sizes:
        calls, memory = {}, {}
        for name in names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old TensorFlows warn when they are imported
                try:
                    calls[name] = CONTENDERS[name](size)
                    memory[name] = _memory(name, calls[name], size)
                except ImportError as error:
                    missing[name] = str(error)
                except NotImplementedError:
                    continue
        times = interleaved(calls, rounds)
        figures += [figure(name, size, BASELINE, times[name], times[BASELINE], memory[name]) for name in calls]
        done(f"{show_steps(size)}: {len(calls)} contenders")
    return figures, missing


def _memory(name: str, call: Call, size: int) -> float | None:
    if size == 1 or not name.startswith((BASELINE, "reference", "tfa_arithmetic")):
        return None
    call()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1] / float(result.nbytes)
    finally:
        tracemalloc.stop()
