"""A small store that is right in form and invented in content, for the tests of how stores are read, checked and replaced.

Its values come from clr_ref itself, which the real store never holds: they only have to be some floats that keep the form.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from clr_ref import tfa_arithmetic
from clr_ref.golden import record, store as golden
from clr_ref.golden.cases import parse_case, recorder_input
from clr_ref.golden.sums import SUMS, render_sums, sha256, text_sha256
from clr_ref.golden.values import render_values, values_name
from clr_ref.tfa_arithmetic import MODES

FIRST, SECOND = "tf-2.14.1_tfa-0.22.0", "tf-2.15.1_tfa-0.23.0"
STEP_DTYPES = ("python int", "int64", "float32")
DIGEST_STEPS = 8
INT64_ERROR = {"class": "TypeError", "message": "Input 'y' of 'Pow' Op has type int64 that does not match type float32"}
#: (case, mode) -> how many ULP the last answer is moved away from that of eager.
Nudges = Mapping[tuple[str, str], int]
NO_CHANGE: Mapping[Any, Any] = MappingProxyType({})


def case(
    name: str,
    cls: str,
    policy: str,
    step_size: float,
    steps: list[list[int]],
    flags: Iterable[str] = (),
    dtype: str = "float32",
) -> dict[str, Any]:
    inputs = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": step_size}
    if policy == "exp_range":
        inputs["gamma"] = 0.9
    return {
        "id": name,
        "class": cls,
        "policy": policy,
        "inputs": {key: {"decimal": value, "hex": float(value).hex()} for key, value in inputs.items()},
        "scale_mode": "iterations" if policy == "exp_range" else "cycle",
        "dtype": dtype,
        "call": "scalar",
        "steps": steps,
        "traced_steps": [0, 2],
        "note": f"A {policy} of step_size {step_size}.",
        "flags": list(flags),
    }


CASES = (
    case("triangular-2", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 5], [7, 9]]),
    case("base-triangular2-3", "CyclicalLearningRate", "triangular2", 3, [[0, 8]], ["base"]),
    case("exp_range-2.5", "ExponentialCyclicalLearningRate", "exp_range", 2.5, [[0, 6]], ["pow"]),
    case("float64-triangular2-2", "Triangular2CyclicalLearningRate", "triangular2", 2, [[0, 4], [30, 31]], dtype="float64"),
)


def write_json(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def write_cases(folder: Path, cases: Iterable[dict[str, Any]] = CASES) -> None:
    flags = {"base": "The base class.", "pow": "Depends on the power function."}
    document = {"format": 1, "digest_steps": DIGEST_STEPS, "flags": flags, "cases": list(cases)}
    write_json(folder / "cases.json", document)


def write_recording(
    folder: Path,
    pair: str,
    cases_from: Path,
    nudges: Nudges = NO_CHANGE,
    behaviours: Mapping[str, str] = NO_CHANGE,
    memory: str = "16",
) -> None:
    """What the recorder would write for a pair: records/ and values/.

    Args:
        cases_from: the store whose cases are answered.
        nudges: tf.function is one ULP off in the last step of every case unless this says otherwise.
        behaviours: outcomes in place of the invented ones.
        memory: part of the provenance, to tell two recordings with the same answers apart.
    """
    document = json.loads((cases_from / "cases.json").read_text("utf-8"))
    results: dict[str, Any] = {}
    for data in document["cases"]:
        parsed = parse_case(data, document["flags"])
        results[parsed.id] = {
            mode: {kind: _entry(folder, parsed, mode, kind, nudges) for kind in STEP_DTYPES} for mode in MODES
        }
    tensorflow, addons = pair.removeprefix("tf-").split("_tfa-")
    outcomes = {"int bounds": "ValueError", "step_size 0": "step 0: nan"} | dict(behaviours)
    observed: dict[str, Any] = {title: {"outcome": outcome} for title, outcome in outcomes.items()}
    observed["int64 step"] = {"error": INT64_ERROR}
    provenance = {
        "tensorflow": tensorflow,
        "tensorflow-addons": addons,
        "numpy": "1.26.4",
        "python": "3.11.7",
        "os": "Linux, glibc 2.36",
        "cpu": {"machine": "x86_64", "model": f"Invented CPU with {memory} GiB", "flags": ["avx", "fma"]},
        "recorder_sha256": text_sha256(record.RECORDER),
        "cases_sha256": sha256(recorder_input(document).encode()),
    }
    data = {"format": 1, "provenance": provenance, "results": results, "behaviours": observed}
    write_json(folder / "records" / f"{pair}.json", data)


def _entry(folder: Path, case: golden.Case, mode: Any, kind: Any, nudges: Nudges) -> dict[str, Any]:
    if case.policy == "exp_range" and kind == "int64":
        return {"error": INT64_ERROR}
    steps = case.steps_for(mode, kind)
    values = np.array(tfa_arithmetic.evaluate(case.schedule, steps, step_dtype=kind))
    for _ in range(nudges.get((case.id, mode), int(mode == "function"))):
        values[-1] = np.nextafter(values[-1], values.dtype.type(1))
    text = render_values(steps, values)
    name = values_name(mode, text)
    path = folder / "values" / case.id / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    if kind == "python int":
        return {"values": name}
    return {"digest": hashlib.sha256(text.encode()).hexdigest(), "differs_in_array": 0, "values": name}


def write_failure(folder: Path, pair: str, message: str = "No solution found") -> None:
    """The record of a pair that cannot be installed."""
    tensorflow, addons = pair.removeprefix("tf-").split("_tfa-")
    provenance = {"tensorflow": tensorflow, "tensorflow-addons": addons, "python": "3.11"}
    write_json(folder / "records" / f"{pair}.json", {"format": 1, "provenance": provenance, "error": message})


def write_store(folder: Path, pairs: Iterable[str] = (FIRST, SECOND), cases: Iterable[dict[str, Any]] = CASES) -> Path:
    """A sound store. XLA answers one case of the second pair differently, so that some values are shared and some are not."""
    write_cases(folder, cases)
    for pair in pairs:
        write_recording(folder, pair, folder, {("triangular-2", "xla"): 5} if pair == SECOND else {})
    renew_sums(folder)
    return folder


def renew_sums(folder: Path) -> None:
    (folder / SUMS).write_text(render_sums(folder), "utf-8")


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file in place."""
    data = json.loads(path.read_text("utf-8"))
    change(data)
    write_json(path, data)


