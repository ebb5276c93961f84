"""The golden store: what TFA answered, read, verified and replaced as a whole.

    cases.json                              the inputs, the steps and why each case exists; written by hand
    records/tf-X_tfa-Y.json                 provenance, results per case x mode x step dtype, behaviours
    values/<case>/<mode>-<hash8>.csv        step,hex,decimal; content-addressed, shared by the records that agree
    training/tf-X_<keras>-Y.json            digests of seeded training runs (``clr_ref.training``), with provenance
    applied/tf-X_tfa-Y.json                 the rates that optimizers applied with TFA's schedules, with provenance
    SHA256SUMS                              of all of the above, so that ``sha256sum -c`` checks the store without Python

``problems`` finds everything that is wrong with a store; ``read`` refuses a store that has any.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from clr_ref import scale as scales
from clr_ref.schedule import CyclicalLearningRate
from clr_ref.tfa_arithmetic import MODES, Mode, StepDtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
SUMS = "SHA256SUMS"
RECORD_NAME = re.compile(r"tf-\d+\.\d+\.\d+_tfa-\d+\.\d+\.\d+")
VALUES_NAME = re.compile(r"(eager|function|xla)-[0-9a-f]{8}\.csv")
TRAINING_NAME = re.compile(r"tf-\d+\.\d+\.\d+_(keras|tf-keras|tf\.keras)-\d+\.\d+\.\d+")
DIGEST = re.compile(r"[0-9a-f]{64}")
#: Steps of one case at most: a damaged range must not exhaust the memory.
MAX_STEPS = 1_000_000
#: The commands that end each message about cases and records that do not belong together.
NEXT = "run `tox run -m record`, then `clr-ref golden accept`"
REPLACE = "run `tox run -m record`, then `clr-ref golden accept --overwrite --reason TEXT`"
#: Older recordings name the sha256 of all of cases.json, notes too. Without this entry, an edited note would make them stale.
_OLDER_CASES = {
    "35102d373270b5a7f6cccbf9dc30069eaef4904aec861912e8e0a2d1407e353d": (
        "e5454b57ba73381e763b85ef21bc899d4cab809391a3d118127f4808fc394f36"
    ),
}
#: What reading data that is not in the form of the store raises.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

_Parsed = TypeVar("_Parsed")


class StoreError(Exception):
    """The store is damaged, incomplete or unreadable; the message lists what is wrong."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One schedule of TFA and the steps at which it was asked.

    ``policy`` is the scale function; ``cls`` the TFA class. ``call`` says whether tensors were asked one step at a time or as
    one array. ``traced_steps`` are the Python ints asked in graph modes, where each is a trace of its own.
    """

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
        return np.concatenate([np.arange(start, stop, dtype=np.int64) for start, stop in self.ranges])

    def steps_for(self, mode: str, step_dtype: str) -> NDArray[np.int64]:
        """The steps that a mode was asked."""
        if step_dtype == "python int" and mode != "eager":
            return np.array(self.traced_steps, np.int64)
        return self.steps

    @functools.cached_property
    def schedule(self) -> CyclicalLearningRate:
        return self._schedule(self.dtype)

    @functools.cached_property
    def wide_schedule(self) -> CyclicalLearningRate:
        """The same schedule with the same rounded inputs, answering float64."""
        narrow = self.schedule
        return CyclicalLearningRate(
            narrow.initial_learning_rate,
            narrow.maximal_learning_rate,
            narrow.step_size,
            narrow.scale_fn,
            narrow.scale_mode,
            "float64",
        )

    def _schedule(self, dtype: str) -> CyclicalLearningRate:
        scale_fn: scales.ScaleFn = (
            scales.Exponential(self.inputs["gamma"]) if self.policy == "exp_range" else (scales.BUILT_IN[self.policy]())
        )
        return CyclicalLearningRate(
            self.inputs["initial_learning_rate"],
            self.inputs["maximal_learning_rate"],
            self.inputs["step_size"],
            scale_fn,
            self.scale_mode,
            dtype,
        )


@dataclasses.dataclass(frozen=True)
class Entry:
    """What one mode answered for one case and step dtype: a values file and a digest, or an error."""

    case: str
    mode: Mode
    step_dtype: StepDtype
    values: str | None = None
    digest: str | None = None
    differs_in_array: int | None = None
    error: tuple[str, str] | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """One TFA x TensorFlow pair. ``error`` says why there is nothing else, where the pair could not be installed."""

    name: str
    provenance: Mapping[str, Any]
    entries: tuple[Entry, ...] = ()
    behaviours: Mapping[str, str] = dataclasses.field(default_factory=dict)
    history: tuple[Mapping[str, str], ...] = ()
    error: str | None = None

    @property
    def tensorflow(self) -> str:
        return str(self.provenance["tensorflow"])

    @property
    def tensorflow_addons(self) -> str:
        return str(self.provenance["tensorflow-addons"])


@dataclasses.dataclass(frozen=True)
class TrainingRecord:
    """What seeded training gave on one TensorFlow with one Keras: per case its digests and per-epoch history."""

    name: str
    provenance: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]]
    history: tuple[Mapping[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
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


@dataclasses.dataclass(frozen=True)
class Store:
    """A store that has been read and found sound."""

    folder: Path
    cases: Mapping[str, Case]
    flags: Mapping[str, str]
    digest_steps: int
    cases_sha256: frozenset[str]
    records: Mapping[str, Record]
    training: Mapping[str, TrainingRecord] = dataclasses.field(default_factory=dict)
    applied: Mapping[str, AppliedRecord] = dataclasses.field(default_factory=dict)

    def values(self, case: str, name: str) -> NDArray[Any]:
        """The recorded rates of a values file, in the case's dtype, in the order of the case's steps."""
        text = (self.folder / "values" / case / name).read_text("utf-8")
        return parse_values(text, self.cases[case].dtype)[1]

    def files(self) -> dict[tuple[str, Mode, StepDtype, str], list[str]]:
        """The distinct answers: (case, mode, step dtype, values file) -> the records that gave it."""
        found: dict[tuple[str, Mode, StepDtype, str], list[str]] = {}
        for record in self.records.values():
            for entry in record.entries:
                if entry.values is not None:
                    found.setdefault((entry.case, entry.mode, entry.step_dtype, entry.values), []).append(record.name)
        return found

    def digests(self) -> dict[tuple[str, Mode, StepDtype, str], list[str]]:
        """The distinct digests: (case, mode, step dtype, sha256) -> the records that gave it."""
        found: dict[tuple[str, Mode, StepDtype, str], list[str]] = {}
        for record in self.records.values():
            for entry in record.entries:
                if entry.digest is not None:
                    found.setdefault((entry.case, entry.mode, entry.step_dtype, entry.digest), []).append(record.name)
        return found


def default_folder() -> Path:
    """The store that came with the package: in the wheel, or beside the package in a checkout."""
    packaged = Path(__file__).parent / "data"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "golden"


def read(folder: Path | None = None) -> Store:
    """Read a store.

    Raises:
        StoreError: the store is missing, damaged or incomplete; the message names every problem.
    """
    store, found = _examine(folder or default_folder())
    if store is None or found:
        raise StoreError("\n".join(found))
    return store


def problems(folder: Path | None = None) -> list[str]:
    """Everything that is wrong with a store, one line each; empty where it is sound."""
    return _examine(folder or default_folder())[1]


def record_order(name: str) -> tuple[int, ...]:
    """Sort key of record names: by TensorFlow version, then by TFA version."""
    return tuple(int(number) for number in re.findall(r"\d+", name))


# --- values files ----------------------------------------------------------------------------------------------------


def render_values(steps: Any, values: Any) -> str:
    """The text of a values file."""
    lines = [f"{t},{float(v).hex()},{_decimal(v)}" for t, v in zip(np.asarray(steps).tolist(), values, strict=True)]
    return "\n".join(["step,hex,decimal", *lines]) + "\n"


def parse_values(text: str, dtype: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The steps and the rates of a values file.

    Raises:
        ValueError: not a values file.
    """
    lines = text.splitlines()
    if not lines or lines[0] != "step,hex,decimal":
        raise ValueError("the header is not step,hex,decimal")
    rows = [line.split(",") for line in lines[1:]]
    if any(len(row) != 3 for row in rows):
        raise ValueError("a line does not have three fields")
    with np.errstate(over="ignore"):
        return (
            np.array([int(row[0]) for row in rows], np.int64),
            np.array([float.fromhex(row[1]) for row in rows], np.float64).astype(dtype),
        )


