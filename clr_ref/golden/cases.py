"""cases.json: the schedules and steps that are recorded, and which of it a recording depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clr_ref.golden.files import read_text
from clr_ref.golden.form import check, load_json, schema
from clr_ref.golden.model import Case
from clr_ref.golden.sums import sha256

#: Steps of one case at most: a damaged range must not exhaust the memory.
MAX_STEPS = 1_000_000
#: Older recordings name the sha256 of all of cases.json, notes too. Without this entry, an edited note would make them stale.
_OLDER_CASES = {
    "35102d373270b5a7f6cccbf9dc30069eaef4904aec861912e8e0a2d1407e353d": (
        "e5454b57ba73381e763b85ef21bc899d4cab809391a3d118127f4808fc394f36"
    ),
}


def parse_cases(document: Any) -> dict[str, Case]:
    """The cases of cases.json by their ids, in their order.

    Raises:
        ValueError: the document has another form, or a case is no schedule.
    """
    check(document, schema("cases"))
    parsed = [parse_case(data, document["flags"]) for data in document["cases"]]
    cases = {case.id: case for case in parsed}
    if len(cases) < len(parsed):
        raise ValueError("two cases have one id")
    return cases


def parse_case(data: Any, flags: Mapping[str, str]) -> Case:
    """One case of cases.json, whose form has been checked.

    Raises:
        ValueError: decimal and hex differ, the steps do not ascend, a flag is unknown, or the inputs are no schedule.
    """
    where = f"case {data['id']}"
    inputs = {name: float.fromhex(value["hex"]) for name, value in data["inputs"].items()}
    for name, value in data["inputs"].items():
        if inputs[name] != value["decimal"]:
            raise ValueError(f"{where}: {name}: decimal {value['decimal']!r} is not hex {value['hex']}")
    ranges = tuple((start, stop) for start, stop in data["steps"])
    bounds = [bound for pair in ranges for bound in pair]
    if any(start >= stop for start, stop in ranges) or bounds != sorted(bounds):
        raise ValueError(f"{where}: steps must be ascending ranges [start, stop), got {data['steps']!r}")
    if sum(stop - start for start, stop in ranges) > MAX_STEPS:
        raise ValueError(f"{where}: steps must be at most {MAX_STEPS:,}, got {data['steps']!r}")
    unknown = sorted(set(data["flags"]) - set(flags))
    if unknown:
        raise ValueError(f"{where}: unknown flags {unknown}; known are {sorted(flags)}")
    case = Case(
        id=data["id"],
        cls=data["class"],
        policy=data["policy"],
        inputs=inputs,
        scale_mode=data["scale_mode"],
        dtype=data["dtype"],
        call=data["call"],
        ranges=ranges,
        traced_steps=tuple(data["traced_steps"]),
        note=data["note"],
        flags=tuple(data["flags"]),
    )
    try:
        case.schedule  # noqa: B018
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return case


def recorder_input(document: Mapping[str, Any]) -> str:
    """What of cases.json a recording depends on, as the text of the file that the recorder reads.

    Notes, flags, decimals and the order of the cases are left out, so that an edit of those makes no record stale.
    """
    cases = []
    for case in sorted(document["cases"], key=lambda case: str(case["id"])):
        inputs = {name: {"hex": value["hex"]} for name, value in case["inputs"].items()}
        cases.append({**{k: v for k, v in case.items() if k not in ("note", "flags")}, "inputs": inputs})
    needed = {"format": document["format"], "digest_steps": document["digest_steps"], "cases": cases}
    return json.dumps(needed, indent=1, sort_keys=True) + "\n"


def accepted_cases_sha256(path: Path) -> frozenset[str]:
    """Every ``cases_sha256`` of a recording that was made of the inputs and steps of this cases.json.

    Raises:
        OSError, or one of ``form.MALFORMED``: the file cannot be read.
    """
    now = sha256(recorder_input(load_json(path)).encode())
    # The recorder can also be run by hand, on cases.json itself.
    return frozenset({now, sha256(read_text(path).encode())} | ({_OLDER_CASES[now]} if now in _OLDER_CASES else set()))
