"""Each field of each JSON document of a store is checked: one that is removed, added or has another type is a problem."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import store as golden
from tests.golden import synthetic
from tests.golden.synthetic import SECOND

TRAINED, APPLIED = "tf-2.15.1_tf.keras-2.15.1", "tf-2.15.1_tfa-0.23.0"
DOCUMENTS = ["cases.json", f"records/{SECOND}.json", f"training/{TRAINED}.json", f"applied/{APPLIED}.json"]
#: What a field is replaced by, if it is of another type. The last ones are right JSON, but no right number or text.
OTHERS: list[Any] = [None, True, 1, 1.5, "", "x", [], {}, [[0, 1]], {"error": {}}, {"hex": "0x1p+0"}, -1, 10**400, float("inf")]
#: The only fields that may be any text.
ANY_TEXT = [
    r".*/note",
    r"flags/[^/]*",
    r"provenance/(numpy|python|os|cpu/(machine|model|flags/\d+|caches/.*))",
    r"provenance/versions/(numpy|python|clr_ref|os|keras)",
    r".*/error(/(class|message|\d))?",
    r"behaviours/[^/]*/outcome",
    r"history/\d+/reason",
]
#: What may be left out: the elements of open lists and objects.
MAY_BE_LEFT_OUT = [
    r"provenance/cpu/(flags|caches)/.*",
    r"provenance/versions/(numpy|python|clr_ref|os|keras)",
    r"behaviours/.*",
    r"runs/[^/]*",
    r"runs/[^/]*/(rates|epochs)/\d+",
    r"cases/\d+/flags/\d+",
    r"flags/[^/]*",
    r"history(/\d+)?",
]


def matches(path: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def places(data: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field and element with its path: its container and its key."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        inner = f"{path}/{key}" if path else str(key)
        yield inner, data, key
        yield from places(data[key], inner)


def means_the_same(path: str, value: Any, other: Any) -> bool:
    """Whether another value is as right as the stored one: no check can tell the two."""
    if isinstance(value, str) and isinstance(other, str):
        return value == other or (matches(path, ANY_TEXT) and (other != "" or path.endswith("message")))
    if type(value) in (int, float) and type(other) in (int, float):
        return 0 <= other <= 2  # below 0, and beyond float64, is nothing that is stored
    return type(value) is type(other)


@pytest.fixture
def full(folder: Path) -> Path:
    """A sound store with a document of each kind, of which lists are short."""
    history = [{"reason": "a test", "replaced_sha256": "0" * 64}]
    for kind, name in (("training", TRAINED), ("applied", APPLIED)):
        document = json.loads((golden.default_folder() / kind / f"{name}.json").read_text("utf-8"))
        document["history"] = history
        document["provenance"]["cpu"]["flags"] = document["provenance"]["cpu"]["flags"][:2]
        document["runs"] = dict(list(document["runs"].items())[:2])
        for run in document["runs"].values():
            run["rates"] = run["rates"][:2] if "rates" in run else run.get("rates")
            if run["rates"] is None:
                del run["rates"]
        synthetic.write_json(folder / kind / f"{name}.json", document)
    synthetic.edit(folder / "records" / f"{SECOND}.json", lambda data: data.update(history=history))
    synthetic.renew_sums(folder)
    assert golden.problems(folder) == []
    return folder


def mutations(document: Any, draw: random.Random) -> Iterator[tuple[str, Any]]:
    """Each field with values of other types, removed, and with another one beside it; with what was done."""
    for path, _, key in list(places(document)):
        kinds = [*OTHERS, "removed", "beside"]
        for other in draw.sample(kinds, 2):
            changed = copy.deepcopy(document)
            container, _ = next((c, k) for p, c, k in places(changed) if p == path)
            value = container[key]
            if other == "removed":
                if matches(path, MAY_BE_LEFT_OUT):
                    continue
                del container[key]
            elif other == "beside":
                if not isinstance(value, dict) or matches(path, ["flags", "behaviours", "provenance/(versions|cpu/caches)"]):
                    continue
                value["surplus"] = None
            else:
                if means_the_same(path, value, other):
                    continue
                container[key] = other
            yield f"{path}: {other!r}"[:200], changed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_checked(full: Path, name: str) -> None:
    path = full / name
    document = json.loads(path.read_text("utf-8"))
    missed, tried = [], 0
    for what, changed in mutations(document, random.Random(7)):
        path.write_text(json.dumps(changed), "utf-8")
        synthetic.renew_sums(full)
        found = golden.problems(full)
        tried += 1
        missed += [] if found else [what]
        assert all(len(problem) < 1_000 for problem in found)
    assert not missed, f"{len(missed)} of {tried}: {missed}"
    assert tried > 50
