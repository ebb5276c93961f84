"""The process that trains for a worker: ``python -m clr_ref.study.child``.

It reads requests from stdin and writes replies, both pickled, to what was its stdout; what a user's code prints goes to stderr.
It ends when its stdin does, and after the next step if the worker is gone.
"""

from __future__ import annotations

import functools
import os
import pickle
import signal
import traceback
from typing import Any

from clr_ref.study import training


def main() -> None:
    """Serve requests until stdin ends. A reply is (True, result) or (False, (name of the error, its text))."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = os.getppid()
    replies, requests = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # where a user's code reads from, it would wait for the next request

    def on_step(_: int) -> None:
        if os.getppid() != worker:
            os._exit(1)

    while True:
        try:
            name, arguments = pickle.load(requests)
        except EOFError:
            return
        reply = pickle.dumps(_reply(name, arguments, on_step))
        try:
            replies.write(reply)
            replies.flush()
        except OSError:  # the worker is gone; at its end, Python would try to write the rest
            os._exit(1)


def _reply(name: str, arguments: tuple[Any, ...], on_step: Any) -> tuple[bool, Any]:
    try:
        function = functools.partial(training.train, on_step=on_step) if name == "train" else training.describe
        return True, function(*arguments)
    except training.UnfitError as error:
        return False, ("UnfitError", str(error))
    except training.CellError as error:
        return False, ("CellError", str(error))
    except BaseException:  # a user's code can raise anything, SystemExit too
        return False, ("CellError", traceback.format_exc().rstrip())


if __name__ == "__main__":
    main()
