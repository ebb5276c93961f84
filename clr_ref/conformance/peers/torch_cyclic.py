"""torch.optim.lr_scheduler.CyclicLR on plain SGD."""

from __future__ import annotations

import copy
import importlib
import warnings
from typing import Any

from clr_ref.conformance.peers.registry import Bug

torch: Any = importlib.import_module("torch")
CyclicLR: Any = torch.optim.lr_scheduler.CyclicLR


def sgd(size: int = 1, rate: float = 0.1) -> Any:
    """Returns an optimizer of float64 zeros, whose rate is a Python float."""
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(size, dtype=torch.float64))], lr=rate)


def apply_unit_gradient(optimizer: Any, at: int) -> None:
    """Makes a step of the optimizer, which subtracts its rate from one coordinate."""
    (parameter,) = optimizer.param_groups[0]["params"]
    parameter.grad = torch.zeros_like(parameter)
    parameter.grad[at] = 1.0
    optimizer.step()


class Scheduler:
    """CyclicLR and its optimizer. Its state is that of both, as PyTorch's manual demands."""

    def __init__(self, size: int = 1, **arguments: Any) -> None:
        self._arguments = arguments
        self.optimizer = sgd(size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns about a step before the optimizer's
            self.scheduler = CyclicLR(self.optimizer, **arguments)

    def step(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.scheduler.step()

    def seek(self, step: int) -> None:
        self.scheduler.last_epoch = step - 1
        self.step()

    def get_last_lr(self) -> Any:
        return self.scheduler.get_last_lr()

    def get_last_momentum(self) -> Any:
        return self.optimizer.param_groups[0]["momentum"]

    def state_dict(self) -> Any:
        return {"scheduler": self.scheduler.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Any) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])

    def applied(self, n: int) -> list[float]:
        fresh = Scheduler(n, **self._arguments)
        for at in range(n):
            apply_unit_gradient(fresh.optimizer, at)
            fresh.step()
        return [0.0 - value for value in fresh.optimizer.param_groups[0]["params"][0].tolist()]

    def applied_momentum(self, n: int) -> list[float]:
        fresh = Scheduler(**self._arguments)
        (parameter,) = fresh.optimizer.param_groups[0]["params"]
        parameter.grad = torch.zeros_like(parameter)
        velocities = []
        for _ in range(n):
            # A velocity of 1 is the momentum after a step without a gradient, bit for bit.
            fresh.optimizer.state[parameter]["momentum_buffer"] = torch.ones_like(parameter)
            fresh.optimizer.step()
            velocities.append(fresh.optimizer.state[parameter]["momentum_buffer"].item())
            fresh.step()
        return velocities


def make(
    policy: str,
    *,
    initial_learning_rate: float,
    maximal_learning_rate: float,
    step_size: float,
    gamma: float = 1.0,
    step_size_down: float | None = None,
    base_momentum: float | None = None,
    max_momentum: float | None = None,
) -> Any:
    cycled = {"base_momentum": base_momentum, "max_momentum": max_momentum}
    return Scheduler(
        base_lr=initial_learning_rate,
        max_lr=maximal_learning_rate,
        step_size_up=step_size,
        step_size_down=step_size_down,
        mode=policy,
        gamma=gamma,
        **({"cycle_momentum": False} if base_momentum is None else cycled),
    )


def _overflow() -> str:
    found = make("triangular2", initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=1)
    found.seek(2 * 1023)
    try:
        found.seek(2 * 1024)
    except OverflowError as error:
        return f"cycle 1025: OverflowError: {error}"
    return ""


def _stale_rate() -> str:
    optimizer = sgd(rate=0.5)
    torch.optim.lr_scheduler.StepLR(optimizer, 10)  # leaves initial_lr = 0.5 in the optimizer
    rate = CyclicLR(optimizer, 0.001, 0.01, cycle_momentum=False).get_last_lr()[0]
    return f"base_lr=0.001 after another scheduler of rate 0.5: the rate of step 0 is {rate}" if rate != 0.001 else ""


def _eaten_state() -> str:
    made = make("triangular", initial_learning_rate=0.0, maximal_learning_rate=1.0, step_size=4)
    state = made.scheduler.state_dict()
    before = set(state)
    made.scheduler.load_state_dict(state)
    return f"gone from the state after loading: {', '.join(sorted(before - set(state)))}" if before - set(state) else ""


def _lost_function() -> str:
    made = CyclicLR(sgd(), 0.0, 1.0, 4, scale_fn=lambda x: 0.25, cycle_momentum=False)
    state = copy.deepcopy(made.state_dict())
    other = CyclicLR(sgd(), 0.0, 1.0, 4, cycle_momentum=False)
    other.load_state_dict(state)
    scale = other.scale_fn(1)
    return f"a scale of 0.25 came back as {scale} without a word" if scale != 0.25 else ""


def _momentum() -> str:
    optimizer = sgd()
    CyclicLR(optimizer, 0.0, 1.0)
    momentum = optimizer.param_groups[0]["momentum"]
    return f"SGD without momentum has momentum {momentum} afterwards" if momentum else ""


BUGS = (
    Bug("triangular2 overflows at cycle 1025", "https://github.com/pytorch/pytorch/issues/52989", _overflow),
    Bug("a stale initial_lr overrides base_lr", "https://github.com/pytorch/pytorch/issues/21965", _stale_rate),
    Bug("load_state_dict eats the caller's dict", "https://docs.pytorch.org/docs/stable/optim.html", _eaten_state),
    Bug("a lambda scale_fn is lost on load", "https://docs.pytorch.org/docs/stable/optim.html", _lost_function),
    Bug("SGD's momentum 0 becomes 0.9 by default", "https://docs.pytorch.org/docs/stable/optim.html", _momentum),
)
