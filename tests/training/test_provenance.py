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


@pytest.mark.parametrize("flags", ["flags", "Features"])
def test_what_linux_tells(flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its first processor and the caches of that; a cache that it does not describe is left out."""
    monkeypatch.setattr(provenance, "Path", lambda name: tmp_path / name.lstrip("/"))
    processors = [f"processor\t: 0\nmodel name\t: A: 1\n{flags}\t\t: b a\n", f"model name\t: B\n{flags}: c\n"]
    caches = tmp_path / "sys/devices/system/cpu/cpu0/cache"
    for name, kind, size in (("index0", "Data", "48K"), ("index1", "Instruction", None), ("index2", "Unified", "2M")):
        (caches / name).mkdir(parents=True)
        for file, text in (("level", f"{1 + (kind == 'Unified')}"), ("type", kind), *([("size", size)] if size else [])):
            (caches / name / file).write_text(f"{text}\n", "ascii")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("\n".join(processors), "utf-8")
    found = provenance.cpu()
    assert (found["model"], found["flags"]) == ("A: 1", ["a", "b"])
    assert found["caches"] == {"L1 Data": "48K", "L2 Unified": "2M"}


def test_a_machine_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(self: Path, *_: object) -> str:
        raise OSError("no such file")

    monkeypatch.setattr(Path, "read_text", unreadable)
    found = provenance.cpu()
    assert (found["flags"], found["caches"]) == ([], {})
    assert found["machine"] == platform.machine()


@pytest.mark.parametrize(
    ("libc", "expected"), [(("glibc", "2.36"), "glibc 2.36"), (("musl", ""), "musl"), (("", ""), "no libc")]
)
def test_a_system_without_glibc_is_named_too(libc: tuple[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    assert provenance.operating_system() == f"{platform.system()}, {expected}"


def test_a_name_is_only_a_name() -> None:
    one = {"machine": "x86_64", "model": "A", "flags": ["avx2"], "caches": {"L2 Unified": "1M"}}
    assert provenance.same_family(one, {**one, "model": "B"})
    for change in ({"machine": "aarch64"}, {"flags": []}, {"caches": {"L2 Unified": "2M"}}):
        assert not provenance.same_family(one, {**one, **change})
