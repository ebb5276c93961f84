"""The JSON files of records/, training/ and applied/: each is checked against its schema, and becomes a dataclass."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._inputs import from_hex, shown
from clr_ref.functions import exp_range
from clr_ref.golden.form import check, schema
from clr_ref.golden.model import AppliedRecord, Entry, Record, TrainingRecord, record_order
from clr_ref.schedule import CyclicalLearningRate

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
_APPLIED_RUN = re.compile(r"(Triangular2?|Exponential)CyclicalLearningRate, [^,]+, .+")
_NAMES = {
    "record": "tf-{tensorflow}_tfa-{tensorflow-addons}",
    "training": "tf-{tensorflow}_{keras}",
    "applied": "tf-{tensorflow}_tfa-{tensorflow-addons}",
}


def parse_record(file_name: str, data: Any) -> Record:
    """One record of a TFA x TensorFlow pair.

    Raises:
        ValueError: the data has another form, or is of another pair than the file's name says.
    """
    name = _check("record", file_name, data)
    history = tuple(data.get("history", ()))
    if "error" in data:
        return Record(name, data["provenance"], history=history, error=data["error"])
    behaviours = {
        title: outcome["outcome"] if "outcome" in outcome else "{class}: {message}".format(**outcome["error"])
        for title, outcome in data["behaviours"].items()
    }
    return Record(name, data["provenance"], tuple(parse_entries(data["results"])), behaviours, history)


def parse_entries(results: Any) -> Iterator[Entry]:
    """The entries of a record's results, whose form has been checked, in their order.

    Raises:
        ValueError: an entry refers to the values file of another mode.
    """
    for case, modes in results.items():
        for mode, kinds in modes.items():
            for step_dtype, data in kinds.items():
                if "error" in data:
                    yield Entry(case, mode, step_dtype, error=(data["error"]["class"], data["error"]["message"]))
                    continue
                if not data["values"].startswith(mode):
                    raise ValueError(f"{case} {mode} {step_dtype}: {data['values']} is no values file of this mode")
                yield Entry(case, mode, step_dtype, **data)


def parse_training(file_name: str, data: Any) -> TrainingRecord:
    """One record of seeded training.

    Raises:
        ValueError: the data has another form, or is of other versions than the file's name says.
    """
    name = _check("training", file_name, data)
    for title, run in data["runs"].items():
        schedule = run["experiment"]["schedule"]
        try:
            if isinstance(schedule, dict):
                CyclicalLearningRate.from_json(json.dumps(schedule))
            else:
                from_hex("schedule", schedule)
        except ValueError as error:
            raise ValueError(f"runs: {title}: experiment: schedule: {error}") from None
        experiment, per_epoch = run["experiment"], -(-run["pictures"] // run["experiment"]["batch_size"])
        if [epoch["epoch"] for epoch in run["epochs"]] != [*range(1, len(run["epochs"]) + 1)]:
            raise ValueError(f"runs: {title}: epochs must be numbered from 1")
        if len(run["epochs"]) != experiment["epochs"] or run["steps"] != experiment["epochs"] * per_epoch:
            raise ValueError(
                f"runs: {title}: steps and epochs must be those of {experiment['epochs']} epochs of {per_epoch} steps, "
                f"got {run['steps']} steps in {len(run['epochs'])} epochs"
            )
    return TrainingRecord(name, data["provenance"], data["runs"], tuple(data.get("history", ())))


def parse_applied(file_name: str, data: Any) -> AppliedRecord:
    """One record of applied rates.

    Raises:
        ValueError: the data has another form, or is of other versions than the file's name says.
    """
    name = _check("applied", file_name, data)
    inputs = {field: float.fromhex(value) for field, value in data["inputs"].items()}
    try:
        exp_range(**inputs)
    except ValueError as error:
        raise ValueError(f"inputs: {error}") from None
    runs: dict[str, NDArray[np.float32] | tuple[str, str]] = {}
    for title, run in data["runs"].items():
        if not _APPLIED_RUN.fullmatch(title):
            raise ValueError(
                f"runs: {shown(title)} must be a class of TFA, an optimizer and how it ran, with ', ' between them"
            )
        if "error" in run:
            kind, message = run["error"]
            runs[title] = (kind, message)
            continue
        rates = np.array([float.fromhex(rate) for rate in run["rates"]])
        with np.errstate(over="ignore"):
            runs[title] = rates.astype(np.float32)
        if not np.array_equal(rates, runs[title], equal_nan=True):
            raise ValueError(f"{title}: the rates are not those of float32")
    return AppliedRecord(name, data["provenance"], inputs, runs, tuple(data.get("history", ())))


def _check(kind: str, file_name: str, data: Any) -> str:
    """The name of a record, after a check of its form and of the file's name."""
    check(data, schema(kind))
    provenance = data["provenance"]
    name = _NAMES[kind].format_map(provenance.get("versions", provenance))
    if file_name != f"{name}.json":
        raise ValueError(f"the file must be named after its versions, {name}.json")
    if kind != "training" and record_order(name) < (2, 1):
        raise ValueError(f"provenance: tensorflow must be 2.1.0 or later, as every TFA needs, got {name}")
    return name
