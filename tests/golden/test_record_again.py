"""What is up to date is not recorded again, and a killed recording leaves nothing that counts."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import accept as accepting, store as golden
from clr_ref.golden.cases import accepted_cases_sha256
from clr_ref.golden.sums import sha256
from tests.golden import synthetic
from tests.golden.conftest import FakeRecorder
from tests.golden.recording import PYTHON, is_up_to_date, run
from tests.golden.synthetic import SECOND


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
