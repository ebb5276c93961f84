"""Recordings staged beside a store, for the tests that accept them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.golden import synthetic

THIRD = "tf-2.15.1_tfa-0.22.0"
#: Another answer than the stored one, in one file of one case.
CHANGED = {("triangular-2", "xla"): 9}


def stage(staging: Path, folder: Path, pair: str, **changes: Any) -> None:
    shutil.rmtree(staging / pair, ignore_errors=True)
    synthetic.write_recording(staging / pair, pair, folder, **changes)


def leftovers(folder: Path) -> list[str]:
    """What lies beside the store that was not there before: lock, temporary folders."""
    return sorted(path.name for path in folder.parent.iterdir() if path.name not in ("golden", "staging"))


def add_case(folder: Path) -> None:
    extra = synthetic.case("later", "TriangularCyclicalLearningRate", "triangular", 2, [[0, 2]])
    synthetic.edit(folder / "cases.json", lambda data: data["cases"].append(extra))
