"""What became of the mutants: shares by room, survivors, and those that are known to be equivalent."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib

from mutation.places import mutation

if TYPE_CHECKING:
    from cosmic_ray.work_item import WorkItem, WorkResult

#: At least this share of the mutants that are not equivalent fails a test, in all and in each room. One survivor alone is no
#: failure of a room, of which fewer than twenty mutants may have been drawn.
LEAST_KILLED = 0.95


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """One line of a file, mutants of it that no test can tell from it, and why."""

    file: str
    line: str
    mutants: tuple[str, ...]
    reason: str


def read_equivalents(path: Path) -> list[Equivalent]:
    """The entries of the file of equivalent mutants."""
    document = tomllib.loads(path.read_text("utf-8"))
    return [Equivalent(**entry | {"mutants": tuple(entry["mutants"])}) for entry in document.get("equivalent", [])]


def listed(entries: Iterable[Equivalent]) -> set[tuple[str, str, str]]:
    """Each listed mutant as its file, and its line before and after."""
    return {(entry.file, entry.line, mutant) for entry in entries for mutant in entry.mutants}


def change(diff: str) -> tuple[str, str]:
    """The changed lines of a diff, before and after, without indentation."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    before, after = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return before, after


def missing(entries: Iterable[Equivalent], items: Iterable[WorkItem]) -> list[str]:
    """The listed mutants that Cosmic Ray does not make of today's code."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    entries = list(entries)
    made = set()
    for one in map(mutation, items):
        if of_file := [entry for entry in entries if entry.file == str(one.module_path)]:
            code = one.module_path.read_text("utf-8")
            line = code.splitlines()[one.start_pos[0] - 1].strip()
            if any(line in entry.line for entry in of_file):
                mutant = mutate_code(code, get_operator(one.operator_name)(), one.occurrence)
                diff = "\n".join(difflib.unified_diff(code.splitlines(), mutant.splitlines(), lineterm="", n=0))
                made.add((str(one.module_path), *change(diff)))
    return [f"not a mutant: {file}: {line}  ->  {mutant}" for file, line, mutant in sorted(listed(entries) - made)]


def report(chosen: Iterable[WorkItem], results: dict[str, WorkResult], entries: Iterable[Equivalent]) -> list[str]:
    """Print the shares and the survivors; return what is wrong."""
    equivalent = listed(entries)
    killed, equal, alive = Counter[str](), Counter[str](), Counter[str]()
    survivors, wrong = [], []
    for item in chosen:
        one, result = mutation(item), results[item.job_id]
        before, after = change(result.diff or "")
        room = one.module_path.parts[1].removesuffix(".py")
        is_listed = (str(one.module_path), before, after) in equivalent
        if result.is_killed:
            killed[room] += 1
            if is_listed:
                wrong.append(f"not equivalent, for a test fails: {one.module_path}: {before}  ->  {after}")
        elif is_listed:
            equal[room] += 1
        else:
            alive[room] += 1
            survivors.append((str(one.module_path), one.start_pos[0], f"{before}\n      ->  {after}"))
    print(f"\n{'room':20} killed  survived  equivalent")
    for room in sorted(killed | equal | alive):
        wrong += _share(room, killed[room], alive[room], equal[room])
    wrong += _share("all", killed.total(), alive.total(), equal.total())
    for path, line, changed in sorted(survivors):
        print(f"\n{path}:{line}\n    {changed}")
    return wrong


def _share(name: str, killed: int, alive: int, equal: int) -> list[str]:
    """Print a line of the table; return what is wrong with it."""
    share = killed / max(1, killed + alive)
    print(f"{name:20} {killed:6}  {alive:8}  {equal:10}  {share:6.1%}")
    if share >= LEAST_KILLED or alive <= (name != "all"):
        return []
    return [f"{name}: the tests kill {share:.1%} of the mutants, less than {LEAST_KILLED:.0%}"]