def values_name(mode: str, text: str) -> str:
    """The content address of a values file."""
    return f"{mode}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.csv"


def _decimal(value: Any) -> str:
    if not np.isfinite(value):
        return repr(float(value))
    return np.format_float_scientific(value, unique=True, trim="-")


# --- sums ------------------------------------------------------------------------------------------------------------


def render_sums(folder: Path) -> str:
    """What SHA256SUMS has to say of a folder."""
    return "".join(f"{sha256((folder / name).read_bytes())}  {name}\n" for name in file_names(folder))


def file_names(folder: Path) -> list[str]:
    """Every file below the folder but SHA256SUMS, as sorted relative names."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in names]
    return sorted(name for name in found if name != SUMS)


def sha256(data: bytes) -> str:
    """The sha256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


# --- examining -------------------------------------------------------------------------------------------------------


def _examine(folder: Path) -> tuple[Store | None, list[str]]:
    """The store, as far as it could be read, and all that is wrong with it, causes before their effects."""
    found: list[str] = []
    try:
        if not (folder / "cases.json").is_file():
            return None, [f"{folder}: no cases.json: not a golden store"]
        store = parse(folder, found)
        of_sums = sums_problems(folder)
        if store is not None and not found:
            found += coverage_problems(store)
        # Where a record is missing or unreadable, its values would be called orphaned.
        if store is not None and not found and not any(problem.startswith("records/") for problem in of_sums):
            found += values_problems(store)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        found.append(f"{folder}: {error}")
        return None, found
    named = {problem.partition(": ")[0] for problem in found}
    return store, found + [problem for problem in of_sums if problem.partition(": ")[0] not in named]


