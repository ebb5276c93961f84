"""The functions that return a schedule of each policy."""

from __future__ import annotations

from typing import Any

from clr_ref import policies
from clr_ref._inputs import known_keywords
from clr_ref.schedule import CyclicalLearningRate

__all__ = ["exp_range", "triangular", "triangular2"]


def __dir__() -> list[str]:
    return __all__


@known_keywords
def triangular(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    *,
    step_size_down: float | None = None,
    dtype: Any = "float32",
) -> CyclicalLearningRate:
    """Return a ``triangular`` schedule: all cycles have the same amplitude.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``TriangularCyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peaks; may lie below the initial rate.
        step_size: how many steps the rate rises; any finite number > 0, also a fractional one.
        step_size_down: how many steps the rate falls; None means step_size. A cycle is step_size + step_size_down long.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step sizes are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.triangular(0.001, 0.006, 2000)([0, 2000, 4000, 6000]))
        [0.001 0.006 0.001 0.006]
        >>> print(clr_ref.triangular(0.001, 0.006, 1000, step_size_down=3000)([0, 1000, 2500, 4000]))
        [0.001  0.006  0.0035 0.001 ]
    """
    return CyclicalLearningRate(
        initial_learning_rate,
        maximal_learning_rate,
        step_size,
        policies.Triangular(),
        "cycle",
        dtype,
        step_size_down=step_size_down,
    )


@known_keywords
def triangular2(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    *,
    step_size_down: float | None = None,
    dtype: Any = "float32",
) -> CyclicalLearningRate:
    """Return a ``triangular2`` schedule: the amplitude halves with every cycle.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``Triangular2CyclicalLearningRate``.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the first peak; may lie below the initial rate.
        step_size: how many steps the rate rises; any finite number > 0, also a fractional one.
        step_size_down: how many steps the rate falls; None means step_size. A cycle is step_size + step_size_down long.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step sizes are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.triangular2(0.001, 0.006, 2000)([2000, 6000, 10000]))
        [0.006   0.0035  0.00225]
    """
    return CyclicalLearningRate(
        initial_learning_rate,
        maximal_learning_rate,
        step_size,
        policies.Triangular2(),
        "cycle",
        dtype,
        step_size_down=step_size_down,
    )


@known_keywords
def exp_range(
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float,
    *,
    step_size_down: float | None = None,
    dtype: Any = "float32",
) -> CyclicalLearningRate:
    """Return an ``exp_range`` schedule: the amplitude is multiplied by gamma**step.

    The policy is that of Smith, arXiv 1506.01186, section 3.2, and of TFA's ``ExponentialCyclicalLearningRate``. The step
    counts from the start of training, not from that of the cycle.

    Args:
        initial_learning_rate: the rate at step 0 and at the ends of every cycle; any finite number of the dtype.
        maximal_learning_rate: the rate at the peaks if gamma is 1; may lie below the initial rate.
        step_size: how many steps the rate rises; any finite number > 0, also a fractional one.
        gamma: any finite number > 0. It is rounded once to float64, not to dtype.
        step_size_down: how many steps the rate falls; None means step_size. A cycle is step_size + step_size_down long.
        dtype: ``"float32"`` or ``"float64"``. Bounds and step sizes are rounded to it first, as TensorFlow does.

    Returns:
        The schedule, a ``CyclicalLearningRate``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is outside its range.

    Examples:
        >>> import clr_ref
        >>> print(clr_ref.exp_range(0.001, 0.006, 2000, gamma=0.9999)([2000, 6000, 10000]))
        [0.00509361 0.00374398 0.00283931]
    """
    return CyclicalLearningRate(
        initial_learning_rate,
        maximal_learning_rate,
        step_size,
        policies.ExpRange(gamma),
        "iterations",
        dtype,
        step_size_down=step_size_down,
    )
