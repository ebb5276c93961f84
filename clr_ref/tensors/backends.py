"""The operations of NumPy, TensorFlow, JAX and torch that the formula calls, except Python's operators."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ops:
    """The operations that the formula calls in an array library. ``width`` is the number of bits of its widest numbers."""

    width: int
    dtype_of: Callable[[Any], str]  # the name of the dtype in NumPy
    integers: Callable[[Any], Any]  # numbers of any dtype as integers of ``width``, without their fractions
    floats: Callable[[Any], Any]  # integers as floats of ``width``
    from_bits: Callable[[Any], Any]  # the floats whose bits are the integers
    to_bits: Callable[[Any], Any]  # the inverse of ``from_bits``
    top_half: Callable[[Any], Any] | None  # float32 with the lower 12 bits of the significand 0; None if width is 64
    minimum: Callable[[Any, int], Any]
    maximum: Callable[[Any, float], Any]
    is_nan: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    lookup: Callable[[Any, Any], Any]  # NumPy table, integer tensor
    cast: Callable[[Any, str], Any]  # to the dtype of that name
    constant: Callable[[Any, Any], Any]  # a Python number of the dtype of a tensor
    # What Python's operators do, except on TensorFlow:
    left_shift: Callable[[Any, Any], Any] = lambda x, bits: x << bits  # of integers
    right_shift: Callable[[Any, Any], Any] = lambda x, bits: x >> bits  # of integers; negative ones are filled with ones
    low_bits: Callable[[Any, int], Any] = lambda x, bits: x & ((1 << bits) - 1)  # of an integer
    call: Callable[[Callable[[Any], Any], Any], Any] = lambda function, argument: function(argument)  # a function of the user


def numpy_ops() -> Ops:
    """Return the operations of NumPy."""
    return Ops(
        width=64,
        dtype_of=lambda x: np.asarray(x).dtype.name,
        integers=lambda x: np.asarray(x).astype(np.int64),
        floats=lambda x: x.astype(np.float64),
        from_bits=lambda x: np.asarray(x).view(np.float64),
        to_bits=lambda x: np.asarray(x).view(np.int64),
        top_half=None,
        minimum=np.minimum,
        maximum=np.maximum,
        is_nan=np.isnan,
        where=np.where,
        lookup=lambda table, index: table[index],
        cast=lambda x, dtype: np.asarray(x).astype(dtype),
        constant=lambda x, like: np.asarray(x, like.dtype),
    )


def tensorflow_ops() -> Ops:
    """Return the operations of TensorFlow."""
    import tensorflow as tf

    return Ops(
        width=64,
        dtype_of=lambda x: str(x.dtype.name),
        integers=lambda x: tf.cast(x, tf.int64),
        floats=lambda x: tf.cast(x, tf.float64),
        left_shift=tf.bitwise.left_shift,
        right_shift=lambda x, bits: tf.bitwise.right_shift(x, tf.cast(bits, tf.int64)),
        low_bits=lambda x, bits: tf.bitwise.bitwise_and(x, tf.constant((1 << bits) - 1, tf.int64)),
        from_bits=lambda x: tf.bitcast(x, tf.float64),
        to_bits=lambda x: tf.bitcast(x, tf.int64),
        top_half=None,
        minimum=tf.minimum,
        maximum=tf.maximum,
        is_nan=tf.math.is_nan,
        where=tf.where,
        lookup=lambda table, index: tf.gather(tf.constant(table), index),
        cast=tf.cast,
        # A NumPy number: TensorFlow caches Python's, and would return the -0.0 that was made before as 0.0.
        constant=lambda x, like: tf.constant(np.array(x, like.dtype.as_numpy_dtype)),
        call=_call_in_graph,
    )


def _call_in_graph(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call a function of the user. One with a Python ``if`` needs AutoGraph, which Keras does not apply to schedules."""
    import tensorflow as tf

    try:
        return function(argument)
    except TypeError as error:
        if type(error).__name__ != "OperatorNotAllowedInGraphError":  # tf.errors has it from 2.9 on
            raise
        return tf.function(function)(argument)


def jax_ops() -> Ops:
    """JAX's, with 32 bits unless x64 is enabled."""
    import jax
    import jax.numpy as jnp

    wide = bool(jax.config.jax_enable_x64)
    integer, real = (jnp.int64, jnp.float64) if wide else (jnp.int32, jnp.float32)
    return Ops(
        width=64 if wide else 32,
        dtype_of=lambda x: str(x.dtype.name),
        integers=lambda x: jnp.asarray(x).astype(integer),
        floats=lambda x: x.astype(real),
        from_bits=lambda x: jax.lax.bitcast_convert_type(x, real),
        to_bits=lambda x: jax.lax.bitcast_convert_type(x, integer),
        top_half=None
        if wide
        else lambda x: jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(x, jnp.int32) & ~0xFFF, jnp.float32),
        minimum=jnp.minimum,
        maximum=jnp.maximum,
        is_nan=jnp.isnan,
        where=jnp.where,
        lookup=lambda table, index: jnp.asarray(table.astype(real))[index],
        cast=lambda x, dtype: x.astype(dtype),
        constant=lambda x, like: jnp.asarray(x, like.dtype),
    )


def torch_ops() -> Ops:
    """Return the operations of torch."""
    import torch

    return Ops(
        width=64,
        dtype_of=lambda x: str(x.dtype).removeprefix("torch."),
        integers=lambda x: x.to(torch.int64),
        floats=lambda x: x.to(torch.float64),
        from_bits=lambda x: x.view(torch.float64),
        to_bits=lambda x: x.view(torch.int64),
        top_half=None,
        minimum=lambda x, bound: x.clamp(max=bound),
        maximum=lambda x, bound: x.clamp(min=bound),
        is_nan=torch.isnan,
        where=torch.where,
        lookup=lambda table, index: torch.from_numpy(table).to(index.device)[index],
        cast=lambda x, dtype: x.to(getattr(torch, dtype)),
        constant=lambda x, like: torch.tensor(x, dtype=like.dtype, device=like.device),
    )


#: The operations of each backend of Keras.
OPS: dict[str, Callable[[], Ops]] = {
    "numpy": numpy_ops,
    "tensorflow": tensorflow_ops,
    "jax": jax_ops,
    "torch": torch_ops,
}
