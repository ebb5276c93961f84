"""The folder of studies, in files that are written completely or not at all.

- ``cells/SHA256.json``: the report of a cell; the sha256 is that of its identity.
- ``studies/NAME.json``: what a study is, so that its cells can be found.
- ``checkpoints/SHA256/``: what a cell resumes from, until it has a report.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from clr_ref._files import json_text, said, write_text
from clr_ref.study import config
from clr_ref.study.cell import sha256
from clr_ref.study.outcome import Outcome

FORMAT = 1


class BusyError(Exception):
    """Another command uses the folder."""


class ChangedError(ValueError):
    """A file is not as it was written; the message names it."""


@dataclasses.dataclass(frozen=True)
class Index:
    """What a study consists of: its file, and the description that its workers fit."""

    study: config.Study
    description: Mapping[str, Any]


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder and those in it, and hold it alone: two commands would train the same cells.

    Raises:
        BusyError: another command holds it.
        OSError: a folder cannot be made.
    """
    for name in ("cells", "studies", "checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            for left in (folder / "cells").glob(".*.clr-ref-new-*"):  # of a command that was killed
                shutil.rmtree(left, ignore_errors=True)
            yield
    except filelock.Timeout:
        raise BusyError(f"another study runs in {folder}: wait for its end, or give another --out") from None


def write_index(folder: Path, name: str, index: Index) -> None:
    """Write what a study consists of, completely or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    document = {"format": FORMAT, "study": index.study.document, "description": index.description}
    write_text(folder / "studies" / f"{name}.json", json_text(document) + "\n")


def read_index(folder: Path, name: str) -> Index | None:
    """What a study consists of, or None if it has never run in this folder.

    Raises:
        ChangedError: the file is damaged.
    """
    place = folder / "studies" / f"{name}.json"
    try:
        document = json.loads(place.read_text("utf-8"))
        index = Index(config.of_document(document["study"], str(place)), document["description"])
        for cell in itertools.islice(index.study.cells(), len(index.study.models) * len(index.study.arms)):
            cell.identity(index.description)  # those of one seed need all parts of the description
        return index
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ChangedError(f"{place} is damaged: {error}; the command of the study writes it again if it is deleted") from None


def outcomes(folder: Path) -> dict[str, list[Outcome]]:
    """The results in a folder, as far as they have run; runs in one list can be compared.

    Args:
        folder: where ``clr-ref study`` wrote them.

    Returns:
        A list for each study and model, by their names, such as ``"grid, small.py:make"``. A name that is the same everywhere
        is left out. Arms stand in the order of the study, and those of an arm in the order of its seeds.

    Raises:
        ChangedError: a file was changed or is damaged.
        FileNotFoundError: the folder holds no study.
    """
    names = sorted(path.stem for path in (folder / "studies").glob("*.json"))
    if not names:
        raise FileNotFoundError(f"{folder} holds no study: clr-ref study writes one")
    found: dict[tuple[str, str], list[Outcome]] = {}
    for name in names:
        index = read_index(folder, name)
        assert index is not None
        order = [arm.name for arm in index.study.arms]
        for cell in sorted(index.study.cells(), key=lambda cell: order.index(cell.arm)):
            report = read(folder, cell.identity(index.description))
            if report is not None:
                # A number that is not finite is a string in JSON.
                history = ({name: float(value) for name, value in epoch.items()} for epoch in report["history"])
                outcome = Outcome(cell.arm, cell.experiment.seed, tuple(history))
                found.setdefault((name, cell.experiment.model), []).append(outcome)
    told = [place for place in range(2) if len({key[place] for key in found}) > 1]
    return {", ".join(key[place] for place in told): runs for key, runs in found.items()}


def path(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Where the report of a cell stands in the folder of a study."""
    return folder / "cells" / f"{sha256(identity)}.json"


def write(folder: Path, identity: Mapping[str, Any], report: Mapping[str, Any]) -> Path:
    """Write the report of a cell, completely or not at all, and return its path.

    Args:
        folder: that of the study; it has a folder ``cells``.
        identity: that of the cell.
        report: its report, as in ``Report.to_json``, and what else the worker says.

    Raises:
        WriteError: the file cannot be written.
    """
    document = {**report, "identity": identity}
    place = path(folder, identity)
    write_text(place, json_text({**document, "sha256": sha256(document)}) + "\n")
    return place


def read(folder: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report of a cell, or None if it is not there.

    Raises:
        ChangedError: it is not as it was written.
    """
    place = path(folder, identity)
    try:
        document: dict[str, Any] = json.loads(place.read_text("utf-8"))
        stored = document.pop("sha256")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ChangedError(f"{place} cannot be read: {said(error)}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        stored, document = None, {}
    if stored != sha256(document) or document.get("identity") != json.loads(json.dumps(identity)):
        raise ChangedError(f"{place} was changed, or is damaged: delete it, and the same command trains the cell again")
    return document
