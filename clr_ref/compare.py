"""Values against a tier, within a bound: a verdict. Pure functions; nothing here knows where the values come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import exact, policies
from clr_ref.exact import ulp
from clr_ref.parameters import Parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a verdict was measured against: the exact value, the reference schedule, or the record of TFA's answers.
Tier = Literal["exact", "reference", "record"]


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """The first step at which values leave their bound, with all that is needed to look into it.

    ``cycle`` counts from 1; ``phase`` is the position within it in half cycles, 0 to 2. ``expected`` and ``actual`` are in
    shortest decimal and hex. ``ulp`` is signed: actual minus expected, in floats between them. ``bound`` is in words.
    """

    case: str
    policy: str
    tier: Tier
    step: int
    cycle: int
    phase: float
    expected: str
    actual: str
    ulp: float
    bound: str
    repeat: str

    def __str__(self) -> str:
        return (
            f"{self.case}: {self.policy} against the {self.tier} tier, step {self.step} "
            f"(cycle {self.cycle}, phase {self.phase:.6g} of 2)\n"
            f"  expected {self.expected}\n"
            f"  actual   {self.actual}\n"
            f"  {self.ulp:+.0f} ULP, bound {self.bound}\n"
            f"  repeat with: {self.repeat}"
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One array of values held against one array of expectations.

    ``worst_ulp`` is the largest distance in floats; ``worst_share`` the largest error as a share of its bound, or None where
    the bound is a number of ULP.
    """

    values: int
    worst_ulp: float
    worst_share: float | None
    first: Disagreement | None


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """Exact rates: rounded to the schedule's dtype, and as high + low, two float64 that are good to 2**-105 together."""

    rounded: NDArray[Any]
    high: NDArray[np.float64]
    low: NDArray[np.float64]

    def at(self, chosen: Any) -> Truth:
        """The rates at some indices."""
        return Truth(self.rounded[chosen], self.high[chosen], self.low[chosen])


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Many comparisons of one kind: ``subject`` held against ``tier``. ``mode`` is TensorFlow's execution mode, or ``-``."""

    subject: str
    tier: Tier
    mode: str
    bound: str
    cases: int
    values: int
    worst_ulp: float
    worst_share: float | None
    holds: bool
    first: Disagreement | None
    note: str = ""


def within_ulp(
    schedule: Parameters,
    steps: Any,
    actual: Any,
    expected: Any,
    allowed: Any,
    *,
    case: str,
    tier: Tier,
    repeat: str,
) -> Comparison:
    """Hold values to a number of ULP.

    Args:
        schedule: whose rates these are; for the words of a failure.
        steps, actual, expected: 1-D arrays of one length; the values in one dtype.
        allowed: floats allowed between actual and expected, one number or one per step.
    """
    steps, allowed = np.asarray(steps), np.broadcast_to(np.asarray(allowed, np.float64), np.shape(steps))
    apart = ulp.distance(actual, expected)
    bad = np.flatnonzero(~(np.abs(apart) <= allowed))
    first = None
    if len(bad):
        index = int(bad[0])
        bound = f"{allowed[index]:.3g} ULP"
        first = _disagreement(schedule, int(steps[index]), actual[index], expected[index], bound, case, tier, repeat)
    return Comparison(len(steps), float(np.max(np.abs(apart), initial=0.0)), None, first)


def truth(schedule: Parameters, steps: Any) -> Truth:
    """The exact rates at some steps, once for all comparisons with them."""
    lows, rounded = [], []
    for step in np.asarray(steps).tolist():
        low, high = next(exact.enclosures(schedule, step))
        lows.append(low)
        near = exact.round_to(low, schedule.dtype)
        # Where the first enclosure does not settle the rounding, the exact tier goes on.
        settled = low == high or near == exact.round_to(high, schedule.dtype)
        rounded.append(near if settled else exact.rounded(schedule, step))
    highs = rounded if schedule.dtype == "float64" else [exact.round_to(rate, "float64") for rate in lows]
    return Truth(
        rounded=np.array(rounded, schedule.dtype),
        high=np.array(highs, np.float64),
        low=np.array([float(rate - Fraction(float(high))) for rate, high in zip(lows, highs, strict=True)]),
    )


def within_bound(
    schedule: Parameters,
    steps: Any,
    actual: Any,
    expected: Truth,
    bound: Any,
    *,
    case: str,
    tier: Tier = "exact",
    repeat: str,
) -> Comparison:
    """Hold values to an absolute bound around the exact value.

    Args:
        schedule: whose rates these are; its dtype is that of the values.
        steps, actual, bound: 1-D arrays of one length.
        expected: the exact rates at these steps.
    """
    steps, actual, bound = np.asarray(steps), np.asarray(actual), np.asarray(bound, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # Good to 2**-52 of the error itself: the first difference is exact where the two are close.
        errors = np.abs((actual.astype(np.float64) - expected.high) - expected.low)
        # An infinite bound, where TFA's own quotient overflows, allows everything, NaN included.
        share = np.where(np.isinf(bound), 0.0, errors / bound)
    bad = np.flatnonzero(~(share <= 1.0))
    apart = np.abs(ulp.distance(actual, expected.rounded))
    first = None
    if len(bad):
        index = int(bad[0])
        words = f"{bound[index]:.6g} absolute, error {errors[index]:.6g}"
        first = _disagreement(schedule, int(steps[index]), actual[index], expected.rounded[index], words, case, tier, repeat)
    return Comparison(len(steps), float(np.max(apart, initial=0.0)), float(np.max(share, initial=0.0)), first)


def verdict(
    subject: str, tier: Tier, mode: str, bound: str, comparisons: Iterable[Comparison], *, cases: int, note: str = ""
) -> Verdict:
    """Fold comparisons into one verdict; the first failure is the one that is shown. No comparison at all does not hold."""
    found = list(comparisons)
    shares = [c.worst_share for c in found if c.worst_share is not None]
    first = next((c.first for c in found if c.first is not None), None)
    values = sum(c.values for c in found)
    return Verdict(
        subject=subject,
        tier=tier,
        mode=mode,
        bound=bound,
        cases=cases,
        values=values,
        worst_ulp=max((c.worst_ulp for c in found), default=0.0),
        worst_share=max(shares, default=None),
        holds=first is None and values > 0,
        first=first,
        note=note,
    )


def policy_name(schedule: Parameters) -> str:
    """The policy and the dtype in words, e.g. ``exp_range(gamma=0.9), float32``."""
    return f"{policies.describe(schedule.scale_fn)}, {schedule.dtype}"


def place(schedule: Parameters, step: int) -> tuple[int, float]:
    """Where a step lies: its cycle, counted from 1, and its phase in half cycles, 0 to 2."""
    cycle, _ = exact.phase(Fraction(schedule.step_size), step)
    return cycle, float(Fraction(step) / Fraction(schedule.step_size) - 2 * (cycle - 1))


def _disagreement(
    schedule: Parameters, step: int, actual: Any, expected: Any, bound: str, case: str, tier: Tier, repeat: str
) -> Disagreement:
    cycle, phase = place(schedule, step)
    return Disagreement(
        case=case,
        policy=policy_name(schedule),
        tier=tier,
        step=step,
        cycle=cycle,
        phase=phase,
        expected=ulp.show(expected),
        actual=ulp.show(actual),
        ulp=float(ulp.distance(actual, expected)),
        bound=bound,
        repeat=repeat,
    )
