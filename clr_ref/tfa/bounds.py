"""Proven bounds on the error of TFA's rates, in each mode of execution."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref import policies
from clr_ref._inputs import one_of
from clr_ref.exact import FORMATS, ulp
from clr_ref.exact.environment import check
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
        A float64 scalar or array; infinite where ``t / step_size``, or its rounding to float32, overflows.

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
    reciprocal: one rounding more. With n roundings, |tau' - tau| <= n u tau.

    *Cycle.* ``1 + tau' / 2`` is rounded once, monotonely, so the cycle is that of tau' or, if tau' lies within u (tau + 2) of
    the next even number, one more.

    *Height.* The triangle wave is 1-Lipschitz in tau and periodic, so a right cycle costs at most |tau' - tau|; the wave is
    below u (tau + 2) where the cycle is one too many, and there max(0, 1 - x) is 0. For cycles from 2 on, tau' - 2 c, + 1 and
    1 - x are exact (Sterbenz; all are multiples of the last bit of tau'); in cycle 1 they cost at most 2u, u and u. In graph
    modes the sums may be taken in another order, with two partial sums of at most tau + 2, and u (tau + 2) each. Together:

        e_h <= min(1, n u tau + [c = 1 or graph] 4 u + [graph] 2 u (tau + 2) + [near an end of a cycle] u (tau + 2))

    *Scale.* Constant: exact. Halving: exact powers of two, as long as they are normal. Power: POW_ULP, and gamma' = gamma
    (1 + d), T instead of t: |exp(T ln gamma' - t ln gamma) - 1|; a graph compiler may take the power as
    exp(T * ln gamma): 4 u T |ln gamma| more. In mode "cycle" the argument is off by one near an end of a cycle.

    *Product and sum.* D, D h, D h sigma: one rounding each; the sum: one more, of the result.

        |error| <= |D| sigma (1 + e_s) (e_h + 3 u (h + e_h)) + |D| h sigma e_s + u |result|  +  underflow

    Numbers below the smallest normal number may be flushed to zero: each of at most four operations and inputs then costs up
    to that number, once as it is and once times |D|. In float64 the rounding of maximal and step_size to float32 is an
    error like the others: |D' - D| h sigma and |D'| |wave(t / s') - wave(t / s)| are added.
    """
    one_of("mode", mode, MODES)
    as_symmetric(schedule, "TFA's arithmetic")
    check("error bounds")
    policies.geometric(schedule.scale_fn, "an error bound to be known")
    whole = as_steps(steps)
    flat = np.atleast_1d(whole).reshape(-1)
    arrives = check_step_dtype(schedule, step_dtype)
    graph = mode != "eager"
    bits, smallest, largest = FORMATS[schedule.dtype]
    u = 2.0**-bits
    tiny = 2.0 ** (smallest + bits - 1)  # the smallest normal number
    maximal, step_size = detoured(schedule)
    if not 0 < step_size < np.inf or not np.isfinite(maximal):
        return np.full(whole.shape, np.inf)[()]  # lost in the conversion to float32
    initial = schedule.initial_learning_rate
    amplitude = abs(float(Fraction(schedule.maximal_learning_rate) - Fraction(initial)))
    used_amplitude = abs(float(Fraction(maximal) - Fraction(initial)))

    with np.errstate(all="ignore"):
        tau = flat / schedule.step_size
        cycle, height = _wave(schedule, flat)
        converted = flat.astype(np.float32 if arrives == "float32" or bits == 24 else np.float64)
        moved = np.abs(_difference(converted, flat))  # |T - t|
        quotient = moved / schedule.step_size + (2 if graph else 1) * u * tau
        if step_size != schedule.step_size:
            quotient += flat * abs(float(1 / Fraction(step_size) - 1 / Fraction(schedule.step_size)))
        boundary = u * (tau + 2)
        near = np.minimum(height, 1) <= quotient + boundary
        error_h = quotient + np.where((cycle < 2) | graph, 4 * u, 0.0) + np.where(near, boundary, 0.0)
        if graph:
            error_h += 2 * u * (tau + 2)
        error_h = np.minimum(error_h, 1.0)

        scale, error_s = _scale_error(schedule, flat, converted, cycle, near, quotient + boundary, u, graph, arrives)
        if schedule.policy.scale == policies.HALVING:
            error_s = np.where(scale < 2 * tiny, 1.0, error_s)
        peak = scale * (1 + error_s)
        product = used_amplitude * peak * (error_h + 3 * u * (height + error_h)) + used_amplitude * height * scale * error_s
        product += abs(used_amplitude - amplitude) * height * scale
        result = abs(initial) + used_amplitude * peak * np.minimum(height + error_h, 1.0)
        rate = np.abs(initial + np.sign(maximal - initial) * used_amplitude * height * scale)
        rounding = u * np.minimum(rate + product, result)
        bound = product + rounding + 4 * tiny * (1 + used_amplitude * np.maximum(peak, 1.0))
        # The factor covers some forty roundings of the bound itself, and the products of two errors.
        bound *= 1 + 2.0**-20 if bits == 24 else 1 + 2.0**-40
        bound = np.where(np.isfinite(bound) & (tau < 2.0 ** (largest - 2)), bound, np.inf)
    return bound.reshape(whole.shape)[()]


