"""Which cells a study trains, finds or fails, and which workers it uses, on a made-up cluster."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from clr_ref.study import cells, run
from clr_ref.study.cell import Cell
from clr_ref.study.run import Failure, Listener, Result
from tests.study.made_up_cluster import Cluster
from tests.study.test_cells import DESCRIPTION, REPORT, studied


def changed(*path: str, value: Any) -> dict[str, Any]:
    """The description of a worker with another value."""
    found = copy.deepcopy(DESCRIPTION)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return found


OTHER_TENSORFLOW = changed("versions", "tensorflow", value="2.20.0")
OTHER_MODEL = changed("cpu", "model", value="B")
OTHER_DATA = changed("models", "small.py:make", "data", value={})


@dataclasses.dataclass(frozen=True)
class Heard:
    """What the listener was told."""

    finished: list[tuple[str, int, bool]] = dataclasses.field(default_factory=list)
    failed: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)

    def listener(self) -> Listener:
        def finished(cell: Cell, report: Mapping[str, Any] | None) -> None:
            self.finished.append((cell.arm, cell.experiment.seed, report is not None))

        return Listener(
            finished=finished,
            failed=lambda cell, text: self.failed.append((cell.arm, text)),
            refused=lambda address, reason: self.refused.update({address: reason}),
            running=lambda number: None,
        )


def studying(out: Path, cluster: Cluster, script: Iterator[None], *, mixed: bool = False) -> tuple[Result, Heard]:
    heard = Heard()
    found = cluster.play(script, lambda: run.run(studied(), cluster, out, out, "grid", heard.listener(), mixed=mixed))
    return found, heard


def all_succeed(cluster: Cluster, good: Any = DESCRIPTION, **others: Any) -> Iterator[None]:
    yield from cluster.inspecting(good, **others)
    yield from cluster.finishing(REPORT)


CELLS = [("plain", 0), ("clr", 0), ("plain", 1), ("clr", 1)]


def test_what_was_trained_is_found_the_next_time(tmp_path: Path) -> None:
    cluster = Cluster("a")
    found, heard = studying(tmp_path, cluster, all_succeed(cluster))
    assert found == Result(0, 4, (), {})
    assert heard == Heard([(*cell, True) for cell in CELLS], [], {})
    again = Cluster("a")
    found, heard = studying(tmp_path, again, all_succeed(again))
    assert found == Result(4, 0, (), {})
    assert heard == Heard([(*cell, False) for cell in CELLS], [], {})
    assert not again.of_kind("job")
    names = [Path(future.arguments[3]) for future in cluster.of_kind("job")]
    assert sorted(path.name for path in names) == sorted(path.stem for path in (tmp_path / "cells").glob("*.json"))
    assert {path.parent for path in names} == {tmp_path.resolve() / "checkpoints"}
    assert cluster.of_kind("job")[0].arguments[2] == DESCRIPTION["models"]["small.py:make"]


def test_cells_that_fail_and_reports_that_were_changed(tmp_path: Path) -> None:
    cluster = Cluster("a")
    studying(tmp_path, cluster, all_succeed(cluster))
    first, second, *_ = (cells.path(tmp_path, cell.identity(DESCRIPTION)) for cell in studied().cells())
    first.write_text("{}", "utf-8")
    second.unlink()
    again = Cluster("a")

    def script() -> Iterator[None]:
        yield from again.inspecting(DESCRIPTION)
        while again.waiting():
            again.waiting()[0].end("error", ValueError("no luck"))
            yield

    found, heard = studying(tmp_path, again, script())
    changed = f"{first} was changed, or is damaged: delete it, and the same command trains the cell again"
    failures = (Failure("plain", "small.py:make", 0, changed), Failure("clr", "small.py:make", 0, "ValueError: no luck"))
    assert found == Result(2, 0, failures, {})
    assert heard.failed == [("plain", changed), ("clr", "ValueError: no luck")]
    assert heard.finished == [("plain", 1, False), ("clr", 1, False)]


@pytest.mark.parametrize("mixed", [False, True])
def test_workers_that_differ(tmp_path: Path, mixed: bool) -> None:
    """The name of the CPU changes no bit. With ``mixed``, only other data do."""
    cluster = Cluster("a", "b", "c", "d")
    script = all_succeed(cluster, b=OTHER_TENSORFLOW, c=OTHER_DATA, d=OTHER_MODEL)
    found, heard = studying(tmp_path, cluster, script, mixed=mixed)
    tensorflow = {} if mixed else {"b": "it differs from the others: versions.tensorflow was '2.21.0', now '2.20.0'"}
    assert found.refused == heard.refused == {**tensorflow, "c": heard.refused["c"]}
    assert heard.refused["c"].startswith("it differs from the others: ")
    assert {future.address for future in cluster.of_kind("job")} == ({"a", "b", "d"} if mixed else {"a", "d"})


def test_the_reference_is_the_most_frequent_description() -> None:
    frequent = {"a": OTHER_TENSORFLOW, "b": DESCRIPTION, "c": OTHER_MODEL}
    assert run._reference(frequent, None) == DESCRIPTION
    for one in ({"a": DESCRIPTION, "b": OTHER_TENSORFLOW}, {"a": OTHER_TENSORFLOW, "b": DESCRIPTION}):
        assert run._reference(one, None) == OTHER_TENSORFLOW, "of equals, the same whatever their order"


def test_the_reference_is_that_of_the_last_run_if_a_worker_fits_it() -> None:
    """So that its reports are found."""
    workers = {"a": DESCRIPTION, "b": DESCRIPTION, "c": OTHER_TENSORFLOW}
    assert run._reference(workers, OTHER_TENSORFLOW) == OTHER_TENSORFLOW
    assert run._reference(workers, OTHER_MODEL) == OTHER_MODEL
    assert run._reference(workers, OTHER_DATA) == DESCRIPTION
    assert run._reference({"a": DESCRIPTION}, OTHER_TENSORFLOW) == DESCRIPTION, "it computes other bits"
