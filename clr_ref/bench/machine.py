"""The machine of a run, as far as its ratios may depend on it."""

from __future__ import annotations

import importlib.metadata
import platform

from clr_ref.training import provenance

_LIBRARIES = (
    "numpy",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-addons",
    "keras",
    "tf-keras",
    "torch",
    "paddlepaddle",
    "lrsched",
)


def machine() -> dict[str, str]:
    """Python, system, processor and the versions of the libraries that are installed."""
    about = {"python": platform.python_version(), "system": platform.system(), "processor": provenance.cpu()["model"]}
    for name in _LIBRARIES:
        try:
            about[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return about
