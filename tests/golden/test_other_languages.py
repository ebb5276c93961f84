"""The golden store without Python: its JSON has a schema, and an implementation in C certifies itself from its files."""

from __future__ import annotations

import copy
import functools
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clr_ref.golden import form, store as golden

ROOT = Path(__file__).parents[2]
GOLDEN = golden.default_folder()
SCHEMAS = ["cases", "record", "training", "applied"]


@functools.cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "schema" / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def keywords(schema: Any) -> set[str]:
    """The keywords of a schema, without the names of fields and definitions."""
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    if not isinstance(schema, dict):
        return set()
    names = {"properties", "$defs"}
    inner = [
        keywords(list(value.values())) if key in names else keywords(value) for key, value in schema.items() if key != "enum"
    ]
    return set(schema).union(*inner)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_reader_knows_every_keyword_of_the_schemas(name: str) -> None:
    """It would pass over another one, and accept what the schema refuses."""
    of_objects = {"properties", "required", "additionalProperties", "minProperties"}
    of_lists = {"items", "minItems", "maxItems", "uniqueItems"}
    of_values = {"type", "const", "enum", "minLength", "pattern", "minimum", "maximum"}
    others = {"$ref", "$defs", "oneOf", "if", "then", "else", "$schema", "title", "description"}
    schema = form.schema(name)
    assert keywords(schema) <= of_objects | of_lists | of_values | others
    without_description = [
        part for part in [schema, *schema["$defs"].values()] if "pattern" in part and "description" not in part
    ]
    assert without_description == []


def agree(name: str, document: Any) -> bool:
    """Whether a document has the form of a schema, on which the reader of the store and jsonschema agree."""
    try:
        form.check(document, form.schema(name))
        accepted = True
    except ValueError:
        accepted = False
    assert validator(f"{name}.schema.json").is_valid(document) == accepted
    return accepted


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_store_follows_its_schemas(name: str) -> None:
    """One file of each kind with jsonschema, which is slow; the reader checks them all."""
    path = GOLDEN / "cases.json" if name == "cases" else sorted(GOLDEN.glob(f"{name.removesuffix('s')}*/*.json"))[-1]
    assert agree(name, load(path))


def shortened(document: Any) -> Any:
    """The document with the first entries alone of long lists and objects: jsonschema is slow."""
    if isinstance(document, list):
        return [shortened(item) for item in document[:3]]
    if not isinstance(document, dict):
        return document
    kept = list(document)[:2] if len(document) > 11 else list(document)  # a case has 11 fields
    return {key: shortened(document[key]) for key in kept}


