"""Restoring of everything that can be reached from a model.

A snapshot follows attributes, lists, tuples, dicts and sets, through the objects of Keras and of the user's own classes. It
keeps the values of all variables, arrays and random generators, and what each object and container refers to. So an attribute
that training creates is gone afterwards, and training creates it again as it would have done without the test.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import importlib
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clr_ref.keras import api
from clr_ref.keras.api import keras

_Restore = Callable[[], Any]

#: The attributes of objects from these packages, and from the standard library, are not followed: they are not the model's.
_CLOSED = {*sys.stdlib_module_names, "absl", "h5py", "jax", "jaxlib", "ml_dtypes", "numpy", "optree", "tensorflow", "torch"}


@contextlib.contextmanager
def unchanged(*roots: Any) -> Iterator[list[Any]]:
    """Restore all that can be reached from ``roots``, and the random state of the process, afterwards, also after an error.

    Yields the objects that can be reached.
    """
    found = _reachable([*roots, *_generators()])
    restores = [*(restore for item in found for restore in _restores(item)), _seed_generator_of_keras_3()]
    with _generator_of_torch():
        try:
            yield found
        finally:
            for restore in restores:
                restore()


def _reachable(roots: list[Any]) -> list[Any]:
    found: dict[int, Any] = {}
    waiting = list(roots)
    while waiting:
        item = waiting.pop()
        if id(item) not in found and (children := _children(item)) is not None:
            found[id(item)] = item
            waiting += children
    return list(found.values())


def _children(item: Any) -> list[Any] | None:
    """Return the objects that an item refers to, or None if it has nothing to restore."""
    if isinstance(
        item, (str, bytes, int, float, complex, type(None), type, types.ModuleType, types.FunctionType, types.MethodType)
    ):
        return None
    if _keeper(item) is not None:
        return []
    if _is_keras_variable(item):
        return [] if item._value is None else [item.value]
    children: list[Any] = []
    if isinstance(content := _content(item), dict):
        children += content.values()
    elif isinstance(content, (list, tuple, set, frozenset, collections.deque)):
        children += content
    elif not _is_open(item):
        return None
    if _is_open(item):
        children += vars(item).values()
    return children


def _content(item: Any) -> Any:
    """Return the dict inside TensorFlow's wrapper of one, or the item."""
    return item.__wrapped__ if _is_wrapper(item) and hasattr(item, "__wrapped__") else item


def _is_wrapper(item: Any) -> bool:
    return any(kind.__name__ == "TrackableDataStructure" for kind in type(item).__mro__)


def _is_open(item: Any) -> bool:
    if not hasattr(item, "__dict__") or isinstance(vars(item), types.MappingProxyType):
        return False
    return type(item).__module__.partition(".")[0] not in _CLOSED or _is_wrapper(item) or isinstance(item, _modules())


@functools.cache
def _modules() -> tuple[type, ...]:
    """Return the classes of TensorFlow and torch whose objects have variables as attributes."""
    if api.ON_TORCH:
        torch = importlib.import_module("torch")
        return (torch.nn.Module, torch.optim.Optimizer)
    return (api.tensorflow().__internal__.tracking.AutoTrackable,) if api.ON_TENSORFLOW else ()


def _restores(item: Any) -> Iterator[_Restore]:
    if (keep := _keeper(item)) is not None:
        yield keep(item)
        return
    if _is_keras_variable(item):  # the variable or tensor inside is changed in place, and restored by itself
        return
    content = _content(item)
    if isinstance(content, dict):
        yield functools.partial(_restore_dict, content, dict(content), getattr(item, "_update_snapshot", None))
    elif isinstance(content, list):
        yield functools.partial(_restore_list, content, list.__getitem__(content, slice(None)))
    elif isinstance(content, set):
        yield functools.partial(_restore_set, content, set(content))
    elif isinstance(content, collections.deque):
        yield functools.partial(_restore_deque, content, list(content))
    if _is_open(item):
        yield functools.partial(_restore_dict, vars(item), dict(vars(item)), None)


# Containers are changed through the methods of their base class, and only where they differ: those of Keras and TensorFlow
# track each element that is set, and the trackers come back by themselves.


def _restore_dict(content: dict[Any, Any], old: dict[Any, Any], then: _Restore | None) -> None:
    if list(map(id, content)) == list(map(id, old)) and _same(content.values(), old.values()):
        return
    kind = collections.OrderedDict if isinstance(content, collections.OrderedDict) else dict
    kind.clear(content)
    kind.update(content, old)
    if then is not None:
        then()


