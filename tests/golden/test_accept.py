"""Accepting takes in what is staged, and replaces a stored value only for a reason."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.accept import AcceptError, _describe, accept
from clr_ref.golden.sums import SUMS
from tests.golden import synthetic
from tests.golden.staged import CHANGED, THIRD, leftovers, stage
from tests.golden.synthetic import FIRST, SECOND


def test_accept_into_an_empty_store(empty: Path, staging: Path) -> None:
    stage(staging, empty, FIRST)
    assert accept([FIRST], staging=staging, folder=empty) == [FIRST]
    store = golden.read(empty)
    assert list(store.records) == [FIRST]
    assert synthetic.snapshot(empty).items() >= synthetic.snapshot(staging / FIRST).items()


def test_accept_into_an_existing_store(folder: Path, staging: Path) -> None:
    before = synthetic.snapshot(folder)
    stage(staging, folder, THIRD)
    accept([THIRD], staging=staging, folder=folder)
    assert list(golden.read(folder).records) == [FIRST, THIRD, SECOND]
    after = synthetic.snapshot(folder)
    assert {name: after[name] for name in before if name != SUMS} == {
        name: content for name, content in before.items() if name != SUMS
    }


def test_staging_is_left_as_it_is(folder: Path, staging: Path) -> None:
    stage(staging, folder, THIRD)
    before = synthetic.snapshot(staging)
    accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(staging) == before


def test_only_the_named_pairs_are_taken(empty: Path, staging: Path) -> None:
    stage(staging, empty, FIRST)
    stage(staging, empty, SECOND)
    accept([SECOND], staging=staging, folder=empty)
    assert list(golden.read(empty).records) == [SECOND]


def test_nothing_is_left_beside_the_store(folder: Path, staging: Path) -> None:
    stage(staging, folder, THIRD)
    accept([THIRD], staging=staging, folder=folder)
    assert leftovers(folder) == []


def test_nothing_is_left_after_a_refusal(folder: Path, staging: Path) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    with pytest.raises(AcceptError):
        accept([SECOND], staging=staging, folder=folder)
    assert leftovers(folder) == []


def test_identical_recording_changes_nothing(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    before = synthetic.snapshot(folder)
    accept([FIRST], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_same_answers_of_another_machine_need_no_overwrite(folder: Path, staging: Path) -> None:
    """Only answers are protected: the provenance is that of the recording that was accepted last."""
    stage(staging, folder, FIRST, memory="64")
    accept([FIRST], staging=staging, folder=folder)
    record = golden.read(folder).records[FIRST]
    assert record.provenance["cpu"]["model"] == "Invented CPU with 64 GiB"
    assert record.history == ()


def test_pair_that_cannot_be_installed_is_accepted(folder: Path, staging: Path) -> None:
    synthetic.write_failure(staging / THIRD, THIRD)
    accept([THIRD], staging=staging, folder=folder)
    assert golden.read(folder).records[THIRD].error == "No solution found"


@pytest.mark.parametrize("changes", [{"nudges": CHANGED}, {"behaviours": {"int bounds": "works"}}], ids=["value", "behaviour"])
def test_changed_answer_is_refused(folder: Path, staging: Path, changes: Any) -> None:
    stage(staging, folder, SECOND, **changes)
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match=f"{SECOND} differs from what is stored in .* `--overwrite"):
        accept([SECOND], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_overwrite_needs_a_reason(folder: Path, staging: Path, reason: str | None) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match="reason"):
        accept([SECOND], staging=staging, folder=folder, overwrite=True, reason=reason)
    assert synthetic.snapshot(folder) == before


def test_overwrite_keeps_the_history(folder: Path, staging: Path) -> None:
    replaced = hashlib.sha256((folder / "records" / f"{SECOND}.json").read_bytes()).hexdigest()
    stage(staging, folder, SECOND, nudges=CHANGED)
    accept([SECOND], staging=staging, folder=folder, overwrite=True, reason="XLA was not warmed up")
    record = golden.read(folder).records[SECOND]
    assert record.history == ({"reason": "XLA was not warmed up", "replaced_sha256": replaced},)
    expected = json.loads((staging / SECOND / "records" / f"{SECOND}.json").read_text())
    actual = json.loads((folder / "records" / f"{SECOND}.json").read_text())
    assert actual["results"] == expected["results"]


def test_history_is_a_chain(folder: Path, staging: Path) -> None:
    """Each step names the record before it, history and all, so that none can be dropped later unnoticed."""
    path = folder / "records" / f"{SECOND}.json"
    hashes = []
    for number in (1, 2):
        hashes.append(hashlib.sha256(path.read_bytes()).hexdigest())
        stage(staging, folder, SECOND, nudges={("triangular-2", "xla"): 10 + number})
        accept([SECOND], staging=staging, folder=folder, overwrite=True, reason=f"reason {number}")
    history = golden.read(folder).records[SECOND].history
    assert [step["reason"] for step in history] == ["reason 1", "reason 2"]
    assert [step["replaced_sha256"] for step in history] == hashes


def test_history_survives_an_identical_recording(folder: Path, staging: Path) -> None:
    stage(staging, folder, SECOND, nudges=CHANGED)
    accept([SECOND], staging=staging, folder=folder, overwrite=True, reason="once")
    before = synthetic.snapshot(folder)
    accept([SECOND], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_overwrite_of_what_did_not_change_leaves_no_history(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    stage(staging, folder, SECOND, nudges=CHANGED)
    accept([FIRST, SECOND], staging=staging, folder=folder, overwrite=True, reason="XLA")
    records = golden.read(folder).records
    assert [len(records[pair].history) for pair in (FIRST, SECOND)] == [0, 1]


@pytest.mark.parametrize("first", ["recorded", "error"])
def test_error_and_answers_replace_each_other(folder: Path, staging: Path, first: str) -> None:
    def put(kind: str) -> None:
        if kind == "recorded":
            stage(staging, folder, THIRD)
        else:
            shutil.rmtree(staging / THIRD, ignore_errors=True)
            synthetic.write_failure(staging / THIRD, THIRD)

    put(first)
    accept([THIRD], staging=staging, folder=folder)
    put("error" if first == "recorded" else "recorded")
    with pytest.raises(AcceptError, match="differs from what is stored in 1 entries, first in pair"):
        accept([THIRD], staging=staging, folder=folder)
    accept([THIRD], staging=staging, folder=folder, overwrite=True, reason="the mirror was down")
    record = golden.read(folder).records[THIRD]
    assert (record.error is None) == (first == "error")
    assert [step["reason"] for step in record.history] == ["the mirror was down"]


def test_values_of_the_replaced_record_go_and_shared_ones_stay(folder: Path, staging: Path) -> None:
    own = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    shared = synthetic.values_of(folder, SECOND, "triangular-2", "eager")
    stage(staging, folder, SECOND, nudges={**CHANGED, ("triangular-2", "eager"): 3})
    accept([SECOND], staging=staging, folder=folder, overwrite=True, reason="a test")
    assert not (folder / own).exists()
    assert (folder / shared).exists()
    assert (folder / synthetic.values_of(folder, SECOND, "triangular-2", "xla")).exists()


def test_the_first_reason_of_a_copy_that_fails_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise shutil.Error([("a", "b", "the first reason"), ("c", "d", "another")])

    monkeypatch.setattr(shutil, "copytree", refuse)
    with pytest.raises(AcceptError) as found:
        accept([], staging=folder.parent, folder=folder)
    assert str(found.value) == f"{folder} cannot be copied, and is as it was: the first reason"


def test_an_entry_is_its_file_and_digest_or_its_error() -> None:
    entry = golden.Entry("a", "eager", "int64", "eager-1.csv")
    assert _describe(entry) == "eager-1.csv"
    assert _describe(dataclasses.replace(entry, digest="0123456789")) == "eager-1.csv digest 01234567"
    assert _describe(golden.Entry("a", "eager", "int64", error=("E", "no"))) == "E: no"
