"""The golden store without Python: its JSON has a schema, and an implementation in C certifies itself from its files."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clr_ref.golden import store as golden

ROOT = Path(__file__).parents[2]
GOLDEN = golden.default_folder()
RECORDS = sorted((GOLDEN / "records").glob("*.json"))


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "schema" / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_cases_follow_their_schema() -> None:
    validator("cases.schema.json").validate(load(GOLDEN / "cases.json"))


def test_the_records_follow_their_schema() -> None:
    check = validator("record.schema.json")
    assert RECORDS
    for path in RECORDS:
        check.validate(load(path))


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
    ],
)
def test_other_cases_do_not(spoil: Callable[[Any], None]) -> None:
    document = load(GOLDEN / "cases.json")
    spoil(document)
    assert not validator("cases.schema.json").is_valid(document)


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
    assert validator("record.schema.json").is_valid(document)
    spoil(document)
    assert not validator("record.schema.json").is_valid(document)


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
