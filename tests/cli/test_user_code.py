"""What a user's function raises becomes one message, whatever it is."""

from __future__ import annotations

import signal

import click
import pytest

from clr_ref._files import WriteError
from clr_ref.cli.user_code import described_errors
from clr_ref.training.made import MadeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ZeroDivisionError("by 0"), "m:make raised ZeroDivisionError: by 0"),
        (SystemExit(3), "m:make raised SystemExit: 3"),
        (ValueError("no"), "m:make raised ValueError: no"),
        (MadeError("m:make must return a model"), "m:make must return a model"),
    ],
)
def test_an_error_is_one_message(error: BaseException, words: str) -> None:
    with pytest.raises(click.BadParameter) as found, described_errors("m:make", MadeError):
        raise error
    assert found.value.message.startswith(words)
    assert found.value.param_hint == "MODULE:MAKE"


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(128 + signal.SIGTERM), WriteError("a.trace cannot be written")]
)
def test_what_is_no_fault_of_the_function_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as found, described_errors("m:make", MadeError):
        raise error
    assert found.value is error
