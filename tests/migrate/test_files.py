"""Files: encodings, ends of lines, modes, and which files of a folder are read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")
pytest.importorskip("nbformat", reason="migrate needs clr-ref[migrate]")

from clr_ref.migrate.files import found_in, migrate

BEFORE = "import tensorflow_addons as tfa\nrate = tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)  # \xe9\n"
AFTER = "import clr_ref.keras\nrate = clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)  # \xe9\n"
BOTH = "tfa.losses\n"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("# coding: latin-1\n", "latin-1"),
        ("#!/usr/bin/env python\n# -*- coding: cp1252 -*-\n", "cp1252"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_and_ends_of_lines_stay(tmp_path: Path, head: str, encoding: str, end: str) -> None:
    path = tmp_path / "a.py"
    path.write_bytes((head + BEFORE + BOTH).replace("\n", end).encode(encoding))
    result = migrate(path, write=True)
    assert result.changes
    added = AFTER.replace("import clr_ref.keras\n", "import clr_ref.keras\nimport tensorflow_addons as tfa\n")
    assert path.read_bytes() == (head + added + BOTH).replace("\n", end).encode(encoding)


def test_nothing_is_written_without_write(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(BEFORE, "utf-8")
    before = path.stat()
    assert migrate(path).after == AFTER
    assert path.read_text("utf-8") == BEFORE
    path.write_text(AFTER, "utf-8")
    migrate(path, write=True)
    assert path.stat().st_ino == before.st_ino, "a file without changes is not written"


def test_the_mode_and_a_link_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "a.py", tmp_path / "link.py"
    path.write_text(BEFORE, "utf-8")
    path.chmod(0o751)
    link.symlink_to("a.py")
    migrate(link, write=True)
    assert link.is_symlink()
    assert path.read_text("utf-8") == AFTER
    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert sorted(os.listdir(tmp_path)) == ["a.py", "link.py"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x = (\n", "it cannot be parsed: line 1"),
        (b"# coding: utf-8\nx = '\xff'\n", "it cannot be parsed"),
        (b"# coding: no-such\n", "it cannot be parsed: unknown encoding"),
        (b"x = '\0'\n", "it cannot be parsed: source code"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_left_alone(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(data)
    result = migrate(path, write=True)
    assert words in result.problem
    assert result.is_left_to_do
    assert path.read_bytes() == data


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert migrate(tmp_path / "none.py").problem == f"it cannot be read: {os.strerror(errno.ENOENT)}"
    path = tmp_path / "a.py"
    path.write_text(BEFORE, "utf-8")

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", full)
    assert "cannot be written, and is as it was: the disk is full" in migrate(path, write=True).problem
    assert path.read_text("utf-8") == BEFORE


def test_which_files_of_a_folder_are_read(tmp_path: Path) -> None:
    wanted = ["a.py", "b.ipynb", "sub/c.py", "sub/deep/d.py"]
    others = ["e.txt", ".f/g.py", "sub/__pycache__/h.py", "env/i.py", "env/lib/j.py", ".ipynb_checkpoints/b.ipynb", "k.pyc"]
    for name in wanted + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "again.py").symlink_to("a.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "dangling.py").symlink_to("nowhere")
    found = [path.relative_to(tmp_path).as_posix() for path in found_in([tmp_path, tmp_path / "sub"])]
    assert found == ["a.py", "b.ipynb", "sub/c.py", "sub/deep/d.py"]
    assert list(found_in([tmp_path / "e.txt"])) == [tmp_path / "e.txt"], "a file that is named is read whatever its name is"
    assert list(found_in([tmp_path / ".f"])) == [tmp_path / ".f" / "g.py"]


def test_the_diff_names_the_file_as_patch_expects_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_bytes(BEFORE.rstrip("\n").encode())
    lines = migrate(Path("a.py")).diff()
    assert lines[:2] == ["--- a/a.py\n", "+++ b/a.py\n"]
    assert [line[0] for line in lines if not line.endswith("\n")] == ["-", "+"], "the last line has no end, before and after"


def test_bytes_that_an_encoding_writes_otherwise_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: utf-7\nx = '+AGE-'\n")
    assert migrate(path).problem == "it cannot be parsed: its bytes cannot be kept in the encoding utf-7"


def test_what_is_left_to_do_is_a_problem_or_a_finding_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    for text, left in (
        (BEFORE, False),
        ("import tensorflow_addons as tfa\ntfa.optimizers.TriangularCyclicalLearningRate(0, 1, 0)\n", False),
        ("from tensorflow_addons import *\n", False),
        ("here.CyclicalLearningRate\n", True),
        ("x = (\n", True),
    ):
        path.write_text(text, "utf-8")
        assert migrate(path).is_left_to_do is left, text


def test_places_are_those_before_the_changes_or_after_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(f"{BEFORE}tfa.losses\ntfa.optimizers.CyclicalLearningRate(1e-4, 1e-2, 0, half)\n", "utf-8")
    for write, lines in ((False, ("3", "4")), (True, ("4", "5"))):
        result = migrate(path, write=write)
        assert [use[:2] for use in result.uses] == [("tensorflow_addons.losses", lines[:1])]
        assert {place for place, _, _ in result.findings} == {lines[1]}
        path.write_text(result.before, "utf-8")


def test_an_absolute_path_stands_in_the_diff_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(BEFORE, "utf-8")
    assert migrate(path).diff()[:2] == [f"--- {path.as_posix()}\n", f"+++ {path.as_posix()}\n"]


@pytest.mark.parametrize("folder", ["__pycache__", "site-packages", "node_modules", ".hidden"])
def test_folders_of_others_are_left_out(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.py").touch()
    (tmp_path / "conda" / "conda-meta").mkdir(parents=True)
    (tmp_path / "conda" / "a.py").touch()
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a.py").touch()
    assert list(found_in([tmp_path])) == [tmp_path / "z" / "a.py"]
