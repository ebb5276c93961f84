"""The numbers that a schedule computes once, before the first step, and the limits within which they are accurate."""

from __future__ import annotations

import dataclasses
import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from clr_ref import policies
from clr_ref._environment import kept
from clr_ref.exact import round_to
from clr_ref.fast.powers import Powers
from clr_ref.parameters import NUMBERS, Parameters

#: Unit roundoff of float64.
U = 2.0**-53
#: The smallest normal number of float32, and the largest.
SMALLEST_NORMAL, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
#: The period and the whole-number cycle stay below this, so that int64 never overflows.
LIMIT = 1 << 62
#: Below this, step * q and its quotient by the period are accurate enough in float64 to find the right cycle
#: (``arrays.products``).
PHASE_LIMIT = 1 << 51
#: Powers of gamma, and of two, are held at 2**-SPAN. Beyond it no float32 result changes: |maximal - initial| * height is 0 or
#: lies in 2**-211 .. 2**129 for float32 schedules with a period below LIMIT. A float64 result could change; WINDOW catches
#: those steps, and they are computed exactly: with bounds inside 2**+-ROOM, a power beyond SPAN makes a product beyond WINDOW.
SPAN = {"float32": 400, "float64": 900}
#: float64 schedules whose bounds and step_size lie inside 2**+-ROOM (or are 0) are evaluated in pairs of float64.
ROOM = 100
#: Products outside 2**+-WINDOW have lost accuracy to underflow, or to SPAN.
WINDOW = 690


@dataclasses.dataclass(frozen=True)
class Plan:
    """The numbers that a schedule computes once.

    In units of 2**-shift steps, the rate rises for ``p`` units with the slope (maximal - initial) / p, and falls for ``fall``
    units with ``fall_slope``. Both are equal in a symmetric cycle.
    """

    schedule: Parameters
    #: the geometric scale, or None for a function of the user and for policies that are only computed exactly.
    scale: policies.Geometric | None
    p: int
    fall: int
    shift: int
    initial: float
    amplitude: float
    slope: float
    fall_slope: float
    #: roundings that the product m * slope * scale suffers, each of relative size U at most.
    roundings: int
    #: whether sums may cancel, so that the error is not small against the result.
    cancels: bool
    #: whether float64 arithmetic can be trusted with the numbers at all; if not, every step is computed exactly.
    regular: bool
    #: the largest step of the fast path; -1 where the policy or the dtype has none.
    last_fast_step: int

    # Cached, since the scalar path reads them at every step.
    @functools.cached_property
    def period(self) -> int:
        """The length of a cycle, in units of 2**-shift steps."""
        return self.p + self.fall

    @functools.cached_property
    def is_symmetric(self) -> bool:
        """Whether the rate falls for as many steps as it rises."""
        return self.p == self.fall

    @functools.cached_property
    def is_constant(self) -> bool:
        """Whether the scale is 1."""
        return self.scale == policies.ONE

    @functools.cached_property
    def halves(self) -> bool:
        """Whether the scale is 2**(1 - argument), which is assembled from its bits."""
        return self.scale == policies.HALVING

    @functools.cached_property
    def halved(self) -> Any:
        """An array of one number, to which arrays of triangular2 apply 2**-cycle: the slope, or 1 where two slopes differ."""
        return np.array([self.slope if self.is_symmetric else 1.0])

    @functools.cached_property
    def floor(self) -> float:
        """Values below this may be subnormal in float32; 0 where none can be."""
        smallest = min(abs(self.slope), abs(self.fall_slope)) if self.is_constant else 0.0
        return 0.0 if max(abs(self.initial), smallest) >= SMALLEST_NORMAL and not self.cancels else SMALLEST_NORMAL

    @functools.cached_property
    def exact_slopes(self) -> tuple[Fraction, Fraction]:
        """The slopes of the rise and of the fall, without any rounding."""
        amplitude = Fraction(self.schedule.maximal_learning_rate) - Fraction(self.schedule.initial_learning_rate)
        return amplitude / self.p, amplitude / self.fall

    @functools.cached_property
    def short_slopes(self) -> list[tuple[float, float]] | None:
        """Two numbers for each slope, whose sum is the slope to 54 bits at least; their products with m are exact.

        None if m is too long for that, or if a product could overflow or underflow.
        """
        bits = 53 - max(self.p, self.fall).bit_length()
        smallest = min(abs(self.slope), abs(self.fall_slope))
        if bits < 27 or not (smallest > 2.0**-900 and abs(self.amplitude) < 2.0**900):
            return None
        highs = [(slope, _rounded_to(bits, float(slope))) for slope in self.exact_slopes]
        return [(high, _rounded_to(bits, float(slope - Fraction(high)))) for slope, high in highs]

    @functools.cached_property
    def turned(self) -> Plan:
        """The plan of the schedule upside down: from its maximal rate to its initial one."""
        low, high = self.schedule.initial_learning_rate, self.schedule.maximal_learning_rate
        return plan(dataclasses.replace(self.schedule, initial_learning_rate=high, maximal_learning_rate=low))

    @functools.cached_property
    def powers(self) -> Powers:
        """The powers of gamma; only for a scale that is a power of gamma."""
        assert self.scale is not None
        return Powers(self.scale.base, SPAN[self.schedule.dtype])


