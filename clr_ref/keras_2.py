"""Loading of optimizers that tf.keras up to TF 2.15 saved, with their schedule and their state, in Keras 3.

Keras 3 reads the weights of such files, but not the optimizers of TF 2.11 to 2.15: it does not accept ``jit_compile`` and
``is_legacy_optimizer`` in their configs. tf-keras loads such files itself (docs/MIGRATING.md).
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import clr_ref.keras  # noqa: F401  (the schedules are registered there)
from clr_ref._inputs import shown
from clr_ref.keras import api, optimizers
from clr_ref.keras.api import keras

__all__ = ["load_optimizer", "optimizer_from_config"]


def __dir__() -> list[str]:
    return __all__


#: The slots of the optimizers up to TF 2.10, in the order of Keras 3: those of one group stand together, variable by variable.
_SLOTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "SGD": (("momentum",),),
    "Adam": (("m", "v"), ("vhat",)),
    "Adamax": (("m", "v"),),
    "RMSprop": (("rms",), ("momentum",), ("mg",)),
    "Adagrad": (("accumulator",),),
    "Adadelta": (("accum_grad", "accum_var"),),
    "Ftrl": (("accumulator", "linear"),),
}
#: Arguments that Keras 3 has dropped. Only the optimizers up to TF 2.10, later ``keras.optimizers.legacy``, have a decay.
_GONE = ("jit_compile", "is_legacy_optimizer", "decay")


def optimizer_from_config(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the optimizer of a config that ``tf.keras.optimizers.serialize`` wrote on TF 2.8 to 2.15.

    Args:
        config: a dict with ``class_name`` and ``config``; it may have been stored as JSON.
        custom_objects: scale functions by their names, as for ``keras.models.load_model``.

    Returns:
        A Keras optimizer without state.

    Raises:
        TypeError: custom_objects is no dict.
        ValueError: not an optimizer's config; a class that Keras does not have; a decay, which Keras 3 has dropped.

    Examples:
        >>> from clr_ref.keras_2 import optimizer_from_config
        >>> config = {"class_name": "SGD", "config": {"learning_rate": 0.5, "jit_compile": False, "is_legacy_optimizer": False}}
        >>> float(optimizer_from_config(config).learning_rate)
        0.5
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("config"), Mapping):
        raise ValueError(f"config must be a dict with 'class_name' and 'config', got {shown(config)}")
    _check_custom_objects(custom_objects)
    name = str(config.get("class_name")).rpartition(">")[2]
    module = keras.optimizers
    if not api.IS_KERAS_3 and "decay" in config["config"]:
        module = getattr(module, "legacy", module)
    kind: Any = getattr(module, name, None)
    if not hasattr(kind, "from_config"):
        raise ValueError(f"config must be that of one of Keras's optimizers, got the class {name!r}")
    arguments = dict(config["config"])
    if api.IS_KERAS_3:
        if arguments.get("decay"):
            raise ValueError(f"decay must be 0, got {arguments['decay']!r}: Keras 3 has none")
        arguments = {key: value for key, value in arguments.items() if key not in _GONE}
    with keras.utils.custom_object_scope(dict(custom_objects or {})):
        try:
            return kind.from_config(arguments)
        except ValueError:
            raise
        except Exception as error:  # Keras raises anything for a config that it did not write
            raise ValueError(
                f"config must be that of a {name} that tf.keras wrote, got {shown(config)}: {_why(error)}"
            ) from error


def load_optimizer(path: str | os.PathLike[str], model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the optimizer, with its state, of a model that ``tf.keras`` saved as ``.keras`` or ``.h5``.

    ``iterations`` and momentums have the saved values. A ``.keras`` of TF 2.13 to 2.15 has no state of the optimizers in
    ``keras.optimizers.legacy``: they start from step 0, also when Keras loads them itself. tf.keras does not store Nadam's
    product of momentums, which starts anew.

    Args:
        path: the file. The config of the optimizer cannot be read from a SavedModel folder: use tf-keras for one.
        model: the model with the weights of the file.
        custom_objects: scale functions by their names, as for ``optimizer_from_config``.

    Returns:
        A Keras optimizer that is built for ``model``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: no such file, or a damaged one; saved without an optimizer; the state does not fit the model; as for
            ``optimizer_from_config``.

    Examples:
        >>> from clr_ref.keras_2 import load_optimizer
        >>> model = keras.models.load_model("old.h5", compile=False)
        >>> model.compile(optimizer=load_optimizer("old.h5", model), loss="mse")
        >>> type(model.optimizer).__name__
        'SGD'
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a str or an os.PathLike, got {shown(path)} of type {type(path).__name__}")
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model, got {shown(model)} of type {type(model).__name__}")
    _check_custom_objects(custom_objects)
    try:
        config, state = _read(path)
    except ValueError as error:
        if str(error).startswith("path must be"):
            raise
        raise _damaged(path, error) from error
    except Exception as error:  # zipfile, json and h5py raise anything for a damaged file
        raise _damaged(path, error) from error
    optimizer = optimizer_from_config(config, custom_objects)
    optimizers.build(optimizer, model.trainable_variables)
    if state:
        is_legacy = api.IS_KERAS_3 and "decay" in config["config"]
        _restore(optimizer, _in_order(type(optimizer).__name__, state, path) if is_legacy else [*state.values()], path)
    return optimizer


def _check_custom_objects(custom_objects: Any) -> None:
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise TypeError(f"custom_objects must be a dict, got {shown(custom_objects)} of type {type(custom_objects).__name__}")


def _damaged(path: Any, error: Exception) -> ValueError:
    return ValueError(f"path must be an intact .keras or .h5 file of tf.keras, got {os.fspath(path)!r}: {_why(error)}")


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {shown(str(error))}"


def _read(path: Any) -> tuple[Any, dict[str, Any]]:
    """Return the optimizer's config and its variables by their names, in the order of the file."""
    import h5py

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            training = json.loads(archive.read("config.json")).get("compile_config")
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
                found = file.get("optimizer/vars", {})
                state = {str(number): found[str(number)][()] for number in range(len(found))}
        return _config(path, training, "optimizer"), state
    if not os.path.isfile(path) or not h5py.is_hdf5(path):
        raise ValueError(f"path must be a .keras or .h5 file of tf.keras, got {os.fspath(path)!r}")
    with h5py.File(path) as file:
        training = json.loads(file.attrs["training_config"]) if "training_config" in file.attrs else None
        group = file.get("optimizer_weights")
        names = [] if group is None else [os.fsdecode(name) for name in group.attrs["weight_names"]]
        state = {name: group[name][()] for name in names}
    return _config(path, training, "optimizer_config"), state


