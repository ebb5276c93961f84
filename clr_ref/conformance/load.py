"""Find the function that the command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, cast

from clr_ref.conformance.protocol import Make


class LoadError(ValueError):
    """The name is malformed, or names no function."""


def load(name: str) -> Make:
    """Returns the function that ``package.module:make`` or ``path/to/file.py:make`` names; imports its module.

    Raises:
        LoadError: there is no such module, file or function, or the import fails; the message says why.
    """
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise LoadError(f"IMPL must be package.module:make or path/to/file.py:make, got {name!r}")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except LoadError:
        raise
    except Exception as error:  # a module can raise anything when it is imported
        raise LoadError(f"importing {place} raised {type(error).__name__}: {error}") from error
    make: Any = module
    for part in attribute.split("."):
        if not hasattr(make, part):
            raise LoadError(f"{place} has no {attribute!r}")
        make = getattr(make, part)
    if not callable(make):
        raise LoadError(f"{name} is a {type(make).__name__}, which cannot be called")
    return cast(Make, make)


def _from_file(path: Path) -> object:
    if not path.is_file():
        raise LoadError(f"no file {path}")
    specification = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Pickle finds a class through sys.modules; the module can import its neighbours, as a script can.
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))
    specification.loader.exec_module(module)
    return module
