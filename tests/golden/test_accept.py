"""Accepting is all or nothing, changes nothing silently, and survives being killed."""

from __future__ import annotations

import ctypes
import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import accept as accepting, store as golden
from clr_ref.golden.accept import AcceptError, accept
from clr_ref.golden.store import StoreError
from clr_ref.golden.sums import SUMS
from tests.golden import synthetic
from tests.golden.synthetic import FIRST, SECOND

THIRD = "tf-2.15.1_tfa-0.22.0"
#: Another answer than the stored one, in one file of one case.
CHANGED = {("triangular-2", "xla"): 9}


def stage(staging: Path, folder: Path, pair: str, **changes: Any) -> None:
    shutil.rmtree(staging / pair, ignore_errors=True)
    synthetic.write_recording(staging / pair, pair, folder, **changes)


def leftovers(folder: Path) -> list[str]:
    """What lies beside the store that was not there before: lock, temporary folders."""
    return sorted(path.name for path in folder.parent.iterdir() if path.name not in ("golden", "staging"))


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A store that holds its cases and nothing else yet."""
    folder = tmp_path / "golden"
    synthetic.write_cases(folder)
    return folder


# --- taking in -------------------------------------------------------------------------------------------------------


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


# --- replacing -------------------------------------------------------------------------------------------------------


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


def add_case(folder: Path) -> None:
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))


# --- all or none -----------------------------------------------------------------------------------------------------


def truncate_values(staged: Path, pair: str) -> None:
    path = staged / synthetic.values_of(staged, pair, "triangular-2")
    path.write_text(path.read_text().rpartition("\n2,")[0] + "\n")


def drop_values(staged: Path, pair: str) -> None:
    (staged / synthetic.values_of(staged, pair, "triangular-2")).unlink()


def break_record(staged: Path, pair: str) -> None:
    (staged / "records" / f"{pair}.json").write_text("{")


def drop_record(staged: Path, pair: str) -> None:
    (staged / "records" / f"{pair}.json").unlink()


def drop_case(staged: Path, pair: str) -> None:
    synthetic.edit(staged / "records" / f"{pair}.json", lambda data: data["results"].pop("triangular-2"))


def add_values(staged: Path, pair: str) -> None:
    (staged / "values" / "triangular-2" / "eager-00000000.csv").write_text("step,hex,decimal\n")


def change_versions(staged: Path, pair: str) -> None:
    synthetic.edit(staged / "records" / f"{pair}.json", lambda data: data["provenance"].update(tensorflow="2.0.0"))


@pytest.mark.parametrize(
    "damage", [truncate_values, drop_values, break_record, drop_record, drop_case, add_values, change_versions]
)
def test_one_damaged_recording_stops_all(folder: Path, staging: Path, damage: Callable[[Path, str], None]) -> None:
    other = "tf-2.15.1_tfa-0.21.0"
    stage(staging, folder, other)
    stage(staging, folder, THIRD)
    damage(staging / THIRD, THIRD)
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match=THIRD):
        accept([other, THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before
    assert leftovers(folder) == []


def test_pair_that_is_not_staged(folder: Path, staging: Path) -> None:
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match=THIRD):
        accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_recording_of_other_cases_is_refused(folder: Path, staging: Path) -> None:
    """A recording that is older than a new case is stale, however many pairs come in."""
    stage(staging, folder, THIRD)
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match=rf"{THIRD}: recorded with other cases .*cases.json; run `tox run -m record`"):
        accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_new_case_comes_in_with_all_pairs_at_once(folder: Path, staging: Path) -> None:
    """It changes no answer, and therefore needs no reason."""
    add_case(folder)
    stage(staging, folder, FIRST)
    stage(staging, folder, SECOND, nudges={("triangular-2", "xla"): 5})
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError) as refused:
        accept([FIRST], staging=staging, folder=folder)
    assert str(refused.value) == f"cases.json: case 'later' is recorded for 1 of 2 pairs; {golden.NEXT}"
    assert synthetic.snapshot(folder) == before
    accept([FIRST, SECOND], staging=staging, folder=folder)
    store = golden.read(folder)
    assert {"later"} <= {entry.case for entry in store.records[SECOND].entries}
    assert [record.history for record in store.records.values()] == [(), ()]


def test_new_case_that_nothing_was_recorded_for(folder: Path, staging: Path) -> None:
    add_case(folder)
    with pytest.raises(AcceptError) as refused:
        accept([], staging=staging, folder=folder)
    assert str(refused.value) == f"cases.json: case 'later' is recorded for no pair; {golden.NEXT}"


@pytest.mark.parametrize("changes", [{"nudges": CHANGED}, {"behaviours": {"int bounds": "works"}}], ids=["value", "behaviour"])
def test_new_case_does_not_hide_a_changed_answer(folder: Path, staging: Path, changes: Any) -> None:
    add_case(folder)
    stage(staging, folder, FIRST, **changes)
    stage(staging, folder, SECOND, nudges={("triangular-2", "xla"): 5})
    with pytest.raises(AcceptError, match=f"{FIRST} differs from what is stored"):
        accept([FIRST, SECOND], staging=staging, folder=folder)


def test_new_behaviour_is_no_changed_answer_and_a_lost_one_is(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST, behaviours={"a new question": "works"})
    accept([FIRST], staging=staging, folder=folder)
    stage(staging, folder, FIRST)
    with pytest.raises(AcceptError, match="in 1 entries, first in behaviour a new question"):
        accept([FIRST], staging=staging, folder=folder)


def test_removed_case_needs_a_reason(folder: Path, staging: Path) -> None:
    """What was recorded of it is lost."""
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].pop())
    stage(staging, folder, FIRST)
    stage(staging, folder, SECOND, nudges={("triangular-2", "xla"): 5})
    with pytest.raises(AcceptError, match="differs from what is stored in 9 entries, first in float64-triangular2-2"):
        accept([FIRST, SECOND], staging=staging, folder=folder)
    accept([FIRST, SECOND], staging=staging, folder=folder, overwrite=True, reason="it was the same as another")
    assert not (folder / "values" / "float64-triangular2-2").exists() or not any(
        (folder / "values/float64-triangular2-2").iterdir()
    )
    assert golden.problems(folder) == []


def test_edited_inputs_are_not_laundered(folder: Path, staging: Path) -> None:
    """Steps and values agree with each other still; only the recorder's input tells."""
    synthetic.edit(
        folder / "cases.json",
        lambda data: data["cases"][0]["inputs"]["step_size"].update(decimal=4, hex="0x1.0000000000000p+2"),
    )
    with pytest.raises(AcceptError, match="2 of 2 records were made of other inputs or steps"):
        accept([], staging=staging, folder=folder)


