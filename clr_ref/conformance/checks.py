"""What has to hold of any implementation: one check per clause of docs/SPEC.md, whose sentence it quotes.

A check gets a ``Judge``, which asks the implementation and knows how near an answer has to be, and what it needs of ``step``
and ``cycles``; the docstring of a check says what goes wrong where it fails. It raises ``Wrong`` where the clause does not
hold, and ``Inapplicable`` where the clause says nothing about these inputs. Each is as strict as the judge's level: at
``CORRECT`` the relations hold in bits, elsewhere within the slack of the answers they relate.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal, NoReturn

import numpy as np

from clr_ref import exact
from clr_ref.conformance.accuracy import Level, Rates, rates
from clr_ref.conformance.config import MAX_STEP, POLICIES, Config
from clr_ref.conformance.protocol import Operation, Question
from clr_ref.conformance.subject import Answers, Subject
from clr_ref.exact import ulp
from clr_ref.policies import Geometric


class Wrong(AssertionError):
    """A clause that does not hold: at which config and step it showed, and in which words."""

    def __init__(self, config: Config, step: int, words: str) -> None:
        super().__init__(f"{config} at step {step}: {words}")
        self.config = config
        self.step = step
        self.words = words


class Hung(Exception):
    """The implementation did not answer."""

    def __init__(self, config: Config, step: int, words: str) -> None:
        super().__init__(f"{config} at step {step}: {words}")
        self.config = config
        self.step = step
        self.words = words


class Inapplicable(Exception):
    """The clause says nothing about these inputs."""


def suppose(condition: bool) -> None:
    """Go on only where the clause says something."""
    if not condition:
        raise Inapplicable


@dataclasses.dataclass(frozen=True)
class Judge:
    """An implementation asked about one config, and how closely it is held to the exact rates.

    ``more_ulp`` is what a known deviation allows beyond the level; ``noted`` hears of every answer held against the formula.
    """

    subject: Subject
    config: Config
    level: Level
    more_ulp: float = 0.0
    noted: Callable[[Config, int, Any], None] | None = None

    def numbers(self, *steps: int, integers: bool = False) -> list[Any]:
        """The answers of one fresh object, asked in this order, as NumPy scalars of the config's dtype.

        Raises:
            Wrong: one of them is no number.
            Inapplicable: a step that this implementation cannot be asked for.
        """
        suppose(all(0 <= step <= self.subject.nature.reach for step in steps))
        found = []
        asked = Question(self.config, steps=steps, integers=integers)
        for step, answer in zip(steps, self.ask(asked), strict=True):
            if answer.failed:
                self.wrong(step, answer.text)
            if self.level is Level.CORRECT and answer.kind not in (self.config.dtype, "exact"):
                self.wrong(step, f"answered a {answer.kind}, not a {self.config.dtype}")
            value = answer.value(self.config.dtype)
            if np.isnan(value):
                self.wrong(step, "answered nan")
            found.append(value)
        return found

    def ask(self, question: Question) -> Answers:
        """The answers to a question.

        Raises:
            Hung: there are none.
        """
        given = self.subject.ask(question)
        for index, answer in enumerate(given):
            if answer.kind == "hang":
                raise Hung(self.config, question.steps[index] if question.steps else question.at + index, answer.text)
        return given

    def rates(self, step: int) -> Rates:
        """What is expected at a step."""
        expected = rates(self.config, step, self.level)
        if not self.more_ulp:
            return expected
        more = Fraction(self.more_ulp) * Fraction(float(ulp.size(expected.rounded, self.config.dtype)))
        return dataclasses.replace(expected, slack=expected.slack + more)

    def slack(self, step: int) -> Fraction:
        """How far the answer at a step may be from the exact rate; 0 where it is rounded correctly."""
        return self.rates(step).slack

    def on(self, **changes: Any) -> Judge:
        """The same judge of another config."""
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **changes))

    def wrong(self, step: int, words: str) -> NoReturn:
        raise Wrong(self.config, step, words)


def real(value: Any) -> Any:
    """A rate as a Fraction, or the infinity that it is."""
    return Fraction(float(value)) if np.isfinite(value) else float(value)


def show(value: Any) -> str:
    return ulp.show(value)


# --- 1. Inputs ---------------------------------------------------------------------------------------------------------------


def takes_bounds_in_any_order(judge: Judge, step: int) -> None:
    """1.1: either may be the larger"""
    swapped = judge.on(
        initial_learning_rate=judge.config.maximal_learning_rate, maximal_learning_rate=judge.config.initial_learning_rate
    )
    follows_the_formula(swapped, step)


def takes_whole_bounds(judge: Judge, step: int) -> None:
    """1.1: `initial_learning_rate` and `maximal_learning_rate` are finite

    They are given as ints here.
    """
    whole = judge.on(initial_learning_rate=0.0, maximal_learning_rate=1.0)
    (value,) = whole.numbers(step, integers=True)
    (same,) = whole.numbers(step)
    if value.tobytes() != same.tobytes():
        whole.wrong(step, f"answered {show(value)} for the bounds 0 and 1, {show(same)} for 0.0 and 1.0")


def takes_any_step_size(judge: Judge, step: int, fraction: float) -> None:
    """1.2: it need not be whole"""
    follows_the_formula(judge.on(step_size=judge.config.step_size + fraction), step)


def refuses_a_step_size_of_0(judge: Judge, step: int) -> None:
    """1.2: `step_size` is finite and greater than 0

    An exception will do, of any class, in ``make`` or in the call. A rate will not, and NaN least of all: it trains on.
    """
    (answer,) = judge.ask(Question(dataclasses.replace(judge.config, step_size=0), steps=(step,)))
    if not answer.failed:
        words = f"answered {show(answer.value(judge.config.dtype))} for step_size=0 instead of raising an exception"
        raise Wrong(dataclasses.replace(judge.config, step_size=0), step, words)


def takes_any_step(judge: Judge, far: int) -> None:
    """1.5: A step is a whole number, 0 to 2^63 - 1."""
    step, size = far, judge.config.step_size
    # Not so many cycles that the formula itself is lost: float32 knows nothing of the phase 2^24 half cycles from the start.
    while step // size > 2**14:
        size *= 2**6
    follows_the_formula(judge.on(step_size=size), step)


# --- 2. Phase ----------------------------------------------------------------------------------------------------------------


def is_monotone_within_a_half_cycle(judge: Judge, step: int) -> None:
    """2.2: 0 at t = 2ks, 1 at t = (2k + 1)s, linear between"""
    schedule = judge.config.build()
    size = Fraction(schedule.step_size)
    suppose(judge.config.policy == "triangular" and size >= 4)
    half = step // size
    first, last = max(-(-half * size // 1), 0), (half + 1) * size // 1
    suppose(last <= judge.subject.nature.reach and last - first >= 3)
    asked = [int(t) for t in (first, first + 1, (first + last) // 2, last - 1, last)]
    sign = 1 if half % 2 == 0 else -1
    if schedule.maximal_learning_rate < schedule.initial_learning_rate:
        sign = -sign
    found = [(t, sign * real(value)) for t, value in zip(asked, judge.numbers(*asked), strict=True)]
    for (s, a), (t, b) in itertools.pairwise(found):
        if a - b > judge.slack(s) + judge.slack(t):
            judge.wrong(t, f"moves back between steps {s} and {t}, within one half of a cycle")


def is_symmetric(judge: Judge, step: int, cycles: int) -> None:
    """2.3: the same at 2ks + d and 2ks - d"""
    period = 2 * Fraction(judge.config.build().step_size)
    into = step % period
    after, before = period * cycles + into, period * (cycles + 1) - into
    suppose(judge.config.policy != "exp_range" and after.denominator == 1 and before.denominator == 1)
    suppose(into > 0 and before <= MAX_STEP)  # at the very end the next cycle has begun
    _same(judge, int(after), int(before))


# --- 3. Rate -----------------------------------------------------------------------------------------------------------------


def follows_the_formula(judge: Judge, step: int) -> None:
    """3.1: rate = initial + (maximal - initial) height scale"""
    (value,) = judge.numbers(step)
    if judge.noted is not None:
        judge.noted(judge.config, step, value)
    if not judge.rates(step).allows(value):
        judge.wrong(step, f"expected {show(judge.rates(step).rounded)}, got {show(value)}")


def starts_and_ends_at_its_base(judge: Judge, cycles: int) -> None:
    """3.2: At the ends of a cycle the rate is initial"""
    schedule = judge.config.build()
    end = 2 * Fraction(schedule.step_size) * cycles
    suppose(end.denominator == 1 and end <= MAX_STEP)
    _equals(judge, int(end), schedule.initial_learning_rate)


def reaches_its_peak(judge: Judge, cycles: int) -> None:
    """3.2: at a peak with scale 1 it is maximal"""
    flat = judge.on(gamma=1.0)
    schedule = flat.config.build()
    peak = Fraction(schedule.step_size) * (1 if judge.config.policy == "triangular2" else 2 * cycles + 1)
    suppose(peak.denominator == 1 and peak <= MAX_STEP)
    _equals(flat, int(peak), schedule.maximal_learning_rate)


def between_its_bounds(judge: Judge, step: int) -> None:
    """3.3: For scales in [0, 1] the rate lies between initial and maximal."""
    suppose(judge.config.gamma <= 1)
    schedule = judge.config.build()
    low, high = sorted(Fraction(bound) for bound in (schedule.initial_learning_rate, schedule.maximal_learning_rate))
    (value,) = judge.numbers(step)
    # However lost the phase is, the height is at most 1: what is left is the rounding of the rate itself.
    slack = Fraction(0) if judge.level is Level.CORRECT else min(judge.slack(step), judge.slack(0) + (high - low) / 2**20)
    if not low - slack <= real(value) <= high + slack:
        judge.wrong(step, f"answered {show(value)}, outside its bounds")


def depends_on_the_step_alone(judge: Judge, step: int, cycles: int) -> None:
    """3.4: The rate depends on the inputs and the step alone"""
    steps = [step, step, 1, cycles, step, 0, cycles]
    found: dict[int, Any] = {}
    for order in (steps, sorted(steps), sorted(steps, reverse=True)):
        for t, value in zip(order, judge.numbers(*order), strict=True):
            if value.tobytes() != found.setdefault(t, value).tobytes():
                judge.wrong(t, f"answered {show(found[t])} at first and {show(value)} when asked again, or in another order")


# --- 4. Policies -------------------------------------------------------------------------------------------------------------


def is_periodic(judge: Judge, step: int, cycles: int) -> None:
    """4.1: The rate is periodic in t with period 2s."""
    moved = step + 2 * Fraction(judge.config.build().step_size) * cycles
    suppose(judge.config.policy == "triangular" and moved.denominator == 1 and moved <= MAX_STEP)
    _same(judge, step, int(moved))


def halves_every_cycle(judge: Judge, step: int, halvings: int) -> None:
    """4.2: The amplitude halves with every cycle, for as many cycles as there are."""
    suppose(judge.config.policy == "triangular2")
    based = judge.on(initial_learning_rate=0.0)
    moved = step + 2 * Fraction(based.config.build().step_size) * halvings
    suppose(moved.denominator == 1 and moved <= MAX_STEP)
    later = int(moved)
    first, last = (real(value) for value in based.numbers(step, later))
    halved = first / 2**halvings if halvings < 3000 else Fraction(0)
    slack = based.slack(step) / 2 ** min(halvings, 3000) + based.slack(later)
    if halved < Fraction(float(np.finfo(judge.config.dtype).tiny)):  # one rounding of what was rounded before
        slack += Fraction(float(np.finfo(judge.config.dtype).smallest_subnormal))
    if abs(last - halved) > slack:
        based.wrong(later, f"is not 2**-{halvings} of the rate {halvings} cycles before, at step {step}")


def stays_in_its_envelope(judge: Judge, step: int) -> None:
    """4.3: scale = gamma^t"""
    suppose(judge.config.policy == "exp_range")
    schedule = judge.config.build()
    _, scale = exact.scale_enclosure(Geometric(judge.config.gamma), step, 200)
    initial = Fraction(schedule.initial_learning_rate)
    edge = initial + (Fraction(schedule.maximal_learning_rate) - initial) * scale
    dtype = judge.config.dtype
    lower, upper = sorted((exact.round_to(initial, dtype), exact.round_to(edge, dtype)))
    (value,) = judge.numbers(step)
    slack = judge.slack(step)
    if not real(lower) - slack <= real(value) <= real(upper) + slack:
        judge.wrong(step, f"answered {show(value)}, further from the initial rate than gamma^t allows")


def counts_gamma_from_the_start(judge: Judge, step: int, cycles: int) -> None:
    """4.3: with t the step since the start of training, not of the cycle"""
    suppose(judge.config.policy == "exp_range")
    period = 2 * Fraction(judge.config.build().step_size)
    based = judge.on(initial_learning_rate=0.0, maximal_learning_rate=1.0, gamma=0.75)
    step, cycles = step % 200, cycles % 4
    moved = step + period * cycles
    suppose(moved.denominator == 1 and moved < 200)
    later = int(moved)
    first, last = (real(value) for value in based.numbers(step, later))
    fallen = Fraction(0.75) ** (later - step)
    # At CORRECT each of the two is off by half a unit in the last place, at most 2u of itself.
    rounding = (last + first * fallen) * Fraction(2) ** -exact.FORMATS[judge.config.dtype][0]
    if abs(last - first * fallen) > based.slack(step) * fallen + based.slack(later) + rounding:
        based.wrong(later, f"is not 0.75**{later - step} of the rate {cycles} cycles before, at step {step}")


# --- 10. Schedulers ----------------------------------------------------------------------------------------------------------


def _continues(way: Operation) -> Callable[[Judge, int], None]:
    """A check that a scheduler goes on in bits from ``at`` after it got there in some way."""

    def check(judge: Judge, at: int) -> None:
        count = min(int(2 * judge.config.step_size) + 2, 200)
        suppose(at + count <= judge.subject.nature.reach)
        straight, other = (judge.ask(Question(judge.config, operation, at=at, count=count)) for operation in ("straight", way))
        _in_bits(judge, at, straight, other)

    return check


def counts_from_zero(judge: Judge, at: int) -> None:
    """10.1: Before its first step a scheduler answers the rate of step 0, after n steps that of step n."""
    suppose(at <= judge.subject.nature.reach)
    for step, answer in zip(range(at, at + 3), judge.ask(Question(judge.config, "straight", at=at, count=3)), strict=True):
        if answer.failed:
            judge.wrong(step, answer.text)
        if not judge.rates(step).allows(value := answer.value(judge.config.dtype)):
            judge.wrong(step, f"expected {show(judge.rates(step).rounded)}, got {show(value)}")


def resumes(judge: Judge, at: int) -> None:
    """10.2: A fresh scheduler that loads a state goes on with the bits of one that never stopped"""
    _continues("resume")(judge, at)


def loads_a_state_twice(judge: Judge, at: int) -> None:
    """10.3: Loading leaves the state as it was: it can be loaded again."""
    _continues("reload")(judge, at)


def keeps_its_state_apart(judge: Judge, at: int) -> None:
    """10.3: A state does not change with the scheduler that it came from."""
    _continues("late")(judge, at)


def loads_into_a_used_one(judge: Judge, at: int) -> None:
    """10.4: Loading into a scheduler that has counted already is like loading into a fresh one."""
    _continues("used")(judge, at)


def pickles(judge: Judge, at: int) -> None:
    """10.5: A pickled scheduler goes on with the same bits."""
    _continues("pickle")(judge, at)


def applies_what_it_reports(judge: Judge, at: int) -> None:
    """10.6: The rate that the optimizer applies in step t is the rate reported for step t."""
    count = min(at + int(2 * judge.config.step_size) + 2, 100)
    applied = judge.ask(Question(judge.config, "applied", count=count))
    reported = judge.ask(Question(judge.config, steps=tuple(range(count))))
    _in_bits(judge, 0, reported, applied)


# --- Which there are ---------------------------------------------------------------------------------------------------------

Kind = Literal["schedule", "scheduler"]


@dataclasses.dataclass(frozen=True)
class Check:
    """A check, and whom it concerns."""

    body: Callable[..., None]
    clause: str
    quote: str
    policies: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.body.__name__.replace("_", " ")

    @property
    def needs(self) -> tuple[str, ...]:
        """What it takes beside the judge."""
        return tuple(inspect.signature(self.body).parameters)[1:]


def _check(body: Callable[..., None], *policies: str) -> Check:
    clause, _, quote = (body.__doc__ or "").partition("\n")[0].partition(": ")
    return Check(body, clause, quote, policies or POLICIES)


#: The checks of one schedule, in the order in which they tell most about what is wrong.
CHECKS = (
    _check(follows_the_formula),
    _check(starts_and_ends_at_its_base),
    _check(reaches_its_peak),
    _check(between_its_bounds),
    _check(is_monotone_within_a_half_cycle, "triangular"),
    _check(is_symmetric, "triangular", "triangular2"),
    _check(is_periodic, "triangular"),
    _check(halves_every_cycle, "triangular2"),
    _check(stays_in_its_envelope, "exp_range"),
    _check(counts_gamma_from_the_start, "exp_range"),
    _check(depends_on_the_step_alone),
    _check(takes_bounds_in_any_order),
    _check(takes_whole_bounds),
    _check(takes_any_step_size),
    _check(refuses_a_step_size_of_0),
    _check(takes_any_step),
)
#: The checks of schedulers.
STATEFUL = tuple(
    _check(body)
    for body in (
        counts_from_zero,
        resumes,
        loads_a_state_twice,
        keeps_its_state_apart,
        loads_into_a_used_one,
        pickles,
    )
)
#: Of whatever knows the rates that an optimizer applied.
APPLIED = _check(applies_what_it_reports)


def _equals(judge: Judge, step: int, bound: float) -> None:
    (value,) = judge.numbers(step)
    if abs(real(value) - Fraction(bound)) > judge.slack(step):
        judge.wrong(step, f"expected {show(np.dtype(judge.config.dtype).type(bound))}, got {show(value)}")


def _same(judge: Judge, step: int, other: int) -> None:
    one, two = judge.numbers(step, other)
    if abs(real(one) - real(two)) > judge.slack(step) + judge.slack(other):
        judge.wrong(max(step, other), f"answered {show(one)} at step {step}, {show(two)} at step {other}")


def _in_bits(judge: Judge, at: int, expected: Any, actual: Any) -> None:
    for step, (want, got) in enumerate(zip(expected, actual, strict=True), start=at):
        if want.failed:
            judge.wrong(step, want.text)
        if got.failed:
            judge.wrong(step, got.text)
        if (want.kind, want.text) != (got.kind, got.text):
            dtype = judge.config.dtype
            judge.wrong(step, f"expected {show(want.value(dtype))}, got {show(got.value(dtype))}")
