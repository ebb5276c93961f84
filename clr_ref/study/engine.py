"""The engine: it feeds jobs to the workers of a Dask cluster as they finish, so that its memory does not grow with the jobs.

It knows nothing of training. Each worker is inspected first, and gets jobs only if it fits. A job goes to one worker by name:
Dask's own scheduling would also use workers that nobody has inspected, such as those that join later.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import itertools
import queue
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: Jobs that a worker has at a time: it begins the second without waiting for the next message.
DEPTH = 2
#: So many times a job is tried.
ATTEMPTS = 3
#: Seconds between two looks at which workers there are.
LOOK = 0.5
#: Seconds without a worker that fits after which the engine gives up: one that has ended may be started again.
PATIENCE = 60.0
#: What Dask raises where it has waited too long; one class from Python 3.11 on.
TIMEOUTS = (TimeoutError, asyncio.TimeoutError)


class EngineError(Exception):
    """The cluster cannot run the jobs; the message says why. What has finished is not lost."""


class _LostError(Exception):
    """A result was lost with its worker."""


@dataclasses.dataclass(frozen=True)
class Job:
    """Arguments of the work, and what the caller knows the job by."""

    key: Any
    arguments: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the engine calls.

    Args:
        inspect: called on each worker with ``inspect_arguments``; it returns a description, or raises why the worker is no use.
        reference: called with the description of each worker that was there at the start; returns the one that all have to fit.
        misfit: called with the reference and the description of a worker; returns why the worker is refused, or None.
        jobs: called with the reference; yields the jobs.
        work: called on a worker with the arguments of a job.
        known: the errors of the work whose text says all; that of others is their traceback.
        done: called with a job and what the work returned.
        failed: called with a job and the text of its last error.
        refused: called with the address of a worker and the reason.
        running: called with the number of workers that have a job, whenever it may have changed.
    """

    inspect: Callable[..., Any]
    inspect_arguments: tuple[Any, ...]
    reference: Callable[[Mapping[str, Any]], Any]
    misfit: Callable[[Any, Any], str | None]
    jobs: Callable[[Any], Iterator[Job]]
    work: Callable[..., Any]
    done: Callable[[Job, Any], None]
    failed: Callable[[Job, str], None]
    refused: Callable[[str, str], None]
    known: tuple[type[Exception], ...] = ()
    running: Callable[[int], None] = lambda number: None


