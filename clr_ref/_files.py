"""Files that are written, which are complete or unchanged, and TOML files of users.

A file is written beside its place and moved there at the end, so that neither a failure nor a signal leaves a part of it.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import math
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The largest TOML file, in bytes.
_LARGEST_TOML = 2**20
#: The most dots in a line: tomllib takes minutes for a key of 50,000 parts.
_DOTS = 1000


class WriteError(OSError):
    """A file cannot be written and is unchanged; the message names it and the reason."""


class TomlError(ValueError):
    """A file cannot be read, or is no TOML; the message names it."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same name; the file that is written there replaces ``path`` at the end.

    The file keeps its permissions, and a link keeps pointing to it. Devices, pipes and /dev/stdout cannot be replaced: they
    receive the finished bytes.

    Raises:
        WriteError: the file cannot be written.
    """
    try:
        special = is_special(path)
        target = path if special else _resolved(path)
        with tempfile.TemporaryDirectory(dir=None if special else target.parent, prefix=_prefix(target)) as folder:
            beside = Path(folder) / path.name
            yield beside
            if special:
                with beside.open("rb") as source, target.open("ab") as sink:  # /dev/stdout may be a file with content
                    shutil.copyfileobj(source, sink)
                return
            with contextlib.suppress(FileNotFoundError):
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            with beside.open("rb") as written:
                os.fsync(written.fileno())  # or a power failure could leave the name with an empty file
            beside.replace(target)
    except OSError as error:
        raise WriteError(f"{path} cannot be written, and is as it was: {said(error)}") from error


def write_text(path: Path, text: str) -> None:
    r"""Write UTF-8 text with \n at the ends of lines, completely or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    with replacing(path) as beside:
        beside.write_text(text, "utf-8", newline="\n")


def reason_against(path: Path) -> str | None:
    """Return why ``replacing(path)`` would fail, in words, or None. No file is left behind."""
    try:
        if path.is_dir():
            return "it is a folder"
        if path.exists() and not os.access(path, os.W_OK):
            return "there is no permission to write it"
        return None if is_special(path) else _reason_against_files_in(_resolved(path).parent)
    except OSError as error:  # a folder that may not be searched, links in a circle
        return said(error)


def reason_against_folder(path: Path) -> str | None:
    """Return why files cannot be written into a folder, in words, or None. The folder need not exist yet."""
    folders = (path.absolute(), *path.absolute().parents)
    try:
        return _reason_against_files_in(next(folder for folder in folders if folder.exists() or folder.is_symlink()))
    except OSError as error:  # a name that is too long, a folder that may not be searched
        return said(error)


def make_folder(path: Path) -> None:
    """Make a folder, with those above it, unless it is there.

    Raises:
        WriteError: it cannot be made, or no file can be written into it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{path} cannot be made: {said(error)}") from None
    if reason := _reason_against_files_in(path):
        raise WriteError(reason)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary folders that killed processes left beside ``path``. No other process may be writing ``path``."""
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*"):
        shutil.rmtree(left, ignore_errors=True)


def folder_beside(path: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder beside ``path``, on the same file system.

    ``remove_leftovers`` removes what cannot be removed at the end: an error then would deny what has been written.
    """
    return tempfile.TemporaryDirectory(dir=path.parent, prefix=_prefix(path), ignore_cleanup_errors=True)


def _prefix(path: Path) -> str:
    # File systems allow names of 255 bytes, and a character takes up to 4.
    return f".{os.fsdecode(os.fsencode(path.name)[:60])}.clr-ref-new-"


def _resolved(path: Path) -> Path:
    """Return the file that a link leads to. For links in a circle, Python 3.12 raises RuntimeError, and 3.13 does not."""
    with contextlib.suppress(RuntimeError):
        target = path.resolve()
        if not target.is_symlink():
            return target
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def is_special(path: Path) -> bool:
    """Return whether a path is a device or a pipe, or may lead to one: it is no file that can be replaced."""
    place = path.absolute()
    return (path.exists() and not path.is_file()) or place.parts[1:2] == ("proc",) or str(place.parent) in ("/dev", "/dev/fd")


def _reason_against_files_in(folder: Path) -> str | None:
    if not folder.is_dir():
        return f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"no file can be made in {folder}: {said(error)}"


def said(error: OSError) -> str:
    """Return what an error says without its number and path."""
    return error.strerror or str(error)


def json_text(document: Any) -> str:
    """Return a document as JSON, with a line for each value, and strings for NaN and infinity."""
    return json.dumps(finite(document), indent=1)


def finite(document: Any) -> Any:
    """Return a document with strings for NaN and infinity, which JSON does not have."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [finite(value) for value in document]
    return str(document) if isinstance(document, float) and not math.isfinite(document) else document


def read_toml(path: Path, extra: str) -> dict[str, Any]:
    """Return the document in a TOML file.

    Args:
        path: the file.
        extra: the extra of clr-ref that installs what reads TOML in Python 3.10.

    Raises:
        TomlError: it cannot be read, or is no TOML.
    """
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        # A terminal or a pipe without a writer would be read forever, and /dev/zero would fill the memory.
        if path.exists() and not path.is_file() and str(path) != os.devnull:
            raise TomlError(f"{path}: is no regular file")
        with path.open("rb") as file:
            content = file.read(_LARGEST_TOML + 1)
        if len(content) > _LARGEST_TOML:
            raise TomlError(f"{path}: must have at most {_LARGEST_TOML:,} bytes, got more")
        text = content.decode("utf-8")
        if any(line.count(".") > _DOTS for line in text.splitlines()):
            raise RecursionError
        return tomllib.loads(text)
    except OSError as error:
        raise TomlError(f"{path}: {said(error)}") from None
    except ImportError as error:
        raise TomlError(f"{path} cannot be read without tomli: pip install clr-ref[{extra}] ({error})") from None
    except RecursionError:
        raise TomlError(f"{path}: its values are nested too deeply") from None
    except ValueError as error:  # no UTF-8, no TOML, a number of thousands of digits
        raise error if isinstance(error, TomlError) else TomlError(f"{path}: is no TOML: {error}") from None
