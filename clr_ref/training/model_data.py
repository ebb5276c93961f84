"""What a compiled model is, as a JSON value: a run is resumed only with an equal one."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from clr_ref.training.compiled import optimizer_data

#: Where the config of a model refers to layers and operations by their names.
_REFERENCES = ("inbound_nodes", "input_layers", "output_layers")


def model_data(model: Any) -> dict[str, Any]:
    """The architecture of a model, the shapes of its weights, its loss, and its optimizer with the rate.

    Keras numbers the names of layers in each process, so their places stand for them. The code of a lambda is left out, since
    Python may store the same code in other bytes. An object without a config is its class.
    """
    from clr_ref.keras import optimizers

    config = _config(model)
    names = {name: f"layer {place}" for place, name in enumerate(dict.fromkeys(_names(config)))}
    applying = optimizers.applying(model.optimizer)
    rate = optimizers.rate_of(applying)
    losses = (getattr(model, name, None) for name in ("_compile_loss", "compiled_loss"))
    return {
        "layers": _data(config, names),
        "shapes": [list(map(int, weight.shape)) for weight in model.weights],
        "loss": _data(getattr(model, "loss", None), names, refers=True),
        "loss_weights": _data(next((one._user_loss_weights for one in losses if one is not None), None), names, refers=True),
        "optimizer": optimizer_data(model.optimizer),
        "without_decay": _without_decay(applying),
        "rate": _data(rate, names)
        if optimizers.is_schedule(rate)
        else optimizers.rate_at(applying, compiled=False, jit=False)(0),
    }


def _config(value: Any) -> Any:
    """The config of a Keras object, or None: that of a model of one's own may need its author to write it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lambdas, which cannot be loaded from a config
            return value.get_config()
    except Exception:
        return None


def _names(config: Any) -> Iterator[str]:
    """All names in a config, such as those of layers and operations, in a fixed order."""
    if isinstance(config, Mapping):
        if "name" in config:
            yield config["name"]
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for one in config:
            yield from _names(one)


def _data(value: Any, names: Mapping[str, str], *, refers: bool = False) -> Any:
    """A value of a config as JSON; with ``refers``, a text or a key may be the name of a layer."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__lambda__":
            return "lambda"
        dropped = {"name", "shared_object_id", *(["function"] if "function_type" in value else [])}
        return {
            names.get(key, key) if refers else str(key): _data(one, names, refers=refers or key in _REFERENCES)
            for key, one in value.items()
            if key not in dropped
        }
    if isinstance(value, (list, tuple)):
        return [_data(one, names, refers=refers) for one in value]
    if isinstance(value, str):
        return names.get(value, value) if refers else value
    if isinstance(value, (bool, int, float, type(None))):
        return value
    kind = value if callable(value) and hasattr(value, "__qualname__") else type(value)
    return {"class": kind.__qualname__, **({"config": _data(_config(value), names)} if hasattr(value, "get_config") else {})}


def _without_decay(optimizer: Any) -> list[str]:
    """The names of variables whose weights an optimizer does not let decay."""
    pattern = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)  # a set of names, joined in any order
    before_keras_3 = getattr(optimizer, "_exclude_from_weight_decay_names", None)
    return sorted(pattern.pattern.split("|") if isinstance(pattern, re.Pattern) else before_keras_3 or [])
