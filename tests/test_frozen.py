"""Results are frozen: whoever holds one can rely on it."""

from __future__ import annotations

import dataclasses
import importlib

import pytest


@pytest.mark.parametrize("name", ["compare", "verify", "golden.accept", "golden.measured", "golden.model"])
def test_every_dataclass_is_frozen(name: str) -> None:
    module = importlib.import_module(f"clr_ref.{name}")
    found = [kind for kind in vars(module).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    assert found
    assert [kind for kind in found if not kind.__dataclass_params__.frozen] == []  # type: ignore[attr-defined]
