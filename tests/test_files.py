"""Output files are complete or unchanged, also after an interruption or an error while they are written."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clr_ref import _files
from clr_ref.cli import main
from clr_ref.conformance.peers import __main__ as peers

posix = pytest.mark.skipif(os.name != "posix", reason="this is about POSIX files")
PLOT = ["plot", "triangular", "--initial-learning-rate", "0", "--maximal-learning-rate", "1", "--step-size", "5", "--out"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x", "utf-8")
    _files.write_text(tmp_path / "new", "é\n")
    assert (tmp_path / "new").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    assert names(tmp_path) == ["new", "plain"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")
    path.chmod(mode)
    _files.write_text(path, "new")
    assert (path.read_text("utf-8"), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)


@posix
def test_a_link_keeps_pointing_to_the_file(tmp_path: Path) -> None:
    """A link is followed also to a file in another folder that does not exist yet."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "elsewhere" / "file.dat")
    for text in ("first", "second"):
        _files.write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "elsewhere" / "file.dat").read_text("utf-8") == text
    assert names(tmp_path / "elsewhere") == ["file.dat"]


@posix
def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    _files.write_text(pipe, "text")
    reader.join(timeout=60)
    assert received == ["text"]
    assert pipe.is_fifo()
    assert _files.reason_against(Path("/dev/null")) is None
    _files.write_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


@posix
def test_dev_stdout_is_not_replaced(tmp_path: Path) -> None:
    """If /dev/stdout stands for a file, a new file in its place would lose what the shell has written to it."""
    code = "from pathlib import Path; from clr_ref import _files; _files.write_text(Path('/dev/stdout'), 'text'); print('said')"
    with (tmp_path / "out").open("a", encoding="utf-8") as out:
        out.write("before ")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text("utf-8") == "before textsaid\n"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError(28, "No space left on device")])
def test_a_failure_leaves_the_old_file(tmp_path: Path, error: Any) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")

    def fail() -> None:
        with _files.replacing(path) as beside:
            beside.write_text("half", "utf-8")
            raise error

    with pytest.raises(_files.WriteError if isinstance(error, OSError) else error) as raised:
        fail()
    assert path.read_text("utf-8") == "old"
    assert names(tmp_path) == ["file"]
    if isinstance(error, OSError):
        assert str(raised.value) == f"{path} cannot be written, and is as it was: No space left on device"


def test_leftovers_are_those_of_this_name_alone(tmp_path: Path) -> None:
    others = [".golden-staging", ".golden.lock", ".golden.new-ideas", "golden", ".other.clr-ref-new-1"]
    for name in (*others, ".golden.clr-ref-new-abc"):
        (tmp_path / name).mkdir()
    (tmp_path / ".golden.clr-ref-new-abc" / "file").write_text("x", "utf-8")
    (tmp_path / ".golden.clr-ref-new-file").write_text("no folder, which is not removed, and no error", "utf-8")
    _files.remove_leftovers(tmp_path / "golden")
    assert names(tmp_path) == sorted([*others, ".golden.clr-ref-new-file"])


def impossible(folder: Path) -> dict[str, Path]:
    """Paths that cannot be written, by the reason. Root may write anywhere, so no reason is a permission."""
    (folder / "file").write_text("x", "utf-8")
    (folder / "folder").mkdir()
    (folder / "circle").symlink_to(folder / "circle")
    return {
        "it is a folder": folder / "folder",
        "there is no folder": folder / "missing" / "x",
        "is no folder": folder / "file" / "x",
        "symbolic links": folder / "circle",
    }


def test_what_cannot_be_written_is_known_before(tmp_path: Path) -> None:
    for words, path in impossible(tmp_path).items():
        before = names(tmp_path)
        assert words in str(_files.reason_against(path)), path
        with pytest.raises(_files.WriteError):
            _files.write_text(path, "text")
        assert names(tmp_path) == before
    assert _files.reason_against(tmp_path / "new") is None
    assert _files.reason_against_folder(tmp_path / "new" / "newer") is None
    assert "is no folder" in str(_files.reason_against_folder(tmp_path / "file" / "new"))
    assert _files.reason_against_folder(tmp_path / ("x" * 300)) == "File name too long"


@posix
def test_what_may_be_a_device_is_special(tmp_path: Path) -> None:
    for special in ("/dev/null", "/dev/new", "/dev/fd/1", "/dev/fd/99", "/proc/self/fd/1", "/proc/x"):
        assert _files.is_special(Path(special)), special
    (tmp_path / "file").write_text("x", "utf-8")
    for path in (tmp_path / "file", tmp_path / "new", tmp_path / "proc" / "x", Path("/nowhere/proc/x"), Path("/nowhere/dev/x")):
        assert not _files.is_special(path), path
    assert _files.is_special(tmp_path)  # a folder cannot be replaced either


def test_the_reason_is_that_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space")

    (tmp_path / "file").write_text("x", "utf-8")
    monkeypatch.setattr(_files.tempfile, "TemporaryFile", refuse)
    assert _files.reason_against(tmp_path / "file") == f"no file can be made in {tmp_path}: no space"
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "file" or mode != os.W_OK)
    assert _files.reason_against(tmp_path / "file") == "there is no permission to write it"
    assert _files.reason_against(tmp_path / "new") == f"no file can be made in {tmp_path}: no space"
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert _files.reason_against(tmp_path / "file") == "no space"


@posix
def test_a_link_to_nothing_is_no_folder_that_could_be_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    assert _files.reason_against_folder(tmp_path / "link" / "new") == f"there is no folder {tmp_path / 'link'}"


