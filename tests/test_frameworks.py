"""What frameworks print of themselves stays out of results and progress."""

from __future__ import annotations

import logging
import os
import warnings

import pytest

from clr_ref.cli.frameworks import quiet


def test_noise_is_kept_out_and_afterwards_all_is_as_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    logger = logging.getLogger("tensorflow")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    level = logger.level
    try:
        with quiet():
            assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
            warnings.warn("a framework warns", stacklevel=1)
            logger.error("a framework logs")
            print("a user's model prints")
    finally:
        logger.removeHandler(handler)
    assert logger.level == level
    assert tuple(capsys.readouterr()) == ("", "a user's model prints\n")
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", stacklevel=1)


def test_a_user_can_see_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_the_text_of_an_error_is_not_lost() -> None:
    with pytest.raises(RuntimeError, match="the reason"), quiet():
        raise RuntimeError("the reason")
