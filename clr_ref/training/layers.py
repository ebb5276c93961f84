"""The names of the layers inside of a model, each of which belongs to one layer."""

from __future__ import annotations

from collections import Counter
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
    counts, seen, names = Counter(path[-1] for path in paths.values()), Counter[str](), {}
    for key, path in paths.items():
        name = path[-1] if counts[path[-1]] == 1 else "/".join(path)
        seen[name] += 1
        names[key] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names
