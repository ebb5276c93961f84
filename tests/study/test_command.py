"""``clr-ref study`` as it is called: the same bits on every engine, and after everything that can end in the middle."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import clr_ref
from clr_ref.study import cells
from tests.study import loopback

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
MISSING = [name for name in ("tensorflow", "distributed") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(
        BACKEND != "tensorflow" or (not os.environ.get("CLR_REF_EXPECT_STUDY") and bool(MISSING)),
        reason=f"needs Keras on TensorFlow and clr-ref[study]; here {MISSING or BACKEND} is missing or another",
    ),
]
SMALL = f"{Path(__file__).parent / 'small.py'}:make"
STUDY = f"""
model = "{SMALL}"
seeds = 2
epochs = 2
batch_size = 16
[arms.plain]
learning_rate = 0.01
[arms.clr]
policy = "triangular2"
initial_learning_rate = 1e-3
maximal_learning_rate = 1e-1
step_size = 4
"""
LONG = STUDY.replace("epochs = 2", "epochs = 20").replace("seeds = 2", "seeds = 1")


def started(folder: Path, text: str, *arguments: str) -> subprocess.Popen[str]:
    (folder / "study.toml").write_text(text, "utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "clr_ref", "study", "study.toml", "--json", "--out", "out", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": loopback.python_path(), "STUDY_OF_THE_TEST": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in the background of a shell, a process starts with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> tuple[Any, str]:
    """The JSON document and stderr, once the command has ended with this exit code."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    return json.loads(out) if out else None, err


def digests(folder: Path) -> dict[str, Any]:
    """The digests of every report by its name; a report that is not whole fails."""
    return {path.name: json.loads(path.read_text("utf-8"))["digests"] for path in (folder / "out" / "cells").glob("*.json")}


def processes_of(folder: Path) -> list[str]:
    """The processes that a command in the folder started, also those that have left it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"STUDY_OF_THE_TEST={folder}\0".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that one worker has trained, and another with longer cells."""
    folder = tmp_path_factory.mktemp("alone")
    document, err = ended(started(folder, STUDY, "--workers", "1"))
    assert document == {
        "holds": True,
        "cells": 4,
        "found": 0,
        "trained": 4,
        "failed": [],
        "refused": {},
        "out": "out",
    }
    assert "4 of 4 done, " in err
    assert not processes_of(folder)
    return folder


def test_two_workers_give_the_same_bits_and_a_study_grows(alone: Path, tmp_path: Path) -> None:
    """With the seeds and arms in another order, and then a seed more: cells that are there are not trained again."""
    head, plain, clr = STUDY.replace("seeds = 2", "seeds = [1, 0]").split("[arms.")
    document, _ = ended(started(tmp_path, f"{head}[arms.{clr}[arms.{plain}", "--workers", "2"))
    assert (document["found"], document["trained"]) == (0, 4)
    assert digests(tmp_path) == digests(alone)
    document, _ = ended(started(tmp_path, STUDY.replace("seeds = 2", "seeds = 3"), "--workers", "1"))
    assert (document["found"], document["trained"]) == (4, 2)
    assert digests(alone).items() < digests(tmp_path).items()
    assert [(one.arm, one.seed) for one in cells.outcomes(tmp_path / "out")[""]] == [
        (arm, seed) for arm in ("plain", "clr") for seed in range(3)
    ]
    assert [sorted(one.history[0]) for one in cells.outcomes(alone / "out")[""]] == [
        ["accuracy", "epoch", "learning_rate", "loss", "val_accuracy", "val_loss"]
    ] * 4


