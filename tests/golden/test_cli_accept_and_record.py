"""clr-ref golden accept and record. 0: all holds. 1: a verdict failed, or the store is damaged. 2: the call was wrong."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref.cli import common, golden as golden_command, main
from clr_ref.golden import record as recording, store as golden
from tests.golden import synthetic
from tests.golden.command import THIRD, Golden, damage
from tests.golden.conftest import FakeRecorder
from tests.golden.staged import CHANGED, stage
from tests.golden.synthetic import FIRST, SECOND


def test_accept_takes_all_that_is_staged(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    stage(staging, folder, THIRD)
    result = call("accept", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"accepted": [FIRST, THIRD]}
    assert list(golden.read(folder).records) == [FIRST, THIRD, SECOND]


def test_accept_takes_the_named_pair(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, THIRD)
    stage(staging, folder, "tf-2.13.1_tfa-0.21.0")
    assert call("accept", THIRD).stdout == f"accepted 1: {THIRD}\n"
    assert list(golden.read(folder).records) == [FIRST, THIRD, SECOND]


def test_accept_of_a_pair_that_is_named_twice(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, THIRD)
    stage(staging, folder, SECOND, nudges=CHANGED)
    result = call("accept", THIRD, SECOND, THIRD, SECOND, "--overwrite", "--reason", "XLA was cold")
    assert result.stdout == f"accepted 2: {THIRD}, {SECOND}\n"
    assert len(golden.read(folder).records[SECOND].history) == 1


@pytest.mark.parametrize("command", [["accept"], ["train"], ["probe"]])
def test_the_store_of_an_installed_package_is_not_changed(
    command: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = folder.rename(tmp_path / "data")
    monkeypatch.setattr(golden, "default_folder", lambda: installed)
    before = synthetic.snapshot(installed)
    result = CliRunner().invoke(main, ["golden", *command])
    assert (result.exit_code, "belongs to an installed package" in result.stderr) == (2, True)
    assert synthetic.snapshot(installed) == before


def test_a_reason_that_is_no_text(call: Golden) -> None:
    result = call("accept", "--overwrite", "--reason", "bad\udcff")
    assert (result.exit_code, "--reason" in result.stderr, "'bad\\udcff'" in result.stderr) == (2, True, True)


def test_accept_beside_a_file_that_is_too_large(call: Golden, folder: Path) -> None:
    with (folder / "values" / "large.csv").open("wb") as file:
        file.truncate(2**27 + 1)
    for command in ("accept", "show"):
        result = call(command)
        assert result.exit_code == 1
        assert "values/large.csv: 134,217,729 bytes; a file of a store has at most 134,217,728" in result.stderr


def test_accept_of_nothing_renews_the_sums(call: Golden, folder: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="A better reason."))
    assert call("show").exit_code == 1
    assert call("accept").exit_code == 0
    assert call("show").exit_code == 0


def test_accept_refuses_a_change(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    before = synthetic.snapshot(folder)
    result = call("accept", "--json")
    assert result.exit_code == 1
    assert "differs from what is stored" in json.loads(result.stdout)["problems"][0]
    assert synthetic.snapshot(folder) == before


def test_accept_with_a_reason(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    assert call("accept", "--overwrite", "--reason", "XLA was cold").exit_code == 0
    assert golden.read(folder).records[SECOND].history[0]["reason"] == "XLA was cold"


@pytest.mark.parametrize("arguments", [["--overwrite"], ["--reason", "x"]])
def test_overwrite_and_reason_go_together(call: Golden, folder: Path, staging: Path, arguments: list[str]) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    before = synthetic.snapshot(folder)
    result = call("accept", *arguments)
    assert result.exit_code == 2
    assert "go together" in result.stderr
    assert synthetic.snapshot(folder) == before


def test_accept_of_a_pair_that_is_not_staged(call: Golden) -> None:
    assert call("accept", FIRST).exit_code == 2


def test_accept_into_a_damaged_store(call: Golden, folder: Path, staging: Path) -> None:
    stage(staging, folder, THIRD)
    damage(folder)
    result = call("accept")
    assert result.exit_code == 1
    assert "is damaged or incomplete: nothing was accepted, and the store is unchanged." in " ".join(result.stderr.split())
    assert "--golden" in result.stderr.partition("How to restore it:")[2]


def test_store_of_an_installed_package_is_not_changed(staging: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "default_folder", lambda: synthetic.write_store(tmp_path / "data"))
    result = CliRunner().invoke(main, ["golden", "accept", "--staging", str(staging)])
    assert result.exit_code == 2
    assert "--golden" in result.stderr


def test_record_of_an_unknown_pair(call: Golden) -> None:
    result = call("record", "tf-2.15.1_tfa-0.7.1")
    assert result.exit_code == 2
    assert "is not a supported pair; the nearest are " in result.stderr
    assert "tf-2.15.1_tfa-0.23.0" in result.stderr
    assert "tf-2.2.3_tfa-0.9.1" not in result.stderr, "42 names are too many to read"


@pytest.mark.parametrize(
    "arguments", [[], [FIRST, "--all"], [FIRST, "--python", sys.executable], ["--all", "--python", sys.executable]]
)
def test_record_needs_one_thing_to_record(call: Golden, arguments: list[str]) -> None:
    result = call("record", *arguments)
    assert result.exit_code == 2
    assert "PAIRs" in result.stderr


def test_record_of_a_python_that_is_not_there(call: Golden, tmp_path: Path) -> None:
    assert call("record", "--python", tmp_path / "python").exit_code == 2


def test_record_stages_and_leaves_the_store(call: Golden, recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    before = synthetic.snapshot(folder)
    result = call("record", "--python", sys.executable)
    assert result.exit_code == 0
    assert "recorded 1, failed 0" in result.stdout
    assert "  xla: 9 of 12 results are the same, other rates: 3, by at most 5 ULP\n" in result.stdout
    assert synthetic.snapshot(staging / SECOND) == synthetic.snapshot(recorder.prepared)
    assert synthetic.snapshot(folder) == before


def test_record_as_json(call: Golden, recorder: FakeRecorder) -> None:
    document = json.loads(call("record", "--python", sys.executable, "--json").stdout)
    assert document["failures"] == []
    assert [summary["pair"] for summary in document["recorded"]] == [SECOND]
    assert document["recorded"][0]["modes"]["xla"]["worst_ulp"] == 5


def test_record_that_fails(call: Golden, recorder: FakeRecorder, staging: Path) -> None:
    recorder.write("sys.exit('no AVX')")
    result = call("record", "--python", sys.executable, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["recorded"] == []
    assert "no AVX" in document["failures"][0]
    assert list(staging.iterdir()) == []


def test_record_goes_on_after_a_failure_and_resumes(
    call: Golden, folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    broken = {THIRD}

    def record_pair(pair: recording.Pair, **options: Any) -> Path:
        asked.append(pair.name)
        if pair.name in broken:
            raise recording.RecordError("the network is down")
        stage(staging, folder, pair.name)
        return staging / pair.name

    monkeypatch.setattr(recording, "record_pair", record_pair)
    pairs = ("tf-2.13.1_tfa-0.21.0", THIRD, "tf-2.15.1_tfa-0.23.0")
    shutil.rmtree(folder / "records")  # nothing of it is recorded yet
    result = call("record", *pairs)
    assert result.exit_code == 1
    assert "recorded 2, failed 1" in result.stdout
    assert asked == list(pairs)
    asked.clear()
    broken.clear()
    result = call("record", *pairs)
    assert result.exit_code == 0
    assert asked == [THIRD]
    assert "tf-2.13.1_tfa-0.21.0: up to date" in result.stderr
    asked.clear()
    call("record", "--force", *pairs)
    assert asked == list(pairs)


def test_record_all_is_all_pairs(call: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def record_pair(pair: recording.Pair, **options: Any) -> Path:
        asked.append(pair.name)
        raise recording.RecordError("not now")

    monkeypatch.setattr(recording, "record_pair", record_pair)
    monkeypatch.setattr(recording, "up_to_date", lambda *_, **__: False)
    assert call("record", "--all").exit_code == 1
    assert asked == [pair.name for pair in recording.PAIRS]


def test_record_of_a_pair_that_cannot_be_installed(call: Golden, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record_pair(pair: recording.Pair, **options: Any) -> Path:
        synthetic.write_failure(staging / pair.name, pair.name)
        return staging / pair.name

    monkeypatch.setattr(recording, "record_pair", record_pair)
    result = call("record", "tf-2.1.4_tfa-0.7.1")
    assert result.exit_code == 0
    assert "cannot be installed: No solution found" in result.stdout


def test_record_with_damaged_cases(call: Golden, recorder: FakeRecorder, folder: Path) -> None:
    (folder / "cases.json").write_text("{}")
    for arguments in (["--python", sys.executable], [FIRST]):
        result = call("record", *arguments, "--json")
        assert result.exit_code == 1
        assert "cases.json: missing field" in json.loads(result.stdout)["problems"][0]
        assert "nothing was recorded" in result.stderr


def test_staging_that_is_missing_is_a_wrong_call_except_for_record(
    folder: Path, recorder: FakeRecorder, tmp_path: Path
) -> None:
    options = ["--golden", str(folder), "--staging", str(tmp_path / "nowhere")]
    for command in ("diff", "accept"):
        result = CliRunner().invoke(main, ["golden", command, *options])
        assert result.exit_code == 2
        assert "there is no folder" in result.stderr
    assert CliRunner().invoke(main, ["golden", "record", "--python", sys.executable, *options]).exit_code == 0
    assert CliRunner().invoke(main, ["golden", "diff", *options]).exit_code == 1  # the recorder is now another one


def test_record_of_something_else_than_the_cases(call: Golden, recorder: FakeRecorder, folder: Path, staging: Path) -> None:
    """What the recorder wrote is checked as what is accepted is."""
    shutil.rmtree(recorder.prepared / "values")
    result = call("record", "--python", sys.executable)
    assert result.exit_code == 1
    assert "missing, but a record refers to it" in result.stderr


def test_record_prints_no_details(call: Golden, recorder: FakeRecorder) -> None:
    recorder.prepare(SECOND, nudges=CHANGED)
    result = call("record", "--python", sys.executable)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:4] == [
        f"{SECOND}: compared with the stored recording of this pair",
        "  eager: 12 of 12 results are the same",
        "  function: 12 of 12 results are the same",
        "  xla: 9 of 12 results are the same, other rates: 3, by at most 4 ULP",
    ]
    assert result.stdout.splitlines()[4].startswith("recorded 1, failed 0; staged in ")


@pytest.mark.parametrize(
    ("arguments", "total"),
    [(["--python", sys.executable], 1), ([FIRST], 1), ([FIRST, SECOND], 2), (["--all"], 42)],
    ids=["python", "one", "two", "all"],
)
def test_the_bar_counts_pairs(
    arguments: list[str], total: int, call: Golden, recorder: FakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: list[int] = []

    def progress(number: int) -> common.Progress:
        totals.append(number)
        return common.Progress(number)

    recorder.prepare(SECOND)
    monkeypatch.setattr(golden_command, "Progress", progress)
    monkeypatch.setattr(recording, "up_to_date", lambda *_, **__: True)
    assert call("record", *arguments).exit_code == 0
    assert totals == [total]
