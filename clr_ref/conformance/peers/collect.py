"""Ask every peer in a process of its own, two at a time; then time them all, one after the other, in rounds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clr_ref.conformance.peers.registry import Peer

ROUNDS, SECONDS = 7, 0.05
AT_ONCE = 2


class Process:
    """A worker that goes on until it is closed."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._noise = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "clr_ref.conformance.peers.worker", peer.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            encoding="utf-8",
        )

    def found(self) -> dict[str, Any]:
        """Its first line, or the last words of a process that died, under ``error``."""
        try:
            found: dict[str, Any] = self._read()
        except EOFError as error:
            found = {"error": str(error)}
        return {"name": self.peer.name, "package": self.peer.package, "implementation": self.peer.implementation} | found

    def seconds(self) -> float:
        """Seconds a step."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{SECONDS}\n")
        self._process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._noise.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._noise.seek(0)
            words = [text for text in self._noise.read().splitlines() if text.strip()]
            raise EOFError(words[-1].strip() if words else f"exit code {self._process.returncode}")
        return json.loads(line)


def collect(peers: Sequence[Peer], said: Callable[[str], None]) -> list[dict[str, Any]]:
    """What was found about every peer, in order; ``cost`` is the median of its seconds a step over those of the first."""
    processes: list[Process] = []

    def look(peer: Peer) -> tuple[Process, dict[str, Any]]:
        process = Process(peer)
        processes.append(process)
        found = process.found()
        said(f"{peer.name}: {found.get('error') or 'asked'}")
        return process, found

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = list(pool.map(look, peers))
        running = [(process, found) for process, found in asked if "error" not in found]
        times: list[list[float]] = [[process.seconds() for process, _ in running] for _ in range(ROUNDS)]
        medians = [statistics.median(column) for column in zip(*times, strict=True)]
        for (_, found), median in zip(running, medians, strict=True):
            found["cost"] = median / medians[0]
        return [found for _, found in asked]
    finally:
        for process in processes:
            process.close()
