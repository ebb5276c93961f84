"""The versions and the CPU of a run. TensorFlow, oneDNN and Eigen choose their code by the CPU."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import clr_ref


def versions() -> dict[str, str]:
    """The versions of everything that can change the bits. Needs TensorFlow."""
    from clr_ref.keras import api

    tf = api.tensorflow()
    return {
        "tensorflow": str(tf.__version__),
        "keras": keras_name(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "clr_ref": clr_ref.__version__,
        "os": operating_system(),
    }


def operating_system() -> str:
    """Its name and its C library, whose functions NumPy and TensorFlow call: ``Linux, glibc 2.36``."""
    libc = " ".join(filter(None, platform.libc_ver()))
    return f"{platform.system()}, {libc or 'no libc'}"


def keras_name() -> str:
    """The kind of Keras with its version: ``keras-3.15.0``, ``tf-keras-2.16.0``, or TensorFlow's own ``tf.keras-2.15.1``."""
    from clr_ref.keras import api

    if api.IS_KERAS_3:
        return f"keras-{api.keras_version()}"
    tf = api.tensorflow()
    if "tf_keras" in api.keras.Model.__module__:
        import importlib.metadata

        return f"tf-keras-{importlib.metadata.version('tf-keras')}"
    return f"tf.keras-{tf.__version__}"


def cpu() -> dict[str, Any]:
    """Machine, model, instruction set flags and cache sizes. Eigen cuts its matrix products by the cache sizes."""
    about: dict[str, Any] = {"machine": platform.machine(), "model": platform.processor() or "unknown", "flags": []}
    try:
        first = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0]
    except OSError:
        first = ""
    for line in first.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            about["model"] = value.strip()
        elif key.strip() in ("flags", "Features"):
            about["flags"] = sorted(value.split())
    about["caches"] = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((folder / name).read_text("ascii").strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        about["caches"][f"L{level} {kind}"] = size
    return about


def same_family(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two CPUs must give the same bits: they have the same flags and caches, whatever the names of their models."""
    return all(one.get(key) == other.get(key) for key in ("machine", "flags", "caches"))
