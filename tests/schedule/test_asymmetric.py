"""Cycles that fall in another number of steps than they rise: their phase, their rates on every path, their JSON."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

import clr_ref
from clr_ref import compare, exact
from clr_ref.fast import arrays
from clr_ref.fast.plan import plan as plan_of
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import BOUNDS, POLICIES, schedule_of
from tests.strategies import asymmetric, steps

#: Rise and fall: whole, fractional on either side or both, very unequal, and beyond the fast path.
SIZES = [(3, 7), (7, 3), (1, 1000), (1874, 3748), (33.3, 2.5), (4, 0.75), (2.5, 10), (1e-3, 5), (2.0**51, 3), (3, 2.0**60)]


@pytest.mark.parametrize(
    ("step", "cycle", "height"),
    [(0, 1, 0), (1, 1, "2/5"), (2, 1, "4/5"), (3, 1, "14/15"), (5, 1, "2/3"), (10, 2, 0), (12, 2, "4/5"), (15, 2, "2/3")],
)
def test_phase_by_hand(step: int, cycle: int, height: Any) -> None:
    """The rise takes 2.5 steps, the fall 7.5."""
    assert exact.phase(Fraction(5, 2), step, Fraction(15, 2)) == (cycle, Fraction(height))
    assert exact.phase(Fraction(5, 2), 10**18 + step, Fraction(15, 2)) == (cycle + 10**17, Fraction(height))


def test_rates_by_hand() -> None:
    assert clr_ref.triangular(0, 12, 2, step_size_down=6)(range(10)).tolist() == [0, 6, 12, 10, 8, 6, 4, 2, 0, 6]
    assert clr_ref.triangular2(0, 12, 2, step_size_down=6)(range(8, 18)).tolist() == [0, 3, 6, 5, 4, 3, 2, 1, 0, 1.5]
    assert clr_ref.triangular(12, 0, 6, step_size_down=2)(range(10)).tolist() == [12, 10, 8, 6, 4, 2, 0, 6, 12, 10]
    assert clr_ref.exp_range(0, 12, 2, 0.5, step_size_down=4)(range(5)).tolist() == [0, 3, 3, 1.125, 0.375]
    by_cycle = clr_ref.CyclicalLearningRate(0, 12, 1, lambda cycle: 1 / cycle, step_size_down=3)
    assert by_cycle(range(1, 12, 4)).tolist() == [12, 6, 4]


def test_the_phase_of_messages_is_1_at_the_peak() -> None:
    schedule = clr_ref.triangular(0, 1, 2, step_size_down=8)
    assert [compare.place(schedule, step) for step in (1, 2, 6, 12)] == [(1, 0.5), (1, 1.0), (1, 1.5), (2, 1.0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_path_gives_the_exact_rates(policy: str, sizes: tuple[float, float], dtype: str) -> None:
    for low, high in BOUNDS:
        schedule = schedule_of(policy, sizes[0], low, high, step_size_down=sizes[1], dtype=dtype)
        for start in (0, 4 * int(sum(sizes)) if sum(sizes) < 1e6 else 10**9, 2**40 + 1, 2**62):
            chosen = start + np.arange(40)
            expected = exact_rates(schedule, chosen)
            assert_same_rates(schedule, chosen, schedule(chosen), expected, arithmetic="array")
            assert_same_rates(schedule, chosen, schedule.values(start, start + 40), expected, arithmetic="range")
            # Backwards, since steps that follow each other are computed in blocks.
            one_by_one = np.array([schedule(int(step)) for step in chosen[::-1]])[::-1]
            assert_same_rates(schedule, chosen, one_by_one, expected, arithmetic="one step")


def test_ties_of_subnormal_rates_on_a_long_fall() -> None:
    """The slope of the fall is so small that its products are subnormal in float32, though those of the rise are not."""
    schedule = clr_ref.triangular(0, 2.0**-120, 1, step_size_down=49 * 2.0**30)
    chosen = 49 * 2**30 + 1 - 49 * np.arange(1, 4000)  # rates of a whole number of 2**-150, every second one a tie
    assert_same_rates(schedule, chosen, schedule(chosen), exact_rates(schedule, chosen), arithmetic="array")


@given(asymmetric(), st.lists(steps(), min_size=1, max_size=20), st.integers(0, 2**40))
@example(clr_ref.exp_range(0.0, 1.0, 5, 0.5, step_size_down=2.0**30), [4, 6], 3)
@example(clr_ref.triangular2(1e-42, 3e-39, 5, step_size_down=17), [4, 5, 6, 40], 20)
def test_every_schedule_has_the_exact_rates(schedule: clr_ref.CyclicalLearningRate, chosen: list[int], start: int) -> None:
    assert_same_rates(schedule, chosen, schedule(chosen), exact_rates(schedule, chosen), arithmetic="array")
    one_by_one = np.array([schedule(step) for step in chosen])
    assert_same_rates(schedule, chosen, one_by_one, exact_rates(schedule, chosen), arithmetic="one step")
    some = range(start, start + 30)
    assert_same_rates(schedule, some, schedule.values(start, start + 30), exact_rates(schedule, some), arithmetic="range")


@pytest.mark.parametrize("sizes", [(937, 2000), (2000, 937), (33.3, 80.1), (100, 0.5)], ids=str)
@pytest.mark.parametrize("policy", POLICIES)
def test_long_ranges_are_arrays(policy: str, sizes: tuple[float, float]) -> None:
    """Over several chunks and cycles, from any phase; ``arrays`` counts in 32-bit words and in float64."""
    schedule = schedule_of(policy, sizes[0], step_size_down=sizes[1])
    for start in (0, 500, 10**7, 2**40):
        chosen = start + np.arange(2 * arrays.CHUNK + 5)
        assert_same_rates(schedule, chosen, schedule.values(start, int(chosen[-1]) + 1), schedule(chosen), arithmetic="range")


@given(asymmetric(), steps())
def test_an_equal_fall_changes_no_rate(schedule: clr_ref.CyclicalLearningRate, step: int) -> None:
    arguments = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size, schedule.scale_fn)
    plain = clr_ref.CyclicalLearningRate(*arguments, schedule.scale_mode, schedule.dtype)
    equal = clr_ref.CyclicalLearningRate(*arguments, schedule.scale_mode, schedule.dtype, step_size_down=schedule.step_size)
    assert_same_rates(plain, [step], equal([step]), plain([step]), arithmetic="array")
    assert equal.exact(step) == plain.exact(step)
    assert plan_of(equal).is_symmetric


@given(asymmetric())
def test_it_is_stored_and_copied(schedule: clr_ref.CyclicalLearningRate) -> None:
    assert clr_ref.CyclicalLearningRate.from_json(schedule.to_json()) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == copy.deepcopy(schedule) == schedule
    assert eval(repr(schedule), {"clr_ref": clr_ref}) == schedule


def test_json_and_repr_name_it_only_where_it_is_given() -> None:
    plain, other = clr_ref.triangular(0, 1, 10), clr_ref.triangular(0, 1, 10, step_size_down=30)
    assert "step_size_down" not in plain.to_json() + repr(plain)
    assert '"step_size_down": "0x1.e000000000000p+4"' in other.to_json()
    expected = "initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=10, step_size_down=30"
    assert repr(other) == f"clr_ref.triangular({expected})"
    assert plain != other != clr_ref.triangular(0, 1, 10, step_size_down=10)
    with pytest.raises(ValueError, match="step_size_down must be a finite hex float"):
        clr_ref.CyclicalLearningRate.from_json(other.to_json().replace('"0x1.e000000000000p+4"', "null"))


def test_it_is_rounded_to_the_dtype() -> None:
    assert clr_ref.triangular(0, 1, 10, step_size_down=33.3).step_size_down == float(np.float32(33.3))
    assert clr_ref.triangular(0, 1, 10, step_size_down=33.3, dtype="float64").step_size_down == 33.3


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), 1e-50, 10**400], ids=str)
def test_a_wrong_one_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"step_size_down must be a finite number of float32 > 0, got "):
        clr_ref.triangular2(0, 1, 10, step_size_down=wrong)


@pytest.mark.parametrize("wrong", ["3", True, [3]], ids=str)
def test_another_type_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="step_size_down must be a real number, got "):
        clr_ref.exp_range(0, 1, 10, 0.9, step_size_down=wrong)


def test_tfa_has_no_such_cycles() -> None:
    schedule = clr_ref.triangular(0, 1, 10, step_size_down=30)
    for refused in (
        lambda: clr_ref.tfa_arithmetic.evaluate(schedule, 3),
        lambda: clr_ref.tfa_arithmetic.error_bound(schedule, 3),
        lambda: clr_ref.tfa_arithmetic.power_budget(clr_ref.exp_range(0, 1, 10, 0.9, step_size_down=30), 3),
        lambda: clr_ref.tfa.graphs.evaluate(schedule, 3, mode="function", tensorflow=(2, 15), array=False),
    ):
        with pytest.raises(ValueError, match=r"step_size_down must be None for TFA's arithmetic, got 30\.0"):
            refused()
