"""SHA256SUMS: the checksums of every file of a store, in the form of coreutils' ``sha256sum``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clr_ref.golden.files import file_names, read_bytes

SUMS = "SHA256SUMS"


def sha256(data: bytes) -> str:
    """The sha256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def text_sha256(path: Path) -> str:
    """The sha256 of a text file with Unix line ends: the recorder states that one, and a checkout may have others."""
    return sha256(path.read_text("utf-8").encode())


def render_sums(folder: Path) -> str:
    """The text that SHA256SUMS must have."""
    return "".join(f"{sha256(read_bytes(folder / name))}  {name}\n" for name in file_names(folder) if name != SUMS)


def sums_problems(folder: Path) -> list[str]:
    """Every file that SHA256SUMS lists otherwise than it is, one line each that begins with its name."""
    path = folder / SUMS
    try:
        text = read_bytes(path).decode("utf-8")
    except FileNotFoundError:
        return [f"{SUMS}: missing"]
    except ValueError as error:
        return [f"{SUMS}: {error}"]
    expected = render_sums(folder)
    stated, actual = _by_name(text), _by_name(expected)
    problems = [f"{name}: listed in {SUMS}, but not there" for name in sorted(stated.keys() - actual)]
    problems += [f"{name}: not listed in {SUMS}" for name in sorted(actual.keys() - stated)]
    changed = [name for name in sorted(actual.keys() & stated) if actual[name] != stated[name]]
    problems += [f"{name}: sha256 is not that of {SUMS}" for name in changed]
    if not problems and text != expected:
        problems.append(f"{SUMS}: not in canonical form")
    return problems


def _by_name(text: str) -> dict[str, str]:
    return {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}
