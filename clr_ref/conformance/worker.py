"""The process that holds an implementation: ``python -m clr_ref.conformance.worker``, which ``subject.Remote`` starts.

It reads requests from standard input, and sends one reply for each response.
"""

from __future__ import annotations

import dataclasses
import json
import sys

from clr_ref.conformance.config import Config
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.process import replies
from clr_ref.conformance.protocol import Request, capabilities_of, responses


def main() -> None:
    """Imports the implementation that the first line names, then evaluates it for every further line until the input ends."""
    reply = replies()
    hello = json.loads(sys.stdin.readline())
    sys.path[:] = hello["path"]
    try:
        make = load(hello["name"])
    except LoadError as error:
        reply({"error": str(error)})
        return
    reply({})
    for line in sys.stdin:
        message = json.loads(line)
        if message == "capabilities":
            reply(dataclasses.asdict(capabilities_of(make)))
            continue
        request = Request(**message | {"config": Config(**message["config"]), "steps": tuple(message["steps"])})
        for response in responses(make, request):
            reply([response.kind, response.text])


if __name__ == "__main__":
    main()
