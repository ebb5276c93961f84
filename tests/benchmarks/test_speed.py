"""The contenders of ``clr-ref bench`` under pytest-benchmark, for its histograms, profiles and comparisons of saved runs.

    pytest tests/benchmarks --benchmark-enable --benchmark-only

Without ``--benchmark-enable`` each contender is called once at small sizes, and must return a rate for each step.
"""

from __future__ import annotations

from typing import Any

import pytest

from clr_ref.bench.contenders import CONTENDERS, returns_rates
from clr_ref.bench.figures import SIZES


@pytest.mark.filterwarnings("ignore")  # old TensorFlows warn when they are imported
@pytest.mark.parametrize("size", SIZES, ids="{:,} steps".format)
@pytest.mark.parametrize("name", CONTENDERS)
def test_speed(benchmark: Any, request: pytest.FixtureRequest, name: str, size: int) -> None:
    measured = request.config.getoption("benchmark_enable") or request.config.getoption("benchmark_only")
    if size > 1000 and not measured:
        pytest.skip("more than 1,000 steps take long: they run with --benchmark-enable only")
    benchmark.group = f"{size:,} steps"
    try:
        call = CONTENDERS[name](size)
    except ImportError as error:
        pytest.skip(f"not installed: {error}")
    except NotImplementedError as error:
        pytest.skip(str(error))
    benchmark(call)
    assert returns_rates(name, size)
