"""Throughput, for ``tox run -e bench``: every contender in one run, so that the ratios mean something.

Each group has ``np.full`` of the same size as the limit. Without ``--benchmark-enable`` each is called once, as a smoke test.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import clr_ref
from clr_ref import tfa_arithmetic

SIZE = 10_000_000
TUTORIAL = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 2 * 937}
SCHEDULES = {
    "triangular": clr_ref.triangular(**TUTORIAL),
    "triangular2": clr_ref.triangular2(**TUTORIAL),
    "exp_range": clr_ref.exp_range(**TUTORIAL, gamma=0.99994),
}
ARRAY = np.random.default_rng(0).integers(0, 2**40, 1_000_000)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """Ten million steps; a thousand where nothing is measured."""
    return SIZE if request.config.getoption("benchmark_enable") or request.config.getoption("benchmark_only") else 1000


@pytest.mark.benchmark(group="contiguous range, 10^7 steps")
def test_full(benchmark: Any, size: int) -> None:
    assert len(benchmark(np.full, size, 1e-3, np.float32)) == size


@pytest.mark.benchmark(group="contiguous range, 10^7 steps")
@pytest.mark.parametrize("policy", SCHEDULES)
@pytest.mark.parametrize("start", [0, 10**15])
def test_range(benchmark: Any, size: int, policy: str, start: int) -> None:
    assert len(benchmark(SCHEDULES[policy].values, start, start + size)) == size


@pytest.mark.benchmark(group="contiguous range, 10^7 steps")
def test_range_of_long_cycles(benchmark: Any, size: int) -> None:
    schedule = clr_ref.triangular2(1e-4, 1e-2, 100_000)
    assert len(benchmark(schedule.values, 0, size)) == size


@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
def test_full_for_arrays(benchmark: Any) -> None:
    assert len(benchmark(np.full, len(ARRAY), 1e-3, np.float32)) == len(ARRAY)


@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
@pytest.mark.parametrize("policy", SCHEDULES)
def test_array(benchmark: Any, policy: str) -> None:
    assert len(benchmark(SCHEDULES[policy], ARRAY)) == len(ARRAY)


@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
def test_array_of_a_fractional_step_size(benchmark: Any) -> None:
    assert len(benchmark(clr_ref.triangular(1e-4, 1e-2, 33.3), ARRAY)) == len(ARRAY)


@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
def test_array_in_float64(benchmark: Any) -> None:
    assert len(benchmark(clr_ref.triangular(**TUTORIAL, dtype="float64"), ARRAY)) == len(ARRAY)


@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
@pytest.mark.parametrize("policy", SCHEDULES)
def test_array_tfa_arithmetic(benchmark: Any, policy: str) -> None:
    assert len(benchmark(tfa_arithmetic.evaluate, SCHEDULES[policy], ARRAY)) == len(ARRAY)


@pytest.mark.benchmark(group="one step")
@pytest.mark.parametrize("policy", SCHEDULES)
def test_scalar(benchmark: Any, policy: str) -> None:
    assert benchmark(SCHEDULES[policy], 12_345) > 0


@pytest.mark.benchmark(group="one step")
def test_scalar_tfa_arithmetic(benchmark: Any) -> None:
    assert benchmark(tfa_arithmetic.evaluate, SCHEDULES["triangular2"], 12_345) > 0


needs_tfa = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_addons") is None, reason="TensorFlow Addons is not installed in this environment"
)


def tfa(mode: str) -> Any:
    """TFA's triangular2 in an execution mode, and TensorFlow."""
    import tensorflow as tf
    import tensorflow_addons

    schedule = tensorflow_addons.optimizers.Triangular2CyclicalLearningRate(**TUTORIAL)
    if mode == "eager":
        return tf, schedule
    return tf, tf.function(schedule.__call__, jit_compile=mode == "xla")


@needs_tfa
@pytest.mark.filterwarnings("ignore")
@pytest.mark.benchmark(group="arbitrary int64 array, 10^6 steps")
@pytest.mark.parametrize("mode", tfa_arithmetic.MODES)
def test_array_tfa(benchmark: Any, mode: str) -> None:
    tf, call = tfa(mode)
    steps = tf.constant(ARRAY, tf.int64)
    call(steps)
    assert len(benchmark(lambda: call(steps).numpy())) == len(ARRAY)


@needs_tfa
@pytest.mark.filterwarnings("ignore")
@pytest.mark.benchmark(group="one step")
@pytest.mark.parametrize("mode", tfa_arithmetic.MODES)
def test_scalar_tfa(benchmark: Any, mode: str) -> None:
    tf, call = tfa(mode)
    step = tf.constant(12_345, tf.int64)
    call(step)
    assert benchmark(lambda: call(step).numpy()) > 0
