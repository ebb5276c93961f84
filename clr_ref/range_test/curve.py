"""The curve of a range test: its rates, its smoothed losses, and the suggested bounds. Pure functions of NumPy arrays."""

from __future__ import annotations

import dataclasses
import math
import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import exact
from clr_ref._inputs import as_exact, shown
from clr_ref.exact import ulp

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sweep = Literal["exponential", "linear"]

#: A suggestion needs at least so many rates, each with the loss after it.
FEWEST = 10
#: The fall has begun when this share of it is done, and counts as over when only this share is left.
_SHARE = 0.1
#: A fall of fewer than so many standard deviations of a single loss may be noise.
_SCATTERS = 2.0


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """Suggested bounds for a cyclical learning rate, and the reason in words.

    Args:
        initial_learning_rate: the lower bound, or None if the curve does not show it.
        maximal_learning_rate: the upper bound, or None if the curve does not show it.
        reason: why the bounds are suggested, or why one is missing.

    Examples:
        >>> from clr_ref.range_test import suggest
        >>> suggest([0.1, 0.2], [1.0, 0.9]).reason.partition(":")[0]
        'a suggestion needs at least 11 losses that are finite, got 2'
    """

    initial_learning_rate: float | None
    maximal_learning_rate: float | None
    reason: str


def rates(minimal_learning_rate: float, maximal_learning_rate: float, steps: int, sweep: str = "exponential") -> NDArray[Any]:
    """Return the rates of a sweep: a float32 array of length ``steps``, the same bits on every machine.

    The first is minimal_learning_rate and the last maximal_learning_rate, both rounded to float32. The others have a constant
    difference (linear) or a constant ratio (exponential). They are computed exactly, or to 100 bits, and rounded once.

    Raises:
        TypeError: an argument is no number.
        ValueError: not 0 < minimal < maximal, both finite in float32 (a linear sweep may start at 0); steps no whole number
            >= 2; another sweep.
    """
    if sweep not in _SWEEPS:
        raise ValueError(f"sweep must be 'exponential' or 'linear', got {sweep!r}")
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)):
        raise TypeError(f"steps must be a whole number >= 2, got {steps!r}")
    if steps < 2:
        raise ValueError(f"steps must be a whole number >= 2, got {steps!r}")
    low = _bound("minimal_learning_rate", minimal_learning_rate)
    high = _bound("maximal_learning_rate", maximal_learning_rate)
    spaced, accepts, accepted = _SWEEPS[sweep]
    if not accepts(low, 0):
        raise ValueError(f"minimal_learning_rate must be a finite float32 {accepted}, got {minimal_learning_rate!r}")
    if high <= low:
        raise ValueError(
            f"maximal_learning_rate must be above minimal_learning_rate, got {maximal_learning_rate!r} and "
            f"{minimal_learning_rate!r}"
        )
    between = spaced(low, high, int(steps) - 1)
    return np.array([exact.round_to(rate, "float32") for rate in (low, *between, high)], np.float32)


def _exponential(low: Fraction, high: Fraction, last: int) -> list[Fraction]:
    """Return the rates between the ends, of which the upper one is rate ``last``."""
    import mpmath

    with mpmath.workprec(100):
        ratio = mpmath.log(mpmath.mpf(high.numerator) / high.denominator * low.denominator / low.numerator) / last
        factors = [mpmath.exp(ratio * k) for k in range(1, last)]
    return [low * _fraction(factor) for factor in factors]


def _linear(low: Fraction, high: Fraction, last: int) -> list[Fraction]:
    return [low + (high - low) * k / last for k in range(1, last)]


#: Of each sweep, the rates between the ends, and which minimal rates it takes.
_SWEEPS = {"exponential": (_exponential, operator.gt, "> 0 in an exponential sweep"), "linear": (_linear, operator.ge, ">= 0")}


def smoothed(losses: Any, smoothing: float = 0.9) -> NDArray[np.float64]:
    """Return the exponential moving average of losses, without the bias towards its start: a float64 array of their shape.

    Element t is the mean of losses 0 .. t, where loss t - j has the weight ``smoothing**j``. So the first is the first loss.

    Raises:
        ValueError: losses that are not one-dimensional; smoothing outside 0 <= smoothing < 1.
    """
    given = _checked(losses, smoothing)
    out = np.empty_like(given)
    total, weight = 0.0, 0.0
    for t, loss in enumerate(given.tolist()):
        total, weight = smoothing * total + loss, smoothing * weight + 1.0
        out[t] = total / weight
    return out


def judged(losses: Any, smoothing: float = 0.9) -> NDArray[np.float64]:
    """Return the effect of each rate: element t is the smoothed loss t + 1, the first after rate t, in float64.

    The losses are smoothed from both sides, so that the curve does not lag behind the rates. Losses above the level of the
    start count as that level, so that a divergence does not hide the losses before it. The curve ends at the first loss that
    is not finite.
    """
    every = _finite(losses)
    capped = _capped(every, _window(len(every) - 1))
    return (smoothed(capped, smoothing) + smoothed(capped[::-1], smoothing)[::-1]) / 2