# --- tampering -------------------------------------------------------------------------------------------------------


def nudge_value(folder: Path) -> None:
    path = folder / synthetic.values_of(folder, FIRST, "triangular-2")
    path.write_text(path.read_text().replace("1e-02", "1.1e-02"))


def edit_record(folder: Path) -> None:
    synthetic.edit(folder / "records" / f"{FIRST}.json", lambda data: data["behaviours"].clear())


def swap_values(folder: Path) -> None:
    """Sound in itself: content address, hex, decimal, record all agree; only the sums know that it was not accepted."""
    sums = (folder / SUMS).read_bytes()
    name = synthetic.values_of(folder, FIRST, "triangular-2", "xla")
    synthetic.rewrite_values(
        folder, name, lambda text: text.replace("0x1.47ae140000000p-7,1e-02", "0x1.0000000000000p-7,7.8125e-03")
    )
    (folder / SUMS).write_bytes(sums)


def drop_stored_record(folder: Path) -> None:
    (folder / "records" / f"{FIRST}.json").unlink()


def add_file(folder: Path) -> None:
    (folder / "values" / "triangular-2" / "xla-00000000.csv").write_text("step,hex,decimal\n")


def drop_sums(folder: Path) -> None:
    (folder / SUMS).unlink()


def garble_sums(folder: Path) -> None:
    (folder / SUMS).write_bytes(b"\xff" + (folder / SUMS).read_bytes())


