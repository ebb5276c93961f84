"""The rooms of the house import one way: from the policies up to the command line, in types too (docs/ARCHITECTURE.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import clr_ref

PACKAGE = Path(clr_ref.__file__).parent
#: From the bottom to the top; "" is ``clr_ref`` itself. A room imports from the lines above its own, and itself.
ROOMS = [
    ["_axes", "_environment", "_files", "_inputs", "_lazy", "pages"],
    ["migrate"],
    ["policies"],
    ["parameters"],
    ["steps"],
    ["exact"],
    ["fast"],
    ["schedule"],
    ["functions"],
    ["compositions"],
    ["tfa"],
    ["tfa_arithmetic"],
    [""],
    ["tensors", "compare"],
    ["keras"],
    ["keras_2", "golden"],
    ["training", "verify"],
    ["range_test", "trace"],
    ["conformance"],
    ["study"],
    ["bench"],
    ["plot"],
    ["cli"],
    ["__main__"],
]
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below ``clr_ref``."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> set[str]:
    """The rooms that a file imports: at its top, in functions, and for types alone."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "clr_ref":
            names |= {f"clr_ref.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    rooms = [name.split(".")[1:2] for name in names if name.split(".")[0] == "clr_ref"]
    # ``from clr_ref import triangular`` names no room: it is ``clr_ref`` itself that is imported.
    return {room[0] if room and room[0] in RANK else "" for room in rooms}


def room_of(module: str) -> str:
    """The room of a module; every ``__main__`` is a command line."""
    return "__main__" if module.endswith("__main__") else module.split(".")[0]


def test_every_room_has_its_place() -> None:
    assert {room_of(module) for module in modules()} == set(RANK)


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_point_downwards(module: str) -> None:
    room = room_of(module)
    wrong = {other for other in imported(modules()[module]) if other != room and RANK[other] >= RANK[room]}
    assert not wrong, f"clr_ref.{module} imports from {', '.join(sorted(wrong))}, which does not stand below it in ROOMS"


def test_at_most_fourteen_modules_stand_at_the_top() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(files) <= 14, sorted(files)


#: A log that grows while a model trains.
NOT_FROZEN = {"training.log.Log"}


#: Their fields may hold arrays, and are not annotated as such.
HOLD_ARRAYS = {"training.samples.Samples", "training.made.Made"}


def dataclasses() -> Iterator[tuple[str, str, str]]:
    """The full name of each dataclass, its decorator, and the annotations of its fields."""
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for decorator in map(ast.unparse, node.decorator_list if isinstance(node, ast.ClassDef) else []):
                if "dataclass(" in decorator or decorator.endswith("dataclass"):
                    fields = [ast.unparse(part.annotation) for part in node.body if isinstance(part, ast.AnnAssign)]
                    yield f"{module}.{node.name}", decorator, " ".join(fields)


def test_dataclasses_are_frozen() -> None:
    """What is computed once can then be shared, also between threads."""
    found = list(dataclasses())
    assert {name for name, decorator, _ in found if "frozen=True" not in decorator} == NOT_FROZEN
    rooms = {name.rpartition(".")[0] for name, *_ in found}
    assert {"compare", "verify", "golden.accept", "golden.measured", "golden.model"} <= rooms


def test_what_holds_arrays_is_compared_by_identity() -> None:
    """NumPy compares arrays element by element, so that ``==`` of two such objects would be an error."""
    by_value = {name: fields for name, decorator, fields in dataclasses() if "eq=False" not in decorator}
    assert {name for name, fields in by_value.items() if "NDArray" in fields or name in HOLD_ARRAYS} == set()
