"""Submodules that are imported when they are first used, so that Tab finds them and ``import clr_ref`` stays fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection
from types import ModuleType


def submodule(package: str, name: str, known: Collection[str]) -> ModuleType:
    """Return a submodule of a package, for the ``__getattr__`` of the package.

    Raises:
        AttributeError: not one of the known names, or a submodule that cannot be imported; the message says why. An ImportError
            would end ``help(package)``, which reads every name, where TensorFlow is not installed.
    """
    if name not in known:
        raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
    try:
        return importlib.import_module(f"{package}.{name}")
    except ImportError as error:
        raise AttributeError(f"{package}.{name} cannot be imported: {error}") from error


def offer(package: str, names: Collection[str]) -> None:
    """Let completers find submodules without importing them.

    jedi, and so IPython, looks a name up in the module and its class without running code. If it finds none, it calls
    ``__getattr__``: one Tab after ``clr_ref.`` would import TensorFlow, and take ten seconds.
    """
    sys.modules[package].__class__ = type("Package", (ModuleType,), {name: _NotImported() for name in names})


class _NotImported:
    """A name in the class of a package. It has no value, so that Python goes on to ``__getattr__`` of the package."""

    def __get__(self, module: object, owner: object = None) -> None:
        raise AttributeError
