"""``pytest -p tests.without_frameworks`` hides the installed frameworks from all tests."""

from __future__ import annotations

import sys

FRAMEWORKS = ("tensorflow", "tensorflow_addons", "keras", "tf_keras", "jax", "torch", "paddle")

sys.modules |= dict.fromkeys(FRAMEWORKS)  # type: ignore[arg-type]
