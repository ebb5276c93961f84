"""The rates of the drop-ins with arithmetic "tfa": in every mode of execution the bits of TFA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from clr_ref import tfa_arithmetic
from clr_ref.golden import store as golden
from clr_ref.policies import ExpRange
from tests.keras.execution import ARGUMENTS, modes, with_argument
from tests.rates import assert_same_rates


def like_tfa(mode: str) -> str:
    """The arithmetic, in the words of a failure."""
    return f"TFA's arithmetic ({mode}) of the Keras drop-in"


def tfa_pairs(drop_ins: Any, tfa: Any) -> Iterator[tuple[Any, Any, str]]:
    """Our schedule and TFA's with the same arguments, and a step dtype that TFA accepts."""
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


@pytest.mark.parametrize("mode", ["eager", "function", "jit_compile"])
def test_tfa_arithmetic_is_tfas(drop_ins: Any, tfa: Any, tf: Any, mode: str) -> None:
    """The bits are those of the installed TFA, for arrays of steps and for single ones."""
    compiled = modes(drop_ins)[mode]
    asked = np.random.default_rng(3).integers(0, 2**24, 1003)
    for ours, real, kind in tfa_pairs(drop_ins, tfa):
        ask_ours, ask_tfa = compiled(ours), compiled(real)
        for given in [tf.constant(asked, kind), *(tf.constant(t, kind) for t in (0, 20, 936, 54_321))]:
            assert_same_rates(ours.reference, given, ask_ours(given), ask_tfa(given), arithmetic=like_tfa(mode))


def test_tfa_arithmetic_takes_python_and_numpy_steps_as_tfa_does(drop_ins: Any, tfa: Any) -> None:
    for ours, real, _ in tfa_pairs(drop_ins, tfa):
        for given in (0, 20, 937, 1000, np.arange(1000)):
            assert_same_rates(ours.reference, given, ours(given), real(given), arithmetic=like_tfa("eager"))


def test_tfa_arithmetic_takes_what_tfa_cannot(drop_ins: Any, tf: Any) -> None:
    """An int64 step in mode "iterations" is converted to the dtype of the schedule, and int bounds to floats."""
    made = drop_ins.ExponentialCyclicalLearningRate(0, 1, 937, gamma=0.999, arithmetic="tfa")
    for mode, compiled in modes(drop_ins).items():
        found, expected = (compiled(made)(tf.constant(1000, dtype)) for dtype in (tf.int64, tf.float32))
        assert_same_rates(made.reference, 1000, found, expected, arithmetic=like_tfa(mode))


def test_tfa_arithmetic_is_the_records_in_eager_mode(drop_ins: Any, tf: Any) -> None:
    """On every TensorFlow, triangular and triangular2 give the recorded bits, exp_range those of a power within its budget."""
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
            scale_fn=ExpRange(gamma) if gamma is not None else case.policy,
            scale_mode=case.scale_mode,
            arithmetic="tfa",
        )
        chosen = np.unique(np.linspace(0, len(case.steps) - 1, 25).astype(int))
        expected = store.values(entry.case, entry.values)[chosen]
        answered = np.array([made(tf.constant(t, tf.float32)).numpy() for t in case.steps[chosen]])
        seen += 1
        budget = 0
        if case.policy == "exp_range" and tf.__version__ != "2.15.1":
            # The powers of two releases are each within POW_ULP of the right one: twice the budget of one release.
            budget = 2 * tfa_arithmetic.power_budget(case.schedule, case.steps[chosen])
        elif case.policy == "exp_range" and case.call != "scalar":
            continue
        arithmetic = f"TFA's arithmetic (eager) in case {case.id}"
        assert_same_rates(case.schedule, case.steps[chosen], answered, expected, arithmetic=arithmetic, ulps=budget)
    assert seen >= 20


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("mode", ["eager", "function", "jit_compile"])
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
            expected = modes(drop_ins)[mode](fixed)(step)
            assert_same_rates(fixed.reference, step, call(step), expected, arithmetic=like_tfa(f"{mode}, a variable as {name}"))
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
                rates = ours(tf.constant(step)), real(tf.constant(step))
                assert_same_rates(ours.reference, step, *rates, arithmetic=like_tfa(f"eager, a variable as {name}"))


def test_tfa_arithmetic_takes_steps_outside_as_tfa_does(drop_ins: Any, tfa: Any, tf: Any) -> None:
    """Rates before step 0 and between two steps are TFA's, for numbers, arrays and tensors."""
    for ours, real, _ in tfa_pairs(drop_ins, tfa):
        for given in (-8.0, 2.5, np.array([-8.0, 2.5, 1e6]), tf.constant(-8.0, ours.dtype), tf.constant([2.5], ours.dtype)):
            assert_same_rates(ours.reference, given, ours(given), real(given), arithmetic=like_tfa("eager"))
