"""Which tests run for a mutant: those that run its statement when nothing is changed, then those that run its file."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from mutation import places


@dataclasses.dataclass(frozen=True)
class Suite:
    """What the tests do when nothing is changed: the seconds that each takes, and the tests that run each line of a file."""

    seconds: dict[str, float]
    of_line: dict[str, dict[int, list[str]]]

    def rounds(self, path: Path, position: tuple[int, int]) -> list[dict[str, float]]:
        """The tests that run for a mutant, and their seconds, the quickest first; the second round is for those that survive.

        First the tests that run its statement. Not all are known where AutoGraph runs a copy of the function, or a process
        that another test has started; so then the others of all test files in which a test runs any line of the file. None
        is known where an import runs it, or a process that is killed: then it is those of the files too, and those that run
        no line at all, since they start processes, or read the source.
        """
        lines, span = self.of_line.get(str(path), {}), places.statement(path, position)
        numbers = range(span.start[0], span.end[0] + (span.end[1] > 0)) if span else ()
        known = {test for line in numbers for test in lines.get(line, [])} & self.seconds.keys()
        files = {_file(test) for tests in lines.values() for test in tests}
        others = {test for test in self.seconds if _file(test) in files} - known
        if not known:
            others |= self.seconds.keys() - self._with_lines
        orders = [
            {test: self.seconds[test] for test in sorted(tests, key=self.seconds.__getitem__)} for tests in (known, others)
        ]
        return [order for order in orders if order]

    @functools.cached_property
    def _with_lines(self) -> set[str]:
        """The tests that run a line of some file."""
        return {test for lines in self.of_line.values() for tests in lines.values() for test in tests}


def measured(folder: Path, checkout: Path, tests: str, processes: int) -> Suite:
    """Run the tests in an unchanged checkout, unless ``folder`` holds already what they did; exit if they fail."""
    times, coverage = folder / "seconds.json", folder / "coverage"
    if not times.exists():
        config = Path(__file__).with_name("coverage.ini")
        words = [
            "--cov",
            f"--cov-config={config}",
            "--cov-report=",
            "--cov-fail-under=0",
            "--cov-context=test",
            "-n",
            str(processes),
        ]
        # Python's own way to measure lines knows no tests.
        variables = os.environ | {"COVERAGE_FILE": str(coverage), "COVERAGE_CORE": "ctrace"}
        new = folder / "seconds.new"
        done = subprocess.run(
            command(checkout, *tests.split(), *words, f"--mutation-seconds={new}"), env=variables, check=False
        )
        if done.returncode:
            sys.exit("The tests fail in an unchanged checkout: mend them first.")
        new.replace(times)
    from coverage import CoverageData

    seconds = json.loads(times.read_text("utf-8"))
    data = CoverageData(str(coverage))
    data.read()
    of_line = {}
    for file in data.measured_files():
        lines = data.contexts_by_lineno(file).items()
        of_line[str(Path(file).relative_to(checkout))] = {line: [*_tests(names, seconds)] for line, names in lines}
    return Suite(seconds, of_line)


def _tests(contexts: Iterable[str], seconds: Iterable[str]) -> Iterator[str]:
    """The tests in which coverage has seen a line; what runs outside tests has no name.

    Names end in "|setup", "|run" or "|teardown", and in " (setup)", " (call)" or " (teardown)" in a process that a test
    started. One that started in a setup is that of a fixture, which all tests of the file can share.
    """
    for context in contexts:
        if context.endswith(" (setup)"):
            yield from (test for test in seconds if _file(test) == _file(context))
        elif context:
            yield context.rpartition(" (" if context.endswith(")") else "|")[0]


def _file(test: str) -> str:
    """The file of a test."""
    return test.partition("::")[0]


def command(checkout: Path, *words: str) -> list[str]:
    """The words that start pytest, with the plugin of this folder, so that all processes import ``clr_ref`` from a checkout."""
    variable = f"PYTHONPATH={os.pathsep.join([str(checkout), str(Path(__file__).parents[1])])}"
    return [
        "env",
        "-C",
        str(checkout),
        variable,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "mutation.plugin",
        *words,
    ]