def coverage_problems(store: Store) -> list[str]:
    """At most one message: the records were not made of exactly the cases of cases.json."""
    recorded = {record.name: {entry.case for entry in record.entries} for record in store.records.values() if not record.error}
    missing = [case for case in store.cases if any(case not in cases for cases in recorded.values())]
    unknown = sorted({case for cases in recorded.values() for case in cases} - set(store.cases))
    if unknown:
        return [f"cases.json: {_cases(unknown)} recorded, but not there; put back what was removed or renamed, or {REPLACE}"]
    if missing:
        pairs = [name for name, cases in recorded.items() if not cases.issuperset(missing)]
        which = "no pair" if len(pairs) == len(recorded) else f"{len(recorded) - len(pairs)} of {len(recorded)} pairs"
        return [f"cases.json: {_cases(missing)} recorded for {which}; {NEXT}"]
    others = [name for name in recorded if store.records[name].provenance["cases_sha256"] not in store.cases_sha256]
    if others:
        made = f"{len(others)} of {len(recorded)} records were made of other inputs or steps, {others[0]} for one"
        return [f"cases.json: {made}; undo the change, or {REPLACE}"]
    return []


def _cases(names: list[str]) -> str:
    return f"case {names[0]!r} is" if len(names) == 1 else f"cases {', '.join(map(repr, names))} are"


def recorder_input(document: Mapping[str, Any]) -> str:
    """What of cases.json a recording depends on, as the text of the file that the recorder reads.

    Notes, flags, decimals and the order of the cases are left out, so that an edit of those makes no record stale.
    """
    cases = []
    for case in sorted(document["cases"], key=lambda case: str(case["id"])):
        inputs = {name: {"hex": value["hex"]} for name, value in case["inputs"].items()}
        cases.append({**{k: v for k, v in case.items() if k not in ("note", "flags")}, "inputs": inputs})
    needed = {"format": document["format"], "digest_steps": document["digest_steps"], "cases": cases}
    return json.dumps(needed, indent=1, sort_keys=True) + "\n"


