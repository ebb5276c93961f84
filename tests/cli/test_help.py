"""The help of every command ends with examples, and these run."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.calls import call, commands

#: What an example needs besides clr_ref, by the first words of the call. Those with "never" train or record for minutes.
NEEDS = {
    "plot": "matplotlib",
    "conform": "hypothesis",
    "golden record": "never",
    "golden train": "never",
    "golden probe": "never",
    "golden accept": "never",
    "golden diff": "never",
    "tutorial": "never",
    "range-test": "never",
    "bench": "never",
    "verify": "never",
}


def examples(words: tuple[str, ...]) -> list[list[str]]:
    """Return the arguments of the examples at the end of a help text."""
    text = call(*words, "--help").stdout.partition("  Example:\n")[2].replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    assert all(line.startswith("clr-ref ") for line in lines), lines
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_examples_run(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examples(words)
    for arguments in found:
        assert tuple(arguments[: len(words)]) == words
    need = NEEDS.get(" ".join(words))
    if need == "never":
        pytest.skip("its example takes minutes, or needs what it records; its own tests call it")
    if need is not None and find_spec(need) is None:
        pytest.skip(f"this needs {need}")
    monkeypatch.chdir(tmp_path)
    for arguments in found:
        result = call(*arguments)
        assert result.exit_code == 0, result.output