def _config(path: Any, training: Any, key: str) -> Any:
    if not isinstance(training, Mapping) or not training.get(key):
        raise ValueError(f"path must be a model that was saved with its optimizer, got {os.fspath(path)!r}, which has none")
    return training[key]


def _in_order(kind: str, state: Mapping[str, Any], path: Any) -> list[Any]:
    """Return the counter and the slots of an optimizer up to TF 2.10 in the order of Keras 3.

    A slot has a name such as ``Adam/dense/kernel/vhat:0``, and its variables stand in the order of the model.

    Raises:
        ValueError: the optimizer has slots that are not known.
    """
    (counter, *_), slots = state.values(), dict[str, list[Any]]()
    for name, value in list(state.items())[1:]:
        slots.setdefault(name.rpartition("/")[2].partition(":")[0], []).append(value)
    groups = _SLOTS.get(kind, ())
    if unknown := slots.keys() - {name for group in groups for name in group}:
        raise ValueError(
            f"path must hold an optimizer whose state is known: {', '.join(sorted(_SLOTS))}; "
            f"got {kind} with {', '.join(sorted(unknown))} in {os.fspath(path)!r}"
        )
    if len({len(values) for values in slots.values()}) > 1:
        raise ValueError(f"path must hold every slot of every variable, got {', '.join(state)} in {os.fspath(path)!r}")
    values = [counter]
    for group in groups:
        for of_variable in zip(*(slots[name] for name in group if name in slots), strict=True):
            values += of_variable
    return values


def _restore(optimizer: Any, state: list[Any], path: Any) -> None:
    listed = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    # No file has these variables: a constant rate stands in the config, and tf.keras loses Nadam's product of momentums.
    lacking = [getattr(optimizer, name, None) for name in ("_learning_rate", "_u_product")]
    held = [variable for variable in listed if not any(variable is one for one in lacking)]
    if [tuple(v.shape) for v in held[: len(state)]] != [tuple(v.shape) for v in state] or len(held) < len(state):
        raise ValueError(
            f"model must have the variables that {os.fspath(path)!r} was trained with: the file holds the shapes "
            f"{[tuple(v.shape) for v in state]}, this optimizer {[tuple(v.shape) for v in held]}"
        )
    for variable, value in zip(held, state, strict=False):
        if value.dtype.kind not in "iufb":
            raise ValueError(f"path must hold numbers as the state of the optimizer, got {value.dtype} in {os.fspath(path)!r}")
        variable.assign(value)
