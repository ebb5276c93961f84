"""pytorch-ignite's LinearCyclicalScheduler, called as an engine calls it: once at the start of every iteration."""

from __future__ import annotations

import importlib
from typing import Any

from clr_ref.conformance.peers.registry import Bug
from clr_ref.conformance.peers.torch_cyclic import apply_unit_gradient, sgd


def _linear(optimizer: Any, start: float, end: float, size: float, **more: Any) -> Any:
    handlers = importlib.import_module("ignite.handlers")
    return handlers.LinearCyclicalScheduler(optimizer, "lr", start, end, size, **more)


class Scheduler:
    """The handler and its optimizer; its state is that of both."""

    def __init__(self, initial: float, maximal: float, step_size: float, size: int = 1) -> None:
        self._arguments = initial, maximal, step_size
        self.optimizer = sgd(size)
        self.handler = _linear(self.optimizer, initial, maximal, 2 * step_size)
        self.handler(None)

    def step(self) -> None:
        self.handler(None)

    def get_last_lr(self) -> float:
        rate: float = self.optimizer.param_groups[0]["lr"]
        return rate

    def state_dict(self) -> Any:
        return {"handler": self.handler.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Any) -> None:
        self.handler.load_state_dict(state["handler"])
        self.optimizer.load_state_dict(state["optimizer"])

    def applied(self, n: int) -> list[float]:
        fresh = Scheduler(*self._arguments, size=n)
        for at in range(n):
            apply_unit_gradient(fresh.optimizer, at)
            fresh.step()
        return [0.0 - value for value in fresh.optimizer.param_groups[0]["params"][0].tolist()]


def make(
    policy: str, *, initial_learning_rate: float, maximal_learning_rate: float, step_size: float, gamma: float = 1.0
) -> Any:
    if policy != "triangular":
        raise NotImplementedError("end_value_mult scales the whole rate, not the amplitude")
    return Scheduler(initial_learning_rate, maximal_learning_rate, step_size)


def _halved() -> str:
    optimizer = sgd()
    handler = _linear(optimizer, 0.1, 0.2, 2, end_value_mult=0.5)
    for _ in range(4):
        handler(None)
    peak = optimizer.param_groups[0]["lr"]
    return f"0.1 to 0.2 with end_value_mult=0.5: the second peak is {peak}, not 0.15" if abs(peak - 0.15) > 1e-9 else ""


BUGS = (
    Bug(
        "triangular2 cannot be had: end_value_mult scales the whole rate",
        "https://docs.pytorch.org/ignite/generated/ignite.handlers.param_scheduler.LinearCyclicalScheduler.html",
        _halved,
    ),
)
