"""Random wrong calls end with exit code 0, 1 or 2, and with one message if it is 2; never with a traceback."""

from __future__ import annotations

import os
import random
import re
import traceback
import warnings
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.calls import call

#: CLR_REF_CALLS=10000 searches with more calls.
CALLS = int(os.environ.get("CLR_REF_CALLS", "300"))
SEED = int(os.environ.get("CLR_REF_SEED", "0"))
NUMBERS = [
    "0",
    "-0.0",
    "1",
    "-1",
    "0.5",
    "1e-4",
    "1e-2",
    "2",
    "1874",
    "1e308",
    "1.7e308",
    "-1.7e308",
    "1.8e308",
    "5e-324",
    "-5e-324",
    "1e-320",
    "1e400",
    "3.4e38",
    "3.5e38",
    "-3.4e38",
    "nan",
    "inf",
    "-inf",
    "1e",
    "0x10",
    "1_0",
    "٣",
    "1,5",
    "2**3",
    "True",
    "None",
]
NUMBERS += ["9" * 5000, "1e-9999", "0." + "3" * 400, ""]
STEPS = [
    "0",
    "1",
    "5",
    "1e3",
    "1e6",
    "-1",
    "-5:3",
    ":5",
    "5:",
    "5:5",
    "6:5",
    "0:9:3",
    "0:9:0",
    ":",
    "::",
    "1:2:3:4",
    "1.5",
    "1.0",
    "1e19",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775800:9223372036854775808",
    "1_000",
    "٣",
    "0x10",
    "1e-3",
    "1e999",
    "--1",
]
STEPS += ["9" * 5000, "1:" + "9" * 5000, "0:20:" + "9" * 5000, ""]
NAMES = [
    "",
    "x",
    "é",
    "a b",
    "[red]",
    "%s",
    "{}",
    ":b:",
    "\udcff",
    "-",
    "--",
    "x" * 300,
    "triangular-7",
    "tf-2.15.1_tfa-0.23.0",
]
POLICIES = ["triangular", "triangular2", "exp_range", "Triangular", "nobody"]


def paths(folder: Path) -> list[str]:
    """Return paths that a user may give by mistake. A pipe without a writer would never end."""
    (folder / "folder").mkdir()
    (folder / "file.png").write_bytes(b"\x00\xff{")
    (folder / "deep.json").write_text("[" * 100_000, "utf-8")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "text.toml").write_text("a = 1\n", "utf-8")
    (folder / "wrong.py").write_text("def make(:\n", "utf-8")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "cases.json").write_text("{}", "utf-8")
    names = [
        "folder",
        "damaged",
        "file.png",
        "deep.json",
        "circle",
        "text.toml",
        "missing/x.png",
        "file.png/x.png",
        "new.png",
        "\udcff.svg",
    ]
    return [
        *(str(folder / name) for name in names),
        str(folder / ("x" * 300)),
        "",
        *("/dev/null", "/dev/full", "/dev/stdin", "/proc/self/mem", "~", "."),
    ]


def wrong_call(chance: random.Random, places: list[str]) -> list[str]:
    """Return the arguments of a random call that does not train."""

    def some(*options: str, values: list[str], often: float = 0.5) -> list[str]:
        return [chance.choice(options), chance.choice(values)] if chance.random() < often else []

    sane = ["-i", "1e-4", "-m", "1e-2", "-s", "1874"]
    numbers = [part for name in ("-i", "-m", "-s") for part in some(name, values=NUMBERS, often=0.95)]
    bounds = chance.choice([sane, numbers, numbers])
    schedule = [chance.choice(POLICIES), *bounds, *some("-g", "--gamma", values=NUMBERS, often=0.4)]
    schedule += some("--dtype", values=["float64", "float32", "float16"])
    kind = chance.choice(["eval"] * 6 + ["plot"] * 3 + ["verify", "golden", "golden", "conform", "bench", "range-test"])
    arguments = {
        "eval": lambda: [
            *schedule,
            *some("--tier", values=["exact", "tfa", "nobody"]),
            *chance.choices(STEPS, k=chance.randint(0, 3)),
        ],
        "plot": lambda: [
            *schedule,
            *some("--start", values=STEPS),
            *some("--stop", values=STEPS),
            *some("-o", "--out", values=places, often=0.95),
            *chance.choice([[], ["--error"]]),
        ],
        "verify": lambda: [*some("--golden", values=places[1:], often=1), *some("--case", values=NAMES)],
        "golden": lambda: [
            *chance.choice([["show"], ["diff"]]),
            *some("--golden", values=places[1:], often=1),
            *chance.choices(NAMES, k=chance.randint(0, 1)),
        ],
        "conform": lambda: [
            chance.choice([*NAMES, *(f"{place}:make" for place in places), ":", "os:nobody", "os:sep", ".os:make"]),
            *some("--exceptions", values=places),
            *some("--html", values=places),
            *some("--max-examples", values=["0", "x"], often=0.95),
        ],
        "bench": lambda: [
            *some("--compare", "--add", values=places[:-2]),
            *some("--out", "--markdown", values=places),
            *some("--rounds", "--largest", values=["0", "x", "-1", "1.5"], often=1),
        ],
        "range-test": lambda: [
            *some("--out", "--data", values=places),
            *some("--steps", "--subset", "--seed", "--seeds", values=["x", "-1", "9" * 5000, "1.5"], often=1),
        ],
    }[kind]()
    if chance.random() < 0.1:
        arguments.insert(chance.randint(0, len(arguments)), chance.choice(["--nonsense", "-x", "--", "-h", "--json", "\udcff"]))
    return [kind, *arguments, *chance.choice([[], ["--json"]])]


def fault(result: Result) -> str | None:
    """Return what is wrong with the end of a call, or None."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return "".join(traceback.format_exception(result.exception)[-3:])
    if result.exit_code not in (0, 1, 2):
        return f"exit code {result.exit_code}"
    if result.exit_code == 2 and len(re.findall(r"^Error: ", result.stderr, re.MULTILINE)) != 1:
        return f"not one message: {result.stderr}"
    return "a traceback" if "Traceback" in result.output else None


def test_wrong_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = paths(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("HOME", raising=False)
    chance = random.Random(SEED)
    faults: dict[str, list[str]] = {}
    codes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        for _ in range(CALLS):
            arguments = wrong_call(chance, places)
            result = call(*arguments)
            codes.add(result.exit_code)
            if (found := fault(result)) is not None:
                faults.setdefault(found, arguments)
    assert not faults, "\n\n".join(f"{arguments}\n{found}" for found, arguments in faults.items())
    assert codes == {0, 1, 2}
