"""The Dask cluster that a study runs on: one of this machine, started and closed here, or one that others started."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clr_ref.study.engine import TIMEOUTS, EngineError

#: The threads of a run, see ``determinism.prepare``.
THREADS = 2
#: Seconds to wait for a scheduler, and for the first worker.
TIMEOUT = 30


def workers_of_this_machine() -> int:
    """How many runs its cores allow at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // THREADS)


@contextlib.contextmanager
def local(workers: int) -> Iterator[Any]:
    """Yield a client of so many worker processes; they end with it, also after an error.

    Raises:
        EngineError: they do not start.
    """
    import dask

    distributed: Any = importlib.import_module("distributed")  # its types are incomplete
    _quieten()
    settings = {
        "distributed.worker.daemon": True,
        "distributed.admin.log-format": "%(message)s",
        "distributed.logging.distributed": "critical",
        "distributed.scheduler.allowed-failures": 100,  # the engine counts, and knows which job had begun
        "distributed.worker.profile.enabled": False,  # it takes memory and time
        "distributed.admin.low-level-log-length": 100,
    }
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="clr-ref-", ignore_cleanup_errors=True))
        stack.enter_context(dask.config.set(settings))
        try:
            with _interrupts_wait():
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0", "extensions": _extensions()},
                    memory_limit=0,
                    local_directory=folder,
                    silence_logs=logging.CRITICAL,
                    preload=["clr_ref.study.preload"],
                )
                stack.enter_context(cluster)
                client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            client.wait_for_workers(workers, timeout=TIMEOUT * workers)
        except (RuntimeError, *TIMEOUTS) as error:
            raise EngineError(f"the workers did not start: {error}") from None
        yield client


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Deal with Ctrl-C and SIGTERM at the end: a cluster that has half started cannot be closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda which, frame: received.append(which))
    try:
        yield
    except Exception:
        if not received:  # else a worker that has not loaded ``preload`` yet has ended by the same Ctrl-C
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])


def _quieten() -> None:
    """Keep out of the terminal what Dask logs when a connection ends: the engine finds it too, and says it in one line."""
    for name in [*logging.root.manager.loggerDict, "asyncio", "tornado"]:
        if name.partition(".")[0] in ("distributed", "asyncio", "tornado"):
            logging.getLogger(name).disabled = True


class _NoSpans:
    """Stands for the scheduler's extension that keeps a record of every job for its dashboard: 1 KiB each, without an end."""

    def __init__(self, scheduler: Any) -> None:
        del scheduler

    def __bool__(self) -> bool:
        return False

    def heartbeat(self, worker: Any, data: Any) -> None:
        """Take no notice of what a worker measured."""


def _extensions() -> dict[str, Any]:
    """Dask's own, without records and without stealing of jobs, since each job has its worker."""
    found: dict[str, Any] = importlib.import_module("distributed.scheduler").DEFAULT_EXTENSIONS
    return {name: extension for name, extension in found.items() if name != "stealing"} | {"spans": _NoSpans}


@contextlib.contextmanager
def others(address: str) -> Iterator[Any]:
    """Yield a client of a cluster that others started; it stays when the client closes.

    Args:
        address: such as tcp://host:8786, or the path of a scheduler file.

    Raises:
        EngineError: there is no scheduler, or it has no worker.
    """
    distributed: Any = importlib.import_module("distributed")
    _quieten()
    place = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = distributed.Client(**place, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(f"there is no scheduler at {address}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TIMEOUTS:
            raise EngineError(f"the scheduler at {address} has no worker: start one with `dask worker {address}`") from None
        yield client
