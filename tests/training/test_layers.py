"""Each layer of a model has a name of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from clr_ref.training.layers import layer_names


@dataclasses.dataclass(eq=False)
class Layer:
    """What ``layer_names`` calls of a Keras layer."""

    name: str
    inner: list[Layer] = dataclasses.field(default_factory=list)

    def _flatten_layers(self, recursive: bool, include_self: bool) -> Iterator[Layer]:
        assert (recursive, include_self) == (False, False)
        return iter(self.inner)


def test_layers_of_one_name_have_their_paths() -> None:
    first, second, alone, shared = Layer("dense"), Layer("dense"), Layer("alone"), Layer("shared")
    twins = Layer("twin"), Layer("twin")
    blocks = Layer("one", [first, shared]), Layer("two", [second, alone, shared, *twins])
    model = Layer("model", [*blocks])
    names = layer_names(model)
    expected = {
        model: "model",
        blocks[0]: "one",
        blocks[1]: "two",
        first: "one/dense",
        second: "two/dense",
        alone: "alone",
        shared: "shared",
        twins[0]: "two/twin",
        twins[1]: "two/twin (2)",
    }
    assert names == {id(layer): name for layer, name in expected.items()}


def test_a_layer_that_holds_its_model_ends() -> None:
    inner = Layer("inner")
    model = Layer("model", [inner])
    inner.inner.append(model)
    assert layer_names(model) == {id(model): "model", id(inner): "inner"}
