"""Test every peer in a process of its own, two at a time; then measure their costs one after the other, in rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clr_ref.conformance.peers.registry import Peer
from clr_ref.conformance.process import Child

ROUNDS, SECONDS = 7, 0.05
AT_ONCE = 2


def collect(peers: Sequence[Peer], report: Callable[[str], None]) -> list[dict[str, Any]]:
    """Returns what was found about every peer, in order, as JSON holds it.

    Args:
        peers: ``cost`` is the median of a peer's seconds for one step, divided by that of the first peer, if it runs.
        report: called with one line when a peer has been tested.

    Returns:
        A dictionary for each peer; it holds ``error`` alone beside the peer's names if the peer could not be tested.
    """
    children: list[Child] = []

    def test(peer: Peer) -> tuple[Child, dict[str, Any]]:
        child = Child("clr_ref.conformance.peers.worker", peer.name)
        children.append(child)
        try:
            found = child.receive()
        except ConnectionError as error:
            found = {"error": str(error)}
        report(f"{peer.name}: {found.get('error') or 'tested'}")
        return child, {"name": peer.name, "package": peer.package, "implementation": peer.implementation} | found

    def seconds(child: Child) -> float:
        child.send(SECONDS)
        return float(child.receive())

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tested = list(pool.map(test, peers))
        running = [(child, found) for child, found in tested if "error" not in found]
        if tested and "error" not in tested[0][1]:  # else there is nothing to compare the costs with
            times = [[seconds(child) for child, _ in running] for _ in range(ROUNDS)]
            medians = [statistics.median(column) for column in zip(*times, strict=True)]
            for (_, found), median in zip(running, medians, strict=True):
                found["cost"] = median / medians[0]
        return [found for _, found in tested]
    finally:
        for child in children:
            child.stop()