def accepted_cases_sha256(path: Path) -> frozenset[str]:
    """Every ``cases_sha256`` of a recording that was made of the inputs and steps of this cases.json.

    Raises:
        OSError, or one of MALFORMED: the file cannot be read.
    """
    now = sha256(recorder_input(load_json(path)).encode())
    # The recorder hashes text, so that line ends do not count. It can also be run by hand, on cases.json itself.
    whole = sha256(path.read_text("utf-8").encode())
    return frozenset({now, whole} | ({_OLDER_CASES[now]} if now in _OLDER_CASES else set()))


def parse(folder: Path, found: list[str]) -> Store | None:
    """The store as its JSON files say, without a look at values or sums. Problems go to ``found``; None for no store."""
    if not (folder / "cases.json").is_file():
        found.append(f"{folder}: no cases.json: not a golden store")
        return None
    try:
        document = load_json(folder / "cases.json")
        _expect_fields(document, "cases.json", {"format", "digest_steps", "flags", "cases"})
        if document["format"] != FORMAT:
            raise ValueError(f"format must be {FORMAT}, got {document['format']!r}")
        flags = {str(k): str(v) for k, v in document["flags"].items()}
        parsed = [parse_case(data, flags) for data in document["cases"]]
        cases = {case.id: case for case in parsed}
        if len(cases) < len(parsed):
            raise ValueError("two cases have one id")
        if not cases:
            raise ValueError("no case")
        cases_sha256 = accepted_cases_sha256(folder / "cases.json")
        digest_steps = _positive(document["digest_steps"])
    except MALFORMED as error:
        found.append(f"cases.json: {error}")
        return None
    records = {}
    for path in sorted((folder / "records").glob("*.json"), key=lambda path: record_order(path.stem)):
        try:
            records[path.stem] = parse_record(path.stem, load_json(path))
        except MALFORMED as error:
            found.append(f"records/{path.name}: {error}")
    if not records and not found:
        found.append(f"records: no record: the store is empty; {NEXT}")
    training = _each(folder / "training", parse_training, found)
    applied = _each(folder / "applied", parse_applied, found)
    return Store(folder, cases, flags, digest_steps, cases_sha256, records, training, applied)


def _each(folder: Path, parse_one: Callable[[str, Any], _Parsed], found: list[str]) -> dict[str, _Parsed]:
    """Every file of a folder, by its stem, oldest release first. Problems go to ``found``."""
    parsed = {}
    for path in sorted(folder.glob("*"), key=lambda path: record_order(path.stem)):
        try:
            parsed[path.stem] = parse_one(path.name, load_json(path))
        except MALFORMED as error:
            found.append(f"{folder.name}/{path.name}: {error}")
    return parsed


