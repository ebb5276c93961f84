"""The machine of a run."""

from __future__ import annotations

import importlib.metadata
import re

import clr_ref
from clr_ref.bench.machine import machine
from clr_ref.training import provenance


def test_the_processor_is_that_of_training_runs() -> None:
    about = machine()
    assert about["processor"] == provenance.cpu()["model"]
    assert about["numpy"] == importlib.metadata.version("numpy")


def test_a_run_says_when_it_was_and_of_which_version() -> None:
    assert machine()["clr_ref"] == clr_ref.__version__
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", machine()["measured"])
