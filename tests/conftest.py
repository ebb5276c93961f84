"""The order of the test files; and Hypothesis, with the same examples on every run by default, and without a deadline."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The threads of a BLAS that nothing here uses are half of what it costs to import NumPy, in each of a hundred processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# On an emulated CPU every example is slow, which says nothing about the test.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("CLR_REF_HYPOTHESIS", "repeatable"))

#: The tests of the arithmetic, from the bottom up: a fault fails first where it is, and later where it is only used.
FROM_THE_BOTTOM_UP = [
    "test_rates.py",
    "exact/test_rates.py",
    "fast/test_pairs.py",
    "fast/test_powers.py",
    "fast/test_plan.py",
    "fast/test_one_step.py",
    "fast/test_settle.py",
    "fast/test_arrays_and_ranges.py",
    "tensors/test_formula.py",
]
FIRST = {Path(__file__).parent / name: place for place, name in enumerate(FROM_THE_BOTTOM_UP)}
# A file that was renamed would run last, without a word.
assert all(path.exists() for path in FIRST), FIRST


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.get(item.path, len(FIRST)))
