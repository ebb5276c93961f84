"""The process of an implementation: how long it may take, how often it may die, and what it may send."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.conformance import process, subject
from clr_ref.conformance.config import MAX_STEP, Config
from clr_ref.conformance.load import LoadError
from clr_ref.conformance.process import Child
from clr_ref.conformance.protocol import IMPORTING, Capabilities, Offer, Request
from clr_ref.conformance.response import Response
from clr_ref.conformance.subject import Remote

REQUEST = Request(Config("triangular", 0.0, 1.0, 4), steps=(1, 2, 3))


def test_the_limits_of_time_and_size() -> None:
    """A slow import ends in time, a flood of text fills no memory, and a verdict comes soon after a process has ended."""
    assert (subject.IMPORT_TIMEOUT, subject.STEP_TIMEOUT, subject.LEAVE_TIMEOUT) == (300.0, 10.0, 5.0)
    assert (subject.DEATHS_IN_A_ROW, subject.DEATHS) == (5, 100)
    assert process.LONGEST == 64 * 2**20
    assert process.LAST_WORDS == 64 * 2**10
    assert process.WAITING == 1_000
    assert 0 < process.INTERVAL <= 0.1
    assert process.LEAVE == 2.0


# --- A remote subject, with a process that is played -------------------------------------------------------------------------


class Played:
    """A process that sends what is given; an exception is raised."""

    def __init__(self, *sent: Any) -> None:
        self.sent = list(sent)
        self.received: list[Any] = []
        self.stopped: list[float] = []
        self.timeouts: list[float | None] = []

    def send(self, document: Any) -> None:
        self.received.append(document)

    def receive(self, timeout: float | None = None) -> Any:
        self.timeouts.append(timeout)
        document = self.sent.pop(0)
        if isinstance(document, BaseException):
            raise document
        return document

    def stop(self, patience: float = 0.0) -> None:
        self.stopped.append(patience)


def played(monkeypatch: pytest.MonkeyPatch, *children: Played, timeout: float | None = None) -> Remote:
    left = list(children)
    monkeypatch.setattr(subject, "Child", lambda module: left.pop(0))
    return Remote("x:make", ("triangular",), timeout)


RATE = ["float64", "0x1p0"]


def test_a_process_is_started_once_and_ended_with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Played({}, {"declined": None, "stateful": True}, RATE, RATE, RATE)
    with played(monkeypatch, child, timeout=3.0) as remote:
        assert remote.capabilities.stateful
        assert remote.evaluate(REQUEST) == (Response(*RATE),) * 3
        assert remote.evaluate(REQUEST) == (Response(*RATE),) * 3  # which it remembers
        assert child.stopped == []
    assert child.stopped == [5.0]
    assert child.received[:2] == [{"name": "x:make", "path": sys.path}, {"offer": "triangular"}]
    assert child.received[2]["steps"] == (1, 2, 3)
    assert child.timeouts == [300.0, 3.0, 3.0, 3.0, 3.0]


def test_an_error_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Played({}, {})
    with pytest.raises(ZeroDivisionError), played(monkeypatch, child):
        raise ZeroDivisionError
    assert child.stopped == [0.0]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"error": "no such module"}, "no such module"),
        (TimeoutError(), "importing x:make did not end within 300 s"),
        (ConnectionError("exit code 7"), "importing x:make ended the process: exit code 7"),
    ],
)
def test_what_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, reply: Any, words: str) -> None:
    child = Played(reply)
    with pytest.raises(LoadError) as error, played(monkeypatch, child):
        pass
    assert str(error.value) == words
    assert child.stopped == [0.0]


@pytest.mark.parametrize("reply", [TimeoutError(), ConnectionError("x"), {"odd": 1}])
def test_an_offer_that_is_none_is_asked_for_by_the_first_request(monkeypatch: pytest.MonkeyPatch, reply: Any) -> None:
    first, second = Played({}, reply), Played({}, RATE, RATE, RATE)
    with played(monkeypatch, first, second) as remote:
        assert not remote.capabilities.declined
        assert Offer().seeks
        assert first.stopped == [0.0]
        assert remote.evaluate(REQUEST) == (Response(*RATE),) * 3


def test_a_hang_holds_for_the_steps_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Played({}, {}, RATE, TimeoutError())
    with played(monkeypatch, child, timeout=0.5) as remote:
        hang = Response("hang", "did not return within 0.5 s")
        assert remote.evaluate(REQUEST) == (Response(*RATE), hang, hang)
        assert child.stopped == [0.0]


def test_a_policy_ends_after_five_deaths_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    dying = [Played({}, {}, ConnectionError("exit code 7")), *(Played({}, ConnectionError("exit code 7")) for _ in range(4))]
    with played(monkeypatch, *dying) as remote:
        kinds = [remote.evaluate(Request(REQUEST.config, steps=(step,)))[0] for step in range(5)]
    assert kinds[:4] == [Response("error", "the process died: exit code 7")] * 4
    assert kinds[4] == Response("hang", "the process died 5 times, the last time: exit code 7")


def test_a_policy_ends_after_a_hundred_deaths(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Played({}, {}, ConnectionError("x"))
    others = [Played({}, *more) for _ in range(60) for more in ((RATE, ConnectionError("x")), (RATE, ConnectionError("x")))]
    with played(monkeypatch, first, *others) as remote:
        kinds = [remote.evaluate(Request(REQUEST.config, steps=(step,)))[0].kind for step in range(199)]
    assert kinds == [*["error", "float64"] * 99, "hang"]


def test_each_import_begins_the_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Played({}, {}, IMPORTING, IMPORTING, RATE, IMPORTING, RATE, RATE)
    with played(monkeypatch, child) as remote:
        assert remote.evaluate(REQUEST) == (Response(*RATE),) * 3
    clock = iter([0.0, 299.0, 300.0, 300.1])
    monkeypatch.setattr(subject.time, "monotonic", lambda: next(clock))
    child = Played(*[IMPORTING] * 9)
    with pytest.raises(TimeoutError):
        Remote("x:make")._reply_of(child)  # type: ignore[arg-type]
    assert len(child.sent) == 9 - 3


# --- A real process ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that writes a module, and starts it as a child."""
    monkeypatch.syspath_prepend(tmp_path)

    def started(source: str, *arguments: str) -> Child:
        (tmp_path / "child_of_a_test.py").write_text(source)
        return Child("child_of_a_test", *arguments)

    return started


