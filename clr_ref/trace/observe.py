"""The outputs of layers and the gradients of a step, as Keras's own train function computes them.

Keras's ``train_step`` is called as ever, inside the function that Keras compiles; the tensors leave that function as further
results beside the logs. Recomputing them in another function would give the bits of another graph, and operations that save
them while the function runs would change this graph more than results do. A graph optimizer may still keep apart what it joins
without them; so a trace says whether the results are those of an untraced run.
"""

from __future__ import annotations

import contextlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from clr_ref.training.compiled import ModelError
from clr_ref.training.layers import layer_names, weight_names

#: Stage and name of a tensor, and its value.
Found = tuple[str, str, Any]
#: The key of the tensors among the logs of a step.
_KEY = "clr_ref_observed"


def observe(model: Any, receive: Callable[[list[Found]], None]) -> None:
    """Have ``receive`` called after each step of ``fit`` with the outputs of layers and the gradients, in their order.

    Args:
        model: the compiled model, before its first ``fit``.
        receive: called with the stage, ``"forward"`` or ``"gradient"``, the name and the value of each tensor.

    Raises:
        ModelError: the tensors cannot be observed; raised by ``fit``.
    """
    observation = _Observation(model)
    original = model.make_train_function

    def make_train_function(force: bool = False) -> Any:
        before = model.train_function
        with observation.of_step():  # Keras 3 reads train_step here, earlier ones while they compile the function
            original(force)
        if model.train_function is not before:
            model.train_function = _observing(model.train_function, observation, receive)
        return model.train_function

    object.__setattr__(model, "make_train_function", make_train_function)  # Keras would track an attribute


def _observing(train_function: Any, observation: _Observation, receive: Callable[[list[Found]], None]) -> Callable[[Any], Any]:
    def observed(iterator: Any) -> Any:
        with observation.of_step(), observation.of_parts():
            logs = train_function(iterator)
        if not isinstance(logs, dict):
            raise ModelError(f"the train_step of the model must return a dict with its loss, got {type(logs).__name__}")
        if _KEY not in logs:
            raise ModelError("the model has a train function of its own: its layers cannot be traced, level weights can")
        found = [_read(key, tensor) for key, tensor in sorted(logs.pop(_KEY).items())]
        if not any(stage == "gradient" for stage, _, _ in found):
            raise ModelError(
                "the train_step of the model gives its optimizer no gradients that can be seen: its layers cannot be traced, "
                "level weights can"
            )
        receive(found)
        return logs

    return observed


class _Observation:
    """Replaces ``train_step``, the calls of layers, and the optimizer's method by such that report what they compute.

    It replaces them only while the train function is made or called, so that others do not find them changed.
    """

    def __init__(self, model: Any) -> None:
        from clr_ref.keras import api

        self._tf, self._is_keras_3 = api.tensorflow(), api.IS_KERAS_3
        self._layer_class = api.keras.layers.Layer
        self._model, self._train_step = model, model.train_step
        self._names = weight_names(model)
        self._layers = {key: name for key, name in layer_names(model).items() if key != id(model)}
        self._found: list[Found] = []
        self._graph: Any = None

    @contextlib.contextmanager
    def of_step(self) -> Iterator[None]:
        """The logs of ``train_step`` hold the tensors."""

        def observed(data: Any) -> Any:
            self._found.clear()
            self._graph = None if self._tf.executing_eagerly() else self._tf.compat.v1.get_default_graph()
            logs = self._train_step(data)
            return {**logs, _KEY: _keyed(self._found)} if isinstance(logs, dict) else logs

        with _replaced(self._model, "train_step", observed):
            yield

    @contextlib.contextmanager
    def of_parts(self) -> Iterator[None]:
        """Layers report outputs, and the optimizer gradients, also while the train function is compiled."""
        call, optimizer = self._layer_class.__call__, self._model.optimizer
        name, argument = ("apply", "grads") if self._is_keras_3 else ("apply_gradients", "grads_and_vars")
        apply = getattr(optimizer, name)
        signature = inspect.signature(apply)

        def observed_call(layer: Any, *args: Any, **options: Any) -> Any:
            outputs = call(layer, *args, **options)
            if id(layer) in self._layers:
                self._add("forward", self._layers[id(layer)], outputs)
            return outputs

        def observed_apply(*args: Any, **options: Any) -> Any:
            bound = signature.bind(*args, **options)
            given = bound.arguments[argument] = list(bound.arguments[argument])  # it may be an iterator
            if self._is_keras_3:
                variables = bound.arguments.get("trainable_variables")
                pairs = list(zip(given, self._model.trainable_variables if variables is None else variables, strict=True))
            else:
                pairs = given
            for gradient, variable in pairs:
                if gradient is not None:
                    self._add("gradient", self._names.get(id(variable), "no weight of the model"), gradient)
            return apply(*bound.args, **bound.kwargs)

        self._layer_class.__call__ = observed_call
        try:
            with _replaced(optimizer, name, observed_apply):
                yield
        finally:
            self._layer_class.__call__ = call

    def _add(self, stage: str, name: str, value: Any) -> None:
        for part, tensor in _tensors(self._tf, name, value):
            # What is computed in the body of a loop cannot leave it; the layer around the loop has the result.
            if self._graph is None or tensor.graph is self._graph:
                self._found.append((stage, part, tensor))


@contextlib.contextmanager
def _replaced(place: Any, name: str, function: Any) -> Iterator[None]:
    """An attribute of one object is another; without ``__setattr__`` of Keras, which would track it."""
    before = vars(place).get(name)
    object.__setattr__(place, name, function)
    try:
        yield
    finally:
        if before is None:
            object.__delattr__(place, name)
        else:
            object.__setattr__(place, name, before)


def _tensors(tf: Any, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of an output or a gradient, each with a name."""
    if isinstance(value, tf.IndexedSlices):
        yield f"{name} (indices)", value.indices
        yield f"{name} (values)", value.values
        return
    # Keras 2 first calls the layers of a model without an input shape symbolically: what they return then has no value.
    leaves = [leaf for leaf in tf.nest.flatten(value, expand_composites=True) if isinstance(leaf, (tf.Tensor, tf.Variable))]
    for number, leaf in enumerate(leaves, 1):
        yield name if len(leaves) == 1 else f"{name} ({number})", leaf


def _keyed(found: list[Found]) -> dict[str, Any]:
    """The tensors by keys that sort in their order, which TensorFlow does not keep."""
    counts: Counter[tuple[str, str]] = Counter()
    keyed = {}
    for number, (stage, name, tensor) in enumerate(found):
        counts[stage, name] += 1
        again = f" (call {counts[stage, name]})" if counts[stage, name] > 1 else ""
        keyed[f"{number:06d} {stage} {name}{again}"] = tensor
    return keyed


def _read(key: str, tensor: Any) -> Found:
    _, stage, name = key.split(" ", 2)
    return stage, name, tensor.numpy()
