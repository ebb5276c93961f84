"""Each check accepts rates that are just within its tolerance, and refuses those just outside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref import exact
from clr_ref.conformance.accuracy import Level, rates
from clr_ref.conformance.checks import Check, Inapplicable, Judge, Wrong, asymmetric, inputs, phase, policies, rate, schedulers
from clr_ref.conformance.config import Config
from clr_ref.conformance.protocol import Offer, Request, capabilities_from
from clr_ref.conformance.response import Response
from tests.subjects import OfConfig

TRIANGULAR = Config("triangular", 0.25, 1.0, 1000, dtype="float64")
TRIANGULAR2 = Config("triangular2", 0.0, 1.0, 1000, dtype="float64")
EXP_RANGE = Config("exp_range", 0.25, 1.0, 5, 0.75, dtype="float64")
#: The tolerance in float32 of a rate of order 1, in these float64 rates, is 10**9 times the last place. So a millionth of it is
#: far above the rounding of the constructed rates.
INSIDE, OUTSIDE = 1 - Fraction(1, 10**6), 1 + Fraction(1, 10**6)


class Altered:
    """The reference, but for the rates of some steps; it keeps the requests."""

    capabilities = capabilities_from({"triangular": Offer()})

    def __init__(self, altered: Mapping[int, Any]) -> None:
        self.altered = altered
        self.requests: list[Request] = []

    def evaluate(self, request: Request) -> tuple[Response, ...]:
        self.requests.append(request)
        steps = request.steps or range(request.at, request.at + request.expected)
        schedule = request.config.build()
        values = [self.altered[step] if step in self.altered else schedule(step) for step in steps]
        return tuple(Response(request.config.dtype, float(value).hex()) for value in values)


def holds(check: Check, config: Config, altered: Mapping[int, Any], level: Level = Level.SEMANTICS, **needs: Any) -> bool:
    """Returns whether a check holds for the reference with other rates at some steps."""
    try:
        check(Judge(Altered(altered), config, level), **needs)
    except Wrong:
        return False
    return True


def near(config: Config, step: int, slacks: Fraction) -> float:
    """Returns the exact rate and so many times its slack more."""
    found = rates(config, step, Level.SEMANTICS)
    return float(found.exact + slacks * found.slack)


@pytest.mark.parametrize("sign", [1, -1])
def test_rates_near_the_formula(sign: int) -> None:
    for check in (rate.follows_the_formula, inputs.takes_any_step_size, inputs.takes_any_gamma):
        config = EXP_RANGE if "exp_range" in check.policies else TRIANGULAR
        assert holds(check, config, {3: near(config, 3, sign * INSIDE)}, step=3)
        assert not holds(check, config, {3: near(config, 3, sign * OUTSIDE)}, step=3)


@pytest.mark.parametrize("limits", [(-np.inf, 1.0), (-np.inf, 100.0), (1e-8, np.inf), (1e-12, np.inf), (-np.inf, np.inf)])
def test_rates_that_are_held_within_limits_are_wrong(limits: tuple[float, float]) -> None:
    def clipped(config: Config) -> Callable[[int], Any]:
        # NumPy 1 makes a float64 of a float32 and two floats.
        return lambda step: np.float32(np.clip(config.build()(step), *limits)) if step else 0.0

    judge = Judge(OfConfig(clipped), dataclasses.replace(TRIANGULAR, dtype="float32"), Level.CORRECT)
    if limits == (-np.inf, np.inf):
        inputs.takes_whole_bounds(judge, step=200)
    else:
        with pytest.raises(
            Wrong, match=f"which is not {'1024' if limits[1] < np.inf else '9.09495e-13'} times the rate for 0 and 1"
        ):
            inputs.takes_whole_bounds(judge, step=200)


@pytest.mark.parametrize(("dtype", "last"), [("float32", 117), ("float64", 1013)])
def test_rates_that_overflow_1024_times_are_left_out(dtype: Any, last: int) -> None:
    """The rate of the last step that is judged is 2**last, and 1024 times that is the largest power of two of the dtype."""
    config = Config("exp_range", 0.25, 1.0, 1, 2.0, dtype=dtype)
    for level in Level:
        for step in (last, last + 2, last + 10, last + 12, 2000):
            inputs.takes_whole_bounds(Judge(OfConfig(lambda config: config.build()), config, level), step=step)

    def lost(config: Config) -> Callable[[int], Any]:
        return lambda step: config.build()(step) if config.maximal_learning_rate <= 1 else np.dtype(dtype).type(1)

    inputs.takes_whole_bounds(Judge(OfConfig(lost), config, Level.CORRECT), step=last + 2)
    with pytest.raises(Wrong, match="which is not 1024 times the rate for 0 and 1"):
        inputs.takes_whole_bounds(Judge(OfConfig(lost), config, Level.CORRECT), step=last)


def test_rates_far_from_1_have_the_tolerance_of_both() -> None:
    for share, right in ((INSIDE, True), (OUTSIDE, False)):

        def off(config: Config, share: Fraction = share) -> Callable[[int], Any]:
            found = rates(config, 3, Level.SEMANTICS)
            high = Fraction(config.maximal_learning_rate)
            sign = 1 if high > 1 else -1
            return lambda step: float(found.exact + sign * share * found.slack) if high >= 1 else float(found.exact)

        judge = Judge(OfConfig(off), TRIANGULAR, Level.SEMANTICS)
        try:
            inputs.takes_whole_bounds(judge, step=3)
        except Wrong:
            assert not right
        else:
            assert right


def test_a_known_deviation_widens_the_tolerance_by_its_ulps() -> None:
    config = dataclasses.replace(TRIANGULAR, dtype="float32")
    correct = config.build()(7)
    for level in (Level.CORRECT, Level.FORMULA):
        slack = rates(config, 7, level).slack
        ulps = 3 + int(slack / Fraction(float(np.spacing(correct))))  # the reference is off by less than half an ULP
        for more, right in ((ulps, True), (ulps + 2, False)):
            judge = Judge(Altered({7: correct + more * np.spacing(correct)}), config, level, more_ulp=3.5)
            assert (judge.rates(7).slack - slack) / Fraction(float(np.spacing(correct))) == Fraction(7, 2)
            try:
                rate.follows_the_formula(judge, step=7)
            except Wrong:
                assert not right
            else:
                assert right


def test_ends_and_peaks() -> None:
    for check, step in ((rate.starts_and_ends_at_its_base, 4000), (rate.reaches_its_peak, 5000)):
        for sign in (1, -1):
            assert holds(check, TRIANGULAR, {step: near(TRIANGULAR, step, sign * INSIDE)}, cycles=2)
            assert not holds(check, TRIANGULAR, {step: near(TRIANGULAR, step, sign * OUTSIDE)}, cycles=2)


def test_a_rate_beyond_a_bound_by_eight_roundings() -> None:
    """Eight units of 2**-24 of the initial rate below it, of the larger bound at the other end; nothing below 0."""
    for low, high in ((0.25, 1.0), (-0.5, 1.0), (1.0, 0.25), (-1.0, -0.25), (0.5, -1.0)):
        config = dataclasses.replace(TRIANGULAR, initial_learning_rate=low, maximal_learning_rate=high)
        direction = 1 if high > low else -1
        for step, bound, outwards, size in ((0, low, -direction, abs(low)), (1000, high, direction, max(abs(low), abs(high)))):
            for share, right in ((INSIDE, True), (1, True), (OUTSIDE, False)):
                value = float(Fraction(bound) + outwards * share * Fraction(8, 2**24) * Fraction(size))
                assert holds(rate.between_its_bounds, config, {step: value}, step=500) is right
                assert not holds(rate.between_its_bounds, config, {step: value}, Level.CORRECT, step=500)
    for low, high, step, value in ((0.0, 1.0, 0, -1e-300), (1.0, 0.0, 1000, -1e-300), (-1.0, 0.0, 1000, 1e-300)):
        config = dataclasses.replace(TRIANGULAR, initial_learning_rate=low, maximal_learning_rate=high)
        assert not holds(rate.between_its_bounds, config, {step: value}, step=500)


def test_a_rate_that_moves_back() -> None:
    for config, sign in ((TRIANGULAR, 1), (dataclasses.replace(TRIANGULAR, maximal_learning_rate=0.0), -1)):
        for step, back in ((999, -sign), (1999, sign)):
            slack = sum(rates(config, t, Level.SEMANTICS).slack for t in (step, step + 1))
            for share, right in ((INSIDE, True), (OUTSIDE, False)):
                value = float(Fraction(float(config.build()(step))) + back * share * slack)
                assert holds(phase.is_monotone_within_a_half_cycle, config, {step + 1: value}, step=step - 500) is right


@pytest.mark.parametrize(("size", "applies"), [(4, True), (3, False), (3.9, False)])
def test_a_half_cycle_of_four_steps_is_long_enough(size: float, applies: bool) -> None:
    config = dataclasses.replace(TRIANGULAR, step_size=size)
    try:
        phase.is_monotone_within_a_half_cycle(Judge(Altered({}), config, Level.SEMANTICS), step=1)
    except Inapplicable:
        assert not applies
    else:
        assert applies


@pytest.mark.parametrize(
    ("check", "other"), [(phase.is_symmetric, 2000 * 8 - 300), (policies.is_periodic, 300 + 2000 * 7)], ids=lambda x: str(x)[:5]
)
def test_rates_that_must_be_the_same(check: Check, other: int) -> None:
    step = 14_300 if check is phase.is_symmetric else 300
    slack = sum(rates(TRIANGULAR, t, Level.SEMANTICS).slack for t in (step, other))
    for sign in (1, -1):
        for share, right in ((INSIDE, True), (OUTSIDE, False)):
            value = float(rates(TRIANGULAR, step, Level.SEMANTICS).exact + sign * share * slack)
            assert holds(check, TRIANGULAR, {other: value}, step=300, cycles=7) is right


@pytest.mark.parametrize("halvings", [1, 3])
def test_an_amplitude_that_is_not_halved(halvings: int) -> None:
    later = 300 + 2000 * halvings
    first, last = (rates(TRIANGULAR2, step, Level.SEMANTICS) for step in (300, later))
    slack = first.slack / 2**halvings + last.slack
    for sign in (1, -1):
        for share, right in ((INSIDE, True), (OUTSIDE, False)):
            value = float(last.exact + sign * share * slack)
            assert holds(policies.halves_every_cycle, TRIANGULAR2, {later: value}, step=300, halvings=halvings) is right


def test_a_subnormal_amplitude_may_be_rounded_once_more() -> None:
    config = dataclasses.replace(TRIANGULAR2, dtype="float32")
    for halvings, allowed in ((120, 0), (135, 1)):  # of a rate of 0.3: normal, and subnormal
        later = 300 + 2000 * halvings
        right = float(config.build()(300)) / 2**halvings
        unit = float(np.spacing(np.float32(right)))
        right = right // unit * unit
        for more in (0, 1, 2):
            altered = {later: right + more * unit}
            held = holds(policies.halves_every_cycle, config, altered, Level.CORRECT, step=300, halvings=halvings)
            assert held is (more <= allowed)


def test_a_rate_beyond_the_envelope() -> None:
    step = 5  # a peak
    scale = Fraction(0.75) ** step
    for config, sign in ((EXP_RANGE, 1), (dataclasses.replace(EXP_RANGE, maximal_learning_rate=0.0), -1)):
        slack = rates(config, step, Level.SEMANTICS).slack
        initial = Fraction(config.initial_learning_rate)
        edge = initial + (Fraction(config.maximal_learning_rate) - initial) * scale
        for bound, outwards in ((edge, sign), (initial, -sign)):
            for share, right in ((INSIDE, True), (OUTSIDE, False)):
                value = float(bound + outwards * share * slack)
                assert holds(policies.stays_in_its_envelope, config, {step: value}, step=step) is right


@pytest.mark.parametrize("level", [Level.SEMANTICS, Level.CORRECT])
def test_a_power_that_does_not_count_from_the_start(level: Level) -> None:
    config = dataclasses.replace(EXP_RANGE, initial_learning_rate=0.0, maximal_learning_rate=1.0)
    step, later, fallen = 3, 23, Fraction(0.75) ** 20
    first, last = (Fraction(float(config.build()(t))) for t in (step, later))
    slacks = [rates(config, t, level).slack for t in (step, later)]
    for sign in (1, -1):
        for share, right in ((INSIDE, True), (OUTSIDE, False)):
            slack = slacks[0] * fallen + slacks[1]
            # Without slack, each rate may be off by 2**-53 of itself; only whole units in the last place can be constructed.
            unit = Fraction(float(np.spacing(float(last))))
            rounding = 2 * first * fallen * Fraction(1, 2**53)
            value = float(first * fallen + sign * share * (slack + rounding))
            if level is Level.CORRECT:
                units = (rounding // unit) if right else (rounding // unit) + 1
                nearest = exact.round_to(first * fallen, "float64")
                value = float(Fraction(float(nearest)) + sign * units * unit)
            held = holds(policies.counts_gamma_from_the_start, config, {later: value}, level, step=step, cycles=2)
            assert held is right


def test_gamma_that_is_rounded() -> None:
    """The first peak is as near as the formula allows if gamma itself is not rounded."""
    found = rates(EXP_RANGE, 5, Level.SEMANTICS, gamma_is_kept=True)
    for sign in (1, -1):
        for share, right in ((INSIDE, True), (OUTSIDE, False)):
            assert holds(inputs.does_not_round_gamma, EXP_RANGE, {5: float(found.exact + sign * share * found.slack)}) is right


@pytest.mark.parametrize(
    ("far", "size"), [(1000 * (2**14 + 1) - 1, 1000), (1000 * (2**14 + 1), 64_000), (2**62, 64_000 * 2**36)]
)
def test_a_far_step_has_a_cycle_that_float32_can_resolve(far: int, size: float) -> None:
    subject = Altered({})
    inputs.takes_any_step(Judge(subject, TRIANGULAR, Level.SEMANTICS), far=far)
    assert {request.config.step_size for request in subject.requests} == {size}
    assert far // size <= 2**14


def test_steps_of_a_scheduler_that_are_compared() -> None:
    """One cycle and two steps from where it stopped, at most 200; from the start to there for an optimizer, at most 100."""
    checks: list[tuple[Check, Callable[[int, int], int]]] = [
        (schedulers.resumes, lambda size, at: min(2 * size + 2, 200)),
        (schedulers.applies_what_it_reports, lambda size, at: min(at + 2 * size + 2, 100)),
        (schedulers.counts_from_zero, lambda size, at: 3),
    ]
    for check, expected in checks:
        for size, at in ((5, 7), (1000, 7)):
            subject = Altered({})
            check(Judge(subject, dataclasses.replace(TRIANGULAR, step_size=size), Level.SEMANTICS), at=at)
            assert {request.expected for request in subject.requests} == {expected(size, at)}


@pytest.mark.parametrize(("before", "after", "right"), [(0.5, 0.75, True), (0.75, 0.5, False), (0.5, 0.5, False)])
def test_rates_beside_a_peak_differ_as_the_step_sizes_do(before: float, after: float, right: bool) -> None:
    """The rise is the shorter one here, so that the rate before the peak is the lower one."""
    config = dataclasses.replace(TRIANGULAR, step_size=4, step_size_down=6)
    assert holds(asymmetric.is_not_symmetric, config, {32: before, 36: after}, step=5, cycles=3) is right
    falling = dataclasses.replace(config, initial_learning_rate=1.0, maximal_learning_rate=0.25)
    assert holds(asymmetric.is_not_symmetric, falling, {32: after, 36: before}, step=5, cycles=3) is right
