"""The folder of studies: ``cells/`` has the reports, ``studies/NAME.json`` what a study is, ``checkpoints/`` what runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clr_ref._files import write_text
from clr_ref.study import cells, config
from clr_ref.study.outcome import Outcome

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Index:
    """What a study consists of: its file, and the description that its workers fit."""

    study: config.Study
    description: Mapping[str, Any]


def prepare(folder: Path) -> None:
    """Make the folder and those in it."""
    for name in ("cells", "studies", "checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)


def write_index(folder: Path, name: str, index: Index) -> None:
    """Write what a study consists of, completely or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    document = {"format": FORMAT, "study": index.study.document, "description": index.description}
    write_text(folder / "studies" / f"{name}.json", json.dumps(document, indent=1) + "\n")


def read_index(folder: Path, name: str) -> Index | None:
    """What a study consists of, or None if it has never run in this folder.

    Raises:
        ChangedError: the file is damaged.
    """
    place = folder / "studies" / f"{name}.json"
    try:
        document = json.loads(place.read_text("utf-8"))
        return Index(config.of_document(document["study"], str(place)), document["description"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise cells.ChangedError(
            f"{place} is damaged: {error}; the command of the study writes it again if it is deleted"
        ) from None


def outcomes(folder: Path) -> list[Outcome]:
    """The results of all studies in a folder, as far as they have run, study by study, and seed by seed.

    Args:
        folder: where ``clr-ref study`` wrote them. If it holds several studies, the name of each stands before its arms.

    Raises:
        ChangedError: a file was changed or is damaged.
        FileNotFoundError: the folder holds no study.
    """
    names = sorted(path.stem for path in (folder / "studies").glob("*.json"))
    if not names:
        raise FileNotFoundError(f"{folder} holds no study: clr-ref study writes one")
    found = []
    for name in names:
        index = read_index(folder, name)
        assert index is not None
        before = f"{name}: " if len(names) > 1 else ""
        for cell in index.study.cells():
            report = cells.read(folder, cell.identity(index.description))
            if report is not None:
                found.append(Outcome(before + cell.arm, cell.experiment.seed, tuple(report["history"])))
    return found
