"""The process that holds a peer: ``python -m clr_ref.conformance.peers.worker NAME``.

It sends everything that was found about the peer, then, for every number of seconds on standard input, the seconds that one
step takes.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import sys
import time
from datetime import date
from typing import Any

from clr_ref.conformance import exceptions, runner, search
from clr_ref.conformance.config import POLICY_NAMES, SEED, Config
from clr_ref.conformance.domain import read_domain
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.peers.registry import Peer, choose, read_peers
from clr_ref.conformance.process import channel
from clr_ref.conformance.protocol import build, is_stateful
from clr_ref.conformance.subject import Local

#: The schedule of TFA's tutorial, which measures the cost of a step.
EVERYDAY = Config("triangular2", 1e-4, 1e-2, 1874)


def test(peer: Peer) -> dict[str, Any]:
    """Returns the verdicts on a peer, as JSON holds them."""
    # A scheduler has to count from the start to every step at which it is evaluated.
    search.SCANNED = 64
    subject = Local(load(peer.implementation))
    words = f"clr-ref conform {peer.implementation} --seed {SEED} --max-examples {peer.max_examples}"
    known, domain = exceptions.read(peer.exceptions), read_domain(peer.exceptions)
    options = runner.Options(runner.precision(subject), POLICY_NAMES, known, SEED, peer.max_examples, words, domain)
    report = runner.make_report(peer.implementation, subject, options, runner.run_checks(subject, options))
    return {"report": report.to_data() | {"told": [str(v.finding) for v in report.verdicts if v.fails and v.finding]}}


def bugs(peer: Peer) -> list[dict[str, Any]]:
    """Returns every known bug of a peer, and what was seen of it; an exception in a probe is raised."""
    module = importlib.import_module(peer.implementation.partition(":")[0])
    return [
        {"title": bug.title, "link": bug.link, "fixed": bug.fixed, "seen": bug.probe()}
        for bug in (getattr(module, "BUGS", ()) if peer.reports_bugs else ())
    ]


class Clock:
    """One schedule of a peer that is evaluated step after step, as in training."""

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
        """Returns the seconds that one step takes, measured over at least so many seconds."""
        count, start = 0, time.perf_counter()
        while True:
            for _ in range(10):
                self._advance()
            count += 10
            if (passed := time.perf_counter() - start) >= seconds:
                return passed / count


def main() -> None:
    """Tests the peer that the command line names, then measures its steps until the input ends."""
    messages, reply = channel()
    (peer,) = choose(read_peers(), sys.argv[1:])
    try:
        found = test(peer) | {"bugs": bugs(peer), "version": peer.version(), "tested": date.today().isoformat()}
        clock = Clock(peer)
    except LoadError as error:
        reply({"error": str(error)})
        return
    reply(found)
    for seconds in messages:
        reply(clock(seconds))


if __name__ == "__main__":
    main()
