"""What the commands print in a terminal of 80 columns: nothing is cut, and no line is wider."""

from __future__ import annotations

import os
import re

import pytest

from clr_ref.cli import common
from tests.cli.calls import BOUNDS, call, commands
from tests.terminal import in_terminal, too_wide

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are a part of POSIX")


@pytest.mark.parametrize("words", [(), *commands()], ids=" ".join)
def test_help(words: tuple[str, ...]) -> None:
    """The help has the width of a terminal of 80 columns also without one."""
    text = call(*words, "--help").stdout
    assert too_wide(text) == []
    assert not re.search(r"\w-$", text, re.MULTILINE), "clr-ref[plot] in two lines cannot be copied"
    assert "\N{NON-BREAKING HYPHEN}" not in text
    listed = text.partition("Commands:")[2]
    assert "..." not in listed.replace("[PAIR]...", ""), "a sentence is cut"
    assert "\\b" not in text
    assert text.startswith(" ".join(["Usage: main", *words, "[OPTIONS]"]))


def test_the_module_is_called_by_its_name_in_its_help() -> None:
    code, text = in_terminal("--help")
    assert code == 0
    assert too_wide(text) == []
    assert text.startswith("Usage: python -m clr_ref [OPTIONS] COMMAND")
    assert "how far TFA's formula drifts from it." in text


def test_a_table_that_fits() -> None:
    code, text = in_terminal("eval", "triangular2", *BOUNDS, "1", "4000000000", "5:5")
    assert (code, too_wide(text)) == (0, [])
    assert text.splitlines()[0].split() == ["step", "cycle", "height", "rate", "hex"]


def test_rows_that_do_not_fit_become_lines() -> None:
    options = ["eval", "exp_range", *BOUNDS, "-g", "0.999", "--tier", "exact", "9", "1000"]
    code, text = in_terminal(*options)
    assert (code, too_wide(text)) == (0, [])
    assert len(re.findall(r"^ *(step|cycle|height|rate)  ", text, re.MULTILINE)) == 2 * 4
    # All digits are there, in the order of the table without a terminal.
    last = call(*options).stdout.splitlines()[-1].split()[-1]
    assert last in "".join(text.split())
    assert len(last) > 1000


def test_words_wrap_where_rows_nearly_fit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table = common.new_table("name", ">number", "remark")
    for number in range(3):
        table.add_row(f"[a]:b:{number}", "123,456,789", "a remark of several words " * 3)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    common.print_table(table)
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert too_wide(text, 60) == []
    assert text.count("123,456,789") == 3
    assert text.count("[a]:b:") == 3
    assert len(text.splitlines()) == 1 + 3 * 3
    assert "".join(text.split()).count("words") == 9


def test_a_long_range_in_a_terminal() -> None:
    code, text = in_terminal("eval", "triangular", *BOUNDS, "9223372036854770000:9223372036854775808", "--dtype", "float64")
    assert (code, too_wide(text)) == (0, [])
    assert len(text.splitlines()) == 1 + 5808