def rewrite_values(folder: Path, name: str, change: Callable[[str], str]) -> str:
    """Change a values file with all that hangs on its content: its name, the records that refer to it, the sums.

    What is left for ``problems`` to find is then what is wrong with the text itself. Answers the new name.
    """
    old = folder / name
    text = change(old.read_bytes().decode())
    assert text != old.read_bytes().decode()
    new = old.with_name(values_name(old.name.split("-")[0], text))
    old.unlink()
    new.write_bytes(text.encode())
    for path in (folder / "records").iterdir():
        path.write_text(path.read_text("utf-8").replace(old.name, new.name), "utf-8")
    renew_sums(folder)
    return new.relative_to(folder).as_posix()


def values_of(folder: Path, pair: str, case: str, mode: str = "eager", kind: str = "float32") -> str:
    """The relative name of the values file that a record refers to."""
    data = json.loads((folder / "records" / f"{pair}.json").read_text("utf-8"))
    return f"values/{case}/{data['results'][case][mode][kind]['values']}"


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, byte for byte."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def restore(folder: Path, files: Mapping[str, bytes]) -> None:
    """The inverse of ``snapshot``."""
    if files and snapshot(folder) == files:
        return
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def kill(process: int) -> None:
    """SIGKILL to a process and all that it started; it has not been waited for, so its number is still its own."""
    os.killpg(process, signal.SIGKILL)