def limits(trend: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis of losses, of which ``judged`` ones fill half; a change below 1 % of the level fills less."""
    low, high = float(trend.min()), float(trend.max())
    room = 0.5 * max(high - low, abs(high) * 0.01, 1e-12)
    return low - room, high + room


def suggest(rates: Any, losses: Any, smoothing: float = 0.9) -> Suggestion:
    """Return the rates at which the loss starts to fall and stops falling.

    Loss t was computed before rate t was applied, so rate t is judged by the loss after it. The initial rate is the first after
    which the loss stays below the start by a tenth of the whole fall, and by more than its noise. The maximal rate is the first
    after which a tenth or less of the fall is left.

    Args:
        rates: the applied rates, ascending, of shape (n,).
        losses: the loss before each rate, of shape (n,). The curve ends at the first loss that is not finite.
        smoothing: the weight of the past in the smoothed loss, 0 <= smoothing < 1.

    Returns:
        A ``Suggestion``, with the reason in words.

    Raises:
        ValueError: losses that are not one-dimensional; smoothing outside its range.

    Examples:
        >>> import numpy as np
        >>> from clr_ref.range_test import suggest
        >>> rates = np.geomspace(1e-3, 1.0, 60)
        >>> fall = np.interp(np.arange(60), [0, 20, 40, 50, 59], [1.0, 1.0, 0.1, 0.1, 2.0])
        >>> suggestion = suggest(rates, fall)
        >>> print(f"{suggestion.initial_learning_rate:.2g} to {suggestion.maximal_learning_rate:.2g}")
        0.0036 to 0.068
    """
    every = _finite(_checked(losses, smoothing))
    if len(every) <= FEWEST:
        return Suggestion(
            None,
            None,
            f"a suggestion needs at least {FEWEST + 1} losses that are finite, got {len(every)}: take more steps, "
            "or smaller rates where the sweep was stopped",
        )
    caused = np.asarray(rates, np.float32)[: len(every) - 1]
    window = _window(len(caused))
    capped = _capped(every, window)
    trend = judged(every, smoothing)
    lowest = int(np.argmin(trend))
    scatter = _scatter(capped[: max(lowest + 1, window)])
    noise = _noise(scatter, smoothing)
    begun = _begun(trend, lowest, float(np.median(every[:window])), noise)
    start = float(np.median(every[: max(begun + 1, window)]))  # a better level: that of all losses before the fall
    begun = _begun(trend, lowest, start, noise)
    fall = start - float(trend[lowest])
    if lowest < window or not fall > _SCATTERS * scatter:
        return Suggestion(
            None,
            None,
            f"the loss never fell clearly: from {start:.3g} at the start to {trend[lowest]:.3g} at {_show(caused[lowest])}, "
            f"where single losses scatter by {scatter:.2g}; sweep to other rates, take more steps or larger batches",
        )
    initial = float(caused[begun])
    words = f"has begun to fall ({start:.3g} to {trend[lowest]:.3g}) at {_show(initial)}"
    if begun < window:
        words = f"falls from the first rates on ({words}; a sweep from lower rates may show a lower bound)"
    words = f"the loss {words}"
    done = int(np.argmax(trend <= trend[lowest] + _SHARE * fall))
    if len(caused) - 1 - lowest < window // 2:
        return Suggestion(
            initial, None, f"{words}; it is still falling at the last rate, {_show(caused[-1])}: sweep to higher rates"
        )
    maximal = float(caused[done])
    if not maximal > initial:
        return Suggestion(
            None, None, f"the loss falls too abruptly, at {_show(initial)}, to tell two bounds apart: take more steps"
        )
    end = f"at {_show(caused[lowest])}, which is {caused[lowest] / maximal:.2g} times as high" if lowest > done else "there"
    return Suggestion(
        initial, maximal, f"{words}, and nine tenths of the fall are done at {_show(maximal)}; it stops falling {end}"
    )


def _checked(losses: Any, smoothing: float) -> NDArray[np.float64]:
    given = np.asarray(losses, np.float64)
    if given.ndim != 1:
        raise ValueError(f"losses must be one-dimensional, got the shape {given.shape}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be a number 0 <= smoothing < 1, got {smoothing!r}")
    return given


def _finite(losses: Any) -> NDArray[np.float64]:
    """Return the losses before the first that is not finite."""
    every = np.asarray(losses, np.float64)
    return every[: int(np.argmin(np.append(np.isfinite(every), False)))]


def _window(count: int) -> int:
    """Return how many of so many losses are the start."""
    return max(5, count // 10)


def _capped(every: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    return np.minimum(every[1:], np.max(every[:window], initial=-np.inf))


def _begun(trend: NDArray[np.float64], lowest: int, start: float, noise: float) -> int:
    """Return the index from which the trend stays below the start by a share of the fall and by noise, until it is lowest."""
    above = np.flatnonzero(trend[:lowest] > start - max(_SHARE * (start - trend[lowest]), noise))
    return int(above[-1]) + 1 if above.size else 0


def _scatter(losses: NDArray[np.float64]) -> float:
    """Return the standard deviation of a single loss about its trend, from the median step between neighbours."""
    # The median of |a - b| for normal a, b of standard deviation s is 0.6745 * sqrt(2) * s.
    return float(np.median(np.abs(np.diff(losses)))) / (0.6745 * math.sqrt(2))


def _noise(scatter: float, smoothing: float) -> float:
    """Return a bound on the noise of a smoothed loss: three standard deviations."""
    return 3 * scatter * math.sqrt((1 - smoothing) / (1 + smoothing))


def _bound(name: str, value: Any) -> Fraction:
    number = as_exact(name, value)
    rounded = math.inf if number is None else float(exact.round_to(number, "float32"))
    if not math.isfinite(rounded):
        raise ValueError(f"{name} must be a finite float32, got {shown(value)}")
    return Fraction(rounded)


def _fraction(number: Any) -> Fraction:
    _, mantissa, exponent, _ = number._mpf_
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _show(rate: Any) -> str:
    return ulp.shortest(np.float32(f"{float(rate):.3g}"))
