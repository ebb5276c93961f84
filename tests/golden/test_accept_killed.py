"""The store is exchanged in one step, and survives a killed accept."""

from __future__ import annotations

import ctypes
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import accept as accepting, store as golden
from clr_ref.golden.accept import accept
from tests.golden import synthetic
from tests.golden.staged import CHANGED, THIRD, leftovers, stage
from tests.golden.synthetic import SECOND


def folders(tmp_path: Path) -> tuple[Path, Path]:
    fresh, folder = tmp_path / "work" / "golden", tmp_path / "golden"
    for path, text in ((fresh, "new"), (folder, "old")):
        path.mkdir(parents=True)
        (path / text).write_text(text)
    return fresh, folder


class KernelWithout:
    """A libc that has no renameat2, or whose file system does not know how to exchange."""

    def __init__(self, *, known: bool, errno: int = 0) -> None:
        if known:
            self.renameat2 = lambda *arguments: ctypes.set_errno(errno) or -1


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is a call of Linux")
def test_exchange_swaps_the_two(tmp_path: Path) -> None:
    fresh, folder = folders(tmp_path)
    accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in fresh.iterdir()] == ["old"]


@pytest.mark.parametrize("kernel", ["no linux", "no renameat2", "EINVAL", "ENOSYS"])
def test_exchange_without_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    if kernel == "no linux":
        monkeypatch.setattr(accepting.sys, "platform", "other")
    else:
        errno = getattr(accepting.errno, kernel, 0)
        libc = KernelWithout(known=kernel != "no renameat2", errno=errno)
        monkeypatch.setattr(accepting.ctypes, "CDLL", lambda *_, **__: libc)
    fresh, folder = folders(tmp_path)
    accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert not fresh.exists()


def test_exchange_that_is_refused_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libc = KernelWithout(known=True, errno=accepting.errno.EACCES)
    monkeypatch.setattr(accepting.sys, "platform", "linux")
    monkeypatch.setattr(accepting.ctypes, "CDLL", lambda *_, **__: libc)
    fresh, folder = folders(tmp_path)
    with pytest.raises(PermissionError):
        accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["old"]


def test_accept_without_the_kernel(folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting.sys, "platform", "other")
    stage(staging, folder, THIRD)
    accept([THIRD], staging=staging, folder=folder)
    assert THIRD in golden.read(folder).records
    assert leftovers(folder) == []


def test_store_is_put_back_where_the_second_rename_fails(folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder is removed at the end: the old store must not be in it then."""
    monkeypatch.setattr(accepting.sys, "platform", "other")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if Path(target) == folder and not self.name.endswith(".old"):
            raise OSError("the disk is full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    stage(staging, folder, THIRD)
    before = synthetic.snapshot(folder)
    with pytest.raises(accepting.AcceptError, match="full"):
        accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


@pytest.fixture
def states(folder: Path, staging: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The store, here with two cases, before and after an overwrite that adds, replaces and removes files."""
    shutil.rmtree(folder)
    synthetic.write_store(folder, cases=synthetic.CASES[:2])
    old = synthetic.snapshot(folder)
    stage(staging, folder, SECOND, nudges={**CHANGED, ("base-triangular2-3", "eager"): 2})
    stage(staging, folder, THIRD)
    accept([SECOND, THIRD], staging=staging, folder=folder, overwrite=True, reason="a test")
    new = synthetic.snapshot(folder)
    assert set(old) - set(new)
    assert set(new) - set(old)
    synthetic.restore(folder, old)
    return old, new


def is_whole(folder: Path, states: tuple[dict[str, bytes], dict[str, bytes]]) -> bool:
    """Whether the store is the new one, after a check that it is sound and one of the two. Makes it the old one again."""
    assert golden.problems(folder) == []
    found = synthetic.snapshot(folder)
    assert found in states
    synthetic.restore(folder, states[0])
    for path in folder.parent.glob(
        f".{folder.name}.clr-ref-new-*"
    ):  # or the next process would be busy with it when it is killed
        shutil.rmtree(path)
    return found == states[1]


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
def test_killed_before_any_change(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    """Before every file that is opened to write, moved or removed, a process each: the same moments on every machine."""
    victim = victims("accept", staging, folder, SECOND, THIRD)
    outcomes = []
    for number in range(1, 1000):
        victim.start(kill_at=number)
        status = victim.wait()
        outcomes.append(is_whole(folder, states))
        if status == 0:
            break
        assert status == -9
    assert len(outcomes) > 40
    # Old up to the exchange, new from there to the end, and never back.
    assert outcomes == sorted(outcomes)
    assert not outcomes[0]
    assert outcomes[-1]
    assert outcomes.count(True) > 1


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
def test_killed_at_random_moments(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    victim = victims("accept", staging, folder, SECOND, THIRD)
    started = time.perf_counter()
    victim.start()
    assert victim.wait() == 0
    duration = time.perf_counter() - started
    assert is_whole(folder, states)
    draw = random.Random(1)
    killed = 0
    for round_number in range(8):
        process = victim.start()
        time.sleep(draw.uniform(0, duration) if round_number else 0)
        synthetic.kill(process)
        status = victim.wait()
        assert status in (0, -9)
        killed += status == -9
        is_whole(folder, states)
    assert killed


@pytest.mark.skipif(sys.platform != "linux", reason="SIGKILL is of POSIX")
def test_the_next_accept_removes_what_a_killed_one_left(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    """And nothing else, not even recordings that are staged beside the store."""
    victim = victims("accept", staging, folder, SECOND, THIRD)
    victim.start(kill_at=30)
    assert victim.wait() == -9
    assert leftovers(folder)
    beside = folder.with_name(f".{folder.name}-staging")
    shutil.copytree(staging, beside)
    accept([SECOND, THIRD], staging=beside, folder=folder, overwrite=True, reason="a test")
    assert leftovers(folder) == [beside.name]
    assert synthetic.snapshot(folder) == states[1]
