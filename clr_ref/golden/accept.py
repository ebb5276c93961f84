"""Move recordings into the store: the new store is built beside the old one, checked, and put in its place.

A recording is staged as ``<staging>/<pair>/records/<pair>.json`` with its ``values/``.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from clr_ref._files import folder_beside, json_text, remove_leftovers
from clr_ref.exact import ulp
from clr_ref.golden import store as golden
from clr_ref.golden.files import file_names, foreign, read_bytes, read_text
from clr_ref.golden.form import MALFORMED, load_json
from clr_ref.golden.model import RECORD_NAME, Entry, Record, Store, StoreError, record_order
from clr_ref.golden.records import parse_record
from clr_ref.golden.sums import SUMS, render_sums, sha256, sums_problems
from clr_ref.golden.values import parse_values

#: Seconds that ``accept`` waits for another one before it says so.
WAIT = 1.0


class AcceptError(Exception):
    """The recording cannot be accepted; the message says why, and the store is unchanged."""


#: The ways in which an entry can differ, and their names in words.
KINDS = {
    "new": "new",
    "other_rates": "other rates",
    "other_checksum": "another checksum of the same rates",
    "other_steps": "other steps",
    "other_error": "another error",
    "values_against_errors": "an error on one side only",
    "removed": "removed",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """How one recorded entry differs from the stored one it is compared with.

    ``kind`` is one of ``KINDS``, or "behaviour" or "pair"; a new behaviour is "new". ``worst_ulp`` is None unless the rates of
    the same steps are other ones. A behaviour has the case "behaviour" and its title as step dtype. Where a pair could not be
    installed on one side, the case is "pair".
    """

    case: str
    mode: str
    step_dtype: str
    before: str
    after: str
    kind: str
    worst_ulp: float | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.case, self.mode, self.step_dtype) if part)


def staged_pairs(staging: Path) -> list[str]:
    """The names of the pairs that are staged, in the order of their versions."""
    if not staging.is_dir():
        return []
    names = [path.name for path in staging.iterdir() if RECORD_NAME.fullmatch(path.name)]
    return sorted(names, key=record_order)


def read_staged(staging: Path, name: str, store: Store) -> tuple[Record, Path]:
    """A staged record, checked against the cases of the store, and the folder that holds it.

    Raises:
        AcceptError: no record of that name is staged, or it is damaged, or it was made of other cases.
    """
    folder = staging / name
    path = folder / "records" / f"{name}.json"
    try:
        if links := foreign(folder):
            raise AcceptError("\n".join(f"{folder}: {problem}" for problem in links))
        record = parse_record(path.name, load_json(path))
        alone = dataclasses.replace(store, folder=folder, records={name: record})
        if golden.coverage_problems(alone):
            raise AcceptError(f"{folder}: recorded with other cases than those of {store.folder / 'cases.json'}; {golden.NEXT}")
        found = golden.counts_problems(alone) or golden.values_problems(alone)
    except (OSError, *MALFORMED) as error:
        raise AcceptError(f"{path}: {error}") from None
    if found:
        raise AcceptError("\n".join(f"{folder}: {problem}" for problem in found))
    return record, folder


def nearest(store: Store, name: str) -> Record | None:
    """The stored record of a pair; else that of the nearest earlier version; else the earliest; None in an empty store."""
    if name in store.records:
        return store.records[name]
    names = sorted((n for n, r in store.records.items() if r.error is None), key=record_order)
    earlier = [n for n in names if record_order(n) < record_order(name)]
    return store.records[earlier[-1]] if earlier else store.records[names[0]] if names else None


def differences(store: Store, record: Record, folder: Path, against: Record) -> Iterator[Difference]:
    """Where a staged record differs from a stored one, entry by entry."""
    if record.error != against.error:
        yield Difference("pair", "", "", against.error or "recorded", record.error or "recorded", "pair")
    before = {(e.case, e.mode, e.step_dtype): e for e in against.entries}
    for entry in record.entries:
        old = before.pop((entry.case, entry.mode, entry.step_dtype), None)
        if old is None:
            yield Difference(entry.case, entry.mode, entry.step_dtype, "nothing", _describe(entry), "new")
        elif old != entry:
            kind, worst = _how(store, entry, folder, old)
            yield Difference(entry.case, entry.mode, entry.step_dtype, _describe(old), _describe(entry), kind, worst)
    for old in before.values() if record.error is None else ():
        yield Difference(old.case, old.mode, old.step_dtype, _describe(old), "nothing", "removed")
    for title in dict.fromkeys([*against.behaviours, *record.behaviours]) if record.error == against.error else ():
        old_outcome, outcome = against.behaviours.get(title), record.behaviours.get(title)
        if old_outcome != outcome:
            kind = "new" if old_outcome is None else "behaviour"
            yield Difference("behaviour", "", title, old_outcome or "nothing", outcome or "nothing", kind)


def _how(store: Store, entry: Entry, folder: Path, old: Entry) -> tuple[str, float | None]:
    """How a recorded entry differs from a stored one of the same case, and by how many ULP."""
    if old.values is None or entry.values is None:
        return ("other_error" if old.values is entry.values else "values_against_errors"), None
    if old.values == entry.values:
        return "other_checksum", None
    (steps, rates), (old_steps, old_rates) = (
        parse_values(read_text(place / "values" / entry.case / str(one.values)), store.cases[entry.case].dtype)
        for place, one in ((folder, entry), (store.folder, old))
    )
    if not np.array_equal(steps, old_steps):
        return "other_steps", None
    return "other_rates", float(np.max(np.abs(ulp.distance(rates, old_rates)), initial=0.0))


def _describe(entry: Entry) -> str:
    if entry.error is not None:
        return f"{entry.error[0]}: {entry.error[1]}"
    return f"{entry.values}" + (f" digest {entry.digest[:8]}" if entry.digest else "")


def accept(
    names: Iterable[str], *, staging: Path, folder: Path, overwrite: bool = False, reason: str | None = None
) -> list[str]:
    """Put the staged records into the store, all or none, renew its SHA256SUMS, and return the accepted names.

    Args:
        names: the pairs to accept. With none, only the sums are renewed, after cases.json was edited by hand.
        staging: the folder with the recordings.
        folder: the store.
        overwrite: whether a recording may change or remove a stored result. An added one needs no permission.
        reason: why the stored results were wrong, for the history of the record; required with ``overwrite``.

    Raises:
        AcceptError: a staged record is damaged; or it would change a stored result without ``overwrite`` and ``reason``; or the
            new store would not be sound.
        StoreError: a stored file was edited by hand.
    """
    accepted = list(names)
    if overwrite and not (reason or "").strip():
        raise AcceptError("--overwrite needs a --reason that says why the stored values were wrong")
    rebuild(folder, lambda fresh: _apply(accepted, staging, fresh, overwrite, reason))
    return accepted


def rebuild(folder: Path, change: Callable[[Path], None]) -> None:
    """Change a copy of the store, renew its SHA256SUMS, and put it in the store's place if it is sound.

    Raises:
        AcceptError: the new store would not be sound, or cannot be written.
        StoreError: there is no store, or a stored file was edited by hand.
    """
    try:
        _rebuild(folder, change)
    except shutil.Error as error:  # its text is a list of all files; the first one's reason is enough
        raise AcceptError(f"{folder} cannot be copied, and is as it was: {error.args[0][0][2]}") from error
    except OSError as error:  # such as a full disk
        raise AcceptError(f"{folder} cannot be changed, and is as it was: {error}") from error


def _rebuild(folder: Path, change: Callable[[Path], None]) -> None:
    try:
        folder = folder.resolve()
    except RuntimeError as error:  # links in a circle, up to Python 3.12
        raise StoreError(f"{folder}: {error}") from None
    if not (folder / "cases.json").is_file():
        raise StoreError(f"{folder}: no cases.json: not a golden store")
    with _exclusively(folder):
        _refuse_tampering(folder)
        remove_leftovers(folder)
        with folder_beside(folder) as work:
            fresh = Path(work) / folder.name
            shutil.copytree(folder, fresh)
            change(fresh)
            (fresh / SUMS).write_text(render_sums(fresh), "utf-8")
            found = golden.problems(fresh)
            if found:
                raise AcceptError("\n".join(found))
            exchange(fresh, folder)


def put(folder: Path, name: str, document: dict[str, Any], *, reason: str | None) -> None:
    """Put a document with ``runs`` into the store under ``name``, a path in it. It keeps the history of what it replaces.

    Raises:
        AcceptError: other runs are stored, and no ``reason`` is given; or as for ``rebuild``.
        StoreError: as for ``rebuild``.
    """

    def change(fresh: Path) -> None:
        target = fresh / name
        history: list[Any] = []
        if target.exists():
            try:
                old = load_json(target)
                history, runs = old.get("history", []), old["runs"]
            except MALFORMED as error:
                raise AcceptError(f"{name}: {error}") from None
            if runs != document["runs"]:
                if not (reason or "").strip():
                    raise AcceptError(f"{target.name} would change; `--reason TEXT` replaces it, and keeps the reason")
                history = [*history, {"reason": reason, "replaced_sha256": sha256(read_bytes(target))}]
        if history:
            document["history"] = history
        target.parent.mkdir(exist_ok=True)
        target.write_text(json_text(document) + "\n", "utf-8")

    rebuild(folder, change)


@contextlib.contextmanager
def _exclusively(folder: Path) -> Iterator[None]:
    lock = filelock.FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=WAIT)
    except filelock.Timeout:
        print(f"waiting for another `clr-ref golden accept` of {folder} to end", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        # While this process still has the lock: afterwards the file may be the lock of another process.
        with contextlib.suppress(OSError):
            Path(f"{folder}.lock").unlink()
        lock.release()


def _refuse_tampering(folder: Path) -> None:
    """Refuse if any file except cases.json differs from SHA256SUMS: it was edited by hand. Links would be copied as files."""
    if found := foreign(folder):
        raise StoreError("\n".join(found))
    if not (folder / SUMS).exists() and not any((folder / "records").glob("*")):
        return  # a store that has never held anything
    found = [problem for problem in sums_problems(folder) if not problem.startswith("cases.json:")]
    if found:
        raise StoreError("\n".join(found))


def _apply(names: list[str], staging: Path, fresh: Path, overwrite: bool, reason: str | None) -> None:
    parse_problems: list[str] = []
    store = golden.parse(fresh, parse_problems)
    if store is None or parse_problems:
        raise AcceptError("\n".join(parse_problems))
    for name in names:
        record, source = read_staged(staging, name, store)
        target = fresh / "records" / f"{name}.json"
        data = load_json(source / "records" / f"{name}.json")
        if target.exists():
            old = load_json(target)
            if "history" in old:
                data["history"] = old["history"]
            changed = [d for d in differences(store, record, source, store.records[name]) if d.kind != "new"]
            if changed:
                if not overwrite:
                    what = f"{name} differs from what is stored in {len(changed)} entries, first in {changed[0]}"
                    hint = f"see `clr-ref golden diff --details {name}`; `--overwrite --reason TEXT` replaces what is stored"
                    raise AcceptError(f"{what}; {hint}")
                replaced = sha256(read_bytes(target))
                data["history"] = [*old.get("history", []), {"reason": reason, "replaced_sha256": replaced}]
        target.parent.mkdir(exist_ok=True)
        target.write_text(json_text(data) + "\n", "utf-8")
        for entry in record.entries:
            if entry.values is not None:
                values = fresh / "values" / entry.case / entry.values
                values.parent.mkdir(parents=True, exist_ok=True)
                values.write_bytes(read_bytes(source / "values" / entry.case / entry.values))
    # A replaced record may have been the last one that referred to a values file.
    complete = golden.parse(fresh, [])
    wanted = {f"values/{case}/{name}" for case, _, _, name in complete.files()} if complete else set()
    for path in file_names(fresh):
        if path.startswith("values/") and path not in wanted:
            (fresh / path).unlink()


def exchange(fresh: Path, folder: Path) -> None:
    """Swap two folders; on Linux in one step, so that a reader always finds one of the two stores."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "renameat2"):
            at_cwd, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
            if libc.renameat2(at_cwd, os.fsencode(fresh), at_cwd, os.fsencode(folder), exchange) == 0:
                return
            if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    aside = fresh.with_name(fresh.name + ".old")
    folder.rename(aside)
    try:
        fresh.rename(folder)
    except BaseException:
        aside.rename(folder)
        raise
