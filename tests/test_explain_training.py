"""The generated part of docs/TRAINING.md."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tool() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "explain_training.py")))


def test_versions_stand_in_the_order_of_the_releases(tool: SimpleNamespace) -> None:
    given = [
        ("2.16.2", "keras-3.15.1"),
        ("2.9.3", "tf.keras-2.9.3"),
        ("2.16.2", "tf-keras-2.16.0"),
        ("2.10.1", "tf.keras-2.10.1"),
    ]
    order = sorted(tool.versions(*one) for one in given)
    assert list(map(str, order)) == ["2.9.3", "2.10.1", "2.16.2 (tf-keras 2.16.0)", "2.16.2 (Keras 3.15.1)"]
    assert tool.spans(order, order) == "2.9.3 to 2.16.2 (Keras 3.15.1)"
    assert tool.spans([order[0], order[2], order[3]], order) == "2.9.3, 2.16.2 (tf-keras 2.16.0) to 2.16.2 (Keras 3.15.1)"


def test_the_page_has_the_groups_of_the_records(tool: SimpleNamespace) -> None:
    page = (ROOT / "docs" / "TRAINING.md").read_text("utf-8")
    generated = page.partition(tool.BEGIN)[2].partition(tool.END)[0]
    rows = list(tool.groups())
    assert [run for run, _ in rows] == ["`triangular2`", "`plain`", "`triangular2-dropout`"]
    for row in rows:
        assert f"| {' | '.join(row)} |\n" in generated
    assert "### Why they differ" in generated


def test_a_page_is_not_written_without_all_traces(
    tool: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would say that releases without a trace differ in no tensor."""
    page = tmp_path / "page.md"
    page.write_text(f"{tool.BEGIN}old\n{tool.END}by hand\n", "utf-8")
    with pytest.raises(SystemExit, match=r"has no trace of no dropout: 2\.8\.4; no dropout: 2\.9\.3; "):
        tool.write(tmp_path / "none", page)
    monkeypatch.setitem(tool.write.__globals__, "missing", lambda folder: [])
    page.write_text(f"{tool.BEGIN}old\nby hand\n", "utf-8")
    with pytest.raises(SystemExit, match="must have the two lines"):
        tool.write(tmp_path / "none", page)
    assert page.read_text("utf-8") == f"{tool.BEGIN}old\nby hand\n"
