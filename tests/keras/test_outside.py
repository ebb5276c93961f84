"""Drop-ins have a rate at every number: before step 0, beyond the last step, at infinity and at NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.execution import modes, of_drop_in, twin
from tests.rates import assert_same_rates

WARM_UP = 10
POLICIES = {
    "triangular": clr_ref.triangular(1e-4, 1e-2, 5),
    "triangular2": clr_ref.triangular2(1e-4, 1e-2, 5),
    "exp_range": clr_ref.exp_range(1e-4, 1e-2, 5, 0.9),
}


def made_of_all_kinds(drop_ins: Any) -> Iterator[Any]:
    """Schedules that together run all of the tensor arithmetic: each policy, seals, custom scale functions, float64."""
    chosen = [
        *POLICIES.values(),
        clr_ref.triangular2(1e-4, 1e-2, 33.3),
        clr_ref.triangular(-0.5, 1e-2, 2.0**30 + 128),
        clr_ref.triangular2(0, 1, 2.0**63),
        clr_ref.exp_range(0, 1e-2, 5, 1 - 2.0**-40),
        clr_ref.CyclicalLearningRate(1e-2, 1e-4, 2.0**62, clr_ref.exp_range(0, 1, 1, 0.5).scale_fn, "cycle"),
        clr_ref.CyclicalLearningRate(1e-4, 1e-2, 5, "triangular2", "iterations"),
    ]
    yield from (twin(drop_ins, one) for one in chosen)
    yield drop_ins.CyclicalLearningRate(1e-4, 1e-2, 5, lambda x: 1 / (2.0 ** (x - 1)))
    if width(drop_ins) == 64:
        yield twin(drop_ins, clr_ref.exp_range(0, 1e-2, 5, 1 - 2.0**-40, dtype="float64"))
        yield drop_ins.CyclicalLearningRate(0, 1e-2, 5.1, lambda x: 0.5**x, dtype="float64")


def width(drop_ins: Any) -> int:
    return int(drop_ins.TriangularCyclicalLearningRate(0, 1, 5)._ops.width)


def outside(bits: int) -> Iterator[tuple[Any, list[str]]]:
    """Steps outside the domain of a backend whose integers have so many bits, and which rate each has."""
    beyond = {"float16": [np.inf], "float32": [2.0 ** (bits - 1), 1e30, np.inf], "float64": [2.0 ** (bits - 1), 1e300, np.inf]}
    before = {"float16": [-1, -0.5, -np.inf], "float32": [-1, -1e30, -np.inf], "float64": [-1, -1e300, -np.inf]}
    before |= {"int8": [-1, -128], "int32": [-7, -(2**31)], "int64": [-7, -(2**62), -(2**63)]}
    for dtype in before if bits == 64 else [name for name in before if name != "int64"]:
        late, nan = beyond.get(dtype, []), [np.nan] if "float" in dtype else []
        which = ["first"] * len(before[dtype]) + ["last"] * len(late) + ["nan"] * len(nan)
        yield np.array([*before[dtype], *late, *nan], dtype), which


def rates_at_the_ends(made: Any, api: Any) -> dict[str, Any]:
    last = 2 ** (made._ops.width - 1) - 1
    first, end = (np.asarray(made(api.tensor(np.array(t, f"int{made._ops.width}")))) for t in (0, last))
    return {"first": first, "last": end, "nan": np.array(np.nan, first.dtype)}


def assert_ends_hold(made: Any, api: Any, mode: str, call: Callable[[Any], Any], steps: Any, which: list[str]) -> None:
    __tracebackhide__ = True
    rates = rates_at_the_ends(made, api)
    expected = np.array([rates[name] for name in which])
    array, single = np.asarray(call(api.tensor(steps))), np.asarray(call(api.tensor(steps[0])))
    assert_same_rates(made.reference, steps, array, expected, arithmetic=of_drop_in(f"{mode}, {steps.dtype} steps"))
    assert_same_rates(made.reference, steps[0], single, expected[0], arithmetic=of_drop_in(f"{mode}, a {steps.dtype} step"))


def test_steps_outside_of_every_dtype(drop_ins: Any, api: Any) -> None:
    """They have the rates of the ends, in every mode of execution, for one step and for an array."""
    made = twin(drop_ins, POLICIES["exp_range"])
    for mode, compiled in modes(drop_ins).items():
        for steps, which in outside(made._ops.width):
            assert_ends_hold(made, api, mode, compiled(made), steps, which)


def test_steps_outside_of_every_schedule(drop_ins: Any, api: Any) -> None:
    """They have the rates of the ends, in every mode of execution, in the dtypes in which optimizers count."""
    for made in made_of_all_kinds(drop_ins):
        assert np.isfinite(list(rates_at_the_ends(made, api).values())[:2]).all()
        for mode, compiled in modes(drop_ins).items():
            for steps, which in outside(made._ops.width):
                if steps.dtype in ("float32", f"int{made._ops.width}"):
                    assert_ends_hold(made, api, mode, compiled(made), steps, which)


def test_a_rate_of_zero_is_positive_after_a_negative_zero_was_made(drop_ins: Any, api: Any, tf: Any) -> None:
    """TensorFlow's eager mode takes 0.0 for the -0.0 that it made of a Python number before."""
    for dtype in (tf.float32, tf.float64):
        tf.constant(-0.0, dtype)
    for made in (
        drop_ins.ExponentialCyclicalLearningRate(0.0, 1e-2, 5, gamma=1 - 2.0**-40),
        drop_ins.TriangularCyclicalLearningRate(0.0, -1e-2, 5),
        drop_ins.TriangularCyclicalLearningRate(0.0, -1e-2, 2.0**30 + 128),
    ):
        steps = np.array([-1.0, 0.0], np.float32)
        rates = np.asarray(made(api.tensor(steps)))
        assert_same_rates(made.reference, steps, rates, np.zeros(2, np.float32), arithmetic=of_drop_in("eager"))