def load_json(path: Path) -> Any:
    """A JSON file; a key that stands twice in one object is a ValueError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError(f"a key stands twice: {', '.join(key for key, _ in pairs)}")
        return dict(pairs)

    return json.loads(path.read_text("utf-8"), object_pairs_hook=unique)


def _expect_fields(data: Any, where: str, required: set[str], optional: frozenset[str] = frozenset()) -> None:
    if not isinstance(data, dict):
        raise ValueError(f"{where} must be an object, got {data!r}")
    unknown, missing = set(data) - required - optional, required - set(data)
    if unknown or missing:
        parts = [f"unknown field {name!r}" for name in sorted(unknown)] + [f"missing field {n!r}" for n in sorted(missing)]
        raise ValueError(f"{where}: {', '.join(parts)}")


def _positive(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"expected a whole number > 0, got {value!r}")
    return value


def parse_case(data: Any, flags: Mapping[str, str]) -> Case:
    """One case of cases.json. ValueError, TypeError or KeyError where it is none."""
    fields = {"id", "class", "policy", "inputs", "scale_mode", "dtype", "call", "steps", "traced_steps", "note", "flags"}
    _expect_fields(data, "case", fields)
    where = f"case {data['id']}"
    inputs = {"initial_learning_rate", "maximal_learning_rate", "step_size"}
    if data["policy"] not in scales.BUILT_IN:
        raise ValueError(f"{where}: unknown policy {data['policy']!r}")
    _expect_fields(data["inputs"], where, inputs | ({"gamma"} if data["policy"] == "exp_range" else set()))
    numbers = {}
    for name, value in data["inputs"].items():
        _expect_fields(value, f"{where}: {name}", {"decimal", "hex"})
        numbers[name] = float.fromhex(value["hex"])
        if numbers[name] != value["decimal"]:
            raise ValueError(f"{where}: {name}: decimal {value['decimal']!r} is not hex {value['hex']}")
    ranges = tuple((int(start), int(stop)) for start, stop in data["steps"])
    bounds = [bound for pair in ranges for bound in pair]
    if not bounds or bounds[0] < 0 or any(a >= b for a, b in ranges) or bounds != sorted(bounds):
        raise ValueError(f"{where}: steps must be ascending ranges [start, stop), got {data['steps']!r}")
    if sum(stop - start for start, stop in ranges) > MAX_STEPS:
        raise ValueError(f"{where}: more than {MAX_STEPS:,} steps")
    if data["call"] not in ("scalar", "array"):
        raise ValueError(f"{where}: call must be 'scalar' or 'array', got {data['call']!r}")
    if not data["note"] or not isinstance(data["note"], str):
        raise ValueError(f"{where}: a note must say why the case exists")
    if set(data["flags"]) - set(flags):
        raise ValueError(f"{where}: unknown flags {sorted(set(data['flags']) - set(flags))}")
    case = Case(
        id=str(data["id"]),
        cls=str(data["class"]),
        policy=data["policy"],
        inputs=numbers,
        scale_mode=data["scale_mode"],
        dtype=data["dtype"],
        call=data["call"],
        ranges=ranges,
        traced_steps=tuple(int(t) for t in data["traced_steps"]),
        note=data["note"],
        flags=tuple(data["flags"]),
    )
    case.schedule  # noqa: B018  # raises ValueError where the inputs are no schedule
    return case


PROVENANCE = {"tensorflow", "tensorflow-addons", "numpy", "python", "os", "cpu", "recorder_sha256", "cases_sha256"}


def parse_record(name: str, data: Any) -> Record:
    """One record, named as its file. ValueError, TypeError, KeyError or AttributeError where it is none of these cases."""
    if not RECORD_NAME.fullmatch(name):
        raise ValueError("the name is not tf-X.Y.Z_tfa-A.B.C")
    if isinstance(data, dict) and "error" in data:
        _expect_fields(data, "record", {"format", "provenance", "error"}, frozenset({"history"}))
        _expect_fields(data["provenance"], "provenance", {"tensorflow", "tensorflow-addons", "python"})
    else:
        _expect_fields(data, "record", {"format", "provenance", "results", "behaviours"}, frozenset({"history"}))
        _expect_fields(data["provenance"], "provenance", PROVENANCE)
        _expect_fields(data["provenance"]["cpu"], "cpu", {"machine", "model", "flags"})
    if data["format"] != FORMAT:
        raise ValueError(f"format must be {FORMAT}, got {data['format']!r}")
    provenance = data["provenance"]
    if name != f"tf-{provenance['tensorflow']}_tfa-{provenance['tensorflow-addons']}":
        raise ValueError(f"the name is not that of {provenance['tensorflow']} and {provenance['tensorflow-addons']}")
    history = []
    for step in data.get("history", []):
        _expect_fields(step, "history", {"reason", "replaced_sha256"})
        history.append(step)
    if "error" in data:
        return Record(name, provenance, history=tuple(history), error=str(data["error"]))
    behaviours = {}
    for title, outcome in data["behaviours"].items():
        _expect_fields(outcome, f"behaviour {title}", set(), frozenset({"outcome", "error"}))
        if "outcome" in outcome:
            behaviours[title] = outcome["outcome"]
        else:
            _expect_fields(outcome["error"], f"behaviour {title}", {"class", "message"})
            behaviours[title] = "{class}: {message}".format(**outcome["error"])
    return Record(name, provenance, tuple(parse_entries(data["results"])), behaviours, tuple(history))


def parse_entries(results: Any) -> Iterator[Entry]:
    """The entries of a record's results, in their order."""
    for case, modes in results.items():
        _expect_fields(modes, case, set(MODES))
        for mode, kinds in modes.items():
            _expect_fields(kinds, f"{case} {mode}", {"python int", "int64", "float32"})
            for step_dtype, data in kinds.items():
                where = f"{case} {mode} {step_dtype}"
                if "error" in data:
                    _expect_fields(data, where, {"error"})
                    _expect_fields(data["error"], where, {"class", "message"})
                    yield Entry(case, mode, step_dtype, error=(data["error"]["class"], data["error"]["message"]))
                    continue
                tensors = set() if step_dtype == "python int" else {"digest", "differs_in_array"}
                _expect_fields(data, where, {"values"} | tensors)
                if not VALUES_NAME.fullmatch(data["values"]) or not data["values"].startswith(mode):
                    raise ValueError(f"{where}: {data['values']!r} is no values file of this mode")
                if tensors and not DIGEST.fullmatch(data["digest"]):
                    raise ValueError(f"{where}: {data['digest']!r} is no sha256")
                yield Entry(case, mode, step_dtype, **data)


