"""What all commands share: missing extras, tables, and output that cannot be written."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import click
import pytest

from clr_ref._files import WriteError
from clr_ref.cli import common
from clr_ref.golden import store as golden
from tests.cli.calls import BOUNDS, call


def test_plotting_without_matplotlib_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = call("plot", "triangular", *BOUNDS, "--out", "x.png")
    assert result.exit_code == 2
    assert 'this command needs clr-ref[plot]: pip install "clr-ref[plot]"' in result.output


@pytest.mark.parametrize(
    ("absent", "words"),
    [
        (["matplotlib"], 'needs clr-ref[plot]: pip install "clr-ref[plot]"'),
        (["matplotlib", "pooch"], 'needs clr-ref[plot,training]: pip install "clr-ref[plot,training]"'),
        (
            ["matplotlib", "pooch", "tensorflow", "keras"],
            'needs clr-ref[plot,training] and TensorFlow: pip install "clr-ref[plot,training]" tensorflow',
        ),
        (["tensorflow", "keras"], "needs TensorFlow: pip install tensorflow"),
        (["tensorflow"], None),
        ([], None),
    ],
)
def test_everything_that_is_missing_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, absent: list[str], words: str | None
) -> None:
    monkeypatch.setattr(common, "_is_installed", lambda name: name not in absent)
    with pytest.raises(click.UsageError) if words else contextlib.nullcontext() as raised:
        common.require_extras("plot", "training", framework=True)
    assert words is None or str(raised.value) == f"this command {words}"


def test_what_is_installed() -> None:
    assert common._is_installed("numpy")
    assert not common._is_installed("no_such_module")


@pytest.mark.parametrize(("problems", "more"), [(1, None), (10, None), (11, "1"), (1010, "1,000")])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_problems_of_a_damaged_store(
    problems: int, more: str | None, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"problem {number}" for number in range(problems)]
    with pytest.raises(SystemExit) as ended:
        common.fail(golden.StoreError("\n".join(texts)), Path("a b"), as_json, "nothing was done")
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert (json.loads(out) == {"holds": False, "problems": texts}) if as_json else out == ""
    assert err.splitlines() == [
        "The golden store a b is damaged or incomplete: nothing was done.",
        *(f"  {text}" for text in texts[:10]),
        *([f"  ... and {more} more; --json prints all"] if more else []),
        "How to restore it:",
        "  - In a git checkout, `git -C 'a b' checkout -- .` restores changed and missing files, "
        "and `git -C 'a b' clean -d -i .` "
        "removes those that do not belong there.",
        "  - If you edited cases.json on purpose, run `clr-ref golden accept --golden 'a b'`. "
        "After new or other inputs or steps, "
        "run `tox run -m record` first.",
    ]


def test_another_failure_says_nothing_of_restoring(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        common.fail(ValueError("one\ntwo"), None, False, "nothing was done")
    assert tuple(capsys.readouterr()) == ("", "Nothing was done:\n  one\n  two\n")


@pytest.mark.parametrize(
    ("folder", "given", "installed"), [("data", False, True), ("data", True, False), ("golden", False, False)]
)
def test_how_a_store_is_restored(folder: str, given: bool, installed: bool) -> None:
    advice = common._restoring(Path(folder), given=given)
    assert (len(advice), "force-reinstall" in advice[0]) == ((1, True) if installed else (2, False))
    assert ("--golden" in advice[-1]) is given


def test_the_end_at_sigterm() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, common.ending_clearly():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + 15
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(click.UsageError, match="no room"), common.ending_clearly():
        raise WriteError("no room")
    assert signal.getsignal(signal.SIGTERM) is before


def test_files_of_a_command_are_different_and_can_be_written(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    common.check_outputs("--out", [one, two])
    common.check_outputs("--out", [Path(os.devnull), Path(os.devnull)])
    common.check_outputs("--out", [tmp_path / "no folder yet" / "one"])
    one.write_text("")
    link = tmp_path / "link"
    link.symlink_to(one)
    for paths in ([two, two], [one, one], [one, two, link]):
        with pytest.raises(click.BadParameter, match="would be written twice"):
            common.check_outputs("--out", paths)
    with pytest.raises(click.BadParameter, match="cannot write"):
        common.check_outputs("--out", [two, tmp_path])
