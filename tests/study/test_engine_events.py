"""The engine, event by event, on a made-up cluster: which worker gets which job, and what is done where one is lost."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clr_ref.study import engine
from tests.study.made_up_cluster import Cluster


class Engine(Cluster):
    """The cluster, and what an engine reported whose jobs are numbers."""

    def __init__(self, *addresses: str) -> None:
        super().__init__(*addresses)
        self.done: dict[int, Any] = {}
        self.failed: dict[int, str] = {}
        self.refused: list[tuple[str, str]] = []
        self.running: list[int] = []

    def run(self, jobs: int, script: Iterator[None], reference: Callable[[Any], Any] = lambda found: "good") -> None:
        plan: Any = engine.Plan(
            inspect=lambda study: None,
            inspect_arguments=("study",),
            reference=reference,
            misfit=lambda reference, found: None if found == reference else f"it is {found}",
            jobs=lambda reference: (engine.Job(number, (number, reference)) for number in range(jobs)),
            work=lambda number, reference: None,
            done=lambda job, result: self.done.update({job.key: result}),
            failed=lambda job, text: self.failed.update({job.key: text}),
            refused=lambda address, reason: self.refused.append((address, reason)),
            known=(KeyError,),
            running=self.running.append,
        )
        made = engine.Engine(self, plan)
        self.play(script, made.run)
        assert not made._left, "another job may get the same id"


def test_each_worker_has_one_job_before_any_has_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.0)  # as long as there are workers, there is nothing to wait for
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield
        assert [future.arguments for future in cluster.waiting("inspect")] == [("study",)] * 2
        cluster.inspect()
        yield
        assert cluster.place()[:2] in ([("a", 0), ("b", 1)], [("b", 0), ("a", 1)])
        counts = collections.Counter(address for address, _ in cluster.place())
        assert counts == {"a": 2, "b": 2}
        while cluster.waiting():
            first = cluster.waiting()[0]
            first.end("finished", -first.arguments[0])
            yield
            assert not first.is_held

    cluster.run(7, script())
    assert cluster.done == {number: -number for number in range(7)}
    assert [future.arguments for future in cluster.of_kind("job")] == [(n, "good") for n in range(7)]
    assert (cluster.running[0], cluster.running[-1]) == (2, 0)


def test_a_result_that_was_lost_with_its_worker_is_no_failure() -> None:
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield from cluster.inspecting(b="bad")
        for _ in range(engine.ATTEMPTS + 1):
            (first, *_) = cluster.waiting()
            first.timeouts = math.inf
            cluster.addresses.remove("a")
            first.end("finished")
            yield
            yield
            yield from cluster.returning("a")
        (only,) = cluster.waiting()
        only.end("finished", "at last")
        yield

    cluster.run(1, script())
    assert (cluster.done, cluster.failed) == ({0: "at last"}, {})


def test_a_result_that_comes_late_is_waited_for() -> None:
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        (one,) = cluster.waiting()
        one.timeouts = 3
        one.end("finished", "late")
        while one.timeouts:
            yield
        yield

    cluster.run(1, script())
    assert (cluster.done, len(cluster.futures)) == ({0: "late"}, 2)


def test_only_the_job_that_a_worker_had_begun_counts_as_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ATTEMPTS", 1)
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        assert cluster.place() == [("a", 0), ("a", 1)]
        cluster.lose("a")
        yield
        yield from cluster.returning("a")
        cluster.waiting()[0].end("finished", "done")
        yield

    cluster.run(2, script())
    assert (cluster.done, cluster.failed) == ({1: "done"}, {0: "the worker a ended while it ran this"})


def test_a_job_that_had_finished_is_not_the_one_that_its_worker_ended_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ATTEMPTS", 1)
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        cluster.waiting()[0].end("finished", "done")
        cluster.lose("a")
        yield
        yield from cluster.returning("a")

    cluster.run(2, script())
    assert (cluster.done, list(cluster.failed)) == ({0: "done"}, [1])


def test_errors_of_a_job_count_across_workers() -> None:
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        for _ in range(engine.ATTEMPTS):
            (one,) = cluster.waiting()
            one.end("error", ValueError("no luck"))
            yield

    cluster.run(1, script())
    assert (cluster.done, cluster.failed) == ({}, {0: "ValueError: no luck"})
    assert len(cluster.of_kind("job")) == engine.ATTEMPTS


def test_the_text_of_a_known_error_says_all() -> None:
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        for number in range(2 * engine.ATTEMPTS):
            cluster.waiting()[0].end("error", (KeyError, LookupError)[number % 2]("no bounds"))
            yield

    cluster.run(2, script())
    assert cluster.failed == {0: "'no bounds'", 1: "LookupError: no bounds"}


def test_a_worker_that_ends_with_its_description_is_not_waited_for() -> None:
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield
        first, second = cluster.waiting("inspect")
        first.timeouts = math.inf
        cluster.addresses.remove(first.address)
        first.end("finished", "good")
        yield
        second.end("finished", "good")
        yield
        yield from cluster.finishing("done")

    cluster.run(2, script())
    assert cluster.done == {0: "done", 1: "done"}
    assert {future.address for future in cluster.of_kind("job")} == set(cluster.addresses)


def test_a_job_that_succeeds_after_an_error_is_forgotten() -> None:
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        cluster.waiting()[0].end("error", ValueError("no luck"))
        yield
        cluster.waiting()[0].end("finished", "luck")
        yield

    cluster.run(1, script())
    assert (cluster.done, cluster.failed) == ({0: "luck"}, {})


def test_workers_that_join_later_are_inspected_and_used_if_they_fit() -> None:
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        cluster.addresses += ["b", "c"]
        yield
        yield
        assert {future.address for future in cluster.waiting("inspect")} == {"b", "c"}
        assert "b" not in dict(cluster.place())
        cluster.inspect(c="other")
        yield
        yield
        assert {address for address, _ in cluster.place()} == {"a", "b"}
        yield from cluster.finishing()

    cluster.run(9, script())
    assert len(cluster.done) == 9
    assert cluster.refused == [("c", "it is other")]


def test_a_worker_that_was_refused_is_inspected_again_when_it_comes_back() -> None:
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield
        for future in cluster.waiting("inspect"):
            future.end(*(("finished", "good") if future.address == "a" else ("error", ImportError("no TensorFlow"))))
        yield
        cluster.lose("b")
        yield
        cluster.addresses.append("b")
        yield
        yield
        (again,) = cluster.waiting("inspect")
        assert again.address == "b"
        again.end("finished", "good")
        yield
        yield
        assert "b" in dict(cluster.place())
        yield from cluster.finishing()

    cluster.run(5, script())
    assert cluster.refused == [("b", "no TensorFlow")]


def test_the_reference_is_of_all_workers_that_were_there_at_the_start() -> None:
    cluster, seen = Engine("a", "b"), []

    def reference(found: Any) -> Any:
        seen.append(dict(found))
        return "good"

    def script() -> Iterator[None]:
        yield
        one, other = cluster.waiting("inspect")
        one.end("finished", "good")
        yield
        assert not cluster.waiting()
        other.end("finished", "bad")
        yield
        yield from cluster.finishing()

    cluster.run(3, script(), reference)
    assert [sorted(one.values()) for one in seen] == [["bad", "good"]]


def test_where_no_worker_fits_each_reason_is_said_once() -> None:
    cluster = Engine("a", "b", "c")

    def script() -> Iterator[None]:
        yield
        cluster.inspect(a="worse", b="bad", c="bad")
        while True:
            yield

    with pytest.raises(engine.EngineError, match=r"^no worker can run the study: it is bad; it is worse$"):
        cluster.run(3, script())


def test_the_engine_waits_for_a_worker_that_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PATIENCE", 0.9)
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield from cluster.inspecting()
        cluster.lose("a")
        yield
        yield
        yield from cluster.returning("a")
        cluster.waiting()[0].end("finished")
        yield

    cluster.run(1, script())
    assert list(cluster.done) == [0]


def test_a_worker_that_is_gone_before_it_was_inspected_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask keeps the call until the worker comes back."""
    monkeypatch.setattr(engine, "PATIENCE", 0.0)
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield
        cluster.addresses.remove("a")
        while True:
            yield

    with pytest.raises(engine.EngineError, match=r"^the cluster had no worker that fits for 0 seconds$"):
        cluster.run(3, script())


