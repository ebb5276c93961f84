"""Options: their defaults, and the values that they accept and refuse."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from clr_ref.cli import main
from tests.cli.calls import call, commands


def parameter(words: str, name: str) -> click.Parameter:
    command: click.Command = main
    for word in words.split():
        assert isinstance(command, click.Group)
        command = command.commands[word]
    (found,) = (each for each in command.params if each.name == name)
    return found


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_shows_each_default(words: tuple[str, ...]) -> None:
    text = "".join(call(*words, "--help").stdout.split())
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    defaults = [
        each.to_info_dict()["default"] for each in command.params if isinstance(each, click.Option) and not each.is_flag
    ]
    shown = [str(default) for default in defaults if isinstance(default, (int, float, str, Path))]
    assert text.count("[default:") == len(shown)
    for default in shown:
        assert f"[default:{default}" in text


@pytest.mark.parametrize(
    ("words", "name", "accepted", "refused"),
    [
        ("conform", "seed", ["0", "1"], ["-1", "x"]),
        ("conform", "max_examples", ["1", "2"], ["0", "-1"]),
        ("conform", "dtype", ["float32", "float64"], ["float16"]),
        ("conform", "exceptions", ["no such file"], ["."]),
        ("conform", "html", ["no such file"], [".", "no such folder/file"]),
        ("golden show", "markdown", ["no such file"], ["."]),
        ("golden record", "python", [__file__], [".", "no such file"]),
        ("golden record", "staging", ["no such folder", "."], [__file__]),
        ("golden diff", "staging", ["."], [__file__]),
        ("golden train", "source", ["."], [__file__, "no such folder"]),
        ("migrate", "paths", [".", __file__], ["no such file"]),
        ("eval", "tier", ["reference", "exact", "tfa"], ["rounded"]),
        ("eval", "policy", ["triangular", "triangular2", "exp_range"], ["cosine"]),
        ("plot", "start", ["0", "1e6", str(2**63)], ["-1", str(2**63 + 1)]),
        ("plot", "out", ["no such file"], ["."]),
    ],
)
def test_values(
    words: str, name: str, accepted: list[str], refused: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    option = parameter(words, name)

    def convert(value: str) -> None:
        option.process_value(click.Context(main), (value,) if option.multiple or option.nargs == -1 else value)

    for value in accepted:
        convert(value)
    for value in refused:
        with pytest.raises(click.BadParameter):
            convert(value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["conform"], "Missing argument 'IMPL'"),
        (["migrate"], "Missing argument 'PATH...'"),
        (["eval", "triangular", "-i", "0", "-m", "1", "-s", "1"], "Missing argument 'STEPS...'"),
        (["golden", "diff", "--staging", "no such folder"], "there is no folder 'no such folder'"),
        (["golden", "accept", "--staging", "no such folder"], "there is no folder 'no such folder'"),
        (["golden", "accept", "--overwrite"], "--overwrite and --reason TEXT go together"),
        (["golden", "accept", "--reason", "x"], "--overwrite and --reason TEXT go together"),
        (["golden", "record"], "give either PAIRs, or --all, or --python"),
        (["golden", "record", "--all", "tf-2.15.1_tfa-0.23.0"], "give either PAIRs, or --all, or --python"),
        (["golden", "record", "--all", "--python", __file__], "give either PAIRs, or --all, or --python"),
        (["golden", "record", "--python", __file__, "tf-2.15.1_tfa-0.23.0"], "give either PAIRs, or --all, or --python"),
        (["golden", "record", "tf-9.9.9_tfa-0.23.0"], "Invalid value for PAIR"),
        (["conform", "a:b", "--thorough", "--max-examples", "60"], "--thorough and --max-examples both say"),
    ],
)
def test_a_wrong_call_is_named(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_a_group_without_a_command_shows_its_commands() -> None:
    assert "Commands:" in call("golden").output
    assert call("-h").stdout == call("--help").stdout
    assert call("golden", "show", "-h").stdout == call("golden", "show", "--help").stdout
