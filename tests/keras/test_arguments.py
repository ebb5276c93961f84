"""The arguments of the drop-ins are those of TFA; numbers are checked, and variables are refused."""

from __future__ import annotations

import dataclasses
import inspect
import math
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import policies
from tests.keras.execution import ARGUMENTS, with_argument


def test_attributes_are_tfas(drop_ins: Any) -> None:
    made = drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 2000, gamma=0.9)
    assert (made.initial_learning_rate, made.maximal_learning_rate, made.step_size) == (1e-4, 1e-2, 2000)
    assert (made.scale_mode, made.gamma, made.name) == ("iterations", 0.9, "ExponentialCyclicalLearningRate")
    assert drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 2000).gamma == 1.0
    for name in ("TriangularCyclicalLearningRate", "Triangular2CyclicalLearningRate"):
        made = getattr(drop_ins, name)(1e-4, 1e-2, 2000)
        assert (made.scale_mode, made.name) == ("cycle", name)
        assert made.scale_fn(1) == 1.0


def test_signatures_are_tfas(drop_ins: Any, tfa: Any) -> None:
    """TFA's parameters stand in TFA's order with TFA's defaults; ours follow and are keyword-only."""
    for name in ("", "Triangular", "Triangular2", "Exponential"):
        ours = list(inspect.signature(getattr(drop_ins, f"{name}CyclicalLearningRate")).parameters.values())
        theirs = inspect.signature(getattr(tfa.optimizers, f"{name}CyclicalLearningRate")).parameters.values()
        assert [(p.name, p.default) for p in ours[: len(theirs)]] == [(p.name, p.default) for p in theirs]
        assert [(p.name, p.kind) for p in ours[len(theirs) :]] == [
            ("step_size_down", inspect.Parameter.KEYWORD_ONLY),
            ("arithmetic", inspect.Parameter.KEYWORD_ONLY),
            ("dtype", inspect.Parameter.KEYWORD_ONLY),
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale_mode": "cycles"}, "scale_mode must be 'cycle' or 'iterations', got 'cycles'"),
        ({"step_size": 0}, "step_size must be a finite number of float32 > 0"),
        ({"step_size": -1}, "step_size must be a finite number of float32 > 0"),
        ({"initial_learning_rate": math.nan}, "initial_learning_rate must be a finite number of float32, got nan"),
        ({"maximal_learning_rate": math.inf}, "maximal_learning_rate must be a finite number"),
        ({"step_size_down": 0}, "step_size_down must be a finite number of float32 > 0"),
        ({"step_size": 2.0**62, "step_size_down": 2.0**63}, r"step_size and step_size_down must add up to less than 2\*\*"),
        ({"arithmetic": "fast"}, "arithmetic must be 'exact' or 'tfa', got 'fast'"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_values_that_are_refused(drop_ins: Any, change: dict[str, Any], message: str) -> None:
    arguments = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 10, **change}
    for name in ("TriangularCyclicalLearningRate", "ExponentialCyclicalLearningRate"):
        with pytest.raises(ValueError, match=message):
            getattr(drop_ins, name)(**arguments)


def test_a_fall_of_its_own_length(drop_ins: Any, api: Any) -> None:
    """The config has the key only where it was given, so that one without it is TFA's."""
    for cls, more in (
        (drop_ins.TriangularCyclicalLearningRate, {}),
        (drop_ins.Triangular2CyclicalLearningRate, {}),
        (drop_ins.ExponentialCyclicalLearningRate, {"gamma": 0.9}),
        (drop_ins.CyclicalLearningRate, {"scale_fn": lambda cycle: 1.0 + 0.0 * cycle}),
    ):
        made = cls(0.0, 1.0, 2, step_size_down=8, **more)
        assert made.step_size_down == 8
        assert made.reference.step_size_down == 8.0
        assert float(made(2)) == float(made.reference(2))
        assert float(made(6)) == float(made.reference(6))
        assert "step_size_down=8" in repr(made)
        assert made != cls(0.0, 1.0, 2, **more)
        assert made != cls(0.0, 1.0, 2, step_size_down=7, **more)
        if "scale_fn" not in more:
            assert made.get_config()["step_size_down"] == 8
            assert cls.from_config(made.get_config()) == made
            plain = cls(0.0, 1.0, 2, **more)
            assert plain.step_size_down is None
            assert "step_size_down" not in plain.get_config()
            assert drop_ins.from_schedule(made.reference).reference == made.reference
    assert [float(drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 2, step_size_down=8)(t)) for t in (1, 2, 6)] == [
        0.5,
        1,
        0.5,
    ]
    if api.BACKEND == "tensorflow":
        with pytest.raises(ValueError, match=r"step_size_down must be None for arithmetic 'tfa', got 8\.0"):
            drop_ins.TriangularCyclicalLearningRate(0.0, 1.0, 2, step_size_down=8, arithmetic="tfa")


