"""Hypothesis: the same examples on every run unless asked otherwise, and no deadline, since nothing here is timed."""

import os

from hypothesis import HealthCheck, settings

# The threads of a BLAS that nothing here uses are half of what it costs to import NumPy, in each of a hundred processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100, database=None)
settings.register_profile(
    "search", deadline=None, max_examples=5_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("CLR_REF_HYPOTHESIS", "repeatable"))
