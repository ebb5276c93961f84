"""Schedules around schedules have the bits of the NumPy ones in every mode, and work around any schedule."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.keras.execution import modes, tensor
from tests.rates import assert_same_floats

LAST = 2**63 - 1
T, T2, E = clr_ref.triangular(1e-3, 0.1, 5), clr_ref.triangular2(1e-3, 0.1, 3.3), clr_ref.exp_range(1e-3, 0.1, 7, 0.97)
COMPOSED = [
    clr_ref.WarmUp(T, 11),
    clr_ref.WarmUp(T2, 11, 1e-4, counts_warm_up=True),
    clr_ref.WarmUp(E, 0),
    clr_ref.Shifted(T2, 7),
    clr_ref.Shifted(E, -20),
    clr_ref.CoolDown(T, 20, 13, 1e-5),
    clr_ref.CoolDown(E, 25, 0, 1e-5),
    clr_ref.CoolDown(clr_ref.WarmUp(clr_ref.Shifted(E, 3), 10, 1e-5, counts_warm_up=True), 30, 17, 0.0),
]
WIDE = [
    clr_ref.WarmUp(clr_ref.triangular2(1e-3, 0.1, 3.3, dtype="float64"), 11, 1e-4, counts_warm_up=True),
    clr_ref.CoolDown(clr_ref.triangular(1e-3, 0.1, 3, dtype="float64"), 25, 7, 1e-5),
]


def assert_same(made: Any, steps: Any, rates: Any, expected: Any, how: str) -> None:
    """The bits are those of NumPy; on JAX without x64, the rates are within 2 ULP, as those of the drop-ins."""
    __tracebackhide__ = True
    ulps = 2 if width() == 32 else 0
    flat = np.asarray(steps).reshape(-1)
    assert_same_floats(lambda index: f"step {flat[index]}", np.asarray(rates), expected, what=how, ulps=ulps, of=made)


def width() -> int:
    from clr_ref.keras import api
    from clr_ref.tensors import backends

    return backends.OPS[api.BACKEND]().width


def steps_of(composed: Any) -> Any:
    return np.arange(max(composed._domain[0], 0), 70)


@pytest.mark.parametrize("composed", COMPOSED, ids=repr)
def test_every_mode_has_the_bits_of_numpy(drop_ins: Any, composed: Any) -> None:
    made = drop_ins.from_schedule(composed)
    assert made.reference == composed
    steps = steps_of(composed)
    for mode, compiled in modes(drop_ins).items():
        call = compiled(made)
        assert_same(composed, steps, call(tensor(drop_ins, steps)), composed(steps), mode)
        one_by_one = [np.asarray(call(tensor(drop_ins, step))) for step in steps]
        assert_same(composed, steps, one_by_one, composed(steps), f"{mode}, one by one")


@pytest.mark.parametrize("composed", WIDE, ids=repr)
def test_float64(drop_ins: Any, composed: Any) -> None:
    """Every mode has the bits of the formula, whose error is three roundings of the larger bound at most."""
    if width() == 32:
        pytest.skip("JAX without x64 has no float64")
    made = drop_ins.from_schedule(composed)
    steps = steps_of(composed)
    eager = np.asarray(made(tensor(drop_ins, steps)))
    assert eager.dtype == np.float64
    assert np.abs(eager - composed(steps)).max() <= 3 * np.spacing(0.1)
    for mode, compiled in modes(drop_ins).items():
        found = np.asarray(compiled(made)(tensor(drop_ins, steps)))
        assert_same_floats(lambda index: f"step {index}", found, eager, what=mode, of=made)


@pytest.mark.parametrize("composed", COMPOSED, ids=repr)
def test_steps_of_every_dtype(drop_ins: Any, api: Any, composed: Any) -> None:
    made = drop_ins.from_schedule(composed)
    steps = steps_of(composed)
    kinds = ["int8", "uint8", "int32", "float16", "float32", *(["int64", "float64"] if width() == 64 else [])]
    for kind in kinds:
        given = steps.astype(kind)
        for what, found in (("tensor", made(api.tensor(given))), ("array", made(given))):
            assert_same(composed, steps, found, composed(steps), f"{what} of {kind}")
    assert_same(composed, steps, made(steps.tolist()), composed(steps), "a list")
    for step in (int(steps[3]), float(steps[3]), np.int16(steps[3])):
        assert_same(composed, [step], made(step), np.asarray(composed(int(step))), f"a {type(step).__name__}")


def test_far_steps(drop_ins: Any) -> None:
    """No step is rounded or leaves the integers; those beyond the last have its rate, and those below 0 that of step 0."""
    if width() == 32:
        pytest.skip("JAX without x64 ends at 2**31-1")
    for composed in COMPOSED:
        made = drop_ins.from_schedule(composed)
        first, last = composed._domain
        steps = [2**24 + 1, 2**40 + 3, 2**53 + 1, last - 1, last]
        for how, found in (("list", made(steps)), ("tensor", made(tensor(drop_ins, np.array(steps))))):
            assert_same(composed, steps, found, composed(steps), how)
        assert float(made(LAST)) == composed(last)
        if not first:
            below = [float(made(step)) for step in (-1, -(2.0**70), -math.inf, -3.5)]
            assert below == [composed(0)] * 4
        assert float(made(math.inf)) == float(made(2.0**70)) == composed(last)
        assert math.isnan(float(made(math.nan)))
    later = drop_ins.from_schedule(clr_ref.Shifted(E, -20))
    assert [float(later(step)) for step in (0, 19, 20)] == [E(0)] * 3
    sooner = drop_ins.from_schedule(clr_ref.Shifted(T, 2**62))
    assert float(sooner(LAST)) == float(sooner(tensor(drop_ins, LAST))) == T(LAST) != T(0)


def test_tensors_of_other_numbers(drop_ins: Any, api: Any) -> None:
    """Below 0, at NaN, and where a float32 holds the step but not the shifted one."""
    for composed in (COMPOSED[0], COMPOSED[3], COMPOSED[5]):
        made = drop_ins.from_schedule(composed)
        for compiled in modes(drop_ins).values():
            call = compiled(made)
            below = [call(api.tensor(step)) for step in (np.float32(-5), np.float32(-np.inf), np.int32(-5))]
            assert_same(composed, [-5] * 3, [np.asarray(rate) for rate in below], composed(np.zeros(3, int)), "below 0")
            assert math.isnan(float(call(api.tensor(np.float32(np.nan)))))
    if width() == 64:
        made = drop_ins.from_schedule(clr_ref.Shifted(T, 1))
        assert float(made(api.tensor(np.float32(2**24)))) == T(2**24 + 1)


@pytest.mark.parametrize("composed", COMPOSED, ids=repr)
def test_steps_with_a_fraction(drop_ins: Any, api: Any, composed: Any) -> None:
    made = drop_ins.from_schedule(composed)
    steps = steps_of(composed)[:-1] + 0.625
    expected = composed(steps)
    for found in (made(steps), made(api.tensor(steps.astype(np.float32)))):
        assert np.abs(np.asarray(found) - expected).max() < 1e-6


def test_around_a_schedule_of_keras(drop_ins: Any, keras: Any, api: Any) -> None:
    inside = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    warm = drop_ins.WarmUp(inside, 4, 0.25)
    counting = drop_ins.WarmUp(inside, 1, counts_warm_up=True)
    cool = drop_ins.CoolDown(drop_ins.Shifted(inside, 1), 1, 2, 0.0)
    for made, expected in (
        (warm, [0.25, 0.3125, 0.375, 0.4375, 0.5, 0.25, 0.125]),
        (counting, [0.0, 0.25, 0.125]),
        (cool, [0.25, 0.125, 0.0625, 0.0, 0.0]),
        (drop_ins.Shifted(inside, -2), [0.5, 0.5, 0.5, 0.25]),
    ):
        for compiled in modes(drop_ins).values():
            call = compiled(made)
            for kind in (np.float32, np.int32):
                assert [float(call(api.tensor(kind(step)))) for step in range(len(expected))] == expected
        assert [float(made(step)) for step in range(len(expected))] == expected
    with pytest.raises(AttributeError, match="reference"):
        _ = warm.reference


def test_they_follow_a_drop_in_whose_attributes_change(drop_ins: Any) -> None:
    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    made = drop_ins.WarmUp(drop_ins.Shifted(inside, 0), 2)
    assert [float(made(step)) for step in (0, 1, 2)] == [0.0, 0.25, 0.5]
    inside.initial_learning_rate = 0.25
    assert [float(made(step)) for step in (0, 1, 2)] == [0.0, 0.125, 0.25]


def test_traces_are_noted_with_the_numbers_of_the_drop_in_inside(drop_ins: Any, tf: Any) -> None:
    from clr_ref.keras import traces

    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    made = drop_ins.CoolDown(drop_ins.WarmUp(inside, 2), 8, 3, 0.0)
    made(tf.constant(3))
    assert not traces.was_noted(made, None)
    counter, other = tf.Variable(3), tf.Variable(4)
    with traces.unnoted():
        tf.function(lambda: made(counter))()
    assert not traces.was_noted(made, counter)
    tf.function(lambda: made(counter))()
    assert traces.was_noted(made, counter, made._made)
    assert not traces.was_noted(made, other)
    assert not traces.was_noted(made, None)
    assert not traces.was_noted(copy.copy(made), counter)
    inside.maximal_learning_rate = 2.0
    assert traces.was_noted(made, counter)
    assert not traces.was_noted(made, counter, made._made)
    tf.function(lambda: made(counter))()
    assert traces.was_noted(made, counter, made._made)
    for _ in range(3):
        tf.function(made)(tf.Variable(3))
    assert len(made.__dict__[traces.TRACES]) <= 2, "counters that are gone are forgotten"


@pytest.mark.parametrize("composed", [*COMPOSED, *WIDE], ids=repr)
def test_every_copy_is_equal(drop_ins: Any, keras: Any, composed: Any) -> None:
    if width() == 32 and composed in WIDE:
        pytest.skip("JAX without x64 has no float64")
    made = drop_ins.from_schedule(composed)
    schedules = keras.optimizers.schedules
    for again in (
        eval(repr(made), {"clr_ref": clr_ref}),
        schedules.deserialize(schedules.serialize(made)),
        type(made).from_config(made.get_config()),
        pickle.loads(pickle.dumps(made)),
        copy.deepcopy(made),
        drop_ins.from_schedule(clr_ref.from_json(composed.to_json())),
    ):
        assert again == made
        assert hash(again) == hash(made)
        assert float(again(29)) == float(made(29))
    assert made != drop_ins.from_schedule(clr_ref.Shifted(T, 99))


def test_around_tfas_arithmetic(drop_ins: Any, tf: Any) -> None:
    """The bits of TFA's formula stay, and the line leads to them."""
    inside = drop_ins.Triangular2CyclicalLearningRate(1e-3, 0.1, 3.3, arithmetic="tfa")
    made = drop_ins.WarmUp(inside, 7, 1e-4, counts_warm_up=True)
    steps = np.arange(7, 40)
    assert np.asarray(made(tf.constant(steps))).tolist() == np.asarray(inside(tf.constant(steps))).tolist()
    line = clr_ref.triangular(1e-4, float(inside(7)), 7)
    assert np.asarray(made(tf.range(7))).tolist() == line.values(0, 7).tolist()


