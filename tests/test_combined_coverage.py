"""The report of several environments' coverage, from data files that are written here."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from coverage import CoverageData

SCRIPT = Path(__file__).parents[1] / ".ci" / "combined_coverage.py"
#: A run that is older than every source.
LONG_AGO = 1_000_000_000


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], int]:
    """The script, in a project of four lines whose limit is 75 %; ``measured`` takes the data files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clr_ref").mkdir()
    (tmp_path / "measured").mkdir()
    (tmp_path / "clr_ref" / "four.py").write_text("a = 1\nb = 2\nc = 3\nd = 4\n", "utf-8")
    paths = 'paths.clr_ref = ["clr_ref", "*/site-packages/clr_ref"]'
    (tmp_path / "pyproject.toml").write_text(f"[tool.coverage]\n{paths}\nreport.fail_under = 75\n", "utf-8")
    main = runpy.run_path(str(SCRIPT))["main"]
    return lambda needed: main(Path("measured"), needed)


def measure(name: str, *lines: int, folder: str = "clr_ref") -> Path:
    """Write the data file of an environment that ran these lines of the package in ``folder``."""
    path = Path("measured", name).absolute()
    data = CoverageData(str(path))
    data.add_lines({str(Path(folder, "four.py").absolute()): lines})
    data.close()
    return path


def test_environments_are_added_up_whatever_folder_they_import_from(
    report: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [measure("py311", 1, 2), measure("py311-jax", 2, 3, folder=".tox/py311-jax/lib/python3.11/site-packages/clr_ref")]
    assert report(["py311", "py311-jax"]) == 0
    assert "75.00 % of the lines run; the limit is 75" in capsys.readouterr().out
    assert all(path.exists() for path in files)


def test_below_the_limit_fails(report: Callable[[list[str]], int]) -> None:
    measure("py311", 1, 2)
    measure("py311-jax", 2)
    assert report(["py311", "py311-jax"]) == 1


def test_environments_that_did_not_run_are_named_and_lift_the_limit(
    report: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    measure("py311", 1)
    measure("py311-jax.host.pid7.XYZ", 2)
    os.utime(measure("py311-torch", 3), (LONG_AGO, LONG_AGO))
    assert report(["py311", "py311-jax", "py311-torch"]) == 0
    out = capsys.readouterr().out
    assert "measured in: py311\n" in out
    assert out.endswith("no limit applies: py311-jax py311-torch\n")
    assert " 25%" in out


def test_no_data_fails_and_says_what_to_run(report: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert report(["py311"]) == 1
    assert "tox run -e py313,coverage" in capsys.readouterr().out
