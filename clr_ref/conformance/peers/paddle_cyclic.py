"""paddle.optimizer.lr.CyclicLR on plain SGD."""

from __future__ import annotations

import importlib
from typing import Any

from clr_ref.conformance.peers.registry import Bug

paddle: Any = importlib.import_module("paddle")
paddle.set_default_dtype("float64")  # an optimizer holds its rate in this; Paddle's rates are Python floats


class Scheduler:
    """CyclicLR."""

    def __init__(self, **arguments: Any) -> None:
        self._arguments = arguments
        self.scheduler = paddle.optimizer.lr.CyclicLR(**arguments)

    def step(self) -> None:
        self.scheduler.step()

    def seek(self, step: int) -> None:
        self.scheduler.step(step)

    def get_last_lr(self) -> Any:
        return self.scheduler()

    def state_dict(self) -> Any:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: Any) -> None:
        self.scheduler.set_state_dict(state)

    def applied(self, n: int) -> list[float]:
        scheduler = paddle.optimizer.lr.CyclicLR(**self._arguments)
        weight = paddle.create_parameter([n], "float64", default_initializer=paddle.nn.initializer.Constant(0.0))
        optimizer = paddle.optimizer.SGD(scheduler, parameters=[weight])
        for at in range(n):
            weight[at].backward()
            optimizer.step()
            optimizer.clear_grad()
            scheduler.step()
        return [0.0 - float(value) for value in weight.numpy()]


def make(
    policy: str,
    *,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float = 1.0,
    step_size_down: float | None = None,
) -> Any:
    return Scheduler(
        base_learning_rate=initial_learning_rate,
        max_learning_rate=maximal_learning_rate,
        step_size_up=step_size,
        step_size_down=step_size_down,
        mode=policy,
        exp_gamma=gamma,
    )


def _overflow() -> str:
    found = make("triangular2", initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=1)
    found.seek(2 * 1023)
    try:
        found.seek(2 * 1024)
    except OverflowError as error:
        return f"cycle 1025: OverflowError: {error}"
    return ""


BUGS = (Bug("triangular2 overflows at cycle 1025", "https://github.com/pytorch/pytorch/issues/52989", _overflow),)
