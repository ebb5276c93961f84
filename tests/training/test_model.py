"""Initial weights are NumPy's alone; the network is the tutorial's (in tests/training/test_experiment.py, where Keras is)."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from clr_ref.training import model


def test_the_same_seed_gives_the_same_bits_everywhere() -> None:
    """The digest is of this NumPy and every other: golden training digests stand on it."""
    digest = hashlib.sha256(b"".join(one.astype("<f4").tobytes() for one in model.initial_weights(1))).hexdigest()
    assert digest == "047f1511fb1ae429710c4ebcb50cdf4a41d12672d47c83deb5da5de186106a18"


def test_shapes_and_dtypes() -> None:
    weights = model.initial_weights(0)
    assert tuple(one.shape for one in weights) == model.SHAPES
    assert all(one.dtype == np.float32 for one in weights)
    assert sum(one.size for one in weights) == 18_762  # as ``model.summary()`` of the tutorial counts


def test_kernels_are_glorot_uniform_and_biases_zero() -> None:
    """Keras's GlorotUniform: within sqrt(6 / (fan in + fan out)), with that uniform distribution's variance."""
    fans = {(5, 5, 1, 16): (25, 400), (5, 5, 16, 32): (400, 800), (32, 128): (32, 128), (128, 10): (128, 10)}
    for one in model.initial_weights(12):
        if one.ndim == 1:
            assert not one.any()
            continue
        limit = math.sqrt(6 / sum(fans[one.shape]))
        assert np.abs(one).max() <= limit
        # The sample variance of n uniform numbers has a relative standard deviation of sqrt(0.8 / n): five of them.
        assert abs(one.var() / (limit**2 / 3) - 1) < 5 * math.sqrt(0.8 / one.size)
        assert abs(one.mean()) < 5 * limit / math.sqrt(3 * one.size)


def test_another_seed_gives_other_kernels() -> None:
    first, second = model.initial_weights(1), model.initial_weights(2)
    assert all((a != b).any() for a, b in zip(first, second, strict=True) if a.ndim > 1)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "1"])
def test_seeds_out_of_range(seed: object) -> None:
    with pytest.raises(ValueError, match=r"seed must be a whole number 0 .. 2\*\*32-1, got "):
        model.initial_weights(seed)  # type: ignore[arg-type]


def test_weights_of_other_shapes_are_refused() -> None:
    weights = model.initial_weights(0)
    for wrong in (weights[:-1], weights[::-1], [*weights[:-1], np.zeros(11)]):
        with pytest.raises(ValueError, match="weights must be arrays of the shapes"):
            model.checked_weights(wrong)
    assert all(one.dtype == np.float32 for one in model.checked_weights([one.astype(float) for one in weights]))
