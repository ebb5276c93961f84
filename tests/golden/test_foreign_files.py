"""A store holds regular files of a bounded size in real folders: anything else is a problem, and is never opened."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

from clr_ref.golden import accept, files, store as golden
from clr_ref.golden.cases import MAX_STEPS
from clr_ref.golden.sums import SUMS
from clr_ref.golden.values import render_values
from tests.golden import synthetic
from tests.golden.damaged import the_problem
from tests.golden.synthetic import FIRST, SECOND

THIRD = "tf-2.14.1_tfa-0.23.0"


def link_to(target: Path | str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def listen(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


FOREIGN: dict[str, tuple[Callable[[Path], None], str]] = {
    "link to a file": (link_to("/etc/hostname"), "a symbolic link"),
    "link to a folder": (link_to("/etc"), "a symbolic link"),
    "link to zeros without end": (link_to("/dev/zero"), "a symbolic link"),
    "link to nothing": (link_to("nowhere"), "a symbolic link"),
    "link to itself": (lambda path: path.symlink_to(path.name), "a symbolic link"),
    "pipe": (os.mkfifo, "a pipe"),
    "socket": (listen, "a socket"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("place", ["values", "surplus", "record", "cases.json", SUMS, "folder"])
def test_what_is_no_regular_file_is_named_and_never_opened(folder: Path, kind: str, place: str) -> None:
    name = {
        "values": synthetic.values_of(folder, FIRST, "triangular-2"),
        "surplus": "values/triangular-2/more",
        "record": f"records/{FIRST}.json",
        "folder": "training",
    }.get(place, place)
    make, words = FOREIGN[kind]
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)
    assert the_problem(folder) == f"{name}: {words}; a store holds regular files in real folders alone"
    before = sorted(folder.rglob("*"))
    with pytest.raises(golden.StoreError):
        accept.accept([], staging=folder.parent / "staging", folder=folder)
    assert sorted(folder.rglob("*")) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["golden"]  # no copy, and no lock


def test_a_values_file_that_is_a_link_to_its_own_content(folder: Path) -> None:
    path = folder / synthetic.values_of(folder, FIRST, "triangular-2")
    path.rename(folder.parent / "elsewhere.csv")
    path.symlink_to(folder.parent / "elsewhere.csv")
    assert "a symbolic link; a store holds regular files" in the_problem(folder)


def test_a_store_may_be_reached_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert golden.problems(tmp_path / "link") == []
    accept.accept([], staging=tmp_path, folder=tmp_path / "link")
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("place", ["values", "record", "cases.json", SUMS, "surplus"])
def test_a_file_that_would_fill_the_memory_is_not_read(folder: Path, place: str) -> None:
    values = synthetic.values_of(folder, FIRST, "triangular-2")
    name = {"values": values, "record": f"records/{FIRST}.json", "surplus": "README"}.get(place, place)
    (folder / name).touch()
    os.truncate(folder / name, 2**40)  # a sparse file takes no space
    found = golden.problems(folder)
    assert any("1,099,511,627,776 bytes; a file of a store has at most 134,217,728" in problem for problem in found), found


def test_the_largest_values_file_is_small_enough() -> None:
    longest = np.array([-np.nextafter(2.0**-1022, 0)])
    header, line = render_values(np.array([2**63 - 1]), longest).splitlines(keepends=True)
    assert len(header) + MAX_STEPS * len(line) <= files.MAX_BYTES


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\x1b[31m", os.fsdecode(b"a\xff")], ids=ascii)
def test_names_that_the_sums_cannot_hold(folder: Path, name: str) -> None:
    (folder / "values" / name).touch()
    problem = the_problem(folder)
    assert problem == f"{f'values/{name}'!a}: the name has characters that a file of a store must not have"
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "a folder, where a regular file must be"),
        (lambda path: path.write_text("[" * 200_000), "nested too deep"),
        (lambda path: path.write_text('{"a":' * 200_000), "nested too deep"),
        (lambda path: path.write_text('{"error": NaN}'), "NaN is no JSON"),
        (lambda path: path.write_text('{"error": "\\ud800"}'), "surrogates not allowed"),
        (lambda path: path.write_text("1" * 10_000), "4300"),
        (lambda path: path.write_bytes(b"\xff"), "can't decode byte 0xff"),
    ],
    ids=["folder", "deep lists", "deep objects", "NaN", "half a pair", "digits", "no UTF-8"],
)
def test_what_is_no_record_is_one_message(
    folder: Path, staging: Path, make: Callable[[Path], None], message: str, call: Any
) -> None:
    for path, command in ((folder / "records" / f"{THIRD}.json", "stored"), (staging / THIRD, "staged")):
        target = path if command == "stored" else path / "records" / f"{THIRD}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        make(target)
        synthetic.renew_sums(folder)
        before = synthetic.snapshot(folder)
        result = call("accept", *([THIRD] if command == "staged" else []))
        assert result.exit_code == 1
        assert message in " ".join(result.stderr.split())
        assert synthetic.snapshot(folder) == before
        if command == "stored":
            assert [problem for problem in golden.problems(folder) if message in problem]
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("name", ["records/more", "values/triangular-2/link"])
def test_links_in_a_recording_are_not_followed(folder: Path, staging: Path, name: str) -> None:
    synthetic.write_recording(staging / THIRD, THIRD, folder)
    (staging / THIRD / name).symlink_to("/etc")
    before = synthetic.snapshot(folder)
    with pytest.raises(accept.AcceptError, match=f"{name}: a symbolic link; a store holds regular files"):
        accept.accept([THIRD], staging=staging, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_a_disk_that_becomes_full(folder: Path, staging: Path) -> None:
    """The limit of the size of a file raises an error in the same calls as a full disk."""
    synthetic.write_recording(staging / THIRD, THIRD, folder)
    before = synthetic.snapshot(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 50, 5_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(accept.AcceptError, match=r"cannot be (copied|changed), and is as it was: .*too large"):
                accept.accept([THIRD], staging=staging, folder=folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert synthetic.snapshot(folder) == before
        assert sorted(path.name for path in folder.parent.iterdir()) == ["golden", "staging"]


@pytest.mark.parametrize("place", ["tempfile.mkdtemp", "shutil.copytree", "clr_ref.golden.accept.exchange"])
def test_a_disk_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "somewhere")

    monkeypatch.setattr(place, refuse)
    before = synthetic.snapshot(folder)
    with pytest.raises(accept.AcceptError, match=r"golden cannot be changed, and is as it was: .*Read-only file system"):
        accept.accept([], staging=folder.parent, folder=folder)
    assert synthetic.snapshot(folder) == before


def test_the_lock_is_a_folder(folder: Path) -> None:
    Path(f"{folder}.lock").mkdir()
    with pytest.raises(accept.AcceptError, match="cannot be changed, and is as it was: "):
        accept.accept([], staging=folder.parent, folder=folder)


def test_waiting_for_another_accept_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()

    class Stderr(io.StringIO):
        def write(self, text: str) -> int:
            said.set()
            return super().write(text)

    stderr = Stderr()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(accept, "WAIT", 0.01)
    done: list[Any] = []
    waiting = threading.Thread(target=lambda: done.append(accept.accept([], staging=folder.parent, folder=folder)))
    with filelock.FileLock(f"{folder}.lock"):
        waiting.start()
        assert said.wait(60)
        assert not done
    waiting.join(60)
    assert done == [[]]
    assert stderr.getvalue() == f"waiting for another `clr-ref golden accept` of {folder} to end\n"
    assert golden.problems(folder) == []


def test_an_accept_that_need_not_wait_says_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accept.accept([], staging=folder.parent, folder=folder)
    assert capsys.readouterr() == ("", "")


def test_counts_of_differing_steps_are_compared(folder: Path) -> None:
    def change(count: int) -> Callable[[Any], None]:
        return lambda data: data["results"]["triangular-2"]["eager"]["int64"].update(differs_in_array=count)

    path = folder / "records" / f"{SECOND}.json"
    for count, words in ((8, "must be at most 6, the steps that were compared, got 8"), (3, f"is 3, and 0 in {FIRST}, which")):
        synthetic.edit(path, change(count))
        synthetic.renew_sums(folder)
        found = golden.problems(folder)
        assert any(words in problem for problem in found), found
        assert all(problem.startswith(f"records/{SECOND}.json: results: triangular-2: eager: ") for problem in found)


def test_a_file_may_be_as_large_as_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    (tmp_path / "file").write_bytes(b"x" * 10)
    assert files.read_bytes(tmp_path / "file") == b"x" * 10
    (tmp_path / "file").write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match=r"^11 bytes; a file of a store has at most 10$"):
        files.read_bytes(tmp_path / "file")


def test_ends_of_lines_of_a_text_are_those_of_unix(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\r\nb\rc\n")
    assert files.read_text(tmp_path / "file") == "a\nb\nc\n"


def test_every_compared_step_may_differ(folder: Path) -> None:
    """triangular-2 has six steps below the eight of the digests."""
    for pair in (FIRST, SECOND):
        synthetic.edit(
            folder / "records" / f"{pair}.json",
            lambda data: [
                kinds[name].update(differs_in_array=6)
                for kinds in data["results"]["triangular-2"].values()
                for name in ("int64", "float32")
            ],
        )
    synthetic.renew_sums(folder)
    assert golden.problems(folder) == []
