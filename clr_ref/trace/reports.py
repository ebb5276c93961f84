"""Compare two reports of training, or two training records of the golden store, as far as they hold data."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clr_ref._files import said
from clr_ref._inputs import parsed_json
from clr_ref.trace import compare as traces
from clr_ref.trace.comparison import Comparison, Difference, likeliest
from clr_ref.trace.format import TraceError, is_trace
from clr_ref.trace.tensors import Tensor
from clr_ref.training.report import narrowed

#: The digests of a run, and the stages that they stand for.
_DIGESTS = {"losses_sha256": ("loss", "losses"), "rates_sha256": ("rate", "rates"), "weights_sha256": ("update", "weights")}

#: What a report has of each step, by its stage.
_SERIES = {"loss": "losses", "rate": "rates"}


def compare(a: Path, b: Path) -> Comparison:
    """The first difference of two files: two traces, two reports (``Report.to_json``), or two records of golden/training.

    Raises:
        TraceError: a file is none of these or cannot be read, or the two are of different kinds.
    """
    if is_trace(a) and is_trace(b):
        return traces.compare(a, b)
    documents = [{} if is_trace(path) else _read(path) for path in (a, b)]
    kind, other = ("trace" if not one else "record" if "runs" in one else "report" for one in documents)
    if kind != other:
        raise TraceError(f"two files of one kind can be compared, got a {kind}, {a}, and a {other}, {b}")
    try:
        return _reports(*documents) if kind == "report" else _records(*documents)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise TraceError(f"{a} or {b} is damaged: {error!r}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parsed_json(path.read_text("utf-8"))
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {said(error)}") from None
    except ValueError as error:
        raise TraceError(f"{path} is neither a trace nor JSON: {error}") from None
    if not isinstance(document, dict) or not ("runs" in document or {"digests", "rates", "losses"} <= document.keys()):
        raise TraceError(f"{path} is neither a trace, nor the report of a run, nor a record of golden/training")
    return document


def _reports(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    steps = min(len(a["rates"]), len(b["rates"]))
    first = _first_in_reports(a, b, steps)
    loss = next((t for t in range(steps) if operator.ne(*_scalars("loss", a, b, t))), None)
    names = ("experiment", "learning_rate", "data", "versions", "cpu", "settings")
    sides = [{name: one[name] for name in names} for one in (a, b)]
    notes = []
    if len(a["rates"]) != len(b["rates"]):
        notes.append(
            f"the reports have {len(a['rates'])} and {len(b['rates'])} steps: rates and losses of {steps} were compared, "
            "and not the final weights"
        )
    found = likeliest(sides[0], sides[1], None if first is None else first.stage)
    reaches = loss if first is not None else None
    parts = "a report has only rates, losses and the final weights"
    weights = steps - 1 if first is not None and _weights_differ(a, b) else None
    return Comparison(steps, first, reaches_loss=reaches, reaches_weights=weights, changes=found, notes=(*notes, parts))


def _first_in_reports(a: Mapping[str, Any], b: Mapping[str, Any], steps: int) -> Difference | None:
    if a["data"]["train"] != b["data"]["train"]:
        return Difference(0, "batch", "train", note="the training data differ")
    for step in range(steps):
        for stage in ("loss", "rate"):
            one, other = _scalars(stage, a, b, step)
            if one != other:
                tensor = "loss" if stage == "loss" else "learning_rate"
                note = f"{side_value(one)} and {side_value(other)}"
                return Difference(step, stage, tensor, traces.elements(one, other), note)
    if _weights_differ(a, b):
        return Difference(steps - 1, "update", "weights", note="the final weights differ, and no loss before")
    return None


def _weights_differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether the final weights differ of two runs of one length."""
    return len(a["rates"]) == len(b["rates"]) and a["weights_sha256"] != b["weights_sha256"]


def side_value(tensor: Tensor) -> str:
    """The one element of a scalar in words."""
    return "NaN" if tensor.min is None else str(np.dtype(tensor.dtype).type(tensor.min))


def _scalars(stage: str, a: Mapping[str, Any], b: Mapping[str, Any], step: int) -> list[Tensor]:
    """The rates or losses of a step as tensors: unlike numbers, two tensors of NaN are equal.

    In float32, as nearly all runs compute, so that ULPs are those of float32; in float64 if one of the two needs it.
    """
    values = np.array([side[_SERIES[stage]][step] for side in (a, b)], np.float64)
    return [Tensor.of(stage, stage, value, keep=True) for value in narrowed(values)]


def _records(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    common = [name for name in a["runs"] if name in b["runs"]]
    if not common:
        raise TraceError(f"the records have no run in common: {', '.join(a['runs'])}; {', '.join(b['runs'])}")
    first, steps = None, 0
    before, after = a["provenance"], b["provenance"]
    for name in common:
        one, other = a["runs"][name], b["runs"][name]
        is_other_run = one["experiment"] != other["experiment"] or one["pictures"] != other["pictures"]
        differing = [("batch", "experiment")] if is_other_run else []
        differing += [place for digest, place in _DIGESTS.items() if one[digest] != other[digest]]
        if differing:
            epoch = next((e["epoch"] for e, f in zip(one["epochs"], other["epochs"], strict=False) if e != f), None)
            where = "" if epoch is None else f", from epoch {epoch} on"
            first = Difference(None, differing[0][0], name, note=f"{' and '.join(what for _, what in differing)} differ{where}")
            before, after = {**before, "experiment": one["experiment"]}, {**after, "experiment": other["experiment"]}
            break
        steps += one["steps"]
    found = likeliest(before, after, None if first is None else first.stage)
    return Comparison(
        steps, first, changes=found, notes=("a record has only digests of whole runs, so that no step can be named",)
    )
