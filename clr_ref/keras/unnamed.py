"""Scale functions that have no name, on their way through Keras's configs, pickles and files.

``get_config`` returns such a function itself, as TFA does. Keras's serializers would make a bare name or bytecode of it, from
which nothing finds the function. So they get a text that carries the function: in memory it is found, and a file holds the
text. Keras has no hook that says why it reads a config, so the callers on the stack are read.
"""

from __future__ import annotations

import sys
import uuid
import warnings
from types import FrameType
from typing import Any

from clr_ref import policies
from clr_ref.keras.api import keras

#: The functions of Keras that make data of objects.
_SERIALIZERS = {"serialize_keras_object"}
#: Those that write the result to a file or return it as JSON; the last two only together.
_WRITERS = {"save_model_to_hdf5", "generate_keras_metadata", "_serialize_model_as_json", "_save_model_to_fileobj", "to_json"}
_WRITERS_TOGETHER = {"get_compile_config", "save_model"}
#: Those that make bytes for a copy or a pickle, which this process may read again, as it may read the result of ``to_json``.
_PICKLERS = {"__reduce__", "serialize_model_as_bytecode"}
_KERAS = ("keras", "tf_keras", "tensorflow")
#: The attribute of a schedule that holds the function of which it has warned.
WARNED = "_warned_of"

_PROCESS = uuid.uuid4().hex
_held: dict[str, Any] = {}


class Carried(str):
    """The name of a function, as JSON holds it, together with the function."""

    scale_fn: Any

    def __copy__(self) -> Carried:
        return self

    def __deepcopy__(self, memo: Any) -> Carried:
        return self

    def __reduce__(self) -> Any:  # another process gets the name alone
        return str, (str(self),)


def in_config(scale_fn: Any, schedule: Any) -> Any:
    """Return an unnamed function for a config: itself, or a text that carries it if a serializer of Keras asks.

    Warns:
        UserWarning: Keras writes a file, from which the function cannot be restored; once for each schedule.
    """
    callers = _callers()
    of_keras = [level for level, (module, _) in enumerate(callers) if module.partition(".")[0] in _KERAS]
    names = {callers[level][1] for level in of_keras}
    if not names & _SERIALIZERS:
        return scale_fn
    text = _free_name(scale_fn)
    is_pickled = bool(names & _PICKLERS)
    is_written = not is_pickled and (bool(names & _WRITERS) or names >= _WRITERS_TOGETHER)
    if is_written and schedule.__dict__.get(WARNED) is not scale_fn:  # ModelCheckpoint would warn in every epoch
        schedule.__dict__[WARNED] = scale_fn
        warnings.warn(
            f"scale_fn {scale_fn!r} has no name, so Keras saves only the text {text!r} for it. To load the model with its "
            f"optimizer, first call clr_ref.register_scale_fn({text!r}, scale_fn), or load it with compile=False",
            stacklevel=of_keras[-1] + 3,  # the line of the user that called Keras
        )
    return _carrying(_hold(text, scale_fn) if is_pickled or "to_json" in names else text, scale_fn)


def found(data: str) -> Any:
    """Return the function that a text carries, or that this process holds for a pickle; None if there is none."""
    return data.scale_fn if isinstance(data, Carried) else _held.get(data)


def name_in(text: str) -> str:
    """Return the name in a text that ``in_config`` made."""
    return text.partition(" of process ")[0]


def _callers() -> list[tuple[str, str]]:
    """Return module and name of each function on the stack, from the caller of ``in_config`` on."""
    callers: list[tuple[str, str]] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        callers.append((str(frame.f_globals.get("__name__", "")), frame.f_code.co_name))
        frame = frame.f_back
    return callers


def _carrying(text: str, scale_fn: Any) -> Carried:
    carried = Carried(text)
    carried.scale_fn = scale_fn
    return carried


def _free_name(scale_fn: Any) -> str:
    """Return the function's bare name, as TFA stored it, or its qualified one if the bare name would find another function."""
    kind = scale_fn if hasattr(scale_fn, "__name__") else type(scale_fn)
    name = str(kind.__name__)
    is_taken = name in policies.names() or keras.utils.get_registered_object(name) is not None
    return f"{kind.__module__}.{getattr(kind, '__qualname__', name)}" if is_taken else name


def _hold(name: str, scale_fn: Any) -> str:
    """Return a text under which this process finds the function again."""
    for text, held in _held.items():
        if held is scale_fn:
            return text
    text = f"{name} of process {_PROCESS}, number {len(_held)}"
    _held[text] = scale_fn
    return text
