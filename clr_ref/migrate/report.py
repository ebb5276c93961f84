"""What was found in a file: what changes, what is to be done by hand, and what else of TFA it uses."""

from __future__ import annotations

import dataclasses
from typing import Literal

from clr_ref.migrate.facts import Counterpart

#: "warning": a value changes on purpose. "by hand": a use of TFA's schedules that was left alone. "note": anything else.
Kind = Literal["warning", "by hand", "note"]


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """Something to know about a line.

    Attributes:
        line: the line, from 1; in a notebook, first that of all cells together.
        kind: what kind of finding it is.
        text: what is found there.
    """

    line: int
    kind: Kind
    text: str


@dataclasses.dataclass(frozen=True)
class Use:
    """A name of TFA that stays.

    Attributes:
        name: the full name, such as "tensorflow_addons.optimizers.AdamW".
        lines: where it is used.
        counterpart: what Keras 3 has instead; None where that is not known.
    """

    name: str
    lines: tuple[int, ...]
    counterpart: Counterpart | None
