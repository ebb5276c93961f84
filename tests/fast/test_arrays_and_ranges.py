"""Arrays and ranges: the fast path and the general one give the same bits, at every seam of chunks, cycles and words."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import clr_ref
from clr_ref.fast import arrays, general, powers, ranges
from clr_ref.fast.plan import plan as plan_of
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import BOUNDS, POLICIES, schedule_of


def general_path(schedule: clr_ref.CyclicalLearningRate, steps: Any) -> Any:
    """The rates by int64 phases and products of table entries, which the fast path has to equal in bits."""
    out = np.empty(len(steps), schedule.dtype)
    with np.errstate(all="ignore"):
        general.fill(plan_of(schedule), np.asarray(steps, np.int64), out)
    return out


def assert_same_as_the_general_path(schedule: clr_ref.CyclicalLearningRate, steps: Any, rates: Any, of: str) -> None:
    __tracebackhide__ = True
    assert_same_rates(schedule, steps, rates, general_path(schedule, steps), arithmetic=f"fast path of {of}")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("step_size", [1, 937, 2.5])
def test_the_first_steps(policy: str, step_size: float) -> None:
    """Each path alone has the exact rates, so that a fault is not taken for one of the other path."""
    schedule, steps = schedule_of(policy, step_size), np.arange(200)
    expected = exact_rates(schedule, steps)
    assert_same_rates(schedule, steps, general_path(schedule, steps), expected, arithmetic="general path of arrays")
    assert_same_rates(schedule, steps, schedule(steps), expected, arithmetic="fast path of arrays")
    assert_same_rates(schedule, steps, schedule.values(0, 200), expected, arithmetic="fast path of ranges")


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("step_size", [1, 937, 33.3, 100_003])
@pytest.mark.parametrize("policy", POLICIES)
def test_both_paths_give_the_same_bits(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    schedule = schedule_of(policy, step_size, *bounds)
    rng = np.random.default_rng(0)
    near = rng.integers(0, 3 * 10**6, arrays.CHUNK + 1)
    for steps in (near, rng.integers(0, 2**33, 1000), np.array([plan_of(schedule).last_fast_step - d for d in range(3)])):
        rates = schedule(steps)
        chosen = slice(None, None, 97)
        expected = exact_rates(schedule, steps[chosen])
        assert_same_rates(schedule, steps[chosen], rates[chosen], expected, arithmetic="fast path of arrays")
        one_by_one = np.array([schedule(int(step)) for step in steps[chosen]])
        assert_same_rates(schedule, steps[chosen], one_by_one, expected, arithmetic="arithmetic of one step")
        assert_same_as_the_general_path(schedule, steps, rates, "arrays")


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (1e-2, 1e-4), (0.3, 0.3), (0.0, 0.0)])
@pytest.mark.parametrize("step_size", [1, 937, 33.5, 2.0**30, 2.0**30 + 64])
@pytest.mark.parametrize("policy", POLICIES)
def test_steps_that_fit_a_word_and_steps_that_do_not(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    """An array that holds both kinds, one after the other, has the rates of the general path."""
    schedule = schedule_of(policy, step_size, *bounds)
    size, rng = arrays.CHUNK, np.random.default_rng(1)
    kinds = [rng.integers(0, high, size) for high in (2**31, 10**5, 2**40, 10**5, 2**31)]
    steps = np.concatenate([*kinds, np.arange(2**31 - 9, 2**31 + 9)])
    assert_same_as_the_general_path(schedule, steps, schedule(steps), "arrays")


@pytest.mark.parametrize("around", [2**51, 2**53, 2**62])
@pytest.mark.parametrize("step_size", [1, 937, 2.5, 2.0**40 + 2.0**20])
@pytest.mark.parametrize("policy", POLICIES)
def test_steps_around_powers_of_two(policy: str, step_size: float, around: int) -> None:
    """One array and one range may cross the ends of the whole numbers of float64 and of the fast path."""
    schedule = schedule_of(policy, step_size)
    steps = np.arange(around - 700, around + 700)
    rates = schedule(steps)
    chosen = slice(None, None, 100)
    expected = exact_rates(schedule, steps[chosen])
    assert_same_rates(schedule, steps[chosen], rates[chosen], expected, arithmetic="arithmetic of arrays")
    ranges = schedule.values(around - 700, around + 700)
    assert_same_rates(schedule, steps, ranges, rates, arithmetic="arithmetic of ranges")
    limit = min(plan_of(schedule).last_fast_step, 2**62)
    across = np.arange(limit - 50, limit + 50)
    assert_same_rates(schedule, across, schedule(across), exact_rates(schedule, across), arithmetic="arithmetic of arrays")


C = ranges.CHUNK


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1), (-0.3, 0.7)])
@pytest.mark.parametrize(
    ("step_size", "start", "count"),
    [
        (C - 1, 0, 5 * C),  # a peak on the last step of a chunk
        (C, 1, 4 * C + 1),
        (2 * C + 5, C + 3, 6 * C),  # from within a rise: its fall is mirrored in part
        (2 * C + 5, 2 * C + 5, 3 * C),  # from a peak
        (2 * C + 5, 3 * C, 6 * C),  # from within a fall
        (2 * C + 5, 4 * C + 9, C + 1),  # ends before the next peak
        (2 * C + 5, 7 * 10**12 + 11, 5 * C),
        (40_000, 123, 3 * ranges.REPEATED),  # a period longer than what is copied at once
        (10**7, 5 * 10**6, 2 * C),  # a cycle longer than the range
        (10**7, 10**7 - C, 2 * C + 1),  # across its peak
        (3, 1, 3 * C),
        (33.3, 17, 2 * C + 1),
        (33.3, 2**34, 2 * C + 1),
        (0.75, 5, 2 * C),
        (10_000.5, 9_999, 3 * C),
        (1, 2**63 - 2 * C, 2 * C),
        (2 * C + 5, 2**63 - 3 * C, 3 * C),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_seams_of_ranges(policy: str, step_size: float, start: int, count: int, bounds: tuple[float, float]) -> None:
    schedule = schedule_of(policy, step_size, *bounds)
    rates = schedule.values(start, start + count)
    p = max(1, int(schedule.step_size))
    around = {0, 1, C - 1, C, 2 * C, count - 1, *(k * p - start % (2 * p) + d for k in range(1, 5) for d in (-1, 0, 1))}
    seams = np.array([index for index in sorted(around) if 0 <= index < count])
    expected = exact_rates(schedule, seams + start)
    assert_same_rates(schedule, seams + start, rates[seams], expected, arithmetic="fast path of ranges")
    assert_same_as_the_general_path(schedule, np.arange(count) + start, rates, "ranges")


@pytest.mark.parametrize("start", [0, 10**15, 2**63 - 50_000])
@pytest.mark.parametrize("step_size", [1, 7, 937, 2000, 33.3, 2.5, 20_000])
@pytest.mark.parametrize("policy", POLICIES)
def test_long_ranges(policy: str, step_size: float, start: int) -> None:
    """Whole cycles are reused, halved and mirrored within 50,000 steps, with the rates of single steps."""
    schedule, first = schedule_of(policy, step_size), start + 3
    picked = np.linspace(0, 49_989, 400, dtype=np.int64)
    rates = schedule.values(first, first + 49_990)[picked]
    one_by_one = np.array([schedule(first + int(index)) for index in picked])
    assert_same_rates(schedule, picked + first, rates, one_by_one, arithmetic="arithmetic of ranges")


@given(st.integers(1, 3000), st.integers(0, 300_000))
def test_repeating(period: int, length: int) -> None:
    for scaled in (period, 61 * period):
        out = np.full(length, -1, np.float32)
        out[:scaled] = np.arange(min(scaled, length))
        ranges._repeat(out, scaled)
        assert (out == np.arange(length) % scaled).all()


@pytest.mark.parametrize("bounds", [(1e-4, 1e-2), (0.0, 0.1)])
@pytest.mark.parametrize("step_size", [937, 33.3, 100_000, 10**9])
@pytest.mark.parametrize("policy", POLICIES)
def test_memory_of_a_range(policy: str, step_size: float, bounds: tuple[float, float]) -> None:
    """A range needs its result and 1 MiB, for ranges and cycles of every length."""
    schedule = schedule_of(policy, step_size, *bounds)
    schedule.values(0, 1)  # tables are the schedule's, once
    peaks = {}
    for count in (10, 300_000, 1_000_000):
        tracemalloc.start()
        rates = schedule.values(5, 5 + count)
        _, peaks[count] = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peaks[count] <= rates.nbytes + 2**20
    assert peaks[10] < 2**16


def test_an_inaccurate_exponential_changes_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ``np.exp2`` that is allowed changes no rate, and a larger one is noticed."""
    original = np.exp2
    monkeypatch.setattr(powers, "EXP2_UNITS", 600)
    steps = np.arange(2_000_000)  # so many that an error of 2**-44, taken for none, makes some of them wrong
    expected = general_path(clr_ref.exp_range(1e-4, 1e-2, 937, gamma=0.999999), steps)
    for error, sound in [(2.0**-44, True), (-(2.0**-44), True), (2.0**-38, False), (0.5, False)]:

        def skewed(x: Any, out: Any = None, error: float = error) -> Any:
            return np.multiply(original(x), 1 + error, out=out)

        monkeypatch.setattr(np, "exp2", skewed)
        schedule = clr_ref.exp_range(1e-4, 1e-2, 937, gamma=0.999999)
        assert_same_rates(schedule, steps, schedule(steps), expected, arithmetic="fast path of arrays")
        assert schedule._plan.powers.exp2_is_sound is sound


