"""The results of one run of ``clr-ref bench``, and their JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from clr_ref._files import json_text
from clr_ref._inputs import is_finite
from clr_ref.bench.figures import Figure
from clr_ref.bench.train_steps import Overhead

FORMAT = 1
#: Names are drawn by matplotlib, which takes "$" for a formula, and printed on terminals.
_NAME = re.compile(r"[\w .,:;()+/=-]{1,100}", re.ASCII)

T = TypeVar("T", Figure, Overhead)


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of one run.

    ``missing`` gives the reason for each contender that is not installed. ``harness`` and ``training`` are empty unless they
    were measured too.
    """

    machine: Mapping[str, str]
    figures: tuple[Figure, ...]
    missing: Mapping[str, str]
    harness: Mapping[str, float] = dataclasses.field(default_factory=dict)
    training: tuple[Overhead, ...] = ()

    def to_json(self) -> str:
        """The report as one JSON object, on lines of its own."""
        return json_text({"format": FORMAT, **dataclasses.asdict(self)}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that ``to_json`` wrote.

        Raises:
            ValueError: the text is not JSON of that form; the message names the field.
        """
        try:
            data = _object("the document", json.loads(text))
            if data.get("format") != FORMAT:
                raise ValueError(f"format must be {FORMAT}, got {_short(data.get('format'))}")
            return cls(
                machine=_mapping("machine", data.get("machine"), str),
                figures=_records(Figure, "figures", data.get("figures")),
                missing=_mapping("missing", data.get("missing"), str),
                harness=_mapping("harness", data.get("harness", {}), float),
                training=_records(Overhead, "training", data.get("training", [])),
            )
        except RecursionError:
            raise ValueError("not a report of clr-ref bench: it is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"not a report of clr-ref bench: {error}") from None


def _records(kind: type[T], place: str, data: Any) -> tuple[T, ...]:
    if not isinstance(data, list):
        raise ValueError(f"{place} must be a list, got {_short(data)}")
    return tuple(_record(kind, f"{place}[{index}]", one) for index, one in enumerate(data))


def _record(kind: type[T], place: str, data: Any) -> T:
    given = _object(place, data)
    hints = get_type_hints(kind)
    if unknown := sorted(given.keys() - hints.keys()):
        raise ValueError(f"{place} has an unknown field {_short(unknown[0])}")
    values = {}
    for field in dataclasses.fields(kind):
        if field.name not in given and field.default is dataclasses.MISSING:
            raise ValueError(f"{place} has no {field.name}")
        value = given.get(field.name, field.default)
        if value is not None or field.default is not None:
            value = _value(f"{place}.{field.name}", value, hints[field.name])
        values[field.name] = value
    return kind(**values)


def _value(place: str, value: Any, kind: Any) -> Any:
    """A value of the field of a record: a name, a number of steps, or a measured number."""
    if kind is str:
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError(f"{place} must be a name of at most 100 letters, digits and usual signs, got {_short(value)}")
        return value
    if kind is int:
        if type(value) is not int or not 1 <= value < 2**63:
            raise ValueError(f"{place} must be a whole number from 1 to 2**63 - 1, got {_short(value)}")
        return value
    number = _number(place, value)
    # What is divided by a ratio, or shown in a picture whose axes are logarithmic.
    if place.endswith((".ratio", ".low", ".high", ".median")) and place.startswith("figures") and not number > 0:
        raise ValueError(f"{place} must be greater than 0, got {_short(value)}")
    return number


def _number(place: str, value: Any) -> float:
    if not is_finite(value):
        raise ValueError(f"{place} must be a finite number, got {_short(value)}")
    return float(value)


def _mapping(place: str, value: Any, kind: type) -> dict[str, Any]:
    given = _object(place, value)
    if kind is float:
        return {name: _number(f"{place}[{_short(name)}]", number) for name, number in given.items()}
    if wrong := [name for name, text in given.items() if not (isinstance(text, str) and f"{name}{text}".isprintable())]:
        raise ValueError(f"{place}[{_short(wrong[0])}] must be printable text, got {_short(given[wrong[0]])}")
    return given


def _object(place: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} must be an object, got {_short(value)}")
    return value


def _short(value: Any) -> str:
    """A value of any kind in few ASCII characters."""
    if isinstance(value, (dict, list)):  # repr of a deep one would exceed Python's recursion limit
        return {dict: "an object", list: "a list"}[type(value)]
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**20 else "a huge whole number"
    return text if len(text) <= 40 else f"{text[:37]}..."
