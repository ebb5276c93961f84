"""Find the ``make`` that somebody names on the command line."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from clr_ref.conformance.protocol import Make


class LoadError(ValueError):
    """The name is not of the right form, or leads to nothing that can be called."""


def load(name: str) -> Make:
    """The function that ``package.module:make`` or ``path/to/file.py:make`` names; the module is imported.

    Raises:
        LoadError: no such module, file or function; or importing it failed, with the reason.
    """
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise LoadError(f"IMPL must be package.module:make or path/to/file.py:make, got {name!r}")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except LoadError:
        raise
    except Exception as error:  # whatever the module does when it is imported
        raise LoadError(f"importing {place} raised {type(error).__name__}: {error}") from error
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise LoadError(f"{place} has no {attribute!r}")
        found = getattr(found, part)
    if not callable(found):
        raise LoadError(f"{name} is a {type(found).__name__}, which cannot be called")
    make: Make = found
    return make


def _from_file(path: Path) -> object:
    if not path.is_file():
        raise LoadError(f"no file {path}")
    specification = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Pickle looks a class up in its module; a neighbour is imported as it would be by a script.
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))
    specification.loader.exec_module(module)
    return module
