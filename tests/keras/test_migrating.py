"""The Python blocks of docs/MIGRATING.md run in order in one namespace; those that need TFA run where it is installed."""

from __future__ import annotations

import importlib.util
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from clr_ref import policies

pytestmark = pytest.mark.filterwarnings("ignore")

PAGE = Path(__file__).parents[2] / "docs" / "MIGRATING.md"
MODELS = Path(__file__).parent / "fixtures" / "tf-2.15.1_tfa-0.23.0" / "models.zip"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_page_has_its_blocks() -> None:
    assert len(blocks()) == PAGE.read_text("utf-8").count("```python") >= 10


def test_the_blocks_run(clr: Any, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(policies, "_registered", dict(policies._registered))
    with zipfile.ZipFile(MODELS) as archive:
        for name in archive.namelist():
            if name.startswith("triangular/"):
                archive.extract(name)
    for old, new in (("model.h5", "old.h5"), ("model.keras", "old.keras"), ("saved_model", "saved_model")):
        (tmp_path / "triangular" / old).rename(tmp_path / new)
    namespace: dict[str, Any] = {}
    left_out = []
    for block in blocks():
        if "tensorflow_addons as" in block and importlib.util.find_spec("tensorflow_addons") is None:
            left_out.append("TensorFlow Addons")
        elif block.startswith("# Keras 3\n") and not api.IS_KERAS_3:
            left_out.append("Keras 3")
        else:
            exec(compile(block, str(PAGE), "exec"), namespace)
    print(f"left out, for want of: {left_out}")
    assert namespace["schedule"].scale_mode == "cycle"
