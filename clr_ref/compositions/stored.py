"""Schedules and compositions from JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from clr_ref._inputs import from_hex, parsed_json, shown
from clr_ref.compositions.base import Composition, Schedule
from clr_ref.compositions.cool_down import CoolDown
from clr_ref.compositions.shifted import Shifted
from clr_ref.compositions.warm_up import WarmUp
from clr_ref.schedule import CyclicalLearningRate, check_stored

#: The compositions by the names that JSON has.
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (WarmUp, Shifted, CoolDown)}


def from_json(text: str) -> Schedule:
    """Return the schedule or composition that ``to_json`` wrote.

    Args:
        text: the JSON that ``to_json`` of any of them returned.

    Returns:
        An object of the class that was written, equal to it.

    Raises:
        ValueError: a text that ``to_json`` does not write; the name of a scale function that is not registered. The message
            names the field.

    Examples:
        >>> import clr_ref
        >>> schedule = clr_ref.WarmUp(clr_ref.triangular(0.5, 1.0, 10), steps=4)
        >>> clr_ref.from_json(schedule.to_json()) == schedule
        True
    """
    try:
        return _from_data(parsed_json(text))
    except RecursionError:
        raise ValueError("text must be JSON that to_json returned, got one that is nested too deep") from None


def _from_data(data: Any) -> Schedule:
    if not isinstance(data, dict) or "class" not in data:
        return CyclicalLearningRate._from_data(data)
    name = data["class"]
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f"class must be one of {', '.join(KINDS)}, got {shown(name)}")
    fields = [field.name for field in dataclasses.fields(KINDS[name])]
    if set(data) != {"class", *fields}:
        raise ValueError(f"text must have exactly the fields class, {', '.join(fields)} for {name}, got {shown(list(data))}")
    made: Composition = KINDS[name](**{field: _field(field, data[field]) for field in fields})
    values = {field: getattr(made, field) for field in fields}
    check_stored(data, {field: value.hex() for field, value in values.items() if isinstance(value, float)})
    return made


def _field(name: str, value: Any) -> Any:
    if name == "schedule":
        return _from_data(value)
    if name.endswith("learning_rate"):
        return from_hex(name, value)
    kind = bool if name == "counts_warm_up" else int
    if type(value) is not kind:
        raise ValueError(f"{name} must be {'true or false' if kind is bool else 'a whole number'}, got {shown(value)}")
    return value
