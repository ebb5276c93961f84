"""A pytest plugin of ``mutation.py``: the seconds of each test, and a chosen order of chosen tests, each with a limit."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

#: A mutant that makes a test this many times as slow counts as found; a busy machine makes it some times as slow.
_SLOWER, _AT_LEAST = 10, 20


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutation-seconds", type=Path, help="Write the seconds of each test to this file.")
    parser.addoption("--mutation-order", type=Path, help="Run the tests that are the keys of this file, in its order.")


def pytest_configure(config: pytest.Config) -> None:
    if (path := config.getoption("--mutation-seconds")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Seconds(path))
    if path := config.getoption("--mutation-order"):
        config.pluginmanager.register(_Order(json.loads(path.read_text("utf-8"))))


class _Seconds:
    def __init__(self, path: Path) -> None:
        self.path, self.seconds = path, Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "skipped":
            self.seconds.pop(report.nodeid, None)
        elif report.when != "teardown":
            self.seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(self.seconds), "utf-8")


class _Order:
    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.place = {name: place for place, name in enumerate(seconds)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self.place), key=lambda item: self.place[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        # SIGALRM ends the process, also where C code never returns; the exit code says that the mutant is found.
        signal.setitimer(signal.ITIMER_REAL, _AT_LEAST + _SLOWER * self.seconds[item.nodeid])
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
