"""A Python module in a process of its own, with one JSON document per line in each direction."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any


class Child:
    """A process that runs a module, which reads standard input and writes with ``replies``.

    Args:
        module: as for ``python -m``.
        arguments: its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._noise = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            encoding="utf-8",
        )
        # A pipe cannot be read with a timeout on every system; a queue can.
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, document: Any) -> None:
        """Sends one document.

        Raises:
            OSError: the process has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def receive(self, timeout: float | None = None) -> Any:
        """Returns the next document that the process sends.

        Args:
            timeout: in seconds; None waits until the process ends.

        Raises:
            TimeoutError: none came in time.
            ConnectionError: the process has ended; its exit code and the last line of its standard error.
        """
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        if not line.endswith("\n"):  # the end of its output, or a line that it did not finish
            raise ConnectionError(self._last_words())
        return json.loads(line)

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def stop(self, patience: float = 0.0) -> None:
        """Ends the process: by the end of its input if it ends within ``patience`` seconds, else by force."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(patience)
        self._process.kill()
        self._process.wait()
        # A process that the child started can hold the pipe open; then the thread stays, and ends with this process.
        self._reader.join(1.0)
        for stream in (self._process.stdin, self._noise):
            with contextlib.suppress(OSError):  # what was still to be sent to a dead process
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def _last_words(self) -> str:
        code = self._process.wait()
        self._noise.seek(0)
        lines = [line.strip() for line in self._noise.read().splitlines() if line.strip()]
        return f"exit code {code}" + (f", {lines[-1]}" if lines else "")


def replies() -> Callable[[Any], None]:
    """Returns a function that sends one document to the parent process.

    Whatever else is printed goes to standard error from now on, so that an implementation can print what it likes.
    """
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)

    def send(document: Any) -> None:
        stream.write(json.dumps(document) + "\n")
        stream.flush()

    return send