def test_unsigned_steps_beyond_the_last(drop_ins: Any, tf: Any) -> None:
    """They have the rate of the last step; read as signed integers they would be negative."""
    made = twin(drop_ins, POLICIES["exp_range"])
    steps = np.array([2**63, 2**64 - 1, 3], np.uint64)
    expected = np.array([made.reference(step) for step in (2**63 - 1, 2**63 - 1, 3)])
    for mode, compiled in modes(drop_ins).items():
        rates = compiled(made)(tf.constant(steps)).numpy()
        assert_same_rates(made.reference, steps, rates, expected, arithmetic=of_drop_in(f"{mode}, uint64 steps"))


def test_python_and_numpy_steps_outside_have_the_rates_of_tensors(drop_ins: Any, api: Any) -> None:
    for made in made_of_all_kinds(drop_ins):
        rates = rates_at_the_ends(made, api)
        for steps, which in outside(made._ops.width):
            expected = np.array([rates[name] for name in which])
            for given in (steps, steps.tolist()):
                arithmetic = of_drop_in(f"eager, steps in a {type(given).__name__}")
                assert_same_rates(made.reference, steps, np.asarray(made(given)), expected, arithmetic=arithmetic)
            for given in (list(steps), steps.tolist()):
                single = np.array([np.asarray(made(step)) for step in given])
                arithmetic = of_drop_in(f"eager, single {type(given[0]).__name__} steps")
                assert_same_rates(made.reference, steps, single, expected, arithmetic=arithmetic)
        for given in (2**63, 2**70, [2**70], np.uint64(2**63), np.array([2**64 - 1], np.uint64)):
            expected = np.full(np.shape(given), rates["last"])
            assert_same_rates(made.reference, given, np.asarray(made(given)), expected, arithmetic=of_drop_in("eager"))


def test_each_element_of_a_list_is_a_step_of_its_own(drop_ins: Any) -> None:
    """NumPy would make floats of all of them, in which 2**53 + 1 becomes 2**53."""
    made = twin(drop_ins, clr_ref.triangular(0, 1, 1))
    if made._ops.width == 32:
        pytest.skip("JAX without x64 counts to 2**31 - 1")
    for steps, expected in (
        ([2**53 + 1, 1.0, -1, math.inf], [1, 1, 0, 1]),
        ([[2**53 + 1, math.nan], [0, -3.0]], [[1, math.nan], [0, 0]]),
    ):
        rates = np.asarray(made(steps))
        given = np.array(steps, object)
        assert_same_rates(made.reference, given, rates, np.array(expected, np.float32), arithmetic=of_drop_in("eager, lists"))


@pytest.mark.parametrize(
    "step",
    [True, "1", [0, True], np.array([True]), np.ma.masked_array([1, 2], [0, 1]), np.timedelta64(3, "s"), 1j, [None]],
    ids=repr,
)
def test_what_is_no_number_is_refused(drop_ins: Any, step: Any) -> None:
    with pytest.raises(TypeError, match="step must be"):
        drop_ins.TriangularCyclicalLearningRate(0, 1, 1)(step)


# --- schedules around this one ---------------------------------------------------------------------------------------


