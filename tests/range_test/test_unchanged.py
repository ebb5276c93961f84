"""What ``state.unchanged`` restores in objects, without a training."""

from __future__ import annotations

import argparse
import collections
import contextlib
import email.message
import random
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.range_test.probe import needs_keras

pytestmark = [needs_keras, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def state() -> Any:
    from clr_ref.range_test import state

    return state


@pytest.fixture
def tf() -> Any:
    from clr_ref.keras import api

    if api.BACKEND != "tensorflow":
        pytest.skip("these are TensorFlow's objects")
    return api.tensorflow()


class Holder:
    """An object of a user's class."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


ONE, OTHER = Holder(), Holder()


@pytest.mark.parametrize(
    "new",
    [
        {},
        {"a": ONE},
        {"a": ONE, "b": ONE},
        {"a": OTHER, "b": ONE, "c": ONE},
        {"b": OTHER, "a": ONE},
        {"a": ONE, "c": OTHER},
        {"b": ONE, "a": OTHER},
    ],
)
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict])
def test_a_dict_has_its_keys_in_their_order_and_its_values(state: Any, kind: type[Any], new: dict[str, Any]) -> None:
    held = kind(a=ONE, b=OTHER)
    with state.unchanged([held]):
        held.clear()
        held.update(new)
    assert list(held.items()) == [("a", ONE), ("b", OTHER)]


@pytest.mark.parametrize("new", [[], [ONE], [OTHER, ONE], [ONE, OTHER, ONE]])
@pytest.mark.parametrize("kind", [list, collections.deque])
def test_a_sequence_has_its_items_in_their_order(state: Any, kind: type[Any], new: list[Any]) -> None:
    held = kind([ONE, OTHER])
    with state.unchanged(Holder(inside=(held,))):
        held.clear()
        held.extend(new)
    assert list(held) == [ONE, OTHER]


def test_items_are_compared_as_objects(state: Any) -> None:
    """An equal object has a state of its own."""
    first, equal = [1.5], [1.5]
    held, named, queue = [first], {"a": first}, collections.deque([first])
    with state.unchanged(held, named, queue):
        held[0] = named["a"] = queue[0] = equal
    assert held[0] is named["a"] is queue[0] is first


@pytest.mark.parametrize("new", [set(), {1}, {1, 3}, {1, 2, 3}])
def test_a_set_has_its_items(state: Any, new: set[int]) -> None:
    held = {1, 2}
    with state.unchanged(held):
        held.clear()
        held.update(new)
    assert held == {1, 2}


def test_containers_that_are_as_before_are_not_written(state: Any) -> None:
    class Quiet(set[int]):
        def update(self, *others: Any) -> None:
            pytest.fail("written")

    class Named(dict[str, int]):
        def _update_snapshot(self) -> None:
            pytest.fail("written")

    class Queue(collections.deque[int]):
        def extend(self, items: Any) -> None:
            pytest.fail("written")

    with state.unchanged(Quiet({1}), Named(a=1, b=2), Queue([1])):
        pass


def test_an_attribute_that_is_new_is_gone_afterwards(state: Any) -> None:
    inner = Holder(number=1)
    outer = Holder(inner=inner, named={"a": [inner]}, frozen=frozenset([ONE]))
    with contextlib.suppress(KeyboardInterrupt), state.unchanged(outer):
        outer.new, inner.number = 1, 2
        outer.named["a"].append(3)
        raise KeyboardInterrupt
    assert set(vars(outer)) == {"inner", "named", "frozen"}
    assert (inner.number, outer.named) == (1, {"a": [inner]})


def test_what_is_reached_is_yielded_once(state: Any) -> None:
    inside = Holder()
    circle = [inside]
    inside.circle = circle
    with state.unchanged(circle, 1, "a", None, Holder, types, print, len) as found:
        assert [item for item in found if item is inside or item is circle] in ([inside, circle], [circle, inside])
        assert not any(item is kind for kind in (Holder, types) for item in found)


@pytest.mark.parametrize("make", [argparse.Namespace, email.message.Message], ids=["module", "module in a package"])
def test_objects_of_the_standard_library_are_not_followed(state: Any, make: Any) -> None:
    theirs = make()
    theirs.new = 1
    with state.unchanged(Holder(theirs=theirs)):
        theirs.new = 2
    assert theirs.new == 2


def test_an_object_with_attributes_of_its_class_is_not_followed(state: Any) -> None:
    class Odd:
        attributes: Any = {"a": 1}  # noqa: RUF012
        __dict__ = property(lambda self: types.MappingProxyType(self.attributes))  # type: ignore[assignment]

    with state.unchanged(Odd()):
        Odd.attributes["a"] = 2
    assert Odd.attributes == {"a": 2}


def test_arrays_and_generators_have_their_values(state: Any) -> None:
    array, fixed = np.arange(3.0), np.arange(3.0)
    fixed.flags.writeable = False
    own = [random.Random(1), np.random.default_rng(1), np.random.RandomState(1)]
    everyones = [random, np.random]
    twice = []
    for _ in range(2):
        with state.unchanged(Holder(array=array, fixed=fixed, own=own)):
            array += 1
            twice.append([generator.random() for generator in (*own, *everyones)])
    assert array.tolist() == fixed.tolist() == [0, 1, 2]
    assert twice[0] == twice[1]


def test_seeds_that_keras_draws_are_the_same_again(state: Any) -> None:
    """Whether its generator of seeds exists before, or comes meanwhile."""
    from clr_ref.keras.api import IS_KERAS_3, keras

    if not IS_KERAS_3:
        pytest.skip("the global generator of seeds came with Keras 3")
    for seeded in (True, False):
        keras.backend.clear_session()
        if seeded:
            keras.utils.set_random_seed(3)
            keras.random.normal((2,))
        twice = []
        for _ in range(2):
            if not seeded:
                random.seed(4)  # from which the new generator is seeded
            with state.unchanged():
                twice.append(np.array(keras.ops.convert_to_numpy(keras.random.normal((2,)))).tolist())
        assert twice[0] == twice[1]


def test_a_variable_of_keras_3_has_its_value(state: Any) -> None:
    from clr_ref.keras import api

    if not api.IS_KERAS_3:
        pytest.skip("the variables of Keras 2 are TensorFlow's")
    variable, empty = api.keras.Variable([1.0, 2.0]), api.keras.Variable(3.0)
    empty._value = None
    with state.unchanged(Holder(variable=variable, empty=empty)) as found:
        assert any(item is variable.value for item in found) is not api.ON_JAX
        assert any(item is empty for item in found)
        variable.assign([3.0, 4.0])
    assert np.array(api.keras.ops.convert_to_numpy(variable)).tolist() == [1, 2]
    assert empty._value is None


def test_a_variable_whose_array_is_replaced_has_its_value(state: Any) -> None:
    """As on JAX; the other backends can do it too."""
    from clr_ref.keras import api

    if not api.IS_KERAS_3:
        pytest.skip("the variables of Keras 2 are TensorFlow's")
    variable, empty = api.keras.Variable([1.0, 2.0]), api.keras.Variable(3.0)
    empty._value = None
    restores = [state._variable_of_jax(one) for one in (variable, empty)]
    variable.assign([3.0, 4.0])
    for restore in restores:
        restore()
    assert np.array(api.keras.ops.convert_to_numpy(variable)).tolist() == [1, 2]
    assert empty._value is None


def test_variables_and_containers_of_tensorflow_have_their_values(state: Any, tf: Any, tmp_path: Path) -> None:
    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.listed, self.named = [tf.Variable(1.0)], {"a": tf.Variable(2.0), "b": [3]}

    module = Module()
    listed, named, generator = module.listed, module.named, tf.random.Generator.from_seed(3)
    before = generator.state.numpy().tolist()
    with state.unchanged(Holder(module=module, generator=generator)):
        listed[0].assign(5.0)
        named["a"].assign(6.0)
        named["b"].append(4)
        listed.append(tf.Variable(7.0))
        named["c"] = tf.Variable(8.0)
        module.new = 1
        generator.normal((2,))
    assert [float(one) for one in listed] == [1]
    assert list(named) == ["a", "b"]
    assert (float(named["a"]), list(named["b"])) == (2, [3])
    assert not hasattr(module, "new")
    assert generator.state.numpy().tolist() == before
    tf.train.Checkpoint(module=module).write(str(tmp_path / "saved"))  # which raises if a dict was changed behind its back


def test_the_generators_of_tensorflow_have_their_states(state: Any, tf: Any) -> None:
    """The one that users draw from, and the one from which operations without a seed draw theirs."""
    from tensorflow.python.eager import context

    tf.random.set_seed(3)
    tf.random.get_global_generator().normal(())
    twice = []
    for _ in range(2):
        with state.unchanged():
            seed = context.context()._internal_operation_seed()
            twice.append((seed, float(tf.random.get_global_generator().normal(()))))
    assert twice[0] == twice[1]


@pytest.mark.parametrize("seed", [None, 0, 1, 5])
def test_other_kernels_have_another_seed_meanwhile(state: Any, tf: Any, seed: int | None) -> None:
    from tensorflow.python.eager import context

    tf.random.set_seed(seed) if seed is not None else vars(context.context()).update(_seed=None)
    own = vars(context.context())["_rng"] if seed is not None else None
    with contextlib.suppress(KeyboardInterrupt), state.other_kernels():
        assert vars(context.context())["_seed"] not in (seed, None)
        assert vars(context.context())["_rng"] is not own
        raise KeyboardInterrupt
    assert vars(context.context())["_seed"] == seed
    assert seed is None or vars(context.context())["_rng"] is own
