"""The files of a store: regular files of a bounded size, in real folders, with plain names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

#: Bytes of a file at most. A values file of as many steps as a case may have takes up to 72 MB.
MAX_BYTES = 134_217_728
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_bytes(path: Path) -> bytes:
    """Return the content of a file of a store.

    Raises:
        ValueError: no regular file, or too large. To open a pipe would wait for ever, and a link may lead to any device.
        OSError: it cannot be read.
    """
    status = path.lstat()
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is not None:
        raise ValueError(f"{kind}, where a regular file must be")
    if status.st_size > MAX_BYTES:
        raise ValueError(_too_large(status.st_size))
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Return the text of a file of a store, with Unix line ends.

    Raises:
        ValueError: as for ``read_bytes``, or no UTF-8.
        OSError: it cannot be read.
    """
    return read_bytes(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _too_large(size: int) -> str:
    return f"{size:,} bytes; a file of a store has at most {MAX_BYTES:,}"


def file_names(folder: Path) -> list[str]:
    """Return all regular files below a folder, as sorted relative names."""
    return sorted(name for name, entry in _entries(folder) if entry.is_file(follow_symlinks=False))


def foreign(folder: Path) -> list[str]:
    """Return a problem for everything below a folder that no store holds, such as a link or a pipe. Nothing is opened."""
    found = []
    for name, entry in _entries(folder):
        kind = _KINDS.get(stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode))
        if kind is not None and not entry.is_dir(follow_symlinks=False):
            found.append(f"{name}: {kind}; a store holds regular files in real folders alone")
        elif not name.isprintable() or "\\" in name:
            # A line of SHA256SUMS could not hold it.
            found.append(f"{name!a}: the name has characters that a file of a store must not have")
        elif entry.is_file(follow_symlinks=False) and (size := entry.stat(follow_symlinks=False).st_size) > MAX_BYTES:
            found.append(f"{name}: {_too_large(size)}")
    return sorted(found)


def _entries(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield everything below a folder with its relative name. Links are not followed."""
    folders = [""]
    while folders:
        parent = folders.pop()
        with os.scandir(folder / parent) as entries:
            for entry in entries:
                name = f"{parent}{entry.name}"
                yield name, entry
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
