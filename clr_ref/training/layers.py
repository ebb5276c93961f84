"""The names of the layers and weights of a model, each of which belongs to one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def layer_names(model: Any) -> dict[int, str]:
    """The name of each layer of a Keras model by its ``id``, and that of the model itself.

    Layers that would have one name, such as those of two blocks, have their whole paths. If these are equal too, the later ones
    are numbered.
    """
    paths: dict[int, tuple[str, ...]] = {id(model): (model.name,)}

    def walk(layer: Any, path: tuple[str, ...]) -> None:
        for inner in layer._flatten_layers(recursive=False, include_self=False):
            if id(inner) not in paths:
                paths[id(inner)] = (*path, inner.name)
                walk(inner, paths[id(inner)])

    walk(model, ())
    return _distinct(paths, 1)


def weight_names(model: Any) -> dict[int, str]:
    """The name of each weight by its ``id``: with that of its layer, such as ``dense/kernel``, in all generations of Keras.

    Where two weights would have one name, both have their whole paths. If these are equal too, the later ones are numbered.
    """
    paths = {id(one): (getattr(one, "path", None) or one.name).split(":")[0].split("/") for one in model.weights}
    return _distinct(paths, 2)


def _distinct(paths: Mapping[int, Sequence[str]], parts: int) -> dict[int, str]:
    """The last parts of each path; the whole path where others have the same parts, and a number where it is the same too."""
    short = {key: "/".join(path[-parts:]) for key, path in paths.items()}
    counts, seen, names = Counter(short.values()), Counter[str](), {}
    for key, path in paths.items():
        name = short[key] if counts[short[key]] == 1 else "/".join(path)
        seen[name] += 1
        names[key] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names
