"""What the package itself costs: its import, its commands, its traces and studies, and its tests."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_REFERENCE = """import clr_ref

def make(policy, **numbers):
    return getattr(clr_ref, policy)(**numbers)
"""


def harness(rounds: int = 21) -> dict[str, float]:
    """Medians of the CPU seconds of new processes, and the import of clr_ref as a ratio to that of NumPy.

    With TensorFlow and clr-ref[study] also what ``runs`` measures. In a checkout with pytest-xdist also the seconds that the
    tests without frameworks take on two processes.

    Args:
        rounds: how often the imports are timed.

    Raises:
        RuntimeError: a command or the tests fail.
    """
    imports = statistics.median(_process("import clr_ref") / _process("import numpy") for _ in range(rounds))
    seconds = {"import clr_ref / import numpy": imports}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.py"
        path.write_text(_REFERENCE, "utf-8")
        for words in (["verify"], ["conform", f"{path}:make"]):
            code = f"from clr_ref.cli import main; main({[*words, '--json']!r})"
            seconds[f"clr-ref {words[0]}, CPU seconds"] = statistics.median(_process(code) for _ in range(3))
    if all(importlib.util.find_spec(name) for name in ("tensorflow", "distributed")):
        seconds |= json.loads(_said([sys.executable, "-m", "clr_ref.bench.runs"]))
    if Path("tests", "without_frameworks.py").exists() and importlib.util.find_spec("xdist") is not None:
        start = time.perf_counter()
        _said([sys.executable, "-m", "pytest", "-p", "tests.without_frameworks", "-n", "2", "-q"])
        seconds["the tests that need no framework, seconds on two processes"] = time.perf_counter() - start
    return seconds


def _process(code: str) -> float:
    """CPU seconds of a new Python process that runs the code."""
    import resource  # POSIX only. os.times counts hundredths of a second, which are a tenth of an import.

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _said([sys.executable, "-c", code])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _said(command: list[str]) -> str:
    """What a command prints to stdout."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} fails: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