def test_a_report_that_was_changed_is_found(alone: Path, tmp_path: Path) -> None:
    shutil.copytree(alone / "out", tmp_path / "out")
    path = next((tmp_path / "out" / "cells").iterdir())
    path.write_text(path.read_text("utf-8").replace('"epoch": 1', '"epoch": 3'), "utf-8")
    document, _ = ended(started(tmp_path, STUDY, "--workers", "1"), 1)
    assert (document["found"], document["trained"]) == (3, 0)
    assert f"{path.name} was changed, or is damaged" in document["failed"][0]["error"]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The digests of cells that take some seconds."""
    folder = tmp_path_factory.mktemp("long")
    ended(started(folder, LONG, "--workers", "2"))
    return digests(folder)


def checkpoints(folder: Path) -> list[Path]:
    return list((folder / "out" / "checkpoints").glob("*/checkpoint.npz"))


def test_a_cluster_whose_worker_is_killed_gives_the_same_bits(long: dict[str, Any], tmp_path: Path) -> None:
    """With kill -9, in the middle of a cell, which another worker resumes."""
    with loopback.cluster(tmp_path) as (file, _, workers):
        process = started(tmp_path, LONG, "--scheduler", str(file))
        loopback.wait_for(lambda: checkpoints(tmp_path))
        workers[0].kill()
        workers[0].wait()
        assert not digests(tmp_path)
        another = loopback.worker(tmp_path)
        try:
            document, _ = ended(process)
        finally:
            another.kill()
            another.wait()
    assert (document["trained"], document["failed"]) == (2, [])
    assert digests(tmp_path) == long
    assert not checkpoints(tmp_path)


def test_a_scheduler_that_is_gone_is_one_error_and_the_study_goes_on(long: dict[str, Any], tmp_path: Path) -> None:
    with loopback.cluster(tmp_path) as (file, scheduler, _):
        process = started(tmp_path, LONG, "--scheduler", str(file))
        loopback.wait_for(lambda: digests_so_far(tmp_path))
        scheduler.kill()
        document, err = ended(process, 2)
    assert document is None
    assert err.splitlines()[-1] == "Error: the scheduler is gone; the same command goes on with what is left"
    assert "Traceback" not in err
    assert "Usage" not in err, "the call was right"
    document, _ = ended(started(tmp_path, LONG, "--workers", "1"))
    assert (document["found"], document["trained"]) == (1, 1)
    assert digests(tmp_path) == long


def digests_so_far(folder: Path) -> dict[str, Any]:
    return digests(folder) if (folder / "out" / "cells").is_dir() else {}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of the command in /proc")
def test_ctrl_c_leaves_whole_reports_and_no_process(long: dict[str, Any], tmp_path: Path) -> None:
    process = started(tmp_path, LONG, "--workers", "1")
    loopback.wait_for(lambda: checkpoints(tmp_path))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = ended(process, 1)
    assert "interrupted: the same command goes on with what is left" in err
    assert "Traceback" not in err
    loopback.wait_for(lambda: not processes_of(tmp_path), 10)
    assert digests(tmp_path).items() <= long.items()
    document, _ = ended(started(tmp_path, LONG, "--workers", "1"))
    assert document["found"] + document["trained"] == 2
    assert digests(tmp_path) == long


@pytest.fixture
def differing(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder, and the scheduler file of two workers, one of which has another version."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sitecustomize.py").write_text("import clr_ref\nclr_ref.__version__ = '0.0.0'\n", "utf-8")
    path = os.pathsep.join([str(tmp_path / "other"), loopback.python_path()])
    with loopback.cluster(tmp_path, {}, {"PYTHONPATH": path}) as (file, _, _):
        yield tmp_path, file


def test_workers_that_differ_are_refused_or_are_in_the_report(alone: Path, differing: tuple[Path, Path]) -> None:
    folder, file = differing
    shutil.copytree(alone / "out", folder / "out")
    text = STUDY.replace("seeds = 2", "seeds = 4")
    document, err = ended(started(folder, text, "--scheduler", str(file)))
    assert (document["found"], document["trained"]) == (4, 4)
    [reason] = document["refused"].values()
    assert reason == f"it differs from the others: versions.clr_ref was '{clr_ref.__version__}', now '0.0.0'"
    assert f"is not used: {reason}" in err
    document, _ = ended(started(folder, text.replace("seeds = 4", "seeds = 8"), "--scheduler", str(file), "--mixed"))
    assert (document["found"], document["trained"], document["refused"]) == (8, 8, {})
    found = [json.loads(path.read_text("utf-8")) for path in (folder / "out" / "cells").iterdir()]
    assert {one["versions"]["clr_ref"] for one in found} == {clr_ref.__version__, "0.0.0"}
    assert {one["identity"]["versions"]["clr_ref"] for one in found} == {clr_ref.__version__}


def test_a_cell_that_fails_is_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = STUDY.replace("seeds = 2", "seeds = 1").replace(
        "learning_rate = 0.01", 'learning_rate = 0.01\noptimizer = "none"', 1
    )
    document, err = ended(started(tmp_path, text, "--workers", "1"), 1)
    assert (document["holds"], document["trained"]) == (False, 1)
    [failure] = document["failed"]
    assert (failure["arm"], failure["seed"], failure["model"]) == ("plain", 0, SMALL)
    assert failure["error"].startswith("Keras makes no optimizer 'none' with {}: "), "without a traceback"
    assert "1 failed" in err
