"""The file of a trace: lines of JSON in gzip members, one member for each line (docs/TRACES.md).

The file grows by a member at a time, so that a run that is killed leaves all steps before. Neither the writer nor the reader
holds more than one step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from clr_ref._files import WriteError, finite, said
from clr_ref.trace.tensors import Tensor

FORMAT = "clr_ref trace"
VERSION = 1
LEVELS = ("weights", "layers")
_CHUNK = 2**16
_GZIP = b"\x1f\x8b"


class TraceError(Exception):
    """A file is no trace, or is damaged; the message names it."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a traced run is made of. The first line of the file.

    Args:
        level: one of LEVELS.
        steps: the number of steps that the run is to make.
        keep: the steps start <= t < stop whose tensors are kept, or None.
        command: the arguments of ``clr-ref`` that made the trace, or None.
        made_of: experiment, learning_rate, data, versions, cpu and settings, as in a report; and optimizer: its class, and its
            arguments that are no defaults.
    """

    level: str
    steps: int
    keep: tuple[int, int] | None
    command: tuple[str, ...] | None
    made_of: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Step:
    """A step, counted from 0, with its tensors in the order of the flow of data."""

    number: int
    tensors: tuple[Tensor, ...]


@dataclasses.dataclass(frozen=True)
class End:
    """The last line of a trace whose run was not interrupted.

    Args:
        traced: the digests of the traced run, as ``Report.digests``.
        untraced: those of the same run without tracing.
    """

    traced: Mapping[str, Any]
    untraced: Mapping[str, Any]

    @property
    def faithful(self) -> bool:
        """Whether tracing did not change a bit of the results."""
        return self.traced == self.untraced


class Writer:
    """Writes a trace, line by line. A context manager.

    Args:
        path: the file, which the first step replaces.

    Raises:
        WriteError: it cannot be written; from the methods.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = contextlib.ExitStack()
        self._file: BinaryIO | None = None
        self._header: Mapping[str, Any] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        with self._explained():
            self._stack.close()

    def header(self, header: Header) -> None:
        """Write the first line, together with the first step: a run that fails before it leaves the file as it was."""
        self._header = finite({"format": FORMAT, "version": VERSION, **dataclasses.asdict(header)})

    def step(self, step: Step) -> None:
        """Write a step."""
        self._line({"step": step.number, "tensors": [tensor.to_data() for tensor in step.tensors]})

    def end(self, end: End) -> None:
        """Write the last line."""
        self._line({"end": {**dataclasses.asdict(end), "faithful": end.faithful}})

    def _line(self, document: Mapping[str, Any]) -> None:
        with self._explained():
            if self._file is None:
                self._file = self._stack.enter_context(self._path.open("wb"))
                self._file.write(_member(self._header))
            self._file.write(_member(document))
            self._file.flush()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(f"{self._path} cannot be written: {said(error)}") from error


class Reader:
    """Reads a trace: its header at once, then step by step.

    Args:
        path: the file.

    Attributes:
        header: the first line.
        finished: whether ``steps`` has yielded all.
        end: the last line then; None if the run was interrupted.

    Raises:
        TraceError: there is no such file, or it is no trace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _lines(path)
        first = next(self._lines, None)
        if not isinstance(first, dict) or first.get("format") != FORMAT:
            raise TraceError(f"{path} is no trace of clr_ref")
        if first.get("version") != VERSION:
            raise TraceError(f"{path} has version {first.get('version')!r} of the format; this clr_ref reads {VERSION}")
        with self._explained():
            self.header = _header(first)
        self.end: End | None = None
        self.finished = False

    def steps(self) -> Iterator[Step]:
        """The steps, which can be read once.

        Raises:
            TraceError: the file is damaged; a last line that is not complete is left out.
        """
        for number, line in enumerate(self._lines):
            with self._explained():
                if "end" in line:
                    self.end = End(line["end"]["traced"], line["end"]["untraced"])
                    break
                if line["step"] != number:
                    raise ValueError(f"step {number} must follow, got {line['step']!r}")
                step = Step(number, tuple(map(Tensor.from_data, line["tensors"])))
            yield step
        self.finished = True

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise TraceError(f"{self._path} is damaged: {error!r}") from None


def is_trace(path: Path) -> bool:
    """Whether a file begins as a trace does.

    Raises:
        TraceError: it cannot be read.
    """
    try:
        if path.is_fifo():
            raise TraceError(f"{path} is a pipe: give a file, which can be read more than once")
        with path.open("rb") as file:
            return file.read(len(_GZIP)) == _GZIP
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {said(error)}") from None


def _member(document: Mapping[str, Any]) -> bytes:
    return gzip.compress(json.dumps(document).encode() + b"\n", 6, mtime=0)


def _header(line: Mapping[str, Any]) -> Header:
    keep, command = (None if line[name] is None else tuple(line[name]) for name in ("keep", "command"))
    if line["level"] not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {line['level']!r}")
    if not all(isinstance(one, str) for one in command or ()):
        raise TypeError(f"command must be strings, got {line['command']!r}")
    return Header(line["level"], line["steps"], keep, command, dict(line["made_of"]))


def _lines(path: Path) -> Iterator[Any]:
    """The lines of all complete members."""
    try:
        with path.open("rb") as file:
            for text in _members(file):
                yield json.loads(text)
    except (OSError, ValueError, RecursionError, zlib.error) as error:
        raise TraceError(f"{path} cannot be read as a trace: {error}") from None


def _members(file: BinaryIO) -> Iterator[bytes]:
    """The content of each gzip member, without one that ends too early."""
    unused, chunk = b"", file.read(_CHUNK)
    while chunk:
        member, parts = zlib.decompressobj(16 + zlib.MAX_WBITS), []
        while chunk and not member.eof:
            parts.append(member.decompress(chunk))
            unused = member.unused_data
            chunk = b"" if member.eof else file.read(_CHUNK)
        if not member.eof:
            return
        yield b"".join(parts)
        chunk = unused or file.read(_CHUNK)
