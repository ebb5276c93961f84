"""TensorFlow and Keras without what they print of themselves."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what frameworks print out of the results and the progress; their exceptions still have their text.

    Enter it before TensorFlow is imported, which reads the variables then. A user who sets TF_CPP_MIN_LOG_LEVEL sees the log.
    What the user's own code prints on stdout goes to stderr, since stdout is for the results.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # 3: fatal errors only
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with contextlib.suppress(ImportError):  # absl's functions need a logger of absl's class, which only absl makes
        importlib.import_module("absl.logging")
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl", "jax", "keras")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
