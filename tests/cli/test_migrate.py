"""``clr-ref migrate``: exit codes, the diff, the report, and JSON. What is rewritten is tested in tests/migrate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from clr_ref.cli import common
from tests.cli.calls import call
from tests.terminal import ESCAPES, in_terminal

TRAIN = """\
import tensorflow_addons as tfa
rate = tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 0)
tfa.optimizers.AdamW(1e-4, rate)
"""
MIGRATED = """\
import clr_ref.keras
import tensorflow_addons as tfa
rate = clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 0)
tfa.optimizers.AdamW(1e-4, rate)
"""


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "_is_installed", lambda name: name != "nbformat")
    result = call("migrate", ".")
    assert result.exit_code == 2
    assert 'this command needs clr-ref[migrate]: pip install "clr-ref[migrate]"' in result.output


def test_a_path_that_is_missing_is_a_wrong_call() -> None:
    assert call("migrate", "no-such.py").exit_code == 2
    assert call("migrate").exit_code == 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")
    pytest.importorskip("nbformat", reason="migrate needs clr-ref[migrate]")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "src" / "other.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_written_by_default(folder: Path) -> None:
    result = call("migrate", "src")
    assert result.exit_code == 1
    assert (folder / "src" / "train.py").read_text() == TRAIN
    lines = result.stdout.splitlines()
    assert lines[:3] == ["--- a/src/train.py", "+++ b/src/train.py", "@@ -1,3 +1,4 @@"]
    assert [line for line in lines if line.startswith("src/train.py:")] == [
        "src/train.py:2: warning: step_size=0 is a ValueError, since it must be greater than 0; TFA makes every rate NaN",
        "src/train.py:3: stays: tensorflow_addons.optimizers.AdamW; Keras 3: keras.optimizers.AdamW (Keras multiplies "
        "weight_decay by the learning rate, TFA does not)",
    ]
    assert "1 file would change, of 2." in lines


def test_write_and_write_again(folder: Path) -> None:
    result = call("migrate", "--write", "src")
    assert result.exit_code == 0
    assert "@@" not in result.stdout
    assert "src/train.py:3: warning: step_size=0" in result.stdout, "a line of the file as it is now"
    assert (folder / "src" / "train.py").read_text() == MIGRATED
    for arguments in (["src"], ["--write", "src"]):
        again = call("migrate", *arguments)
        assert again.exit_code == 0
        assert "Nothing to change in 2 files." in again.stdout
        assert "src/train.py:4: stays: " in again.stdout
        assert (folder / "src" / "train.py").read_text() == MIGRATED


@pytest.mark.skipif(shutil.which("git") is None, reason="this needs git")
@pytest.mark.parametrize("end", ["\n", ""])
def test_the_diff_can_be_applied(folder: Path, end: str) -> None:
    (folder / "src" / "train.py").write_text("# é\r\n" + TRAIN.rstrip("\n") + end, "utf-8", newline="")
    result = call("migrate", "src")
    subprocess.run(["git", "apply", "-"], input=result.stdout_bytes, check=True, cwd=folder)
    assert (folder / "src" / "train.py").read_bytes() == ("# é\r\n" + MIGRATED.rstrip("\n") + end).encode()


def test_a_file_that_cannot_be_parsed_does_not_stop_the_others(folder: Path) -> None:
    (folder / "src" / "broken.py").write_text("import tensorflow_addons as tfa\nx = (\n")
    result = call("migrate", "--write", "src")
    assert result.exit_code == 1
    assert "src/broken.py: left alone: it cannot be parsed: line 2: " in result.stdout
    assert (folder / "src" / "train.py").read_text() == MIGRATED
    assert call("migrate", "src").exit_code == 1


def test_what_is_left_to_do_by_hand_is_not_done(folder: Path) -> None:
    (folder / "src" / "train.py").write_text("from setup import *\ntfa.optimizers.CyclicalLearningRate\n")
    for arguments in (["src"], ["--write", "src"]):
        result = call("migrate", *arguments)
        assert result.exit_code == 1
        assert "src/train.py:2: by hand: CyclicalLearningRate was left alone: tfa is not imported" in result.stdout
        assert "To be done by hand: 1 line, see above." in result.stdout


def test_a_name_that_stays_in_several_lines_is_told_once(folder: Path) -> None:
    (folder / "src" / "train.py").write_text("import tensorflow_addons as tfa\n" + "tfa.optimizers.AdamW(1e-3)\n" * 3)
    assert "src/train.py:2: stays: tensorflow_addons.optimizers.AdamW (also 3, 4); Keras 3: " in call("migrate", "src").stdout


def test_json(folder: Path) -> None:
    (folder / "src" / "broken.py").write_text("x = (\n")
    result = call("migrate", "--json", ".")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["files"] == 3
    assert document["would_change"] == ["src/train.py"]
    broken, train = document["results"]
    assert broken["problem"].startswith("it cannot be parsed")
    assert train["diff"].startswith("--- a/src/train.py\n")
    assert [(finding["place"], finding["kind"]) for finding in train["findings"]] == [("2", "warning")]
    (stays,) = train["stays"]
    assert (stays["name"], stays["keras"]) == ("tensorflow_addons.optimizers.AdamW", "keras.optimizers.AdamW")
    assert json.loads(call("migrate", "--json", "--write", ".").stdout)["changed"] == ["src/train.py"]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are a part of POSIX")
def test_in_a_terminal_nothing_is_cut_and_no_control_character_of_a_file_is_printed(folder: Path) -> None:
    long = f'# {"a long line " * 12}\n"\x1b[31m\x9b1m"; a\tb\n'.replace("a\tb", "a = 1")
    (folder / "src" / "train.py").write_text(long + TRAIN, "utf-8")
    code, text = in_terminal("migrate", "src")
    assert code == 1
    assert long.splitlines()[0] in text
    assert '"\\x1b[31m\\x9b1m"; a = 1' in text
    assert all(len(line) <= 80 for line in text.splitlines() if line.startswith(("src/", "  ")))
    assert "weight_decay by the learning rate" in " ".join(text.split())


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are a part of POSIX")
def test_colours_only_in_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not ESCAPES.search(call("migrate", "src").stdout)
    import tests.terminal

    monkeypatch.setattr(tests.terminal, "ESCAPES", __import__("re").compile("(?!)"))
    assert "\x1b[32m+import clr_ref.keras" in in_terminal("migrate", "src")[1]
    assert "\x1b[32m" not in in_terminal("migrate", "src", env={"NO_COLOR": "1"})[1]
