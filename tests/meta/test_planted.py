"""The checks of tests/checks.py catch planted bugs: each of them, and the right implementation is not caught."""

from __future__ import annotations

import warnings

import pytest

from tests.checks import CHECKS
from tests.meta.bugs import BUGS, textbook
from tests.test_properties import run


def caught_by(make: object) -> str | None:
    """The first check that an implementation fails."""
    for check in CHECKS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # the bugs overflow as they please
                run(check, make, shrink=False)  # type: ignore[arg-type]
        except (AssertionError, ValueError, OverflowError, ZeroDivisionError):
            return check.__name__
    return None


def test_there_are_at_least_thirty() -> None:
    assert len(BUGS) >= 30


@pytest.mark.parametrize("name", BUGS)
def test_bug_is_caught(name: str) -> None:
    assert caught_by(BUGS[name]) is not None


def test_the_textbook_without_a_bug_is_not_caught() -> None:
    assert caught_by(textbook()) is None
