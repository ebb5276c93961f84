"""Lines of text that fit the terminal."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap

import click


def say(text: str = "", *, indent: str = "") -> None:
    """Print text on stdout; on a terminal its lines are wrapped to the width, with ``indent`` before all but the first."""
    if sys.stdout is None:  # it was closed before the start
        return
    for line in printable(text, sys.stdout.encoding).split("\n"):
        click.echo(_wrapped(line, _width(), indent) if _wraps() else line)


def printable(text: str, encoding: str | None = "utf-8") -> str:
    """Return text that the encoding can hold: the name of a file can have bytes that are no UTF-8."""
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")


def _wraps() -> bool:
    return sys.stdout.isatty()


def _width() -> int:
    return max(40, shutil.get_terminal_size().columns)


def _wrapped(line: str, width: int, indent: str) -> str:
    """Return a line in lines of the width. One that holds a command is broken so that it can be pasted."""
    before, repeat, command = line.partition("repeat with: ")
    if repeat and len(line) > width:
        return before + repeat + "\\\n" + _broken(command, width, f"{indent}{' ' * (len(before) + 2)}")
    start = line[: len(line) - len(line.lstrip())]
    rest = indent + start + ("  " if start else "")
    return textwrap.fill(line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False) or line


def _broken(command: str, width: int, indent: str) -> str:
    lines, current = [], ""
    for word in map(shlex.quote, shlex.split(command)):
        if current and len(indent) + len(current) + len(word) + 3 > width:
            lines.append(f"{indent}{current} \\")
            current = ""
        current = f"{current} {word}" if current else word
    return "\n".join([*lines, indent + current])