@posix
def test_a_name_may_be_as_long_as_a_file_system_allows(tmp_path: Path) -> None:
    for name in ("x" * 255, "é" * 127):
        _files.write_text(tmp_path / name, "text")
        assert (tmp_path / name).read_text("utf-8") == "text"
    with _files.folder_beside(tmp_path / ("y" * 255)) as folder:
        # Short, so that 255 bytes also hold what tempfile adds; long, so that two files seldom share their leftovers.
        assert Path(folder).name.startswith(f".{'y' * 60}.clr-ref-new-")


@pytest.mark.parametrize(
    ("command", "begin"),
    [
        ([*PLOT[:-1], "--out"], "clr_ref.cli.schedule.plotting_module"),
        (["bench", "--key", "--out"], "clr_ref.cli.bench.measure"),
        (["bench", "--key", "--markdown"], "clr_ref.cli.bench.measure"),
        (["golden", "show", "--markdown"], "clr_ref.cli.golden.read_store"),
        (["conform", "tests.subjects:reference", "--html"], "clr_ref.conformance.subject.Remote"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_commands_refuse_such_a_path_before_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], begin: str
) -> None:
    monkeypatch.setattr(begin, lambda *_: pytest.fail("the command began"))
    for words, path in impossible(tmp_path).items():
        result = CliRunner().invoke(main, [*command, str(path / "x.png" if words != "it is a folder" else path)])
        assert result.exit_code == 2, result.output
        assert command[-1] in result.stderr
        assert str(path) in result.stderr.replace("\n", "")


def test_folders_and_peers_pages_are_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "collect", lambda *_: pytest.fail("the command began"))
    (tmp_path / "file").write_text("x", "utf-8")
    for command, arguments in (
        (main, ["tutorial", "--out"]),
        (main, ["range-test", "--out"]),
        (peers.main, ["--markdown"]),
        (peers.main, ["--html"]),
    ):
        result = CliRunner().invoke(command, [*arguments, str(tmp_path / "file" / "x")])
        assert (result.exit_code, arguments[-1] in result.stderr) == (2, True), result.output
    (tmp_path / "out" / "steps.csv").mkdir(parents=True)
    result = CliRunner().invoke(main, ["tutorial", "--out", str(tmp_path / "out")])
    assert (result.exit_code, "steps.csv': it is a folder" in result.stderr) == (2, True), result.output


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    same, picture = str(tmp_path / "x"), str(tmp_path / "x.png")
    for command, arguments in (
        (main, ["bench", "--key", "--out", same, "--markdown", same]),
        (main, ["bench", "--key", "--markdown", picture]),
        (peers.main, ["--html", same, "--markdown", same]),
    ):
        result = CliRunner().invoke(command, arguments)
        assert (result.exit_code, "would be written twice" in result.stderr) == (2, True), result.output
    assert names(tmp_path) == []


def test_what_a_command_reads_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def make(): pass\n", "utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "m.py")
    code, link = str(tmp_path / "m.py"), str(tmp_path / "link")
    for arguments in (
        ["conform", f"{code}:make", "--html", link],
        ["conform", "m:make", "--exceptions", link, "--html", code],
        ["trace", f"{code}:make", "--out", code],
        ["diff", "x", code, "--html", link],
        ["diff", code, "x", "--html", code],
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2, result.output
        assert f"{arguments[-1]!r} is what the command reads" in " ".join(result.stderr.split()).replace("- ", "-")
    assert (tmp_path / "m.py").read_text("utf-8") == "def make(): pass\n"


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=300, **options
    )


#: A command whose picture is interrupted when half of it is written.
_INTERRUPTED = """
import os, resource, signal, sys
from matplotlib.figure import Figure
from clr_ref.cli import main
def savefig(self, out):
    with open(out, "wb") as file:
        file.write(b"half")
        file.flush()
        {what}
        try:
            file.write(b"x" * 100_000)
        finally:  # other code, such as a measurement of coverage, writes files when the process ends
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
Figure.savefig = savefig
main(sys.argv[1:])
"""


@posix
@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM, ""),
        # Where the tests run in the background of a shell, a process starts with SIGINT ignored.
        ("signal.signal(signal.SIGINT, signal.default_int_handler), os.kill(os.getpid(), signal.SIGINT)", 1, "Aborted!"),
        ("resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))", 2, "cannot be written, and is as it was"),
    ],
    ids=["SIGTERM", "Ctrl-C", "no space"],
)
def test_an_interrupted_command_leaves_the_old_picture(tmp_path: Path, what: str, code: int, words: str) -> None:
    """A limit on the size of files stands for a full disk: Python ignores the signal of the limit, and writing fails."""
    pytest.importorskip("matplotlib", reason="drawing needs clr-ref[plot]")
    out = tmp_path / "x.png"
    out.write_bytes(b"old")
    ended = run(_INTERRUPTED.format(what=what), *PLOT, str(out))
    assert (ended.returncode, words in ended.stderr, "Traceback" in ended.stderr) == (code, True, False), ended.stderr
    assert out.read_bytes() == b"old"
    assert names(tmp_path) == ["x.png"]


def test_json_has_a_line_for_each_value_and_no_nan() -> None:
    text = _files.json_text({"a": [1, float("nan")], "b": (float("-inf"), None)})
    assert text.splitlines() == ["{", ' "a": [', "  1,", '  "nan"', " ],", ' "b": [', '  "-inf",', "  null", " ]", "}"]
