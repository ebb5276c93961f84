"""The convolutional network of TFA's tutorial, with initial weights that do not depend on the version of Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The shapes of ``model.get_weights()``: kernel and bias of two convolutions and two dense layers.
SHAPES: tuple[tuple[int, ...], ...] = ((5, 5, 1, 16), (16,), (5, 5, 16, 32), (32,), (32, 128), (128,), (128, 10), (10,))


def build(weights: Sequence[Any] | None = None, *, dropout: bool = True) -> Any:
    """The network, not compiled. It maps (n, 28, 28, 1) pixels 0 to 255 of any dtype to (n, 10) probabilities.

    Args:
        weights: arrays of the shapes SHAPES; by default Keras draws them.
        dropout: False leaves out the SpatialDropout2D, which has no weights.

    Raises:
        ValueError: the weights have other shapes.
    """
    from clr_ref.keras.api import keras

    layers = keras.layers
    stack = [
        keras.Input((28, 28, 1)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 5, activation="relu"),
        layers.MaxPooling2D(2),
        *([layers.SpatialDropout2D(0.2)] if dropout else []),
        layers.GlobalAveragePooling2D(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential(stack)
    if weights is not None:
        model.set_weights(checked_weights(weights))
    return model


def checked_weights(weights: Sequence[Any]) -> list[NDArray[np.float32]]:
    """The weights as float32 arrays.

    Raises:
        ValueError: they do not have the shapes SHAPES.
    """
    arrays = [np.asarray(one, np.float32) for one in weights]
    if (found := tuple(one.shape for one in arrays)) != SHAPES:
        raise ValueError(f"weights must be arrays of the shapes {SHAPES}, got {found}")
    return arrays


def initial_weights(seed: int) -> list[NDArray[np.float32]]:
    """The weights before the first step: kernels are Glorot-uniform, as by default in Keras, and biases are zero.

    The same seed gives the same bits on every version of NumPy. They are made of the raw stream of a bit generator, which NumPy
    promises not to change; it does not promise this for its distributions (NEP 19).

    Raises:
        ValueError: not 0 <= seed < 2**32.
    """
    generator = np.random.PCG64(np.random.SeedSequence([checked_seed(seed), 0]))
    weights: list[NDArray[np.float32]] = []
    for shape in SHAPES:
        if len(shape) == 1:
            weights.append(np.zeros(shape, np.float32))
            continue
        # Glorot and Bengio 2010, equation 16. The fans of a convolution count each position of its window.
        limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        uniform = (generator.random_raw(math.prod(shape)) >> np.uint64(11)) * 2.0**-53  # [0, 1), the 53 bits of a float64
        weights.append(((2 * uniform - 1) * limit).astype(np.float32).reshape(shape))
    return weights


def checked_seed(seed: int) -> int:
    """The seed as an int. TensorFlow accepts no others.

    Raises:
        ValueError: not 0 <= seed < 2**32.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number 0 .. 2**32-1, got {seed!r}")
    return int(seed)
