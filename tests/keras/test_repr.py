"""A drop-in is a value: its text makes an equal one, and it is made of the NumPy schedule, to which errors lead back."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy
import numpy as np
import pytest

import clr_ref
from clr_ref import policies
from tests.keras.execution import with_argument

NAMES = ["initial_learning_rate=0.0001", "maximal_learning_rate=0.01"]


def every_class(drop_ins: Any, low: Any, high: Any, size: Any, **more: Any) -> list[Any]:
    return [
        drop_ins.CyclicalLearningRate(low, high, size, math.sqrt, "iterations", **more),
        drop_ins.CyclicalLearningRate(low, high, size, policies.ExpRange(0.9), **more),
        drop_ins.TriangularCyclicalLearningRate(low, high, size, **more),
        drop_ins.Triangular2CyclicalLearningRate(low, high, size, "iterations", **more),
        drop_ins.ExponentialCyclicalLearningRate(low, high, size, gamma=np.float32(0.9), **more),
    ]


def again(schedule: Any) -> Any:
    return eval(repr(schedule), {"clr_ref": clr_ref, "math": math, "numpy": numpy})


@pytest.mark.parametrize("more", [{}, {"name": None}, {"name": "mine", "dtype": "float32"}], ids=str)
@pytest.mark.parametrize("kind", [float, np.float32, np.float64, np.array])
def test_the_text_makes_an_equal_drop_in(drop_ins: Any, kind: Any, more: dict[str, Any]) -> None:
    wide = kind in (np.float64, np.array) and "dtype" not in more
    if wide and drop_ins.TriangularCyclicalLearningRate(0, 1, 2)._ops.width == 32:
        pytest.skip("JAX without x64 has no float64")
    for size in (1874, 33.3, 2**31, 1e30):
        for schedule in every_class(drop_ins, kind(1e-4), kind(0.3), kind(size), **more):
            assert again(schedule) == schedule
            assert hash(again(schedule)) == hash(schedule)


@pytest.mark.parametrize("module", ["aaa", "clr_ref.keras.mine", "zzz"])
def test_the_text_of_a_subclass_does_not_say_that_it_is_ours(drop_ins: Any, module: str) -> None:
    kind = type("Mine", (drop_ins.TriangularCyclicalLearningRate,), {"__module__": module})
    assert repr(kind(1e-4, 1e-2, 7)).startswith("Mine(initial_learning_rate=0.0001, ")


def test_the_config_of_tfas_arithmetic_is_hex_only_where_digits_would_be_lost(drop_ins: Any, tf: Any) -> None:
    config = drop_ins.TriangularCyclicalLearningRate(np.float64(0.5), np.float64(0.1), 7, arithmetic="tfa").get_config()
    assert (config["initial_learning_rate"], config["maximal_learning_rate"]) == (0.5, (0.1).hex())


def test_the_text_of_tfas_arithmetic_makes_the_same_bits(drop_ins: Any, tf: Any) -> None:
    """In float64 TFA rounds a Python float to float32 first, and a NumPy float64 not."""
    first = drop_ins.TriangularCyclicalLearningRate(np.float64(0.1), 0.01, 7, arithmetic="tfa")
    second = drop_ins.TriangularCyclicalLearningRate(np.float64(0.1), np.float64(0.01), 7, arithmetic="tfa")
    assert first(5) != second(5)
    assert first != second
    for schedule in (first, second, *every_class(drop_ins, 0.1, 0.3, 7, arithmetic="tfa")[2:]):
        assert again(schedule) == schedule
        assert again(schedule)(5) == schedule(5)
        assert "arithmetic='tfa'" in repr(schedule)


def test_the_text_shows_what_was_given(drop_ins: Any) -> None:
    texts = [repr(schedule).replace(", ".join(NAMES), "X") for schedule in every_class(drop_ins, 1e-4, np.float32(1e-2), 8)]
    assert texts == [
        "clr_ref.keras.CyclicalLearningRate(X, step_size=8, scale_fn=math.sqrt, scale_mode='iterations')",
        "clr_ref.keras.CyclicalLearningRate(X, step_size=8, scale_fn=clr_ref.policies.ExpRange(gamma=0.9))",
        "clr_ref.keras.TriangularCyclicalLearningRate(X, step_size=8)",
        "clr_ref.keras.Triangular2CyclicalLearningRate(X, step_size=8, scale_mode='iterations')",
        "clr_ref.keras.ExponentialCyclicalLearningRate(X, step_size=8, gamma=0.8999999761581421)",
    ]
    updates = drop_ins.PerUpdate(drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 8), 4)
    inner = f"clr_ref.keras.TriangularCyclicalLearningRate({', '.join(NAMES)}, step_size=8)"
    assert repr(updates) == f"clr_ref.keras.PerUpdate({inner}, gradient_accumulation_steps=4)"
    assert again(updates) == updates


def test_drop_ins_that_differ_are_not_equal(drop_ins: Any) -> None:
    made = [
        *every_class(drop_ins, 1e-4, 1e-2, 8),
        drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 9),
        drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 8, name="mine"),
        drop_ins.TriangularCyclicalLearningRate(1e-4, 1e-2, 8, "iterations"),
        drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 8, gamma=0.8),
        clr_ref.triangular(1e-4, 1e-2, 8),
    ]
    for place, schedule in enumerate(made):
        assert [other == schedule for other in made] == [number == place for number in range(len(made))]


def test_schedules_that_follow_variables_are_equal_if_the_variables_are_the_same(drop_ins: Any, tf: Any) -> None:
    for name in ("maximal_learning_rate", "gamma"):
        one, other = tf.Variable(0.5), tf.Variable(0.5)
        made = with_argument(drop_ins, name, one, arithmetic="tfa")
        assert made == made
        assert made != with_argument(drop_ins, name, other, arithmetic="tfa")
        assert f"{name}=<tf.Variable" in repr(made)


def test_a_class_of_a_user_keeps_its_name(drop_ins: Any) -> None:
    class Warm(drop_ins.TriangularCyclicalLearningRate):  # type: ignore[misc,name-defined]
        def __init__(self, peak: float) -> None:
            super().__init__(0.0, peak, 10)

    assert repr(Warm(1.0)).endswith("Warm(initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=10)")
    assert Warm(1.0) == Warm(1.0) != Warm(0.5)
    assert Warm(1.0).get_config()["maximal_learning_rate"] == 1.0


@pytest.mark.parametrize(
    "schedule",
    [
        clr_ref.triangular2(1e-4, 1e-2, 1874),
        clr_ref.triangular(np.float32(0.1), 0.3, 33.3),
        clr_ref.exp_range(0.1, 0.3, 2**40, 0.9),
        clr_ref.CyclicalLearningRate(0.1, 0.3, 8, "triangular2", "iterations"),
        clr_ref.CyclicalLearningRate(0.1, 0.3, 8, policies.ExpRange(0.9)),
        clr_ref.CyclicalLearningRate(0.1, 0.3, 8, math.sqrt),
    ],
    ids=repr,
)
def test_a_numpy_schedule_becomes_a_drop_in(drop_ins: Any, schedule: Any) -> None:
    made = drop_ins.from_schedule(schedule)
    assert made.reference == schedule
    if schedule.scale_fn is not math.sqrt:  # which has no name to be stored by
        assert type(made).from_config(made.get_config()) == made


def test_only_a_numpy_schedule_becomes_a_drop_in(drop_ins: Any) -> None:
    for wrong in (drop_ins.TriangularCyclicalLearningRate(0.1, 0.3, 8), 0.1, None):
        with pytest.raises(TypeError, match=r"schedule must be a clr_ref\.CyclicalLearningRate, got "):
            drop_ins.from_schedule(wrong)


def test_keras_with_a_numpy_schedule_leads_to_the_drop_in(drop_ins: Any, keras: Any) -> None:
    """Keras 2 calls it in the constructor, Keras 3 and the optimizers of OptimizerV2 in fit."""
    schedule = clr_ref.triangular2(1e-4, 1e-2, 1874)

    def train(rate: Any) -> None:
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.SGD(learning_rate=rate), loss="mse")
        model.fit(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32), verbose=0)

    with pytest.raises(TypeError, match=r"clr_ref\.keras\.from_schedule\(schedule\)"):
        train(schedule)
    train(drop_ins.from_schedule(schedule))


def test_a_numpy_schedule_in_a_compiled_function_leads_to_the_drop_in(drop_ins: Any, tf: Any) -> None:
    schedule = clr_ref.triangular2(1e-4, 1e-2, 1874)
    assert schedule(tf.constant(1874)) == np.float32(1e-2)
    with pytest.raises(TypeError, match=r"for tensors use clr_ref\.keras\.from_schedule\(schedule\)"):
        tf.function(schedule)(tf.constant(1874))


def test_exp_range_without_gamma_warns(drop_ins: Any) -> None:
    with pytest.warns(UserWarning, match=r"gamma is 1\.0, TFA's default, with which exp_range is triangular") as found:
        made = drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 8)
    assert [warning.filename for warning in found] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(made).from_config(made.get_config()) == made
        assert drop_ins.ExponentialCyclicalLearningRate(1e-4, 1e-2, 8, gamma=1.0) == made
        assert again(made) == made


@pytest.mark.parametrize("name", ["", "Triangular", "Triangular2", "Exponential"])
def test_keywords_of_others_are_answered_with_ours(drop_ins: Any, name: str) -> None:
    message = r"^base_lr is called initial_learning_rate here; mode is no argument here: .*The arguments of"
    with pytest.raises(TypeError, match=message):
        getattr(drop_ins, f"{name}CyclicalLearningRate")(base_lr=0.1, mode="triangular2")
