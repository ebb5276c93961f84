"""The examples in docstrings, and the public names of docs/api; the tests of both packages of modules share them."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref import policies

ROOT = Path(__file__).parent.parent
PACKAGE = Path(clr_ref.__file__).parent
#: The modules and packages whose examples need Keras.
NEED_KERAS = ("clr_ref.keras", "clr_ref.keras_2", "clr_ref.range_test.run", "clr_ref.training")


def needs_keras(name: str) -> bool:
    return any(f"{name}.".startswith(f"{known}.") for known in NEED_KERAS)


def modules_with_examples() -> list[str]:
    """The names of all modules of the package that have an example in a docstring."""
    paths = sorted(path for path in PACKAGE.rglob("*.py") if re.search(r"^ *>>> ", path.read_text("utf-8"), re.MULTILINE))
    return [".".join(("clr_ref", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__") for path in paths]


def public_names() -> list[str]:
    """The names that the pages of docs/api document, except those of ``clr_ref.training``."""
    pages = sorted((ROOT / "docs" / "api").glob("*.md"))
    names = [name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)]
    return [name for name in names if not name.startswith("clr_ref.training.")]


def check_examples(name: str, monkeypatch: pytest.MonkeyPatch, **names: Any) -> None:
    """Run the examples of a module; the names that they use are given as keywords."""
    monkeypatch.setattr(policies, "_registered", dict(policies._registered))
    results = doctest.testmod(importlib.import_module(name), extraglobs=names)
    assert results.attempted > 0
    assert results.failed == 0, f"{results.failed} examples of {name} fail; the captured output shows them"


def check_docstring(name: str) -> None:
    """The docstring has a one-line summary, an entry for each argument, and an example."""
    module, _, attribute = name.rpartition(".")
    documented = getattr(importlib.import_module(module), attribute)
    text = inspect.getdoc(documented) or ""
    summary, _, rest = text.partition("\n")
    assert summary.endswith("."), f"{name} has no summary of one line"
    assert not rest.partition("\n")[0].strip(), f"the summary of {name} has more than one line"
    for parameter in inspect.signature(documented).parameters:
        assert re.search(rf"^    {parameter}: ", text, re.MULTILINE), f"{name} does not document {parameter}"
    assert ">>> " in text, f"{name} has no example"
