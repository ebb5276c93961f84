"""The implementation under test, in this process or in one that may hang or crash.

Both classes remember what was returned, and return the same for an equal request. So an implementation that returns something
else at every call fails the checks of clause 3.4 alone, and cannot disturb the search for a small counterexample.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

from clr_ref.conformance.config import POLICY_NAMES
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.process import Child
from clr_ref.conformance.protocol import IMPORTING, Capabilities, Make, Offer, Request, capabilities_from, offer_of, responses
from clr_ref.conformance.response import Response

#: Seconds that an implementation has to be imported, and to return the rate of one step, without what it imports meanwhile.
IMPORT_TIMEOUT, STEP_TIMEOUT = 300.0, 10.0
#: Seconds that the process has to end by itself after its last request.
LEAVE_TIMEOUT = 5.0
#: A policy for which the process died so often in a row, or in all, is not evaluated further: each time costs a new process.
DEATHS_IN_A_ROW, DEATHS = 5, 100

Responses = tuple[Response, ...]


class Subject(Protocol):
    """An implementation that the kit can evaluate."""

    capabilities: Capabilities

    @property
    def evaluate(self) -> Callable[[Request], Responses]:
        """Returns ``request.expected`` responses. All responses after a hang are hangs too."""
        ...


class Local:
    """An implementation in this process, which it can hang or crash.

    Args:
        make: the implementation.
        policies: those that are tested; ``make`` is called for no other one.
    """

    def __init__(self, make: Make, policies: Sequence[str] = POLICY_NAMES) -> None:
        self.evaluate = functools.cache(self._evaluate)
        self._make = make
        self.capabilities = capabilities_from({policy: offer_of(make, policy) for policy in policies})

    def _evaluate(self, request: Request) -> Responses:
        return tuple(responses(self._make, request))


class Remote:
    """An implementation in a process of its own, which is replaced when it hangs or dies. A context manager.

    Args:
        name: as for ``load``.
        policies: those that are tested; ``make`` is called for no other one.
        timeout: seconds after which a step without a rate is a hang.

    Raises:
        LoadError: on entering: the implementation cannot be imported, or takes other arguments.
    """

    def __init__(self, name: str, policies: Sequence[str] = POLICY_NAMES, timeout: float | None = None) -> None:
        self.evaluate = functools.cache(self._evaluate)
        self.name = name
        self._policies = policies
        self._timeout = STEP_TIMEOUT if timeout is None else timeout
        self._child: Child | None = None
        self._deaths = dict.fromkeys(POLICY_NAMES, 0)
        self._in_a_row = dict.fromkeys(POLICY_NAMES, 0)

    def __enter__(self) -> Remote:
        try:
            self._start()
            self.capabilities = capabilities_from({policy: self._offer(policy) for policy in self._policies})
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop(LEAVE_TIMEOUT if kind is None else 0.0)

    def _offer(self, policy: str) -> Offer:
        child = self._child or self._start()
        try:
            child.send({"offer": policy})
            return Offer(**self._reply_of(child))
        except (OSError, TypeError):  # it hangs, dies, or sends something else, which the first request will show
            self._stop()
            return Offer()

    def _evaluate(self, request: Request) -> Responses:
        policy = request.config.policy
        given: list[Response] = []
        try:
            child = self._child or self._start()
            child.send(dataclasses.asdict(request))
            while len(given) < request.expected:
                # The timeout holds for the first step too, to which a scheduler has to count.
                given.append(Response.received(self._reply_of(child)))
            self._in_a_row[policy] = 0
        except TimeoutError:
            given.append(Response("hang", f"did not return within {self._timeout:g} s"))
            self._stop()
        except (OSError, LoadError) as error:  # a LoadError: it could be imported before
            given.append(self._death(policy, str(error)))
            self._stop()
        return tuple(given + [given[-1]] * (request.expected - len(given)))

    def _reply_of(self, child: Child) -> Any:
        """Returns the next reply. Its time begins anew with every module that the implementation imports.

        Raises:
            TimeoutError: there is none in time. An implementation that tries to import something forever hangs too.
        """
        end = time.monotonic() + IMPORT_TIMEOUT
        while (document := child.receive(self._timeout)) == IMPORTING:
            if time.monotonic() > end:
                raise TimeoutError
        return document

    def _death(self, policy: str, words: str) -> Response:
        self._deaths[policy] += 1
        self._in_a_row[policy] += 1
        if self._in_a_row[policy] < DEATHS_IN_A_ROW and self._deaths[policy] < DEATHS:
            return Response("error", f"the process died: {words}")
        return Response("hang", f"the process died {self._deaths[policy]} times, the last time: {words}")

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
