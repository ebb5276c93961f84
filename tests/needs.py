"""What tests need, and the reason that is printed where they are skipped without it."""

from __future__ import annotations

import importlib.util
import os

import pytest

_BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")


def tensorflow(why: str) -> pytest.MarkDecorator:
    """Skips where Keras has no TensorFlow; never in an environment that promises one."""
    is_missing = not os.environ.get("CLR_REF_EXPECT_TF") and importlib.util.find_spec("tensorflow") is None
    return pytest.mark.skipif(
        _BACKEND != "tensorflow" or is_missing,
        reason=f"{why}; here TensorFlow is not installed, or the backend is another: {_BACKEND}",
    )
