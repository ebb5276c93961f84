"""Record TFA x TensorFlow pairs: each in an environment of its own, twice, and staged if the two runs agree.

This module only reads the store. A recording stays in the staging folder until it is accepted.
"""

from __future__ import annotations

import dataclasses
import filecmp
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from clr_ref._files import json_text
from clr_ref.golden import accept, store as golden
from clr_ref.golden.cases import accepted_cases_sha256, recorder_input
from clr_ref.golden.files import file_names
from clr_ref.golden.form import MALFORMED, load_json
from clr_ref.golden.model import MODES, Store, StoreError
from clr_ref.golden.records import FORMAT
from clr_ref.golden.sums import text_sha256

RECORDER = Path(__file__).with_name("record_tfa.py")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A TFA x TensorFlow pair of TFA's table of supported versions."""

    tensorflow: str
    tensorflow_addons: str

    @property
    def name(self) -> str:
        return f"tf-{self.tensorflow}_tfa-{self.tensorflow_addons}"

    @property
    def minor(self) -> int:
        return int(self.tensorflow.split(".")[1])

    @property
    def python(self) -> str:
        """The Python minor version: one that TensorFlow and TFA both have wheels for."""
        return "3.7" if self.minor <= 7 else "3.10" if self.minor <= 11 else "3.11"

    @property
    def requirements(self) -> list[str]:
        # TFA 0.7.1 links to a symbol that tensorflow-cpu lacks. TF up to 2.11 fails with newer protobuf, and TF up to 2.15
        # with NumPy 2.
        package = "tensorflow" if self.tensorflow_addons.startswith("0.7.") else "tensorflow-cpu"
        pins = [f"{package}=={self.tensorflow}", f"tensorflow-addons=={self.tensorflow_addons}", "numpy<2"]
        return [*pins, "protobuf<3.20"] if self.minor <= 11 else pins


_TENSORFLOW = (
    *("2.1.4", "2.2.3", "2.3.4", "2.4.4", "2.5.3", "2.6.5", "2.7.4", "2.8.4"),
    *("2.9.3", "2.10.1", "2.11.1", "2.12.1", "2.13.1", "2.14.1", "2.15.1"),
)
#: TFA -> first and last TensorFlow minor that its README's table of compatibility names.
_SUPPORTED = {
    "0.7.1": (1, 1),
    "0.8.3": (1, 1),
    "0.9.1": (1, 2),
    "0.10.0": (2, 2),
    "0.11.2": (2, 3),
    "0.12.1": (3, 4),
    "0.13.0": (3, 5),
    "0.14.0": (4, 6),
    "0.15.0": (5, 7),
    "0.16.1": (6, 8),
    "0.17.1": (7, 9),
    "0.18.0": (8, 10),
    "0.19.0": (9, 11),
    "0.20.0": (10, 12),
    "0.21.0": (11, 13),
    "0.22.0": (12, 14),
    "0.23.0": (13, 15),
}

#: All 42 pairs that TFA supported, by the latest patch release of each.
PAIRS = tuple(
    Pair(tensorflow, addons)
    for tensorflow in _TENSORFLOW
    for addons, (first, last) in _SUPPORTED.items()
    if first <= int(tensorflow.split(".")[1]) <= last
)


class RecordError(Exception):
    """A pair could not be recorded; nothing was staged for it."""


Progress = Callable[[str], None]


def up_to_date(pair: Pair, *, staging: Path, folder: Path) -> bool:
    """Whether the pair is staged or stored, recorded by this recorder with these inputs and steps."""
    try:
        recorder, cases = text_sha256(RECORDER), accepted_cases_sha256(folder / "cases.json")
    except (OSError, *MALFORMED):
        return False
    for path in (staging / pair.name / "records" / f"{pair.name}.json", folder / "records" / f"{pair.name}.json"):
        try:
            provenance = load_json(path)["provenance"]
            if provenance["recorder_sha256"] == recorder and provenance["cases_sha256"] in cases:
                return True
        except (OSError, *MALFORMED):
            continue
    return False


def record_pair(pair: Pair, *, staging: Path, folder: Path, progress: Progress) -> Path:
    """Record a pair in an environment of its own, which is then removed, and return the folder where it is staged.

    A pair for which the index has no installable packages is staged as a record that says so.

    Raises:
        RecordError: no such Python, an installation that failed for another reason, or as for ``record_with``.
        StoreError: cases.json is missing or damaged.
    """
    _recorder_input(folder)  # before minutes of installing
    staging.mkdir(parents=True, exist_ok=True)
    for left in staging.glob(f".{pair.name}-*"):  # left by a recording that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{pair.name}-", dir=staging) as work:
        environment = Path(work) / "venv"
        progress("installing")
        uv = _uv()
        found = _run([uv, "venv", "--quiet", "--python", _interpreter(pair.python), str(environment)])
        if found.returncode:
            raise RecordError(f"{pair.name}: cannot make an environment of Python {pair.python}: {found.stderr.strip()}")
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        found = _run([uv, "pip", "install", "--quiet", "--python", str(python), *pair.requirements])
        if found.returncode:
            # Without the index, uv finds no solution either.
            is_without_index = re.search("network was disabled|[Ff]ailed to fetch", found.stderr)
            if "No solution found" not in found.stderr or is_without_index:
                raise RecordError(f"{pair.name}: cannot be installed now: {found.stderr.strip()}")
            return _stage_failure(pair, found.stderr, staging)
        return record_with(python, pair, staging=staging, folder=folder, progress=progress)