@pytest.mark.parametrize("down", [1875, 2500])
def test_ties_in_a_late_one_of_many_short_cycles(down: int) -> None:
    """The peak of cycle 13 is half a ULP above the initial rate, which float64 cannot decide; the even one is below."""
    schedule = clr_ref.triangular2(1, 1 + 2.0**-12, 1875, step_size_down=down)
    steps = np.arange(20 * (1875 + down))
    peak = 12 * (1875 + down) + 1875
    assert schedule.exact(peak) == 1 + Fraction(1, 2**24)
    assert schedule.values(0, len(steps))[peak] == 1
    assert_same_rates(schedule, steps, schedule.values(0, len(steps)), schedule(steps), arithmetic="fast path of ranges")


@pytest.mark.parametrize("down", [None, 5])
@pytest.mark.parametrize("cycles", [1, 2, 7, 40, 200])
def test_many_short_cycles_of_which_the_last_is_cut_off(cycles: int, down: int | None) -> None:
    for initial in (0.0, 0.25):  # with 0, 149 cycles differ from it
        schedule = clr_ref.triangular2(initial, 0.5, 9, step_size_down=down)
        period = 9 + (down or 9)
        for start in (0, 4):
            for stop in range((cycles - 1) * period, cycles * period + 1):
                steps = np.arange(start, max(start, stop))
                rates = schedule.values(start, max(start, stop))
                assert_same_as_the_general_path(schedule, steps, rates, "ranges")


