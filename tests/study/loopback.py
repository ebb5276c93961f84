"""A Dask cluster as others start it: a scheduler and workers, each a process of its own, on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def python_path() -> str:
    """The PYTHONPATH with which a process imports this checkout and its tests."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def started(module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", "--no-dashboard", *arguments],
        env={**os.environ, "PYTHONPATH": python_path(), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def worker(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """A worker of the scheduler in the folder. It ends some seconds after the scheduler."""
    file = str(folder / "scheduler.json")
    options = ["--nthreads", "1", "--death-timeout", "5", "--no-nanny", "--local-directory", str(folder)]
    return started("dask_worker", "--scheduler-file", file, *options, **environment)


def wait_for(condition: Any, seconds: float = 60) -> None:
    """Wait until a function returns something true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this took too long"
        time.sleep(0.05)


@contextlib.contextmanager
def cluster(
    folder: Path, *environments: dict[str, str]
) -> Iterator[tuple[Path, subprocess.Popen[bytes], list[subprocess.Popen[bytes]]]]:
    """Yield the scheduler file, the scheduler, and a worker for each environment, or one; all end afterwards."""
    file = folder / "scheduler.json"
    processes = [started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))]
    try:
        wait_for(file.exists)
        processes += [worker(folder, **environment) for environment in environments or ({},)]
        yield file, processes[0], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()
