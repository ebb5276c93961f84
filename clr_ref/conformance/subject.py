"""The implementation under test, in this process or in one that may hang or crash.

Both classes remember what was returned, and return the same for an equal request. So an implementation that returns something
else at every call fails the checks of clause 3.4 alone, and cannot disturb the search for a small counterexample.
"""

from __future__ import annotations

import dataclasses
import sys
from types import TracebackType
from typing import Protocol

from clr_ref.conformance.load import LoadError
from clr_ref.conformance.process import Child
from clr_ref.conformance.protocol import UNKNOWN, Capabilities, Make, Request, Response, capabilities_of, responses

#: Seconds that an implementation has to be imported, and to return the rate of one step.
IMPORT_TIMEOUT, STEP_TIMEOUT = 300.0, 10.0
#: Seconds that the process has to end by itself after its last request.
LEAVE_TIMEOUT = 5.0

Responses = tuple[Response, ...]


class Subject(Protocol):
    """An implementation that the kit can evaluate."""

    capabilities: Capabilities

    def evaluate(self, request: Request) -> Responses:
        """Returns ``request.expected`` responses. All responses after a hang are hangs too."""
        ...


class Local:
    """An implementation in this process, which it can hang or crash."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._known: dict[Request, Responses] = {}
        self.capabilities = capabilities_of(make)

    def evaluate(self, request: Request) -> Responses:
        """Returns what the implementation returns."""
        if request not in self._known:
            self._known[request] = tuple(responses(self._make, request))
        return self._known[request]


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
        self.capabilities = UNKNOWN
        self._timeout = timeout
        self._known: dict[Request, Responses] = {}
        self._child: Child | None = None

    def __enter__(self) -> Remote:
        try:
            child = self._start()
        except BaseException:
            self._stop()
            raise
        try:
            child.send("capabilities")
            self.capabilities = Capabilities(**child.receive(self._timeout))
        except OSError:  # it hangs or dies, which the first request will show
            self._stop()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(LEAVE_TIMEOUT)

    def evaluate(self, request: Request) -> Responses:
        """Returns what the implementation returns, or that it hung or died."""
        if request not in self._known:
            self._known[request] = self._evaluate(request)
        return self._known[request]

    def _evaluate(self, request: Request) -> Responses:
        child = self._child or self._start()
        given: list[Response] = []
        try:
            child.send(dataclasses.asdict(request))
            while len(given) < request.expected:
                # The timeout holds for the first step too, to which a scheduler has to count.
                given.append(Response(*child.receive(self._timeout)))
        except TimeoutError:
            given.append(Response("hang", f"did not return within {self._timeout:g} s"))
        except OSError as error:
            given.append(Response("error", f"the process died: {error}"))
        if given[-1].kind == "hang" or child.ended:
            self._stop()
        return tuple(given + [given[-1]] * (request.expected - len(given)))

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
