"""Checks that the built site documents every public name; with ``mkdocs build --strict``, each warning fails the build."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import griffe

log = logging.getLogger("mkdocs.hooks.public_names")
package: Any = None
documented: set[str] = set()


def on_pre_build(**_: Any) -> None:
    """Read the sources anew, since ``mkdocs serve`` builds more than once."""
    global package
    package = griffe.load("clr_ref", search_paths=["."], allow_inspection=False)
    documented.clear()


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> None:
    """Warn about each documented name, or public member of one, that has no docstring."""
    names = re.findall(r"^::: (\S+)", markdown, re.MULTILINE)
    documented.update(names)
    for name in names:
        for found in _with_members(package[name.partition(".")[2]]):
            if not found.has_docstring:
                log.warning("%s: the public name %s has no docstring", page.file.src_path, found.path)


def on_env(env: Any, **_: Any) -> None:
    """Warn about each name of ``clr_ref.__all__`` that no page documents."""
    for name in package.exports:
        if not any(f"{page}.".startswith(f"clr_ref.{name}.") for page in documented):
            log.warning("the public name clr_ref.%s is on no page: add a line '::: clr_ref.%s' below docs/api/", name, name)


def _with_members(found: Any) -> Iterator[Any]:
    yield found
    if found.is_class:
        for name, member in found.members.items():
            if (member.is_function or "property" in member.labels) and (not name.startswith("_") or name == "__call__"):
                yield member