def record_with(python: Path, pair: Pair | None, *, staging: Path, folder: Path, progress: Progress) -> Path:
    """Run the recorder in two processes of a Python that has TFA, stage the recording if both agree, and return its folder.

    Without a pair, the installed versions are recorded.

    Raises:
        RecordError: the recorder failed, or its two runs differ.
        StoreError: cases.json is missing or damaged.
    """
    text = _recorder_input(folder)
    staging.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{pair.name if pair else 'recording'}-", dir=staging) as work:
        outs = [Path(work) / "first", Path(work) / "second"]
        cases = Path(work) / "cases.json"
        cases.write_text(text, "utf-8")
        command = [str(python), str(RECORDER), "--cases", str(cases)]
        if pair is not None:
            command += ["--tensorflow", pair.tensorflow, "--tensorflow-addons", pair.tensorflow_addons]
        # With asserts removed, TFA would accept what it refuses; the recorder's help is its docstring.
        environment = {**os.environ, "PYTHONOPTIMIZE": ""}
        logs = [(Path(work) / f"{out.name}.log").open("w+", encoding="utf-8", errors="replace") for out in outs]
        processes: list[subprocess.Popen[Any]] = []
        try:
            # The second run writes only to its log. The output of the first one is read line by line, for the progress.
            second = subprocess.Popen(
                [*command, "--out", str(outs[1])], stdout=logs[1], stderr=subprocess.STDOUT, env=environment
            )
            processes.append(second)
            first = subprocess.Popen(
                [*command, "--out", str(outs[0])],
                stdout=logs[0],
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environment,
            )
            processes.insert(0, first)
            assert first.stderr is not None
            for line in first.stderr:
                logs[0].write(line)
                if line.startswith(("case ", "behaviours")):
                    progress(line.strip())
            for process, log in zip(processes, logs, strict=True):
                if process.wait():
                    raise RecordError(f"the recorder failed with exit code {process.returncode}:\n{_tail(log)}")
        except OSError as error:
            raise RecordError(f"cannot run {python}: {error}") from None
        finally:
            for process in processes:
                process.kill()
                process.wait()
                if process.stderr is not None:
                    process.stderr.close()
            for log in logs:
                log.close()
        if not all((out / "records").is_dir() for out in outs):
            raise RecordError(f"{python} ended without a recording: give the Python in which TensorFlow Addons is installed")
        differing = _differing(*outs)
        if differing:
            raise RecordError(f"two recordings differ, nothing was staged: {', '.join(differing)}")
        (name,) = (path.stem for path in (outs[0] / "records").iterdir())
        return _stage(outs[0], staging / name)


def _stage(source: Path, target: Path) -> Path:
    """Move a recording into the staging folder, whole."""
    if target.exists():
        accept.exchange(source, target)
    else:
        source.rename(target)
    return target


def _recorder_input(folder: Path) -> str:
    """The text that the recorder reads. Wrong cases are refused here: later, minutes of recording would be lost."""
    _read_cases(folder)
    return recorder_input(load_json(folder / "cases.json"))


def _read_cases(folder: Path) -> Store:
    found: list[str] = []
    store = golden.parse(folder, found)
    if store is None:
        raise StoreError("\n".join(found))
    return store


def _stage_failure(pair: Pair, message: str, staging: Path) -> Path:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    data = {
        "format": FORMAT,
        "provenance": {
            "tensorflow": pair.tensorflow,
            "tensorflow-addons": pair.tensorflow_addons,
            "python": pair.python,
        },
        "error": " ".join(lines)[:500],
    }
    with tempfile.TemporaryDirectory(prefix=".failure-", dir=staging) as work:
        source = Path(work) / "recording"
        (source / "records").mkdir(parents=True)
        (source / "records" / f"{pair.name}.json").write_text(json_text(data) + "\n", "utf-8")
        return _stage(source, staging / pair.name)


def summary(name: str, *, staging: Path, folder: Path) -> dict[str, Any]:
    """How a staged pair differs from the stored one: per mode, the entries of each of ``KINDS`` and the worst distance in ULP.

    Raises:
        AcceptError: the staged record is damaged.
        StoreError: the store is.
    """
    store = _read_cases(folder)
    record, source = accept.read_staged(staging, name, store)
    against = accept.nearest(store, name)
    try:
        found = list(accept.differences(store, record, source, against)) if against else []
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: {error}") from None
    modes = {}
    for mode in MODES:
        keys = {(e.case, e.step_dtype) for e in record.entries if e.mode == mode}
        here = [d for d in found if d.mode == mode]
        modes[mode] = {
            "entries": len(keys),
            "same": len(keys - {(d.case, d.step_dtype) for d in here}) if against else 0,
            **{kind: sum(d.kind == kind for d in here) for kind in accept.KINDS},
            "worst_ulp": max((d.worst_ulp for d in here if d.worst_ulp is not None), default=0.0),
        }
    return {
        "pair": name,
        "error": record.error,
        "against": against.name if against else None,
        "modes": modes,
        "differences": [dataclasses.asdict(d) for d in found],
    }


def _differing(first: Path, second: Path) -> list[str]:
    names = [file_names(folder) for folder in (first, second)]
    if names[0] != names[1]:
        return sorted(set(names[0]) ^ set(names[1]))
    return [name for name in names[0] if not filecmp.cmp(first / name, second / name, shallow=False)]


def _tail(log: IO[str]) -> str:
    log.flush()
    log.seek(0)
    return "\n".join(log.read().splitlines()[-15:])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _uv() -> str:
    try:
        import uv
    except ImportError:
        found = shutil.which("uv")
        if found is None:
            raise RecordError("recording makes environments with uv: install clr-ref[record]") from None
        return found
    return str(uv.find_uv_bin())


def _interpreter(version: str) -> str:
    """A Python of that minor version: pyenv's, or the version number, by which uv finds one."""
    root = os.environ.get("PYENV_ROOT")
    if root:
        for path in sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), reverse=True):
            return str(path)
    return version