ECHO = """
import sys
from clr_ref.conformance.process import channel
messages, reply = channel()
print("noise")
assert sys.stdin.read() == ""
for message in messages:
    reply([message, sys.argv[1:]])
"""


def test_documents_go_both_ways(module: Any) -> None:
    child = module(ECHO, "one", "two")
    try:
        for document in ({"a": [1, None, "\u00e9"]}, 7, []):
            child.send(document)
            assert child.receive(60.0) == [document, ["one", "two"]]
        with pytest.raises(TimeoutError):
            child.receive(0.2)
        assert not child.ended
    finally:
        child.stop(5.0)
    assert child.ended
    assert child._process.returncode == 0  # it had the time to end by itself


def test_a_process_without_patience_is_killed(module: Any) -> None:
    child = module(ECHO)
    child.send(1)
    child.receive(60.0)
    child.stop()
    assert child._process.returncode == -9


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import sys\nprint('a\\n\\n  the last \\n ', file=sys.stderr)\nsys.exit(3)", "exit code 3, the last"),
        ("import sys\nsys.exit(0)", "exit code 0"),
        ("import os\nos.kill(os.getpid(), 9)", "killed by SIGKILL"),
        # SIGTERM, since nohup ignores SIGHUP, and a process inherits that.
        ("import os\nos.kill(os.getpid(), 15)", "killed by SIGTERM"),
        ("print('{')", "it wrote into the pipe of the kit"),
        ("print('[' * 200_000)", "it wrote into the pipe of the kit"),
        ("print('1', end='')", "exit code 0"),
        ("import sys\nsys.stderr.write('x' * 2**17 + '\\nlast')\nsys.exit(1)", "exit code 1, last"),
        ("import sys\nsys.stderr.write('\\x1b[31mred')\nsys.exit(1)", "exit code 1, \\x1b[31mred"),
    ],
)
def test_how_a_process_ended(module: Any, source: str, words: str) -> None:
    child = module(source)
    try:
        with pytest.raises(ConnectionError) as error:
            child.receive(60.0)
        assert str(error.value) == words
    finally:
        child.stop()