def power_budget(schedule: CyclicalLearningRate, steps: Any) -> Any:
    """Return the allowed distance of ``evaluate`` from TFA's rates in an exp_range schedule, in ULP, for each step.

    Args:
        schedule: a schedule of one of the three policies.
        steps: the steps, as for a call of the schedule.

    Returns:
        A float64 scalar or array.

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
    flat = np.atleast_1d(whole).reshape(-1)
    scale = policies.geometric(schedule.scale_fn, "a power budget")
    u = 2.0 ** -FORMATS[schedule.dtype][0]
    with np.errstate(all="ignore"):
        cycle, height = _wave(schedule, flat)
        argument = flat.astype(np.float64) if schedule.scale_mode == "iterations" else cycle
        amplitude = abs(schedule.maximal_learning_rate - schedule.initial_learning_rate)
        moved = amplitude * height * scale.base**argument * (2 * POW_ULP + 1) * u
        rate = np.asarray(schedule(flat), np.float64)
    return (np.ceil(moved / ulp.size(rate, schedule.dtype)) + 2).reshape(whole.shape)[()]


def _wave(schedule: Parameters, steps: Any) -> tuple[Floats, Floats]:
    """Return the exact cycle and height, rounded to float64."""
    fast = plan(schedule)
    if 2 * fast.p < LIMIT:
        m, _, cycle = distances(fast, steps)
        if cycle is None:
            cycle = np.floor(1 + steps / (2 * schedule.step_size))
        return (cycle + 1).astype(np.float64), m / fast.p
    tau = steps / schedule.step_size  # at most 2**63 / 2**61: no step is past the second cycle
    return np.floor(1 + tau / 2), np.clip(1 - np.abs(tau - 2 * np.floor(1 + tau / 2) + 1), 0.0, 1.0)


def _difference(converted: Any, whole: Any) -> Floats:
    """Return converted - whole, exactly: both are integers below 2**63, but ``converted`` may be 2**63."""
    high = converted.astype(np.float64)
    inside = np.where(high < 2.0**63, high, 0.0).astype(np.int64)
    result: Floats = np.where(high < 2.0**63, (inside - whole).astype(np.float64), high - whole)
    return result


def _scale_error(
    schedule: Parameters,
    whole: Any,
    converted: Any,
    cycle: Floats,
    near: Any,
    slack: Floats,
    u: float,
    graph: bool,
    arrives: str,
) -> tuple[Floats, Floats]:
    """Return the exact scale in float64, and a bound on the relative error of TFA's scale."""
    scale = schedule.policy.scale
    assert scale is not None
    iterations = schedule.scale_mode == "iterations"
    argument = whole.astype(np.float64) if iterations else cycle
    # A bound on the error of the argument that TFA uses: of a converted step, or of the cycle beside the end of a cycle.
    off = np.abs(_difference(converted, whole)) if iterations else np.where(near, 1 + np.floor(slack / 2), 0.0)
    if scale == policies.ONE:
        return np.ones_like(argument), np.zeros_like(argument)
    if scale == policies.HALVING:
        return np.exp2(1 - argument), np.expm1(off * np.log(2.0)) + (8 * u if graph else 0.0)
    gamma = scale.base
    python = iterations and arrives == "python int"
    used = gamma if python else float(np.dtype(schedule.dtype).type(gamma))
    log = np.log(gamma)
    # The relative error of log is one ulp. It changes the exponent by argument * 2**-53 * |log|, which the last term covers.
    exact = np.exp(argument * log)
    shift = argument * abs(np.log1p((used - gamma) / gamma)) + (0.0 if python else off * abs(np.log(used)))
    error = np.expm1(shift) + 2 * POW_ULP * u + argument * abs(log) * 2.0**-50
    if graph and not python:
        error = error + 4 * u * argument * abs(np.log(used))
    return exact, error
