"""The file of a study, in TOML, and the grid of cells that it names."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import clr_ref
from clr_ref._files import TomlError, read_toml
from clr_ref._inputs import is_finite, shown
from clr_ref.study.cell import Cell, Swept
from clr_ref.training.experiment import TUTORIAL, Experiment, Optimizer
from clr_ref.training.model import checked_seed

#: The keys of the file.
_KEYS = {"model", "models", "seeds", "epochs", "batch_size", "subset", "validation", "loss", "arms", "range_test"}
_POLICIES = {name: getattr(clr_ref, name) for name in ("triangular", "triangular2", "exp_range")}
_CYCLE = ("step_size", "step_size_down", "gamma")
_BOUNDS = ("initial_learning_rate", "maximal_learning_rate")
_ARM_KEYS = {"learning_rate", "policy", "bounds", "optimizer", *_BOUNDS, *_CYCLE}
#: What a list of values stands for: one arm for each.
_GRID = ("learning_rate", *_BOUNDS, *_CYCLE, "optimizer")
#: Stands for the optimizer and the rate with which the model is compiled.
OWN = "model"


class StudyError(ValueError):
    """The file cannot be read, or a value is wrong; the message names file, key and value, and what is accepted."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way to train: a schedule, a constant, None for the compiled model's own; or bounds from each seed's range test."""

    name: str
    schedule: clr_ref.CyclicalLearningRate | float | None
    optimizer: Optimizer | None = None
    swept: Swept | None = None


@dataclasses.dataclass(frozen=True)
class Study:
    """A grid: each model with each arm and each seed.

    ``document`` is the content of the file, of which ``of_document`` makes the same study again.
    """

    document: Mapping[str, Any]
    models: tuple[str, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    epochs: int
    batch_size: int
    subset: int | None
    validation: float
    loss: str | None

    def __len__(self) -> int:
        return len(self.models) * len(self.arms) * len(self.seeds)

    def cells(self) -> Iterator[Cell]:
        """The cells, seed by seed, so that a study that is stopped has compared as many arms as possible."""
        for seed, model, arm in itertools.product(self.seeds, self.models, self.arms):
            experiment = Experiment(
                arm.schedule,
                epochs=self.epochs,
                batch_size=self.batch_size,
                seed=seed,
                model=model,
                optimizer=arm.optimizer,
                loss=None if model == TUTORIAL else self.loss,
            )
            yield Cell(arm.name, experiment, arm.swept)


def read(path: Path) -> Study:
    """The study of a file.

    Raises:
        StudyError: the file cannot be read, is no TOML, or names no study.
    """
    try:
        document = read_toml(path, "study")
    except TomlError as error:
        raise StudyError(str(error)) from None
    return of_document(document, str(path))


def of_document(document: Mapping[str, Any], where: str) -> Study:
    """The study of a file's content.

    Args:
        document: the content.
        where: the name of the file in an error.

    Raises:
        StudyError: a key or a value is wrong.
    """
    table = _Table(document, where)
    table.only(_KEYS)
    models = _models(table)
    subset = table.whole("subset") if "subset" in table.values else None
    share = table.number("validation", 0.2)
    if not 0 < share < 1:
        raise table.wrong("validation", share, "a number greater than 0 and less than 1")
    arms = _arms(table)
    if TUTORIAL in models and any(arm.schedule is None and arm.swept is None for arm in arms):
        raise StudyError(f'{where}: learning_rate = "{OWN}" goes with models of your own, not with "{TUTORIAL}"')
    return Study(
        document,
        models,
        arms,
        _seeds(table),
        table.whole("epochs", 10),
        table.whole("batch_size", 64),
        subset,
        share,
        table.text("loss", None),
    )


@dataclasses.dataclass(frozen=True)
class _Table:
    """A table of the file, and where it stands."""

    values: Mapping[str, Any]
    where: str

    def wrong(self, key: str, value: object, accepted: str) -> StudyError:
        return StudyError(f"{self.where}: {key} must be {accepted}, got {shown(value)}")

    def only(self, known: set[str]) -> None:
        for key in self.values:
            if key not in known:
                raise StudyError(f"{self.where}: there is no key {shown(key)}; it has {', '.join(sorted(known))}")

    def whole(self, key: str, default: int | None = None) -> int:
        value: Any = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**63:
            raise self.wrong(key, value, "a whole number 1 .. 2**63-1")
        return int(value)

    def number(self, key: str, default: float | None) -> float:
        value = self.values.get(key, default)
        if value is None:
            raise StudyError(f"{self.where}: {key} is missing")
        if not is_finite(value):
            raise self.wrong(key, value, "a finite number")
        return float(value)

    def text(self, key: str, default: str | None) -> str | None:
        value = self.values.get(key, default)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.wrong(key, value, "a text")
        return value

    def table(self, key: str) -> _Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, value, f"a table [{key}]")
        return _Table(value, f"{self.where}: {key}")


