"""A worker and its process that trains: requests and replies, and what is said where the process ends."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clr_ref.study import child, training, worker
from clr_ref.study.training import CellError, Material, UnfitError

MATERIAL = Material(".", (), None, 0.2, None, 16)
CELL: Any = "a cell"


class Process:
    """A made-up process that trains."""

    made: list[Process] = []  # noqa: RUF012
    reply: bytes = b""

    def __init__(self, command: list[str], *, stdin: int, stdout: int, env: dict[str, str]) -> None:
        assert (stdin, stdout) == (subprocess.PIPE, subprocess.PIPE)
        self.command, self.env = command, env
        self.stdin, self.stdout = io.BytesIO(), io.BytesIO(self.reply)
        self.requests = b""
        self.returncode: int | None = None
        self.ends_with: int | None = None
        self.made.append(self)

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self.requests = self.stdin.getvalue() if not self.stdin.closed else self.requests
        self.returncode = -9 if self.returncode is None else self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and self.ends_with is None:
            assert timeout is not None, "it would wait without an end"
            raise subprocess.TimeoutExpired("child", timeout)
        self.returncode = self.ends_with if self.returncode is None else self.returncode
        assert self.returncode is not None
        return self.returncode


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Process]]:
    monkeypatch.setattr(worker, "_CHILD", [])
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(Process, "made", [])
    yield Process.made
    assert not worker._ONE_AT_A_TIME.locked()


def replying(monkeypatch: pytest.MonkeyPatch, *replies: Any) -> None:
    monkeypatch.setattr(Process, "reply", b"".join(map(pickle.dumps, replies)))


def test_one_process_serves_many_cells(processes: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    replying(monkeypatch, (True, {"steps": 1}), (True, {"steps": 2}))
    assert worker.train(CELL, MATERIAL, {"data": 1}, None) == {"steps": 1}
    assert worker.train(CELL, MATERIAL, {"data": 2}, "folder") == {"steps": 2}
    (only,) = processes
    requests = io.BytesIO(only.stdin.getvalue())
    assert pickle.load(requests) == ("train", (CELL, MATERIAL, {"data": 1}, None))
    assert pickle.load(requests) == ("train", (CELL, MATERIAL, {"data": 2}, "folder"))
    assert only.command == [sys.executable, "-m", "clr_ref.study.child"]
    assert only.env["PYTHONPATH"].split(os.pathsep) == [place for place in sys.path if place]
    assert only.env["PATH"] == os.environ["PATH"]


def test_each_description_is_of_a_new_process(processes: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    replying(monkeypatch, (True, {"cpu": "x"}))
    assert worker.describe(MATERIAL) == worker.describe(MATERIAL) == {"cpu": "x"}
    first, second = processes
    assert (first.returncode, second.returncode) == (-9, None)
    assert first.stdin.closed
    assert first.stdout.closed


def test_a_process_that_has_ended_is_started_again(processes: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    replying(monkeypatch, (True, {}))
    worker.train(CELL, MATERIAL, {}, None)
    processes[0].returncode = 0
    worker.train(CELL, MATERIAL, {}, None)
    assert len(processes) == 2
    assert processes[1:] == worker._CHILD


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((False, ("CellError", "the data changed")), CellError),
        ((False, ("UnfitError", "the data changed")), UnfitError),
    ],
)
def test_the_errors_of_the_process_are_raised_here(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch, reply: Any, error: type[Exception]
) -> None:
    replying(monkeypatch, reply)
    with pytest.raises(error, match=r"^the data changed$"):
        worker.train(CELL, MATERIAL, {}, None)
    with pytest.raises(UnfitError, match=r"^the data changed$"):
        worker.describe(MATERIAL)
    assert len(processes) == 2


@pytest.mark.parametrize("reply", [b"", pickle.dumps((True, {}))[:-1], b"no pickle"])
@pytest.mark.parametrize(("ends_with", "code"), [(7, 7), (None, -9)])
def test_a_process_that_ends_is_said_with_its_exit_code(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch, reply: bytes, ends_with: int | None, code: int
) -> None:
    """It closes its end of the pipe a little before it has ended. One that does not end is killed."""
    monkeypatch.setattr(Process, "reply", reply)
    worker._started()
    processes[0].ends_with = ends_with
    with pytest.raises(CellError, match=rf"^the process that trains has ended with exit code {code}$"):
        worker.train(CELL, MATERIAL, {}, None)
    assert worker._CHILD == []


def test_a_reply_after_an_interrupt_is_not_taken_for_the_next(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pickle, "load", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.train(CELL, MATERIAL, {}, None)
    assert processes[0].returncode == -9
    assert worker._CHILD == []


# --- the process that trains -----------------------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*arguments: Any, **keywords: Any) -> Any:
        raise error

    return function


def test_the_process_calls_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "train", lambda *arguments, on_step: ("train", arguments, on_step))
    monkeypatch.setattr(training, "describe", lambda *arguments: ("describe", arguments))
    assert child._reply("train", (1, 2), "on step") == (True, ("train", (1, 2), "on step"))
    assert child._reply("describe", (3,), "on step") == (True, ("describe", (3,)))


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (UnfitError("no TensorFlow"), ("UnfitError", "no TensorFlow")),
        (CellError("other data"), ("CellError", "other data")),
    ],
)
def test_expected_errors_are_replied_with_their_texts(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reply: tuple[str, str]
) -> None:
    monkeypatch.setattr(training, "describe", raising(error))
    assert child._reply("describe", (MATERIAL,), None) == (False, reply)


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit("a bug"), KeyboardInterrupt("a bug")])
def test_what_a_users_code_raises_is_replied_with_its_traceback(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr(training, "describe", raising(error))
    succeeded, (kind, text) = child._reply("describe", (MATERIAL,), None)
    assert (succeeded, kind) == (False, "CellError")
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith(f"{type(error).__name__}: a bug")


def test_the_process_serves_requests_until_its_stdin_ends() -> None:
    """What code prints there goes to stderr, and does not end up among the replies; what it reads is no request."""
    code = (
        "from clr_ref.study import child, training\n"
        "def describe(text):\n    print(text)\n    return text.upper() if text != 'read' else input()\n"
        "training.describe = describe\nchild.main()\n"
    )
    requests = b"".join(pickle.dumps(("describe", words)) for words in (("one",), (), ("read",), ("two",)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run([sys.executable, "-c", code], input=requests, capture_output=True, check=True, env=environment)
    replies = io.BytesIO(done.stdout)
    assert pickle.load(replies) == (True, "ONE")
    succeeded, (kind, text) = pickle.load(replies)
    assert (succeeded, kind) == (False, "CellError")
    assert "missing 1 required positional argument" in text
    succeeded, (kind, text) = pickle.load(replies)
    assert (succeeded, text.splitlines()[-1]) == (False, "EOFError: EOF when reading a line")
    assert pickle.load(replies) == (True, "TWO")
    assert replies.read() == b""
    assert done.stderr.decode().split() == ["one", "read", "two"]