@pytest.mark.parametrize("pairs", [[], [THIRD]], ids=["sums only", "with a recording"])
@pytest.mark.parametrize(
    "tamper", [nudge_value, edit_record, swap_values, drop_stored_record, add_file, drop_sums, garble_sums]
)
def test_edited_store_is_not_laundered(folder: Path, staging: Path, tamper: Callable[[Path], None], pairs: list[str]) -> None:
    """Otherwise accepting anything would put new sums over values that TFA never gave."""
    stage(staging, folder, THIRD)
    tamper(folder)
    before = synthetic.snapshot(folder)
    with pytest.raises(StoreError):
        accept(pairs, staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before
    assert leftovers(folder) == []


def test_edited_note_renews_the_sums(folder: Path, staging: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="A better reason."))
    assert golden.problems(folder) != []
    before = synthetic.snapshot(folder)
    assert accept([], staging=staging, folder=folder) == []
    assert golden.read(folder).cases["triangular-2"].note == "A better reason."
    after = synthetic.snapshot(folder)
    assert {name for name in before if before[name] != after[name]} == {SUMS}


def test_note_that_breaks_the_cases_is_refused(folder: Path, staging: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note=""))
    before = synthetic.snapshot(folder)
    with pytest.raises(AcceptError, match="note"):
        accept([], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_folder_that_is_no_store(tmp_path: Path, staging: Path) -> None:
    with pytest.raises(StoreError, match="not a golden store"):
        accept([], staging=staging, folder=tmp_path / "nowhere")
    assert leftovers(tmp_path / "nowhere") == []


def test_accepting_nothing_into_nothing_is_refused(empty: Path, staging: Path) -> None:
    with pytest.raises(AcceptError, match="the store is empty"):
        accept([], staging=staging, folder=empty)
    assert list(synthetic.snapshot(empty)) == ["cases.json"]


# --- the exchange ----------------------------------------------------------------------------------------------------


def folders(tmp_path: Path) -> tuple[Path, Path]:
    fresh, folder = tmp_path / "work" / "golden", tmp_path / "golden"
    for path, text in ((fresh, "new"), (folder, "old")):
        path.mkdir(parents=True)
        (path / text).write_text(text)
    return fresh, folder


class KernelWithout:
    """A libc that has no renameat2, or whose file system does not know how to exchange."""

    def __init__(self, *, known: bool, errno: int = 0) -> None:
        if known:
            self.renameat2 = lambda *arguments: ctypes.set_errno(errno) or -1


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is a call of Linux")
def test_exchange_swaps_the_two(tmp_path: Path) -> None:
    fresh, folder = folders(tmp_path)
    accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in fresh.iterdir()] == ["old"]


@pytest.mark.parametrize("kernel", ["no linux", "no renameat2", "EINVAL", "ENOSYS"])
def test_exchange_without_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    if kernel == "no linux":
        monkeypatch.setattr(accepting.sys, "platform", "other")
    else:
        errno = getattr(accepting.errno, kernel, 0)
        libc = KernelWithout(known=kernel != "no renameat2", errno=errno)
        monkeypatch.setattr(accepting.ctypes, "CDLL", lambda *_, **__: libc)
    fresh, folder = folders(tmp_path)
    accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert not fresh.exists()


def test_exchange_that_is_refused_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libc = KernelWithout(known=True, errno=accepting.errno.EACCES)
    monkeypatch.setattr(accepting.sys, "platform", "linux")
    monkeypatch.setattr(accepting.ctypes, "CDLL", lambda *_, **__: libc)
    fresh, folder = folders(tmp_path)
    with pytest.raises(PermissionError):
        accepting.exchange(fresh, folder)
    assert [path.name for path in folder.iterdir()] == ["old"]


