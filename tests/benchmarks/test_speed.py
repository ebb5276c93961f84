"""The contenders of ``clr-ref bench`` under pytest-benchmark, for its histograms, profiles and comparisons of saved runs.

    pytest tests/benchmarks --benchmark-enable --benchmark-only

Without ``--benchmark-enable`` each is asked once, at small sizes, and has to answer so many rates.
"""

from __future__ import annotations

from typing import Any

import pytest

from clr_ref.bench import SIZES
from clr_ref.contenders import CONTENDERS, same_answers


@pytest.mark.filterwarnings("ignore")  # old TensorFlows warn when they are imported
@pytest.mark.parametrize("size", SIZES, ids="{:,} steps".format)
@pytest.mark.parametrize("name", CONTENDERS)
def test_speed(benchmark: Any, request: pytest.FixtureRequest, name: str, size: int) -> None:
    measured = request.config.getoption("benchmark_enable") or request.config.getoption("benchmark_only")
    if size > 1000 and not measured:
        pytest.skip("sizes above 1,000 are asked where they are measured")
    benchmark.group = f"{size:,} steps"
    try:
        call = CONTENDERS[name](size)
    except ImportError as error:
        pytest.skip(f"not installed: {error}")
    except NotImplementedError as error:
        pytest.skip(str(error))
    benchmark(call)
    assert same_answers(name, size)
