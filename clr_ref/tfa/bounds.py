"""Proven bounds on the error of TFA's rates, in each mode of execution."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import exact, policies
from clr_ref._environment import check
from clr_ref._inputs import one_of
from clr_ref.exact import FORMATS, ulp
from clr_ref.fast.general import distances
from clr_ref.fast.plan import LIMIT, plan
from clr_ref.parameters import Parameters, as_symmetric
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.steps import as_steps
from clr_ref.tfa.eager import MODES, Mode, StepDtype, check_step_dtype, detoured

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["POW_ULP", "error_bound", "power_budget"]


def __dir__() -> list[str]:
    return __all__


#: Allowed error of TensorFlow's power functions, in ULP of their dtype. Measured in float32 over eight gammas from 0.3 to
#: 0.999999 and every exponent below 2**20 until the power underflows: at most 0.77 on TF 2.1.4 and in XLA of every release, and
#: 1.42 on TF 2.8.4, 2.11.1 and 2.15.1, whose power is vectorised since TF 2.5 (docs/RECORD.md). Rounded up.
POW_ULP = 2


def error_bound(
    schedule: CyclicalLearningRate, steps: Any, *, mode: Mode = "eager", step_dtype: StepDtype | None = None
) -> Any:
    r"""Return an absolute bound on the error of TFA's rates, for each step.

    Args:
        schedule: a schedule of one of the three policies, as for ``evaluate``.
        steps: the steps, as for a call of the schedule.
        mode: the execution mode of TensorFlow: "eager", "function" or "xla".
        step_dtype: how TFA receives the steps, as for ``evaluate``.

    Returns:
        A float64 scalar or array; infinite where ``t / step_size``, its rounding to float32, maximal - initial, the scale,
        their product or the rate overflows, or may do so within its error.

    Raises:
        FloatingPointError: as for ``evaluate``.
        TypeError: as for ``evaluate``.
        ValueError: a scale function whose error is not known; an unknown mode or step_dtype; a step out of range.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.triangular(0.0, 1.0, 10)
        >>> error = float(clr_ref.tfa_arithmetic.evaluate(schedule, 7)) - schedule.exact(7)
        >>> bool(abs(error) <= clr_ref.tfa_arithmetic.error_bound(schedule, 7) < 1e-6)
        True

    The proof. Let u be the unit roundoff (2**-24, 2**-53), tau = t / s the exact number of half cycles, c the exact cycle, h
    the exact height of the triangle, sigma the exact scale and D = maximal - initial.

    *Quotient.* T = t (1 + d0), |d0| <= u and d0 = 0 up to 1 / u; the division adds d1. ``2 s`` is exact, so both quotients
    have the same errors: tau' = tau (1 + d0)(1 + d1). In graph modes the division may become a multiplication by a rounded
    reciprocal: one rounding more.

    *Cycle.* ``1 + tau' / 2`` is rounded once, monotonely, so the cycle is that of tau' or, if tau' lies within u (tau + 2) of
    the next even number, one more.

    *Height.* The triangle wave is 1-Lipschitz in tau and periodic, so a right cycle costs at most |tau' - tau|; the wave is
    below u (tau + 2) where the cycle is one too many, and there max(0, 1 - x) is 0. For cycles from 2 on, tau' - 2 c is exact
    (Sterbenz); in cycle 1, tau' - 2 lies between 1 and 2 in size or is exact, so it costs at most u. Then + 1 and 1 - x are
    exact: all are multiples of the last bit of tau' - 2 c. In graph modes the sum may begin with tau' + 1, which costs at most
    u (tau + 1), and the rest of it is exact. With n = 1 in eager mode, and n = 3 in graph modes:

        e_h <= min(1, |T - t| / s + n u tau + [c = 1 or graph] u + [near an end of a cycle] u (tau + 2))

    *Scale.* Constant: exact. Halving: exact powers of two; in graph modes a vectorised reciprocal is one ULP off, at most 2 u.
    Power: POW_ULP, and gamma' = gamma (1 + d), T instead of t: |exp(T ln gamma' - t ln gamma) - 1|. In mode "cycle" the
    argument is one too small, or more, if tau' is behind the start of a cycle. A rounded division alone is monotone, and leaves
    it there. If the argument is too large, the height is 0, and the scale makes no difference.

    *Product and sum.* D, D h, and D h sigma unless sigma is a power of two: one rounding each, k = 2 or 3 in all; the sum: one
    more, of the result.

        |error| <= |D| sigma (1 + e_s) (e_h + k u (h + e_h)) + |D| h sigma e_s + u |result|  +  underflow

    *Underflow.* Numbers below the smallest normal number may be flushed to zero. With P = (1 + e_s) sigma, this costs at most
    that number times

        max(1, 2 P - 1)  for initial, maximal and D, of which one alone or all are flushed: those that are have a part in
                         initial (1 - h sigma) + maximal h sigma
        max(1, P, |D|)   for D h, sigma, or a product with sigma: any of them makes the whole product 0
        1                for the sum.

    The sum is at most 3 max(1, P, |D|). A quotient that is flushed is below u: it costs no more than tau' - 2 does. If the
    step_size is flushed, the rate is NaN.

    *Detour.* In float64 the rounding of maximal and step_size to float32 is an error like the others: |D' - D| h sigma and
    |D'| |wave(t / s') - wave(t / s)| are added. The errors of the quotient are those of T / s', so the smaller of s and s' is
    taken for both.
    """
    one_of("mode", mode, MODES)
    as_symmetric(schedule, "TFA's arithmetic")
    check("error bounds")
    policies.geometric(schedule.scale_fn, "an error bound to be known")
    whole = as_steps(steps)
    flat = np.ravel(whole)
    arrives = check_step_dtype(schedule, step_dtype)
    graph = mode != "eager"
    bits, smallest, largest = FORMATS[schedule.dtype]
    u = 2.0**-bits
    tiny = 2.0 ** (smallest + bits - 1)  # the smallest normal number
    maximal, step_size = detoured(schedule)
    if not tiny <= step_size < np.inf or not np.isfinite(maximal):
        return np.full(whole.shape, np.inf)[()]  # lost in the conversion to float32, or flushed
    initial = schedule.initial_learning_rate
    used_amplitude = abs(float(Fraction(maximal) - Fraction(initial)))
    moved_maximal = abs(float(Fraction(maximal) - Fraction(schedule.maximal_learning_rate)))
    powers_of_two = schedule.policy.scale in (policies.ONE, policies.HALVING)

    with np.errstate(all="ignore"):
        smaller = min(step_size, schedule.step_size)
        tau = flat / smaller
        cycle, height = _wave(schedule, flat)
        converted = flat.astype(np.float32 if arrives == "float32" or bits == 24 else np.float64)
        moved = _moved(converted, flat)  # |T - t|
        quotient = moved / smaller + (3 if graph else 1) * u * tau
        if step_size != schedule.step_size:
            quotient += flat * abs(float(1 / Fraction(step_size) - 1 / Fraction(schedule.step_size)))
        boundary = u * (tau + 2)
        near = height <= quotient + boundary
        behind = np.where(near & (quotient > u * tau), 1 + np.floor(quotient / 2), 0.0)
        error_h = quotient + np.where((cycle < 2) | graph, u, 0.0) + np.where(near, boundary, 0.0)
        error_h = np.minimum(error_h, 1.0)

        scale, error_s = _scale_error(schedule, flat, converted, cycle, behind, u, graph, arrives)
        peak = scale * (1 + error_s)
        roundings = (2 if powers_of_two else 3) * u * (height + error_h)
        product = used_amplitude * (peak * (error_h + roundings) + height * scale * error_s)
        product += moved_maximal * height * scale
        rate = np.abs(initial + np.sign(maximal - initial) * used_amplitude * height * scale)
        bound = product + u * (rate + product) + 3 * tiny * np.maximum(peak, max(1.0, used_amplitude))
        # The factor covers some forty roundings of the bound itself, the products of two errors, and the error of exp and log.
        bound *= 1 + 2.0**-20 if bits == 24 else 1 + 2.0**-40
        # D, the scale, their product and the rate, of which one may overflow where its error is that large.
        sizes = np.maximum.reduce([used_amplitude + 0 * peak, peak, used_amplitude * (height + error_h) * peak, rate + bound])
        is_safe = (sizes < _below_overflow(schedule)) & (tau < 2.0 ** (largest - 1))
        bound = np.where(np.isfinite(bound) & is_safe, bound, np.inf)
    return bound.reshape(whole.shape)[()]


def power_budget(schedule: CyclicalLearningRate, steps: Any) -> Any:
    """Return the allowed distance of ``evaluate`` from TFA's rates in an exp_range schedule, in ULP, for each step.

    Args:
        schedule: a schedule of one of the three policies.
        steps: the steps, as for a call of the schedule.

    Returns:
        A float64 scalar or array; infinite where the power or the rate overflows.

    Raises:
        FloatingPointError: as for ``evaluate``.
        TypeError: steps of a wrong type, as for a call of the schedule.
        ValueError: a scale function that is none of the three policies; a step out of range.

    Examples:
        >>> import clr_ref
        >>> float(clr_ref.tfa_arithmetic.power_budget(clr_ref.exp_range(0.0, 1.0, 10, gamma=0.9), 5))
        5.0

    The proof. Only the power differs. TFA's error is at most ``POW_ULP``, that of ``evaluate`` one half. So the distance of the
    scales is at most POW_ULP + 1/2 ULP, and a ULP is at most 2u of the scale. That changes the rate by
    |D| h scale (2 POW_ULP + 1) u. The two later roundings, of the product and of the sum, may add one ULP each.
    """
    as_symmetric(schedule, "TFA's arithmetic")
    check("error bounds")
    whole = as_steps(steps)
    flat = np.ravel(whole)
    scale = policies.geometric(schedule.scale_fn, "a power budget")
    u = 2.0 ** -FORMATS[schedule.dtype][0]
    with np.errstate(all="ignore"):
        cycle, height = _wave(schedule, flat)
        argument = flat.astype(np.float64) if schedule.scale_mode == "iterations" else cycle
        amplitude = abs(schedule.maximal_learning_rate - schedule.initial_learning_rate)
        power = scale.base**argument
        moved = amplitude * height * power * (2 * POW_ULP + 1) * u
        rate = np.asarray(schedule(flat), np.float64)
        budget = np.ceil(moved / ulp.size(rate, schedule.dtype)) + 2
        is_safe = (power < _below_overflow(schedule)) & np.isfinite(budget)
    return np.where(is_safe, budget, np.inf).reshape(whole.shape)[()]


def _below_overflow(schedule: Parameters) -> float:
    """Return a number that few roundings cannot move beyond the largest of the dtype."""
    return float(np.finfo(schedule.dtype).max) * (1 - 8 * 2.0 ** -FORMATS[schedule.dtype][0])


def _wave(schedule: Parameters, steps: Any) -> tuple[Floats, Floats]:
    """Return the exact cycle and height, rounded to float64."""
    fast = plan(schedule)
    if 2 * fast.p < LIMIT:
        m, _, cycle = distances(fast, steps)
        if cycle is not None:
            return (cycle + 1).astype(np.float64), m / fast.p
    phases = [exact.phase(Fraction(schedule.step_size), step) for step in steps.tolist()]
    return np.array([float(cycle) for cycle, _ in phases]), np.array([float(height) for _, height in phases])


def _moved(converted: Any, whole: Any) -> Floats:
    """Return the distances of converted steps from the steps, exactly: both are whole numbers up to 2**63."""
    there, here = converted.astype(np.uint64), whole.astype(np.uint64)
    distances: Floats = (np.maximum(there, here) - np.minimum(there, here)).astype(np.float64)
    return distances


def _scale_error(
    schedule: Parameters,
    whole: Any,
    converted: Any,
    cycle: Floats,
    behind: Floats,
    u: float,
    graph: bool,
    arrives: str,
) -> tuple[Floats, Floats]:
    """Return the exact scale in float64, and a bound on the relative error of TFA's scale."""
    scale = schedule.policy.scale
    assert scale is not None
    iterations = schedule.scale_mode == "iterations"
    argument = whole.astype(np.float64) if iterations else cycle
    # A bound on the error of the argument that TFA uses.
    off = _moved(converted, whole) if iterations else behind
    if scale == policies.ONE:
        return np.ones_like(argument), np.zeros_like(argument)
    if scale == policies.HALVING:
        return np.exp2(1 - argument), np.expm1(off * np.log(2.0)) + (2 * u if graph else 0.0)
    gamma = scale.base
    python = iterations and arrives == "python int"
    used = gamma if python else float(np.dtype(schedule.dtype).type(gamma))
    shift = argument * abs(np.log1p((used - gamma) / gamma)) + (0.0 if python else off * abs(np.log(used)))
    return np.exp(argument * np.log(gamma)), np.expm1(shift) + 2 * POW_ULP * u
