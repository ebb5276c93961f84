"""The process that holds an implementation: ``python -m clr_ref.conformance.worker``, which ``subject.Remote`` starts.

It sends one reply for each policy whose offer is read, and for each response to a request; and a notice before each import of a
further module.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable
from typing import Any

from clr_ref.conformance import words
from clr_ref.conformance.config import Config
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.process import channel
from clr_ref.conformance.protocol import IMPORTING, Request, offer_of, responses


class _Announcer:
    """A finder of modules that finds none, and tells the kit that one is imported: that is no part of a call's time.

    PyTorch imports hundreds of modules when the first optimizer is made, which takes seconds.
    """

    def __init__(self, reply: Callable[[Any], None]) -> None:
        self._reply = reply

    def find_spec(self, *_: object) -> None:
        # Another thread may import while a reply is being sent.
        if threading.current_thread() is threading.main_thread():
            self._reply(IMPORTING)


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
    sys.meta_path.insert(0, _Announcer(reply))
    for message in messages:
        if "offer" in message:
            reply(dataclasses.asdict(offer_of(make, message["offer"])))
            continue
        request = Request(**message | {"config": Config(**message["config"]), "steps": tuple(message["steps"])})
        for response in responses(make, request):
            reply([response.kind, response.text])


if __name__ == "__main__":
    main()
