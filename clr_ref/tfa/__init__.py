"""TFA's rates: its formula replayed in eager mode and in graphs, and bounds on its error."""

from types import ModuleType

from clr_ref import _lazy

__all__: list[str] = []

_SUBMODULES = ("bounds", "eager", "graphs")


def __getattr__(name: str) -> ModuleType:
    return _lazy.submodule(__name__, name, _SUBMODULES)


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES]
