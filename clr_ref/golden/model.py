"""What a golden store holds, as it has been read: cases, records and the store itself."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clr_ref import policies
from clr_ref.golden.files import read_text
from clr_ref.golden.values import parse_values
from clr_ref.schedule import CyclicalLearningRate

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How TensorFlow runs a schedule, and what a step is given as.
Mode = Literal["eager", "function", "xla"]
StepDtype = Literal["python int", "int64", "float32"]
MODES: tuple[Mode, ...] = ("eager", "function", "xla")
#: Names of the records of TFA x TensorFlow pairs.
RECORD_NAME = re.compile(r"tf-\d+\.\d+\.\d+_tfa-\d+\.\d+\.\d+")


class StoreError(Exception):
    """The store is damaged, incomplete or unreadable; the message lists what is wrong."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One schedule of TFA and the steps at which it was evaluated; docs/GOLDEN.md says what the fields mean."""

    id: str
    cls: str
    policy: str
    inputs: Mapping[str, float]
    scale_mode: str
    dtype: str
    call: str
    ranges: tuple[tuple[int, int], ...]
    traced_steps: tuple[int, ...]
    note: str
    flags: tuple[str, ...]

    @functools.cached_property
    def steps(self) -> NDArray[np.int64]:
        """All steps of the ranges."""
        return np.concatenate([np.arange(start, stop, dtype=np.int64) for start, stop in self.ranges])

    def steps_for(self, mode: str, step_dtype: str) -> NDArray[np.int64]:
        """The steps at which a mode was evaluated: a graph mode traces each Python int anew, and therefore gets few."""
        if step_dtype == "python int" and mode != "eager":
            return np.array(self.traced_steps, np.int64)
        return self.steps

    @functools.cached_property
    def schedule(self) -> CyclicalLearningRate:
        """The schedule of clr_ref with the inputs of the case."""
        scale = policies.BUILT_IN[self.policy]
        scale_fn: policies.ScaleFn = scale(self.inputs["gamma"]) if "gamma" in self.inputs else scale()
        return CyclicalLearningRate(
            self.inputs["initial_learning_rate"],
            self.inputs["maximal_learning_rate"],
            self.inputs["step_size"],
            scale_fn,
            self.scale_mode,
            self.dtype,
        )

    @functools.cached_property
    def wide_schedule(self) -> CyclicalLearningRate:
        """The same schedule with the same rounded inputs, and rates in float64."""
        return dataclasses.replace(self.schedule, dtype="float64")


@dataclasses.dataclass(frozen=True)
class Entry:
    """What one mode gave for one case and step dtype: a values file and a digest, or an error."""

    case: str
    mode: Mode
    step_dtype: StepDtype
    values: str | None = None
    digest: str | None = None
    differs_in_array: int | None = None
    error: tuple[str, str] | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """What one TFA x TensorFlow pair gave. ``error`` says why the pair could not be installed; there is nothing else then."""

    name: str
    provenance: Mapping[str, Any]
    entries: tuple[Entry, ...] = ()
    behaviours: Mapping[str, str] = dataclasses.field(default_factory=dict)
    history: tuple[Mapping[str, str], ...] = ()
    error: str | None = None

    @property
    def tensorflow(self) -> str:
        """The version of TensorFlow."""
        return str(self.provenance["tensorflow"])

    @property
    def tensorflow_addons(self) -> str:
        """The version of TFA."""
        return str(self.provenance["tensorflow-addons"])


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """What seeded training gave on one TensorFlow with one Keras, as in the file; ``clr_ref.training`` knows the fields."""

    name: str
    provenance: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]]
    history: tuple[Mapping[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class AppliedRecord:
    """What optimizers applied with the schedules of one TFA on one TensorFlow.

    ``runs`` holds by name (class, optimizer, how) the applied rates, float32 of shape (updates,), or the class and first line
    of the error that was raised.
    """

    name: str
    provenance: Mapping[str, Any]
    inputs: Mapping[str, float]
    runs: Mapping[str, NDArray[np.float32] | tuple[str, str]]
    history: tuple[Mapping[str, str], ...] = ()


#: Results by what they are the result of: case, mode, step dtype, and a values file or a digest.
Holders = dict[tuple[str, Mode, StepDtype, str], list[str]]


@dataclasses.dataclass(frozen=True)
class Store:
    """A store that has been read. ``cases_sha256`` are the values in a record's provenance that belong to these cases."""

    folder: Path
    cases: Mapping[str, Case]
    flags: Mapping[str, str]
    digest_steps: int
    cases_sha256: frozenset[str]
    records: Mapping[str, Record] = dataclasses.field(default_factory=dict)
    training: Mapping[str, TrainingRecord] = dataclasses.field(default_factory=dict)
    applied: Mapping[str, AppliedRecord] = dataclasses.field(default_factory=dict)

    def values(self, case: str, name: str) -> NDArray[Any]:
        """The recorded rates of a values file, in the case's dtype, in the order of the case's steps."""
        text = read_text(self.folder / "values" / case / name)
        return parse_values(text, self.cases[case].dtype)[1]

    def in_ranges(self, names: Iterable[str]) -> str:
        """Return records as ranges in the order of the store, e.g. ``TF 2.1.4 TFA 0.7.1 to TF 2.3.4 TFA 0.11.2``."""
        chosen, every = set(names), list(self.records)
        if chosen == set(every):
            return "all pairs"
        ranges: list[list[str]] = []
        for index, name in enumerate(every):
            if name in chosen:
                if index and every[index - 1] in chosen:
                    ranges[-1].append(name)
                else:
                    ranges.append([name])

        def words(name: str) -> str:
            return f"TF {self.records[name].tensorflow} TFA {self.records[name].tensorflow_addons}"

        return ", ".join(words(r[0]) if len(r) == 1 else f"{words(r[0])} to {words(r[-1])}" for r in ranges)

    def files(self) -> Holders:
        """The names of the records that share each values file."""
        return self._holders("values")

    def digests(self) -> Holders:
        """The names of the records that share each digest."""
        return self._holders("digest")

    def _holders(self, field: str) -> Holders:
        holders: Holders = {}
        for record in self.records.values():
            for entry in record.entries:
                result = getattr(entry, field)
                if result is not None:
                    holders.setdefault((entry.case, entry.mode, entry.step_dtype, result), []).append(record.name)
        return holders


def record_order(name: str) -> tuple[int, ...]:
    """Sort key of record names: by TensorFlow version, then by TFA version."""
    return tuple(int(number) for number in re.findall(r"\d+", name))
