"""An emptied store, a file too many and any changed byte are found."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clr_ref.golden import store as golden
from clr_ref.golden.sums import SUMS
from tests.golden import synthetic
from tests.golden.damaged import edited_cases, the_problem
from tests.golden.synthetic import SECOND


def test_store_without_records(folder: Path) -> None:
    shutil.rmtree(folder / "records")
    shutil.rmtree(folder / "values")
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"records: no record: the store is empty; {golden.NEXT}"


def test_store_without_cases(folder: Path) -> None:
    found = edited_cases(folder, lambda data: data["cases"].clear()).splitlines()
    assert found == ["cases.json: cases must be a list that is not empty, got []"]


def test_store_without_cases_json(folder: Path) -> None:
    (folder / "cases.json").unlink()
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{folder}: no cases.json: not a golden store"


def test_empty_folder(tmp_path: Path) -> None:
    assert the_problem(tmp_path) == f"{tmp_path}: no cases.json: not a golden store"


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(golden.StoreError, match="not a golden store"):
        golden.read(tmp_path / "nowhere")


def test_folder_that_is_a_file(folder: Path) -> None:
    assert golden.problems(folder / "cases.json")


def test_missing_sums(folder: Path) -> None:
    (folder / SUMS).unlink()
    assert the_problem(folder) == "SHA256SUMS: missing"


@pytest.mark.parametrize("name", ["README.md", "records/notes.txt", "values/triangular-2.txt"])
def test_file_that_the_sums_do_not_list(folder: Path, name: str) -> None:
    (folder / name).write_text("extra")
    assert the_problem(folder).startswith(f"{name}: ")


def test_file_that_only_the_sums_list(folder: Path) -> None:
    with (folder / SUMS).open("a") as file:
        file.write("0" * 64 + "  values/gone.csv\n")
    assert the_problem(folder) == "values/gone.csv: listed in SHA256SUMS, but not there"


def test_note_that_was_edited_without_renewing_the_sums(folder: Path) -> None:
    synthetic.edit(folder / "cases.json", lambda data: data["cases"][0].update(note="Another reason."))
    assert the_problem(folder) == "cases.json: sha256 is not that of SHA256SUMS"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "".join(sorted(text.splitlines(keepends=True))),
        lambda text: text + text.splitlines(keepends=True)[0],
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.upper(),
    ],
    ids=["order", "a line twice", "line ends", "capitals"],
)
def test_sums_in_another_form(folder: Path, change: Callable[[str], str]) -> None:
    path = folder / SUMS
    path.write_bytes(change(path.read_text()).encode())
    assert golden.problems(folder)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """One case and one pair: small enough to change every byte of a file."""
    return synthetic.write_store(tmp_path / "small", (SECOND,), synthetic.CASES[:1])


def other_bytes(byte: int) -> Iterator[int]:
    """One flipped bit, which mostly gives another character of its kind, and one character that is of none."""
    yield byte ^ 1
    yield 0xC3 if byte != 0xC3 else 0x20


@pytest.mark.parametrize("name", [SUMS, "values"])
def test_every_byte_of_a_file_matters(small: Path, name: str) -> None:
    if name == "values":
        name = synthetic.values_of(small, SECOND, "triangular-2")
    path = small / name
    original = path.read_bytes()
    for offset, byte in enumerate(original):
        for new in other_bytes(byte):
            path.write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
            assert golden.problems(small), (name, offset, new)
    path.write_bytes(original)
    assert golden.problems(small) == []


def test_random_bytes_of_all_files_matter(folder: Path) -> None:
    """Drawn over the bytes of the whole store, so that every one is as likely as any other."""
    draw = random.Random(2)
    files = synthetic.snapshot(folder)
    names = sorted(files)
    for name in draw.choices(names, [len(files[name]) for name in names], k=300):
        original = files[name]
        offset = draw.randrange(len(original))
        new = draw.choice([byte for byte in range(256) if byte != original[offset]])
        (folder / name).write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
        assert golden.problems(folder), (name, offset, new)
        (folder / name).write_bytes(original)
    assert golden.problems(folder) == []


def test_random_bytes_never_break_the_reader(small: Path) -> None:
    """With the sums renewed the other checks see the damage: some find it, none raises."""
    draw = random.Random(3)
    files = synthetic.snapshot(small)
    names = sorted(set(files) - {SUMS})
    caught = 0
    for _ in range(150):
        name = draw.choice(names)
        original = files[name]
        offset = draw.randrange(len(original))
        # Digits and punctuation of JSON make the most plausible damage.
        new = draw.choice([byte for byte in b'0123456789eE+-.,:"{}[] \x00\xff' if byte != original[offset]])
        (small / name).write_bytes(original[:offset] + bytes([new]) + original[offset + 1 :])
        synthetic.renew_sums(small)
        caught += bool(golden.problems(small))
        (small / name).write_bytes(original)
    assert caught > 60
