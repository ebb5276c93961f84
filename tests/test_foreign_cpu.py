"""The script for emulated CPUs, where Debian's packages cannot be fetched; nothing is fetched here."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "foreign_cpu.py"
UPDATE = 'case "$*" in *" update") echo "W: Failed to fetch X: no network" >&2; exit 0;; esac\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """The script, on a system whose apt-get is the shell script that is given."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    sources = tmp_path / "sources.list"
    sources.touch()
    script = runpy.run_path(str(SCRIPT))
    script["SOURCES"][:] = [tmp_path / "missing.sources", sources]

    def call(apt_get: str) -> int:
        for name, body in (("apt-get", apt_get), ("dpkg-deb", ""), ("dpkg", "echo amd64")):
            (tools / name).write_text(f"#!/bin/sh\n{body}\n", "utf-8")
            (tools / name).chmod(0o755)
        code: int = script["main"]("armhf", tmp_path / "folder", True)
        return code

    return call


@pytest.mark.parametrize(
    ("apt_get", "reason"),
    [
        (UPDATE + 'echo "E: Unable to locate package" >&2; exit 100', "W: Failed to fetch X: no network"),
        ("exit 100", "apt-get says nothing"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    run: Callable[[str], int], capsys: pytest.CaptureFixture[str], apt_get: str, reason: str
) -> None:
    assert run(apt_get) == 77
    assert capsys.readouterr().out == f"Debian's qemu-user-static for amd64 cannot be fetched: {reason}\n"


def test_the_list_of_sources_is_that_of_the_system(run: Callable[[str], int], tmp_path: Path) -> None:
    """Both forms of it: apt reads the form from the end of its name."""
    run(f'echo "$*" >> {tmp_path}/calls; exit 100')
    calls = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert [f"Dir::Etc::sourcelist={tmp_path}/sources.list " in call for call in calls] == [True, True]


def test_a_list_that_cannot_be_fetched_is_no_failure_where_the_packages_are(
    run: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A mirror that is being renewed gives a list of another size than it promised."""
    assert run('case "$*" in *" update") exit 100;; esac') == 77
    assert "No such file or directory" in capsys.readouterr().out  # the packages come next, which dpkg-deb unpacks only there
