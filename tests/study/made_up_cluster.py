"""A Dask cluster that is made up: what it does with a call, and when, is written in a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clr_ref.study import engine


class Future:
    """A call that the made-up cluster has not finished yet."""

    def __init__(self, address: str, kind: str, arguments: tuple[Any, ...]) -> None:
        self.address, self.kind, self.arguments = address, kind, arguments
        self.status, self.value, self.is_held, self.timeouts = "pending", None, True, 0.0
        self._callbacks: list[Callable[[Future], None]] = []

    def add_done_callback(self, callback: Callable[[Future], None]) -> None:
        self._callbacks.append(callback)

    def end(self, status: str, value: Any = None) -> None:
        self.status, self.value = status, value
        for callback in self._callbacks:
            callback(self)

    def result(self, timeout: float | None = None) -> Any:
        if self.timeouts > 0:
            self.timeouts -= 1
            raise asyncio.TimeoutError  # as Dask: another class than TimeoutError before Python 3.11
        return self.value

    def exception(self) -> Any:
        return self.value

    def traceback(self) -> None:
        return None

    def release(self) -> None:
        self.is_held = False


class Cluster:
    """The client of a made-up cluster. ``script`` yields after each thing that it does; the engine then has its turn."""

    status = "running"

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.futures: list[Future] = []
        self.script: Iterator[None] = iter(())
        self._keys: set[Any] = set()
        self._rounds = 0

    def nthreads(self) -> dict[str, int]:
        """The workers; the engine looks at them once in each round, and where it waits for a result."""
        self._rounds += 1
        assert self._rounds < 1000, "the engine waits without an end"
        next(self.script, None)
        return dict.fromkeys(self.addresses, 1)

    def submit(self, function: Any, *arguments: Any, key: tuple[str, int], workers: list[str], pure: bool) -> Future:
        assert not pure, "Dask would run equal calls once"
        assert key not in self._keys, "Dask would take it for the other call"
        self._keys.add(key)
        (address,) = workers
        self.futures.append(Future(address, key[0].split("-")[2], arguments))
        return self.futures[-1]

    def of_kind(self, kind: str) -> list[Future]:
        """The inspections or the jobs, in the order in which the workers got them."""
        return [future for future in self.futures if future.kind == kind]

    def waiting(self, kind: str = "job") -> list[Future]:
        """Those that are not done."""
        return [future for future in self.of_kind(kind) if future.status == "pending"]

    def place(self) -> list[tuple[str, int]]:
        """Where each job is, in the order in which the workers got them."""
        return [(future.address, future.arguments[0]) for future in self.waiting()]

    def inspect(self, good: Any = "good", **others: Any) -> None:
        """Describe each worker, those in ``others`` as something else."""
        for future in self.waiting("inspect"):
            future.end("finished", others.get(future.address, good))

    def inspecting(self, good: Any = "good", **others: Any) -> Iterator[None]:
        """The part of a script in which the workers that are there at first are inspected."""
        yield
        self.inspect(good, **others)
        yield

    def returning(self, address: str) -> Iterator[None]:
        """The part of a script in which a worker comes back and is inspected, maybe after the engine has waited for it."""
        self.addresses.append(address)
        while not self.waiting("inspect"):
            yield
        self.inspect()
        yield

    def finishing(self, value: Any = None) -> Iterator[None]:
        """The part of a script in which all jobs are done, one in each round."""
        while self.waiting():
            self.waiting()[0].end("finished", value)
            yield

    def lose(self, address: str) -> None:
        """End a worker, as Dask reports it: its calls are cancelled."""
        self.addresses.remove(address)
        for future in self.futures:
            if future.address == address and future.status == "pending":
                future.end("cancelled")

    def play(self, script: Iterator[None], run: Callable[[], Any]) -> Any:
        """Call a function that uses the cluster, which follows the script to its end. Return what the function returns."""
        self.script = script
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "LOOK", 0.0)  # look at the workers in every round, and wait for nothing
            found = run()
        assert next(script, "the end") == "the end", "the engine ended too early"
        return found
