r"""How far a value may be from the exact rate and still come from the textbook formula, and the grades of accuracy.

``formula_bound`` is one bound for every usual way to write the formula down, in a precision with unit roundoff u (2**-24 or
2**-53). With t the step, s the step_size, tau = t / s, h the exact height, sigma the exact scale, D = maximal - initial, and
r = u if the inputs are rounded to the precision before anything else happens, else 0:

*Half cycles.* The step is converted, 2 s or 1 / s rounded, the quotient rounded; s itself was off by r. Hence tau' is within
(3 u + r) tau of tau.

*Height.* The cycle is floor(1 + tau' / 2), and the height 1 - |tau' - 2 cycle + 1|, or the distance from the peak in
fractions of a cycle (PyTorch), or a remainder by 2 s, which rounds less. Sums may be taken in any order: at most two
roundings of partial sums up to tau + 2, and four of numbers up to 2. Near the end of a cycle the cycle may come out one too
high: the height is then 0 instead of at most u (tau + 2). The wave is 1-Lipschitz and periodic in tau, so

    e_h = min(1, (3 u + r) tau + 3 u (tau + 2) + 4 u)

*Asymmetric cycles.* With d the step_size_down, L = s + d, and K = L / min(s, d), tau is t / min(s, d), in which the wave is
1-Lipschitz. The position in the cycle is found in steps, or in fractions of a cycle (PyTorch), as above, with L for 2 s. Its
error, in units of min(s, d), is at most (3 u + r) tau + 2 u (tau + K) + 4 u K. The height is its quotient by s, by d, or by a
difference of fractions such as s / L - 1, whose relative error is at most K (2 u + 2 r) + u. Rounded up,

    e_h = min(1, (3 u + r) tau + 3 u (tau + 2 K) + K (6 u + 2 r))

*Scale.* 2**(1 - cycle) is exact. Where h <= e_h the cycle may be one too small, which doubles it. Where it may be further off,
nothing is left of the scale. gamma**t is off by what a power function is off (``POWER_ULP``), or exp(t ln gamma) taken instead
(4 u t |ln gamma|), by the conversion of t (u t |ln gamma|), and by gamma's own rounding (r t).

*Rate.* D, D h and D h sigma are rounded once each. The sum may be taken as a weighted mean, initial (1 - w) + maximal w with
w = h sigma: at most three roundings of each part. The bounds themselves are off by r, as is D.

    |error| <= |D| (1 + e_s) sigma (e_h + 3 u (h + e_h)) + |D| h sigma e_s
               + (3 u + 2 r) (|initial| + |maximal| (1 + e_s) sigma (h + e_h)) + underflow

with |D| increased by r (|initial| + |maximal|).

*Underflow.* Numbers below the smallest normal number may be flushed to zero. With P = (1 + e_s) sigma, the bounds and D cost up
to max(1, 2 P - 1) times that number, a product of D, h and sigma up to max(1, P, |D|), since any of them makes the whole
product 0, and a sum 1: at most 3 max(1, P, |D|).
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref import exact
from clr_ref.conformance.config import Config

#: Error allowed to the power function that an implementation calls, in ULP of its dtype. glibc's manual states at most 1 ULP
#: for ``pow`` and ``powf``; the vectorised power of TensorFlow, the least accurate that was measured, is up to 1.42 ULP off in
#: float32. Rounded up: an implementation must not fail for the power function of its library.
POWER_ULP = 2


class Level(enum.Enum):
    """How close a value must be to the exact rate.

    - ``SEMANTICS``: as close as the formula in float32 is, even if the value is a float64.
    - ``FORMULA``: as close as the formula in the precision of the value is.
    - ``CORRECT``: the exact rate, rounded once.
    """

    SEMANTICS = "semantics"
    FORMULA = "formula"
    CORRECT = "correct"


class Grade(str, enum.Enum):
    """How accurate an implementation is."""

    CORRECT = "correctly rounded"
    FORMULA = "as the textbook formula"
    WORSE = "worse than the textbook formula"
    NONE = "not graded"


@dataclasses.dataclass(frozen=True)
class Rates:
    """The exact rate at a step, and how far from it a value may be at a level.

    ``rounded`` is the rate rounded to the dtype; ``exact`` is the rate itself, or within 2**-128 of an irrational one;
    ``slack`` is 0 at ``Level.CORRECT``.
    """

    rounded: Any
    exact: Fraction
    slack: Fraction

    def allows(self, value: Any) -> bool:
        """Returns whether a value, a NumPy scalar, is close enough: without slack, whether it has the very bits."""
        if not self.slack:
            return bool(value.tobytes() == self.rounded.tobytes())
        return self.error(value) <= self.slack if np.isfinite(value) else bool(value == self.rounded)

    def share(self, value: Any) -> float:
        """Returns the error of a value divided by the slack, which is not 0; 1 is the limit.

        It is infinite where no float can hold it, and for an infinite value, except where the rate itself is beyond all floats.
        """
        if not np.isfinite(value):
            return 0.0 if value == self.rounded else math.inf
        return float(exact.round_to(self.error(value) / self.slack, "float64"))

    def error(self, value: Any) -> Fraction:
        """Returns the distance of a finite value from the exact rate."""
        return abs(Fraction(float(value)) - self.exact)


@functools.lru_cache(maxsize=1 << 16)
def rates(config: Config, step: int, level: Level, gamma_is_kept: bool = False) -> Rates:
    """Returns the exact rate of a config at a step, and how far from it a value may be; see ``formula_bound``."""
    schedule = config.build()
    low, _ = next(exact.enclosures(schedule, step))
    slack = Fraction(0) if level is Level.CORRECT else Fraction(formula_bound(config, step, level, gamma_is_kept))
    return Rates(exact.rounded(schedule, step), low, slack)


def formula_bound(config: Config, step: int, level: Level, gamma_is_kept: bool = False) -> float:
    """Returns an absolute bound on the error of the textbook formula, which the module's docstring derives.

    Args:
        config: its dtype is the precision of the value.
        step: a whole number, 0 or more.
        level: ``SEMANTICS`` for the formula in float32; ``FORMULA`` for the formula in the config's dtype. float32 inputs are
            rounded first; float64 ones are not, since a Python float is a float64 already.
        gamma_is_kept: allow no rounding of gamma itself.
    """
    dtype = "float32" if level is Level.SEMANTICS else config.dtype
    bits, smallest, _ = exact.FORMATS[dtype]
    u = 2.0**-bits
    tiny = math.ldexp(1.0, smallest + bits - 1)
    r = u if dtype == "float32" else 0.0
    schedule = config.build()
    initial, maximal = abs(schedule.initial_learning_rate), abs(schedule.maximal_learning_rate)
    rise, fall = Fraction(schedule.step_size), Fraction(schedule.fall)
    cycle, exact_height = exact.phase(rise, step, fall)
    tau, height = float(Fraction(step) / min(rise, fall)), float(exact_height)

    off = (3 * u + r) * tau + 3 * u * (tau + 2) + 4 * u
    if schedule.step_size_down is not None:
        k = float((rise + fall) / min(rise, fall))
        off = (3 * u + r) * tau + 3 * u * (tau + 2 * k) + k * (6 * u + 2 * r)
    error_h = min(1.0, off)
    sigma, error_s = 1.0, 0.0
    if config.policy == "triangular2":
        sigma = math.ldexp(1.0, 1 - cycle)
        error_s = 1.0 if height <= error_h else 0.0
    elif config.policy == "exp_range":
        log = abs(math.log(config.gamma))
        sigma = math.exp(min(step * math.log(config.gamma), 700.0))
        off_gamma = 0.0 if gamma_is_kept else r
        error_s = math.expm1(min(step * (off_gamma + 5 * u * log), 700.0)) + 2 * POWER_ULP * u
    amplitude = abs(schedule.maximal_learning_rate - schedule.initial_learning_rate) + r * (initial + maximal)
    with np.errstate(all="ignore"):
        peak = sigma * (1 + error_s)
        bound = amplitude * peak * (error_h + 3 * u * (height + error_h)) + amplitude * height * sigma * error_s
        bound += (3 * u + 2 * r) * (initial + maximal * peak * min(1.0, height + error_h))
        bound += 3 * tiny * max(1.0, peak, amplitude)
    # The bound itself is computed in float64, and leaves out products of two errors.
    bound *= 1 + 2.0**-20 if bits == 24 else 1 + 2.0**-40
    return min(bound, float(np.finfo(np.float64).max)) if not math.isnan(bound) else float(np.finfo(np.float64).max)
