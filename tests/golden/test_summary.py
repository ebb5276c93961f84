"""The summary of a recording counts what differs from the store, in ULP."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.golden import accept as accepting, record, store as golden
from clr_ref.golden.record import PAIRS, RecordError
from tests.golden import synthetic
from tests.golden.staged import stage
from tests.golden.synthetic import FIRST, SECOND


def counted(**counts: float) -> dict[str, float]:
    return {"entries": 12, **dict.fromkeys(accepting.KINDS, 0), "worst_ulp": 0.0, **counts}


def test_summary_of_what_did_not_change(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)
    found = record.summary(FIRST, staging=staging, folder=folder)
    assert found["against"] == FIRST
    assert found["differences"] == []
    for mode in ("eager", "function", "xla"):
        assert found["modes"][mode] == counted(same=12)


@pytest.mark.parametrize("ulps", [1, 2, 937])
def test_summary_counts_ulps(folder: Path, staging: Path, ulps: int) -> None:
    stage(staging, folder, FIRST, nudges={("base-triangular2-3", "eager"): ulps})
    found = record.summary(FIRST, staging=staging, folder=folder)
    eager = counted(same=9, other_rates=3, worst_ulp=float(ulps))
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


def test_digest_alone_is_a_difference(folder: Path, staging: Path) -> None:
    stage(staging, folder, FIRST)

    def change(data: Any) -> None:
        data["results"]["triangular-2"]["eager"]["int64"]["digest"] = "0" * 64

    synthetic.edit(staging / FIRST / "records" / f"{FIRST}.json", change)
    (difference,) = record.summary(FIRST, staging=staging, folder=folder)["differences"]
    assert (difference["kind"], difference["worst_ulp"]) == ("other_checksum", None)
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


def test_another_error_and_a_removed_case_have_no_ulps(folder: Path, staging: Path) -> None:
    def other_error(data: Any) -> None:
        data["results"]["triangular-2"]["eager"]["int64"] = {"error": {"class": "TypeError", "message": "one"}}

    stage(staging, folder, FIRST)
    path = staging / FIRST / "records" / f"{FIRST}.json"
    synthetic.edit(path, other_error)
    staged, _ = accepting.read_staged(staging, FIRST, record._read_cases(folder))
    entry = next(e for e in staged.entries if e.error == ("TypeError", "one"))
    changed = dataclasses.replace(entry, error=("TypeError", "another"))
    store = golden.read(folder)
    against = dataclasses.replace(staged, entries=(*(e for e in staged.entries if e is not entry), changed))
    assert [d.kind for d in accepting.differences(store, staged, staging / FIRST, against)] == ["other_error"]
    fewer = dataclasses.replace(staged, entries=staged.entries[1:])
    (gone,) = accepting.differences(store, fewer, staging / FIRST, staged)
    assert (gone.kind, gone.after, gone.worst_ulp) == ("removed", "nothing", None)


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
    (first, last), *others = json.loads((folder / "cases.json").read_text("utf-8"))["cases"][0]["steps"]
    for steps in ([[0, 1]], [*others, [first + 100, last + 100]]):  # fewer, and as many
        synthetic.edit(folder / "cases.json", lambda data, steps=steps: data["cases"][0].update(steps=steps))  # type: ignore[misc]
        stage(staging, folder, FIRST)
        found = record.summary(FIRST, staging=staging, folder=folder)["differences"]
        kinds = {(d["case"], d["kind"], d["worst_ulp"]) for d in found if d["step_dtype"] == "float32"}
        assert kinds == {("triangular-2", "other_steps", None)}


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