TRAINING_PROVENANCE = {"versions", "cpu", "settings", "data"}
TRAINING_RUN = {"experiment", "pictures", "steps", "rates_sha256", "losses_sha256", "weights_sha256", "epochs"}


def parse_training(file_name: str, data: Any) -> TrainingRecord:
    """One training record. ValueError, TypeError, KeyError or AttributeError where it is none."""
    name = file_name.removesuffix(".json")
    if not TRAINING_NAME.fullmatch(name) or name == file_name:
        raise ValueError("the name is not tf-X.Y.Z_<keras>-A.B.C.json, with keras, tf-keras or tf.keras")
    _expect_fields(data, "record", {"format", "provenance", "runs"}, frozenset({"history"}))
    if data["format"] != FORMAT:
        raise ValueError(f"format must be {FORMAT}, got {data['format']!r}")
    provenance = data["provenance"]
    _expect_fields(provenance, "provenance", TRAINING_PROVENANCE)
    _expect_fields(provenance["cpu"], "cpu", {"machine", "model", "flags", "caches"})
    versions = provenance["versions"]
    if name != f"tf-{versions['tensorflow']}_{versions['keras']}":
        raise ValueError(f"the name is not that of {versions['tensorflow']} and {versions['keras']}")
    if not data["runs"]:
        raise ValueError("no run: the record is empty")
    for case, one in data["runs"].items():
        _expect_fields(one, case, TRAINING_RUN)
        for field in ("rates_sha256", "losses_sha256", "weights_sha256"):
            if not DIGEST.fullmatch(one[field]):
                raise ValueError(f"{case}: {field}: {one[field]!r} is no sha256")
        _positive(one["steps"])
        _positive(one["pictures"])
    for step in data.get("history", []):
        _expect_fields(step, "history", {"reason", "replaced_sha256"})
    return TrainingRecord(name, provenance, data["runs"], tuple(data.get("history", [])))


