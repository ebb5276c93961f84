"""Not a test: a process that forks others, for a test to kill while they accept or record.

It imports everything once, so that what is killed is the work and not the imports. Requests are lines of JSON on stdin.

    victim.py accept STAGING FOLDER PAIR...
    victim.py record STAGING FOLDER PYTHON RECORDER
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from clr_ref.golden import accept, record


def work(arguments: list[str]) -> None:
    what, staging, folder, *rest = arguments
    if what == "accept":
        accept.accept(rest, staging=Path(staging), folder=Path(folder), overwrite=True, reason="a test")
        return
    python, recorder = rest
    record.RECORDER = Path(recorder)
    record.record_with(Path(python), None, staging=Path(staging), folder=Path(folder), progress=lambda text: None)


def kill_myself_at(number: int) -> None:
    """SIGKILL this process when it is about to change the file system for the n-th time: moments that can be repeated.

    The exchange of two folders shows by the symbol that is looked up for it. For a recording only moves and removals of
    folders count besides, since each try costs two runs of a recorder.
    """
    changes = {"ctypes.dlsym", "os.rename", "os.rmdir"} | (
        {"os.mkdir", "os.remove", "open"} if sys.argv[1] == "accept" else set()
    )
    seen = 0

    def hook(event: str, arguments: Any) -> None:
        nonlocal seen
        if event not in changes or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def main() -> None:
    child = 0
    for text in sys.stdin:
        request = json.loads(text)
        if request["do"] == "start":
            child = os.fork()
            if child == 0:
                os.setpgid(0, 0)
                os.dup2(os.open(os.devnull, os.O_RDWR), 0)
                os.dup2(0, 1)  # stdout is the server's
                if request["kill_at"]:
                    kill_myself_at(request["kill_at"])
                status = 1
                try:
                    work(sys.argv[1:])
                    status = 0
                finally:
                    os._exit(status)
            os.setpgid(child, child)  # whoever comes first: the test must find the group
            print(child, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
