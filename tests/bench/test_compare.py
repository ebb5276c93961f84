"""Ratios compared with stored ones."""

from __future__ import annotations

import pytest

from clr_ref.bench.compare import compare
from tests.bench.conftest import report


@pytest.mark.parametrize(
    ("processor", "key", "holds"),
    [("A", 1.0, True), ("A", 8.0, True), ("A", 8.1, False), ("B", 8.1, True), ("B", 16.0, True), ("B", 16.1, False)],
)
def test_key_figures_fail_past_twice_the_stored_ratio_or_four_times_on_another_processor(
    processor: str, key: float, holds: bool
) -> None:
    then = report(key=4.0, other=4.0)
    changes = compare(report(processor, key=key, other=100.0), then)
    assert [(c.key, c.holds, c.now, c.then) for c in changes] == [(True, holds, key, 4.0), (False, True, 100.0, 4.0)]


def test_figures_of_one_report_alone_are_no_change() -> None:
    assert compare(report(key=1.0), report(other=1.0)) == []
