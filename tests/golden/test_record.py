"""Recording stages what two runs agree on, or nothing; the runs themselves are those of a fake recorder here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import accept as accepting, record, store as golden
from clr_ref.golden.model import RECORD_NAME, record_order
from clr_ref.golden.record import PAIRS, Pair, RecordError
from tests.golden import synthetic
from tests.golden.conftest import FakeRecorder
from tests.golden.recording import PAIR, PYTHON, run
from tests.golden.synthetic import SECOND

#: TFA's table of compatibility, written out: TFA -> the minors of TensorFlow 2.
TABLE = {
    "0.7.1": [1],
    "0.8.3": [1],
    "0.9.1": [1, 2],
    "0.10.0": [2],
    "0.11.2": [2, 3],
    "0.12.1": [3, 4],
    "0.13.0": [3, 4, 5],
    "0.14.0": [4, 5, 6],
    "0.15.0": [5, 6, 7],
    "0.16.1": [6, 7, 8],
    "0.17.1": [7, 8, 9],
    "0.18.0": [8, 9, 10],
    "0.19.0": [9, 10, 11],
    "0.20.0": [10, 11, 12],
    "0.21.0": [11, 12, 13],
    "0.22.0": [12, 13, 14],
    "0.23.0": [13, 14, 15],
}


def test_pairs_are_those_of_the_table() -> None:
    assert len(PAIRS) == 42
    found: dict[str, list[int]] = {}
    for pair in PAIRS:
        found.setdefault(pair.tensorflow_addons, []).append(pair.minor)
    assert found == TABLE


def test_pairs_are_distinct_and_ordered() -> None:
    names = [pair.name for pair in PAIRS]
    assert names == sorted(set(names), key=record_order)
    assert all(RECORD_NAME.fullmatch(name) for name in names)


def test_one_patch_release_of_each_minor() -> None:
    assert len({pair.tensorflow for pair in PAIRS}) == len({pair.minor for pair in PAIRS}) == 15


@pytest.mark.parametrize(
    ("pair", "python", "requirements"),
    [
        (
            Pair("2.1.4", "0.7.1"),
            "3.7",
            ["tensorflow==2.1.4", "tensorflow-addons==0.7.1", "numpy<2", "protobuf<3.20"],
        ),
        (
            Pair("2.7.4", "0.17.1"),
            "3.7",
            ["tensorflow-cpu==2.7.4", "tensorflow-addons==0.17.1", "numpy<2", "protobuf<3.20"],
        ),
        (
            Pair("2.11.1", "0.21.0"),
            "3.10",
            ["tensorflow-cpu==2.11.1", "tensorflow-addons==0.21.0", "numpy<2", "protobuf<3.20"],
        ),
        (Pair("2.12.1", "0.22.0"), "3.11", ["tensorflow-cpu==2.12.1", "tensorflow-addons==0.22.0", "numpy<2"]),
    ],
    ids=lambda value: value.name if isinstance(value, Pair) else "",
)
def test_environment_of_a_pair(pair: Pair, python: str, requirements: list[str]) -> None:
    assert pair.python == python
    assert pair.requirements == requirements


def test_two_runs_that_agree_are_staged(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    before = synthetic.snapshot(folder)
    assert run(staging, folder) == staging / SECOND
    assert synthetic.snapshot(staging / SECOND) == synthetic.snapshot(recorder.prepared)
    assert synthetic.snapshot(folder) == before
    assert [path.name for path in staging.iterdir()] == [SECOND]


def test_recorder_is_told_what_to_record(recorder: FakeRecorder, folder: Path, staging: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    recorder.write(f"pathlib.Path({str(seen)!r}, out.name).write_text(json.dumps(vars(options)))")
    run(staging, folder)
    asked = [(seen / name).read_text() for name in ("first", "second")]
    for text in asked:
        assert '"tensorflow": "2.15.1", "tensorflow_addons": "0.23.0"' in text


def test_without_a_pair_any_versions_are_recorded(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    recorder.write("assert options.tensorflow is None and options.tensorflow_addons is None")
    assert run(staging, folder, pair=None) == staging / SECOND


def test_progress_is_that_of_the_recorder(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    recorder.write("print('WARNING: noise', file=sys.stderr)", "print('behaviours', file=sys.stderr)")
    said: list[str] = []
    record.record_with(PYTHON, PAIR, staging=staging, folder=folder, progress=said.append)
    assert said == ["case 1/1 x", "behaviours"]


def test_recording_again_replaces_what_was_staged(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    run(staging, folder)
    recorder.prepare(SECOND, memory="64")
    run(staging, folder)
    assert synthetic.snapshot(staging / SECOND) == synthetic.snapshot(recorder.prepared)
    assert [path.name for path in staging.iterdir()] == [SECOND]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("next((out / 'values' / 'triangular-2').iterdir()).write_text(out.name)", "values/triangular-2/"),
        (f"(out / 'records' / '{SECOND}.json').write_text(str(os.getpid()))", f"records/{SECOND}.json"),
        ("(out / 'values' / f'{out.name}.csv').write_text('')", "values/first.csv, values/second.csv"),
    ],
    ids=["value", "record", "file"],
)
def test_two_runs_that_differ_stage_nothing(
    recorder: FakeRecorder, folder: Path, staging: Path, change: str, named: str
) -> None:
    recorder.write(after=change)
    with pytest.raises(RecordError, match=f"two recordings differ, nothing was staged: {named}"):
        run(staging, folder)
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("which", ["first", "second", "either"])
def test_failing_recorder_stages_nothing(recorder: FakeRecorder, folder: Path, staging: Path, which: str) -> None:
    """The message ends with what the recorder said last, whichever of the two runs failed."""
    recorder.write(
        after=f"if {which!r} in ('either', out.name): [print(n) for n in range(40)]; sys.exit('Illegal instruction')"
    )
    with pytest.raises(RecordError, match="exit code 1") as failed:
        run(staging, folder)
    assert "Illegal instruction" in str(failed.value)
    assert "39" in str(failed.value)
    assert "\n10\n" not in str(failed.value)
    assert list(staging.iterdir()) == []


def test_recorder_that_dies_stages_nothing(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    recorder.write(after="os.kill(os.getpid(), 9)")
    with pytest.raises(RecordError, match="exit code -9"):
        run(staging, folder)
    assert list(staging.iterdir()) == []


def test_failure_keeps_what_was_staged(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    run(staging, folder)
    before = synthetic.snapshot(staging)
    recorder.write("sys.exit(3)")
    with pytest.raises(RecordError, match="exit code 3"):
        run(staging, folder)
    assert synthetic.snapshot(staging) == before


def test_python_that_does_not_exist(recorder: FakeRecorder, folder: Path, staging: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot run"):
        run(staging, folder, python=tmp_path / "python")
    assert list(staging.iterdir()) == []


def test_folder_without_cases(recorder: FakeRecorder, staging: Path, tmp_path: Path) -> None:
    for call in (
        lambda: run(staging, tmp_path / "nowhere"),
        lambda: record.record_pair(PAIR, staging=staging, folder=tmp_path / "nowhere", progress=print),
    ):
        with pytest.raises(golden.StoreError, match="not a golden store"):
            call()


class FakeUv:
    """Stands for uv: it makes an environment whose Python is this one, or fails."""

    def __init__(self, *, venv: int = 0, install: int = 0, message: str = "error: no such wheel") -> None:
        self.codes = {"venv": venv, "pip": install}
        self.message = message
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if command[1] == "venv" and not self.codes["venv"]:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
        return subprocess.CompletedProcess(command, self.codes[command[1]], stdout="", stderr=self.message)


def with_uv(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> FakeUv:
    fake = FakeUv(**answers)
    monkeypatch.setattr(record, "_run", fake)
    monkeypatch.setattr(record, "_uv", lambda: "uv")
    return fake


@pytest.mark.skipif(sys.platform == "win32", reason="the fake Python is a shell script")
def test_pair_is_recorded_in_its_own_environment(
    recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = with_uv(monkeypatch)
    assert record.record_pair(PAIR, staging=staging, folder=folder, progress=lambda text: None) == staging / SECOND
    venv, install = fake.commands
    assert venv[:2] == ["uv", "venv"]
    assert install[:3] == ["uv", "pip", "install"]
    assert install[-len(PAIR.requirements) :] == PAIR.requirements
    # The environment is gone again: 42 of them would fill a disk.
    assert [path.name for path in staging.iterdir()] == [SECOND]


def test_pair_that_cannot_be_installed_is_recorded_as_such(
    recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_uv(monkeypatch, install=1, message="  x No solution found:\n  because of the index\n")
    pair = Pair("2.1.4", "0.7.1")
    record.record_pair(pair, staging=staging, folder=folder, progress=lambda text: None)
    assert accepting.staged_pairs(staging) == [pair.name]
    accepting.accept([pair.name], staging=staging, folder=folder)
    stored = golden.read(folder).records[pair.name]
    assert stored.error == "x No solution found: because of the index"
    assert stored.provenance["python"] == "3.7"
    found = record.summary(pair.name, staging=staging, folder=folder)
    assert found["error"] == stored.error
    assert found["differences"] == []


@pytest.mark.parametrize(
    "message",
    [
        "error: No space left on device (os error 28)",
        "error: Failed to fetch: `https://pypi.org/simple/tensorflow/`",
        "x No solution found when resolving dependencies\nhint: Packages were unavailable because the network was disabled.",
    ],
)
def test_an_installation_that_fails_for_another_reason_is_no_answer_of_the_pair(
    recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    with_uv(monkeypatch, install=1, message=message)
    with pytest.raises(RecordError, match="cannot be installed now: ") as caught:
        record.record_pair(PAIR, staging=staging, folder=folder, progress=lambda text: None)
    assert message in str(caught.value)
    assert list(staging.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the fake Python is a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [("exit 0", "ended without a recording"), (r"printf 'caf\351\n'; exit 3", "exit code 3:\ncaf\N{REPLACEMENT CHARACTER}")],
)
def test_a_python_that_is_none(folder: Path, staging: Path, tmp_path: Path, script: str, message: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    with pytest.raises(RecordError, match=message):
        record.record_with(python, None, staging=staging, folder=folder, progress=lambda text: None)
    assert list(staging.iterdir()) == []


def test_python_that_cannot_be_had_is_no_answer_of_the_pair(
    recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_uv(monkeypatch, venv=2)
    with pytest.raises(RecordError, match=r"cannot make an environment of Python 3\.11: error: no such wheel"):
        record.record_pair(PAIR, staging=staging, folder=folder, progress=lambda text: None)
    assert list(staging.iterdir()) == []


def test_pair_that_is_not_recorded_twice_alike(
    recorder: FakeRecorder, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_uv(monkeypatch)
    recorder.write(after="(out / out.name).write_text('')")
    with pytest.raises(RecordError, match="differ"):
        record.record_pair(PAIR, staging=staging, folder=folder, progress=lambda text: None)
    assert list(staging.iterdir()) == []


def test_no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setattr(record.shutil, "which", lambda name: None)
    with pytest.raises(RecordError, match=r"clr-ref\[record\]"):
        record._uv()
    monkeypatch.setattr(record.shutil, "which", lambda name: f"/somewhere/{name}")
    assert record._uv() == "/somewhere/uv"


def test_interpreter_is_that_of_pyenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    python = tmp_path / "versions" / "3.10.13" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert record._interpreter("3.10") == str(python)
    assert record._interpreter("3.1") == "3.1"  # 3.10 is not 3.1
    monkeypatch.delenv("PYENV_ROOT")
    assert record._interpreter("3.10") == "3.10"