def damaged(document: Any, draw: random.Random) -> Any:
    """The document with one value, drawn from all of them, removed, replaced, or with a field beside it."""
    document = copy.deepcopy(document)
    place = document
    while True:
        key = draw.choice(sorted(place)) if isinstance(place, dict) else draw.randrange(len(place))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or draw.random() < 0.15:
            break
        place = inner
    kind = draw.randrange(3)
    if kind == 0:
        del place[key]
    elif kind == 1:
        place[key] = draw.choice([None, True, 0, -1, 1.5, "", "x", [], {}, [[0, 1]], {"error": {}}, "0x1.8000000000000p-3"])
    elif isinstance(inner, dict):
        inner["surplus"] = 1
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_reader_refuses_what_jsonschema_refuses(name: str) -> None:
    """Two readings of one schema, on documents that are wrong in one place."""
    path = GOLDEN / "cases.json" if name == "cases" else sorted(GOLDEN.glob(f"{name.removesuffix('s')}*/*.json"))[-1]
    document = load(path)
    document = shortened(document)
    draw = random.Random(5)
    refused = sum(not agree(name, damaged(document, draw)) for _ in range(150))
    assert refused > 50


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("flags"),
        lambda d: d.update(version=2),
        lambda d: d["cases"][0].pop("note"),
        lambda d: d["cases"][0].update(extra=1),
        lambda d: d["cases"][0].update(policy="cosine"),
        lambda d: d["cases"][0]["inputs"].update(gamma={"decimal": 1, "hex": "0x1.0000000000000p+0"}),
        lambda d: d["cases"][0]["inputs"]["step_size"].update(hex="0x1p+3"),
        lambda d: d["cases"][0]["inputs"]["step_size"].update(decimal="8"),
        lambda d: d["cases"][0].update(steps=[[1]]),
        lambda d: d["cases"][0].update(steps=[[-1, 2]]),
        lambda d: d["cases"][0].update(steps=[[0, 1, 2]]),
        lambda d: d["cases"][0].update(steps=[]),
        lambda d: d["cases"][0].update(traced_steps=[2**63 + 1]),
        lambda d: d["cases"][0].update(traced_steps=[True]),
        lambda d: d["cases"][0].update(note=""),
        lambda d: d["cases"][0].update(flags=["tutorial", "tutorial"]),
        lambda d: d["cases"][0].update(id="a/b"),
        lambda d: d["cases"].clear(),
        lambda d: d.update(format=True),
    ],
)
def test_other_cases_do_not(spoil: Callable[[Any], None]) -> None:
    document = load(GOLDEN / "cases.json")
    spoil(document)
    assert not agree("cases", document)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("results"),
        lambda d: d.update(error="not installed"),
        lambda d: d["provenance"].pop("tensorflow"),
        lambda d: d["provenance"].update(recorder_sha256="abc"),
        lambda d: d["results"]["triangular-7"].pop("xla"),
        lambda d: d["results"]["triangular-7"]["eager"].update(int32={"values": "eager-00000000.csv"}),
        lambda d: d["results"]["triangular-7"]["eager"]["int64"].update(values="../x.csv"),
        lambda d: d["results"]["triangular-7"]["eager"]["int64"].update(error={"class": "E", "message": ""}),
        lambda d: d["results"]["triangular-7"]["eager"]["int64"].pop("differs_in_array"),
        lambda d: d["behaviours"].update(odd={"outcome": ""}),
        lambda d: d.update(history=[{"reason": "because"}]),
    ],
)
def test_other_records_do_not(spoil: Callable[[Any], None]) -> None:
    document = copy.deepcopy(load(GOLDEN / "records" / "tf-2.15.1_tfa-0.23.0.json"))
    spoil(document)
    assert not agree("record", document)


# --- C -----------------------------------------------------------------------------------------------------------------------

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler (cc, gcc, clang) on this machine")
SOURCE = (ROOT / "docs" / "examples" / "certify.c").read_text(encoding="utf-8")


def certify(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    path, program = folder / "certify.c", folder / "certify"
    path.write_text(source, encoding="utf-8")
    options = ["-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
    subprocess.run([str(COMPILER), *options, "-o", str(program), str(path), "-lm"], check=True)
    return subprocess.run([str(program), str(GOLDEN)], capture_output=True, text=True)


@needs_compiler
def test_an_implementation_in_c_certifies_itself(tmp_path: Path) -> None:
    done = certify(tmp_path, SOURCE)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = [
        case.id
        for case in golden.read().cases.values()
        if case.policy.startswith("triangular") and case.scale_mode == "cycle" and case.dtype == "float32"
    ]
    assert [line.split()[0] for line in done.stdout.splitlines()[:-1]] == asked
    assert done.stdout.splitlines()[-1] == f"{len(asked)} of {len(asked)} cases agree"


@needs_compiler
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("2.0f * cycle + 1.0f", "2.0f * cycle + 1.0000001f"),
        ("exp2f(cycle - 1.0f)", "exp2f(cycle)"),
        ("initial + (maximal - initial)", "initial + maximal"),
    ],
)
def test_a_wrong_one_does_not(tmp_path: Path, right: str, wrong: str) -> None:
    assert right in SOURCE
    done = certify(tmp_path, SOURCE.replace(right, wrong))
    assert done.returncode == 1
    assert "DIFFER" in done.stdout


@needs_compiler
def test_the_manual_shows_how(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "CONFORMANCE.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(cc .*?)```", manual, re.DOTALL)
    script = commands.replace("-o certify", f"-o {tmp_path}/certify").replace("./certify", f"{tmp_path}/certify")
    done = subprocess.run(["sh", "-e", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
