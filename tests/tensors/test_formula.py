"""The tensor arithmetic of the Keras drop-ins has the rates of the reference: in NumPy, in float64 and in pairs of float32.

tests/keras/test_arithmetic.py shows that TensorFlow, JAX and torch give the same bits in every mode.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.fast.plan import plan as plan_of
from clr_ref.policies import ExpRange
from clr_ref.tensors import backends, formula
from tests import midpoints
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import POLICIES, schedule_of

FLOAT64 = "tensor arithmetic (NumPy, float64)"
PAIRS = "tensor arithmetic (NumPy, pairs of float32)"
#: Sums of triangular whose slope is split, sealed ones, and phases of every kind.
ASYMMETRIC = [(3, 7), (937, 2), (33.3, 2.5), (0.75, 100), (2.0**29, 2.0**29 + 64)]
STEP_SIZES = [1, 937, 33.3, 2.5, 2.0**29 + 64, 2.0**62, 2.0**63]


def pairs_of_float32() -> backends.Ops:
    """NumPy without float64 and int64, as JAX is by default."""

    def integers(x: Any) -> Any:
        # What does not fit becomes the largest, as in XLA.
        return np.asarray(x).astype(np.float64).clip(-(2**31), 2**31 - 1).astype(np.int32)

    return dataclasses.replace(
        backends.numpy_ops(),
        width=32,
        integers=integers,
        floats=lambda x: x.astype(np.float32),
        from_bits=lambda x: np.asarray(x, np.int32).view(np.float32),
        to_bits=lambda x: np.asarray(x).view(np.int32),
        top_half=lambda x: (x.view(np.int32) & np.int32(~0xFFF)).view(np.float32),
        lookup=lambda table, index: table.astype(np.float32)[index],
    )


def evaluate(schedule: clr_ref.CyclicalLearningRate, steps: Any, ops: backends.Ops) -> Any:
    with np.errstate(all="ignore"):
        return formula.evaluate(plan_of(schedule), np.asarray(steps), ops)


def schedules(dtype: str = "float32") -> Iterator[clr_ref.CyclicalLearningRate]:
    for policy in POLICIES:
        for step_size in STEP_SIZES:
            yield schedule_of(policy, step_size, dtype=dtype)
        for up, down in ASYMMETRIC:
            yield schedule_of(policy, up, step_size_down=down, dtype=dtype)
        yield schedule_of(policy, 12, 1e-2, 1e-4, step_size_down=5, dtype=dtype)
        yield schedule_of(policy, 12, 1e-2, 1e-4, dtype=dtype)
        yield schedule_of(policy, 12, -0.3, 0.7, dtype=dtype)
    yield clr_ref.exp_range(1e-4, 1e-2, 937, gamma=1 - 2.0**-40, dtype=dtype)  # five tables
    for mode in ("cycle", "iterations"):
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, ExpRange(0.97), mode, dtype)
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, "triangular2", mode, dtype, step_size_down=30)
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, "triangular2", mode, dtype)


def name(schedule: clr_ref.CyclicalLearningRate) -> str:
    kind = schedule.scale_fn
    power = f"{kind.gamma:.12g}**{schedule.scale_mode[:-1]}" if isinstance(kind, ExpRange) else type(kind).__name__
    return f"{power}-{schedule.initial_learning_rate:.3g}-{schedule.step_size:.6g}-{schedule.fall:.6g}"


def steps_of_every_size(bits: int) -> list[int]:
    spread = np.random.default_rng(7).integers(0, 2 ** np.arange(8, bits).repeat(4))
    return [*range(60), *spread.tolist(), *(2**k + d for k in range(6, bits, 3) for d in (-1, 0, 1)), 2**bits - 1]


@pytest.mark.parametrize("schedule", list(schedules()), ids=name)
def test_float32_rates_are_rounded_once(schedule: clr_ref.CyclicalLearningRate) -> None:
    """None of these rates is so close to a midpoint that float64 rounds it to the wrong side."""
    steps = steps_of_every_size(63)
    rates = evaluate(schedule, steps, backends.numpy_ops())
    assert_same_rates(schedule, steps, rates, exact_rates(schedule, steps), arithmetic=FLOAT64)


@pytest.mark.parametrize("schedule", list(schedules()), ids=name)
def test_pairs_of_float32_are_within_two_ulps(schedule: clr_ref.CyclicalLearningRate) -> None:
    """The last sum is rounded by half a ULP, and the product before it is good to 2**-33 for each of its factors, 7 at most."""
    steps = steps_of_every_size(31)
    rates = evaluate(schedule, np.array(steps, np.int32), pairs_of_float32())
    cancels = schedule.initial_learning_rate < 0
    expected = exact_rates(schedule, steps)
    # Where the sum cancels, the error is that of its larger operand.
    kept = np.abs(expected) > 0.1 if cancels else np.full(len(steps), True)
    assert_same_rates(schedule, np.array(steps)[kept], rates[kept], expected[kept], arithmetic=PAIRS, ulps=2)


def test_pairs_of_float32_halve_down_to_the_least_normal_number() -> None:
    schedule = clr_ref.triangular2(0.0, 1.0, 4)
    rates = evaluate(schedule, np.arange(4, 127 * 8, 8, dtype=np.int32), pairs_of_float32())
    assert rates.tolist() == [2.0**-cycle for cycle in range(127)]
    assert evaluate(schedule, np.array([4 + 8 * 127, 4 + 8 * 999]), pairs_of_float32()).tolist() == [2.0**-126] * 2


@pytest.mark.parametrize(
    ("dtype", "share"),  # no bounds in float32 have the share 1
    [("float32", 0.99), ("float32", 1.01), ("float64", 0.99), ("float64", 1.0), ("float64", 1.01)],
)
@pytest.mark.parametrize("initial", [1.0, -4.0])
def test_62_halvings_are_enough_where_the_sum_is_the_initial_rate_then(initial: float, dtype: str, share: float) -> None:
    """Below a power of two the next number is nearest: half an epsilon away, so that a sum a quarter away is rounded to it."""
    amplitude = share * 2.0**62 * initial * float(np.finfo(dtype).eps) / 4
    schedule = clr_ref.triangular2(initial, initial - amplitude, 4, dtype=dtype)
    assert formula._few_halvings_do(plan_of(schedule)) is (share <= 1)
    peaks = 4 + 8 * np.arange(56, 70)
    assert evaluate(schedule, peaks, backends.numpy_ops()).tolist() == schedule(peaks).tolist()
    assert len(set(schedule(peaks[6:]).tolist())) == (1 if share <= 1 else 2)


def test_pairs_of_float32_grow_with_a_gamma_above_1() -> None:
    schedule, steps = clr_ref.exp_range(1e-6, 1e-4, 37, gamma=1.01), np.arange(2000, dtype=np.int32)
    rates = evaluate(schedule, steps, pairs_of_float32())
    assert rates[37 * 51] > 1000
    assert_same_rates(schedule, steps, rates, exact_rates(schedule, steps), arithmetic=PAIRS, ulps=2)


@pytest.mark.parametrize("gamma", [2.0**126 + 2.0**104, 2.0**127, 2.0**129])
def test_pairs_of_float32_hold_powers_up_to_the_largest_number(gamma: float) -> None:
    """A power that float32 does not hold is not infinite: at the end of a cycle the rate would be NaN."""
    schedule, steps = clr_ref.exp_range(0, 1e-30, 4, gamma), np.array([0, 1, 8, 16], np.int32)
    rates, expected = evaluate(schedule, steps, pairs_of_float32()), exact_rates(schedule, steps)
    held = np.array([0, 2, 3] if gamma > 2.0**127 else [0, 1, 2, 3])
    assert_same_rates(schedule, steps[held], rates[held], expected[held], arithmetic=PAIRS, ulps=2)


def test_a_rate_of_0_has_no_sign() -> None:
    """Also where the rate is a negative number that float32 rounds to 0."""
    for policy in (lambda x: -1e-60, "triangular2"):
        schedule = clr_ref.CyclicalLearningRate(0.0, 1.0 if callable(policy) else -1.0, 4, policy, "iterations")
        for ops in (backends.numpy_ops(), pairs_of_float32()):
            rates = evaluate(schedule, np.arange(500, 510, dtype=np.int32), ops)
            assert (rates == 0).any()
            assert not np.signbit(rates[rates == 0]).any()


@pytest.mark.parametrize("maximal", [0.0, -0.0, 1e-12, 1e-3])
@pytest.mark.parametrize("down", [None, 7, 2.25])
def test_a_peak_that_is_nearer_to_0_than_the_initial_rate(maximal: float, down: float | None) -> None:
    """The sum does not cancel there; a rate of 0 is 0."""
    for size in (1, 3, 53, 59, 33.3, 2.0**27, 2.0**40):
        if down is not None and size > 2**30:
            continue
        schedule = clr_ref.triangular(0.1, maximal, size, step_size_down=down)
        steps = np.unique([0, 1, 2, *(int(size) + np.arange(-3, 4)).clip(0), *range(50, 70)])
        rates = evaluate(schedule, steps, backends.numpy_ops())
        assert_same_rates(schedule, steps, rates, schedule(steps), arithmetic=FLOAT64)
        near = evaluate(schedule, steps[steps < 2**31].astype(np.int32), pairs_of_float32())
        if size < 2**27:
            assert_same_rates(schedule, steps[steps < 2**31], near, schedule(steps[steps < 2**31]), arithmetic=PAIRS, ulps=2)
        wide = clr_ref.triangular(0.1, maximal, size, step_size_down=down, dtype="float64")
        expected = wide(steps)
        found = evaluate(wide, steps, backends.numpy_ops())
        assert (np.abs(found - expected) <= 3 * 2.0**-53 * np.abs(expected)).all(), size


@pytest.mark.parametrize("schedule", list(schedules("float64")), ids=name)
def test_float64_rates_are_within_their_roundings(schedule: clr_ref.CyclicalLearningRate) -> None:
    """Three roundings of at most half a ULP of the larger bound, and up to 13 of a power of six factors."""
    steps = steps_of_every_size(63)
    roundings = 16 if isinstance(schedule.scale_fn, ExpRange) else 3
    largest = max(abs(schedule.initial_learning_rate), abs(schedule.maximal_learning_rate))
    expected = exact_rates(schedule, steps)
    found = evaluate(schedule, steps, backends.numpy_ops())
    assert found.dtype == np.float64
    close = np.abs(found - expected) <= roundings * 2.0**-53 * largest
    # What is close enough is taken for the same, so that what is not is reported with its step.
    assert_same_rates(schedule, steps, np.where(close, expected, found), expected, arithmetic=FLOAT64)


def test_rates_next_to_midpoints_are_one_ulp_off_at_most() -> None:
    off = 0
    for schedule, step, _ in midpoints.near_midpoints():
        expected = exact_rates(schedule, [step])
        found = evaluate(schedule, [step], backends.numpy_ops())
        assert_same_rates(schedule, [step], found, expected, arithmetic=FLOAT64, ulps=1)
        off += found[0] != expected[0]
    assert off >= 3


@pytest.mark.parametrize("sizes", [(937, None), (33.3, None), (3, 2.0**20 + 7), (2.0**20 + 7, 3)], ids=str)
def test_the_products_of_a_split_slope_are_exact(sizes: tuple[float, float | None]) -> None:
    """So that it makes no difference whether a compiler contracts them with the sum that follows."""
    plan = plan_of(clr_ref.triangular(1e-4, 1e-2, sizes[0], step_size_down=sizes[1]))
    short = plan.short_slopes
    assert short is not None
    for length, parts, slope in zip((plan.p, plan.fall), short, (plan.slope, plan.fall_slope), strict=True):
        assert sum(parts) == slope
        for m in (length, length - 1, 1):
            assert [Fraction(m * part) for part in parts] == [m * Fraction(part) for part in parts]


@pytest.mark.parametrize("ops", [backends.numpy_ops(), pairs_of_float32()], ids=["64", "32"])
def test_an_asymmetric_cycle_that_the_integers_cannot_count_is_refused(ops: backends.Ops) -> None:
    last = 2.0 ** (ops.width - 1)
    for up, down, unit in ((last, 1, 0), (1, last, 0), (last / 4, 0.125, 3)):
        with pytest.raises(ValueError, match=rf"less than 2\*\*{ops.width - 1} .* and .*, of which it is 2\*\*-{unit}$"):
            formula.check_period(plan_of(clr_ref.triangular(0, 1, up, step_size_down=down)), ops)
    formula.check_period(plan_of(clr_ref.triangular(0, 1, last / 4, step_size_down=0.5)), ops)
    formula.check_period(plan_of(clr_ref.triangular(0, 1, 2 * last)), ops)


@pytest.mark.parametrize("mode", ["cycle", "iterations"])
@pytest.mark.parametrize(
    ("ops", "arithmetic"), [(backends.numpy_ops(), FLOAT64), (pairs_of_float32(), PAIRS)], ids=["64", "32"]
)
def test_custom_scale_functions_get_the_cycle_or_the_step(mode: str, ops: backends.Ops, arithmetic: str) -> None:
    schedule, steps = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, lambda x: 1 / (x + 1), mode), range(100)
    # 1 / (x + 1) in float32 is half a ULP off, the product and the sum each another half, and exponents may differ by one.
    ulps = 0 if ops.width == 64 else 3
    expected = exact_rates(schedule, steps)
    given = np.arange(100, dtype=f"int{ops.width}")
    assert_same_rates(schedule, steps, evaluate(schedule, given, ops), expected, arithmetic=arithmetic, ulps=ulps)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
)
def test_steps_of_any_dtype(dtype: str) -> None:
    schedule, steps = schedule_of("triangular", 33.3), np.arange(120)
    rates = evaluate(schedule, steps.astype(dtype), backends.numpy_ops())
    assert_same_rates(schedule, steps, rates, exact_rates(schedule, steps), arithmetic=f"{FLOAT64} at {dtype} steps")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("ops", "arithmetic"), [(backends.numpy_ops(), FLOAT64), (pairs_of_float32(), PAIRS)], ids=["64", "32"]
)
def test_steps_outside_the_domain_have_the_rates_of_its_ends(policy: str, ops: backends.Ops, arithmetic: str) -> None:
    schedule, last = schedule_of(policy, 5), 2 ** (ops.width - 1) - 1
    first, end = evaluate(schedule, np.array([0, last], f"int{ops.width}"), ops)
    steps = np.array([-1, -0.5, -np.inf, 1e30, np.inf, np.nan], np.float32)
    expected = np.array([first, first, first, end, end, np.nan], np.float32)
    assert_same_rates(schedule, steps, evaluate(schedule, steps, ops), expected, arithmetic=arithmetic)
    before = np.array([-7, -(2 ** (ops.width - 1))], f"int{ops.width}")
    assert_same_rates(schedule, before, evaluate(schedule, before, ops), np.array([first, first]), arithmetic=arithmetic)


@pytest.mark.parametrize("power", [10, 20, 30, 40])
@pytest.mark.parametrize("initial", [0.0, 0.3])
@pytest.mark.parametrize(
    ("ops", "dtype"), [(backends.numpy_ops(), "float64"), (pairs_of_float32(), "float32")], ids=["64", "32"]
)
def test_before_step_0_the_rate_is_the_initial_one_however_many_tables_a_power_has(
    power: int, initial: float, ops: backends.Ops, dtype: str
) -> None:
    """A seal makes the least number of 0 there."""
    schedule = clr_ref.exp_range(initial, 0.7, 5, gamma=1 - 2.0**-power, dtype=dtype)
    before = np.array([-7, -1, -(2 ** (ops.width - 1))], f"int{ops.width}")
    assert set(evaluate(schedule, before, ops).tolist()) == {schedule.initial_learning_rate}
