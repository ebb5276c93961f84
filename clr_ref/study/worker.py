"""What a Dask worker is asked for. It has one process of its own that trains, see ``training``, and one run at a time."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from clr_ref.study.cell import Cell
from clr_ref.study.training import CellError, Material, UnfitError

#: A worker may have several threads, but another run beside this one would draw from the same random generators.
_ONE_AT_A_TIME = threading.Lock()
_CHILD: list[subprocess.Popen[bytes]] = []


def describe(material: Material) -> dict[str, Any]:
    """As ``training.describe``, in the process that trains. It is a new one, so that no module in it is out of date.

    Raises:
        UnfitError: as ``training.describe``; or the process has ended.
    """
    with _ONE_AT_A_TIME:
        _end()
        try:
            found: dict[str, Any] = _call("describe", material)
        except CellError as error:
            raise UnfitError(str(error)) from None
        return found


def train(cell: Cell, material: Material, model: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """As ``training.train``, in the process that trains.

    Raises:
        CellError: as ``training.train``; or the process has ended.
    """
    with _ONE_AT_A_TIME:
        found: dict[str, Any] = _call("train", cell, material, model, folder)
        return found


def _call(name: str, *arguments: Any) -> Any:
    child = _started()
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        pickle.dump((name, arguments), child.stdin)
        child.stdin.flush()
        succeeded, reply = pickle.load(child.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        with contextlib.suppress(subprocess.TimeoutExpired):  # it closes its end of the pipe a little before it has ended
            child.wait(5)
        _end()
        raise CellError(f"the process that trains has ended with exit code {child.returncode}") from None
    except BaseException:  # such as an interrupt of the worker: the next reply would belong to this request
        _end()
        raise
    if succeeded:
        return reply
    kind, text = reply
    raise (UnfitError if kind == "UnfitError" else CellError)(text)


def _started() -> subprocess.Popen[bytes]:
    if not _CHILD or _CHILD[0].poll() is not None:
        _end()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        _CHILD.append(
            subprocess.Popen(
                [sys.executable, "-m", "clr_ref.study.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        )
    return _CHILD[0]


def _end() -> None:
    """End the process that trains, if there is one."""
    for child in _CHILD:
        for stream in _streams(child):
            with contextlib.suppress(OSError):
                stream.close()
        child.kill()
        child.wait()
    _CHILD.clear()


def _streams(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    yield from (stream for stream in (child.stdin, child.stdout) if stream is not None)
