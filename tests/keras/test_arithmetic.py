"""The rates that the drop-ins answer: in every mode the bits of the reference, or of TFA."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import _graph, tfa_arithmetic, ulp
from clr_ref.golden import store as golden
from clr_ref.scale import Exponential
from tests.midpoints import near_midpoints

NORMAL = float(np.finfo(np.float32).tiny)


def modes(drop_ins: Any) -> dict[str, Callable[[Any], Any]]:
    """The ways in which a callable of a tensor is executed, by name."""
    from clr_ref import _keras_api

    if _keras_api.BACKEND == "tensorflow":
        tf = _keras_api.tensorflow()
        return {"eager": lambda f: f, "function": tf.function, "xla": lambda f: tf.function(f, jit_compile=True)}
    if _keras_api.BACKEND == "jax":
        import jax

        return {"eager": lambda f: f, "jit": jax.jit}
    return {"eager": lambda f: f}


def tensor(drop_ins: Any, steps: Any) -> Any:
    """Steps as the backend counts iterations: int64 on TensorFlow, int32 on JAX and torch, as far as that goes."""
    from clr_ref import _keras_api

    wide = _keras_api.BACKEND == "tensorflow" or np.max(steps) >= 2**31
    return _keras_api.tensor(np.asarray(steps, np.int64 if wide else np.int32))


def twin(drop_ins: Any, schedule: clr_ref.CyclicalLearningRate, **more: Any) -> Any:
    """The Keras schedule with a reference's numbers."""
    numbers = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size)
    if isinstance(schedule.scale_fn, Exponential):
        cls, more = drop_ins.ExponentialCyclicalLearningRate, {"gamma": schedule.scale_fn.gamma, **more}
    else:
        policy = {"Constant": "Triangular", "Halving": "Triangular2"}[type(schedule.scale_fn).__name__]
        cls = getattr(drop_ins, f"{policy}CyclicalLearningRate")
    made = cls(*numbers, scale_mode=schedule.scale_mode, dtype=schedule.dtype, **more)
    assert made.reference == schedule
    return made


def schedules(dtype: str = "float32") -> Iterator[clr_ref.CyclicalLearningRate]:
    """Everyday ones, edges, and some of every size, the same on every run."""
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
    for by in ("cycle", "iterations"):
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, Exponential(0.97), by, dtype)
        yield clr_ref.CyclicalLearningRate(1e-4, 1e-2, 12, "triangular2", by, dtype)


def steps(bits: int) -> Any:
    """Steps of every size, with those near powers of two."""
    generator = np.random.default_rng(7)
    spread = [generator.integers(0, 2**k, 150) for k in range(8, bits + 1, 5)]
    powers = [2**k + d for k in range(1, bits) for d in (-1, 0, 1)] + [2**bits - 1]
    return np.concatenate([np.arange(50), *spread, np.array(powers, np.int64)]).astype(np.int64)


def steps_of_the_backend(drop_ins: Any) -> Any:
    from clr_ref import _keras_api

    return steps(63 if _keras_api.BACKEND == "tensorflow" else 31)


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
            assert answered.dtype == np.float32
            if made._ops.width == 64:
                assert answered[normal].tobytes() == expected[normal].tobytes(), (mode, schedule)
            else:
                assert np.abs(ulp.distance(answered, expected))[normal].max() <= 2, (mode, schedule)


def test_float64_is_within_two_ulps_of_the_larger_bound(drop_ins: Any) -> None:
    """Three roundings, of slope, product and sum, and up to 13 of a power of six factors, the last of them a reciprocal; and
    the same bits in every mode.
    """
    if twin(drop_ins, clr_ref.triangular(0, 1, 5))._ops.width == 32:
        with pytest.raises(ValueError, match="dtype must be 'float32' on JAX without x64, got 'float64'"):
            twin(drop_ins, clr_ref.triangular(0, 1, 5, dtype="float64"))
        return
    asked = steps_of_the_backend(drop_ins)[::7]
    for schedule in schedules("float64"):
        made = twin(drop_ins, schedule)
        roundings = 16 if isinstance(schedule.scale_fn, Exponential) else 3
        largest = max(schedule.initial_learning_rate, schedule.maximal_learning_rate)
        found = [np.asarray(compiled(made)(tensor(drop_ins, asked))) for compiled in modes(drop_ins).values()]
        assert all(one.dtype == np.float64 and one.tobytes() == found[0].tobytes() for one in found), schedule
        assert np.abs(found[0] - schedule(asked)).max() <= roundings * 2.0**-53 * largest


