"""Every kind of damage to a values file is found, and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_ref.golden.values import parse_values, render_values
from tests.golden import synthetic
from tests.golden.damaged import edited_record, entry, the_problem
from tests.golden.synthetic import FIRST, SECOND


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_round_trip(dtype: str) -> None:
    """Every kind of float comes back in its bits, and writing it again gives the same text."""
    kind = np.dtype(dtype).type
    tiny = np.finfo(dtype).smallest_subnormal
    values = np.array([0.0, -0.0, tiny, 1e-4, 0.1, -2.5, np.finfo(dtype).max, np.inf, -np.inf, np.nan], kind)
    steps = [*range(9), 2**63 - 1]
    text = render_values(steps, values)
    found_steps, found = parse_values(text, dtype)
    assert found_steps.tolist() == steps
    assert found.dtype == dtype
    assert found.tobytes() == values.tobytes()
    assert render_values(found_steps, found) == text


def test_decimal_is_the_shortest_of_the_dtype() -> None:
    """0.01 in float32 is written 1e-02, not with the digits of the float64 that hex shows."""
    assert render_values([3], [np.float32(0.01)]).splitlines()[1] == "3,0x1.47ae140000000p-7,1e-02"


@pytest.mark.parametrize("text", ["", "step,hex\n", "step,hex,decimal\n1,0x0p+0\n", "step,hex,decimal\n1,zero,0\n"])
def test_what_is_no_values_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"first line|fields|invalid"):
        parse_values(text, "float32")


def test_missing_values_file(folder: Path) -> None:
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    (folder / name).unlink()
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{name}: missing, but a record refers to it"


def test_orphaned_values_file(folder: Path) -> None:
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    shutil.copyfile(folder / name, folder / "values/triangular-2/xla-00000000.csv")
    synthetic.renew_sums(folder)
    assert the_problem(folder) == "values/triangular-2/xla-00000000.csv: orphaned, no record refers to it"


def test_values_that_do_not_match_their_name(folder: Path) -> None:
    """With hex and decimal changed alike and the sums renewed, only the content address can tell."""
    name = synthetic.values_of(folder, SECOND, "triangular-2", "xla")
    text = (folder / name).read_text()
    steps, values = parse_values(text, "float32")
    values[2] = np.nextafter(values[2], np.float32(1))
    (folder / name).write_text(render_values(steps, values))
    synthetic.renew_sums(folder)
    assert the_problem(folder) == f"{name}: the content is not what its name says: the sha256 does not match"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n7,", "\n6,"),
        lambda text: text.removesuffix("\n").rpartition("\n")[0] + "\n",
        lambda text: text + "9,0x0.0p+0,0e+00\n",
    ],
    ids=["another step", "a step less", "a step more"],
)
def test_steps_that_are_not_those_of_the_case(folder: Path, change: Callable[[str], str]) -> None:
    name = synthetic.rewrite_values(folder, synthetic.values_of(folder, FIRST, "triangular-2"), change)
    assert the_problem(folder) == f"{name}: the steps are not those of the case"


def test_steps_of_another_step_dtype(folder: Path) -> None:
    """A graph mode was asked ``traced_steps`` as Python ints: the file of its tensors does not answer those."""

    def change(data: Any) -> None:
        entry(data, "function", "python int")["values"] = entry(data, "function", "float32")["values"]

    name = synthetic.values_of(folder, SECOND, "triangular-2", "function")
    # In both records, so that no entry of the file that is right comes before or after those that are wrong.
    synthetic.edit(folder / "records" / f"{FIRST}.json", change)
    assert edited_record(folder, change) == f"{name}: the steps are not those of the case"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text.replace("\n1,", "\n01,"),
        lambda text: text.replace("\n1,", "\n1 ,"),
        lambda text: text.replace("0x1.", "0X1."),
        lambda text: text.replace("1e-04", "1.0e-04"),
        lambda text: text.replace("000p", "p"),
    ],
    ids=["line ends", "no last line end", "padded step", "space", "capital", "longer decimal", "shorter hex"],
)
def test_form_that_is_not_canonical(folder: Path, change: Callable[[str], str]) -> None:
    """One value has one text, so that files that agree have one name."""
    name = synthetic.rewrite_values(folder, synthetic.values_of(folder, FIRST, "triangular-2"), change)
    assert the_problem(folder) == f"{name}: hex and decimal disagree, or the form is not canonical"


@pytest.mark.parametrize(("old", "new"), [("1e-02", "1.1e-02"), ("0x1.47ae140000000p-7", "0x1.47ae160000000p-7")])
def test_hex_and_decimal_that_disagree(folder: Path, old: str, new: str) -> None:
    name = synthetic.rewrite_values(
        folder, synthetic.values_of(folder, FIRST, "triangular-2"), lambda text: text.replace(old, new, 1)
    )
    assert the_problem(folder) == f"{name}: hex and decimal disagree, or the form is not canonical"


def test_hex_that_the_dtype_cannot_hold(folder: Path) -> None:
    """A float32 value with the bits of a float64 was not recorded from a float32 schedule."""
    name = synthetic.rewrite_values(
        folder,
        synthetic.values_of(folder, FIRST, "triangular-2"),
        lambda text: text.replace("0x1.47ae140000000p-7", "0x1.47ae140000001p-7", 1),
    )
    assert the_problem(folder).startswith(f"{name}: hex and decimal disagree")


def test_number_that_is_none(folder: Path) -> None:
    name = synthetic.rewrite_values(
        folder, synthetic.values_of(folder, FIRST, "triangular-2"), lambda text: text.replace("p-7", "p+99999", 1)
    )
    assert the_problem(folder).startswith(f"{name}: ")
