"""Files and folders: which are read, how they are decoded, and what is written."""

from __future__ import annotations

import codecs
import dataclasses
import difflib
import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from clr_ref._files import WriteError, replacing, said
from clr_ref.migrate import notebook
from clr_ref.migrate.edits import applied, moved
from clr_ref.migrate.facts import Counterpart
from clr_ref.migrate.names import ParseError
from clr_ref.migrate.report import Kind
from clr_ref.migrate.source import Changes, changes

_SUFFIXES = (".py", ".ipynb")


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a file.

    Attributes:
        path: the file.
        problem: why the file was left alone, or "".
        before: its text.
        after: its text with the changes.
        findings: a place, a kind and a text for each thing to know.
        uses: a name of TFA that stays, its places, and what Keras has instead.
    """

    path: Path
    problem: str = ""
    before: str = ""
    after: str = ""
    findings: tuple[tuple[str, Kind, str], ...] = ()
    uses: tuple[tuple[str, tuple[str, ...], Counterpart | None], ...] = ()

    @property
    def changes(self) -> bool:
        return self.before != self.after

    @property
    def is_left_to_do(self) -> bool:
        """Whether something must be done by hand."""
        return bool(self.problem) or any(kind == "by hand" for _, kind, _ in self.findings)

    def diff(self) -> list[str]:
        """Return the lines of a unified diff, with the ends that they have in the file."""
        name = self.path.as_posix()
        names = (name, name) if self.path.is_absolute() else (f"a/{name}", f"b/{name}")
        before, after = (io.StringIO(text, newline="").readlines() for text in (self.before, self.after))
        return list(difflib.unified_diff(before, after, *names))


def migrate(path: Path, *, write: bool = False) -> Result:
    """Return what changes in a file, and change it if ``write``."""
    try:
        data = path.read_bytes()
        text, encoding, mark = _decoded(data, path.suffix == ".ipynb")
        result = _result(path, text, write)
        if write and result.changes:
            with replacing(path) as beside:
                beside.write_bytes(mark + result.after.encode(encoding))
    except ParseError as error:
        return Result(path, f"it cannot be parsed: {error}")
    except WriteError as error:
        return Result(path, str(error))
    except OSError as error:
        return Result(path, f"it cannot be read: {said(error)}")
    return result


def found_in(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and the Python files and notebooks in folders, each once.

    Folders that are hidden, virtual environments or caches are left out.
    """
    seen = set()
    for path in paths:
        for file in _walked(path) if path.is_dir() else [path]:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _walked(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not _is_left_out(os.path.join(folder, name), name))
        for name in sorted(files):
            file = Path(folder, name)
            if file.suffix in _SUFFIXES and file.is_file():
                yield file


def _is_left_out(folder: str, name: str) -> bool:
    if name.startswith(".") or name in ("__pycache__", "site-packages", "node_modules"):
        return True
    return any(os.path.exists(os.path.join(folder, mark)) for mark in ("pyvenv.cfg", "conda-meta"))


def _decoded(data: bytes, is_notebook: bool) -> tuple[str, str, bytes]:
    """Return the text of a file, its encoding, and the byte order mark that it begins with."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding = "utf-8" if is_notebook else tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        encoding = encoding.replace("-sig", "")
        text = data[len(mark) :].decode(encoding)
        if text.encode(encoding) != data[len(mark) :]:
            raise ParseError(f"its bytes cannot be kept in the encoding {encoding}")
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise ParseError(str(error)) from None
    return text, encoding, mark


def _result(path: Path, text: str, after: bool) -> Result:
    if path.suffix == ".ipynb":
        cells = notebook.code_cells(text)
        found = notebook.notebook_changes(cells)
        return _told(path, text, notebook.written(text, cells, found.edits), found, cells, after)
    found = changes(text)
    return _told(path, text, applied(text, found.edits), found, [], after)


def _told(path: Path, before: str, now: str, found: Changes, cells: list[notebook.Cell], after: bool) -> Result:
    """Return a result with places as they are before or after the changes."""

    def place(line: int) -> str:
        own = next((cell for cell in reversed(cells) if cell.first <= line), None)
        first, name = (own.first, f"cell {own.number}, line ") if own else (1, "")
        edits = [edit for edit in found.edits if edit.start.line >= first] if after else []
        return f"{name}{moved(line, edits) - first + 1}"

    findings = tuple((place(finding.line), finding.kind, finding.text) for finding in found.findings)
    uses = tuple((use.name, tuple(map(place, use.lines)), use.counterpart) for use in found.uses)
    return Result(path, "", before, now, findings, uses)
