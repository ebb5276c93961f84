"""What the reader of the store says about damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clr_ref.golden import store as golden
from tests.golden import synthetic
from tests.golden.synthetic import SECOND

Change = Callable[[Any], None]


def the_problem(folder: Path) -> str:
    """The one problem that the store has; ``read`` refuses it with the same words."""
    found = golden.problems(folder)
    assert len(found) == 1, found
    with pytest.raises(golden.StoreError) as refused:
        golden.read(folder)
    assert str(refused.value) == found[0]
    return found[0]


def edited_cases(folder: Path, change: Change) -> str:
    """What is wrong after a change of cases.json with the sums renewed: everything that ``problems`` says."""
    synthetic.edit(folder / "cases.json", change)
    synthetic.renew_sums(folder)
    return "\n".join(golden.problems(folder))


def edited_record(folder: Path, change: Change) -> str:
    """The complaints about the second record after a change of it, with the sums renewed."""
    synthetic.edit(folder / "records" / f"{SECOND}.json", change)
    synthetic.renew_sums(folder)
    found = [problem for problem in golden.problems(folder) if not problem.endswith("orphaned, no record refers to it")]
    return "\n".join(found)


def entry(data: Any, mode: str = "eager", kind: str = "float32") -> Any:
    return data["results"]["triangular-2"][mode][kind]
