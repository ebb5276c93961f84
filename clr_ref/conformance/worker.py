"""The process that holds an implementation: ``python -m clr_ref.conformance.worker``, driven by ``subject.Remote``.

One JSON document per line: questions on standard input, answers on what was standard output when it started. Whatever the
implementation prints goes to standard error.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from typing import Any

from clr_ref.conformance.config import Config
from clr_ref.conformance.load import LoadError, load
from clr_ref.conformance.protocol import Question, answers, nature


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)

    def say(document: Any) -> None:
        replies.write(json.dumps(document) + "\n")
        replies.flush()

    hello = json.loads(sys.stdin.readline())
    sys.path[:] = hello["path"]
    try:
        make = load(hello["name"])
    except LoadError as error:
        say({"error": str(error)})
        return
    say({})
    for line in sys.stdin:
        asked = json.loads(line)
        if asked == "nature":
            say(dataclasses.asdict(nature(make)))
            continue
        question = Question(**asked | {"config": Config(**asked["config"]), "steps": tuple(asked["steps"])})
        for answer in answers(make, question):
            say([answer.kind, answer.text])


if __name__ == "__main__":
    main()
