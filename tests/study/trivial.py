"""Work that takes no time, for workers that need no framework."""

from __future__ import annotations

import os
import time
from pathlib import Path


def describe(kind: str) -> dict[str, str]:
    """With "odd", the second worker that is inspected differs."""
    if kind == "unfit":
        raise RuntimeError("no worker is good enough")
    if not kind:
        return {"kind": "even"}
    try:
        Path(kind).mkdir()
    except FileExistsError:
        return {"kind": "odd"}
    return {"kind": "even"}


def double(number: int) -> tuple[int, int]:
    """Twice the number, and the process."""
    return 2 * number, os.getpid()


def fail_at(number: int, bad: int) -> int:
    if number == bad:
        raise ValueError(f"{number} is bad")
    return number


def end_the_worker_at(number: int, bad: int, often: int, folder: str) -> int:
    """End the process as often as said, at one number."""
    if number == bad:
        for attempt in range(often):
            try:
                (Path(folder) / str(attempt)).mkdir()
            except FileExistsError:
                continue
            time.sleep(0.1)  # a real cell takes longer: the scheduler knows by then that the job before is done
            os._exit(9)
    return number


def sleep(number: int) -> int:
    time.sleep(0.3)
    return number
