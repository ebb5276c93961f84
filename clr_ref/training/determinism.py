"""Settings that make training on TensorFlow repeat bit for bit.

- Threads: a sum is cut into as many parts as there are threads, so another number of threads changes the result.
- Deterministic ops, and seeds of Python, NumPy and TensorFlow.
- oneDNN, which TensorFlow uses on x86 since 2.9, is off unless chosen: with it the bits change from release to release.
- Random state: by default tf.keras draws dropout masks from counters inside kernels, which cannot be saved. Its other generator
  keeps its state in a variable.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from typing import Any

from clr_ref.training.layers import layer_names
from clr_ref.training.model import checked_seed

__all__ = ["Settings", "TooLateError", "prepare", "seed_everything"]


def __dir__() -> list[str]:
    return __all__


class TooLateError(RuntimeError):
    """TensorFlow has already started with other settings, and can no longer change them."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of this process that change the bits of a run."""

    intra_op_threads: int
    inter_op_threads: int
    op_determinism: bool
    onednn: bool


#: What ``prepare`` chose in this process, or will choose: threads within an op, ops at the same time, oneDNN.
_chosen = (2, 1, False)


def prepare(
    *, intra_op_threads: int | None = None, inter_op_threads: int | None = None, onednn: bool | None = None
) -> Settings:
    """Make this process deterministic until it ends, and return the settings.

    It may be called again, and ``experiment.run`` does so: what is left out stays as an earlier call chose it.

    Call it before TensorFlow is imported. Later it works only if TF_ENABLE_ONEDNN_OPTS=0 (with oneDNN: 1) was in the
    environment when TensorFlow was imported, and nothing has run.

    Args:
        intra_op_threads: threads within an op, 2 by default on any machine, since their number changes the bits.
        inter_op_threads: the number of ops that run at the same time, 1 by default.
        onednn: whether TensorFlow computes with oneDNN, False by default.

    Raises:
        TooLateError: TensorFlow was imported with another choice of oneDNN, or has run with another number of threads.
        TypeError: onednn is not True or False.
        ValueError: a number of threads is not a whole number >= 1.
        RuntimeError: the backend of Keras is not TensorFlow.
    """
    global _chosen
    intra, inter, with_onednn = _chosen
    intra_op_threads = _threads("intra_op_threads", intra if intra_op_threads is None else intra_op_threads)
    inter_op_threads = _threads("inter_op_threads", inter if inter_op_threads is None else inter_op_threads)
    onednn = with_onednn if onednn is None else onednn
    if not isinstance(onednn, bool):
        raise TypeError(f"onednn must be True or False, got {onednn!r} of type {type(onednn).__name__}")
    switch = "1" if onednn else "0"
    if "tensorflow" in sys.modules and not _was_imported_with(switch):
        raise TooLateError(
            f"TensorFlow is already imported, {'without oneDNN, or has none' if onednn else 'with oneDNN'}: start Python "
            f"anew, and call clr_ref.training.determinism.prepare() or set TF_ENABLE_ONEDNN_OPTS={switch} before the import"
        )
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = switch
    from clr_ref.keras import api

    tf = api.tensorflow()
    threading = tf.config.threading
    threads = (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
    if threads != (intra_op_threads, inter_op_threads):
        try:
            threading.set_intra_op_parallelism_threads(intra_op_threads)
            threading.set_inter_op_parallelism_threads(inter_op_threads)
        except RuntimeError:
            raise TooLateError(
                f"TensorFlow already runs with {threads[0]} threads within and {threads[1]} between ops (0: its own choice), "
                f"not {intra_op_threads} and {inter_op_threads}: call clr_ref.training.determinism.prepare() before anything "
                "that runs TensorFlow"
            ) from None
    enable = getattr(tf.config.experimental, "enable_op_determinism", None)
    if enable is not None:
        enable()
    if not api.IS_KERAS_3:
        api.keras.backend.experimental.enable_tf_random_generator()
    _chosen = intra_op_threads, inter_op_threads, onednn
    return Settings(intra_op_threads, inter_op_threads, enable is not None, onednn)


def _was_imported_with(switch: str) -> bool:
    """Whether the imported TensorFlow computes as with this value of TF_ENABLE_ONEDNN_OPTS, which it read at the import."""
    release = tuple(map(int, sys.modules["tensorflow"].__version__.split(".")[:2]))
    if release < (2, 19):  # IsMklEnabled would read the environment only now
        return os.environ.get("TF_ENABLE_ONEDNN_OPTS") == switch
    built = importlib.import_module("tensorflow.python.util._pywrap_util_port")
    return bool(built.IsMklEnabled()) == (switch == "1")


def _threads(name: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")
    return number


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, so that models that are built in the same way draw the same numbers.

    Raises:
        ValueError: not 0 <= seed < 2**32.
    """
    from clr_ref.keras.api import keras

    keras.utils.set_random_seed(checked_seed(seed))


def start_generators(model: Any) -> None:
    """Make the generators that recurrent layers of TensorFlow 2.8 make at their first use, in the order of the layers.

    Otherwise their seeds would depend on what happens before: a checkpoint or a trace looks for them earlier than a plain run.
    """
    for layer in model._flatten_layers():
        random: Any = getattr(layer, "_random_generator", None)
        if hasattr(random, "_maybe_init"):
            random._maybe_init()


def random_states(model: Any) -> list[Any]:
    """The variables that hold the state of a model's random layers, in the order of the layers.

    Raises:
        RuntimeError: as for ``named_random_states``.
    """
    return [state for _, state in named_random_states(model)]


def named_random_states(model: Any) -> list[tuple[str, Any]]:
    """The name of each random layer of a model with a variable that holds its state, in the order of the layers.

    Raises:
        RuntimeError: a random layer keeps its state where it cannot be saved, because it was built before ``prepare`` was
            called.
    """
    from clr_ref.keras import api

    states, names = [], layer_names(model)
    for layer in model._flatten_layers():  # also those inside other layers
        name = names[id(layer)]
        if api.IS_KERAS_3:
            states += [(name, generator.state) for generator in layer._seed_generators]
        elif (random := getattr(layer, "_random_generator", None)) is not None:  # tf.keras, which has no public name for it
            if random._generator is None:
                raise RuntimeError(f"{name} was built before clr_ref.training.determinism.prepare() was called")
            states.append((name, random._generator.state))
    return states