def test_the_steps_of_an_update_are_a_whole_number(drop_ins: Any) -> None:
    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    assert drop_ins.PerUpdate(inside, np.int64(2)) == drop_ins.PerUpdate(inside, 2)
    for wrong, error in ((0, ValueError), (-1, ValueError), (1.5, ValueError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error, match="gradient_accumulation_steps must be a"):
            drop_ins.PerUpdate(inside, wrong)


def test_they_do_not_change(drop_ins: Any) -> None:
    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    for made, name in ((drop_ins.WarmUp(inside, 5), "steps"), (drop_ins.PerUpdate(inside, 5), "schedule")):
        with pytest.raises(AttributeError, match=f"^{name} of a .* cannot be set: make another one"):
            setattr(made, name, 3)
        made.note = "their own attributes can be set"


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("WarmUp", {"steps": -1}, ValueError, "steps must be a whole number 0"),
        ("WarmUp", {"steps": 2**24 + 1}, ValueError, "that float32 holds, got 16777217; the nearest is 16777216"),
        ("WarmUp", {"steps": 5, "initial_learning_rate": math.nan}, ValueError, "initial_learning_rate must be a finite"),
        ("WarmUp", {"steps": 5, "initial_learning_rate": "x"}, TypeError, "initial_learning_rate must be a real number"),
        ("WarmUp", {"steps": 5, "counts_warm_up": 0}, TypeError, "counts_warm_up must be True or False, got 0"),
        ("WarmUp", {"steps": 5, "warm_up": 0}, TypeError, "warm_up is no argument here"),
        ("Shifted", {"start": 2**63}, ValueError, "start must be a whole number -"),
        ("Shifted", {"start": -(2**63)}, ValueError, "start must be a whole number -"),
        ("Shifted", {"start": 1.5}, ValueError, "start must be a whole number -"),
        ("CoolDown", {"start": -1, "steps": 5, "final_learning_rate": 0}, ValueError, "start must be a whole number 0 "),
        ("CoolDown", {"start": LAST, "steps": 5, "final_learning_rate": 0}, ValueError, "start"),
        ("CoolDown", {"start": 5, "steps": 5, "final_learning_rate": 1e39}, ValueError, "final_learning_rate must be a finite"),
    ],
)
def test_wrong_arguments(drop_ins: Any, name: str, arguments: dict[str, Any], error: Any, message: str) -> None:
    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    with pytest.raises(error, match=message):
        getattr(drop_ins, name)(inside, **arguments)


