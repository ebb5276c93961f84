"""``pytest -p tests.without_tensorflow``: as where neither TensorFlow nor Keras is installed."""

from __future__ import annotations

import sys

sys.modules |= dict.fromkeys(("tensorflow", "tensorflow_addons", "keras", "tf_keras"))  # type: ignore[arg-type]