def test_the_last_line_of_a_process_is_read_however_late(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read = process.Child._read

    def late(child: process.Child) -> None:
        time.sleep(0.5)
        read(child)

    monkeypatch.setattr(process.Child, "_read", late)
    child = module("print('7')")
    try:
        assert child.receive(60.0) == 7
    finally:
        child.stop()


def test_a_reply_that_is_too_long_is_none(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An int of 2^29 bits is one; without its own words, the process would seem to have killed itself."""
    monkeypatch.setattr(process, "LONGEST", 1_000)
    child = module("print('1' * 1_000)")
    try:
        with pytest.raises(ConnectionError, match="it sent a reply of more than 1,000 characters"):
            child.receive(60.0)
    finally:
        child.stop()


def test_endless_noise_is_read_and_not_kept(module: Any) -> None:
    """A file would fill the disk, and a pipe that nobody reads would stop the process."""
    child = module("import os\nfor _ in range(64): os.write(2, b'x' * 2**20)\nprint(7)\nos.write(2, b'\\nlast')")
    try:
        assert child.receive(60.0) == 7
        with pytest.raises(ConnectionError, match="exit code 0, last"):
            child.receive(60.0)
        assert len(child._noise) <= process.LAST_WORDS
    finally:
        child.stop()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows the environments of processes")
def test_a_process_in_a_session_of_its_own_ends_too(module: Any) -> None:
    daemon = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
    child = module(f"import os, subprocess, sys\nprint({daemon}.pid, flush=True)\nos._exit(3)")
    pid = child.receive(60.0)
    with pytest.raises(ConnectionError, match="exit code 3"):
        child.receive(60.0)
    child.stop()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_file_of_the_user_takes_the_place_of_no_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m`` looks in the current folder first, which the installed command does not."""
    for name in ("random", "types", "runpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    with Remote("clr_ref.conformance.peers.reference:make", ("triangular",)) as remote:
        assert remote.evaluate(REQUEST)[0].kind == "float32"


def test_a_signal_without_a_name() -> None:
    assert process._signal_name(9) == "SIGKILL"
    assert process._signal_name(200) == "signal 200"


def test_a_process_looks_every_second_whether_its_parent_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([7, 7, 1])
    done: list[Any] = []
    monkeypatch.setattr(process.os, "getppid", lambda: next(parents))
    monkeypatch.setattr(process.os, "killpg", lambda *given: done.append(given), raising=False)
    monkeypatch.setattr(process.time, "sleep", done.append)
    monkeypatch.setattr(process, "_kill_marked", done.append)
    process._end_with(7, "mark")
    assert done == [1.0, 1.0, "mark", (0, process.signal.SIGKILL)]


def test_a_long_error_of_an_import_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "long_one.py"
    path.write_text("raise ValueError('\\n'.join(['y' * 100] * 100))")
    with pytest.raises(LoadError) as error, Remote(f"{path}:make"):
        pass
    kept, _, rest = str(error.value).replace("\\n", "\n").partition("... (")
    assert len(kept) == 2_000
    assert rest.endswith(" characters)")


def test_a_process_returns_what_the_function_would_return_here(tmp_path: Path) -> None:
    path = tmp_path / "kit_one.py"
    path.write_text(
        "import clr_ref\n"
        "def make(policy, *, step_size_down=None, **arguments):\n"
        "    if policy == 'exp_range': raise NotImplementedError('not here')\n"
        "    def rate(step):\n"
        "        import colorsys, wave  # modules that nothing has imported yet\n"
        "        return getattr(clr_ref, policy)(step_size_down=step_size_down, **arguments)(step)\n"
        "    return rate\n"
    )
    config = Config("triangular2", 0.25, 1.0, 2.5, dtype="float64", step_size_down=3.5)
    with Remote(f"{path}:make") as remote:
        assert remote.capabilities == Capabilities({"exp_range": "not here"}, False, False, MAX_STEP, True)
        found = remote.evaluate(Request(config, steps=(7, 0, 3)))
    rates = [config.build()(step) for step in (7, 0, 3)]
    assert [response.value("float32") for response in found] == [np.float32(rate) for rate in rates]
