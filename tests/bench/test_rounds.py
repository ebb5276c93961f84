"""Calls take turns, and short calls are repeated. The clock is a fake one: nothing here is timed."""

from __future__ import annotations

import functools

import pytest

from clr_ref.bench import rounds


def test_rounds_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    clock = iter(range(10**6))
    monkeypatch.setattr(rounds.time, "process_time", lambda: next(clock))  # every call takes a second
    monkeypatch.setattr(rounds.gc, "collect", lambda: None)  # it would take a tenth of a second after many tests
    times = rounds.interleaved({name: functools.partial(called.append, name) for name in "abc"}, 20)
    # Each runs once to warm up and once to count repeats. Then they take turns, each untimed and timed once.
    assert called[:6] == [*"aabbcc"]
    orders = {"".join(called[start : start + 6]) for start in range(6, len(called), 6)}
    assert orders == {"aabbcc", "aaccbb", "bbaacc", "bbccaa", "ccaabb", "ccbbaa"}
    assert times == {name: [1] * 20 for name in "abc"}


def test_short_calls_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    now = [0.0]
    monkeypatch.setattr(rounds.time, "process_time", lambda: now[0])

    def call() -> None:
        calls.append(1)
        now[0] += 1e-4

    times = rounds.interleaved({"a": call}, 2)
    assert len(calls) == 1 + (1 + 2 + 4 + 8 + 16) + 2 * (1 + 16)  # 16 is the first power of two that takes a millisecond
    assert times["a"] == pytest.approx([1e-4, 1e-4])
