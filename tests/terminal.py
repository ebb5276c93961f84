"""Runs the command line in a pseudo-terminal, where tables and help texts have the width of the window."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys

#: Colours, movements of the cursor, and titles of the window.
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


def in_terminal(*arguments: str, columns: int = 80, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Return the exit code and the output of ``python -m clr_ref`` in a terminal of so many columns.

    Args:
        arguments: the arguments of the call.
        columns: the width of the terminal.
        env: environment variables that are added to those of this process.

    Returns:
        The exit code, and stdout and stderr as the terminal receives them, without escape sequences. A line that a carriage
        return overwrites, such as a bar of progress, is a line of its own.
    """
    # Only POSIX has these modules.
    import fcntl
    import pty
    import termios

    # COLUMNS and LINES would be taken instead of the size of the terminal, and a CI service would be taken for a terminal.
    unwanted = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    clean = {name: value for name, value in os.environ.items() if name not in unwanted}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "clr_ref", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**clean, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(env or {})},
    )
    os.close(theirs)
    received = b""
    while chunk := _read(ours):
        received += chunk
    os.close(ours)
    text = ESCAPES.sub("", received.decode("utf-8", "replace"))
    return process.wait(), text.replace("\r\n", "\n").replace("\r", "\n")


def too_wide(text: str, columns: int = 80) -> list[str]:
    """Return the lines that are cut with an ellipsis, or that are wider than the terminal."""
    return [line for line in text.splitlines() if "…" in line or len(line) > columns]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the process has closed the terminal
        return b""
