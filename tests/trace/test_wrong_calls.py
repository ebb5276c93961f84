"""Wrong calls of ``clr-ref trace`` end before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clr_ref.trace.record import record
from tests.cli.calls import call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--keep", "5"], "give A:B with 0 <= A < B <= 10, the number of steps, got '5'"),
        (["--keep", "3:3"], "give A:B"),
        (["--keep", "0:9:2"], "give A:B"),
        (["--keep", "5:11"], "<= 10"),
        (["--keep", "0:9:1"], "give A:B"),
        (["--keep", "x"], "give A:B"),
        (["--keep", "5:"], "give A:B"),
        (["--keep", "4:2"], "give A:B"),
        (["--level", "all"], "'weights', 'layers'"),
        (["--steps", "0"], "--steps"),
        (["--seed", "-1"], "--seed"),
        (["m.py:make", "--data", "."], "--data goes with the tutorial's network"),
    ],
)
def test_the_option_is_named(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = call("trace", "--steps", "10", "--out", str(tmp_path / "x.trace"), *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.output
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_named_if_it_cannot_be_written(tmp_path: Path) -> None:
    result = call("trace", "--out", str(tmp_path / "missing" / "x.trace"))
    assert (result.exit_code, "there is no folder" in result.stderr) == (2, True)
    assert call("trace").exit_code == 2


def test_no_steps_and_no_such_level_leave_the_file_as_it_was(tmp_path: Path) -> None:
    nothing: Any = None
    for options, words in (({"steps": 0}, "steps must be at least 1, got 0"), ({"steps": 1, "level": "all"}, "level must be")):
        with pytest.raises(ValueError, match=words):
            record(tmp_path / "x.trace", nothing, nothing, nothing, **options)
    assert list(tmp_path.iterdir()) == []
