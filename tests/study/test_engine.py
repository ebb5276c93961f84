"""The engine with real processes and trivial work: every job once, whatever ends in the middle."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import gc
import importlib.util
import logging
import os
import signal
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clr_ref.study import cluster, engine
from tests.study import loopback, trivial

needs_dask = pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_STUDY") and importlib.util.find_spec("distributed") is None,
    reason="needs clr-ref[study]",
)
pytestmark = [
    needs_dask,
    # Dask leaves sockets and loops to the garbage collector where a worker was killed.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tornado"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers, which import the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", loopback.python_path())
        with cluster.local(2) as found:
            yield found


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the engine reported."""

    done: dict[int, Any] = dataclasses.field(default_factory=dict)
    failed: dict[int, str] = dataclasses.field(default_factory=dict)
    refused: dict[str, str] = dataclasses.field(default_factory=dict)


def run(
    client: Any,
    jobs: Callable[[], Iterator[engine.Job]],
    work: Callable[..., Any],
    kind: str = "",
    on_done: Callable[[int], None] = lambda number: None,
) -> Seen:
    seen = Seen()

    def done(job: engine.Job, result: Any) -> None:
        assert job.key not in seen.done
        seen.done[job.key] = result
        on_done(job.key)

    plan = engine.Plan(
        inspect=trivial.describe,
        inspect_arguments=(kind,),
        reference=lambda found: {"kind": "even"},
        misfit=lambda reference, found: None if reference == found else f"it is {found['kind']}",
        jobs=lambda reference: jobs(),
        work=work,
        done=done,
        failed=lambda job, text: seen.failed.update({job.key: text}),
        refused=lambda address, reason: seen.refused.update({address: reason}),
    )
    engine.Engine(client, plan).run()
    return seen


def numbered(n: int, *more: Any) -> Callable[[], Iterator[engine.Job]]:
    return lambda: (engine.Job(number, (number, *more)) for number in range(n))


def test_every_job_once_and_on_every_worker(client: Any) -> None:
    seen = run(client, numbered(60), trivial.double)
    assert {number: result for number, (result, _) in seen.done.items()} == {number: 2 * number for number in range(60)}
    assert len({process for _, process in seen.done.values()}) == 2
    assert (seen.failed, seen.refused) == ({}, {})


def test_what_dask_logs_of_workers_that_end_stays_out_of_the_terminal(client: Any) -> None:
    assert all(logging.getLogger(name).disabled for name in ("distributed", "distributed.worker", "asyncio", "tornado.general"))
    assert not logging.getLogger("tests").disabled


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where the tests run in the background of a shell, a process starts with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_until_the_cluster_has_started() -> None:
    done = []

    def start(interrupt: bool) -> None:
        with cluster._interrupts_wait():
            if interrupt:
                signal.raise_signal(signal.SIGINT)
            done.append(interrupt)

    with pytest.raises(KeyboardInterrupt):
        start(interrupt=True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with concurrent.futures.ThreadPoolExecutor(1) as pool:  # where Python takes no handlers of signals
        pool.submit(start, interrupt=False).result()
    assert done == [True, False]


def test_no_jobs_are_no_error(client: Any) -> None:
    assert run(client, numbered(0), trivial.double).done == {}


def test_a_job_that_fails_three_times_is_reported_with_its_traceback(client: Any) -> None:
    seen = run(client, numbered(9, 4), trivial.fail_at)
    assert sorted(seen.done) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert list(seen.failed) == [4]
    assert seen.failed[4].endswith("ValueError: 4 is bad")
    assert 'raise ValueError(f"{number} is bad")' in seen.failed[4]


@pytest.mark.parametrize("often", [2, 3])
def test_a_worker_that_ends_loses_only_its_job(client: Any, often: int, tmp_path: Path) -> None:
    """Twice: the third attempt succeeds. Three times: the job has failed, and the one that waited behind it has not."""
    seen = run(client, numbered(8, 5, often, str(tmp_path)), trivial.end_the_worker_at)
    assert sorted(seen.done) == [number for number in range(8) if number != 5 or often == 2]
    assert list(seen.failed) == ([] if often == 2 else [5])
    assert len(list(tmp_path.iterdir())) == often
    client.wait_for_workers(2, timeout=30)


def test_a_worker_that_does_not_fit_gets_no_job(client: Any, tmp_path: Path) -> None:
    seen = run(client, numbered(20), trivial.double, kind=str(tmp_path / "first"))
    assert len(seen.done) == 20
    assert len({process for _, process in seen.done.values()}) == 1
    assert list(seen.refused.values()) == ["it is odd"]


def test_no_worker_fits(client: Any) -> None:
    with pytest.raises(engine.EngineError, match="no worker can run the study: no worker is good enough"):
        run(client, numbered(2), trivial.double, kind="unfit")


def test_jobs_are_taken_only_when_there_is_room(client: Any) -> None:
    """So the memory of the command does not grow with the grid: no more are in memory than the workers have."""
    taken, ended, most = 0, 0, 0

    def jobs() -> Iterator[engine.Job]:
        nonlocal taken, most
        for number in range(60):
            taken += 1
            most = max(most, taken - ended)
            yield engine.Job(number, (number,))

    def on_done(_: int) -> None:
        nonlocal ended
        ended += 1

    run(client, jobs, trivial.double, on_done=on_done)
    assert (taken, ended) == (60, 60)
    assert most <= 2 * engine.DEPTH + 1


def test_nothing_of_finished_jobs_is_kept(client: Any) -> None:
    """Neither here nor in Dask's client, while the study runs."""
    jobs: list[weakref.ref[engine.Job]] = []
    alive = -1

    def numbers() -> Iterator[engine.Job]:
        for number in range(100):
            job = engine.Job(number, (number,))
            jobs.append(weakref.ref(job))
            yield job
            del job

    def count(number: int) -> None:
        nonlocal alive
        if number == 90:
            gc.collect()
            alive = sum(job() is not None for job in jobs)

    assert len(run(client, numbers, trivial.double, on_done=count).done) == 100
    assert 0 < alive <= 2 * engine.DEPTH + 1
    loopback.wait_for(lambda: not client.futures)


def test_a_scheduler_that_ends_is_one_clear_error(tmp_path: Path) -> None:
    with loopback.cluster(tmp_path) as (file, scheduler, _), cluster.others(str(file)) as client:

        def on_done(number: int) -> None:
            if number == 2:
                scheduler.kill()

        with pytest.raises(engine.EngineError, match="the scheduler is gone; the same command goes on"):
            run(client, numbered(1000), trivial.sleep, on_done=on_done)


@pytest.mark.parametrize("error", [RuntimeError("Cluster failed to start"), TimeoutError("Only 1/2 workers arrived after 60")])
def test_workers_that_do_not_start_are_one_clear_error(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr("distributed.LocalCluster", fail)
    with pytest.raises(engine.EngineError, match=f"the workers did not start: {error}"), cluster.local(2):
        pass


def test_no_scheduler_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    with (
        pytest.raises(engine.EngineError, match=r"there is no scheduler at tcp://127\.0\.0\.1:9"),
        cluster.others("tcp://127.0.0.1:9"),
    ):
        pass
