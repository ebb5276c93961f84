"""Fixtures: a synthetic store and staging folder, and a server that runs a function in a process which a test may kill."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import clr_ref
from clr_ref.cli import main
from clr_ref.golden import record
from tests.golden import synthetic
from tests.golden.command import Golden

VICTIM = Path(__file__).with_name("victim.py")


@pytest.fixture(scope="session")
def sound_store(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return synthetic.snapshot(synthetic.write_store(tmp_path_factory.mktemp("sound") / "golden"))


@pytest.fixture
def folder(tmp_path: Path, sound_store: dict[str, bytes]) -> Path:
    """A sound synthetic store of two pairs."""
    synthetic.restore(tmp_path / "golden", sound_store)
    return tmp_path / "golden"


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    path = tmp_path / "staging"
    path.mkdir()
    return path


class Victims:
    """Runs calls of victim.py in processes of their own, each the leader of a process group."""

    def __init__(self, *arguments: str) -> None:
        # One thread, so that the server can fork after NumPy has been imported.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        # The clr_ref of this process, wherever it was imported from.
        environment["PYTHONPATH"] = str(Path(clr_ref.__file__).parents[1])
        self._server = subprocess.Popen(
            [sys.executable, str(VICTIM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def _ask(self, **request: Any) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())

    def start(self, kill_at: int = 0) -> int:
        """Begin a call and answer its process id. It may be told to kill itself at some point: see victim.py."""
        return int(self._ask(do="start", kill_at=kill_at))

    def wait(self) -> int:
        """Wait for the call that was begun and answer its exit code, negative where a signal ended it."""
        return int(self._ask(do="wait"))

    def close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._server.stdout.close()


@pytest.fixture
def victims() -> Iterator[Any]:
    """Makes a ``Victims`` for the arguments of victim.py."""
    made: list[Victims] = []

    def make(*arguments: object) -> Victims:
        made.append(Victims(*map(str, arguments)))
        return made[-1]

    yield make
    for one in made:
        one.close()


class FakeRecorder:
    """Stands for the recorder in an environment that has TFA: it copies a recording that was prepared."""

    def __init__(self, folder: Path, path: Path, prepared: Path) -> None:
        self.folder, self.path, self.prepared = folder, path, prepared

    def write(self, before: str = "", after: str = "") -> None:
        """Write the script.

        Args:
            before: Python that runs before anything is written; ``options`` are the recorder's.
            after: Python that runs when everything is.
        """
        self.path.write_text(
            "import argparse, json, os, pathlib, shutil, sys, time\n"
            "parser = argparse.ArgumentParser()\n"
            "for name in ('cases', 'out', 'tensorflow', 'tensorflow-addons'):\n"
            "    parser.add_argument('--' + name)\n"
            "options = parser.parse_args()\n"
            "out = pathlib.Path(options.out)\n"
            f"{before}\n"
            "print('case 1/1 x', file=sys.stderr, flush=True)\n"
            f"shutil.copytree({str(self.prepared)!r}, out)\n"
            f"{after}\n",
            "utf-8",
        )

    def prepare(self, pair: str, **changes: Any) -> None:
        """What the fake will answer from now on."""
        shutil.rmtree(self.prepared, ignore_errors=True)
        synthetic.write_recording(self.prepared, pair, self.folder, **changes)


@pytest.fixture
def recorder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRecorder:
    """The fake recorder in the place of the real one; it answers for the second pair what is stored of the first."""
    fake = FakeRecorder(folder, tmp_path / "fake_recorder.py", tmp_path / "prepared")
    fake.write()
    monkeypatch.setattr(record, "RECORDER", fake.path)
    fake.prepare(synthetic.SECOND)
    return fake


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A store that holds its cases and nothing else yet."""
    folder = tmp_path / "golden"
    synthetic.write_cases(folder)
    return folder


@pytest.fixture
def call(folder: Path, staging: Path) -> Golden:
    """Calls a subcommand of golden with the synthetic store and staging folder."""

    def call(command: str, *arguments: object, to: Path = folder) -> Result:
        options = ["--golden", str(to)] + ([] if command == "show" else ["--staging", str(staging)])
        result = CliRunner().invoke(main, ["golden", command, *map(str, arguments), *options])
        # Whatever happens, the command ends by an exit code and not by a traceback.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return call
