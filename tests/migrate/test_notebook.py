"""Notebooks: only the changed lines are written anew, and what is no Python is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")
pytest.importorskip("nbformat", reason="migrate needs clr-ref[migrate]")

from clr_ref.migrate.files import Result, migrate
from clr_ref.migrate.magics import read
from clr_ref.migrate.names import ParseError, check_syntax
from clr_ref.migrate.notebook import code_cells, notebook_changes, written

IMPORT = "import tensorflow_addons as tfa\n"
USE = "rate = tfa.optimizers.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)"


def cell(*lines: str, kind: str = "code") -> dict[str, Any]:
    extra = {"outputs": [{"name": "stdout", "output_type": "stream", "text": ["tfa\n"]}], "execution_count": 3}
    return {"cell_type": kind, "id": "é", "metadata": {"z": 1, "a": [1.0, 1e5]}, "source": list(lines)} | (
        extra if kind == "code" else {}
    )


def notebook(*cells: dict[str, Any], language: str = "python", indent: int | str | None = 1, ascii: bool = False) -> str:
    document = {
        "cells": list(cells),
        "metadata": {"kernelspec": {"name": "k", "display_name": "K", "language": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=indent, ensure_ascii=ascii) + "\n"


def migrated(text: str) -> str:
    cells = code_cells(text)
    return written(text, cells, notebook_changes(cells).edits)


def told(text: str) -> list[tuple[str, str]]:
    return [(finding.kind, finding.text) for finding in notebook_changes(code_cells(text)).findings]


@pytest.mark.parametrize("indent", [None, 1, 2, "\t"])
@pytest.mark.parametrize("ascii", [False, True])
def test_only_changed_lines_change(indent: int | str | None, ascii: bool) -> None:
    text = cell("# tfa.optimizers.CyclicalLearningRate", kind="markdown"), cell("# é\n", IMPORT, "x = 1"), cell(USE + "  # é")
    before = notebook(*text, indent=indent, ascii=ascii)
    after = migrated(before)
    expected = before.replace(json.dumps(IMPORT), json.dumps("import clr_ref.keras\n"))
    assert after == expected.replace("rate = tfa.optimizers.", "rate = clr_ref.keras.")
    assert migrated(after) == after


def test_unchanged_lines_keep_their_bytes() -> None:
    """The same text can be written in several ways in JSON."""
    before = notebook(cell("'é'\n", IMPORT, USE)).replace("'é'", r"'\u00e9\/'")
    after = migrated(before)
    assert json.loads(after)["cells"][0]["source"][:2] == ["'é/'\n", "import clr_ref.keras\n"]
    assert r"'\u00e9\/'" in after


def test_lines_are_added_in_the_form_of_the_notebook() -> None:
    before = notebook(cell(IMPORT, "\n", USE + "\n", "tfa.optimizers.AdamW(1e-4, rate)"), cell("tfa"))
    after = migrated(before)
    (first, _) = json.loads(after)["cells"]
    assert first["source"] == [
        "import clr_ref.keras\n",
        IMPORT,
        "\n",
        USE.replace("tfa.optimizers", "clr_ref.keras") + "\n",
        "tfa.optimizers.AdamW(1e-4, rate)",
    ]
    assert after == json.dumps(json.loads(after), indent=1, ensure_ascii=False) + "\n"
    assert len(after.splitlines()) == len(before.splitlines()) + 1


def test_a_source_that_is_one_string_stays_one() -> None:
    before = notebook({**cell(), "source": IMPORT + USE}, indent=None)
    after = migrated(before)
    assert json.loads(after)["cells"][0]["source"] == (IMPORT + USE).replace(
        "tensorflow_addons as tfa", "clr_ref.keras"
    ).replace("tfa.optimizers", "clr_ref.keras")


def test_notebooks_of_version_3() -> None:
    old = {"cell_type": "code", "collapsed": False, "input": [IMPORT, USE], "language": "python", "metadata": {}, "outputs": []}
    document = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [old], "metadata": {}}]}
    after = json.loads(migrated(json.dumps(document)))
    assert after["worksheets"][0]["cells"][0]["input"][0] == "import clr_ref.keras\n"


@pytest.mark.parametrize(
    ("lines", "python"),
    [
        (["%matplotlib inline\n", "x = 1\n"], "pass\nx = 1\n"),
        (["if True:\n", "    !pip install \\\n", "  a b\n", "x = '''\n", "%d\n", "''' \\\n", "% 3\n"], None),
        (["files = !ls *.py\n", "y = %env HOME\n", "tf.keras?\n", "?tf"], "files = None\ny = None\npass\npass\n"),
        (["x = ('%s %s'\n", "  % (1,\n", "  2))\n", "%time x"], "x = ('%s %s'\n  % (1,\n  2))\npass\n"),
        (["%%time\n", "x = 1"], "\nx = 1\n"),
        (["%%bash\n", "rm -r x"], "\n\n"),
        (["%%javascript\n"], "\n"),
        (["a = 1\n", "b = 2"], "a = 1\nb = 2\n"),
        ([], ""),
        (["print 'old'"], "\n"),
    ],
)
def test_lines_of_ipython_become_python(lines: list[str], python: str | None) -> None:
    code = "".join(lines)
    found = read(code)
    check_syntax(found.python)
    assert found.python.count("\n") == len(lines)
    assert python is None or found.python == python


@given(st.lists(st.sampled_from(["x = 1", "%m", "!a \\", "f(", ")", "'''", "if x:", "  y", "%%time", "é = %b", "?", "z?"])))
def test_any_cell_becomes_python(lines: list[str]) -> None:
    found = read("\n".join(lines))
    check_syntax(found.python)
    assert found.python.count("\n") == len("\n".join(lines).splitlines())


def test_what_a_magic_may_use_stays_imported() -> None:
    for magic in ("%timeit tfa.losses", "!echo {tfa.__version__}", "%%writefile a.py\ntfa.losses"):
        after = migrated(notebook(cell(IMPORT), cell(USE), cell(*magic.splitlines(keepends=True))))
        assert json.loads(after)["cells"][0]["source"] == ["import clr_ref.keras\n", IMPORT]


def test_cells_that_are_left_alone_are_reported() -> None:
    bad = notebook(
        cell(IMPORT),
        cell(USE),
        cell("x = = 1\n", USE),
        cell("%%writefile a.py\n", IMPORT, USE),
        cell("print 'a'"),
        cell("%%bash\n", "# " + IMPORT),
    )
    kinds = told(bad)
    assert [kind for kind, _ in kinds] == ["by hand", "by hand", "note", "note"]
    assert kinds[3][1] == "the cell uses TFA and was left alone: it begins with %%bash"
    assert "it cannot be parsed (line 1: " in kinds[0][1]
    assert "it begins with %%writefile" in kinds[1][1]
    cells = json.loads(migrated(bad))["cells"]
    assert [cells[1]["source"], cells[2]["source"]] == [
        ["rate = clr_ref.keras.TriangularCyclicalLearningRate(1e-4, 1e-2, 50)"],
        ["x = = 1\n", USE],
    ]


def test_places_are_cells_and_lines(tmp_path: Any) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(cell("t", kind="markdown"), cell(IMPORT), cell("\n", USE.replace("50", "0"), "\n", "tfa.losses")))
    expected = [("cell 3, line 2", "warning")]

    def places(result: Result) -> list[tuple[str, str]]:
        return [(place, kind) for place, kind, _ in result.findings]

    assert places(migrate(path)) == expected
    result = migrate(path, write=True)
    assert places(result) == expected
    assert result.uses[0][:2] == ("tensorflow_addons.losses", ("cell 3, line 3",))


def test_notebooks_of_other_languages_are_left_alone() -> None:
    before = notebook(cell(IMPORT), cell(USE), language="R")
    assert migrated(before) == before


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"nbformat": 4}', "null", '{"cells": 3, "nbformat": 4, "metadata": {}}']
)
def test_what_is_no_notebook_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="it is no notebook"):
        code_cells(text)


def test_cells_without_code_or_kind_are_passed_over() -> None:
    odd = [{"cell_type": "code", "metadata": {}}, {"metadata": {}, "source": [IMPORT]}, cell("x", kind="raw")]
    cells = code_cells(notebook(*odd, cell("a\n", "b"), cell("c")))
    assert [(one.number, one.code, one.first) for one in cells] == [(4, "a\nb", 1), (5, "c", 3)]


def test_an_empty_cell_takes_no_line() -> None:
    assert [(one.number, one.first) for one in code_cells(notebook(cell(), cell("a"), cell("b\n", "c"), cell("d")))] == [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 4),
    ]


@pytest.mark.parametrize(("number", "right"), [(2, False), (3, True), (4, True), (5, False)])
def test_formats_of_notebooks(number: int, right: bool) -> None:
    text = json.dumps({"nbformat": number, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}], "cells": []})
    if right:
        assert code_cells(text) == []
    else:
        with pytest.raises(ParseError, match=r"^it is no notebook: "):
            code_cells(text)