@pytest.mark.parametrize("status", ["cancelled", "lost"])
def test_a_worker_that_is_gone_while_it_is_inspected_is_not_refused(status: str) -> None:
    cluster = Engine("a", "b")

    def script() -> Iterator[None]:
        yield
        first, second = cluster.waiting("inspect")
        cluster.addresses.remove(second.address)
        second.end(status)
        yield
        first.end("finished", "good")
        yield
        yield from cluster.finishing()

    cluster.run(2, script())
    assert (list(cluster.done), cluster.refused) == ([0, 1], [])


@pytest.mark.parametrize("kinds", [{}, {"b": "bad"}])
def test_without_a_worker_the_engine_gives_up_after_a_while(kinds: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one that does not fit is left: the one that fitted may be started again."""
    cluster = Engine("a", *kinds)

    def script() -> Iterator[None]:
        yield from cluster.inspecting(**kinds)
        cluster.lose("a")
        yield
        yield
        monkeypatch.setattr(engine, "PATIENCE", 0.0)
        while True:
            yield

    with pytest.raises(engine.EngineError, match=r"^the cluster had no worker that fits for 0 seconds$"):
        cluster.run(3, script())


@pytest.mark.parametrize("error", [OSError, ValueError, RuntimeError, TimeoutError, None])
def test_a_scheduler_that_is_gone_is_said(error: type[Exception] | None) -> None:
    cluster = Engine("a")

    def script() -> Iterator[None]:
        yield
        if error is not None:
            raise error
        cluster.status = "closed"

    with pytest.raises(engine.EngineError, match=r"^the scheduler is gone; the same command goes on with what is left$"):
        cluster.run(3, script())
