"""The process that holds an implementation: ``python -m clr_ref.conformance.worker``, which ``subject.Remote`` starts.

It sends one reply for each policy whose offer is read, and for each response to a request.
"""

from __future__ import annotations

import dataclasses
import sys

from clr_ref.conformance import words
from clr_ref.conformance.config import Config
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.process import channel
from clr_ref.conformance.protocol import Request, offer_of, responses


def main() -> None:
    """Imports the implementation that the first document names, then evaluates it for every further one."""
    messages, reply = channel()
    hello = next(messages)
    sys.path[:] = hello["path"]
    try:
        make = load(hello["name"])
    except LoadError as error:
        reply({"error": words.printable(str(error), longest=2_000)})
        return
    reply({})
    for message in messages:
        if "offer" in message:
            reply(dataclasses.asdict(offer_of(make, message["offer"])))
            continue
        request = Request(**message | {"config": Config(**message["config"]), "steps": tuple(message["steps"])})
        for response in responses(make, request):
            reply([response.kind, response.text])


if __name__ == "__main__":
    main()