def test_a_single_step_has_the_bits_of_an_array(drop_ins: Any) -> None:
    """In every mode, which compilers optimize in other ways and the eager drop-in computes in another; subnormal rates too."""
    asked = steps_of_the_backend(drop_ins)[::41]
    dtypes = ("float32", "float64") if twin(drop_ins, clr_ref.triangular(0, 1, 5))._ops.width == 64 else ("float32",)
    chosen = [one for dtype in dtypes for one in list(schedules(dtype))[::4]]
    chosen += [clr_ref.triangular2(0, 2.0**-120, 3), clr_ref.triangular(0, 2.0**-130, 7), clr_ref.exp_range(-1e-37, 0, 7, 0.9)]
    for schedule in chosen:
        made = twin(drop_ins, schedule)
        for mode, compiled in modes(drop_ins).items():
            ask = compiled(made)
            expected = np.asarray(ask(tensor(drop_ins, asked)))
            found = np.array([np.asarray(ask(tensor(drop_ins, step))) for step in asked])
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes(), (mode, schedule)


def test_what_float64_cannot_settle(drop_ins: Any) -> None:
    """Rates within 2**-60 of a midpoint of two float32: every mode gives the float64 formula's, one ULP off at most."""
    off = 0
    for schedule, step, _ in near_midpoints():
        made = twin(drop_ins, schedule)
        if made._ops.width == 32:
            pytest.skip("without x64 there is no float64 to settle anything")
        formula = _graph.evaluate(schedule._plan, np.array([step]), _graph.numpy_ops())
        apart = abs(ulp.distance(formula, schedule(np.array([step])))[0])
        assert apart <= 1
        off += apart > 0
        for mode, compiled in modes(drop_ins).items():
            assert np.asarray(compiled(made)(tensor(drop_ins, [step]))).tobytes() == formula.tobytes(), (mode, schedule, step)
    assert off >= 3


def test_one_step_of_any_kind(drop_ins: Any, api: Any) -> None:
    """Numbers, NumPy scalars, tensors and variables of any dtype that can hold the step."""
    made = drop_ins.Triangular2CyclicalLearningRate(1e-4, 1e-2, 33.3)
    expected = made.reference(100)
    kinds = ["int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"]
    for kind in [int, float, *(getattr(np, name) for name in kinds)]:
        assert np.asarray(made(kind(100))) == expected, kind
    assert np.asarray(made([[0, 100], [7, 100]]))[1, 1] == expected
    for name in kinds:
        assert np.asarray(made(api.tensor(np.dtype(name).type(100)))) == expected, name
    assert np.asarray(made(2**40 + 1 if made._ops.width == 64 else 2**31 - 1)).shape == ()


def test_variables(drop_ins: Any, tf: Any) -> None:
    for mode, compiled in modes(drop_ins).items():
        for kind in (tf.int32, tf.int64, tf.float32):
            counter = tf.Variable(20, dtype=kind)
            for cls in ("TriangularCyclicalLearningRate", "ExponentialCyclicalLearningRate"):
                for by in ("cycle", "iterations"):
                    made = getattr(drop_ins, cls)(1e-4, 1e-2, 7, scale_mode=by)
                    assert compiled(lambda m=made, c=counter: m(c))().numpy() == made.reference(20), (mode, kind)


def test_the_tutorials_schedule_over_an_array(drop_ins: Any) -> None:
    """The TFA tutorial plots clr(step) for an array of steps, with this scale function."""
    made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, step_size=2 * 937, scale_fn=lambda x: 1 / (2.0 ** (x - 1)))
    if made._ops.width == 64:
        assert np.asarray(made(np.arange(0, 9370))).tobytes() == made.reference(np.arange(0, 9370)).tobytes()


@pytest.mark.parametrize("by", ["cycle", "iterations"])
def test_custom_scale_functions(drop_ins: Any, by: str) -> None:
    """Constant answers, in the same bits in every mode, and functions that work in the schedule's dtype alone."""
    asked = np.arange(0, 4000, 3)

    def in_float32_alone(x: Any) -> Any:
        if "float32" not in str(x.dtype):
            raise TypeError(x.dtype)
        return 1 / (x + 1)

    for scale_fn in (lambda x: 0.9, lambda x: 1, in_float32_alone):
        made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, 33.3, scale_fn, scale_mode=by)
        found = [np.asarray(compiled(made)(tensor(drop_ins, asked))) for compiled in modes(drop_ins).values()]
        if scale_fn is in_float32_alone:
            # Its answers are the backend's: a sum and a quotient in float32, 2 ULP off at most, which weigh double where the
            # rate has the smaller exponent, and one rounding more for the rate.
            expected = clr_ref.CyclicalLearningRate(1e-4, 1e-2, 33.3, lambda x: 1 / (x + 1), by)(asked)
            assert all(np.abs(ulp.distance(one, expected)).max() <= 5 for one in found)
        elif made._ops.width == 64:
            assert all(one.tobytes() == made.reference(asked).tobytes() for one in found)
        else:
            assert all(np.abs(ulp.distance(one, made.reference(asked))).max() <= 2 for one in found)