class Engine:
    """One run of a plan on a cluster."""

    def __init__(self, client: Any, plan: Plan) -> None:
        self._client, self._plan = client, plan
        # Not a SimpleQueue: in Python 3.10 its ``get`` waits for ever if the process was stopped for the whole timeout.
        self._events: queue.Queue[Any] = queue.Queue()
        self._inspections: dict[Any, str] = {}
        self._descriptions: dict[str, Any] = {}
        self._known: set[str] = set()
        self._refused: dict[str, str] = {}
        #: Of each accepted worker, its jobs by their futures, the oldest first.
        self._at: dict[str, dict[Any, Job]] = {}
        #: How often a job that has failed may be tried again, by its ``id``.
        self._left: dict[int, int] = {}
        self._again: collections.deque[Job] = collections.deque()
        self._has_fitted = False
        self._reference: Any = None
        self._jobs: Iterator[Job] | None = None
        self._name = uuid.uuid4().hex
        self._numbers = itertools.count()

    def run(self) -> None:
        """Run all jobs.

        Raises:
            EngineError: no worker fits, all workers are gone, or the scheduler is.
        """
        look_at = alive = time.monotonic()
        while True:
            if time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + LOOK
            if self._at or self._inspections:
                alive = time.monotonic()
            elif not self._has_fitted and self._refused and self._known <= self._refused.keys():
                reasons = "; ".join(sorted(set(self._refused.values())))
                raise EngineError(f"no worker can run the study: {reasons}")
            elif time.monotonic() - alive > PATIENCE:
                raise EngineError(f"the cluster had no worker that fits for {PATIENCE:.0f} seconds")
            if self._jobs is not None and not self._feed():
                return
            try:
                event = self._events.get(timeout=LOOK)
            except queue.Empty:
                continue
            self._take(event)

    def _look(self) -> None:
        """Inspect the workers that are new, and take back the jobs of those that are gone."""
        there = self._workers()
        while not self._events.empty():  # a job that had finished is not the one that a worker ended in
            self._take(self._events.get())
        for address in there - self._known:
            self._inspections[self._submit(self._plan.inspect, self._plan.inspect_arguments, address, "inspect")] = address
        for address in self._known - there:
            self._lose(address)
        self._known = there

    def _workers(self) -> set[str]:
        try:
            if self._client.status == "running":
                return set(self._client.nthreads())
        except (OSError, ValueError, RuntimeError, *TIMEOUTS):  # ValueError: the client has closed itself
            pass
        raise EngineError("the scheduler is gone; the same command goes on with what is left")

    def _lose(self, address: str) -> None:
        self._descriptions.pop(address, None)
        self._refused.pop(address, None)
        for future in [future for future, place in self._inspections.items() if place == address]:
            del self._inspections[future]
        futures = self._at.pop(address, {})
        for future in futures:
            future.release()
        jobs = list(futures.values())
        for job in jobs[:1]:  # the others had not begun
            self._failed_once(job, f"the worker {address} ended while it ran this")
        self._again += jobs[1:]

    def _submit(self, function: Callable[..., Any], arguments: tuple[Any, ...], address: str, kind: str) -> Any:
        # Dask keeps statistics for each first part of a key. Another command may use the scheduler at the same time.
        key = (f"clr-ref-{kind}-{self._name}", next(self._numbers))
        future = self._client.submit(function, *arguments, key=key, workers=[address], pure=False)
        future.add_done_callback(self._events.put)
        return future

    def _feed(self) -> bool:
        """Give jobs to all workers that have room. Return False if nothing is left to do."""
        room = True
        for depth in range(DEPTH):  # first one for each worker
            for address, jobs in self._at.items():
                while room and len(jobs) <= depth:
                    job = self._next()
                    if job is None:
                        room = False
                    else:
                        jobs[self._submit(self._plan.work, job.arguments, address, "job")] = job
        running = sum(map(bool, self._at.values()))
        self._plan.running(running)
        return room or running > 0

    def _next(self) -> Job | None:
        if self._again:
            return self._again.popleft()
        assert self._jobs is not None
        return next(self._jobs, None)

    def _take(self, future: Any) -> None:
        """Deal with a future that has finished, failed, or was cancelled because its worker or the scheduler is gone."""
        if future in self._inspections:
            self._inspected(future, self._inspections.pop(future))
            return
        address = next((address for address, jobs in self._at.items() if future in jobs), None)
        if address is None or future.status == "cancelled":  # of a worker or a scheduler that is gone
            return
        job = self._at[address].pop(future)
        if future.status == "error":
            self._failed_once(job, self._text(future.exception(), future.traceback()))
        else:
            try:
                result = self._result(future, address)
            except _LostError:
                self._again.append(job)
            else:
                self._left.pop(id(job), None)
                self._plan.done(job, result)
        future.release()

    def _result(self, future: Any, address: str) -> Any:
        """The result, which its worker keeps until it is fetched: if the worker ends before, Dask waits without an end."""
        while True:
            try:
                return future.result(timeout=2 * LOOK)
            except TIMEOUTS:
                if address not in self._workers():
                    raise _LostError from None

    def _inspected(self, future: Any, address: str) -> None:
        if future.status == "error":
            self._refuse(address, str(future.exception()))
        elif future.status == "finished":
            with contextlib.suppress(_LostError):
                self._descriptions[address] = self._result(future, address)
        future.release()
        if self._reference is None:
            if self._inspections or not self._descriptions:
                return
            self._reference = self._plan.reference(self._descriptions)
            self._jobs = self._plan.jobs(self._reference)
        for place, description in self._descriptions.items():
            if place not in self._at and place not in self._refused:
                reason = self._plan.misfit(self._reference, description)
                if reason is None:
                    self._has_fitted, self._at[place] = True, {}
                else:
                    self._refuse(place, reason)

    def _refuse(self, address: str, reason: str) -> None:
        self._refused[address] = reason
        self._plan.refused(address, reason)

    def _failed_once(self, job: Job, text: str) -> None:
        left = self._left.pop(id(job), ATTEMPTS) - 1
        if left:
            self._left[id(job)] = left
            self._again.append(job)
        else:
            self._plan.failed(job, text)

    def _text(self, error: BaseException, frames: Any) -> str:
        if isinstance(error, self._plan.known):
            return str(error)
        return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
