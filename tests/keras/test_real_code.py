"""The table of docs/MIGRATING.md says what happens to patterns of real code: with TFA, and here on both Keras generations."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from tests.keras import real_code_unnamed  # noqa: F401  (adds its patterns)
from tests.keras.real_code import NEED_TENSORFLOW, PATTERNS

pytestmark = pytest.mark.usefixtures("registries")

PAGE = Path(__file__).parents[2] / "docs" / "MIGRATING.md"
TFA, KERAS_2, KERAS_3 = range(3)


def table() -> dict[str, list[str]]:
    chapter = PAGE.read_text("utf-8").partition("\n## What real code does\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("| ")]
    return {pattern: cells for pattern, *cells in rows[2:]}


def check(row: str, column: int, modules: tuple[Any, Any], folder: Path) -> None:
    """The pattern works, or raises the error that the cell begins with."""
    cell = table()[row][column]
    if cell == "works":
        PATTERNS[row](*modules, folder)
        return
    (expected,) = re.findall(r"^`(\w+Error)`", cell)
    with pytest.raises(Exception) as raised:  # noqa: PT011
        PATTERNS[row](*modules, folder)
    assert type(raised.value).__name__ == expected


def test_each_row_has_its_code() -> None:
    assert list(table()) == list(PATTERNS)
    assert {len(cells) for cells in table().values()} == {3}


@pytest.mark.parametrize("row", PATTERNS)
def test_a_pattern_here(drop_ins: Any, keras: Any, api: Any, row: str, tmp_path: Path) -> None:
    if not (api.IS_KERAS_3 or api.keras_version().startswith("2.15.")):
        pytest.skip("the table is about tf.keras 2.15 and Keras 3")
    if row in NEED_TENSORFLOW and api.BACKEND != "tensorflow":
        pytest.skip(f"this is about TensorFlow, and the backend is {api.BACKEND}")
    if "`tfa." in row and not api.IS_KERAS_3 and not importlib.util.find_spec("tensorflow_addons"):
        pytest.skip("TensorFlow Addons is not installed in this environment")
    check(row, KERAS_3 if api.IS_KERAS_3 else KERAS_2, (drop_ins, keras), tmp_path)


@pytest.mark.parametrize("row", PATTERNS)
def test_a_pattern_with_tfa(tfa: Any, keras: Any, api: Any, row: str, tmp_path: Path) -> None:
    if not api.keras_version().startswith("2.15."):
        pytest.skip("the column is about TFA 0.23 on TF 2.15")
    check(row, TFA, (tfa.optimizers, keras), tmp_path)
