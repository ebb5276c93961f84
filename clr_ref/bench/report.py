"""The results of one run of ``clr-ref bench``, and their JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from clr_ref.bench.figures import Figure
from clr_ref.bench.train_steps import Overhead

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of one run.

    ``missing`` gives the reason for each contender that is not installed. ``harness`` and ``training`` are empty unless they
    were measured too.
    """

    machine: Mapping[str, str]
    figures: tuple[Figure, ...]
    missing: Mapping[str, str]
    harness: Mapping[str, float] = dataclasses.field(default_factory=dict)
    training: tuple[Overhead, ...] = ()

    def to_json(self) -> str:
        """The report as one JSON object, on lines of its own."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that ``to_json`` wrote.

        Raises:
            ValueError: the text is not JSON of that form.
        """
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise ValueError(f"format must be {FORMAT}")
            data["figures"] = tuple(Figure(**figure) for figure in data["figures"])
            data["training"] = tuple(Overhead(**overhead) for overhead in data["training"])
            return cls(**data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a report of clr-ref bench: {error}") from None
