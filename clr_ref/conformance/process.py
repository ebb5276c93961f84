"""A Python module in a process of its own, with one JSON document per line in each direction.

What runs there may do anything: hang, die, start processes, print, read standard input, or write into the pipe of the replies.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clr_ref.conformance.words import printable

#: A longer line than this, in characters, is no reply. The longest is the report on a peer, of a few million.
LONGEST = 1 << 26
#: So many replies wait at most; a child that floods the pipe then waits, and fills no memory.
WAITING = 1_000
#: Seconds between two looks whether a process has ended.
INTERVAL = 0.05
#: Seconds that a process has to end after the end of its output, so that its exit code is known.
LEAVE = 2.0
#: So many bytes of the end of standard error are kept, and searched for the last line.
LAST_WORDS = 1 << 16
#: The environment variable whose value all processes inherit that a process of the kit starts.
MARK = "CLR_REF_CHILD"
#: Runs a module as ``python -m`` does, but finds modules where the parent process does: ``-m`` would look in the current folder
#: first, where a file of the user can have the name of a module of Python.
_RUN = "import sys; sys.path[:] = {path!r}; import runpy; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"


class Child:
    """A process that runs a module, which gets its two directions from ``channel``.

    Args:
        module: as for ``python -m``.
        arguments: its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._mark = uuid.uuid4().hex
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUN.format(path=[*map(str, sys.path)], module=module), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=os.environ | {MARK: self._mark},
            # A group of its own: whatever the module starts ends with it, and Ctrl-C reaches this process alone.
            start_new_session=True,
        )
        # Not a file: what the module prints may be endless, and would fill the disk.
        self._noise = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        # A pipe cannot be read with a timeout on every system; a queue can.
        self._lines: queue.Queue[str] = queue.Queue(WAITING)
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
            ConnectionError: the process has ended, or what it sent is no document; its exit code and the last line of its
                standard error.
        """
        line = self._next_line(float("inf") if timeout is None else time.monotonic() + timeout)
        if len(line) == LONGEST:
            raise ConnectionError(f"it sent a reply of more than {LONGEST:,} characters")
        if not line.endswith("\n"):  # the end of its output, or a line that it did not finish
            raise ConnectionError(self._last_words())
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise ConnectionError("it wrote into the pipe of the kit") from None

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def stop(self, patience: float = 0.0) -> None:
        """Ends the process and all that it started.

        Args:
            patience: seconds that it has to end by itself, after the end of its input.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self._kill()
        # The reader waits for a place in the queue, or for a process that left the group and still holds the pipe. In the
        # latter case the thread stays, and ends with this process.
        end = time.monotonic() + 1.0
        while self._reader.is_alive() and time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                self._lines.get(timeout=INTERVAL)

    def _kill(self) -> None:
        with contextlib.suppress(OSError):  # nothing of the group is left
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        _kill_marked(self._mark)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream, contextlib.suppress(ValueError, OSError):
            while line := stream.readline(LONGEST):
                self._lines.put(line)
        self._lines.put("")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            while noise := os.read(stream.fileno(), LAST_WORDS):
                self._noise = (self._noise + noise)[-LAST_WORDS:]

    def _next_line(self, end: float) -> str:
        """Returns the next line; an empty one if the process has ended, even if one that it started still holds the pipe."""
        while True:
            ended = self.ended  # before the queue is looked at: what it wrote last is still read
            try:
                return self._lines.get(timeout=max(min(INTERVAL, end - time.monotonic()), 0))
            except queue.Empty:
                if ended:
                    break
                if time.monotonic() >= end:
                    raise TimeoutError from None
        self._kill()  # what holds the pipe, so that the reader comes to its end
        with contextlib.suppress(queue.Empty):
            return self._lines.get(timeout=LEAVE)  # on a busy machine, the reader may not have read the last line yet
        return ""

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE)
        self._kill()
        self._listener.join(LEAVE)  # a process that was not found can still hold the pipe
        lines = [line.strip() for line in self._noise.decode("utf-8", "replace").splitlines() if line.strip()]
        code = self._process.returncode
        end = f"exit code {code}" if code >= 0 else f"killed by {_signal_name(-code)}"
        return end + (f", {printable(lines[-1])}" if lines else "")


def channel() -> tuple[Iterator[Any], Callable[[Any], None]]:
    """Returns the documents that the parent process sends, and a function that sends one to it.

    What the module prints goes to standard error from now on, and its standard input is empty: it can print and read what it
    likes. If the parent process ends, this process ends, with all that it started.
    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    # A module that replaces functions of json replaces neither of these.
    encode, decode = json.JSONEncoder().encode, json.JSONDecoder().decode
    if hasattr(os, "killpg"):
        threading.Thread(target=_end_with, args=(os.getppid(), os.environ.get(MARK)), daemon=True).start()

    def send(document: Any) -> None:
        stream.write(encode(document) + "\n")
        stream.flush()

    return (decode(line) for line in requests), send


def _end_with(parent: int, mark: str | None) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    if mark:
        _kill_marked(mark)
    os.killpg(0, signal.SIGKILL)


def _kill_marked(mark: str) -> None:
    """Kills the processes that inherited a mark, on Linux: one that began a session of its own is not in the group.

    This process is not killed, although it can have inherited the mark.
    """
    for environment in Path("/proc").glob("[0-9]*/environ"):
        pid = int(environment.parent.name)
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if pid != os.getpid() and f"{MARK}={mark}".encode() in environment.read_bytes():
                os.kill(pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
