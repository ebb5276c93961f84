"""What the schedules around another schedule share: steps, copies, texts and configs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from clr_ref._inputs import shown
from clr_ref.keras import api, arguments, base, traces
from clr_ref.keras.api import keras
from clr_ref.tensors import backends, moves


class Around(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The base of the schedules around another one, which do not change."""

    #: The names of the arguments after the schedule.
    ARGUMENTS: tuple[str, ...] = ()
    schedule: Any

    def _construct(self, schedule: Any, **given: Any) -> None:
        """Set the attributes.

        Raises:
            TypeError: schedule is no Keras schedule.
        """
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            raise TypeError(
                f"schedule must be a Keras schedule, got {shown(schedule)} of type {type(schedule).__name__}; "
                "clr_ref.keras.from_schedule makes one of a schedule in NumPy"
            )
        self.__dict__.update(schedule=schedule, **given)

    def __setattr__(self, name: str, value: Any) -> None:
        # A compiled function would keep the earlier rates without a word.
        if name == "schedule" or name in self.ARGUMENTS:
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be set: make another one")
        super().__setattr__(name, value)

    @property
    def _made(self) -> Any:
        """What ``optimizers.numbers_of`` reads: another object after an attribute of a drop-in inside has changed."""
        return getattr(self.schedule, "_made", None)

    @api.as_written
    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Args:
            step: numbers of any real dtype and any shape: a tensor, a variable, an array or a number. Steps outside
                0 .. 2**63-1 have the rates of the ends, as for the drop-ins.

        Returns:
            A tensor of the dtype that the schedule inside returns.

        Raises:
            TypeError: a Python or NumPy step that is no number, or bool.
        """
        ops = backends.OPS[api.BACKEND]()
        if isinstance(step, arguments.PLAIN):
            held, nan = arguments.held_steps(step, 2 ** (ops.width - 1) - 1)
            rate = self._rate(api.tensor(held), ops)
            return ops.where(api.tensor(nan), ops.constant(math.nan, rate), rate) if nan.any() else rate
        tensor = arguments.step_tensor(step)
        if api.is_being_traced(tensor):
            traces.note(self, step, self._made)
        return self._rate(moves.held(tensor, ops), ops)

    def _rate(self, step: Any, ops: backends.Ops) -> Any:
        """Return the rates at a tensor of steps that ``moves.held`` returned."""
        raise NotImplementedError

    def _of_schedule(self, step: Any, ops: backends.Ops) -> Any:
        """Return the rates of the schedule inside, as a tensor. It may be the user's, with a Python ``if``."""
        return api.tensor(ops.call(self.schedule, step))

    def _for_schedule(self, step: Any, ops: backends.Ops) -> Any:
        """Return steps that can be moved. Schedules of others may not accept floats of another width."""
        return moves.widened(step, ops) if isinstance(self.schedule, (base.Schedule, Around)) else step

    def __repr__(self) -> str:
        """Return Python for an equal schedule."""
        given = "".join(f", {name}={getattr(self, name)!r}" for name in self.ARGUMENTS)
        return f"{base.PUBLIC}.{type(self).__qualname__}({self.schedule!r}{given})"

    def __eq__(self, other: object) -> bool:
        """Return True for the same class with equal schedules and arguments."""
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> Any:
        return self.schedule, *(getattr(self, name) for name in self.ARGUMENTS)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for copy and pickle; no function was compiled with a copy."""
        return {name: value for name, value in self.__dict__.items() if name != traces.TRACES}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON data."""
        given = {name: getattr(self, name) for name in self.ARGUMENTS}
        return {"schedule": keras.optimizers.schedules.serialize(self.schedule), **given}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the schedule of a config.

        Args:
            config: the dict that ``get_config`` returned.
            custom_objects: classes and functions by their names, as for ``keras.models.load_model``.

        Returns:
            A schedule of this class.
        """
        inside = keras.optimizers.schedules.deserialize(config["schedule"], custom_objects=dict(custom_objects or {}))
        return cls(**{**config, "schedule": inside})


def variables_of(schedule: Any) -> list[Any]:
    """Return the arguments of the drop-in inside that are variables; none of a schedule of others."""
    inner = innermost(schedule)
    return inner._variables() if isinstance(inner, base.Schedule) else []


def innermost(schedule: Any) -> Any:
    """Return the schedule inside all that are around it."""
    while isinstance(schedule, Around):
        schedule = schedule.schedule
    return schedule
