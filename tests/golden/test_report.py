"""The page about the record and its findings, for invented distances and counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from clr_ref.golden import findings, measured, report, store as golden


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
