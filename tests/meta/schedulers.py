"""A right scheduler like those of PyTorch, and wrong ones, most of which lose something when they stop and go on.

A scheduler sets the rate of its optimizer; ``applied`` returns the rates that the optimizer used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


class Optimizer:
    """Holds the rate, and remembers every rate that it applied."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.applied: list[float] = []

    def step(self) -> None:
        self.applied.append(self.rate)


class Scheduler:
    """Right: the textbook formula at a count of steps."""

    def __init__(
        self,
        policy: str,
        *,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        gamma: float = 1.0,
    ) -> None:
        numbers = (initial_learning_rate, maximal_learning_rate, step_size, gamma)
        if not all(map(math.isfinite, numbers)) or step_size <= 0 or gamma <= 0:
            raise ValueError(f"wrong arguments: {numbers}")
        self.policy, self.gamma = policy, gamma
        self.initial, self.maximal, self.size = initial_learning_rate, maximal_learning_rate, step_size
        self.count = 0
        self.optimizer = Optimizer()
        self.optimizer.rate = self.rate(0)

    def scale(self, cycle: int, step: int) -> float:
        if self.policy == "triangular2":
            return math.ldexp(1.0, 1 - min(cycle, 5000))
        return self.gamma**step if self.policy == "exp_range" else 1.0

    def rate(self, step: int) -> float:
        cycle = math.floor(1 + step / (2 * self.size))
        height = max(0.0, 1 - abs(step / self.size - 2 * cycle + 1))
        return self.initial + (self.maximal - self.initial) * height * self.scale(cycle, step)

    def step(self) -> None:
        self.count += 1
        self.optimizer.rate = self.rate(self.count)

    def get_last_lr(self) -> list[float]:
        return [self.optimizer.rate]

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "initial": self.initial}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.initial = state["count"], state["initial"]
        self.optimizer.rate = self.rate(self.count)

    def applied(self, steps: int) -> list[float]:
        for _ in range(steps):
            self.optimizer.step()
            self.step()
        return self.optimizer.applied


class Seeking(Scheduler):
    def seek(self, step: int) -> None:
        self.count = step
        self.optimizer.rate = self.rate(step)


class ResumesLate(Scheduler):
    """Off by one on load (Lightning #1772)."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict({**state, "count": state["count"] + 1})


class ResumesEarly(Scheduler):
    """Repeats the step it stopped at."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict({**state, "count": max(state["count"] - 1, 0)})


class ForgetsTheCount(Scheduler):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.rate = self.rate(self.count)


class CannotResume(Scheduler):
    """Has no state at all (bckenstler/CLR PR #20)."""

    state_dict = None  # type: ignore[assignment]
    load_state_dict = None  # type: ignore[assignment]


class EatsItsState(Scheduler):
    """load_state_dict pops from the caller's dict (PyTorch)."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state.pop("count", 0)
        self.optimizer.rate = self.rate(self.count)


class LivingState(Scheduler):
    """The state is the scheduler's own dict, which goes on."""

    def state_dict(self) -> dict[str, Any]:
        return self.__dict__


class StaleInitial(Scheduler):
    """The base is taken from the optimizer when it resumes (PyTorch #21965)."""

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "initial": self.optimizer.rate}


class LosesItsScale(Scheduler):
    """A scale function that is a lambda is not in the state, and is silently lost on load (PyTorch)."""

    lost = False

    def scale(self, cycle: int, step: int) -> float:
        return 1.0 if self.lost else super().scale(cycle, step)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lost = True
        super().load_state_dict(state)


class LosesItsScaleInPickle(LosesItsScale):
    """The same on the way through pickle."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        Scheduler.load_state_dict(self, state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lost=True)


class CannotBePickled(Scheduler):
    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        self.hook = lambda: None


class AddsToItsCount(Scheduler):
    """Loads on top of what it has counted already."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict({**state, "count": self.count + state["count"]})


class StateInFloat32(Scheduler):
    """The base passes through single precision on its way into the state."""

    def state_dict(self) -> dict[str, Any]:
        import numpy as np

        return {"count": self.count, "initial": float(np.float32(self.initial))}


class ReturnsLateAfterLoading(Scheduler):
    """The rate is right only after the next step."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.initial = state["count"], state["initial"]


class StartsAtOne(Scheduler):
    """Counts one step on construction."""

    def __init__(self, *args: Any, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        self.step()


class CountsTwice(Scheduler):
    """Counts the steps of two processes (accelerate #963)."""

    def step(self) -> None:
        super().step()
        super().step()


class ReportsTheNext(Scheduler):
    """Reports the rate of the next step, not the one that the optimizer applies."""

    def get_last_lr(self) -> list[float]:
        return [self.rate(self.count)]

    def step(self) -> None:
        self.count += 1
        self.optimizer.rate = self.rate(self.count - 1)


class AppliesEverySecond(Scheduler):
    """The rate reaches the optimizer only every other step."""

    def applied(self, steps: int) -> list[float]:
        for index in range(steps):
            self.optimizer.step()
            before = self.optimizer.rate
            self.step()
            if index % 2 == 0:
                self.optimizer.rate = before
        return self.optimizer.applied


#: Each with the first clause of chapter 10 that it breaks.
BUGS: dict[Callable[..., Any], str] = {
    ResumesLate: "10.2",
    ResumesEarly: "10.2",
    ForgetsTheCount: "10.2",
    CannotResume: "10.2",
    EatsItsState: "10.3",
    LivingState: "10.3",
    StaleInitial: "10.2",
    LosesItsScale: "10.2",
    LosesItsScaleInPickle: "10.5",
    CannotBePickled: "10.5",
    AddsToItsCount: "10.4",
    StateInFloat32: "10.2",
    ReturnsLateAfterLoading: "10.2",
    StartsAtOne: "10.1",
    CountsTwice: "10.1",
    ReportsTheNext: "10.6",
    AppliesEverySecond: "10.6",
}