def test_memory_of_a_range_within_one_long_cycle() -> None:
    """A cycle longer than the range is not computed as a whole: 2**62 steps fit into no memory."""
    for schedule in (clr_ref.triangular(0, 1, 2**61 - 2**37), clr_ref.triangular2(0, 1, 2**60)):
        assert schedule.values(2**50, 2**50 + 5).shape == (5,)


@pytest.mark.parametrize("size", [8, 1000, ranges.CHUNK, arrays.CHUNK])
def test_buffers_begin_on_cache_lines_of_64_bytes(size: int) -> None:
    kept = [arrays.Work(size) for _ in range(5)]  # at other addresses
    for work in kept:
        *floats, words = work.first(size)
        assert [(part.shape, part.dtype) for part in floats] == [((size,), np.float64)] * 3
        assert (words.shape, words.dtype) == ((size,), np.uint32)
        assert {part.ctypes.data % 64 for part in floats} == {0}
        assert not any(np.shares_memory(*pair) for pair in combinations((*floats, words), 2))
        assert work.rate.base is not None
        assert work.rate.base.size == 3 * size + 8  # one line more, to begin on


def test_buffers_are_lent_once_at_a_time() -> None:
    first = arrays.borrow(8)
    second = arrays.borrow(8)
    assert not np.shares_memory(first.rate, second.rate)
    arrays.give_back(8, second)
    assert arrays.borrow(8) is second
    assert arrays.borrow(8) is not second


@pytest.mark.parametrize("policy", POLICIES)
def test_only_the_first_call_takes_memory_for_buffers(policy: str) -> None:
    schedule, steps = schedule_of(policy, 937), np.arange(1000)
    peaks = {}
    for number in range(2):
        for name, compute in (("array", lambda: schedule(steps)), ("range", lambda: schedule.values(0, 1000))):
            tracemalloc.start()
            compute()
            _, peaks[name, number] = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    # 4,000 bytes are the rates. A range also numbers the steps of a cycle, and has 1,000 powers of gamma; NumPy has buffers of
    # its own, which differ between CPUs. Ours take 400 KB and more.
    assert peaks["array", 1] < 100_000
    assert peaks["range", 1] < 100_000


def test_a_call_that_failed_leaves_nothing_to_the_next() -> None:
    schedule = schedule_of("triangular2", 937)
    steps = np.arange(3 * arrays.CHUNK)
    expected = schedule(steps)
    with pytest.raises(ValueError, match="step must be"):
        schedule(np.append(steps[::-1], -1))
    assert (schedule(steps) == expected).all()
