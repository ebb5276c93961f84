"""A recorder that is run for the tests."""

from __future__ import annotations

import sys
from pathlib import Path

from clr_ref.golden import record
from clr_ref.golden.record import Pair

PYTHON = Path(sys.executable)
PAIR = Pair("2.15.1", "0.23.0")


def run(staging: Path, folder: Path, pair: Pair | None = PAIR, python: Path = PYTHON) -> Path:
    return record.record_with(python, pair, staging=staging, folder=folder, progress=lambda text: None)


def is_up_to_date(staging: Path, folder: Path) -> bool:
    return record.up_to_date(PAIR, staging=staging, folder=folder)
