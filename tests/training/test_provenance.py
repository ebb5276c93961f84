"""The CPU is described by what decides the bits."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from clr_ref.training import provenance


def test_the_cpu_of_this_machine() -> None:
    found = provenance.cpu()
    assert set(found) == {"machine", "model", "flags", "caches"}
    assert found["machine"] == platform.machine()
    assert found["flags"] == sorted(found["flags"])
    if Path("/proc/cpuinfo").exists() and platform.machine() == "x86_64":
        assert "sse2" in found["flags"]
    assert all(name.startswith("L") for name in found["caches"])


def test_a_machine_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: Path, *_: object) -> str:
        raise OSError("no such file")

    monkeypatch.setattr(Path, "read_text", unreadable)
    found = provenance.cpu()
    assert (found["flags"], found["caches"]) == ([], {})
    assert found["machine"] == platform.machine()


def test_a_name_is_only_a_name() -> None:
    one = {"machine": "x86_64", "model": "A", "flags": ["avx2"], "caches": {"L2 Unified": "1M"}}
    assert provenance.same_family(one, {**one, "model": "B"})
    for change in ({"machine": "aarch64"}, {"flags": []}, {"caches": {"L2 Unified": "2M"}}):
        assert not provenance.same_family(one, {**one, **change})
