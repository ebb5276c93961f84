"""Calls of clr-ref golden with a synthetic store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from tests.golden import synthetic
from tests.golden.synthetic import FIRST

THIRD = "tf-2.14.1_tfa-0.23.0"
Golden = Callable[..., Result]


def damage(folder: Path) -> None:
    path = folder / synthetic.values_of(folder, FIRST, "triangular-2")
    path.write_text(path.read_text().replace("1e-02", "1.1e-02"))
