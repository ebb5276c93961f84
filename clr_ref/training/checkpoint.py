"""Checkpoints of training: everything that the rest of a run depends on, in one .npz file with its sha256.

Keras's own formats cannot be used: on some versions SavedModel and the legacy .keras restore iterations as 0, and none keeps
the state of random layers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_ref._files import replacing, said
from clr_ref.training.changes import changes

if TYPE_CHECKING:
    from numpy.typing import NDArray


class CheckpointError(Exception):
    """The checkpoint is damaged, or belongs to another run; the message says which."""


@dataclasses.dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state after ``step`` optimizer steps.

    ``weights``, ``optimizer`` and ``random`` are the variables of the model, the optimizer and the random layers. ``rates``
    (float64), ``losses`` (float64) and ``hits`` (float64, the number of correct predictions) have an element for each step.
    ``validation`` has an entry for each complete epoch.
    """

    step: int
    weights: tuple[NDArray[Any], ...]
    optimizer: tuple[NDArray[Any], ...]
    random: tuple[NDArray[Any], ...]
    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    hits: NDArray[np.float64]
    validation: tuple[Mapping[str, float], ...]


_GROUPS = ("weights", "optimizer", "random")
_SERIES = ("rates", "losses", "hits")
#: The most differences that are told.
_MOST = 6
#: The number of bytes of the sha256, which ends the file.
_DIGEST = hashlib.sha256().digest_size


def save(path: Path, checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        path: the file.
        checkpoint: what it holds.
        identity: the JSON values that another run must have too to resume from it.

    Raises:
        WriteError: the file cannot be written.
    """
    arrays = {f"{group}-{i}": array for group in _GROUPS for i, array in enumerate(getattr(checkpoint, group))}
    arrays |= {name: getattr(checkpoint, name) for name in _SERIES}
    about = {"identity": identity, "step": checkpoint.step, "validation": checkpoint.validation}
    archive = io.BytesIO()
    np.savez(archive, about=np.array(json.dumps(about)), **arrays)
    with replacing(path) as beside:
        beside.write_bytes(archive.getvalue() + hashlib.sha256(archive.getvalue()).digest())


def load(path: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint in a file, or None if there is no such file.

    Args:
        path: the file.
        identity: that of the run that resumes from it.

    Raises:
        CheckpointError: the file cannot be read, is damaged, or has another identity; the message names what differs.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {said(error)}") from None
    archive, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(archive).digest() != digest:  # on damaged bytes NumPy, zipfile and json raise many kinds of errors
        raise CheckpointError(f"{path} is damaged, or was written by another version of clr_ref: delete it to start again")
    with np.load(io.BytesIO(archive), allow_pickle=False) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    if identity.keys() - about["identity"].keys():
        raise CheckpointError(f"{path} was written by another version of clr_ref: delete it to start again")
    # The name of a CPU changes no bit; its flags and caches do.
    if found := [one for one in changes(about["identity"], json.loads(json.dumps(identity))) if one.what != "cpu.model"]:
        raise CheckpointError(
            f"{path} is the checkpoint of another run; these differ: {'; '.join(map(str, found[:_MOST]))}"
            + (f"; and {len(found) - _MOST} more" if len(found) > _MOST else "")
        )
    return Checkpoint(
        step=about["step"],
        weights=_group(arrays, "weights"),
        optimizer=_group(arrays, "optimizer"),
        random=_group(arrays, "random"),
        rates=arrays["rates"],
        losses=arrays["losses"],
        hits=arrays["hits"],
        validation=tuple(about["validation"]),
    )


def _group(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[Any], ...]:
    return tuple(arrays[f"{name}-{i}"] for i in range(sum(key.startswith(f"{name}-") for key in arrays)))