@pytest.mark.parametrize("value", ["0.1", None, True, ["0.1"], lambda: 0.1])
def test_types_that_are_refused(drop_ins: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="maximal_learning_rate must be a real number"):
        drop_ins.TriangularCyclicalLearningRate(1e-4, value, 10)
    with pytest.raises(TypeError, match="gamma must be a real number"):
        drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 10, gamma=value)


@pytest.mark.parametrize(("step", "error"), [("1", TypeError), (True, TypeError), ([0.5, True], TypeError)])
def test_steps_that_are_refused(drop_ins: Any, step: Any, error: Any) -> None:
    with pytest.raises(error, match="step must be"):
        drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 10)(step)


def test_bounds_of_every_kind(drop_ins: Any, tf: Any) -> None:
    """Bounds may be ints, NumPy numbers and tensors; float64 ones make a float64 schedule, as in TFA."""
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


@pytest.mark.parametrize("name", ARGUMENTS)
def test_variables_are_refused(drop_ins: Any, keras: Any, api: Any, name: str) -> None:
    """The exact arithmetic uses the numbers of the constructor, so it would not follow a variable."""
    kinds = [keras.Variable] if api.IS_KERAS_3 else []
    kinds += [api.tensorflow().Variable] if api.BACKEND == "tensorflow" else []
    for kind in kinds:
        with pytest.raises(TypeError, match=rf"^{name} must be a number .* float\({name}.numpy\(\)\).* arithmetic='tfa'"):
            with_argument(drop_ins, name, kind(0.5))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arrays_that_change_later_change_nothing(drop_ins: Any, name: str) -> None:
    """Attribute, config and rate keep the number that the constructor received."""
    for dtype in (np.float32, np.float64):
        array = np.array(0.5, dtype)
        made = with_argument(drop_ins, name, array, dtype="float32")
        rate = np.asarray(made(3))
        array[...] = 0.25
        assert np.asarray(made(3)) == rate == made.reference(3)
        assert getattr(made, name) == made.get_config()[name] == 0.5


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_tensor_of_a_graph_has_no_number_yet(drop_ins: Any, tf: Any, name: str) -> None:
    @tf.function  # type: ignore[untyped-decorator]
    def make(value: Any) -> Any:
        with pytest.raises(TypeError, match=f"^{name} must be a real number, got <tf.Tensor"):
            with_argument(drop_ins, name, value)
        return value

    make(tf.constant(0.5))


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_an_array_of_one_element_is_its_number(drop_ins: Any, api: Any, name: str, shape: tuple[int, ...]) -> None:
    """The rates have the shape of the steps, where TFA's have that of the array."""
    for kind in (np.float32, np.int32):
        for array in (np.ones(shape, kind), api.tensor(np.ones(shape, kind))):
            made = with_argument(drop_ins, name, array)
            assert made == with_argument(drop_ins, name, kind(1).item())
            assert np.asarray(made(3)).shape == ()
    if name == "initial_learning_rate" and made._ops.width == 64:
        assert with_argument(drop_ins, name, np.ones(shape)).dtype == "float64"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_array_of_several_is_refused(drop_ins: Any, api: Any, name: str) -> None:
    for array in (np.ones(3, np.float32), api.tensor(np.ones(3, np.float32)), np.ones(0)):
        message = rf"^{name} must be one real number, got an array of the shape \({len(array)},\): make a schedule for each"
        with pytest.raises(TypeError, match=message):
            with_argument(drop_ins, name, array)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_half_precision_makes_float32_rates(drop_ins: Any, api: Any, name: str) -> None:
    """The rates are those of the number that float16 or bfloat16 holds."""
    kinds = [np.float16, lambda x: api.tensor(np.float16(x))]
    if api.BACKEND == "tensorflow":
        tf = api.tensorflow()
        kinds.append(lambda x: tf.constant(x, tf.bfloat16))
    for kind in kinds:
        made = with_argument(drop_ins, name, kind(0.3))
        assert made == with_argument(drop_ins, name, float(kind(0.3)))
        assert made.dtype == np.asarray(made(3)).dtype == np.float32


