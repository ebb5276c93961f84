"""Submodules that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clr_ref import _lazy


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "lazy_package").mkdir()
    for name, text in (("__init__", ""), ("there", "x = 1\n"), ("broken", "import no_such_module_at_all\n")):
        (tmp_path / "lazy_package" / f"{name}.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("lazy_package")
    yield "lazy_package"
    for name in [name for name in sys.modules if name.startswith("lazy_package")]:
        del sys.modules[name]


def test_a_known_name_is_imported(package: str) -> None:
    assert "lazy_package.there" not in sys.modules
    assert _lazy.submodule(package, "there", ("there", "broken")).x == 1


def test_an_unknown_name_is_no_attribute(package: str) -> None:
    with pytest.raises(AttributeError, match=r"^module .lazy_package. has no attribute .there.$") as raised:
        _lazy.submodule(package, "there", ("broken",))
    assert (raised.value.name, raised.value.obj) == ("there", sys.modules[package])


def test_what_cannot_be_imported_is_no_attribute_either(package: str) -> None:
    words = "^lazy_package.broken cannot be imported: No module named 'no_such_module_at_all'$"
    with pytest.raises(AttributeError, match=words) as raised:
        _lazy.submodule(package, "broken", ("broken",))
    assert isinstance(raised.value.__cause__, ImportError)


def test_offered_names_are_in_the_class_and_have_no_value(package: str) -> None:
    _lazy.offer(package, ("there",))
    module = sys.modules[package]
    assert "there" in dir(type(module))
    assert not hasattr(module, "there")
    assert _lazy.submodule(package, "there", ("there",)) is module.there
