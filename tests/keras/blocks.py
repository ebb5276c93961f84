"""The Python blocks and tables of a page of docs/."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    """The Python blocks of a page, in order."""
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(block: str, page: str, namespace: dict[str, Any]) -> None:
    exec(compile(block, str(DOCS / page), "exec"), namespace)


def tables(page: str, chapter: str) -> list[list[list[str]]]:
    """The cells of each table of a chapter with two or more columns, without the heading."""
    text = (DOCS / page).read_text("utf-8").partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| --- .*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, f"{page} has no table under {chapter}"
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] for table in found]


def rows(page: str, chapter: str) -> dict[str, list[str]]:
    """The rows of the first table of a chapter: the name in the first cell, and the other cells."""
    return {first.partition(",")[0].strip("`"): others for first, *others in tables(page, chapter)[0]}


def definition(page: str, name: str, namespace: dict[str, Any]) -> Any:
    """The class of this name that a block of the page defines, without the rest of the block."""
    for block in blocks(page):
        for node in ast.parse(block).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                run(ast.unparse(node), page, namespace)
                return namespace[name]
    raise KeyError(f"{page} defines no class {name}")
