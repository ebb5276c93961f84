"""Comparisons of rates with expected rates, within a bound, and verdicts on them. Pure functions."""

from __future__ import annotations

import dataclasses
import decimal
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import exact, policies
from clr_ref.compositions import Composition
from clr_ref.exact import ulp
from clr_ref.parameters import MAX_STEP, Parameters, as_parameters
from clr_ref.steps import as_steps, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The source of the expected rates: the exact value, the reference schedule, or TFA's recorded rates.
Tier = Literal["exact", "reference", "record"]


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """The first step at which a value is outside its bound, with the command that repeats the comparison.

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
class Farthest:
    """The value with the largest distance in ULP. ``relative`` is its error divided by the larger of the two bounds."""

    case: str
    step: int
    relative: float


@dataclasses.dataclass(frozen=True)
class Origin:
    """The source of recorded values: a file of the store, the type of the steps, and the records that refer to the file."""

    file: str
    step_dtype: str
    pairs: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The comparison of one array of values with the expected ones.

    ``worst_ulp`` is the largest distance in floats; ``farthest`` is the value that has it, if the comparison knows it.
    ``worst_share`` is the largest error divided by its bound, or None if the bound is a number of ULP. ``origin`` is None if
    no value is a recorded one.
    """

    values: int
    worst_ulp: float
    worst_share: float | None
    first: Disagreement | None
    farthest: Farthest | None = None
    origin: Origin | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """Exact rates: rounded to the schedule's dtype, and as high + low, two float64 good to 2**-105 in sum."""

    rounded: NDArray[Any]
    high: NDArray[np.float64]
    low: NDArray[np.float64]

    def at(self, chosen: Any) -> Truth:
        """The rates at some indices."""
        return Truth(self.rounded[chosen], self.high[chosen], self.low[chosen])


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The result of all comparisons of ``subject`` with ``tier``. ``mode`` is TensorFlow's execution mode, or ``-``.

    ``first`` is the first failure, and ``origin`` the source of its recorded value.
    """

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
    farthest: Farthest | None = None
    origin: Origin | None = None


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
    """Compare values with the expected ones; their distance may be a number of ULP.

    Args:
        schedule: the schedule of the rates; the description of a failure names its policy.
        steps: a 1-D array.
        actual: the values at the steps, as an array of the same length.
        expected: the expected values, as an array of the same length and of the dtype of ``actual``.
        allowed: the allowed distance in floats: one number, or one for each step.
        case: the name of the case, for the description of a failure.
        tier: the source of the expected values, for the description of a failure.
        repeat: the command that repeats the comparison, for the description of a failure.
    """
    steps, allowed = np.asarray(steps), np.broadcast_to(np.asarray(allowed, np.float64), np.shape(steps))
    apart = ulp.distance(actual, expected)
    bad = np.flatnonzero(~(np.abs(apart) <= allowed))
    first = None
    if len(bad):
        index = int(bad[0])
        bound = f"{allowed[index]:.3g} ULP"
        first = _disagreement(schedule, int(steps[index]), actual[index], expected[index], bound, case, tier, repeat)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(np.asarray(actual, np.float64) - np.asarray(expected, np.float64))
    worst, farthest = _farthest(schedule, steps, np.abs(apart), errors, case)
    return Comparison(len(steps), worst, None, first, farthest)


def truth(schedule: Parameters, steps: Any) -> Truth:
    """Return the exact rates at some steps, for all comparisons with them."""
    whole_steps = np.atleast_1d(as_steps(steps)).tolist()
    lows = [next(exact.enclosures(schedule, step))[0] for step in whole_steps]
    highs = [exact.round_to(rate, "float64") for rate in lows]
    return Truth(
        rounded=np.array([exact.rounded(schedule, step) for step in whole_steps], schedule.dtype),
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
    """Compare values with the exact ones, within an absolute bound.

    Args:
        schedule: the schedule of the rates; its dtype is that of the values.
        steps: a 1-D array.
        actual: the values at the steps, as an array of the same length.
        expected: the exact rates at the steps.
        bound: the allowed errors, as an array of the same length.
        case: the name of the case, for the description of a failure.
        tier: the source of the expected values, for the description of a failure.
        repeat: the command that repeats the comparison, for the description of a failure.
    """
    steps, actual, bound = np.asarray(steps), np.asarray(actual), np.asarray(bound, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        # The relative error of these errors is 2**-52, since the first difference is exact if the two values are close.
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
    worst, farthest = _farthest(schedule, steps, apart, errors, case)
    return Comparison(len(steps), worst, float(np.max(share, initial=0.0)), first, farthest)


def _farthest(
    schedule: Parameters, steps: Any, apart: NDArray[Any], errors: NDArray[np.float64], case: str
) -> tuple[float, Farthest | None]:
    """Return the largest distance in ULP, and the value that has it."""
    if not len(steps):
        return 0.0, None
    index = int(np.argmax(apart))
    return float(apart[index]), Farthest(case, int(steps[index]), relative(schedule, errors[index]))


def relative(schedule: Parameters, error: float) -> float:
    """Return an error divided by the larger of the two bounds of the schedule, by magnitude.

    The error divided by the expected rate itself would be huge for each rate near zero, as the number of ULP is.
    """
    larger = max(abs(schedule.initial_learning_rate), abs(schedule.maximal_learning_rate))
    return float(error) / float(larger) if larger else float("inf") if error else 0.0


def verdict(
    subject: str, tier: Tier, mode: str, bound: str, comparisons: Iterable[Comparison], *, cases: int, note: str = ""
) -> Verdict:
    """Return the verdict on some comparisons, with their first failure. A verdict without comparisons does not hold."""
    found = list(comparisons)
    shares = [c.worst_share for c in found if c.worst_share is not None]
    failed = next((c for c in found if c.first is not None), None)
    worst = max(found, key=lambda c: c.worst_ulp, default=None)
    values = sum(c.values for c in found)
    return Verdict(
        subject=subject,
        tier=tier,
        mode=mode,
        bound=bound,
        cases=cases,
        values=values,
        worst_ulp=worst.worst_ulp if worst else 0.0,
        worst_share=max(shares, default=None),
        holds=failed is None and values > 0,
        first=failed.first if failed else None,
        note=note,
        farthest=worst.farthest if worst else None,
        origin=failed.origin if failed else None,
    )


def percent_of_allowed(share: float) -> str:
    """Return the largest error divided by the allowed error in percent, e.g. ``99.99 %``.

    It reads "100 %" only if the error is the allowed one exactly.

    Examples:
        >>> percent_of_allowed(0.9999986), percent_of_allowed(1.0), percent_of_allowed(1.0000001)
        ('99.99 %', '100 %', '100.01 %')
    """
    rounded = round(100 * share, 2) if math.isfinite(share) else share
    if rounded == 100 and share != 1:
        rounded = 99.99 if share < 1 else 100.01
    return f"{rounded:,.10g} %"


def percent(part: float) -> str:
    """Return a part in percent with two digits, e.g. ``0.00031 %``.

    Examples:
        >>> percent(0.98765), percent(3.1e-6), percent(0.0), percent(476.8), percent(5.877e-39)
        ('99 %', '0.00031 %', '0 %', '48,000 %', '5.9e-37 %')
    """
    number = 100 * part
    if not math.isfinite(number) or 0 < abs(number) < 1e-7:
        return f"{number:.2g} %"
    return f"{decimal.Decimal(f'{number:.2g}'):,f} %"


def policy_name(schedule: Parameters | Composition) -> str:
    """Return the policy and the dtype in words, e.g. ``exp_range(gamma=0.9), float32`` or ``WarmUp of triangular, float32``."""
    if isinstance(schedule, Composition):
        return f"{type(schedule).__name__} of {policy_name(schedule.schedule)}"
    return f"{policies.describe(schedule.scale_fn)}, {schedule.dtype}"


def place(schedule: Parameters, step: int) -> tuple[int, float]:
    """Return the cycle of a step, counted from 1, and its phase: 0 to 1 on the rise, to 2 on the fall."""
    step = whole("step", step, MAX_STEP)
    rise, fall = Fraction(as_parameters(schedule).step_size), Fraction(schedule.fall)
    cycle, height = exact.phase(rise, step, fall)
    return cycle, float(height if step - (cycle - 1) * (rise + fall) <= rise else 2 - height)


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
