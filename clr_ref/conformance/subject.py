"""The implementation under test, in this process or in one that may hang or crash.

Both classes remember what was returned, and return the same for an equal question. So an implementation that returns something
else at every call fails the checks of clause 3.4 alone, and cannot disturb the search for a small counterexample.
"""

from __future__ import annotations

import dataclasses
import sys
from types import TracebackType
from typing import Protocol

from clr_ref.conformance.load import LoadError
from clr_ref.conformance.process import Child
from clr_ref.conformance.protocol import UNKNOWN, Answer, Make, Nature, Question, answers, nature

#: Seconds that an implementation has to be imported, and to return the rate of one step.
IMPORT_TIMEOUT, STEP_TIMEOUT = 300.0, 10.0
#: Seconds that the process has to end by itself after its last question.
LEAVE_TIMEOUT = 5.0

Answers = tuple[Answer, ...]


class Subject(Protocol):
    """An implementation that the kit can evaluate."""

    nature: Nature

    def ask(self, question: Question) -> Answers:
        """Returns ``question.expected`` answers. All answers after a hang are hangs too."""
        ...


class Local:
    """An implementation in this process, which it can hang or crash."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[Question, Answers] = {}
        self.nature = nature(make)

    def ask(self, question: Question) -> Answers:
        """Returns what the implementation returns."""
        if question not in self._known:
            self._known[question] = tuple(answers(self._make, question))
        return self._known[question]


class Remote:
    """An implementation in a process of its own, which is replaced when it hangs or dies. A context manager.

    Args:
        name: as for ``load``.
        timeout: seconds after which a step without a rate is a hang.

    Raises:
        LoadError: on entering: the implementation cannot be imported.
    """

    def __init__(self, name: str, timeout: float = STEP_TIMEOUT) -> None:
        self.name = name
        self.nature = UNKNOWN
        self._timeout = timeout
        self._known: dict[Question, Answers] = {}
        self._child: Child | None = None

    def __enter__(self) -> Remote:
        try:
            child = self._start()
        except BaseException:
            self._stop()
            raise
        try:
            child.send("nature")
            self.nature = Nature(**child.receive(self._timeout))
        except OSError:  # it hangs or dies, which the first question will show
            self._stop()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(LEAVE_TIMEOUT)

    def ask(self, question: Question) -> Answers:
        """Returns what the implementation returns, or that it hung or died."""
        if question not in self._known:
            self._known[question] = self._ask(question)
        return self._known[question]

    def _ask(self, question: Question) -> Answers:
        child = self._child or self._start()
        given: list[Answer] = []
        try:
            child.send(dataclasses.asdict(question))
            while len(given) < question.expected:
                # The first answer of a scheduler comes after it has counted to its step.
                given.append(Answer(*child.receive(self._timeout)))
        except TimeoutError:
            given.append(Answer("hang", f"did not return within {self._timeout:g} s"))
        except OSError as error:
            given.append(Answer("error", f"the process died: {error}"))
        if given[-1].kind == "hang" or child.ended:
            self._stop()
        return tuple(given + [given[-1]] * (question.expected - len(given)))

    def _start(self) -> Child:
        child = self._child = Child("clr_ref.conformance.worker")
        try:
            child.send({"name": self.name, "path": sys.path})
            reply = child.receive(IMPORT_TIMEOUT)
        except TimeoutError:
            raise LoadError(f"importing {self.name} did not end within {IMPORT_TIMEOUT:g} s") from None
        except OSError as error:
            raise LoadError(f"importing {self.name} ended the process: {error}") from None
        if "error" in reply:
            raise LoadError(reply["error"])
        return child

    def _stop(self, patience: float = 0.0) -> None:
        if self._child is not None:
            self._child.stop(patience)
            self._child = None