def test_a_scale_function_that_fails_says_so(drop_ins: Any) -> None:
    made = drop_ins.CyclicalLearningRate(1e-4, 1e-2, 3, lambda x: x.no_such_attribute)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        made(3)


# --- arithmetic="tfa" ------------------------------------------------------------------------------------------------


def tfa_pairs(drop_ins: Any, tfa: Any) -> Iterator[tuple[Any, Any, str]]:
    """Ours and TFA's with the same arguments, and a step dtype that TFA takes."""
    for name in ("Triangular", "Triangular2", "Exponential", ""):
        for low, high, size in ((1e-4, 1e-2, 937), (1e-2, 1e-4, 33.3), (np.float64(1e-4), 1e-2, 2000), (0.0, 1.0, 7)):
            for by in ("cycle", "iterations"):
                more: dict[str, Any] = {"gamma": 0.99994} if name == "Exponential" else {}
                if not name:
                    more = {"scale_fn": lambda x: 1 / (2.0 ** (x - 1))}
                cls = f"{name}CyclicalLearningRate"
                ours = getattr(drop_ins, cls)(low, high, size, scale_mode=by, arithmetic="tfa", **more)
                real = getattr(tfa.optimizers, cls)(low, high, size, scale_mode=by, **more)
                yield ours, real, "int64" if by == "cycle" or name == "Triangular" else str(ours.dtype)


@pytest.mark.parametrize("mode", ["eager", "function", "xla"])
def test_tfa_arithmetic_is_tfas(drop_ins: Any, tfa: Any, tf: Any, mode: str) -> None:
    """Bit for bit, in the installed TensorFlow, for arrays of steps and for single ones."""
    compiled = modes(drop_ins)[mode]
    asked = np.random.default_rng(3).integers(0, 2**24, 1003)
    for ours, real, kind in tfa_pairs(drop_ins, tfa):
        ask_ours, ask_tfa = compiled(ours), compiled(real)
        for given in [tf.constant(asked, kind), *(tf.constant(t, kind) for t in (0, 20, 936, 54_321))]:
            answered, expected = ask_ours(given).numpy(), ask_tfa(given).numpy()
            assert answered.dtype == expected.dtype
            assert answered.tobytes() == expected.tobytes(), (ours.reference, mode, kind)


def test_tfa_arithmetic_takes_python_and_numpy_steps_as_tfa_does(drop_ins: Any, tfa: Any) -> None:
    for ours, real, _ in tfa_pairs(drop_ins, tfa):
        for given in (0, 20, 937, 1000, np.arange(1000)):
            assert ours(given).numpy().tobytes() == real(given).numpy().tobytes()


def test_tfa_arithmetic_takes_what_tfa_cannot(drop_ins: Any, tf: Any) -> None:
    """An int64 step in mode "iterations" is that of the schedule's dtype; int bounds are floats."""
    made = drop_ins.ExponentialCyclicalLearningRate(0, 1, 937, gamma=0.999, arithmetic="tfa")
    for compiled in modes(drop_ins).values():
        given = compiled(made)(tf.constant(1000, tf.int64)).numpy()
        assert given.tobytes() == compiled(made)(tf.constant(1000, tf.float32)).numpy().tobytes()


