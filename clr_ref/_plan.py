"""What a schedule computes once, before the first step: the numbers of its formula, and what may be believed of them."""

from __future__ import annotations

import dataclasses
import functools
from fractions import Fraction
from typing import TYPE_CHECKING

from clr_ref import exact, scale as scales
from clr_ref._powers import Powers

if TYPE_CHECKING:
    from clr_ref.schedule import CyclicalLearningRate

#: Unit roundoff of float64.
U = 2.0**-53
#: 2p and the whole-number cycle stay below this, so that int64 never overflows.
LIMIT = 1 << 62
#: Whole numbers up to this are float64, and so is what the phase is made of; the quotient of two of them is off by less than it
#: takes to be rounded to the wrong whole number (``_engine._products``).
EXACT = 1 << 51
#: Powers of gamma are looked up for exponents up to where they leave 2**+-SPAN. Beyond, no float32 result changes:
#: |maximal - initial| * height is 0 or lies in 2**-211 .. 2**129 for float32 schedules with 2p < LIMIT. A float64 result may,
#: and is seen to by WINDOW: with bounds inside 2**+-ROOM, a power beyond SPAN makes a product beyond WINDOW.
SPAN = {"float32": 400, "float64": 900}
#: float64 schedules whose bounds and step_size lie inside 2**+-ROOM (or are 0) are evaluated in pairs of float64.
ROOM = 100
#: Products outside 2**+-WINDOW have lost accuracy to underflow, or to SPAN.
WINDOW = 690


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a schedule computes once. ``p / 2**shift`` is the step_size; ``slope`` is (maximal - initial) / p."""

    schedule: CyclicalLearningRate
    scale_fn: scales.ScaleFn
    p: int
    shift: int
    initial: float
    amplitude: float
    slope: float
    #: roundings that the product m * slope * scale suffers, each of relative size U at most.
    roundings: int
    #: whether sums may cancel, so that the error is not small against the result.
    cancels: bool
    #: whether float64 arithmetic can be trusted with the numbers at all; if not, every step is settled exactly.
    regular: bool
    #: the largest step whose phase can be computed in float64; -1 where the policy or the dtype needs the general way.
    swift: int

    @functools.cached_property
    def floor(self) -> float:
        """Values below this may be subnormal in float32; 0 where none can be."""
        smallest = self.slope if isinstance(self.scale_fn, scales.Constant) else 0.0
        return 0.0 if max(abs(self.initial), abs(smallest)) >= 2.0**-126 and not self.cancels else 2.0**-126

    @functools.cached_property
    def powers(self) -> Powers:
        assert isinstance(self.scale_fn, scales.Exponential)
        return Powers(self.scale_fn.gamma, SPAN[self.schedule.dtype])


def plan(schedule: CyclicalLearningRate) -> Plan:
    step_size = Fraction(schedule.step_size)
    p, shift = step_size.numerator, step_size.denominator.bit_length() - 1
    low, high = sorted((schedule.initial_learning_rate, schedule.maximal_learning_rate))
    amplitude = Fraction(schedule.maximal_learning_rate) - Fraction(schedule.initial_learning_rate)
    regular = 2 * p < LIMIT
    if schedule.dtype == "float64":
        # Error-free transformations want room on both sides: no overflow when splitting, no underflow of an error term.
        magnitudes = [abs(x) for x in (low, high, schedule.step_size) if x]
        regular &= p < 2**53 and all(2.0**-ROOM < x < 2.0**ROOM for x in magnitudes)
    scale_fn = schedule.scale_fn
    if isinstance(scale_fn, scales.Exponential) and scale_fn.gamma == 1:
        scale_fn = scales.Constant()
    roundings = 3  # slope, product, and m itself where it has more than 53 bits
    if isinstance(scale_fn, scales.Exponential):
        roundings += 2 * Powers.MAX_LEVELS
    elif not isinstance(scale_fn, (scales.Constant, scales.Halving)):
        roundings += 1
    rises = amplitude >= 0
    same_sign = (schedule.initial_learning_rate >= 0 and rises) or (schedule.initial_learning_rate <= 0 and not rises)
    positive_scale = isinstance(scale_fn, scales.POLICIES)
    of_the_paper = (
        isinstance(scale_fn, scales.Constant)
        or (isinstance(scale_fn, scales.Halving) and schedule.scale_mode == "cycle")
        or (isinstance(scale_fn, scales.Exponential) and schedule.scale_mode == "iterations" and scale_fn.gamma < 1)
    )
    return Plan(
        schedule=schedule,
        scale_fn=scale_fn,
        p=p,
        shift=shift,
        initial=schedule.initial_learning_rate,
        amplitude=nearest(amplitude),
        slope=nearest(amplitude / p),
        roundings=roundings,
        cancels=not (same_sign and positive_scale),
        regular=regular,
        swift=(EXACT - 2 * p) >> shift if of_the_paper and schedule.dtype == "float32" and 2 * p < EXACT else -1,
    )


def nearest(exact_value: Fraction) -> float:
    return float(exact.round_to(exact_value, "float64"))
