"""The rates that optimizers apply with TFA's schedules, measured with the probe and kept in ``golden/applied``.

The rates come from TensorFlow and TFA; ``clr_ref`` builds the probe and reads its kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_ref.golden import accept, store
from clr_ref.golden.store import AppliedRecord
from clr_ref.training import provenance

#: The schedule of every run. Its step size is no whole number, so that the rates of the modes soon differ.
INPUTS: Mapping[str, float] = {"initial_learning_rate": 1e-4, "maximal_learning_rate": 1e-2, "step_size": 33.3}
GAMMA = 0.999
#: Updates of a run: six cycles.
UPDATES = 400
CLASSES = ("TriangularCyclicalLearningRate", "Triangular2CyclicalLearningRate", "ExponentialCyclicalLearningRate")
#: How a run is executed: arguments of ``compile``.
HOW: Mapping[str, Mapping[str, Any]] = {
    "fit": {},
    "fit, jit_compile": {"jit_compile": True},
    "fit, eager": {"run_eagerly": True},
}


def observe(tfa: Any) -> dict[str, dict[str, Any]]:
    """The outcome of every run with the installed TFA, by name: ``rates`` in hex, or ``error`` with class and first line."""
    return {name: _outcome(tfa, cls, optimizer, how) for name, cls, optimizer, how in _runs()}


def _runs() -> Iterator[tuple[str, str, Any, str]]:
    from clr_ref.keras.api import keras

    kinds = {"SGD": keras.optimizers.SGD}
    if hasattr(keras.optimizers, "legacy"):
        kinds["legacy.SGD"] = keras.optimizers.legacy.SGD
    for kind, optimizer in kinds.items():
        for how in HOW:
            for cls in CLASSES:
                yield f"{cls}, {kind}, {how}", cls, optimizer, how


def _outcome(tfa: Any, cls: str, optimizer: Any, how: str) -> dict[str, Any]:
    from clr_ref.training import probe

    gamma = {"gamma": GAMMA} if cls.startswith("Exponential") else {}
    schedule = getattr(tfa.optimizers, cls)(**INPUTS, **gamma)
    try:
        rates = probe.fit(optimizer(schedule), UPDATES, **HOW[how])
    except Exception as error:  # what TFA and Keras raise is recorded too
        return {"error": [type(error).__name__, _first_line(str(error))]}
    return {"rates": [float(rate).hex() for rate in rates]}


def _first_line(message: str) -> str:
    """The line that says what is wrong. Before it tf.function puts a traceback with the paths of this machine."""
    lines = [line.strip() for line in message.splitlines() if line.strip() and "File " not in line]
    return next((line for line in lines if "Error:" in line), lines[0] if lines else "")


def record(folder: Path, *, reason: str | None = None) -> AppliedRecord:
    """Observe the installed TFA twice, put the rates into the store, and return their record.

    Args:
        folder: the golden store.
        reason: why stored rates may change; without one they may not.

    Raises:
        AcceptError: the two times differ; or the record would change what is stored, and no ``reason`` is given.
        ImportError: TFA is not installed.
        StoreError: the store is damaged.
    """
    import tensorflow_addons as tfa

    first, second = observe(tfa), observe(tfa)
    if first != second:
        raise accept.AcceptError("the same runs applied other rates the second time; nothing is recorded")
    versions = {**provenance.versions(), "tensorflow-addons": str(tfa.__version__)}
    document: dict[str, Any] = {
        "format": store.FORMAT,
        "provenance": {"versions": versions, "cpu": provenance.cpu()},
        "inputs": {**{name: float(value).hex() for name, value in INPUTS.items()}, "gamma": GAMMA.hex()},
        "runs": first,
    }
    file_name = f"tf-{versions['tensorflow']}_tfa-{versions['tensorflow-addons']}.json"
    accept.put(folder, f"applied/{file_name}", document, reason=reason)
    return store.parse_applied(file_name, document)