def test_tfa_arithmetic_is_the_records_in_eager_mode(drop_ins: Any, tf: Any) -> None:
    """On every TensorFlow, those that TFA never saw included: triangular and triangular2 bit for bit, exp_range within what
    two powers may be apart.
    """
    store = golden.read()
    seen = 0
    for entry in store.records["tf-2.15.1_tfa-0.23.0"].entries:
        case = store.cases[entry.case]
        if entry.mode != "eager" or entry.values is None or entry.step_dtype != "float32":
            continue
        inputs = dict(case.inputs)
        gamma = inputs.pop("gamma", None)
        size = inputs.pop("step_size")
        if case.dtype == "float64":
            inputs["initial_learning_rate"] = np.float64(inputs["initial_learning_rate"])
        made = drop_ins.CyclicalLearningRate(
            **inputs,
            step_size=int(size) if float(size).is_integer() else size,
            scale_fn=Exponential(gamma) if gamma is not None else case.policy,
            scale_mode=case.scale_mode,
            arithmetic="tfa",
        )
        chosen = np.unique(np.linspace(0, len(case.steps) - 1, 25).astype(int))
        expected = store.values(entry.case, entry.values)[chosen]
        answered = np.array([made(tf.constant(t, tf.float32)).numpy() for t in case.steps[chosen]])
        assert answered.dtype == expected.dtype, case.id
        if case.policy == "exp_range" and tf.__version__ != "2.15.1":
            # Two releases, each within POW_ULP of the right power: twice the budget of one.
            budget = 2 * tfa_arithmetic.power_budget(case.schedule, case.steps[chosen])
            assert (np.abs(ulp.distance(answered, expected)) <= budget).all(), case.id
        elif case.call == "scalar" or case.policy != "exp_range":
            assert answered.tobytes() == expected.tobytes(), case.id
        seen += 1
    assert seen >= 20


# --- arguments -------------------------------------------------------------------------------------------------------


def test_attributes_are_tfas(drop_ins: Any) -> None:
    made = drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 2000, gamma=0.9)
    assert (made.initial_learning_rate, made.maximal_learning_rate, made.step_size) == (1e-4, 1e-2, 2000)
    assert (made.scale_mode, made.gamma, made.name) == ("iterations", 0.9, "ExponentialCyclicalLearningRate")
    assert drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 2000).gamma == 1.0
    for name in ("TriangularCyclicalLearningRate", "Triangular2CyclicalLearningRate"):
        made = getattr(drop_ins, name)(1e-4, 1e-2, 2000)
        assert (made.scale_mode, made.name) == ("cycle", name)
        assert made.scale_fn(1) == 1.0
    with pytest.raises(AttributeError):
        made.step_size = 3


def test_signatures_are_tfas(drop_ins: Any, tfa: Any) -> None:
    """Every parameter of TFA's, in its place, with its default; ours follow, by keyword alone."""
    import inspect

    for name in ("", "Triangular", "Triangular2", "Exponential"):
        ours = list(inspect.signature(getattr(drop_ins, f"{name}CyclicalLearningRate")).parameters.values())
        theirs = inspect.signature(getattr(tfa.optimizers, f"{name}CyclicalLearningRate")).parameters.values()
        assert [(p.name, p.default) for p in ours[: len(theirs)]] == [(p.name, p.default) for p in theirs]
        assert [(p.name, p.kind) for p in ours[len(theirs) :]] == [
            ("arithmetic", inspect.Parameter.KEYWORD_ONLY),
            ("dtype", inspect.Parameter.KEYWORD_ONLY),
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale_mode": "cycles"}, "scale_mode must be 'cycle' or 'iterations', got 'cycles'"),
        ({"step_size": 0}, "step_size must be a finite number > 0"),
        ({"step_size": -1}, "step_size must be a finite number > 0"),
        ({"initial_learning_rate": math.nan}, "initial_learning_rate must be a finite number of float32, got nan"),
        ({"maximal_learning_rate": math.inf}, "maximal_learning_rate must be a finite number"),
        ({"arithmetic": "fast"}, "arithmetic must be 'exact' or 'tfa', got 'fast'"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_values_that_are_refused(drop_ins: Any, change: dict[str, Any], message: str) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10, **change}
    for name in ("TriangularCyclicalLearningRate", "ExponentialCyclicalLearningRate"):
        with pytest.raises(ValueError, match=message):
            getattr(drop_ins, name)(**arguments)


@pytest.mark.parametrize("value", ["0.1", None, True, [0.1], lambda: 0.1])
def test_types_that_are_refused(drop_ins: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="maximal_learning_rate must be a real number"):
        drop_ins.TriangularCyclicalLearningRate(1e-4, value, 10)
    with pytest.raises(TypeError, match="gamma must be a real number"):
        drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 10, gamma=value)


@pytest.mark.parametrize(("step", "error"), [(1.5, ValueError), ([0, 0.5], ValueError), ("1", TypeError), (True, TypeError)])
def test_steps_that_are_refused(drop_ins: Any, step: Any, error: Any) -> None:
    with pytest.raises(error, match="step must be"):
        drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 10)(step)


