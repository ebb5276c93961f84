"""``pytest -p tests.without_frameworks`` hides the installed frameworks from all tests."""

from __future__ import annotations

import sys

FRAMEWORKS = ("tensorflow", "tensorflow_addons", "keras", "tf_keras", "jax", "torch", "paddle")
#: What only studies need; SciPy fails where torch is hidden.
OF_STUDIES = ("scipy", "distributed")

sys.modules |= dict.fromkeys(FRAMEWORKS + OF_STUDIES)  # type: ignore[arg-type]
