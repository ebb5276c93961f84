"""What makes training on TensorFlow repeat bit for bit: pinned threads, deterministic ops, seeds, random state that is kept.

Threads: a sum is cut into as many parts as there are threads, so their number is part of the result. oneDNN, which TensorFlow
uses on x86 since 2.9, gives other bits with every release; without it TensorFlow 2.8 to 2.21 agree. Random state: by default
tf.keras draws dropout masks from counters inside kernels, which nothing can save; its other generator keeps a variable.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Any

from clr_ref.training.model import checked_seed


class TooLateError(RuntimeError):
    """TensorFlow has already started with other settings, and does not change them any more."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What of this process decides the bits of a run, as far as it can be chosen."""

    intra_op_threads: int
    inter_op_threads: int
    op_determinism: bool
    onednn: bool


def prepare(*, intra_op_threads: int = 2, inter_op_threads: int = 1) -> Settings:
    """Make this process deterministic, for good. Call it before TensorFlow is imported; calling it again is harmless.

    TensorFlow may be there already where it has not run anything, and the environment had TF_ENABLE_ONEDNN_OPTS=0.

    Args:
        intra_op_threads: threads within an op. The default is no matter of the machine's cores: another number, other bits.
        inter_op_threads: ops that run at once.

    Raises:
        TooLateError: TensorFlow is there already with oneDNN, or has run with other threads.
        ValueError: a number of threads that is not at least 1.
        RuntimeError: Keras runs on another backend than TensorFlow.
    """
    for name, number in (("intra_op_threads", intra_op_threads), ("inter_op_threads", inter_op_threads)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0":
        if "tensorflow" in sys.modules:
            raise TooLateError(
                "TensorFlow is already imported, with oneDNN: call clr_ref.training.determinism.prepare() before, or set "
                "TF_ENABLE_ONEDNN_OPTS=0 in the environment"
            )
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    from clr_ref import _keras_api

    tf = _keras_api.tensorflow()
    threading = tf.config.threading
    found = (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
    if found != (intra_op_threads, inter_op_threads):
        try:
            threading.set_intra_op_parallelism_threads(intra_op_threads)
            threading.set_inter_op_parallelism_threads(inter_op_threads)
        except RuntimeError:
            raise TooLateError(
                f"TensorFlow already runs with {found[0]} threads within and {found[1]} between ops (0: as it likes): call "
                "clr_ref.training.determinism.prepare() before anything that runs TensorFlow"
            ) from None
    enable = getattr(tf.config.experimental, "enable_op_determinism", None)
    if enable is not None:
        enable()
    if not _keras_api.IS_KERAS_3:
        _keras_api.keras.backend.experimental.enable_tf_random_generator()
    return Settings(intra_op_threads, inter_op_threads, enable is not None, onednn=False)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow. Models built after this with the same calls draw the same numbers.

    Raises:
        ValueError: not 0 <= seed < 2**32.
    """
    from clr_ref._keras_api import keras

    keras.utils.set_random_seed(checked_seed(seed))


def random_states(model: Any) -> list[Any]:
    """The variables that hold the state of a model's random layers, in the order of the layers.

    Raises:
        RuntimeError: a random layer keeps its state where it cannot be saved, since ``prepare`` was not called before it was
            built.
    """
    found = []
    for layer in model.layers:
        if getattr(layer, "seed_generator", None) is not None:  # Keras 3
            found.append(layer.seed_generator.state)
        elif (random := getattr(layer, "_random_generator", None)) is not None:  # tf.keras; there is no public name
            if random._generator is None:
                raise RuntimeError(f"{layer.name} was built before clr_ref.training.determinism.prepare() was called")
            found.append(random._generator.state)
    return found
