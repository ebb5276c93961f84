"""The form of the store's JSON files: the schemas in docs/schema, which other languages read too, and a check against them.

jsonschema would make ``clr-ref verify`` three times slower and a dependency heavier. This check knows the keywords that the
schemas use, and no others; a test compares it with jsonschema.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path
from typing import Any

from clr_ref._inputs import shown
from clr_ref.golden.files import read_text

#: What reading a file of another form raises.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_TYPES: dict[str, tuple[Any, str]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
}


def load_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: not JSON, nested too deep, or a key stands twice in one object: a reader of the file sees one, and Python
            the other. Also no regular file, or one that is too large.
        OSError: it cannot be read.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError(f"a key stands twice: {', '.join(key for key, _ in pairs)}")
        return dict(pairs)

    def no_json(text: str) -> Any:
        raise ValueError(f"{text} is no JSON")

    text = read_text(path)
    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=no_json)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _SURROGATE.search(text):
        json.dumps(data, ensure_ascii=False).encode()  # half of a pair is no text, and could not be printed
    return data


@functools.cache
def schema(name: str) -> Any:
    """A schema by its name: in the wheel, or in docs/ of a checkout."""
    packaged = Path(__file__).parent / "schema"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "docs" / "schema"
    return json.loads((folder / f"{name}.schema.json").read_text("utf-8"))


def check(data: Any, form: Any, where: str = "", root: Any = None) -> None:
    """Check that JSON data has a form.

    Args:
        data: what was read.
        form: a JSON Schema, or a part of one.
        where: the path to the data, for the message.
        root: the whole schema that ``$ref`` refers to; by default ``form``.

    Raises:
        ValueError: it has not; the message says where, what is required and what is there.
    """
    root = form if root is None else root
    if "$ref" in form:
        form = root["$defs"][form["$ref"].rpartition("/")[2]]
    if "oneOf" in form:
        check(data, _choose(data, form["oneOf"], root), where, root)
        return
    required = _requirement(data, form)
    if required:
        text = shown(data)
        raise ValueError(f"{where or 'the file'} must be {required}, got {text if len(text) < 80 else text[:76] + ' ...'}")
    if isinstance(data, dict):
        _check_fields(data, form, where, root)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            label = item["id"] if isinstance(item, dict) and "id" in item else number
            check(item, form["items"], f"{where}: {label}", root)
    if "if" in form:
        check(data, form["then" if _holds(data, form["if"], root) else "else"], where, root)


def _check_fields(data: dict[str, Any], form: Any, where: str, root: Any) -> None:
    known, others = form.get("properties", {}), form.get("additionalProperties", True)
    wrong = [f"unknown field {name!r}" for name in sorted(data.keys() - known) if others is False]
    wrong += [f"missing field {name!r}" for name in form.get("required", ()) if name not in data]
    if wrong:
        raise ValueError(f"{where}: {', '.join(wrong)}" if where else ", ".join(wrong))
    for name, value in data.items():
        inner = known.get(name, others)
        if inner is not True:
            check(value, inner, f"{where}: {name}" if where else name, root)


def _choose(data: Any, alternatives: list[Any], root: Any) -> Any:
    """The alternative whose fields are all there, else the last: its problems are then the most likely ones."""
    for form in alternatives[:-1]:
        fields = root["$defs"][form["$ref"].rpartition("/")[2]]["required"]
        if isinstance(data, dict) and data.keys() >= set(fields):
            return form
    return alternatives[-1]


def _holds(data: Any, form: Any, root: Any) -> bool:
    try:
        check(data, form, root=root)
    except ValueError:
        return False
    return True


def _requirement(data: Any, form: Any) -> str | None:
    """What the form requires of the value itself, without its parts, where the value is not that."""
    if "const" in form:
        same = type(data) is type(form["const"]) and data == form["const"]  # True is no 1
        return None if same else repr(form["const"])
    if "enum" in form:
        return None if isinstance(data, str) and data in form["enum"] else " or ".join(map(repr, form["enum"]))
    if "type" not in form:
        return None
    kind, words = _TYPES[form["type"]]
    if not isinstance(data, kind) or isinstance(data, bool) != (kind is bool):
        return words
    if kind is bool:
        return None
    if isinstance(data, (int, float)):
        if abs(data) > sys.float_info.max:  # a reader in another language would make infinity of it
            return f"{words} of float64"
        if not form.get("minimum", data) <= data <= form.get("maximum", data):
            return f"{words} from {form['minimum']}" + (f" to {form['maximum']}" if "maximum" in form else "")
        return None
    low = form.get({"object": "minProperties", "array": "minItems", "string": "minLength"}[form["type"]], 0)
    if not low <= len(data) <= form.get("maxItems", len(data)):
        return f"{words} of {form['maxItems']}" if "maxItems" in form else f"{words} that is not empty"
    if "pattern" in form and not re.fullmatch(form["pattern"], data):
        return str(form["description"])
    if form.get("uniqueItems") and len({json.dumps(item) for item in data}) < len(data):
        return f"{words} without repetitions"
    return None