def _restore_list(content: list[Any], old: list[Any]) -> None:
    if not _same(list.__getitem__(content, slice(None)), old):
        list.__setitem__(content, slice(None), old)


def _restore_set(content: set[Any], old: set[Any]) -> None:
    if set(content) != old:
        set.clear(content)
        set.update(content, old)


def _restore_deque(content: collections.deque[Any], old: list[Any]) -> None:
    if not _same(content, old):
        content.clear()
        content.extend(old)


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _is_keras_variable(item: Any) -> bool:
    return api.IS_KERAS_3 and isinstance(item, keras.Variable)


def _keeper(item: Any) -> Callable[[Any], _Restore] | None:
    """Return a function that takes an item and returns another one, which restores its present value; None without one."""
    for kind, keep in _keepers().items():
        if isinstance(item, kind):
            return keep
    return None


@functools.cache
def _keepers() -> dict[type, Callable[[Any], _Restore]]:
    keepers: dict[type, Callable[[Any], _Restore]] = {
        np.ndarray: _array,
        np.random.Generator: lambda one: functools.partial(setattr, one.bit_generator, "state", one.bit_generator.state),
        np.random.RandomState: lambda one: functools.partial(one.set_state, one.get_state()),
        random.Random: lambda one: functools.partial(one.setstate, one.getstate()),
    }
    if api.ON_TENSORFLOW:
        keepers[api.tensorflow().Variable] = _variable
    if api.ON_JAX:
        keepers[keras.Variable] = _variable_of_jax
    if api.ON_TORCH:
        keepers[importlib.import_module("torch").Tensor] = lambda one: functools.partial(one.data.copy_, one.detach().clone())
    return keepers


def _array(array: Any) -> _Restore:
    return functools.partial(np.copyto, array, array.copy()) if array.flags.writeable else lambda: None


def _variable(variable: Any) -> _Restore:
    # A copy for each replica: assigning the mean of their values to all would change the bits of what follows.
    distributed = isinstance(variable, api.tensorflow().distribute.DistributedValues)
    kept = [(local, np.array(local.numpy())) for local in (variable.values if distributed else (variable,))]

    def restore() -> None:
        for local, value in kept:
            local.assign(value)

    return restore


def _variable_of_jax(variable: Any) -> _Restore:
    if variable._value is None:
        return lambda: None
    # The array inside is replaced, and train_function donates its buffer to JAX: hence a copy.
    return functools.partial(variable.assign, np.array(keras.ops.convert_to_numpy(variable)))


def _generators() -> list[Any]:
    """Return the generators of the process: Python's, NumPy's, and those from which TensorFlow and Keras draw seeds."""
    found = [random._inst, np.random.mtrand._rand]
    if api.ON_TENSORFLOW:
        stateful = importlib.import_module("tensorflow.python.ops.stateful_random_ops")
        context = importlib.import_module("tensorflow.python.eager.context").context()
        found += [stateful.global_generator, getattr(context, "_rng", None)]
    if not api.IS_KERAS_3:
        backend = sys.modules[keras.backend.clear_session.__module__]
        found.append(getattr(getattr(backend, "_SEED_GENERATOR", None), "generator", None))
    elif (generator := _global_state().get_global_attribute("global_seed_generator")) is not None:
        found.append(generator)
    return found


def _seed_generator_of_keras_3() -> _Restore:
    """Return a function that removes a generator that is created meanwhile, so that the next one has the same seed."""
    if not api.IS_KERAS_3:
        return lambda: None
    name = "global_seed_generator"
    return functools.partial(_global_state().set_global_attribute, name, _global_state().get_global_attribute(name))


def _global_state() -> Any:
    return importlib.import_module("keras.src.backend.common.global_state")


@contextlib.contextmanager
def other_kernels() -> Iterator[None]:
    """Use other seeds meanwhile: in eager mode, the kernel of each seed has the state of TensorFlow's random operations."""
    if not api.ON_TENSORFLOW:
        yield
        return
    context = vars(importlib.import_module("tensorflow.python.eager.context").context())
    own = {name: context[name] for name in ("_seed", "_rng") if name in context}
    seed = int(not own.get("_seed"))
    try:
        context.update(_seed=seed, _rng=random.Random(seed))
        yield
    finally:
        context.pop("_rng")
        context.update(own)


def _generator_of_torch() -> Any:
    """Restore torch's own generator: on torch, Keras draws dropout from it, also if the layer has a seed."""
    return importlib.import_module("torch").random.fork_rng() if api.ON_TORCH else contextlib.nullcontext()
