"""What the four drop-ins share: attributes that can be set, rates, copies, texts and configs."""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from clr_ref import policies, schedule as reference
from clr_ref._inputs import from_hex, one_of, shown
from clr_ref.exact import rounding
from clr_ref.keras import api, arguments, rates, traces, unnamed
from clr_ref.keras.api import keras
from clr_ref.parameters import NUMBERS, as_symmetric
from clr_ref.tensors import backends, formula

#: The module of the public classes, whose names stand in saved files.
PUBLIC = "clr_ref.keras"
#: The attributes that decide the rates, and the name of the operations.
_ATTRIBUTES = (*NUMBERS, "step_size_down", "scale_fn", "scale_mode", "name", "arithmetic", "dtype")
#: TFA's configs lack these, and a user's class may not accept them. So a config has them only where they are no defaults.
_LEFT_OUT = ("step_size_down", "name", "arithmetic", "dtype")
#: The attributes that copies and pickles do not have.
_NOT_COPIED = ("_made_last", traces.TRACES, unnamed.WARNED)


@dataclasses.dataclass(frozen=True)
class _Made:
    """What is computed from the attributes, and the attributes that it was computed from."""

    given: dict[str, Any]
    reference: reference.CyclicalLearningRate
    ops: backends.Ops
    scope: str


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The base of the drop-ins. An attribute can be set at any time: it is checked, and the rates follow."""

    initial_learning_rate: Any
    maximal_learning_rate: Any
    step_size: Any
    step_size_down: Any = None  # also of schedules that were pickled before it was an attribute
    scale_fn: Any
    scale_mode: str
    name: str | None
    arithmetic: str
    dtype: str

    def _construct(self, dtype: str | None, **given: Any) -> None:
        """Set all attributes. A dtype that a subclass has set before holds where none is given."""
        one_of("arithmetic", given["arithmetic"], ("exact", "tfa"))
        dtype = self.__dict__.get("dtype") if dtype is None else dtype
        if dtype is None:
            kind = getattr(given["initial_learning_rate"], "dtype", None)
            dtype = "float64" if kind is not None and "float64" in str(kind) else "float32"
        self.__dict__.pop("_made_last", None)
        for name, value in {**given, "dtype": dtype}.items():
            setattr(self, name, _kept(name, value, given["arithmetic"], dtype))
        _ = self._made

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in (*_ATTRIBUTES, "gamma") or "_made_last" not in self.__dict__:
            super().__setattr__(name, value)
            return
        before = dict(self.__dict__)
        try:
            self._set(name, _kept(name, value, self.arithmetic, self.dtype))
            made = self._made
        except Exception:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        if traces.TRACES in self.__dict__ and (made.reference != before["_made_last"].reference or name == "arithmetic"):
            warnings.warn(
                f"{name} changed, but functions that were compiled with this schedule, such as that of fit, keep its earlier "
                "rates: call model.compile again, or set model.train_function = None",
                stacklevel=2,
            )

    def _set(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)

    @property
    def _made(self) -> _Made:
        """What belongs to the present attributes, however they were changed."""
        last: _Made | None = self.__dict__.get("_made_last")
        if last is not None:
            for name, value in last.given.items():
                if getattr(self, name) is not value:
                    break
            else:
                return last
        made: _Made = _make(self._attributes())
        self.__dict__["_made_last"] = made
        return made

    def _attributes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _ATTRIBUTES}

    _ops = property(lambda self: self._made.ops)

    @property
    def reference(self) -> reference.CyclicalLearningRate:
        """The correctly rounded schedule in NumPy; if arguments are variables, that of their present values."""
        made = self._made.reference
        return made if self.arithmetic == "exact" else dataclasses.replace(made, **_numbers(self._attributes()))

    @api.as_written
    def __call__(self, step: Any) -> Any:
        """Return the rate at a step, or the rates at an array of steps.

        Steps outside 0 .. 2**63-1 have a rate too, since a schedule around this one may evaluate it there and drop the rate.
        Steps below 0 have the rate of step 0, and NaN gives NaN. Steps that are too large have the rate of the last one, which
        is 2**31-1 on JAX without x64. With arithmetic "tfa" all these steps have the rates of TFA's formula.

        Args:
            step: numbers of any real dtype and any shape: a tensor, a variable, an array or a number. They need not be whole.

        Returns:
            A tensor of the backend, of the schedule's dtype and the steps' shape.

        Raises:
            TypeError: a Python or NumPy step that is no number, or bool.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> float(TriangularCyclicalLearningRate(0.0, 1.0, 10)(5))
            0.5
        """
        made = self._made
        compute = self._exactly if self.arithmetic == "exact" else self._as_tfa
        if not isinstance(step, arguments.PLAIN):
            tensor = arguments.step_tensor(step)
            if api.is_being_traced(tensor):
                traces.note(self, step, made)
            return compute(made, tensor)
        if self.arithmetic == "tfa":
            return compute(made, arguments.tfa_step(step))
        held, nan = arguments.held_steps(step, 2 ** (made.ops.width - 1) - 1)
        rate = compute(made, api.tensor(held))
        return made.ops.where(api.tensor(nan), made.ops.constant(math.nan, rate), rate) if nan.any() else rate

    def _exactly(self, made: _Made, step: Any) -> Any:
        return rates.exact(made.reference._plan, self.dtype, step, made.ops, made.scope)

    def _as_tfa(self, made: _Made, step: Any) -> Any:
        return rates.as_tfa(self, step, made.scope)

    # --- copies and texts ------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes for copy and pickle, those of subclasses too, without what can be computed again."""
        state = {name: value for name, value in self.__dict__.items() if name not in _NOT_COPIED}
        # A named scale function is pickled as its name, since pickle cannot store a lambda. Others are pickled as functions.
        return state | ({"scale_fn": policies.to_data(self.scale_fn)} if policies.name_of(self.scale_fn) is not None else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        is_data = isinstance(state.get("scale_fn"), dict)
        self.__dict__.update(state | ({"scale_fn": policies.from_data(state["scale_fn"])} if is_data else {}))
        _ = self._made

    def __repr__(self) -> str:
        """Return Python for an equal schedule; variables, and functions that Python cannot find, are shown as they are."""
        ours = type(self).__module__ == PUBLIC
        texts = ", ".join(f"{argument}={text}" for argument, text in self._texts().items())
        return f"{f'{PUBLIC}.' if ours else ''}{type(self).__qualname__}({texts})"

    def _texts(self) -> dict[str, str]:
        """Return the arguments in Python, without those that have their defaults."""
        texts = reference.numbers_in_python(self._made.reference)
        if self.arithmetic == "tfa" and self.dtype == "float64":
            texts = {argument: arguments.wide(getattr(self, argument)) for argument in NUMBERS}
        for argument, default in self._arguments().items():
            value = getattr(self, argument)
            if argument == "scale_fn":
                texts[argument] = policies.expression(value)
            elif argument in (*NUMBERS, "step_size_down", "gamma") and value is not None:
                kept = repr(arguments.number(argument, value)) if argument == "gamma" else texts[argument]
                texts[argument] = repr(value) if api.is_variable(value) else kept
            elif value != default:
                texts[argument] = repr(value)
        return texts

    def __eq__(self, other: object) -> bool:
        """Return True for a schedule of the same class and arguments, of which variables are the same objects."""
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(type(self))  # all else can change

    def _key(self) -> Any:
        return self._made.reference, self._texts(), [*map(id, self._variables())]

    def _variables(self) -> list[Any]:
        """Return the arguments that are variables, which compiled functions follow."""
        return [value for value in map(self.__dict__.get, (*NUMBERS, "step_size_down", "gamma")) if api.is_variable(value)]

    # --- configs ---------------------------------------------------------------------------------------------------------

    def _arguments(self) -> dict[str, Any]:
        """Return the arguments of this class with their defaults; of a user's class, those of the class that it extends.

        The scale function that has replaced that of a policy's class is one more.
        """
        ours = next(kind for kind in type(self).__mro__ if kind.__module__ == PUBLIC)
        found = {name: parameter.default for name, parameter in inspect.signature(ours).parameters.items()}
        own = {} if "scale_fn" in found or self.scale_fn == self._own_scale_fn() else {"scale_fn": inspect.Parameter.empty}
        return found | own | {"dtype": "float32"}

    def _own_scale_fn(self) -> Any:
        """Return the scale function of a policy's class."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments.

        ``step_size_down``, ``name``, ``arithmetic`` and ``dtype`` are left out where they have their defaults: the config is
        then that of TFA. A scale function with a name is that name, another one is the function itself. What Keras saves holds
        a text for it.

        Returns:
            A dict for ``from_config``: JSON data, except for a function.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> TriangularCyclicalLearningRate(0.0, 1.0, 10).get_config()["step_size"]
            10
        """
        config = {}
        is_wide = self.arithmetic == "tfa" and self.dtype == "float64"
        for argument, default in self._arguments().items():
            value = getattr(self, argument)
            if argument == "scale_fn":
                config[argument] = arguments.stored(value, self)
            elif is_wide and argument in arguments.DETOURED:
                config[argument] = arguments.stored_wide(argument, value)
            elif argument in (*NUMBERS, "step_size_down", "gamma") and value is not None:
                config[argument] = arguments.number(argument, value)
            elif argument not in _LEFT_OUT or value != default:
                config[argument] = value
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the schedule of a config that ``get_config`` returned, or that TFA wrote.

        Args:
            config: the constructor's arguments. Those of clr_ref that a user's class does not accept are set afterwards.
            custom_objects: scale functions by their names, as for ``keras.models.load_model``.

        Returns:
            A schedule of this class.

        Raises:
            ValueError: a scale function whose name is not registered, or a lambda that TFA wrote.

        Examples:
            >>> from clr_ref.keras import TriangularCyclicalLearningRate
            >>> config = TriangularCyclicalLearningRate(0.0, 1.0, 10).get_config()
            >>> float(TriangularCyclicalLearningRate.from_config(config)(5))
            0.5
        """
        given = dict(config)
        for argument in arguments.DETOURED:
            if isinstance(given.get(argument), str):
                given[argument] = np.float64(from_hex(argument, given[argument]))
        if "scale_fn" in given:
            given["scale_fn"] = arguments.resolve(given["scale_fn"], custom_objects)
        parameters = inspect.signature(cls).parameters.values()
        accepted = {parameter.name for parameter in parameters}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            later = {name: given.pop(name) for name in (*_LEFT_OUT, "scale_fn") if name in given and name not in accepted}
        else:
            later = {}
        made = cls(**given)
        for name, value in later.items():
            setattr(made, name, value)
        return made


def _kept(name: str, value: Any, arithmetic: str, dtype: str) -> Any:
    """Return the value of an attribute as the schedule keeps it, checked by itself."""
    if name in NUMBERS or (name == "step_size_down" and value is not None):
        return arguments.kept(name, value, arithmetic, dtype)
    if name == "gamma":
        return arguments.kept(name, value, arithmetic, "float64")
    if name == "scale_fn":
        return arguments.resolve(value)
    if name == "dtype":
        return rounding.dtype_name(getattr(value, "as_numpy_dtype", value))
    if name == "name" and value is not None and not isinstance(value, str):
        raise TypeError(f"name must be a str or None, got {shown(value)} of type {type(value).__name__}")
    return one_of(name, value, ("exact", "tfa")) if name == "arithmetic" else value


def _make(attributes: dict[str, Any]) -> _Made:
    """Return what is computed from the attributes; raise the error of the first that is wrong."""
    arithmetic, dtype = attributes["arithmetic"], attributes["dtype"]
    if arithmetic == "tfa" and not api.ON_TENSORFLOW:
        raise ValueError(f"arithmetic 'tfa' must run on the TensorFlow backend, got {api.BACKEND!r}")
    for name in NUMBERS:
        _kept(name, attributes[name], arithmetic, dtype)
    made = reference.CyclicalLearningRate(
        **_numbers(attributes), scale_fn=attributes["scale_fn"], scale_mode=attributes["scale_mode"], dtype=dtype
    )
    if made.policy.scale is None and made.policy.function is None:
        raise policies.unsupported(made.policy, PUBLIC)
    ops = backends.OPS[api.BACKEND]()
    if ops.width == 32 and made.dtype == "float64":
        raise ValueError("dtype must be 'float32' on JAX without x64, got 'float64'")
    if made.step_size_down is not None and arithmetic == "exact":
        formula.check_period(made._plan, ops)
    if arithmetic == "exact":
        formula.prepare(made._plan, ops)
    if arithmetic == "tfa":
        as_symmetric(made, "arithmetic 'tfa'")
        arguments.check_tfa_initial(attributes["initial_learning_rate"], made.dtype)
    return _Made(attributes, made, ops, arguments.scope(attributes["name"]))


def _numbers(attributes: Mapping[str, Any]) -> dict[str, Any]:
    given = (*NUMBERS, "step_size_down") if attributes["step_size_down"] is not None else NUMBERS
    return {name: arguments.number(name, attributes[name]) for name in given}
