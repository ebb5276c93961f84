"""What a judge accepts as a rate, where it can be evaluated, and which steps the checks compare."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance.accuracy import Level
from clr_ref.conformance.checks import (
    ASYMMETRIC,
    CHECKS,
    Check,
    Hung,
    Inapplicable,
    Judge,
    Outside,
    Wrong,
    asymmetric,
    inputs,
    phase,
    policies,
    rate,
    relations,
    schedulers,
)
from clr_ref.conformance.checks.judge import real
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.protocol import Capabilities, Request
from clr_ref.conformance.response import Response, as_response

TRIANGULAR = Config("triangular", 0.25, 1.0, 10, dtype="float64")
TRIANGULAR2 = dataclasses.replace(TRIANGULAR, policy="triangular2")
EXP_RANGE = dataclasses.replace(TRIANGULAR, policy="exp_range", gamma=0.75)
UNEVEN = dataclasses.replace(TRIANGULAR, step_size=4, step_size_down=6)


class Recorded:
    """The reference, or other responses; it keeps the requests."""

    def __init__(
        self, respond: Callable[[Config, Any], Any] | None = None, reach: int = MAX_STEP, stateful: bool = False
    ) -> None:
        self.capabilities = Capabilities({}, stateful, False, reach)
        self.requests: list[Request] = []
        self._respond = respond or (lambda config, step: config.build()(step))

    def evaluate(self, request: Request) -> tuple[Response, ...]:
        self.requests.append(request)
        steps: Iterable[int] = request.steps or range(request.at, request.at + request.expected)
        found = [self._respond(request.config, step) for step in steps]
        return tuple(one if isinstance(one, Response) else as_response(one) for one in found)

    @property
    def steps(self) -> list[int]:
        return [step for request in self.requests for step in request.steps]


def judged(respond: Any = None, config: Config = TRIANGULAR, level: Level = Level.SEMANTICS, **more: Any) -> Judge:
    return Judge(Recorded(respond, **more), config, level)


# --- Numbers -----------------------------------------------------------------------------------------------------------------


def test_numbers_are_rounded_to_the_dtype() -> None:
    (value,) = judged(lambda *_: 0.1, dataclasses.replace(TRIANGULAR, dtype="float32")).numbers(3)
    assert value.tobytes() == np.float32(0.1).tobytes()


@pytest.mark.parametrize("step", [-1, 11, 12])
def test_no_step_beyond_the_reach_is_evaluated(step: int) -> None:
    judge = judged(reach=10)
    with pytest.raises(Inapplicable):
        judge.numbers(3, step)
    assert not judge.subject.requests  # type: ignore[attr-defined]
    assert len(judge.numbers(0, 10)) == 2


@pytest.mark.parametrize(
    ("value", "words"),
    [(math.nan, "returned nan"), (math.inf, "returned inf"), (-math.inf, "returned -inf"), (Response("error", "why"), "why")],
)
def test_what_is_no_rate_is_wrong(value: Any, words: str) -> None:
    with pytest.raises(Wrong) as error:
        judged(lambda config, step: 0.5 if step == 1 else value).numbers(1, 2)
    assert (error.value.step, error.value.words) == (2, words)


def test_an_infinite_rate_is_right_where_the_exact_one_overflows() -> None:
    config = Config("exp_range", 0.0, 1.0, 1, 1e300, "float64")
    assert judged(lambda *_: math.inf, config).numbers(3) == [math.inf]
    with pytest.raises(Wrong):
        judged(lambda *_: math.nan, config).numbers(3)


@pytest.mark.parametrize(
    ("value", "right"), [(np.float32(0.25), False), (0.25, True), (Fraction(1, 4), True), (np.float16(0.25), False)]
)
def test_correct_rounding_is_about_one_dtype(value: Any, right: bool) -> None:
    judge = judged(lambda *_: value, level=Level.CORRECT)
    if right:
        assert judge.numbers(0) == [0.25]
    else:
        with pytest.raises(Wrong, match=r"returned a float(32|16), not a float64"):
            judge.numbers(0)
    assert judged(lambda *_: value).numbers(0) == [0.25]


def test_every_step_has_its_rate() -> None:
    """A subject that returns fewer responses is a fault of the kit, which must not go unnoticed."""
    assert judged(lambda config, step: step / 8).pairs(3, 1) == [(3, 0.375), (1, 0.125)]
    judge = judged()
    judge.subject.evaluate = lambda request: (Response("float64", "0x1p-2"),)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="zip"):
        judge.pairs(3, 1)
    with pytest.raises(ValueError, match="zip"):
        relations.same_bits(judge, 0, (Response("float64", "0x0p0"),), (), "afterwards")
    with pytest.raises(ValueError, match="zip"):
        schedulers.counts_from_zero(judge, at=0)


def test_a_hang_names_its_step() -> None:
    hangs = judged(lambda config, step: Response("hang", "late") if step >= 7 else 0.5)
    with pytest.raises(Hung) as error:
        hangs.numbers(5, 7, 9)
    assert (error.value.step, error.value.words, error.value.config) == (7, "late", TRIANGULAR)
    with pytest.raises(Hung) as error:
        hangs.evaluate(Request(TRIANGULAR, "straight", at=5, count=4))
    assert error.value.step == 7


def test_what_is_declined_is_outside() -> None:
    with pytest.raises(Outside, match="not here"):
        judged(lambda *_: Response("declined", "not here")).numbers(1)
    assert judged().evaluate(Request(TRIANGULAR)) == ()


def test_the_first_config_inside_is_taken() -> None:
    def above(config: Config, step: int) -> Any:
        return Response("declined", "no") if config.initial_learning_rate < 0.5 else 0.5

    def chosen(*lows: float) -> float:
        return judged(above).inside([1], *({"initial_learning_rate": low} for low in lows)).config.initial_learning_rate

    assert chosen(0.0, 0.25, 0.5, 0.75) == 0.5
    assert chosen(0.75, 0.5) == 0.75
    assert chosen(0.0, 0.25) == 0.25  # none is inside: the last one
    assert chosen(0.0) == 0.0


def test_more_ulp_widen_every_slack() -> None:
    judge = judged()
    wide = dataclasses.replace(judge, more_ulp=3)
    assert wide.slack(0) - judge.slack(0) == 3 * Fraction(float(np.spacing(0.25)))
    assert dataclasses.replace(judge, level=Level.CORRECT).slack(0) == 0


def test_a_real_number() -> None:
    assert real(np.float64(0.5)) == Fraction(1, 2)
    huge = 2**1024 * Fraction(float(np.finfo(np.float64).max))  # no float can hold it
    assert real(np.float32(-np.inf)) < -huge < 0 < huge < real(np.float64(np.inf))
    assert real(np.float32(np.inf)) - real(np.float64(np.inf)) == 0


# --- Which steps are compared ------------------------------------------------------------------------------------------------


def steps_of(check: Check, config: Config = TRIANGULAR, reach: int = MAX_STEP, **needs: int) -> list[int] | None:
    """Returns the steps at which a check evaluates the reference; None if the clause says nothing."""
    subject = Recorded(reach=reach)
    try:
        check(Judge(subject, config, Level.SEMANTICS), **needs)
    except Inapplicable:
        return None
    return subject.steps


HALVES = dataclasses.replace(TRIANGULAR, step_size=2.5)
CALLED = [9, 9, 1, 3, 9, 0, 3]
ORDERED = sorted(CALLED)
SHORT = dataclasses.replace(UNEVEN, step_size=0.5, step_size_down=1.5)
UNEVEN2 = dataclasses.replace(UNEVEN, policy="triangular2")
NEAR_END = MAX_STEP // 20


@pytest.mark.parametrize(
    ("check", "config", "needs", "steps"),
    [
        (rate.starts_and_ends_at_its_base, TRIANGULAR, {"cycles": 3}, [60]),
        (rate.starts_and_ends_at_its_base, HALVES, {"cycles": 1}, [5]),
        (rate.starts_and_ends_at_its_base, dataclasses.replace(TRIANGULAR, step_size=0.75), {"cycles": 1}, None),
        (rate.starts_and_ends_at_its_base, TRIANGULAR, {"cycles": NEAR_END}, [20 * NEAR_END]),
        (rate.starts_and_ends_at_its_base, TRIANGULAR, {"cycles": NEAR_END + 1}, None),
        (rate.reaches_its_peak, TRIANGULAR, {"cycles": 3}, [70]),
        (rate.reaches_its_peak, TRIANGULAR2, {"cycles": 3}, [10]),
        (rate.reaches_its_peak, HALVES, {"cycles": 3}, None),
        (rate.reaches_its_peak, TRIANGULAR, {"cycles": NEAR_END + 1}, None),
        (rate.between_its_bounds, TRIANGULAR, {"step": 34}, [34, 30, 40]),
        (rate.between_its_bounds, HALVES, {"step": 4}, [4, 5]),
        (rate.between_its_bounds, dataclasses.replace(EXP_RANGE, gamma=1.5), {"step": 4}, None),
        (rate.between_its_bounds, dataclasses.replace(EXP_RANGE, gamma=1.0), {"step": 4}, [4, 0, 10]),
        (rate.depends_on_the_step_alone, TRIANGULAR, {"step": 9, "cycles": 3}, [*CALLED, *ORDERED, *ORDERED[::-1], *CALLED]),
        (phase.is_monotone_within_a_half_cycle, TRIANGULAR, {"step": 34}, [30, 31, 35, 39, 40]),
        (phase.is_monotone_within_a_half_cycle, dataclasses.replace(TRIANGULAR, step_size=4.5), {"step": 5}, [5, 6, 7, 8, 9]),
        (phase.is_monotone_within_a_half_cycle, dataclasses.replace(TRIANGULAR, step_size=3), {"step": 5}, None),
        (phase.is_symmetric, TRIANGULAR, {"step": 23, "cycles": 2}, [43, 57]),
        (phase.is_symmetric, TRIANGULAR, {"step": 40, "cycles": 2}, None),
        (phase.is_symmetric, TRIANGULAR, {"step": 41, "cycles": 2}, [41, 59]),
        (phase.is_symmetric, TRIANGULAR, {"step": 1, "cycles": NEAR_END - 1}, [20 * (NEAR_END - 1) + 1, 20 * NEAR_END - 1]),
        (phase.is_symmetric, TRIANGULAR, {"step": 1, "cycles": NEAR_END}, None),
        (phase.is_symmetric, dataclasses.replace(TRIANGULAR, step_size=0.75), {"step": 1, "cycles": 0}, None),
        (policies.is_periodic, TRIANGULAR, {"step": 3, "cycles": 2}, [3, 43]),
        (policies.is_periodic, dataclasses.replace(TRIANGULAR, step_size=0.75), {"step": 3, "cycles": 1}, None),
        (policies.is_periodic, TRIANGULAR, {"step": MAX_STEP - 20, "cycles": 1}, [MAX_STEP - 20, MAX_STEP]),
        (policies.is_periodic, TRIANGULAR, {"step": MAX_STEP - 19, "cycles": 1}, None),
        (policies.halves_every_cycle, TRIANGULAR2, {"step": 3, "halvings": 2}, [3, 43, 3, 43]),
        (policies.halves_every_cycle, dataclasses.replace(TRIANGULAR2, step_size=0.75), {"step": 3, "halvings": 1}, None),
        (policies.halves_every_cycle, TRIANGULAR2, {"step": MAX_STEP - 19, "halvings": 1}, None),
        (policies.stays_in_its_envelope, EXP_RANGE, {"step": 13}, [13]),
        (policies.counts_gamma_from_the_start, EXP_RANGE, {"step": 203, "cycles": 6}, [3, 43, 3, 43]),
        (policies.counts_gamma_from_the_start, EXP_RANGE, {"step": 179, "cycles": 1}, [179, 199, 179, 199]),
        (policies.counts_gamma_from_the_start, EXP_RANGE, {"step": 180, "cycles": 1}, None),
        (asymmetric.ends_its_cycle_after_the_fall, UNEVEN, {"cycles": 3}, [30]),
        (asymmetric.peaks_at_step_size, UNEVEN, {"cycles": 3}, [34]),
        (asymmetric.peaks_at_step_size, UNEVEN2, {"cycles": 3}, [4]),
        (asymmetric.peaks_at_step_size, dataclasses.replace(UNEVEN, step_size=4.5), {"cycles": 2}, None),
        (asymmetric.peaks_at_step_size, UNEVEN, {"cycles": MAX_STEP // 10 + 1}, None),
        (asymmetric.is_not_symmetric, UNEVEN, {"step": 5, "cycles": 3}, [32, 36]),
        (asymmetric.is_not_symmetric, UNEVEN, {"step": 3, "cycles": 3}, [30, 38]),
        (asymmetric.is_not_symmetric, UNEVEN, {"step": 4, "cycles": 3}, [33, 35]),
        (asymmetric.is_not_symmetric, dataclasses.replace(UNEVEN, step_size_down=4), {"step": 4, "cycles": 3}, None),
        (asymmetric.is_not_symmetric, dataclasses.replace(UNEVEN, step_size=4.5), {"step": 4, "cycles": 2}, None),
        (asymmetric.is_not_symmetric, SHORT, {"step": 4, "cycles": 1}, None),
        (asymmetric.is_not_symmetric, UNEVEN, {"step": 3, "cycles": MAX_STEP // 10}, None),
        (asymmetric.halves_once_for_each_whole_cycle, UNEVEN2, {"step": 3, "halvings": 2}, [3, 23, 3, 23]),
        (inputs.does_not_round_gamma, EXP_RANGE, {}, [10]),
        (inputs.takes_any_gamma, EXP_RANGE, {"step": 5}, [5]),
    ],
)  # fmt: skip
def test_the_steps_of_a_check(check: Check, config: Config, needs: dict[str, int], steps: list[int] | None) -> None:
    assert steps_of(check, config, **needs) == steps


def test_no_check_goes_beyond_the_reach() -> None:
    assert steps_of(rate.between_its_bounds, reach=39, step=34) == [34, 30]
    assert steps_of(rate.between_its_bounds, reach=40, step=34) == [34, 30, 40]
    assert steps_of(phase.is_monotone_within_a_half_cycle, reach=39, step=34) is None
    assert steps_of(phase.is_monotone_within_a_half_cycle, reach=40, step=34) is not None


def test_what_a_clause_says_of_other_policies_is_nothing() -> None:
    for check in (*CHECKS, *ASYMMETRIC):
        for policy in {"triangular", "triangular2", "exp_range"} - set(check.policies):
            needs = dict.fromkeys(check.needs, 1)
            assert steps_of(check, dataclasses.replace(UNEVEN, policy=policy), **needs) is None


def test_the_configs_that_checks_change() -> None:
    def configs(check: Check, config: Config, **needs: int) -> list[Config]:
        subject = Recorded()
        check(Judge(subject, config, Level.SEMANTICS), **needs)
        return list(dict.fromkeys(request.config for request in subject.requests))

    swapped = dataclasses.replace(TRIANGULAR, initial_learning_rate=1.0, maximal_learning_rate=0.25)
    assert configs(inputs.takes_bounds_in_any_order, TRIANGULAR, step=3) == [swapped]
    whole = dataclasses.replace(TRIANGULAR, initial_learning_rate=0.0, maximal_learning_rate=1.0)
    far = [dataclasses.replace(whole, maximal_learning_rate=2.0**power) for power in (10, -40)]
    assert configs(inputs.takes_whole_bounds, TRIANGULAR, step=3) == [whole, *far]
    assert configs(rate.reaches_its_peak, EXP_RANGE, cycles=1) == [dataclasses.replace(EXP_RANGE, gamma=1.0)]
    based = dataclasses.replace(TRIANGULAR2, initial_learning_rate=0.0)
    assert configs(policies.halves_every_cycle, TRIANGULAR2, step=3, halvings=1) == [based]
    powers = dataclasses.replace(EXP_RANGE, initial_learning_rate=0.0)
    assert configs(policies.counts_gamma_from_the_start, dataclasses.replace(EXP_RANGE, gamma=0.5), step=3, cycles=1) == [
        powers
    ]


# --- What is refused ---------------------------------------------------------------------------------------------------------


def refused(check: Check, config: Config = EXP_RANGE, **needs: int) -> list[tuple[Config, tuple[int, ...]]]:
    """What is tried on an implementation that refuses it; without the requests for the config itself."""
    subject = Recorded(
        lambda given, step: given.build()(step) if given == config and 0 <= step <= MAX_STEP else Response("error", "no")
    )
    check(Judge(subject, config, Level.SEMANTICS), **needs)
    assert subject.requests[0].config == config
    return [(request.config, request.steps) for request in subject.requests if request.config != config]


@pytest.mark.parametrize(
    ("check", "name", "values"),
    [
        (inputs.refuses_a_step_size_of_0, "step_size", [[0]]),
        (inputs.refuses_a_negative_step_size, "step_size", [[-10], [-0.5], [-1e-30]]),
        (inputs.refuses_a_step_size_that_is_not_finite, "step_size", [[math.nan], [math.inf], [-math.inf]]),
        (inputs.refuses_a_gamma_that_is_not_positive_and_finite, "gamma", [[0.0, -0.75], [math.nan], [math.inf, -math.inf]]),
    ],
)
def test_wrong_values_are_tried_at_the_step_and_at_0(check: Check, name: str, values: list[list[float]]) -> None:
    for index, together in enumerate(values):
        needs = {"step": 7} | ({"refused": index} if len(values) > 1 else {})
        expected = [dataclasses.replace(EXP_RANGE, **{name: value}) for value in together]  # type: ignore[arg-type]
        assert repr(refused(check, **needs)) == repr([(config, (at,)) for config in expected for at in (7, 0)])


@pytest.mark.parametrize(("index", "value"), [(0, math.nan), (1, math.inf), (2, -math.inf)])
def test_bounds_that_are_not_finite(index: int, value: float) -> None:
    made = refused(inputs.refuses_bounds_that_are_not_finite, step=7, refused=index)
    expected = [dataclasses.replace(EXP_RANGE, **{f"{name}_learning_rate": value}) for name in ("maximal", "initial")]  # type: ignore[arg-type]
    assert repr(made) == repr([(config, (at,)) for config in expected for at in (7, 0)])


@pytest.mark.parametrize("bad", [7, 0])
def test_a_rate_for_a_wrong_value_is_wrong_at_either_step(bad: int) -> None:
    def careless(config: Config, step: int) -> Any:
        return 0.5 if config.has_rates or step == bad else Response("error", "no")

    with pytest.raises(Wrong) as error:
        inputs.refuses_a_step_size_of_0(judged(careless), step=7)
    assert error.value.step == bad
    assert error.value.words == "returned 0.5 (0x1p-1) for step_size=0 instead of raising an exception"

    def outside(config: Config, step: int) -> Any:
        return 0.5 if config.has_rates or step == 0 else Response("declined", "no")

    with pytest.raises(Wrong) as error:
        inputs.refuses_a_step_size_of_0(judged(outside), step=7)
    assert error.value.step == 0


@pytest.mark.parametrize(("index", "given", "nearest"), [(0, -4, 0), (1, -3.5, 0), (2, 2**63 + 3, 2**63 - 1)])
def test_what_is_no_step(index: int, given: float, nearest: int) -> None:
    def answering(value: Any) -> Callable[[Config, Any], Any]:
        return lambda config, step: value if step == given else config.build()(step)

    for value, right in ((Response("error", "no"), True), (TRIANGULAR.build()(nearest), True), (0.75, False)):
        judge = judged(answering(value))
        if right:
            inputs.refuses_what_is_no_step(judge, step=3, refused=index)
        else:
            with pytest.raises(Wrong) as error:
                inputs.refuses_what_is_no_step(judge, step=3, refused=index)
            assert (error.value.step, error.value.given) == (nearest, given)
        assert judge.subject.steps == [nearest, given]  # type: ignore[attr-defined]
    with pytest.raises(Inapplicable):
        inputs.refuses_what_is_no_step(judged(stateful=True), step=3, refused=index)


# --- Schedulers --------------------------------------------------------------------------------------------------------------


def test_two_sequences_are_compared_in_dtype_and_bits() -> None:
    right = (Response("float64", "0x1p0"), Response("float64", "0x1p1"))
    relations.same_bits(judged(), 5, right, right, "afterwards")
    for wrong, words in (
        (Response("float64", "0x1p2"), "afterwards: expected 2 (0x1p+1), got 4 (0x1p+2)"),
        (Response("float32", "0x1p1"), "afterwards: expected 2 (0x1p+1), got 2 (0x1p+1)"),
        (Response("error", "why"), "afterwards: why"),
    ):
        with pytest.raises(Wrong) as error:
            relations.same_bits(judged(), 5, right, (right[0], wrong), "afterwards")
        assert (error.value.step, error.value.words) == (6, words)
    with pytest.raises(Wrong) as error:
        relations.same_bits(judged(), 5, (Response("error", "why"), right[0]), right, "afterwards")
    assert (error.value.step, error.value.words) == (5, "why")


def test_a_scheduler_is_stopped_within_reach() -> None:
    for check, needed in ((schedulers.resumes, 5 + 22), (schedulers.counts_from_zero, 5)):
        check(judged(reach=needed), at=5)
        with pytest.raises(Inapplicable):
            check(judged(reach=needed - 1), at=5)


def test_a_count_that_is_off_by_one_is_found_at_each_of_three_steps() -> None:
    for bad in (5, 6, 7):
        with pytest.raises(Wrong) as error:
            schedulers.counts_from_zero(judged(lambda config, step, bad=bad: config.build()(step + (step == bad))), at=5)
        assert error.value.step == bad
    with pytest.raises(Wrong, match="why"):
        schedulers.counts_from_zero(judged(lambda *_: Response("error", "why")), at=5)
