"""Find the function that the command line names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from clr_ref._inputs import shown
from clr_ref.conformance import words
from clr_ref.conformance.protocol import Make

ACCEPTED = "package.module:make or path/to/file.py:make"
#: The arguments that every ``make`` takes; a function without exp_range needs no gamma.
_ARGUMENTS = ("policy",), ("initial_learning_rate", "maximal_learning_rate", "step_size")


class LoadError(ValueError):
    """The name is malformed, or names no function that can be called as needed."""


def load(name: str) -> Make:
    """Returns the ``make`` of an implementation that ``package.module:make`` or ``path/to/file.py:make`` names.

    Raises:
        LoadError: as for ``load_function``.
    """
    found = load_function(name, *_ARGUMENTS)
    return cast(Make, found)


def load_function(name: str, positional: tuple[str, ...] = (), keywords: tuple[str, ...] = ()) -> Any:
    """Returns the function that ``package.module:make`` or ``path/to/file.py:make`` names; imports its module.

    Modules are also found in the current folder, and a file can import its neighbours, as a script can.

    Args:
        name: the module or file, and the function in it.
        positional: the names of the positional arguments with which the function must be callable; it is not called.
        keywords: the names of the keyword arguments, likewise.

    Raises:
        LoadError: there is no such module, file or function, the import fails, or the function does not take these arguments.
            The message names what was given, what is wrong and what is accepted.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise LoadError(f"{shown(name)} names no function; give {ACCEPTED}")
    module = _guarded(name, lambda: _from_file(place) if _is_file(place) else _from_module(place))
    found = _guarded(name, lambda: _attribute(module, place, attribute))
    if not callable(found):
        raise LoadError(f"{shown(name)} is no function, but of type {type(found).__name__}; give {ACCEPTED}")
    try:
        signature = inspect.signature(found)
    except Exception:  # some functions in C have none, and a user's object can raise anything
        return found
    try:
        signature.bind(*positional, **dict.fromkeys(keywords))
    except TypeError as error:
        call = f"{attribute}({', '.join([*positional, *(f'{keyword}=...' for keyword in keywords)])})"
        raise LoadError(f"{shown(name)} cannot be called as {call}: {error}") from None
    return found


def described(error: BaseException, name: str) -> str:
    """Returns type and message of an error in a user's code, and the last line in its folder which led to it.

    Args:
        error: the error.
        name: what the user gave to ``load_function``.
    """
    return _located(error, _own(_frames(error), name)[::-1])


def _located(error: BaseException, frames: list[traceback.FrameSummary]) -> str:
    """Returns the error with the place of the first of the frames."""
    text = words.of_error(error, whole=True)
    if frames and not isinstance(error, SyntaxError):  # whose message names file and line
        text += f" ({frames[0].filename}, line {frames[0].lineno})"
    return text


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Returns the frames of an error that are neither in clr_ref nor in Python's import system."""
    ours = ("<frozen importlib", importlib.__file__, str(Path(__file__).parents[1]))
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]


def _own(frames: list[traceback.FrameSummary], name: str) -> list[traceback.FrameSummary]:
    """Returns the frames in the folder of a user's file, or in the current folder."""
    place = name.rpartition(":")[0]
    folder = os.path.join(os.path.dirname(os.path.realpath(place)) if _is_file(place) else os.getcwd(), "")
    return [frame for frame in frames if os.path.realpath(frame.filename).startswith(folder)]


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _guarded(name: str, function: Callable[[], Any]) -> Any:
    """Returns what the function returns. A module can raise anything when it is imported, SystemExit too."""
    try:
        return function()
    except (LoadError, KeyboardInterrupt):  # Ctrl-C ends the command
        raise
    except BaseException as error:
        frames = _frames(error)
        text = _located(error, _own(frames, name)[::-1] or frames)  # a module that is installed lies in another folder
        raise LoadError(f"importing {shown(name.rpartition(':')[0])} raised {text}") from error


def _attribute(module: Any, place: str, attribute: str) -> Any:
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise LoadError(f"{shown(place)} has no {shown(attribute)}; give {ACCEPTED}")
        found = getattr(found, part)
    return found


def _from_module(place: str) -> Any:
    if not all(part.isidentifier() for part in place.split(".")):
        raise LoadError(f"{shown(place)} is no absolute name of a module, such as package.module; give {ACCEPTED}")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # the installed script has its own folder there instead
    return importlib.import_module(place)


def _from_file(place: str) -> Any:
    path = Path(place)
    if "\0" in place or not path.is_file():
        wrong = "a folder" if "\0" not in place and path.is_dir() else "no file"
        raise LoadError(f"{shown(place)} is {wrong}; give {ACCEPTED}")
    if path.suffix != ".py":
        raise LoadError(f"{shown(place)} does not end in .py; give {ACCEPTED}")
    specification = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Pickle finds a class through sys.modules; the module can import its neighbours, as a script can.
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))
    specification.loader.exec_module(module)
    return module
