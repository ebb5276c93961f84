"""An argument of an optimizer that may be a schedule, as its learning rate may: a weight decay, a momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_ref._inputs import shown
from clr_ref.keras.api import keras
from clr_ref.keras.optimizers import is_schedule


def checked(name: str, value: Any, accepted: str = "a number") -> Any:
    """Return a schedule as it is, and a number as a float.

    Raises:
        TypeError: neither of them. The message names the argument and what it accepts.
    """
    if is_schedule(value):
        return value
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be {accepted} or a Keras schedule, got {shown(value)}")
    return float(value)


def at(value: Any, iterations: Any) -> Any:
    """Return a number, or the tensor that a schedule returns for this many updates."""
    return value(iterations) if is_schedule(value) else value


def to_config(value: Any) -> Any:
    """Return a number, or the config of a schedule instead of its present value."""
    return keras.optimizers.schedules.serialize(value) if is_schedule(value) else value


def from_config(config: Mapping[str, Any], name: str, custom_objects: Any) -> dict[str, Any]:
    """Return the config of an optimizer, in which the argument ``name`` is a schedule again if it was one."""
    config = dict(config)
    if isinstance(config.get(name), dict):
        config[name] = keras.optimizers.schedules.deserialize(config[name], custom_objects)
    return config
