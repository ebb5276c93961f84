"""``clr-ref eval``: its steps, columns, tiers and JSON, and long ranges."""

from __future__ import annotations

import errno
import json
from decimal import Decimal
from fractions import Fraction

import pytest

from clr_ref.cli import schedule
from tests.cli.calls import BOUNDS, call


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "triangular", *BOUNDS],
        ["eval", "cosine", *BOUNDS, "1"],
        ["eval", "triangular", *BOUNDS, "--", "-1"],
        ["eval", "triangular", *BOUNDS, "1.5"],
        ["eval", "triangular", *BOUNDS, "9223372036854775808"],
        ["eval", "triangular", *BOUNDS, "0:10:0"],
        ["eval", "triangular", *BOUNDS, "--gamma", "0.9", "1"],
        ["eval", "exp_range", *BOUNDS, "1"],
        ["eval", "exp_range", *BOUNDS, "--gamma", "-1", "1"],
        ["eval", "triangular", *BOUNDS[:-1], "0", "1"],
        ["eval", "triangular", *BOUNDS[:-1], "nan", "1"],
        ["eval", "triangular", *BOUNDS, "--step-size-down", "0", "1"],
        ["eval", "triangular", *BOUNDS, "--step-size-down", "10", "--tier", "tfa", "1"],
    ],
)
def test_a_wrong_call_exits_with_2(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("Error: ") == 1


def test_eval() -> None:
    result = call("eval", "triangular2", *BOUNDS, "0", "1874", "3748:3752:2")
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "step  cycle      height  rate                              hex",
        "   0      1           0  0.0001          0x1.a36e2e0000000p-14",
        "1874      1           1  0.01             0x1.47ae140000000p-7",
        "3748      2           0  0.0001          0x1.a36e2e0000000p-14",
        "3750      2  0.00106724  0.000105282816  0x1.b996900000000p-14",
    ]
    exact = call("eval", "triangular", "-i", "0", "-m", "1", "-s", "4", "--tier", "exact", "10", "3")
    assert [line.rstrip() for line in exact.stdout.splitlines()] == [
        "step  cycle  height  rate",
        "  10      2     0.5  1/2",
        "   3      1    0.75  3/4",
    ]


LINES = ["-i", "0", "-m", "1", "-s", "4"]


def test_up_to_1000_steps_are_a_table() -> None:
    assert call("eval", "triangular", *LINES, "0:999", "0").stdout.startswith("step  cycle  height  rate")
    longer = call("eval", "triangular", *LINES, "0:1000", "12345").stdout.splitlines()
    assert longer[:4] == [" step  rate", "    0  0", "    1  0.25", "    2  0.5"]
    assert longer[-1] == "12345  0.25"
    exact = call("eval", "triangular", *LINES, "--tier", "exact", "1:1002").stdout.splitlines()
    assert exact[:2] + exact[-1:] == ["step  rate", "   1  1/4", "1001  1/4"]


def test_json_has_a_line_for_each_step() -> None:
    text = call("eval", "triangular", *LINES, "--json", "1", "2:4").stdout
    assert [line for line in text.splitlines() if line.startswith('{"step')] == [
        '{"step": 1, "cycle": 1, "height": 0.25, "rate": 0.25, "hex": "0x1.0000000000000p-2"},',
        '{"step": 2, "cycle": 1, "height": 0.5, "rate": 0.5, "hex": "0x1.0000000000000p-1"},',
        '{"step": 3, "cycle": 1, "height": 0.75, "rate": 0.75, "hex": "0x1.8000000000000p-1"}',
    ]
    assert text.endswith('p-1"}\n]}\n')
    assert text.count("\n") == 5