def parse_applied(file_name: str, data: Any) -> AppliedRecord:
    """One record of applied rates. ValueError, TypeError, KeyError or AttributeError where it is none."""
    name = file_name.removesuffix(".json")
    if not RECORD_NAME.fullmatch(name) or name == file_name:
        raise ValueError("the name is not tf-X.Y.Z_tfa-A.B.C.json")
    _expect_fields(data, "record", {"format", "provenance", "inputs", "runs"}, frozenset({"history"}))
    if data["format"] != FORMAT:
        raise ValueError(f"format must be {FORMAT}, got {data['format']!r}")
    _expect_fields(data["provenance"], "provenance", {"versions", "cpu"})
    _expect_fields(data["provenance"]["cpu"], "cpu", {"machine", "model", "flags", "caches"})
    versions = data["provenance"]["versions"]
    if name != f"tf-{versions['tensorflow']}_tfa-{versions['tensorflow-addons']}":
        raise ValueError(f"the name is not that of {versions['tensorflow']} and {versions['tensorflow-addons']}")
    _expect_fields(data["inputs"], "inputs", {"initial_learning_rate", "maximal_learning_rate", "step_size", "gamma"})
    if not data["runs"]:
        raise ValueError("no run: the record is empty")
    runs: dict[str, NDArray[np.float32] | tuple[str, str]] = {}
    for title, run in data["runs"].items():
        if set(run) == {"error"}:
            kind, message = run["error"]
            runs[title] = (str(kind), str(message))
            continue
        _expect_fields(run, title, {"rates"})
        rates = np.array([float.fromhex(rate) for rate in run["rates"]])
        if not len(rates) or not (rates == rates.astype(np.float32)).all():
            raise ValueError(f"{title}: the rates are not those of float32")
        runs[title] = rates.astype(np.float32)
    for step in data.get("history", []):
        _expect_fields(step, "history", {"reason", "replaced_sha256"})
    inputs = {field: float.fromhex(value) for field, value in data["inputs"].items()}
    return AppliedRecord(name, data["provenance"], inputs, runs, tuple(data.get("history", [])))


def values_problems(store: Store) -> list[str]:
    """Missing, orphaned and damaged values files."""
    found = []
    wanted: dict[str, list[tuple[str, Mode, StepDtype]]] = {}
    for case, mode, step_dtype, name in store.files():
        wanted.setdefault(f"values/{case}/{name}", []).append((case, mode, step_dtype))
    present = {name for name in file_names(store.folder) if name.startswith("values/")}
    found += [f"{name}: missing, but a record refers to it" for name in sorted(set(wanted) - present)]
    found += [f"{name}: orphaned, no record refers to it" for name in sorted(present - set(wanted))]
    for path in sorted(set(wanted) & present):
        case, mode, _ = wanted[path][0]
        try:
            text = (store.folder / path).read_bytes().decode("utf-8")
            if values_name(mode, text) != Path(path).name:
                raise ValueError("the content is not what its name says: the sha256 does not match")
            steps, values = parse_values(text, store.cases[case].dtype)
            if any(steps.tolist() != store.cases[case].steps_for(*asked).tolist() for _, *asked in wanted[path]):
                raise ValueError("the steps are not those of the case")
            if render_values(steps, values) != text:
                raise ValueError("hex and decimal disagree, or the form is not canonical")
        except (ValueError, OverflowError) as error:
            found.append(f"{path}: {error}")
    return found


def _sums(text: str) -> dict[str, str]:
    """Name -> sha256."""
    pairs = [line.partition("  ") for line in text.splitlines()]
    return {name: digest for digest, _, name in pairs}


def sums_problems(folder: Path) -> list[str]:
    """What SHA256SUMS and the folder disagree about."""
    path = folder / SUMS
    if not path.is_file():
        return [f"{SUMS}: missing"]
    found = []
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"{SUMS}: {error}"]
    stated, actual = _sums(text), _sums(render_sums(folder))
    found += [f"{name}: listed in {SUMS}, but not there" for name in sorted(set(stated) - set(actual))]
    found += [f"{name}: not listed in {SUMS}" for name in sorted(set(actual) - set(stated))]
    found += [f"{n}: sha256 is not that of {SUMS}" for n in sorted(set(actual) & set(stated)) if actual[n] != stated[n]]
    if not found and text != render_sums(folder):
        found.append(f"{SUMS}: not in canonical form")
    return found
