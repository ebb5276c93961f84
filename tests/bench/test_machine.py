"""The machine of a run."""

from __future__ import annotations

import importlib.metadata

from clr_ref.bench.machine import machine
from clr_ref.training import provenance


def test_the_processor_is_that_of_training_runs() -> None:
    about = machine()
    assert about["processor"] == provenance.cpu()["model"]
    assert about["numpy"] == importlib.metadata.version("numpy")
