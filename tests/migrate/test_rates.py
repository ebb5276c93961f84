"""Where TFA is installed: samples give the same rates before and after the migration."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("libcst", reason="migrate needs clr-ref[migrate]")

from clr_ref.migrate.edits import applied
from clr_ref.migrate.source import changes

SAMPLE = """\
import tensorflow_addons as tfa
from tensorflow_addons.optimizers import (
    AdamW,
    ExponentialCyclicalLearningRate,
)
from tensorflow_addons.optimizers.cyclical_learning_rate import Triangular2CyclicalLearningRate as Halving

def half(cycle):
    return 1 / (2.0 ** (cycle - 1))

rates = [
    tfa.optimizers.CyclicalLearningRate(1e-4, 1e-2, 50, half),
    tfa.optimizers.TriangularCyclicalLearningRate(1e-4, maximal_learning_rate=1, step_size=33.3),
    Halving(1e-4, 1e-2, step_size=50, scale_mode="cycle"),
    ExponentialCyclicalLearningRate(1e-4, 1e-2, 50, gamma=0.999),
]
optimizer = AdamW(1e-4, rates[0])
"""


@pytest.mark.filterwarnings("ignore")
def test_a_migrated_sample_gives_the_same_rates() -> None:
    if "CLR_REF_EXPECT_TFA" not in os.environ:
        pytest.skip("this needs TFA")
    import tensorflow as tf

    before: dict[str, object] = {}
    after: dict[str, object] = {}
    exec(SAMPLE, before)
    exec(applied(SAMPLE, changes(SAMPLE).edits), after)
    steps = tf.range(400, dtype=tf.float32)
    for old, new in zip(before["rates"], after["rates"], strict=True):  # type: ignore[call-overload]
        assert type(old).__module__.startswith("tensorflow_addons.")
        assert type(new).__module__ == "clr_ref.keras"
        # TFA's roundings add up to less than this in 400 steps.
        np.testing.assert_allclose(new(steps), old(steps), rtol=0, atol=1e-5 * float(new.maximal_learning_rate))
    assert type(before["optimizer"]) is type(after["optimizer"])