def test_half_precision_has_no_tfa_arithmetic(drop_ins: Any, tf: Any) -> None:
    """TFA computes such rates in float16."""
    for value, kind in ((np.float16(0.3), "number"), (tf.constant(0.3, tf.float16), "tensor")):
        with pytest.raises(ValueError, match=f"^initial_learning_rate must be a {kind} of float32 .*, got one of float16"):
            drop_ins.TriangularCyclicalLearningRate(value, 1.0, 10, arithmetic="tfa")


@pytest.mark.parametrize(
    ("value", "expected", "kind"),
    [
        (np.array(0.1), 0.1, np.float64),
        (np.array([0.1], np.float32), float(np.float32(0.1)), float),
        (np.array(3), 3, int),
        (np.float64(0.1), 0.1, np.float64),
        (np.float32(0.1), np.float32(0.1), np.float32),
        (np.longdouble("inf"), math.inf, float),
        (3, 3, int),
    ],
    ids=repr,
)
def test_what_is_kept_of_a_number(kept_arguments: Any, value: Any, expected: Any, kind: type) -> None:
    """One that cannot change, and is float64 where it was."""
    kept = kept_arguments.kept("step_size", value, "exact", "float32")
    assert (type(kept), kept) == (kind, expected)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant == 52, reason="a longdouble is a float64 here")
def test_a_longdouble_is_rounded_once(kept_arguments: Any) -> None:
    """Between two numbers of float32, a little above the midpoint of which float64 holds no other number."""
    value = np.longdouble(1) + np.longdouble(2) ** -24 + np.longdouble(2) ** -63
    assert kept_arguments.kept("step_size", value, "exact", "float32") == 1 + 2.0**-23
    assert kept_arguments.kept("step_size", value, "exact", "float64") == 1 + 2.0**-24


@pytest.mark.parametrize(
    ("value", "text", "stored"),
    [
        (0.1, "0.1", 0.1),
        (2, "2", 2),
        (np.int64(3), "numpy.float64(3)", 3),
        (np.float32(0.1), "numpy.float64(0.10000000149011612)", float(np.float32(0.1))),
        (np.float64(0.1), "numpy.float64(0.1)", (0.1).hex()),
        (np.array(0.5), "numpy.float64(0.5)", 0.5),
    ],
    ids=repr,
)
def test_numbers_of_tfas_arithmetic_in_float64_keep_their_digits(
    kept_arguments: Any, value: Any, text: str, stored: Any
) -> None:
    """It rounds Python's floats to float32, and not NumPy's."""
    assert kept_arguments.wide(value) == text
    assert kept_arguments.stored_wide("step_size", value) == stored


@dataclasses.dataclass(frozen=True)
class Twice(policies.ExpRange):
    """gamma to the power of twice the step."""

    @property
    def scale(self) -> policies.Geometric:
        return policies.Geometric(self.gamma**2)


def test_the_drop_in_of_a_subclass_of_a_policy_has_its_rates(drop_ins: Any) -> None:
    schedule = clr_ref.CyclicalLearningRate(0.0, 1.0, 5, Twice(0.5), "iterations")
    made = drop_ins.from_schedule(schedule)
    assert [float(made(step)) for step in range(12)] == schedule(range(12)).tolist()
    assert made.reference == schedule
