"""The implementation under test as something that can be asked: in this process, or in one that may hang or crash.

Both give the same answer to the same question every time, since they remember it: an implementation that does not is found by
the checks of clause 3.4 alone, and cannot make the search for a small counterexample wander.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from types import TracebackType
from typing import Any, Protocol

from clr_ref.conformance.load import LoadError
from clr_ref.conformance.protocol import UNKNOWN, Answer, Make, Nature, Question, answers, nature

#: Seconds in which an implementation has to be imported, and in which it has to answer one question about one step.
IMPORT_TIMEOUT, STEP_TIMEOUT = 300.0, 10.0
#: Seconds that a process has to leave in its own way when nothing more is asked.
LEAVE_TIMEOUT = 5.0
#: Seconds between two looks at the clock.
WATCH = 0.05

Answers = tuple[Answer, ...]


class Subject(Protocol):
    """An implementation that can be asked."""

    nature: Nature

    def ask(self, question: Question) -> Answers:
        """The answers to a question, ``question.expected`` of them. After a hang there are no answers but ``hang``."""
        ...


class Local:
    """An implementation in this process: no protection against hangs and crashes."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[Question, Answers] = {}
        self.nature = nature(make)

    def ask(self, question: Question) -> Answers:
        if question not in self._known:
            self._known[question] = tuple(answers(self._make, question))
        return self._known[question]


class Remote:
    """An implementation in a process of its own, which is replaced when it hangs or dies. A context manager.

    Args:
        name: as for ``load``.
        timeout: seconds until a step without an answer is a hang.

    Raises:
        LoadError: on entering: the implementation cannot be imported.
    """

    def __init__(self, name: str, timeout: float = STEP_TIMEOUT) -> None:
        self.name = name
        self.nature = UNKNOWN
        self._timeout = timeout
        self._known: dict[Question, Answers] = {}
        self._process: subprocess.Popen[str] | None = None
        self._deadline = math.inf  # of the answer that is waited for
        self._late = False
        self._noise = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115

    def __enter__(self) -> Remote:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(LEAVE_TIMEOUT)
        self._noise.close()

    def ask(self, question: Question) -> Answers:
        if question not in self._known:
            self._known[question] = self._ask(question)
        return self._known[question]

    def _ask(self, question: Question) -> Answers:
        if self._process is None:
            self._start()
        found: list[Answer] = []
        try:
            self._send(dataclasses.asdict(question))
            while len(found) < question.expected:
                # The first answer of a scheduler comes after it has counted to its step.
                found.append(Answer(*self._receive(self._timeout)))
        except TimeoutError:
            found.append(Answer("hang", f"did not answer within {self._timeout:g} s"))
        except OSError as error:
            found.append(Answer("error", f"the process died: {error}"))
        if len(found) < question.expected or found[-1].failed:
            if found[-1].kind == "hang" or self._process is None or self._process.poll() is not None:
                self._stop()
            found += [found[-1]] * (question.expected - len(found))
        return tuple(found)

    def _start(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "clr_ref.conformance.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            encoding="utf-8",
        )
        self._process, self._late = process, False
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        try:
            self._send({"name": self.name, "path": sys.path})
            reply = self._receive(IMPORT_TIMEOUT)
        except TimeoutError:
            raise LoadError(f"importing {self.name} did not end within {IMPORT_TIMEOUT:g} s") from None
        except OSError as error:
            raise LoadError(f"importing {self.name} ended the process: {error}") from None
        if "error" in reply:
            raise LoadError(reply["error"])
        if self.nature is UNKNOWN:
            try:
                self._send("nature")
                self.nature = Nature(**self._receive(self._timeout))
            except (TimeoutError, OSError):
                self._stop()

    def _stop(self, patience: float = 0.0) -> None:
        """End the process: at the end of its input if it can within ``patience`` seconds, else by force."""
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(patience)
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):  # what was still to be sent to a dead process
                        stream.close()
            self._process = None

    def _send(self, document: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def _receive(self, timeout: float) -> Any:
        """One reply.

        Raises:
            TimeoutError: none came.
            ConnectionError: the process ended; its last words.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        self._deadline = time.monotonic() + timeout
        line = self._process.stdout.readline()
        self._deadline = math.inf
        if self._late:
            raise TimeoutError
        if not line:
            code = self._process.wait()
            self._noise.seek(0)
            words = [text for text in self._noise.read().splitlines() if text.strip()]
            raise ConnectionError(f"exit code {code}" + (f", {words[-1].strip()}" if words else ""))
        return json.loads(line)

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """Kill the process if it is past its deadline: whoever waits for its answer then meets the end of its output."""
        while process.poll() is None:
            if time.monotonic() > self._deadline:
                self._late = True
                process.kill()
                return
            time.sleep(WATCH)
