"""The help of every command ends with examples, and these run."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from clr_ref.cli import main
from tests.cli.calls import call, commands

#: What an example needs besides clr_ref, by the first words of the call.
NEEDS = {"plot": "matplotlib", "migrate": "libcst"}
#: Those that train or record for minutes, or need what was recorded.
LONG = (
    "golden record",
    "golden train",
    "golden probe",
    "golden accept",
    "golden diff",
    "tutorial",
    "range-test",
    "study run",
    "study report",
    "trace",
    "diff",
)


def examples(words: tuple[str, ...]) -> list[list[str]]:
    """Return the arguments of the examples at the end of a help text."""
    text = call(*words, "--help").stdout.partition("  Example:\n")[2].replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    assert all(line.startswith("clr-ref ") for line in lines), lines
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_examples_run(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examples(words)
    assert found or words == ("golden",), "a help text ends with an example"
    for arguments in found:
        assert tuple(arguments[: len(words)]) == words
    need = NEEDS.get(" ".join(words))
    if need is not None and find_spec(need) is None:
        pytest.skip(f"this needs {need}")
    monkeypatch.chdir(tmp_path)
    for arguments in found:
        if " ".join(words) in LONG:
            command: click.Command = main
            for word in words:
                assert isinstance(command, click.Group)
                command = command.commands[word]
            parent = click.Context(main, **main.context_settings)
            command.make_context(words[-1], arguments[len(words) :], parent=parent)  # a wrong option or value raises
        else:
            result = call(*arguments)
            assert result.exit_code == 0, result.output