def _models(table: _Table) -> tuple[str, ...]:
    if ("model" in table.values) == ("models" in table.values):
        raise StudyError(f"{table.where}: give model, or a list of models, and not both")
    if "model" in table.values:
        return (str(table.text("model", None)),)
    value = table.values["models"]
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise table.wrong("models", value, 'a list of texts such as "small.py:make"')
    if len(set(value)) < len(value):
        raise table.wrong("models", value, "a list of different models")
    return tuple(value)


def _seeds(table: _Table) -> tuple[int, ...]:
    value = table.values.get("seeds", 1)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**20:
        return tuple(range(value))
    try:
        if not isinstance(value, list) or not value:
            raise ValueError
        found = tuple(map(checked_seed, value))
    except ValueError:
        accepted = "a number of seeds from 1 to 2**20-1, or a list of whole numbers 0 .. 2**32-1"
        raise table.wrong("seeds", value, accepted) from None
    if len(set(found)) < len(found):
        raise table.wrong("seeds", value, "a list of different seeds")
    return found


def _arms(table: _Table) -> tuple[Arm, ...]:
    named = table.table("arms")
    if not named.values:
        raise StudyError(f"{table.where}: there must be an arm, such as [arms.plain] with learning_rate = 0.01")
    sweep = _sweep(table.table("range_test"))
    arms = [arm for name in named.values for arm in _of_grid(name, named.table(name), sweep)]
    names = [arm.name for arm in arms]
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"{table.where}: two arms have the name {shown(name)}")
    return tuple(arms)


def _of_grid(name: str, table: _Table, sweep: Mapping[str, Any]) -> Iterator[Arm]:
    """One arm for each combination of the listed values."""
    table.only(_ARM_KEYS)
    lists = {key: table.values[key] for key in _GRID if isinstance(table.values.get(key), list)}
    for key, values in lists.items():
        if not values:
            raise table.wrong(key, values, "a value, or a list with at least one")
    for values in itertools.product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        words = [f"{key} {_word(value)}" for key, value in chosen.items()]
        yield _arm(", ".join([name, *words]), _Table({**table.values, **chosen}, table.where), sweep)


def _word(value: Any) -> str:
    """A value in the name of an arm, before it is known to be a right one."""
    if isinstance(value, dict) and "name" in value:
        arguments = [f"{key}={_word(argument)}" for key, argument in value.items() if key != "name"]
        return " ".join([_word(value["name"]), *arguments])
    return value if isinstance(value, str) else shown(value)