def test_wrong_schedules_and_steps(drop_ins: Any) -> None:
    for wrong in (T, 0.1, None, math.sqrt):
        with pytest.raises(TypeError, match=r"schedule must be a Keras schedule, got .* clr_ref\.keras\.from_schedule"):
            drop_ins.WarmUp(wrong, 5)
    made = drop_ins.WarmUp(drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4), 5)
    for wrong in (True, "3", None, object()):
        with pytest.raises(TypeError, match="step must be"):
            made(wrong)


def test_variables_are_refused(drop_ins: Any, tf: Any) -> None:
    inside = drop_ins.TriangularCyclicalLearningRate(0.5, 1.0, 4)
    with pytest.raises(TypeError, match="initial_learning_rate must be a number or a tensor"):
        drop_ins.WarmUp(inside, 5, tf.Variable(0.1))


def test_an_infinite_rate_at_a_seam(drop_ins: Any) -> None:
    made = drop_ins.CoolDown(drop_ins.CyclicalLearningRate(0.0, 3e38, 4, lambda cycle: 2.0 + 0 * cycle), 4, 2, 0.0)
    with pytest.raises(ValueError, match="schedule must have a finite rate at step 4"):
        made(0)


def around(drop_ins: Any, schedule: Any) -> list[Any]:
    return [
        drop_ins.WarmUp(schedule, 3),
        drop_ins.Shifted(schedule, 2),
        drop_ins.CoolDown(drop_ins.WarmUp(schedule, 3), 9, 3, 0.0),
        drop_ins.PerUpdate(schedule, 2),
    ]


def test_autograph_leaves_the_code_of_compositions_alone(drop_ins: Any, tf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would warn of what it cannot convert, and take seconds."""
    said: list[str] = []
    monkeypatch.setattr(tf.get_logger(), "handle", lambda record: said.append(record.getMessage()))
    for made in around(drop_ins, drop_ins.ExponentialCyclicalLearningRate(1e-3, 0.1, 5, gamma=0.97)):
        found = tf.function(lambda step, made=made: made(step))(tf.range(12))
        np.testing.assert_array_equal(found, made(tf.range(12)))
    assert said == []


def test_a_schedule_of_the_user_may_have_an_if(drop_ins: Any, tf: Any, keras: Any) -> None:
    """AutoGraph converts the schedule of the user, and nothing around it."""

    class Steps(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            if step < 4:
                return 0.5
            return 0.25

        def get_config(self) -> dict[str, Any]:
            return {}

    for made in around(drop_ins, Steps()):
        expected = [float(made(step)) for step in range(14)]
        assert len(set(expected)) > 1
        for mode, compiled in modes(drop_ins).items():
            assert [float(compiled(made)(tf.constant(step))) for step in range(14)] == expected, (mode, made)
