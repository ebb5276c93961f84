"""The machine of a run, as far as its ratios may depend on it, and when it ran."""

from __future__ import annotations

import importlib.metadata
import platform

import clr_ref
from clr_ref.pages import html
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
    """The date, clr_ref, Python, system, processor and the versions of the libraries that are installed."""
    about = {"measured": html.now(), "clr_ref": clr_ref.__version__, "python": platform.python_version()}
    about |= {"system": platform.system(), "processor": provenance.cpu()["model"]}
    for name in _LIBRARIES:
        try:
            about[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return about
