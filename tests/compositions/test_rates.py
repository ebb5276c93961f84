"""The rates of compositions are those of docs/SPEC.md, chapter 12, rounded once, in calls, arrays and ranges."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import clr_ref
from clr_ref import exact
from tests.rates import assert_same_floats
from tests.strategies import asymmetric

LAST = 2**63 - 1


def line(low: Any, high: Any, part: Fraction) -> Fraction:
    return Fraction(float(low)) + (Fraction(float(high)) - Fraction(float(low))) * part


def specified(made: Any, step: Any) -> Any:
    """Chapter 12 of docs/SPEC.md, written again: a number, or the schedule inside and its step."""
    if isinstance(made, clr_ref.CyclicalLearningRate):
        return made, step
    schedule = made.schedule
    if isinstance(made, clr_ref.Shifted):
        return specified(schedule, step + made.start)
    if isinstance(made, clr_ref.WarmUp):
        first = made.steps if made.counts_warm_up else 0
        if step >= made.steps:
            return specified(schedule, step - made.steps + first)
        return line(made.initial_learning_rate, rounded(schedule, first), Fraction(step) / made.steps)
    if step < made.start:
        return specified(schedule, step)
    part = Fraction(step - made.start) / made.steps if step < made.start + made.steps else Fraction(1)
    return line(rounded(schedule, made.start), made.final_learning_rate, part)


def exactly(made: Any, step: Any) -> Any:
    found = specified(made, step)
    return found if isinstance(found, Fraction) else found[0].exact(found[1])


def rounded(made: Any, step: Any) -> Any:
    found = specified(made, step)
    return exact.round_to(found, made.dtype) if isinstance(found, Fraction) else exact.rounded(*found)


@st.composite
def compositions(draw: st.DrawFn, depth: int = 3) -> Any:
    """Up to three layers around a schedule; steps 0 to 2**62 have rates."""
    # A gamma above 1 leads to infinite rates, at which no ramp can begin or end.
    made: Any = draw(asymmetric().filter(lambda plain: plain.policy.name != "exp_range" or plain.policy.gamma <= 1))
    for _ in range(draw(st.integers(1, depth))):
        steps = draw(st.sampled_from([0, 1, 2, 7, 100, 2**24, 3 * 2**50]))
        rate = draw(st.sampled_from([0.0, 1e-3, -0.5, 1e-40, 0.1]))
        start = draw(st.sampled_from([0, 1, 5, 99, 2**24 + 1, 2**53 + 1]))
        kind = draw(st.sampled_from(["warm-up", "counting", "shifted", "cool-down"]))
        if kind == "shifted":
            made = clr_ref.Shifted(made, start)
        elif kind == "cool-down":
            made = clr_ref.CoolDown(made, start, steps, rate)
        else:
            made = clr_ref.WarmUp(made, steps, rate, counts_warm_up=kind == "counting")
    return made


def seams(made: Any) -> list[int]:
    """Steps at and beside every seam."""
    found = {0, 1, 2, 3, 50, 2**40}
    offset = 0
    while not isinstance(made, clr_ref.CyclicalLearningRate):
        found |= {offset + getattr(made, name, 0) for name in ("steps", "start")}
        found.add(offset + getattr(made, "steps", 0) + getattr(made, "start", 0))
        offset += made.steps if isinstance(made, clr_ref.WarmUp) and not made.counts_warm_up else 0
        made = made.schedule
    return sorted({step + beside for step in found for beside in (-1, 0, 1)} - {-1})


@settings(max_examples=40)
@given(compositions())
def test_the_rates_are_those_of_the_specification(made: Any) -> None:
    steps = seams(made)
    expected = np.array([rounded(made, step) for step in steps])
    one_by_one = np.array([made(step) for step in steps])
    assert one_by_one.dtype == made.dtype
    assert_same_floats(lambda index: f"step {steps[index]}", one_by_one, expected, what="calls", of=made)
    assert_same_floats(lambda index: f"step {steps[index]}", made(steps), expected, what="a list", of=made)
    array = np.array(steps[::-1]).reshape(-1, 1)
    assert_same_floats(lambda index: f"place {index}", made(array), expected[::-1].reshape(-1, 1), what="an array", of=made)
    ranges = [made.values(step, step + 3) for step in steps]
    assert_same_floats(
        lambda index: f"place {index}",
        ranges,
        [[rounded(made, s + k) for k in range(3)] for s in steps],
        what="ranges",
        of=made,
    )
    assert [made.exact(step) for step in steps] == [exactly(made, step) for step in steps]


@given(compositions(), st.fractions(0, 300).map(lambda x: Fraction(round(x * 1024), 1024)))
def test_steps_with_a_fraction(made: Any, step: Fraction) -> None:
    assert made(step).tobytes() == rounded(made, step).tobytes()
    both = made([step, 3])
    assert [rate.tobytes() for rate in both] == [rounded(made, step).tobytes(), rounded(made, 3).tobytes()]


@settings(max_examples=40)
@given(compositions())
def test_a_range_over_all_pieces(made: Any) -> None:
    out = np.empty(130, made.dtype)
    assert made.values(0, 130, out=out) is out
    expected = np.array([rounded(made, step) for step in range(130)])
    assert_same_floats(lambda index: f"step {index}", out, expected, what="values", of=made)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", ["triangular", "triangular2", "exp_range"])
def test_both_sides_of_a_seam_meet(policy: str, dtype: str) -> None:
    """The first rate of the schedule is the last of the warm-up, and its rate at the end is the first of the cool-down."""
    gamma = {"gamma": 0.99} if policy == "exp_range" else {}
    schedule = getattr(clr_ref, policy)(1e-3, 0.1, 3.3, dtype=dtype, **gamma)
    for counts, first in ((False, 0), (True, 7)):
        warm = clr_ref.WarmUp(schedule, 7, 1e-4, counts_warm_up=counts)
        assert warm(0) == np.dtype(dtype).type(1e-4)
        assert [warm(7), warm(8)] == [schedule(first), schedule(first + 1)]
        line = warm._pieces[0].schedule
        assert line(7).tobytes() == schedule(first).tobytes()
    cool = clr_ref.CoolDown(schedule, 11, 5, 0.0)
    assert [cool(10), cool(11), cool(16), cool(LAST)] == [schedule(10), schedule(11), 0, 0]


def test_no_warm_up_and_no_cool_down() -> None:
    schedule = clr_ref.triangular(0.5, 1.0, 4)
    assert clr_ref.WarmUp(schedule, 0, 9.0).values(0, 9).tolist() == schedule.values(0, 9).tolist()
    assert clr_ref.CoolDown(schedule, 3, 0, 0.25)([2, 3, 4]).tolist() == [0.75, 0.25, 0.25]
    assert clr_ref.CoolDown(schedule, 3, 1, 0.25)([2, 3, 4, 5]).tolist() == [0.75, 0.875, 0.25, 0.25]


def test_one_cycle() -> None:
    """The schedule of Smith, arXiv 1708.07120: a cycle, and then on below its initial rate."""
    made = clr_ref.CoolDown(clr_ref.triangular(0.1, 1.0, 45), start=90, steps=10, final_learning_rate=0.001)
    assert made([0, 45, 90, 100, 10**9]).tolist() == np.float32([0.1, 1.0, 0.1, 0.001, 0.001]).tolist()
    falls = made.values(45, 101)
    assert (np.diff(falls) < 0).all()


# --- the ends of the domain --------------------------------------------------------------------------------------------


def test_shifted_has_no_rate_where_the_schedule_has_none() -> None:
    schedule = clr_ref.triangular2(0.0, 1.0, 2.5)
    later, sooner = clr_ref.Shifted(schedule, -10), clr_ref.Shifted(schedule, 10)
    assert later(10) == schedule(0)
    assert later(LAST) == schedule(LAST - 10)
    assert sooner(LAST - 10) == schedule(LAST)
    assert sooner.values(LAST - 10, LAST - 9).tolist() == [schedule(LAST)]
    for made, wrong, accepted in ((later, 9, r"10 \.\. 2\*\*63-1"), (sooner, LAST - 9, rf"0 \.\. {LAST - 10}")):
        message = rf"^step must be a number {accepted}, where the schedule inside has a rate, got "
        for call in (made, made.exact, lambda step, made=made: made([20, step])):
            with pytest.raises(ValueError, match=message):
                call(wrong)
        with pytest.raises(ValueError, match=message):
            made.values(wrong, wrong + 1)
    with pytest.raises(ValueError, match=r"10 \.\. "):
        later(9.5)
    assert later.values(3, 3).shape == (0,)
    assert later([]).shape == (0,)


def test_compositions_pass_a_domain_on() -> None:
    later = clr_ref.Shifted(clr_ref.triangular(0.0, 1.0, 4), -10)
    for made, steps in (
        (clr_ref.CoolDown(later, 10, 5, 0.5), (10, LAST)),
        (clr_ref.WarmUp(later, 0), (10, LAST)),
        (clr_ref.WarmUp(later, 12, counts_warm_up=True), (0, LAST)),
        (clr_ref.WarmUp(clr_ref.Shifted(later, 10), 12), (0, LAST)),
        (clr_ref.WarmUp(clr_ref.Shifted(later, 30), 12, counts_warm_up=True), (0, LAST - 30)),
    ):
        assert made._domain == steps
        assert np.isfinite(made(list(steps))).all()
    for wrong in (
        lambda: clr_ref.WarmUp(later, 5),
        lambda: clr_ref.WarmUp(later, 5, counts_warm_up=True),
    ):
        with pytest.raises(ValueError, match=r"^steps must lead to a step of the schedule, 10 \.\. 2\*\*63-1, got step "):
            wrong()
    with pytest.raises(ValueError, match=r"^start must lead to a step of the schedule, 10 \.\. 2\*\*63-1, got step 9$"):
        clr_ref.CoolDown(later, 9, 5, 0.0)
