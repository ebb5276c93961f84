"""The Keras in use is the promised one, and one that is too old is an error."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from typing import Any

import pytest


def test_the_promised_keras_is_used(api: Any) -> None:
    promised = os.environ.get("CLR_REF_EXPECT_KERAS")
    if promised is None:
        pytest.skip("this environment promises no version of Keras")
    assert api.IS_KERAS_3
    assert f"{api.keras_version()}.".startswith(f"{promised}.")


def test_the_version_is_that_of_the_package(api: Any) -> None:
    package = "keras" if api.IS_KERAS_3 else "tensorflow"
    if package == "tensorflow":
        assert api.keras_version() == api.tensorflow().__version__
    else:
        assert api.keras_version() == importlib.metadata.version(package)


_IMPORT = """
import importlib.metadata
importlib.metadata.version = lambda name, version=importlib.metadata.version: {found!r} if name == "keras" else version(name)
import clr_ref.keras
"""


@pytest.mark.parametrize("found", ["3.0.5", "3.7.0"])
def test_an_older_keras_3_is_refused(keras: Any, found: str) -> None:
    """The error comes at import; with tf-keras, the version of an installed Keras 3 does not matter."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, "-c", _IMPORT.format(found=found)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 1
    assert (
        f"ImportError: clr_ref needs Keras 3.8 or later, got Keras {found}: pip install --upgrade 'keras>=3.8'" in ended.stderr
    )
    if os.environ.get("TF_USE_LEGACY_KERAS"):
        subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("legacy", ["0", "1"])
def test_a_missing_framework_is_said(legacy: str) -> None:
    """Where Keras is installed without its backend, or nothing is."""
    code = "import sys; sys.modules.update(dict.fromkeys(('tensorflow', 'keras'))); import clr_ref.keras"
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": legacy}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: this needs Keras: install tensorflow, or keras with one of its backends (")


def test_this_keras_is_one_of_the_supported_ones(api: Any) -> None:
    if api.IS_KERAS_3:
        assert tuple(map(int, importlib.metadata.version("keras").split(".")[:2])) >= api.LOWEST_KERAS_3
