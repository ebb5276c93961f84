"""The Keras of this process. Only this module imports it, typed as Any because TensorFlow and Keras have no stubs.

``keras`` is Keras 3 if it is installed, on any of its backends; tf-keras if TF_USE_LEGACY_KERAS is set, which TensorFlow reads
too; otherwise the tf.keras of the installed TensorFlow. It is chosen once, at import, as in TensorFlow. Import this module
only inside modules that need Keras.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
from typing import Any

#: The package under which Keras registers the classes.
PACKAGE = "clr_ref"
#: The lowest Keras 3 that is tested.
LOWEST_KERAS_3 = (3, 8)


def _has_keras_3() -> bool:
    """Return True if Keras 3 is installed.

    Raises:
        ImportError: the installed Keras 3 is too old.
    """
    try:
        found = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        return False
    version = tuple(int(part) for part in found.split(".")[:2])
    if (3, 0) <= version < LOWEST_KERAS_3:
        lowest = ".".join(map(str, LOWEST_KERAS_3))
        raise ImportError(
            f"clr_ref needs Keras {lowest} or later, got Keras {found}: pip install --upgrade 'keras>={lowest}', "
            "or set TF_USE_LEGACY_KERAS=1 to use tf-keras"
        )
    return version >= LOWEST_KERAS_3


#: True for Keras 3, which has backends; earlier versions run on TensorFlow.
IS_KERAS_3 = os.environ.get("TF_USE_LEGACY_KERAS") not in ("1", "true", "True") and _has_keras_3()

try:
    keras: Any = importlib.import_module("keras") if IS_KERAS_3 else importlib.import_module("tensorflow").keras
except ImportError as _error:
    raise ImportError(f"this needs Keras: install tensorflow, or keras with one of its backends ({_error})") from _error

BACKEND: str = keras.backend.backend() if IS_KERAS_3 else "tensorflow"
ON_TENSORFLOW, ON_JAX, ON_TORCH = (name == BACKEND for name in ("tensorflow", "jax", "torch"))


def registered(cls: Any) -> Any:
    """Register a schedule under its own name; before Keras 3 under the bare one too, which TF 2.15 looks up when it loads .h5.

    In Keras 3 the bare one would hide a class of the user with this name, even where the user gives it as a custom object.
    """
    keras.utils.register_keras_serializable(package=PACKAGE)(cls)
    if not IS_KERAS_3:
        keras.utils.get_custom_objects().setdefault(cls.__name__, cls)
    return cls


def as_written(function: Any) -> Any:
    """Return a function that AutoGraph leaves alone: it would find nothing to convert, and fail on what it does not know."""
    return tensorflow().autograph.experimental.do_not_convert(function) if ON_TENSORFLOW else function


def tensorflow() -> Any:
    """Return the module ``tensorflow``, if it is the backend.

    Raises:
        RuntimeError: another backend.
    """
    if not ON_TENSORFLOW:
        raise RuntimeError(f"this needs Keras on TensorFlow, got the backend {BACKEND!r}")
    return importlib.import_module("tensorflow")


def keras_version() -> str:
    """Return the version of Keras; for tf.keras, that of TensorFlow."""
    return str(keras.__version__ if IS_KERAS_3 else tensorflow().__version__)


def tensor(value: Any) -> Any:
    """Return a number, an array or a variable as a tensor of the backend."""
    if not ON_TENSORFLOW:
        return keras.ops.convert_to_tensor(value)
    return tensorflow().convert_to_tensor(value)  # Keras 3 would return its variables, which have no device


def to_numpy(tensor: Any) -> Any:
    """Return a tensor of the backend, or a number, as a NumPy array."""
    return keras.ops.convert_to_numpy(tensor) if IS_KERAS_3 else tensorflow().convert_to_tensor(tensor).numpy()


def outside_of_graphs() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which operations have values also while a function is being compiled."""
    if ON_TENSORFLOW:
        return tensorflow().init_scope()  # type: ignore[no-any-return]
    if ON_JAX:
        return importlib.import_module("jax").ensure_compile_time_eval()  # type: ignore[no-any-return]
    return contextlib.nullcontext()


def is_variable(value: Any) -> bool:
    """Return True if a value can be assigned to."""
    return hasattr(value, "assign")


def is_being_traced(tensor: Any) -> bool:
    """Return True if a tensor has no value yet, since a function is being compiled."""
    if ON_TENSORFLOW:
        return not tensorflow().executing_eagerly()
    return ON_JAX and isinstance(tensor, importlib.import_module("jax").core.Tracer)