def test_bounds_of_every_kind(drop_ins: Any, tf: Any) -> None:
    """ints, NumPy numbers and tensors; float64 ones make a float64 schedule, as in TFA."""
    for kind in (np.float32, tf.constant, lambda x: tf.constant(x, tf.float32)):
        made = drop_ins.TriangularCyclicalLearningRate(kind(0.25), kind(0.5), 8)
        assert made(4).numpy() == np.float32(0.375)
        assert made(4).dtype == tf.float32
    for kind in (np.float64, np.array, lambda x: tf.constant(x, tf.float64)):
        for arithmetic in ("exact", "tfa"):
            made = drop_ins.TriangularCyclicalLearningRate(kind(0.25), kind(0.5), 8, arithmetic=arithmetic)
            assert made(4).numpy() == 0.375
            assert made(4).dtype == tf.float64
    assert drop_ins.TriangularCyclicalLearningRate(0, 1, 8)(4).numpy() == np.float32(0.5)


ARGUMENTS = ["initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"]


def with_argument(drop_ins: Any, name: str, value: Any, **more: Any) -> Any:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 4, "gamma": 0.9}
    return drop_ins.ExponentialCyclicalLearningRate(**{**arguments, name: value}, **more)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_variables_are_refused(drop_ins: Any, keras: Any, api: Any, name: str) -> None:
    """The exact arithmetic computes with the numbers of the constructor: it would not follow a variable."""
    kinds = [keras.Variable] if api.IS_KERAS_3 else []
    kinds += [api.tensorflow().Variable] if api.BACKEND == "tensorflow" else []
    for kind in kinds:
        with pytest.raises(TypeError, match=rf"^{name} must be a number .* float\({name}.numpy\(\)\).* arithmetic='tfa'"):
            with_argument(drop_ins, name, kind(0.5))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arrays_that_change_later_change_nothing(drop_ins: Any, name: str) -> None:
    """Attribute, config and rate all stay those of the constructor."""
    for dtype in (np.float32, np.float64):
        array = np.array(0.5, dtype)
        made = with_argument(drop_ins, name, array, dtype="float32")
        rate = np.asarray(made(3))
        array[...] = 0.25
        assert np.asarray(made(3)) == rate == made.reference(3)
        assert getattr(made, name) == made.get_config()[name] == 0.5


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("mode", ["eager", "function", "xla"])
def test_tfa_arithmetic_follows_variables(drop_ins: Any, tf: Any, name: str, mode: str) -> None:
    """The rate, the attribute, the config and the reference of a schedule agree before and after an assignment."""
    variable = tf.Variable(0.5)
    made = with_argument(drop_ins, name, variable, arithmetic="tfa")
    call = modes(drop_ins)[mode](made)
    for value in (0.5, 0.25):
        variable.assign(value)
        fixed = with_argument(drop_ins, name, value, arithmetic="tfa")
        for step in (0, 3, 9):
            step = tf.constant(step, tf.float32)
            assert call(step).numpy().tobytes() == modes(drop_ins)[mode](fixed)(step).numpy().tobytes()
        assert made.reference(3) == fixed.reference(3)
        assert made.get_config() == fixed.get_config()
        assert float(getattr(made, name)) == value


def test_tfa_follows_the_same_variables(drop_ins: Any, tfa: Any, tf: Any) -> None:
    variable = tf.Variable(0.5)
    for name in ARGUMENTS:
        ours = with_argument(drop_ins, name, variable, arithmetic="tfa")
        arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 4.0, "gamma": 0.9}
        try:
            real = tfa.optimizers.ExponentialCyclicalLearningRate(**{**arguments, name: variable})
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "typeguard":
                raise
            pytest.skip(f"this TFA's own type checks refuse a variable as {name}")
        for value in (0.5, 0.25):
            variable.assign(value)
            for step in (0.0, 3.0, 9.0):
                assert ours(tf.constant(step)).numpy().tobytes() == real(tf.constant(step)).numpy().tobytes(), name


def test_tfa_arithmetic_takes_steps_outside_as_tfa_does(drop_ins: Any, tfa: Any, tf: Any) -> None:
    """Before step 0 and between two steps, for numbers, arrays and tensors."""
    for ours, real, _ in tfa_pairs(drop_ins, tfa):
        for given in (-8.0, 2.5, np.array([-8.0, 2.5, 1e6]), tf.constant(-8.0, ours.dtype), tf.constant([2.5], ours.dtype)):
            assert ours(given).numpy().tobytes() == real(given).numpy().tobytes(), (ours.reference, given)