def warm_ups(ops: Any, cast: Callable[[Any], Any], cond: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Ways to write "1e-5 * t for ten steps, then the schedule": all of them evaluate it before its step 0."""

    def where(schedule: Any, t: Any) -> Any:
        return ops.where(t < WARM_UP, 1e-5 * t, schedule(t - WARM_UP))

    def mask(schedule: Any, t: Any) -> Any:
        rising = cast(t < WARM_UP)
        return (1 - rising) * schedule(t - WARM_UP) + rising * 1e-5 * t

    def value_before_cond(schedule: Any, t: Any) -> Any:
        rate = schedule(t - WARM_UP)
        return cond(t < WARM_UP, lambda: 1e-5 * t, lambda: rate)

    def piecewise(schedule: Any, t: Any) -> Any:
        rates = (1e-5 * t, schedule(t - WARM_UP))
        return cond(t < WARM_UP, lambda: rates[0], lambda: rates[1])

    return {"where": where, "mask": mask, "value before cond": value_before_cond, "piecewise": piecewise}


def of_the_backend(drop_ins: Any, api: Any) -> dict[str, Callable[..., Any]]:
    if api.BACKEND == "tensorflow":
        tf = api.tensorflow()

        def case(condition: Any, first: Any, second: Any) -> Any:
            return tf.case([(condition, first)], default=second)

        written = warm_ups(tf, lambda x: tf.cast(x, tf.float32), tf.cond)
        return {**written, "piecewise": warm_ups(tf, lambda x: tf.cast(x, tf.float32), case)["piecewise"]}
    ops = drop_ins.keras.ops
    return warm_ups(ops, lambda x: ops.cast(x, "float32"), ops.cond)


def expected_rates(schedule: clr_ref.CyclicalLearningRate, steps: Any) -> Any:
    warm = np.float32(1e-5) * steps.astype(np.float32)
    return np.where(steps < WARM_UP, warm, schedule(np.maximum(steps - WARM_UP, 0)))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_warm_up_around_the_schedule(drop_ins: Any, api: Any, policy: str) -> None:
    """A warm-up in any spelling has the right rates, in every mode, for single steps and for arrays."""
    made, steps = twin(drop_ins, POLICIES[policy]), np.arange(0, 35)
    rates = expected_rates(made.reference, steps)
    ulps = 0 if made._ops.width == 64 else 2
    for name, warm_up in of_the_backend(drop_ins, api).items():
        for mode, compiled in modes(drop_ins).items():
            call = compiled(lambda t, w=warm_up: w(made, t))
            single = np.array([np.asarray(call(api.tensor(np.float32(t)))) for t in (0, 1, 9, 10, 15, 34)])
            chosen = [0, 1, 9, 10, 15, 34]
            arithmetic = of_drop_in(f"{mode}, warm-up by {name}")
            assert_same_rates(None, chosen, single, rates[chosen], arithmetic=arithmetic, ulps=ulps)
            if name in ("where", "mask"):  # a condition has one truth value
                array = np.asarray(call(api.tensor(steps.astype(np.float32))))
                assert_same_rates(None, steps, array, rates, arithmetic=arithmetic, ulps=ulps)


@pytest.mark.parametrize("way", ["where", "mask", "value before cond", "piecewise"])
@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}, {"run_eagerly": True}], ids=str)
def test_fit_under_a_warm_up(drop_ins: Any, api: Any, arguments: dict[str, Any], way: str) -> None:
    """The optimizer applies the rates of the warm-up, then those of the schedule from its step 0 on."""
    from clr_ref.training import probe

    keras, count = drop_ins.keras, 30
    warm_up = of_the_backend(drop_ins, api)[way]

    class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc, name-defined]
        def __init__(self, schedule: Any) -> None:
            super().__init__()
            self.schedule = schedule

        def __call__(self, step: Any) -> Any:
            step = api.tensor(step)
            return warm_up(self.schedule, api.tensorflow().cast(step, "float32") if api.BACKEND == "tensorflow" else step)

        def get_config(self) -> dict[str, Any]:
            return {"schedule": self.schedule}

    # Compiling a train step takes torch a minute.
    for schedule in [POLICIES["exp_range"]] if api.BACKEND == "torch" else POLICIES.values():
        made = twin(drop_ins, schedule)
        applied = probe.fit(keras.optimizers.SGD(WarmUp(made)), count, **arguments)
        ulps = 0 if made._ops.width == 64 else 2
        steps = np.arange(count)
        arithmetic = f"rates that fit applied under a warm-up by {way}"
        assert_same_rates(None, steps, applied, expected_rates(schedule, steps), arithmetic=arithmetic, ulps=ulps)
