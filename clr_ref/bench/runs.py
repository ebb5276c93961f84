"""What tracing and studies add to training: ``python -m clr_ref.bench.runs`` prints it as JSON.

The network is the tutorial's, on random pictures: the time does not depend on what is in them.
"""

from __future__ import annotations

import itertools
import json
import operator
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clr_ref.training.samples import Samples

#: Traced steps; the first ones, in which TensorFlow compiles, are left out.
STEPS, FIRST = 60, 5
#: Jobs without work, from which the cost of a cell is measured.
JOBS = 2000
_CELLS = 6
_MODEL = """
import numpy as np
from clr_ref.training.model import build, initial_weights

def make():
    random = np.random.default_rng(0)
    pictures = random.random((1600, 28, 28, 1), "float32")
    model = build(initial_weights(0))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, (pictures, random.integers(0, 10, 1600))
"""
_STUDY = f"""
model = "network.py:make"
seeds = {_CELLS}
epochs = 3
[arms.plain]
learning_rate = 0.01
"""


def traced() -> dict[str, float]:
    """For each level, a traced step as a multiple of an untraced one, and its bytes. TensorFlow may not be imported before."""
    from clr_ref.training import determinism

    determinism.prepare()
    import numpy as np

    from clr_ref.training.samples import Samples

    random = np.random.default_rng(0)
    samples = Samples.of(random.random((64 * STEPS, 28, 28, 1), "float32"), random.integers(0, 10, 64 * STEPS))
    return {**_traced("weights", samples), **_traced("layers", samples)}


def _traced(level: str, samples: Samples) -> dict[str, float]:
    from clr_ref.trace.record import record
    from clr_ref.training.experiment import Experiment

    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path, test = Path(folder, "trace"), samples.rows(slice(64))
        record(
            path,
            Experiment(0.01, epochs=1),
            samples,
            test,
            steps=STEPS,
            level=level,
            on_step=lambda _: times.append(time.perf_counter()),
        )
        return {
            f"a step traced at the level {level} / an untraced step": _median(times[:STEPS]) / _median(times[STEPS:]),
            f"bytes of a step at the level {level}": path.stat().st_size / STEPS,
        }


def _median(times: Sequence[float]) -> float:
    return statistics.median(after - before for before, after in itertools.pairwise(times[FIRST:]))


def studied() -> dict[str, float]:
    """The same study with one worker and with two.

    Raises:
        RuntimeError: the study fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "network.py").write_text(_MODEL, "utf-8")
        Path(folder, "study.toml").write_text(_STUDY, "utf-8")
        first, alone = _study(Path(folder), 1)
        _, together = _study(Path(folder), 2)
    return {
        f"a study of {_CELLS} cells, seconds with one worker": alone,
        "the same study, two workers / one": together / alone,
        "seconds to the first report of a study": first,
    }


def _study(folder: Path, workers: int) -> tuple[float, float]:
    """The seconds until a study has its first report, and until it ends."""
    begun, out = time.perf_counter(), folder / f"with-{workers}"
    command = [sys.executable, "-m", "clr_ref", "study", "study.toml", "--workers", str(workers), "--out", str(out)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None and not any((out / "cells").glob("*.json")):
            time.sleep(0.05)
        first = time.perf_counter() - begun
        if process.wait():
            said.seek(0)
            raise RuntimeError(f"{' '.join(command[1:])} fails: {said.read().strip()[-500:]}")
    return first, time.perf_counter() - begun


def fed() -> dict[str, float]:
    """What a cell costs beside its training: sending it to a worker, and its report back."""
    from clr_ref.study import cluster
    from clr_ref.study.engine import Engine, Job, Plan

    def ignore(*_: Any) -> None:
        return None

    plan = Plan(
        inspect=operator.not_,
        inspect_arguments=(0,),
        reference=ignore,
        misfit=ignore,
        jobs=lambda _: (Job(number, (number,)) for number in range(JOBS)),
        work=operator.index,
        done=ignore,
        failed=ignore,
        refused=ignore,
    )
    with cluster.local(1) as client:
        begun = time.perf_counter()
        Engine(client, plan).run()
        return {"Dask, milliseconds for each cell": 1000 * (time.perf_counter() - begun) / JOBS}


if __name__ == "__main__":
    print(json.dumps({**fed(), **studied(), **traced()}))