def _rounded_to(bits: int, number: float) -> float:
    fraction, exponent = math.frexp(number)
    return math.ldexp(round(math.ldexp(fraction, bits)), exponent - bits)


def twice_the_error(roundings: int, product: Any, near: Any) -> Any:
    """Twice the bound on the error of a float64 rate ``near``, from sizes that are at least those of its product and of itself.

    It is doubled for the roundings of the sum itself and of near +- error; the absolute term is for products that underflow.
    """
    return 2 * U * (roundings * product + 2 * near) + 2.0**-1000


def plan(schedule: Parameters) -> Plan:
    """The plan of a schedule."""
    for name in NUMBERS:
        kept(name, getattr(schedule, name))
    sizes = Fraction(schedule.step_size), Fraction(kept("step_size_down", schedule.fall))
    shift = max(size.denominator for size in sizes).bit_length() - 1  # both denominators are powers of two
    p, fall = (int(size * 2**shift) for size in sizes)
    initial, maximal = schedule.initial_learning_rate, schedule.maximal_learning_rate
    amplitude = Fraction(maximal) - Fraction(initial)
    policy, scale = schedule.policy, schedule.policy.scale
    if scale is not None:
        kept("gamma", scale.base)
    regular = p + fall < LIMIT and (scale is not None or policy.function is not None)
    if schedule.dtype == "float64":
        # Error-free transformations want room on both sides: no overflow when splitting, no underflow of an error term.
        magnitudes = [abs(x) for x in (initial, maximal, schedule.step_size) if x]
        regular &= max(p, fall) < 2**53 and all(2.0**-ROOM < x < 2.0**ROOM for x in magnitudes)
    if scale is not None and scale.base == 1:
        scale = policies.ONE
    roundings = 3  # slope, product, and m itself where it has more than 53 bits
    if scale is None:
        roundings += 1
    elif scale not in (policies.ONE, policies.HALVING):
        roundings += 2 * Powers.MAX_LEVELS
    away_from_zero = (initial >= 0 and amplitude >= 0) or (initial <= 0 and amplitude < 0)
    fast = schedule.dtype == "float32" and p + fall < PHASE_LIMIT and _has_fast_path(scale, schedule.scale_mode)
    return Plan(
        schedule=schedule,
        scale=scale,
        p=p,
        fall=fall,
        shift=shift,
        initial=initial,
        amplitude=_nearest(amplitude),
        slope=_nearest(amplitude / p),
        fall_slope=_nearest(amplitude / fall),
        roundings=roundings,
        # A geometric scale is positive; a function of the user may have any sign.
        cancels=scale is None or not away_from_zero,
        regular=regular,
        last_fast_step=(PHASE_LIMIT - p - fall) >> shift if fast else -1,
    )


def _has_fast_path(scale: policies.Geometric | None, scale_mode: str) -> bool:
    """Whether the scale is one of the paper's: 1, halved every cycle, or a power of gamma < 1 that falls with every step."""
    if scale is None or scale == policies.ONE:
        return scale is not None
    return scale_mode == "cycle" if scale == policies.HALVING else scale_mode == "iterations" and scale.base < 1


def _nearest(exact_value: Fraction) -> float:
    return float(round_to(exact_value, "float64"))
