"""What two runs are made of, and differ in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from clr_ref._inputs import shown


@dataclasses.dataclass(frozen=True)
class Change:
    """A value that differs, with the path to it. None stands for nothing."""

    what: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.what} was {shown(self.a)}, now {shown(self.b)}"


def changes(a: Any, b: Any, what: str = "") -> list[Change]:
    """What differs between two JSON values.

    Objects are compared by their keys, and two lists of the same number of objects by their places. For other lists, such as
    the flags of CPUs, the change has the values that only one side has. If there are none, it has both lists.
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        keys = dict.fromkeys([*a, *b])
        return [one for key in keys for one in changes(a.get(key), b.get(key), f"{what}.{key}" if what else key)]
    if a == b:
        return []
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(isinstance(one, Mapping) for one in [*a, *b]):
        return [one for place, pair in enumerate(zip(a, b, strict=True)) for one in changes(*pair, f"{what}[{place}]")]
    if isinstance(a, list) and isinstance(b, list):
        alone = [one for one in a if one not in b], [one for one in b if one not in a]
        if any(alone):
            return [Change(what, *alone)]
    return [Change(what, a, b)]
