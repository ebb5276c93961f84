"""The golden store as a whole: read it, and find everything that is wrong with it.

    cases.json                              the inputs, the steps and why each case exists; written by hand
    records/tf-X_tfa-Y.json                 provenance, results per case x mode x step dtype, behaviours
    values/<case>/<mode>-<hash8>.csv        step,hex,decimal; content-addressed, shared by the records that agree
    training/tf-X_<keras>-Y.json            digests of seeded training runs (``clr_ref.training``), with provenance
    applied/tf-X_tfa-Y.json                 the rates that optimizers applied with TFA's schedules, with provenance
    SHA256SUMS                              of all of the above, so that ``sha256sum -c`` checks the store without Python

Other modules import the names of ``clr_ref.golden``'s parts from here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from clr_ref.golden.cases import accepted_cases_sha256, parse_cases
from clr_ref.golden.files import file_names, foreign, read_bytes
from clr_ref.golden.form import MALFORMED, load_json
from clr_ref.golden.model import (
    AppliedRecord,
    Case,
    Entry,
    Mode,
    Record,
    StepDtype,
    Store,
    StoreError,
    TrainingRecord,
    record_order,
)
from clr_ref.golden.records import FORMAT, parse_applied, parse_entries, parse_record, parse_training
from clr_ref.golden.sums import sums_problems
from clr_ref.golden.values import parse_values, render_values, values_name

__all__ = [
    "FORMAT",
    "AppliedRecord",
    "Case",
    "Entry",
    "Record",
    "Store",
    "StoreError",
    "TrainingRecord",
    "default_folder",
    "load_json",
    "parse_applied",
    "parse_entries",
    "parse_training",
    "problems",
    "read",
]

#: The commands that end each message about cases and records that do not belong together.
NEXT = "run `tox run -m record`, then `clr-ref golden accept`"
REPLACE = "run `tox run -m record`, then `clr-ref golden accept --overwrite --reason TEXT`"

_Parsed = TypeVar("_Parsed")


def default_folder() -> Path:
    """The store that came with the package: in the wheel, or beside the package in a checkout."""
    packaged = Path(__file__).parent / "data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "golden"


def read(folder: Path | None = None) -> Store:
    """The store in a folder, by default the one that came with the package.

    Raises:
        StoreError: the store is missing, damaged or incomplete; the message names every problem.
    """
    store, found = _examine(folder or default_folder())
    if store is None or found:
        raise StoreError("\n".join(found))
    return store


def problems(folder: Path | None = None) -> list[str]:
    """Everything that is wrong with a store, one line each; empty where it is sound.

    A cause comes before its effects, and what could not be read is not examined further. No file is named twice.
    """
    return _examine(folder or default_folder())[1]


def parse(folder: Path, found: list[str]) -> Store | None:
    """The store as its JSON files say, without a look at values or sums. Problems go to ``found``; None for no store."""
    path = folder / "cases.json"
    try:
        document = load_json(path)
        cases = parse_cases(document)
        accepted = accepted_cases_sha256(path)
    except (FileNotFoundError, NotADirectoryError):
        found.append(f"{folder}: no cases.json: not a golden store")
        return None
    except (OSError, *MALFORMED) as error:
        found.append(f"cases.json: {error}")
        return None
    return Store(
        folder,
        cases,
        document["flags"],
        document["digest_steps"],
        accepted,
        records=_each(folder / "records", parse_record, found),
        training=_each(folder / "training", parse_training, found),
        applied=_each(folder / "applied", parse_applied, found),
    )


def _each(folder: Path, parse_one: Callable[[str, Any], _Parsed], found: list[str]) -> dict[str, _Parsed]:
    """Every file of a folder, by its stem, oldest release first. Problems go to ``found``."""
    parsed = {}
    for path in sorted(folder.glob("*"), key=lambda path: record_order(path.stem)):
        try:
            parsed[path.stem] = parse_one(path.name, load_json(path))
        except (OSError, *MALFORMED) as error:
            found.append(f"{folder.name}/{path.name}: {error}")
    return parsed


def _examine(folder: Path) -> tuple[Store | None, list[str]]:
    """The store, as far as it could be read, and all that is wrong with it."""
    found: list[str] = []
    try:
        if (folder / "cases.json").is_symlink() or (folder / "cases.json").exists():
            found += foreign(folder)
        if found:
            return None, found  # nothing else is opened
        store = parse(folder, found)
        if store is None and not (folder / "cases.json").exists():
            return None, found
        of_sums = sums_problems(folder)
        if store is not None and not found:
            found += coverage_problems(store) or counts_problems(store)
        # Where a record is missing or unreadable, its values would be called orphaned.
        if store is not None and not found and not any(problem.startswith("records/") for problem in of_sums):
            found += values_problems(store)
    except (OSError, ValueError) as error:
        return None, [*found, f"{folder}: {error}"]
    named = {problem.partition(": ")[0] for problem in found}
    return store, found + [problem for problem in of_sums if problem.partition(": ")[0] not in named]


def coverage_problems(store: Store) -> list[str]:
    """At most one message: there is no record, or the records were not made of exactly the cases of cases.json."""
    recorded = {record.name: {entry.case for entry in record.entries} for record in store.records.values() if not record.error}
    missing = [case for case in store.cases if any(case not in cases for cases in recorded.values())]
    unknown = sorted({case for cases in recorded.values() for case in cases} - set(store.cases))
    if not store.records:
        return [f"records: no record: the store is empty; {NEXT}"]
    if unknown:
        return [f"cases.json: {_cases(unknown)} recorded, but not there; put back what was removed or renamed, or {REPLACE}"]
    if missing:
        pairs = [name for name, cases in recorded.items() if not cases.issuperset(missing)]
        which = "no pair" if len(pairs) == len(recorded) else f"{len(recorded) - len(pairs)} of {len(recorded)} pairs"
        return [f"cases.json: {_cases(missing)} recorded for {which}; {NEXT}"]
    others = [name for name in recorded if store.records[name].provenance["cases_sha256"] not in store.cases_sha256]
    if others:
        made = f"{len(others)} of {len(recorded)} records were made of other inputs or steps, {others[0]} for one"
        return [f"cases.json: {made}; undo the change, or {REPLACE}"]
    return []


def _cases(names: list[str]) -> str:
    return f"case {names[0]!r} is" if len(names) == 1 else f"cases {', '.join(map(repr, names))} are"


def counts_problems(store: Store) -> list[str]:
    """Every ``differs_in_array`` that cannot be: above the steps that were compared, or unlike that of the same rates."""
    found = []
    compared = {name: int(np.sum(case.steps < store.digest_steps)) for name, case in store.cases.items()}
    first: dict[tuple[str, str | None, str | None], tuple[int, str]] = {}
    for record in store.records.values():
        for entry in record.entries:
            count = entry.differs_in_array
            if count is None:
                continue
            where = f"records/{record.name}.json: results: {entry.case}: {entry.mode}: {entry.step_dtype}: differs_in_array"
            if count > compared[entry.case]:
                found.append(f"{where} must be at most {compared[entry.case]}, the steps that were compared, got {count}")
            other, pair = first.setdefault((entry.case, entry.values, entry.digest), (count, record.name))
            if other != count:
                found.append(f"{where} is {count}, and {other} in {pair}, which has the same values and digest")
    return found


def values_problems(store: Store) -> list[str]:
    """Missing, orphaned and damaged values files."""
    wanted: dict[str, list[tuple[str, Mode, StepDtype]]] = {}
    for case, mode, step_dtype, name in store.files():
        wanted.setdefault(f"values/{case}/{name}", []).append((case, mode, step_dtype))
    present = {name for name in file_names(store.folder) if name.startswith("values/")}
    found = [f"{name}: missing, but a record refers to it" for name in sorted(wanted.keys() - present)]
    found += [f"{name}: orphaned, no record refers to it" for name in sorted(present - wanted.keys())]
    for path in sorted(wanted.keys() & present):
        case, mode, _ = wanted[path][0]
        try:
            text = read_bytes(store.folder / path).decode("utf-8")
            if values_name(mode, text) != Path(path).name:
                raise ValueError("the content is not what its name says: the sha256 does not match")
            steps, values = parse_values(text, store.cases[case].dtype)
            if any(steps.tolist() != store.cases[case].steps_for(*kind).tolist() for _, *kind in wanted[path]):
                raise ValueError("the steps are not those of the case")
            if render_values(steps, values) != text:
                raise ValueError("hex and decimal disagree, or the form is not canonical")
        except (ValueError, OverflowError) as error:
            found.append(f"{path}: {error}")
    return found
