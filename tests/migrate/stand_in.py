"""Runs code with stand-ins for TFA and for ``clr_ref.keras``, which only record what is called."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

import clr_ref
from clr_ref.migrate.facts import ARGUMENTS

#: The name of a class, where it comes from, and the arguments of a call.
Call = tuple[str, str, tuple[Any, ...], dict[str, Any]]


def calls_of(code: str) -> list[Call]:
    """Return the calls of TFA's and of our classes, in their order, that code makes when it is run."""
    calls: list[Call] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, module in _modules(calls).items():
            patch.setitem(sys.modules, name, module)
            if name == "clr_ref.keras":
                patch.setattr(clr_ref, "keras", module, raising=False)
        exec(compile(code, "sample.py", "exec"), {"__name__": "sample"})
    return calls


def _modules(calls: list[Call]) -> dict[str, types.ModuleType]:
    def recorder(name: str, source: str) -> type:
        def record(self: object, *arguments: Any, **keywords: Any) -> None:
            calls.append((name, source, arguments, keywords))

        return type(name, (), {"__init__": record})

    modules = {name: types.ModuleType(name) for name in ("clr_ref.keras", "tensorflow_addons")}
    for name in ("optimizers", "optimizers.cyclical_learning_rate", "losses"):
        module = modules[f"tensorflow_addons.{name}"] = types.ModuleType(f"tensorflow_addons.{name}")
        parent, _, last = module.__name__.rpartition(".")
        setattr(modules[parent], last, module)
    for source in ("clr_ref.keras", "tensorflow_addons.optimizers"):
        for name in ARGUMENTS:
            setattr(modules[source], name, recorder(name, source.split(".")[0]))
    optimizers = modules["tensorflow_addons.optimizers"]
    for name in ARGUMENTS:
        setattr(modules["tensorflow_addons.optimizers.cyclical_learning_rate"], name, getattr(optimizers, name))
    for name in ("AdamW", "LazyAdam"):
        setattr(optimizers, name, recorder(name, "tensorflow_addons"))
    modules["tensorflow_addons.losses"].__dict__["GIoULoss"] = recorder("GIoULoss", "tensorflow_addons")
    return modules