def test_accept_without_the_kernel(folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting.sys, "platform", "other")
    stage(staging, folder, THIRD)
    accept([THIRD], staging=staging, folder=folder)
    assert THIRD in golden.read(folder).records
    assert leftovers(folder) == []


def test_store_is_put_back_where_the_second_rename_fails(folder: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary folder is removed at the end: the old store must not be in it then."""
    monkeypatch.setattr(accepting.sys, "platform", "other")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if Path(target) == folder and not self.name.endswith(".old"):
            raise OSError("the disk is full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    stage(staging, folder, THIRD)
    before = synthetic.snapshot(folder)
    with pytest.raises(OSError, match="full"):
        accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


# --- kill -9 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def states(folder: Path, staging: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The store, here with two cases, before and after an overwrite that adds, replaces and removes files."""
    shutil.rmtree(folder)
    synthetic.write_store(folder, cases=synthetic.CASES[:2])
    old = synthetic.snapshot(folder)
    stage(staging, folder, SECOND, nudges={**CHANGED, ("base-triangular2-3", "eager"): 2})
    stage(staging, folder, THIRD)
    accept([SECOND, THIRD], staging=staging, folder=folder, overwrite=True, reason="a test")
    new = synthetic.snapshot(folder)
    assert set(old) - set(new)
    assert set(new) - set(old)
    synthetic.restore(folder, old)
    return old, new


def is_whole(folder: Path, states: tuple[dict[str, bytes], dict[str, bytes]]) -> bool:
    """Whether the store is the new one, after a check that it is sound and one of the two. Makes it the old one again."""
    assert golden.problems(folder) == []
    found = synthetic.snapshot(folder)
    assert found in states
    synthetic.restore(folder, states[0])
    for path in folder.parent.glob(
        f".{folder.name}.clr-ref-new-*"
    ):  # or the next process would be busy with it when it is killed
        shutil.rmtree(path)
    return found == states[1]


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
def test_killed_before_any_change(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    """Before every file that is opened to write, moved or removed, a process each: the same moments on every machine."""
    victim = victims("accept", staging, folder, SECOND, THIRD)
    outcomes = []
    for number in range(1, 1000):
        victim.start(kill_at=number)
        status = victim.wait()
        outcomes.append(is_whole(folder, states))
        if status == 0:
            break
        assert status == -9
    assert len(outcomes) > 40
    # Old up to the exchange, new from there to the end, and never back.
    assert outcomes == sorted(outcomes)
    assert not outcomes[0]
    assert outcomes[-1]
    assert outcomes.count(True) > 1


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange is one step on Linux alone, and SIGKILL is of POSIX")
def test_killed_at_random_moments(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    victim = victims("accept", staging, folder, SECOND, THIRD)
    started = time.perf_counter()
    victim.start()
    assert victim.wait() == 0
    duration = time.perf_counter() - started
    assert is_whole(folder, states)
    draw = random.Random(1)
    killed = 0
    for round_number in range(8):
        process = victim.start()
        time.sleep(draw.uniform(0, duration) if round_number else 0)
        synthetic.kill(process)
        status = victim.wait()
        assert status in (0, -9)
        killed += status == -9
        is_whole(folder, states)
    assert killed


@pytest.mark.skipif(sys.platform != "linux", reason="SIGKILL is of POSIX")
def test_the_next_accept_removes_what_a_killed_one_left(
    folder: Path, staging: Path, states: tuple[dict[str, bytes], dict[str, bytes]], victims: Callable[..., Any]
) -> None:
    """And nothing else, not even recordings that are staged beside the store."""
    victim = victims("accept", staging, folder, SECOND, THIRD)
    victim.start(kill_at=30)
    assert victim.wait() == -9
    assert leftovers(folder)
    beside = folder.with_name(f".{folder.name}-staging")
    shutil.copytree(staging, beside)
    accept([SECOND, THIRD], staging=beside, folder=folder, overwrite=True, reason="a test")
    assert leftovers(folder) == [beside.name]
    assert synthetic.snapshot(folder) == states[1]
