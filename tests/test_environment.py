"""The bits do not depend on how this thread's CPU rounds, whether it keeps subnormal numbers, on ``np.seterr`` or threads."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import _environment, exact, tfa_arithmetic
from clr_ref.tfa import graphs
from tests.rates import assert_same_rates, exact_rates
from tests.schedules import BOUNDS, POLICIES, schedule_of

#: Where glibc's fenv_t holds the word that controls rounding and subnormal numbers: its bytes, the bits that flush, and those
#: of each rounding mode with their mask.
CONTROL = {
    "x86_64": (28, 0x8040, 0x6000, {"up": 0x4000, "down": 0x2000, "to zero": 0x6000}),
    "aarch64": (0, 1 << 24, 3 << 22, {"up": 1 << 22, "down": 2 << 22, "to zero": 3 << 22}),
    "armv7l": (0, 1 << 24, 3 << 22, {"up": 1 << 22, "down": 2 << 22, "to zero": 3 << 22}),
}
MODES = ("flush", "up", "down", "to zero")
#: None follows another, since blocks of steps would be computed ahead, exactly and slowly.
STEPS = [*range(0, 70, 2), 1873, 2**24 + 1, 2**31 - 1, 2**53 + 1, 2**63 - 1]


@contextlib.contextmanager
def computing(mode: str) -> Iterator[None]:
    """Change how this thread computes, as a library in C can, or skip the test."""
    if sys.platform != "linux" or platform.machine() not in CONTROL:
        pytest.skip(f"how {platform.machine()} on {sys.platform} rounds is not known to this test")
    place, flush, mask, modes = CONTROL[platform.machine()]
    libm = ctypes.CDLL("libm.so.6")
    before = (ctypes.c_uint32 * 16)()
    assert libm.fegetenv(before) == 0
    changed = (ctypes.c_uint32 * 16)(*before)
    changed[place // 4] = before[place // 4] | flush if mode == "flush" else before[place // 4] & ~mask | modes[mode]
    assert libm.fesetenv(changed) == 0
    try:
        yield
    finally:
        libm.fesetenv(before)


def every_rate(schedule: Any) -> list[Any]:
    """The rates at STEPS, one at a time, as an array, and of two ranges."""
    return [
        np.array([schedule(step).tobytes() for step in STEPS]),
        schedule(np.array(STEPS)),
        schedule(np.array(STEPS[:-3])),  # without a step beyond the fast path
        schedule.values(0, 40),
        schedule.values(2**31 - 8, 2**31 + 8),
    ]


def as_bytes(rates: list[Any]) -> list[bytes]:
    return [array.tobytes() for array in rates]


@pytest.mark.parametrize("mode", MODES)
def test_the_environment_is_recognised(mode: str) -> None:
    assert _environment.rounds_to_nearest()
    assert _environment.keeps_subnormals()
    with computing(mode):
        assert _environment.rounds_to_nearest() is (mode == "flush")
        assert _environment.keeps_subnormals() is (mode != "flush")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", MODES)
def test_the_bits_are_the_same(mode: str, policy: str, dtype: str) -> None:
    def make() -> list[Any]:
        return [
            schedule_of(policy, size, *bounds, dtype=dtype)
            for size, bounds in zip((7, 2.5) * 4, BOUNDS if dtype == "float32" else BOUNDS[:4], strict=False)
        ]

    expected = [as_bytes(every_rate(schedule)) for schedule in make()]
    made = make()  # with nothing computed yet
    with computing(mode):
        found = [as_bytes(every_rate(schedule)) for schedule in made]
    assert found == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_quotient_of_ints_is_the_same(mode: str) -> None:
    """Python divides small ints as the CPU does, and large ones with a subnormal result in a last product of the CPU."""
    small, deep = clr_ref.triangular(0, 1, 7, dtype="float64"), clr_ref.triangular2(0, 1, 4, dtype="float64")
    near_0 = clr_ref.triangular(0, 3e-308, 7, dtype="float64")
    steps = [(schedule, step) for schedule in (small, near_0) for step in range(1, 28, 2)]
    steps += [(deep, 8 * (cycle - 1) + 1) for cycle in (1, 2, 1020, 1023, 1040, 1072, 1074, 2300)]
    expected = [exact.rounded(schedule, step).tobytes() for schedule, step in steps]
    with computing(mode):
        assert [schedule(step).tobytes() for schedule, step in steps] == expected


@pytest.mark.parametrize("mode", MODES)
def test_the_exact_rate_and_its_rounding_are_the_same(mode: str) -> None:
    schedules = [schedule_of("exp_range", 7, *bounds, dtype=dtype) for bounds in BOUNDS for dtype in ("float32", "float64")]
    schedules.append(clr_ref.exp_range(0, 1e-320, 7, 0.9, dtype="float64"))

    def rates() -> list[Any]:
        return [(repr(s.exact(t)), exact.rounded(s, t).tobytes()) for s in schedules[:-1] for t in (3, 7, 12)]

    expected = rates()
    with computing(mode):
        assert rates() == expected
        if mode == "flush":
            with pytest.raises(
                FloatingPointError, match=r"^maximal_learning_rate is a subnormal number, which the CPU reads as 0"
            ):
                schedules[-1](3)
            with pytest.raises(FloatingPointError, match=r"^maximal_learning_rate is a subnormal number"):
                clr_ref.triangular(0, 1e-40, 7)
            with pytest.raises(FloatingPointError, match=r"^initial_learning_rate is a subnormal number"):
                clr_ref.triangular(5e-324, 1, 7, dtype="float64")
        else:
            assert schedules[-1](3) == exact.rounded(schedules[-1], 3) > 0


def test_a_subnormal_gamma_is_refused_where_the_cpu_reads_it_as_0() -> None:
    schedule = clr_ref.exp_range(0, 1, 7, 1e-310)
    with computing("flush"), pytest.raises(FloatingPointError, match=r"^gamma is a subnormal number"):
        schedule(3)


def test_subnormal_arguments_are_refused_where_the_cpu_reads_them_as_0() -> None:
    """A step would be another one, and gamma would be refused for another reason."""
    steep = clr_ref.triangular(0, 1e300, 1.0, dtype="float64")
    steps: list[Any] = [1e-310, np.float32(1e-40), np.array([1.0, 1e-40], "f4"), np.array([5e-324], ">f8"), [0.0, 128 * 5e-324]]
    with computing("flush"):
        for step in steps:
            with pytest.raises(FloatingPointError, match=r"^step is a subnormal number, which the CPU reads as 0"):
                steep(step)
        with pytest.raises(FloatingPointError, match=r"^step is a subnormal number"):
            steep.exact(1e-310)
        with pytest.raises(FloatingPointError, match=r"^gamma is a subnormal number"):
            clr_ref.exp_range(0, 1, 5, 5e-324)
        assert steep([0.0, -0.0, 1.0]).tolist() == [0.0, 0.0, 1e300]
    assert all(np.all(steep(step) >= 0) for step in steps)


@pytest.mark.parametrize("size", [1, 3, 2**10, 3 * 2**20, 2**62])
def test_ranges_at_the_last_steps_have_the_same_bits(size: int) -> None:
    """The peak of their last cycle is no step."""
    for initial in (0.1, 0.0, 1.0):
        schedule = clr_ref.triangular2(initial, 1.0, size)
        for first in (2**63 - 3, 2**63 - 5000):
            expected = schedule.values(first, 2**63).tobytes()
            with computing("flush"):
                assert clr_ref.triangular2(initial, 1.0, size).values(first, 2**63).tobytes() == expected


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "call",
    [
        lambda s: tfa_arithmetic.evaluate(s, [1]),
        lambda s: graphs.evaluate(s, [1], mode="xla", tensorflow=(2, 15), array=True),
        lambda s: tfa_arithmetic.error_bound(s, [1]),
        lambda s: tfa_arithmetic.power_budget(s, [1]),
    ],
)
def test_what_replays_tfa_refuses(mode: str, call: Callable[[Any], Any]) -> None:
    with computing(mode), pytest.raises(FloatingPointError, match="must be computed in a thread whose CPU"):
        call(clr_ref.triangular(0, 1, 7))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", POLICIES)
def test_no_rate_raises_where_numpy_raises_for_underflow(policy: str, dtype: str) -> None:
    for bounds in BOUNDS:
        expected = as_bytes(every_rate(schedule_of(policy, 7, *bounds, dtype=dtype)))
        with np.errstate(all="raise"):
            assert as_bytes(every_rate(schedule_of(policy, 7, *bounds, dtype=dtype))) == expected


def test_threads_that_share_a_schedule_get_the_same_bits() -> None:
    steps = np.arange(3000)
    for policy in POLICIES:
        schedule = schedule_of(policy, 7)
        expected = exact_rates(schedule, steps)
        found: dict[int, Any] = {}

        def work(name: int, schedule: Any = schedule, found: dict[int, Any] = found) -> None:
            shift = 1000 * name  # each thread follows its own steps, so that the blocks ahead replace each other
            found[name] = [np.roll([schedule(int(step)) for step in np.roll(steps, shift)], -shift), schedule(steps)]

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
        assert len(found) == len(threads)
        for rates in found.values():
            for some in rates:
                assert_same_rates(schedule, steps, some, expected, arithmetic="a thread")


def test_a_flushing_thread_does_not_change_the_rates_of_another() -> None:
    schedule = clr_ref.triangular(0, 1e-37, 7 * 2**13)
    steps = np.arange(2000)
    expected = exact_rates(schedule, steps)
    with computing("flush"):
        first = [schedule(int(step)) for step in steps]  # fills the blocks of steps ahead
    assert_same_rates(schedule, steps, np.array(first), expected, arithmetic="the flushing thread")
    assert_same_rates(schedule, steps, np.array([schedule(int(step)) for step in steps]), expected, arithmetic="afterwards")
