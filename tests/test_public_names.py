"""What Tab shows is public by intent, and is found without an import statement; ``import clr_ref`` loads none of it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from tests import docstrings

ROOT = Path(clr_ref.__file__).parents[1]
#: The submodules of clr_ref that the first use imports, beside tfa_arithmetic.
LAZY = ["conformance", "exact", "keras", "keras_2", "plot", "policies", "range_test", "tfa", "training"]
#: What ``import clr_ref`` loads of it.
LOADED = {
    "_environment",
    "_inputs",
    "_lazy",
    "compositions",
    "exact",
    "fast",
    "functions",
    "parameters",
    "policies",
    "schedule",
    "steps",
    "tfa",
    "tfa_arithmetic",
}
PUBLIC = [
    "clr_ref",
    "clr_ref.tfa_arithmetic",
    *(f"clr_ref.{name}" for name in LAZY),
    *(f"clr_ref.tfa.{name}" for name in ("bounds", "eager", "graphs")),
    *(f"clr_ref.training.{name}" for name in ("data", "determinism", "experiment", "tutorial")),
]


def module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        pytest.skip(f"{name} needs what is not installed here: {error}")


def test_import_loads_only_what_a_schedule_needs() -> None:
    code = "import sys, json, clr_ref; print(json.dumps([m for m in sys.modules if m.startswith('clr_ref.')]))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert {name.split(".")[1] for name in loaded} == LOADED


def test_submodules_are_found_without_an_import() -> None:
    code = (
        "import sys, clr_ref\n"
        f"for name in {LAZY}:\n"
        "    assert name in dir(clr_ref), name\n"
        "    try: found = getattr(clr_ref, name)\n"
        "    except AttributeError as error: print(name, error)\n"
        "    else: assert found is sys.modules['clr_ref.' + name]\n"
        "assert clr_ref.tfa.graphs.evaluate and clr_ref.training.data.load\n"
        "import clr_ref.keras\n"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    missing = {line.split()[0]: line for line in run.stdout.splitlines()}
    assert missing.keys() <= {"keras", "keras_2", "plot"}
    if "keras" in missing:
        assert "clr_ref.keras cannot be imported: this needs Keras: install tensorflow, or keras with" in missing["keras"]
        assert "ImportError: this needs Keras: install tensorflow" in run.stderr
    else:
        assert run.returncode == 0, run.stderr


def test_a_completer_finds_submodules_without_importing_them() -> None:
    """jedi reads each name as here; it calls ``__getattr__`` for one that it does not find, which would import TensorFlow."""
    code = (
        "import inspect, sys, clr_ref\n"
        "for name in dir(clr_ref): inspect.getattr_static(clr_ref, name)\n"
        "print([name for name in ('conformance', 'keras', 'plot', 'training') if 'clr_ref.' + name in sys.modules])\n"
        "import clr_ref.conformance\n"
        "assert inspect.getattr_static(clr_ref, 'conformance') is sys.modules['clr_ref.conformance']\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_an_unknown_name_is_an_attribute_error_with_a_suggestion() -> None:
    with pytest.raises(AttributeError, match=r"module 'clr_ref' has no attribute 'triangluar'") as found:
        clr_ref.triangluar(0, 1, 5)  # type: ignore[operator]
    assert (found.value.name, found.value.obj) == ("triangluar", clr_ref)
    for package in (clr_ref.tfa, clr_ref.training):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = package.nothing


@pytest.mark.parametrize("name", PUBLIC)
def test_what_a_module_lists_is_public_by_intent(name: str) -> None:
    public = module(name)
    listed = dir(public)
    modules = {found for found in listed if isinstance(inspect.getattr_static(public, found, None), types.ModuleType)}
    assert set(public.__all__) <= set(listed)
    lazy = set(getattr(public, "_SUBMODULES", ()))
    assert set(listed) == {*public.__all__, *lazy, *(["__version__"] if name == "clr_ref" else [])}
    assert modules <= lazy | set(public.__all__)
    for found in set(listed) - lazy - {"__version__"}:
        value = getattr(public, found)
        assert not found.startswith("_")
        assert found not in vars(typing), f"{name}.{found} is of typing"
        if isinstance(value, (type, types.FunctionType)):
            assert value.__module__.startswith("clr_ref"), f"{name}.{found} comes from {value.__module__}"


def test_every_documented_name_is_listed() -> None:
    pages = sorted((ROOT / "docs" / "api").glob("*.md"))
    documented = [name for page in pages for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)]
    assert set(docstrings.public_names()) <= set(documented)
    for name in documented:
        place, _, attribute = name.rpartition(".")
        assert place in PUBLIC
        source = (ROOT / place.replace(".", "/")).with_suffix(".py")
        source = source if source.is_file() else ROOT / place.replace(".", "/") / "__init__.py"
        assert f'"{attribute}"' in source.read_text("utf-8").partition("__all__")[2].partition("]")[0], name
