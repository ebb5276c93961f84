"""Seeded training that repeats bit for bit, with the data and the model of TFA's tutorial. Needs Keras on TensorFlow."""

from types import ModuleType

from clr_ref import _lazy

__all__: list[str] = []

_SUBMODULES = ("data", "determinism", "experiment", "tutorial")


def __getattr__(name: str) -> ModuleType:
    return _lazy.submodule(__name__, name, _SUBMODULES)


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES]
