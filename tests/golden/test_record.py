"""Recording stages what two runs agree on, or nothing; the runs themselves are those of a fake recorder here."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.golden import accept as accepting, record, store as golden
from clr_ref.golden.cases import accepted_cases_sha256
from clr_ref.golden.model import RECORD_NAME, record_order
from clr_ref.golden.record import PAIRS, Pair, RecordError
from clr_ref.golden.sums import sha256
from tests.golden import synthetic
from tests.golden.conftest import FakeRecorder
from tests.golden.synthetic import FIRST, SECOND

PYTHON = Path(sys.executable)
PAIR = Pair("2.15.1", "0.23.0")


def run(staging: Path, folder: Path, pair: Pair | None = PAIR, python: Path = PYTHON) -> Path:
    return record.record_with(python, pair, staging=staging, folder=folder, progress=lambda text: None)


def is_up_to_date(staging: Path, folder: Path) -> bool:
    return record.up_to_date(PAIR, staging=staging, folder=folder)


# --- the pairs -------------------------------------------------------------------------------------------------------

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


# --- recording -------------------------------------------------------------------------------------------------------


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


# --- an environment per pair -----------------------------------------------------------------------------------------


class FakeUv:
    """Stands for uv: it makes an environment whose Python is this one, or fails."""

    def __init__(self, *, venv: int = 0, install: int = 0) -> None:
        self.codes = {"venv": venv, "pip": install}
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if command[1] == "venv" and not self.codes["venv"]:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
            python.chmod(0o755)
        message = "error: no such wheel\n  because of the index\n"
        return subprocess.CompletedProcess(command, self.codes[command[1]], stdout="", stderr=message)


def with_uv(monkeypatch: pytest.MonkeyPatch, **codes: int) -> FakeUv:
    fake = FakeUv(**codes)
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
    with_uv(monkeypatch, install=1)
    pair = Pair("2.1.4", "0.7.1")
    record.record_pair(pair, staging=staging, folder=folder, progress=lambda text: None)
    assert accepting.staged_pairs(staging) == [pair.name]
    accepting.accept([pair.name], staging=staging, folder=folder)
    stored = golden.read(folder).records[pair.name]
    assert stored.error == "error: no such wheel because of the index"
    assert stored.provenance["python"] == "3.7"
    found = record.summary(pair.name, staging=staging, folder=folder)
    assert found["error"] == stored.error
    assert found["differences"] == []


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


# --- up to date ------------------------------------------------------------------------------------------------------


def test_staged_pair_is_up_to_date(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    assert not is_up_to_date(staging, folder)  # the store has the pair, but from another recorder
    run(staging, folder)
    assert is_up_to_date(staging, folder)


def test_stored_pair_is_up_to_date(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    recorder.prepare(SECOND, nudges={("triangular-2", "xla"): 5})
    run(staging, folder)
    accepting.accept([SECOND], staging=staging, folder=folder)
    shutil.rmtree(staging)
    assert is_up_to_date(staging, folder)


def test_changed_recorder_is_not_up_to_date(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    run(staging, folder)
    recorder.path.write_text(recorder.path.read_text() + "# another\n")
    assert not is_up_to_date(staging, folder)


def test_changed_cases_are_not_up_to_date(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    run(staging, folder)
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(traced_steps=[0]))
    assert not is_up_to_date(staging, folder)


def test_note_is_no_part_of_a_recording(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    run(staging, folder)
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="Another reason."))
    assert is_up_to_date(staging, folder)


def test_recorder_gets_what_its_answers_depend_on(recorder: FakeRecorder, folder: Path, staging: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    recorder.write(f"shutil.copyfile(options.cases, {str(seen)!r})")
    run(staging, folder)
    found = golden.load_json(seen)
    assert sorted(found) == ["cases", "digest_steps", "format"]
    (case,) = (case for case in found["cases"] if case["id"] == "triangular-2")
    fields = {"id", "class", "policy", "inputs", "scale_mode", "dtype", "call", "steps", "traced_steps"}
    assert set(case) == fields
    assert case["inputs"]["step_size"] == {"hex": "0x1.0000000000000p+1"}
    assert sha256(seen.read_bytes()) in accepted_cases_sha256(folder / "cases.json")


@pytest.mark.parametrize("change", [lambda data: data["cases"][0].pop("note"), lambda data: data["cases"].clear()])
def test_wrong_cases_are_refused_before_they_are_recorded(
    recorder: FakeRecorder, folder: Path, staging: Path, change: Callable[[Any], Any]
) -> None:
    synthetic.edit(folder / "cases.json", change)
    with pytest.raises(golden.StoreError, match=r"cases\.json: "):
        run(staging, folder)


def test_line_ends_are_not_a_change(recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    """A checkout on Windows must not record 42 pairs anew."""
    run(staging, folder)
    for path in (recorder.path, folder / "cases.json"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert is_up_to_date(staging, folder)


@pytest.mark.parametrize("content", ["", "[]", '{"provenance": []}', '{"provenance": {}}', "\xff"])
def test_damaged_recording_is_not_up_to_date(recorder: FakeRecorder, folder: Path, staging: Path, content: str) -> None:
    run(staging, folder)
    (staging / SECOND / "records" / f"{SECOND}.json").write_bytes(content.encode("latin-1"))
    assert not is_up_to_date(staging, folder)


def test_nothing_is_up_to_date_without_cases(recorder: FakeRecorder, staging: Path, tmp_path: Path) -> None:
    assert not is_up_to_date(staging, tmp_path / "nowhere")


# --- kill -9 ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
@pytest.mark.parametrize("staged", [False, True], ids=["first recording", "recorded before"])
def test_killed_before_any_move(
    recorder: FakeRecorder, folder: Path, staging: Path, victims: Callable[..., Any], staged: bool
) -> None:
    """What was staged is there, the old recording or the new, at every moment; a first one comes whole."""
    old: dict[str, bytes] = {}
    if staged:
        run(staging, folder)
        old = synthetic.snapshot(staging / SECOND)
        recorder.prepare(SECOND, memory="64")
    new = synthetic.snapshot(recorder.prepared)
    victim = victims("record", staging, folder, PYTHON, recorder.path)
    outcomes = []
    for number in range(1, 100):
        victim.start(kill_at=number)
        status = victim.wait()
        found = synthetic.snapshot(staging / SECOND)
        assert found in (old, new)
        assert accepting.staged_pairs(staging) == ([SECOND] if found else [])
        outcomes.append(found == new)
        synthetic.restore(staging / SECOND, old)
        if status == 0:
            break
        assert status == -9
    assert len(outcomes) > 2
    assert outcomes == sorted(outcomes)
    assert [outcomes[0], outcomes[-1]] == [False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
def test_killed_at_random_moments(recorder: FakeRecorder, folder: Path, staging: Path, victims: Callable[..., Any]) -> None:
    """Recorder, its two processes and all: the store is as it was, what was staged is the old recording or the new, whole."""
    run(staging, folder)
    store_before, old = synthetic.snapshot(folder), synthetic.snapshot(staging / SECOND)
    recorder.prepare(SECOND, memory="64")
    new = synthetic.snapshot(recorder.prepared)
    assert old != new
    victim = victims("record", staging, folder, PYTHON, recorder.path)
    started = time.perf_counter()
    victim.start()
    assert victim.wait() == 0
    duration = time.perf_counter() - started
    assert synthetic.snapshot(staging / SECOND) == new
    draw = random.Random(4)
    killed = 0
    for round_number in range(8):
        synthetic.restore(staging / SECOND, old)
        process = victim.start()
        time.sleep(draw.uniform(0, 1.1 * duration) if round_number else 0)
        synthetic.kill(process)
        killed += victim.wait() == -9
        assert synthetic.snapshot(folder) == store_before
        assert accepting.staged_pairs(staging) == [SECOND]
        assert synthetic.snapshot(staging / SECOND) in (old, new)
    assert killed


# --- the summary -----------------------------------------------------------------------------------------------------


def stage(staging: Path, folder: Path, pair: str, **changes: Any) -> None:
    synthetic.write_recording(staging / pair, pair, folder, **changes)


def test_summary_of_what_did_not_change(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    found = record.summary(FIRST, staging=staging, folder=folder)
    assert found["against"] == FIRST
    assert found["differences"] == []
    for mode in ("eager", "function", "xla"):
        assert found["modes"][mode] == {"entries": 12, "same": 12, "new": 0, "worst_ulp": 0.0, "values_against_errors": 0}


@pytest.mark.parametrize("ulps", [1, 2, 937])
def test_summary_counts_ulps(folder: Path, staging: Path, ulps: int) -> None:
    stage(staging, folder, FIRST, nudges={("base-triangular2-3", "eager"): ulps})
    found = record.summary(FIRST, staging=staging, folder=folder)
    eager = {"entries": 12, "same": 9, "new": 0, "worst_ulp": float(ulps), "values_against_errors": 0}
    assert found["modes"]["eager"] == eager
    assert found["modes"]["xla"]["same"] == 12
    assert [(d["case"], d["mode"], d["worst_ulp"]) for d in found["differences"]] == [
        ("base-triangular2-3", "eager", float(ulps))
    ] * 3


def test_ulps_of_a_float64_case_are_float64s(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST, nudges={("float64-triangular2-2", "xla"): 7})
    assert record.summary(FIRST, staging=staging, folder=folder)["modes"]["xla"]["worst_ulp"] == 7


def test_ulps_below_count_as_much_as_those_above(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST, nudges={("triangular-2", "function"): 0})
    found = record.summary(FIRST, staging=staging, folder=folder)
    assert found["modes"]["function"]["worst_ulp"] == 1


def test_digest_alone_is_a_difference_of_0_ulp(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)

    def change(data: Any) -> None:
        data["results"]["triangular-2"]["eager"]["int64"]["digest"] = "0" * 64

    synthetic.edit(staging / FIRST / "records" / f"{FIRST}.json", change)
    (difference,) = record.summary(FIRST, staging=staging, folder=folder)["differences"]
    assert difference["worst_ulp"] == 0
    assert difference["after"].endswith("digest 00000000")


def test_error_in_place_of_values_has_no_ulps(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)

    def change(data: Any) -> None:
        for kinds in data["results"]["triangular-2"].values():
            kinds["int64"] = {"error": {"class": "TypeError", "message": "no int64"}}

    synthetic.edit(staging / FIRST / "records" / f"{FIRST}.json", change)
    found = record.summary(FIRST, staging=staging, folder=folder)
    assert [m["values_against_errors"] for m in found["modes"].values()] == [1, 1, 1]
    assert {d["after"] for d in found["differences"]} == {"TypeError: no int64"}


def test_behaviour_is_a_difference(folder: Path, staging: Path) -> None:
    """Accepting it needs --overwrite, so a look at the differences has to show it."""
    stage(staging, folder, FIRST, behaviours={"int bounds": "works", "novel": "yes"})
    found = record.summary(FIRST, staging=staging, folder=folder)["differences"]
    assert [(d["case"], d["step_dtype"], d["before"], d["after"]) for d in found] == [
        ("behaviour", "int bounds", "ValueError", "works"),
        ("behaviour", "novel", "nothing", "yes"),
    ]


def test_pair_that_can_no_longer_be_installed_is_a_difference(folder: Path, staging: Path) -> None:
    synthetic.write_failure(staging / FIRST, FIRST)
    (difference,) = record.summary(FIRST, staging=staging, folder=folder)["differences"]
    assert (difference["case"], difference["before"], difference["after"]) == ("pair", "recorded", "No solution found")


def test_pair_that_can_be_installed_now_is_a_difference(folder: Path, staging: Path) -> None:
    pair = "tf-2.1.4_tfa-0.7.1"
    synthetic.write_failure(folder, pair)
    stage(staging, folder, pair)
    found = record.summary(pair, staging=staging, folder=folder)
    assert found["modes"]["eager"]["same"] == 0
    assert found["differences"][0]["before"] == "No solution found"


def test_case_with_other_steps_has_no_ulps(folder: Path, staging: Path) -> None:
    """After an edit of the cases, values of different steps must not be set against each other."""
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(steps=[[0, 1]]))
    stage(staging, folder, FIRST)
    found = record.summary(FIRST, staging=staging, folder=folder)["differences"]
    assert {(d["case"], d["worst_ulp"]) for d in found if d["step_dtype"] == "float32"} == {("triangular-2", None)}


def test_new_pair_is_compared_with_the_one_before(folder: Path, staging: Path) -> None:
    pair = "tf-2.15.1_tfa-0.22.0"
    stage(staging, folder, pair, nudges={("triangular-2", "xla"): 4})
    found = record.summary(pair, staging=staging, folder=folder)
    assert found["against"] == FIRST
    assert found["modes"]["xla"]["worst_ulp"] == 4


@pytest.mark.parametrize(
    ("pair", "against"),
    [
        (FIRST, FIRST),
        (SECOND, SECOND),
        ("tf-2.14.1_tfa-0.21.0", FIRST),
        ("tf-2.9.3_tfa-0.19.0", FIRST),
        ("tf-2.15.1_tfa-0.22.0", FIRST),
        ("tf-2.16.0_tfa-0.24.0", SECOND),
    ],
)
def test_nearest_is_itself_or_earlier_or_the_earliest(folder: Path, pair: str, against: str) -> None:
    nearest = accepting.nearest(golden.read(folder), pair)
    assert nearest is not None
    assert nearest.name == against


def test_pair_without_answers_is_nobodys_nearest(folder: Path) -> None:
    synthetic.write_failure(folder, "tf-2.15.1_tfa-0.22.0")
    synthetic.renew_sums(folder)
    nearest = accepting.nearest(golden.read(folder), "tf-2.15.1_tfa-0.22.1")
    assert nearest is not None
    assert nearest.name == FIRST


def test_first_pair_of_all_has_nothing_to_compare_with(tmp_path: Path, staging: Path) -> None:
    synthetic.write_cases(tmp_path / "golden")
    stage(staging, tmp_path / "golden", FIRST)
    found = record.summary(FIRST, staging=staging, folder=tmp_path / "golden")
    assert found["against"] is None
    assert [mode["same"] for mode in found["modes"].values()] == [0, 0, 0]


def test_summary_of_a_damaged_recording(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    (staging / FIRST / synthetic.values_of(staging / FIRST, FIRST, "triangular-2")).unlink()
    with pytest.raises(accepting.AcceptError, match="missing, but a record refers to it"):
        record.summary(FIRST, staging=staging, folder=folder)


def test_summary_against_a_damaged_store(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST, nudges={("triangular-2", "eager"): 1})
    (folder / synthetic.values_of(folder, FIRST, "triangular-2")).unlink()
    with pytest.raises(golden.StoreError):
        record.summary(FIRST, staging=staging, folder=folder)
    (folder / "cases.json").write_text("{")
    with pytest.raises(golden.StoreError, match=r"cases\.json"):
        record.summary(FIRST, staging=staging, folder=folder)


def test_staged_pairs_are_the_whole_ones(staging: Path, tmp_path: Path) -> None:
    for name in ("tf-2.10.1_tfa-0.19.0", "tf-2.9.3_tfa-0.19.0", ".recording-abc", f".{SECOND}-xyz", "notes"):
        (staging / name).mkdir()
    assert accepting.staged_pairs(staging) == ["tf-2.9.3_tfa-0.19.0", "tf-2.10.1_tfa-0.19.0"]
    assert accepting.staged_pairs(tmp_path / "nowhere") == []


def test_why_this_python_cannot_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(code: int, message: str) -> Callable[[list[str]], subprocess.CompletedProcess[str]]:
        return lambda command: subprocess.CompletedProcess(command, code, stdout="", stderr=message)

    monkeypatch.setattr(record, "_run", answer(0, "a warning"))
    assert record.unavailable_here() is None
    monkeypatch.setattr(record, "_run", answer(1, "Traceback\nModuleNotFoundError: No module named 'tensorflow_addons'\n"))
    assert record.unavailable_here() == "ModuleNotFoundError: No module named 'tensorflow_addons'"
    monkeypatch.setattr(record, "_run", answer(-4, ""))
    assert record.unavailable_here() == "tensorflow_addons does not import"


def test_nudge_is_what_the_ulp_tests_take_it_for(folder: Path) -> None:
    """The helper moves one value by as many floats as it says: the tests above rest on it."""
    store = golden.read(folder)
    case = store.cases["triangular-2"]
    moved = [np.float32(case.schedule(8))]
    for _ in range(5):
        moved.append(np.nextafter(moved[-1], np.float32(1)))
    name = Path(synthetic.values_of(folder, SECOND, "triangular-2", "xla")).name
    assert store.values("triangular-2", name)[-1] == moved[5] != moved[4]


def test_what_a_killed_recording_left_is_removed(folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of a gigabyte per kill would fill the disk."""
    pair = PAIRS[-1]
    left = staging / f".{pair.name}-abcdefgh" / "venv"
    other = staging / f".{PAIRS[0].name}-abcdefgh"
    left.mkdir(parents=True)
    other.mkdir(parents=True)
    monkeypatch.setattr(record, "_uv", lambda: "uv")
    monkeypatch.setattr(record, "_run", lambda command: subprocess.CompletedProcess(command, 1, "", "no such Python"))
    with pytest.raises(RecordError, match="no such Python"):
        record.record_pair(pair, staging=staging, folder=folder, progress=lambda text: None)
    assert not left.parent.exists()
    assert other.exists()
