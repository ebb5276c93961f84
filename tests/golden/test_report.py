"""The page about the record and its findings, for invented distances and counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref import triangular
from clr_ref.golden import findings, measured, report, store as golden
from tests.golden.synthetic import FIRST, SECOND


def test_drift_is_reported_by_ranges_of_steps() -> None:
    """Each range begins with the step that names the end of the one before."""
    ends = [999, 9_999, 99_999, 2**20 - 1, 2**24 - 1, 2**31 - 1, 2**63 - 1]
    steps = np.array([*ends, 1_000, 10_000, 100_000, 2**20, 2**24, 2**31])
    ulps = np.array([1.0, 2, 3, 4, 5, 6, 7, 20, 30, 40, 50, 60, 70])
    store = golden.Store(Path(), {}, {}, 8, frozenset())
    drifts = [
        measured.Drift("eager", steps, ulps, ulps / 100),
        measured.Drift("xla", np.array([7, 1_000]), np.array([0.0, 1]), np.array([0.0, 0.5])),
    ]
    lines = report._drift(store, drifts, "picture.png").splitlines()
    heads = ["mode", *(f"below {name}" for name in ("1,000", "10,000", "100,000", "2^20", "2^24", "2^31", "2^63"))]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [table[0], *table[2:]] == [
        heads,
        ["eager", "1 (1 %)", "20 (20 %)", "30 (30 %)", "40 (40 %)", "50 (50 %)", "60 (60 %)", "70 (70 %)"],
        ["xla", "0", "1 (50 %)", "-", "-", "-", "-", "-"],
    ]


def test_growth_of_the_error_is_that_below_and_from_three_steps() -> None:
    def said(steps: list[int]) -> str:
        relatives = np.arange(1.0, len(steps) + 1) / 100
        half = len(steps) // 2  # of two modes
        parts = [
            measured.Drift("eager", np.array(part, np.int64), share, share)
            for part, share in ((steps[:half], relatives[:half]), (steps[half:], relatives[half:]))
        ]
        (text,) = findings._growth(parts)
        return text.partition("it is at most ")[2].partition(". A float32")[0]

    steps = [999, 1_000, 2**20 - 1, 2**20, 2**24 - 1, 2**24]
    assert said(steps) == "1 % below step 1,000, 3 % below step 2^20 and 6 % from step 2^24 on"
    assert said(steps[:-1]) == "1 % below step 1,000 and 3 % below step 2^20"
    assert said(steps[3:]) == "3 % from step 2^24 on"


def test_findings_of_a_store_without_arrays_and_changes(folder: Path) -> None:
    store = golden.read(folder)
    drifts = measured.drift(store)
    said = list(findings.sentences(store, drifts, [], {}, {}))
    assert any("Of 0 rates that were computed one step at a time, 0 differ" in text for text in said)
    assert "No release changed the bits of a rate." in said
    counts: Any = {("eager", "a"): (1_000, 20_000), ("xla", "a"): (2, 3)}
    said = list(findings.sentences(store, drifts, [], {}, counts))
    assert any("Of 20,003 rates that were computed one step at a time, 1,002 differ" in text for text in said)


def test_distances_from_eager_mode_are_the_largest_with_their_first_record(folder: Path) -> None:
    """tf.function is 1 ULP off everywhere, and XLA 5 ULP in one case of the second pair."""
    store = golden.read(folder)
    found = measured.from_eager(store)
    assert set(found) == {(case, mode) for case in store.cases for mode in ("function", "xla")}
    ulps = {key: (apart.ulps, name) for key, (apart, name) in found.items()}
    for (case, mode), one in ulps.items():
        xla = (5, SECOND) if case == "triangular-2" else (0, "")
        assert one == ((1, FIRST) if mode == "function" else xla)
    assert found["exp_range-2.5", "xla"] == (measured.Apart(0.0, 0.0), "")


@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_a_distance_takes_both_modes(folder: Path, mode: str) -> None:
    """Without the rates of one of them, a record has none."""
    store = golden.read(folder)
    record = store.records[SECOND]
    entries = tuple(dataclasses.replace(entry, values=None) if entry.mode == mode else entry for entry in record.entries)
    lacking = dataclasses.replace(store, records={**store.records, SECOND: dataclasses.replace(record, entries=entries)})
    assert {measured.from_eager(lacking)[case, "xla"][0].ulps for case in store.cases} == {0}


def test_a_distance_is_a_number_of_ulp_with_the_error_in_percent() -> None:
    assert [str(measured.Apart(*both)) for both in ((0.0, 0.5), (1.0, 0.25), (12345.0, 1.0))] == [
        "0",
        "1 (25 %)",
        "12,345 (100 %)",
    ]


def test_the_largest_distance_of_two_arrays_has_its_own_error() -> None:
    """1 ULP near 1 is a larger error than 3 ULP near 0."""
    expected = np.array([1.0, 2.0**-40, 0.5], np.float32)
    actual = expected.copy()
    actual[0] += np.float32(2.0**-23)
    actual[1] -= 3 * np.float32(2.0**-64)
    found = measured.apart(triangular(0, -2, 4), actual, expected)
    assert found == measured.Apart(3.0, 3 * 2.0**-64 / 2)


@pytest.mark.parametrize(
    ("title", "anchor"), [("Eager against tf.function", "eager-against-tffunction"), ("A_b-c 1", "a_b-c-1")]
)
def test_anchors_are_those_of_github(title: str, anchor: str) -> None:
    assert report._anchor(title) == anchor


def test_no_line_of_an_item_is_longer_than_118_or_begins_with_a_percent_sign() -> None:
    lines = report._item("100 % " * 60).splitlines()
    assert all(line.startswith(("- 100 %", "  100 %")) for line in lines)
    assert max(map(len, lines)) in range(113, 119)
    assert report._item(f"{'x' * 116} y") == f"- {'x' * 116}\n  y"


@pytest.mark.parametrize(
    ("parts", "words"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_in_sentences(parts: list[str], words: str) -> None:
    assert findings._joined(parts) == words


def change(before: str, after: str) -> measured.Change:
    return measured.Change(before, after, "eager", {}, ("x",))


def test_releases_that_changed_bits(tmp_path: Path) -> None:
    """A change without another TensorFlow came with TFA alone."""
    names = ["tf-2.9.3_tfa-0.17.1", "tf-2.9.3_tfa-0.18.0", "tf-2.10.1_tfa-0.18.0"]
    records = {name: golden.Record(name, {"tensorflow": name[3:].partition("_")[0]}) for name in names}
    store = golden.Store(tmp_path, {}, {}, 8, frozenset(), records)
    alone, release = change(*names[:2]), change(*names[1:])
    assert findings._releases(store, []) == "No release changed the bits of a rate."
    assert findings._releases(store, [alone, alone]) == (
        "The bits of rates changed with no release of TensorFlow. "
        "2 of the changes came with another TFA on the same TensorFlow."
    )
    assert findings._releases(store, [release]) == (
        "The bits of rates changed with TensorFlow 2.10.1. None of the changes came with another TFA on the same TensorFlow."
    )
    assert findings._releases(store, [release, alone, release]).startswith(
        "The bits of rates changed with TensorFlow 2.10.1. 1 of the changes"
    )


def test_errors_of_more_than_six_cases_are_counted(tmp_path: Path) -> None:
    for number, words in ((6, "a0, a1, a2, a3, a4, a5"), (7, "7 cases")):
        entries = tuple(golden.Entry(f"a{index}", "eager", "int64", error=("E", "no")) for index in range(number))
        record = golden.Record(FIRST, {"tensorflow": "2.14.1", "tensorflow-addons": "0.22.0"}, entries)
        store = golden.Store(tmp_path, {}, {}, 8, frozenset(), {FIRST: record})
        assert report._errors(store).endswith(f"| eager | int64 | E: no | {words} | all pairs |")