def _arm(name: str, table: _Table, sweep: Mapping[str, Any]) -> Arm:
    keys = set(table.values)
    optimizer = _optimizer(table)
    if "learning_rate" in keys:
        if others := keys - {"learning_rate", "optimizer"}:
            raise StudyError(f"{table.where}: learning_rate excludes {', '.join(sorted(others))}")
        if table.values["learning_rate"] == OWN:
            if optimizer is not None:
                raise StudyError(
                    f'{table.where}: learning_rate = "{OWN}" keeps the optimizer of the compiled model; leave out optimizer'
                )
            return Arm(name, None)
        value = table.values["learning_rate"]
        if not is_finite(value) or value < 0:
            raise table.wrong("learning_rate", value, f'a finite number >= 0, or "{OWN}" for that of the compiled model')
        return Arm(name, float(value), optimizer)
    policy = table.values.get("policy")
    if not isinstance(policy, str) or policy not in _POLICIES:
        if policy is None:
            raise StudyError(f"{table.where}: give learning_rate, or a policy: {', '.join(_POLICIES)}")
        raise table.wrong("policy", policy, f"one of {', '.join(_POLICIES)}")
    cycle = {key: table.number(key, None) for key in _CYCLE if key in keys}
    if policy != "exp_range" and "gamma" in cycle:
        raise StudyError(f"{table.where}: gamma goes with the policy exp_range, not with {policy}")
    if "bounds" not in keys:
        bounds = {key: table.number(key, None) for key in _BOUNDS}
        return Arm(name, _schedule(table, policy, bounds, cycle), optimizer)
    if table.values["bounds"] != "range-test":
        raise table.wrong("bounds", table.values["bounds"], '"range-test", or left out')
    if others := keys & set(_BOUNDS):
        raise StudyError(f"{table.where}: bounds excludes {', '.join(sorted(others))}")
    swept = Swept(policy, cycle, **sweep)
    _schedule(table, policy, dict(zip(_BOUNDS, (swept.minimal_learning_rate, swept.maximal_learning_rate), strict=True)), cycle)
    return Arm(name, swept.minimal_learning_rate, optimizer, swept)


def _schedule(table: _Table, policy: str, bounds: dict[str, float], cycle: dict[str, float]) -> clr_ref.CyclicalLearningRate:
    if "step_size" not in cycle:
        raise StudyError(f"{table.where}: step_size is missing: the number of steps from the initial to the maximal rate")
    try:
        made: clr_ref.CyclicalLearningRate = _POLICIES[policy](**bounds, **cycle)
    except (TypeError, ValueError) as error:
        raise StudyError(f"{table.where}: {error}") from None
    return made


#: The defaults of ``clr-ref range-test``.
_SWEEP = {"minimal_learning_rate": 1e-4, "maximal_learning_rate": 10.0}


def _sweep(table: _Table) -> dict[str, Any]:
    """The steps and the bounds of the range tests."""
    from clr_ref.range_test import curve

    table.only({"steps", *_SWEEP})
    minimal, maximal = (table.number(key, default) for key, default in _SWEEP.items())
    steps = table.whole("steps", 200)
    try:
        curve.rates(minimal, maximal, 2, "exponential")
    except ValueError as error:
        raise StudyError(f"{table.where}: {error}") from None
    if not 20 <= steps <= 10**6:
        raise table.wrong("steps", steps, "a whole number 20 .. 10**6")
    return {"steps": steps, "minimal_learning_rate": minimal, "maximal_learning_rate": maximal}


def _optimizer(table: _Table) -> Optimizer | None:
    value = table.values.get("optimizer")
    if value is None:
        return None
    if isinstance(value, str) and value:
        return Optimizer(value)
    accepted = 'a text such as "adam", or a table with its name and arguments'
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        raise table.wrong("optimizer", value, accepted)
    arguments = {key: argument for key, argument in value.items() if key != "name"}
    for key, argument in arguments.items():
        if not _is_argument(argument):
            raise table.wrong(f"optimizer.{key}", argument, "a finite number, a text, true, false, or a list of such")
    if "learning_rate" in arguments:
        raise StudyError(f"{table.where}: optimizer: the arm gives the learning_rate; leave it out here")
    return Optimizer(value["name"], arguments)


def _is_argument(value: Any) -> bool:
    return all(map(_is_argument, value)) if isinstance(value, list) else isinstance(value, (bool, str)) or is_finite(value)
