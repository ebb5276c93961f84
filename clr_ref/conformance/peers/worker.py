"""The process that holds a peer: ``python -m clr_ref.conformance.peers.worker NAME``.

One JSON document per line on what was standard output when it started: first everything that was found, then, for every number
of seconds on standard input, the seconds that a step took. Whatever the peer prints goes to standard error.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import itertools
import json
import os
import sys
import time
from typing import Any

from clr_ref.conformance import exceptions, runner, search
from clr_ref.conformance.config import POLICIES, Config
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.peers.registry import PEERS, Peer
from clr_ref.conformance.protocol import build, is_stateful
from clr_ref.conformance.subject import Local

#: TFA's tutorial.
EVERYDAY = Config("triangular2", 1e-4, 1e-2, 1874)


def look(peer: Peer) -> dict[str, Any]:
    """The verdicts on a peer and its bugs, as JSON holds them."""
    # A scheduler has to count to every step that is looked at, each time from the start.
    search.SCANNED = 64
    subject = Local(load(peer.implementation))
    words = f"clr-ref conform {peer.implementation} --seed 0 --max-examples {peer.max_examples}"
    plan = runner.Plan(
        runner.precision(subject), POLICIES, exceptions.read(peer.exceptions), runner.SEED, peer.max_examples, words
    )
    report = runner.report(peer.implementation, subject, plan, runner.run(subject, plan))
    return {"report": report.to_data() | {"told": [str(v.finding) for v in report.verdicts if v.fails and v.finding]}}


def bugs(peer: Peer) -> list[dict[str, Any]]:
    """Every known bug of a peer, and what was seen of it; an exception of the probe is no answer, and is raised."""
    module = importlib.import_module(peer.implementation.partition(":")[0])
    return [
        {**{f.name: getattr(bug, f.name) for f in dataclasses.fields(bug) if f.name != "probe"}, "seen": bug.probe()}
        for bug in (module.BUGS if peer.bugs else ())
    ]


class Clock:
    """One schedule of a peer that is asked step after step, as in training."""

    def __init__(self, peer: Peer) -> None:
        make = load(peer.implementation)
        try:
            made = build(make, EVERYDAY)
        except NotImplementedError:
            made = build(make, dataclasses.replace(EVERYDAY, policy="triangular"))
        steps = itertools.count()

        def scheduled() -> None:
            float(made(next(steps)))

        def counted() -> None:
            made.step()
            made.get_last_lr()

        self._advance = counted if is_stateful(made) else scheduled

    def __call__(self, seconds: float) -> float:
        """Seconds a step, over at least so many seconds."""
        count, start = 0, time.perf_counter()
        while True:
            for _ in range(10):
                self._advance()
            count += 10
            if (passed := time.perf_counter() - start) >= seconds:
                return passed / count


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    (peer,) = (one for one in PEERS if one.name == sys.argv[1])

    def say(document: Any) -> None:
        replies.write(json.dumps(document) + "\n")
        replies.flush()

    try:
        found = look(peer) | {"bugs": bugs(peer), "version": importlib.metadata.version(peer.package)}
        clock = Clock(peer)
    except LoadError as error:
        say({"error": str(error)})
        return
    say(found)
    for line in sys.stdin:
        say(clock(float(line)))


if __name__ == "__main__":
    main()