@pytest.mark.parametrize("option", ["-i", "-m", "-s"])
def test_bounds_and_step_size_are_required(option: str) -> None:
    arguments = list(BOUNDS)
    place = arguments.index(option)
    del arguments[place : place + 2]
    result = call("eval", "triangular", *arguments, "1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Missing option" in result.stderr
    assert option in result.stderr


@pytest.mark.parametrize(("policy", "more"), [("triangular", []), ("triangular2", []), ("exp_range", ["-g", "0.5"])])
def test_eval_of_a_longer_fall(policy: str, more: list[str]) -> None:
    """The peak is at step 4, the end of the cycle at step 16, and the height halfway down is 1/2."""
    result = call("eval", policy, "-i", "0", "-m", "1", "-s", "4", "-d", "12", *more, "--json", "4", "10", "16", "20")
    document = json.loads(result.stdout)
    assert document["schedule"]["step_size_down"] == "0x1.8000000000000p+3"
    assert [(row["cycle"], row["height"]) for row in document["rates"]] == [(1, 1), (1, 0.5), (2, 0), (2, 1)]
    rates = {"triangular": [1, 0.5, 0, 1], "triangular2": [1, 0.5, 0, 0.5], "exp_range": [2**-4, 2**-11, 0, 2**-20]}
    assert [row["rate"] for row in document["rates"]] == pytest.approx(rates[policy], rel=1e-6)


def test_eval_tiers() -> None:
    exact = call("eval", "triangular", *BOUNDS, "--tier", "exact", "--json", "7")
    (row,) = json.loads(exact.stdout)["rates"]
    assert "/" in row["rate"]
    tfa = json.loads(call("eval", "triangular", *BOUNDS, "--tier", "tfa", "--json", "70:90").stdout)["rates"]
    reference = json.loads(call("eval", "triangular", *BOUNDS, "--json", "70:90").stdout)["rates"]
    assert [row["step"] for row in tfa] == list(range(70, 90))
    assert [row["hex"] for row in tfa] != [row["hex"] for row in reference]
    power = call("eval", "exp_range", *BOUNDS, "--gamma", "0.999", "--tier", "exact", "1000000")
    assert power.exit_code == 0


def lines(*arguments: str) -> list[list[str]]:
    result = call("eval", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(" " * result.stdout.index("step") + "step")
    return [line.split() for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("texts", "steps"),
    [
        (["1e3"], [1000]),
        (["1.5e001"], [15]),
        (["3:9:2"], [3, 5, 7]),
        (["3:4"], [3]),
        (["0:3:1"], [0, 1, 2]),
        (["1.5e1", "1_000", "1E+2"], [15, 1000, 100]),
        ([":3"], [0, 1, 2]),
        (["5:5"], []),
        (["0:1e1:4"], [0, 4, 8]),
        (["9223372036854775807"], [2**63 - 1]),
        (["9223372036854775806:9223372036854775808"], [2**63 - 2, 2**63 - 1]),
        (["0:9223372036854775808:9223372036854775808"], [0]),
        (["9223372036854775807:9223372036854775808:9223372036854775809000"], []),
    ],
)
def test_steps_that_are_accepted(texts: list[str], steps: list[int]) -> None:
    if not steps and texts != ["5:5"]:
        assert call("eval", "triangular", *BOUNDS, *texts).exit_code == 2
        return
    assert [row[0] for row in lines("triangular", *BOUNDS, *texts)] == ["step", *map(str, steps)]
    found = json.loads(call("eval", "triangular", *BOUNDS, *texts, "--json").stdout)["rates"]
    assert [row["step"] for row in found] == steps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-1", "got '-1'"),
        ("-12:5", "got '-12:5'"),
        ("5:", "got '5:'"),
        (":", "got ':'"),
        ("1:2:3:4", "got '1:2:3:4'"),
        ("1.5", "whole numbers 0 .. 2**63-1"),
        ("1e0001", "got '1e0001'"),
        ("9223372036854775808", "got '9223372036854775808'"),
        ("0:9223372036854775809", "got '0:9223372036854775809'"),
        ("::", "got '::'"),
        ("1::2", "got '1::2'"),
        ("1:2:", "got '1:2:'"),
        ("1e19", "whole numbers 0 .. 2**63-1"),
        ("1e999999999", "got '1e999999999'"),
        ("٣", "got '٣'"),
        ("9" * 5000, "whole numbers 0 .. 2**63-1"),
        ("0:" + "9" * 5000, "whole numbers 0 .. 2**63-1"),
        ("6:5", "START must not lie above STOP, got '6:5'"),
        ("0:5:0", "STRIDE must be at least 1, got '0:5:0'"),
    ],
)
def test_steps_that_are_not_accepted(text: str, words: str) -> None:
    result = call("eval", "triangular", *BOUNDS, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr) < 900


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tier", ["reference", "tfa", "exact"])
def test_a_long_range_has_the_rates_of_its_steps(dtype: str, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["triangular2", *BOUNDS, "--dtype", dtype, "--tier", tier, "0:30:3", "9000:9100"]
    listed = lines(*options)
    monkeypatch.setattr(schedule, "LISTED", 10)
    monkeypatch.setattr(schedule, "CHUNK", 7)  # chunks meet inside the ranges
    assert lines(*options) == [[row[0], row[3]] for row in listed]
    assert len(listed) == 111
    found = json.loads(call("eval", *options, "--json").stdout)["rates"]
    assert [str(row["step"]) for row in found] == [row[0] for row in listed[1:]]
    # A rate is a number in JSON, except for a fraction.
    assert [row["rate"] for row in found] == [row[3] if tier == "exact" else float(row[3]) for row in listed[1:]]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_long_range_is_printed_as_it_is_computed(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """2**63 steps could not be computed first; the pipe is closed by its reader."""
    printed: list[str] = []

    def closed(message: str, **_: object) -> None:
        printed.append(message)
        if len(printed) > 2:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    for tier in ("reference", "tfa", "exact"):
        printed.clear()
        monkeypatch.setattr(schedule.click, "echo", closed)
        result = call("eval", "triangular", *BOUNDS, "--tier", tier, *options, ":9223372036854775808")
        assert (result.exit_code, result.stderr) == (1, "")
        assert len(printed) == 3
        assert max(map(len, printed)) < schedule.CHUNK * 130


def test_infinite_rates_are_strings_in_json() -> None:
    options = ["exp_range", "-i", "0", "-m", "1", "-s", "1", "-g", "10"]
    (row,) = json.loads(call("eval", *options, "101", "--json").stdout)["rates"]
    assert (row["rate"], row["hex"]) == ("inf", "inf")


def test_exact_rates_of_any_length_are_printed_in_full() -> None:
    """``str`` of an int is an error above 4,300 digits, and mpmath prints 15 digits by default."""
    options = ["exp_range", "-i", "0", "-m", "1", "-s", "1", "-g", "0.9", "--tier", "exact"]
    for printed in (
        lines(*options, "901")[1][3],
        json.loads(call("eval", *options, "901", "--json").stdout)["rates"][0]["rate"],
    ):
        above, _, below = printed.partition("/")
        assert min(len(above), len(below)) > 4300
        assert Fraction(Decimal(above)) / Fraction(Decimal(below)) == Fraction(0.9) ** 901
    irrational = lines(*options, "1000001")[1][3]
    assert len(irrational.partition("e")[0]) == 78
