"""A pytest plugin of ``mutation``: the seconds of each test, and a chosen order of chosen tests, each with a limit."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
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
    if path := config.getoption("--mutation-seconds"):
        if hasattr(config, "workerinput"):  # the worker itself has started without it: pytest-cov measures that
            os.environ["COVERAGE_PROCESS_START"] = str(Path(__file__).with_name("processes.ini"))
        else:
            config.pluginmanager.register(_Seconds(path))
    if path := config.getoption("--mutation-order"):
        config.pluginmanager.register(_Order(json.loads(path.read_text("utf-8"))))


class _Seconds:
    """Each test takes as long as its call and the longest setup of its file: whichever runs first makes what they share."""

    def __init__(self, path: Path) -> None:
        self.path, self.calls, self.setups = path, dict[str, float](), defaultdict[str, float](float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        if report.when == "setup":
            self.setups[file] = max(self.setups[file], report.duration)
        elif report.when == "call" and report.outcome != "skipped":
            self.calls[report.nodeid] = report.duration

    def pytest_sessionfinish(self) -> None:
        seconds = {test: call + self.setups[test.partition("::")[0]] for test, call in self.calls.items()}
        self.path.write_text(json.dumps(seconds), "utf-8")


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
