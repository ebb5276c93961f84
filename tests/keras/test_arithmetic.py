"""The rates of the drop-ins with arithmetic "exact": in every mode of execution the bits of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref.fast.plan import plan as plan_of
from clr_ref.policies import ExpRange
from clr_ref.tensors import backends, formula
from tests.keras.execution import modes, of_drop_in, tensor, twin
from tests.midpoints import near_midpoints
from tests.rates import assert_same_rates

NORMAL = float(np.finfo(np.float32).tiny)


def schedules(dtype: str = "float32") -> Iterator[clr_ref.CyclicalLearningRate]:
    """Common schedules, extreme ones, and random ones that are the same on every run."""
    generator = np.random.default_rng(1506_01186)
    sizes: list[float] = [1, 7, 937, 33.3, 2.5, 1e-3, 2.0**29 + 64, 1e12, 2.0**62, 2.0**63]
    sizes += [float(np.float32(2.0 ** generator.uniform(-3, 30))) for _ in range(4)]
    for index, size in enumerate(sizes):
        low, high = sorted(float(np.float32(10.0 ** generator.uniform(-6, 0))) for _ in range(2))
        if index % 4 == 3:
            low, high = high, low
        yield clr_ref.triangular(low, high, size, dtype=dtype)
        yield clr_ref.triangular2(low, high, size, dtype=dtype)
        yield clr_ref.exp_range(low, high, size, (0.99994, 0.9, 1 - 2.0**-40)[index % 3], dtype=dtype)
    for up, down in ((3, 1000), (33.3, 2.5), (2.0**29, 7)):
        yield clr_ref.triangular(1e-4, 1e-2, up, step_size_down=down, dtype=dtype)
        yield clr_ref.triangular2(1e-4, 1e-2, up, step_size_down=down, dtype=dtype)
        yield clr_ref.exp_range(1e-2, 1e-4, up, 0.99994, step_size_down=down, dtype=dtype)
    for by in ("cycle", "iterations"):
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, ExpRange(0.97), by, dtype)
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, "triangular2", by, dtype)


def steps(bits: int) -> Any:
    """Steps of every size, and those beside powers of two."""
    generator = np.random.default_rng(7)
    spread = [generator.integers(0, 2**k, 150) for k in range(8, bits + 1, 5)]
    powers = [2**k + d for k in range(1, bits) for d in (-1, 0, 1)] + [2**bits - 1]
    return np.concatenate([np.arange(50), *spread, np.array(powers, np.int64)]).astype(np.int64)


def steps_of_the_backend(drop_ins: Any) -> Any:
    from clr_ref.keras import api

    return steps(63 if api.BACKEND == "tensorflow" else 31)


def test_exact_is_the_reference_in_every_mode(drop_ins: Any) -> None:
    """Bit for bit on TensorFlow, torch and JAX with x64; on JAX without it within 2 ULP: the last sum alone is rounded to
    float32, by half a ULP; the product before it is good to 2**-33 times the number of its factors, 7 at most.
    """
    asked = steps_of_the_backend(drop_ins)
    for schedule in schedules():
        made = twin(drop_ins, schedule)
        expected = schedule(asked)
        normal = np.abs(expected) >= NORMAL  # TensorFlow and XLA flush what is smaller
        for mode, compiled in modes(drop_ins).items():
            answered = np.asarray(compiled(made)(tensor(drop_ins, asked)))
            ulps = 0 if made._ops.width == 64 else 2
            kept = asked[normal], answered[normal], expected[normal]
            assert_same_rates(schedule, *kept, arithmetic=of_drop_in(mode), ulps=ulps)


def test_a_cycle_that_falls_to_0_is_0_there(drop_ins: Any) -> None:
    """From the initial rate, the sum would cancel, and leave some 1e-18; before step 0 the rate is that of step 0."""
    for size, down in [(53, None), (59, 7), (33.3, None), (2.0**27 + 8, None)]:
        schedule = clr_ref.triangular(0.1, 0.0, size, step_size_down=down)
        made = twin(drop_ins, schedule)
        asked = np.unique([0, 1, 2, *(int(size) + np.arange(-3, 4)).clip(0)])
        expected = schedule(asked)
        for mode, compiled in modes(drop_ins).items():
            rates = np.asarray(compiled(made)(tensor(drop_ins, asked)))
            assert_same_rates(
                schedule, asked, rates, expected, arithmetic=of_drop_in(mode), ulps=0 if made._ops.width == 64 else 2
            )
            before = np.asarray(compiled(made)(tensor(drop_ins, np.array([-1, -(2**31)]))))
            assert (before == expected[0]).all()


def test_float64_is_within_two_ulps_of_the_larger_bound(drop_ins: Any) -> None:
    """Slope, product and sum are rounded, and a power of six factors up to 13 times; all modes give the same bits."""
    if twin(drop_ins, clr_ref.triangular(0, 1, 5))._ops.width == 32:
        with pytest.raises(ValueError, match="dtype must be 'float32' on JAX without x64, got 'float64'"):
            twin(drop_ins, clr_ref.triangular(0, 1, 5, dtype="float64"))
        return
    asked = steps_of_the_backend(drop_ins)[::7]
    for schedule in schedules("float64"):
        made = twin(drop_ins, schedule)
        roundings = 16 if isinstance(schedule.scale_fn, ExpRange) else 3
        largest = max(schedule.initial_learning_rate, schedule.maximal_learning_rate)
        expected, eager = schedule(asked), np.asarray(made(tensor(drop_ins, asked)))
        close = np.abs(eager - expected) <= roundings * 2.0**-53 * largest
        # What is close enough is taken for the same, so that a rate that is not is reported with its step.
        assert_same_rates(schedule, asked, np.where(close, expected, eager), expected, arithmetic=of_drop_in("eager"))
        for mode, compiled in modes(drop_ins).items():
            rates = np.asarray(compiled(made)(tensor(drop_ins, asked)))
            assert_same_rates(schedule, asked, rates, eager, arithmetic=of_drop_in(mode))


def test_a_single_step_has_the_bits_of_an_array(drop_ins: Any) -> None:
    """Compilers and eager drop-ins compute the two in different ways; subnormal rates are the same too."""
    asked = steps_of_the_backend(drop_ins)[::97]
    dtypes = ("float32", "float64") if twin(drop_ins, clr_ref.triangular(0, 1, 5))._ops.width == 64 else ("float32",)
    chosen = [one for dtype in dtypes for one in list(schedules(dtype))[::5]]
    chosen += [clr_ref.triangular2(0, 2.0**-120, 3), clr_ref.triangular(0, 2.0**-130, 7), clr_ref.exp_range(-1e-37, 0, 7, 0.9)]
    for schedule in chosen:
        made = twin(drop_ins, schedule)
        for mode, compiled in modes(drop_ins).items():
            ask = compiled(made)
            expected = np.asarray(ask(tensor(drop_ins, asked)))
            found = np.array([np.asarray(ask(tensor(drop_ins, step))) for step in asked])
            assert_same_rates(schedule, asked, found, expected, arithmetic=of_drop_in(f"{mode}, single steps"))


def test_what_float64_cannot_settle(drop_ins: Any) -> None:
    """Next to midpoints of two float32, every mode gives the rate of the float64 formula, which is one ULP off at most."""
    off = 0
    for schedule, step, _ in list(near_midpoints())[::3]:
        made = twin(drop_ins, schedule)
        if made._ops.width == 32:
            pytest.skip("without x64 there is no float64 to settle anything")
        found = formula.evaluate(plan_of(schedule), np.array([step]), backends.numpy_ops())
        off += found[0] != schedule(step)
        for mode, compiled in modes(drop_ins).items():
            rates = np.asarray(compiled(made)(tensor(drop_ins, [step])))
            assert_same_rates(schedule, [step], rates, found, arithmetic=of_drop_in(mode))
    assert off >= 3


def test_one_step_of_any_kind(drop_ins: Any, api: Any) -> None:
    """The step may be a number, a NumPy scalar or a tensor of any dtype that can hold it."""
    made = drop_ins.Triangular2CyclicalLearningRate(1e-4, 1e-2, 33.3)
    expected = made.reference(100)
    kinds = ["int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"]
    for kind in [int, float, *(getattr(np, name) for name in kinds)]:
        arithmetic = of_drop_in(f"eager, a step of type {kind.__name__}")
        assert_same_rates(made.reference, 100, np.asarray(made(kind(100))), expected, arithmetic=arithmetic)
    assert np.asarray(made([[0, 100], [7, 100]]))[1, 1] == expected
    for name in kinds:
        rate = np.asarray(made(api.tensor(np.dtype(name).type(100))))
        assert_same_rates(made.reference, 100, rate, expected, arithmetic=of_drop_in(f"eager, a {name} tensor"))
    assert np.asarray(made(2**40 + 1 if made._ops.width == 64 else 2**31 - 1)).shape == ()


def test_variables(drop_ins: Any, tf: Any) -> None:
    for mode, compiled in modes(drop_ins).items():
        for kind in (tf.int32, tf.int64, tf.float32):
            counter = tf.Variable(20, dtype=kind)
            for cls in ("TriangularCyclicalLearningRate", "ExponentialCyclicalLearningRate"):
                for by in ("cycle", "iterations"):
                    made = getattr(drop_ins, cls)(1e-4, 1e-2, 7, scale_mode=by)
                    rate = compiled(lambda m=made, c=counter: m(c))().numpy()
                    arithmetic = of_drop_in(f"{mode}, a variable of {kind.name}")
                    assert_same_rates(made.reference, 20, rate, made.reference(20), arithmetic=arithmetic)


def test_the_tutorials_schedule_over_an_array(drop_ins: Any) -> None:
    """The tutorial of TFA plots the rates of an array of steps, with this scale function."""
    made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, step_size=2 * 937, scale_fn=lambda x: 1 / (2.0 ** (x - 1)))
    if made._ops.width == 64:
        asked = np.arange(9370)
        assert_same_rates(made.reference, asked, np.asarray(made(asked)), made.reference(asked), arithmetic=of_drop_in("eager"))


@pytest.mark.parametrize("by", ["cycle", "iterations"])
def test_custom_scale_functions(drop_ins: Any, by: str) -> None:
    """A function may return a Python number, and may accept only the dtype of the schedule."""
    asked = np.arange(0, 4000, 3)

    def in_float32_alone(x: Any) -> Any:
        if "float32" not in str(x.dtype):
            raise TypeError(x.dtype)
        return 1 / (x + 1)

    for scale_fn in (lambda x: 0.9, lambda x: 1, in_float32_alone):
        made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, 33.3, scale_fn, scale_mode=by)
        reference, ulps = made.reference, 0 if made._ops.width == 64 else 2
        if scale_fn is in_float32_alone:
            # The backend's sum and quotient in float32 are 2 ULP off at most, which count double where the rate has the
            # smaller exponent, and the rate is rounded once more.
            reference, ulps = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 33.3, lambda x: 1 / (x + 1), by), 5
        for mode, compiled in modes(drop_ins).items():
            rates = np.asarray(compiled(made)(tensor(drop_ins, asked)))
            assert_same_rates(reference, asked, rates, reference(asked), arithmetic=of_drop_in(mode), ulps=ulps)


@pytest.mark.parametrize("more", [{}, {"arithmetic": "tfa"}])
def test_a_scale_function_with_an_if(drop_ins: Any, tf: Any, more: dict[str, Any]) -> None:
    """AutoGraph converts it, also a method, a lambda, and one that returns a tensor in one case and a number in the other."""

    class Scale:
        def late(self, x: Any) -> Any:
            if x < 2:
                return 1.0
            return 0.5

    def mixed(x: Any) -> Any:
        if x > 1:
            return 1 / x
        return 1.0

    for scale_fn in (Scale().late, lambda x: 1.0 if x < 2 else 0.5, mixed):
        made = drop_ins.CyclicalLearningRate(0.0, 1.0, 4, scale_fn, **more)
        for mode, compiled in modes(drop_ins).items():
            rates = [float(compiled(made)(tf.constant(step))) for step in (2, 4, 10, 12)]
            assert rates == [0.5, 1.0, 0.25, 0.5], (mode, scale_fn)


def test_a_scale_function_that_no_graph_can_have_says_so(drop_ins: Any, tf: Any) -> None:
    made = drop_ins.CyclicalLearningRate(0.0, 1.0, 4, lambda x: {1.0: 1.0}[float(x)])
    assert float(made(4)) == 1.0
    with pytest.raises(TypeError, match="float"):
        tf.function(made)(tf.constant(4))


def test_a_scale_function_that_fails_says_so(drop_ins: Any) -> None:
    made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, 3, lambda x: x.no_such_attribute)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        made(3)


def test_steps_with_a_fraction(drop_ins: Any, api: Any) -> None:
    """In every mode within one ULP of the reference, for tensors, arrays and numbers; whole steps keep their bits."""
    wide = twin(drop_ins, clr_ref.triangular(0, 1, 5))._ops.width == 64
    asked = np.concatenate([np.arange(0, 40, 0.25), [1e5 + 0.5, 2.0**20 + 0.125]]).astype("float64" if wide else "float32")
    chosen = [*list(schedules())[::4], clr_ref.triangular(1e-4, 1e-2, 3, step_size_down=11), clr_ref.exp_range(0, 1, 5, 0.9)]
    for schedule in chosen:
        made, expected = twin(drop_ins, schedule), schedule(asked)
        normal = np.abs(expected) >= NORMAL
        largest = max(schedule.initial_learning_rate, schedule.maximal_learning_rate)
        for mode, compiled in modes(drop_ins).items():
            rates = np.asarray(compiled(made)(api.tensor(asked)))
            if wide:
                assert_same_rates(None, asked[normal], rates[normal], expected[normal], arithmetic=of_drop_in(mode), ulps=1)
            else:
                assert np.abs(rates.astype(np.float64) - expected).max() <= 2.0**-19 * largest, (schedule, mode)
            whole = asked[asked == np.floor(asked)]
            exact = np.asarray(compiled(made)(api.tensor(whole.astype(f"int{made._ops.width}"))))
            assert_same_rates(schedule, whole, rates[asked == np.floor(asked)], exact, arithmetic=of_drop_in(mode))
        assert np.asarray(made(asked)).tolist() == np.asarray(made(api.tensor(asked))).tolist()
        assert np.asarray(made(asked.tolist())).tolist() == np.asarray(made(api.tensor(asked))).tolist()
        for step in (0.25, 2.5, 31.75):
            assert abs(float(made(step)) - schedule(step)) <= 2.0**-19 * largest
            assert abs(float(made(api.tensor(np.float32(step)))) - schedule(step)) <= 2.0**-19 * largest
