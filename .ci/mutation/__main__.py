"""Change ``clr_ref`` in one place at a time, and see whether a test fails: ``python -m mutation numpy FOLDER``

Cosmic Ray makes the mutants, and stores in FOLDER what becomes of them. For each mutant, the tests that run its statement are
run in one of two copies of the checkout, and if it survives, the others that run its file. A run that was interrupted goes on
where it was, unless code or tests changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from attrs import evolve
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkItem, WorkResult

from mutation.places import GROUPS, mutation, sample, sources
from mutation.report import change, listed, missing, read_equivalents, report
from mutation.suite import Suite, command, measured

ROOT = Path(__file__).parents[2]
PROCESSES = 2
#: Seconds for all tests of one mutant. The plugin limits each test; this is for a mutant that hangs outside of them.
TIMEOUT = 1200
#: In a checkout: the tests that the plugin runs.
ORDER = "mutation-order.json"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="mutation", description="Change one place at a time, and see whether a test fails.")
    parser.add_argument("group", choices=GROUPS, help="Which files.")
    parser.add_argument("folder", type=Path, help="Where results are kept.")
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="How many places. Default: 300.")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="Which places. Default: 0.")
    parser.add_argument("--all", action="store_true", help="All mutants of all places, which takes days.")
    parser.add_argument("--only", default="", metavar="PATH", help="Only files whose path begins like this: clr_ref/fast.")
    options = parser.parse_args(words)
    os.chdir(ROOT)
    files = sources(options.group, Path("clr_ref"))
    folder = _folder(options.folder.resolve(), options.group)
    checkouts = [_copy(folder / f"checkout{number}") for number in range(PROCESSES)]
    suite = measured(folder, checkouts[0], GROUPS[options.group].tests, PROCESSES)
    entries = read_equivalents(ROOT / "tests" / "equivalents.toml")
    with use_db(folder / "mutants.sqlite") as store:
        if not store.num_work_items:
            init(files, store, {})
        items = store.work_items
        wrong = missing([entry for entry in entries if Path(entry.file) in files], items)
        chosen = sample(
            (item for item in items if str(mutation(item).module_path).startswith(options.only)),
            options.seed,
            None if options.all else options.sample,
        )
        if not chosen:
            wrong.append(f"no mutants: no file of this group begins with {options.only!r}")
        _test_all(chosen, suite, store, checkouts, listed(entries))
        wrong += report(chosen, dict(store.results), entries)
    print(*wrong, sep="\n")
    return int(bool(wrong))


def _folder(parent: Path, group: str) -> Path:
    """The folder of this code and these tests; those of others are removed."""
    content = hashlib.sha256()
    for path in sorted(
        [ROOT / "pyproject.toml", *(path for name in ("clr_ref", "tests") for path in (ROOT / name).rglob("*.py"))]
    ):
        content.update(f"{path}\n".encode() + path.read_bytes())
    folder = parent / f"{group}-{content.hexdigest()[:16]}"
    for old in parent.glob(f"{group}-*"):
        if old != folder:
            print(f"The code or the tests have changed since {old.name}, which is removed.")
            shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copy(folder: Path) -> Path:
    """Copy the checkout without what git ignores."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, folder / name)
    return folder


def _test_all(
    chosen: list[WorkItem], suite: Suite, store: WorkDB, checkouts: list[Path], equivalent: set[tuple[str, str, str]]
) -> None:
    done = {job for job, _ in store.results}
    left = [item for item in chosen if item.job_id not in done]
    print(f"{len(chosen)} mutants, of which {len(chosen) - len(left)} are tested already", flush=True)
    free = SimpleQueue[Path]()
    for checkout in checkouts:
        free.put(checkout)
    # Read now, so that files of this checkout may be edited while the others are tested.
    rounds = [suite.rounds(mutation(item).module_path, mutation(item).start_pos) for item in left]
    with ThreadPoolExecutor(len(checkouts)) as pool:
        running = [pool.submit(_test, item, orders, free, equivalent) for item, orders in zip(left, rounds, strict=True)]
        for number, future in enumerate(as_completed(running), 1):
            job, result = future.result()
            store.set_result(job, result)
            survivor = "" if result.is_killed else "  survived: {}  ->  {}".format(*change(result.diff or ""))
            print(f"{number} of {len(left)}{survivor}", flush=True)


def _test(
    item: WorkItem, orders: list[dict[str, float]], free: SimpleQueue[Path], equivalent: set[tuple[str, str, str]]
) -> tuple[str, WorkResult]:
    """Run the tests of one mutant in a checkout that no other mutant uses; those of a later round if it survives."""
    one, checkout = mutation(item), free.get()
    try:
        for order in orders:
            (checkout / ORDER).write_text(json.dumps(order), "utf-8")
            files = dict.fromkeys(test.partition("::")[0] for test in order)
            words = shlex.join(command(checkout, "-x", f"--mutation-order={ORDER}", *files))
            result = mutate_and_test([evolve(one, module_path=checkout / one.module_path)], words, TIMEOUT)
            if result.is_killed or (str(one.module_path), *change(result.diff or "")) in equivalent:
                break
    finally:
        free.put(checkout)
    return item.job_id, evolve(result, output=(result.output or "")[-2000:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
