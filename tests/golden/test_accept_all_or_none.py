"""One damaged recording or one edited file stops all, and a new case comes in as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.accept import AcceptError, accept
from clr_ref.golden.store import StoreError
from clr_ref.golden.sums import SUMS
from tests.golden import synthetic
from tests.golden.staged import CHANGED, THIRD, add_case, leftovers, stage
from tests.golden.synthetic import FIRST, SECOND


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
