"""What ``clr-ref verify`` prints: the checks of a case, each part of a failure, and how a damaged store is restored."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main
from clr_ref.golden import store as golden
from clr_ref.tfa import bounds, eager
from tests import terminal
from tests.golden import synthetic
from tests.golden.synthetic import SECOND


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments])


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A store in which eager mode of the second pair is 3 ULP off at the last step of one case."""
    folder = synthetic.write_store(tmp_path / "my store")
    # The values that it replaces are shared with the first pair, and stay.
    synthetic.write_recording(folder, SECOND, folder, {("triangular-2", "eager"): 3, ("triangular-2", "xla"): 5})
    synthetic.renew_sums(folder)
    return folder


def test_one_case() -> None:
    result = call("--case", "triangular-7")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert re.sub(r"in [0-9.]+ s", "in 1.0 s", result.stdout).splitlines() == [
        "TFA's record: the rates of 42 TFA x TensorFlow pairs in 38 cases; intact.",
        "Our copy is TFA's formula, evaluated by clr_ref without TensorFlow.",
        "Only the case triangular-7 is compared.",
        "",
        "holds  clr_ref and the exact rates: 404 rates, all correctly rounded",
        "holds  our copy and the exact rates: 101 rates, within the allowed error",
        "holds  our copy and TFA's record, eager mode: 303 rates, the same bits",
        "holds  our copy and TFA's record, tf.function: 205 rates, the same bits",
        "holds  our copy and TFA's record, XLA: 306 rates, the same bits",
        "holds  our copy and TFA's record: 4 checksums of 1,048,576 rates, the same",
        "holds  TFA's record and the exact rates: 814 rates, within the allowed error",
        "",
        "All 7 checks hold, in 1.0 s. Figures: clr-ref verify --verbose",
    ]


def test_the_figures_of_a_store_that_fails(planted: Path) -> None:
    result = call("--case", "triangular-2", "--golden", str(planted), "--verbose")
    assert result.exit_code == 1
    text = re.sub(r"in [0-9.]+ s", "in 1.0 s", result.stdout.replace(shlex.quote(str(planted)), "STORE"))
    figures, rest = text.replace(str(planted), "STORE").split("What the figures mean:\n")
    assert figures.splitlines()[4:] == [
        "holds  clr_ref and the exact rates: 28 rates, all correctly rounded",
        "         28 rates of 1 case",
        "           farthest: 0 ULP",
        "holds  our copy and the exact rates: 7 rates, within the allowed error",
        "         float32: 7 rates of 1 case",
        "           largest error: 4.71 % of the allowed error",
        "           farthest: 0 ULP",
        "FAILS  our copy and TFA's record, eager mode: 42 rates, not all the same bits",
        "         eager mode: 42 rates of 1 case",
        "           farthest: 3 ULP, error 0.00000022 %,",
        "             in triangular-2 at step 8",
        "FAILS  our copy and TFA's record, tf.function: nothing to compare",
        "         tf.function: 0 rates of 1 case",
        "           farthest: 0 ULP",
        "           files skipped, from CPUs whose graphs cannot be replayed: 3",
        "FAILS  our copy and TFA's record, XLA: nothing to compare",
        "         XLA: 0 rates of 1 case",
        "           farthest: 0 ULP",
        "           files skipped, from CPUs whose graphs cannot be replayed: 6",
        "FAILS  our copy and TFA's record: 2 checksums of 8 rates, not all the same",
        "         eager mode: 2 checksums of 1 case",
        "         tf.function: 0 checksums of 1 case",
        "           checksums skipped, from CPUs whose graphs cannot be replayed: 1",
        "         XLA: 0 checksums of 1 case",
        "           checksums skipped, from CPUs whose graphs cannot be replayed: 2",
        "FAILS  TFA's record and the exact rates: 90 rates, not all within the allowed error",
        "         float32, eager mode: 42 rates of 1 case",
        "           largest error: 4.71 % of the allowed error",
        "           farthest: 3 ULP, error 0.00000022 %,",  # of 2**-37, divided by 0.01
        "             in triangular-2 at step 8",
        "         float32, tf.function: 16 rates of 1 case",
        "           largest error: 22.51 % of the allowed error",
        "           farthest: 1 ULP, error 0.0000093 %,",
        "             in triangular-2 at step 2",
        "         float32, XLA: 32 rates of 1 case",
        "           largest error: 112.57 % of the allowed error",
        "           farthest: 5 ULP, error 0.000047 %,",
        "             in triangular-2 at step 2",
        "",
    ]
    lines = rest.splitlines()
    assert [" ".join(line.split()[1:3]) for line in lines[:6]] == [
        "ULP: the",
        "error: the",
        "allowed error:",
        "A huge",
        "A large",
        "",
    ]
    assert lines[6:20] == [
        "FAILS: our copy and TFA's record, eager mode",
        "  case      triangular-2: triangular, float32",
        "  step      8 (cycle 3, phase 0 of 2 half cycles)",
        "  expected  0.00010000002 (0x1.a36e34p-14), from TFA's record",
        "  actual    0.0001 (0x1.a36e2ep-14), from our copy of TFA's formula",
        "  distance  -3 ULP (floats)",
        "  allowed   0 ULP",
        f"  file      STORE/{synthetic.values_of(planted, SECOND, 'triangular-2', kind='python int')}",
        "  recorded  with steps of type python int, by TF 2.15.1 TFA 0.23.0",
        "  repeat    clr-ref verify --case triangular-2 --golden STORE",
        "",
        "FAILS: our copy and TFA's record, tf.function",
        "  nothing to compare: files skipped, from CPUs whose graphs cannot be replayed: 3",
        "",
    ]
    assert lines[-3:-1] == ["", "5 of 7 checks failed, in 1.0 s."]
    assert lines[-1].startswith("What to do: if you changed clr_ref or the record, the change causes this; ")


@pytest.mark.parametrize(
    ("bound", "mode", "values", "ulps", "compared", "holds"),
    [
        ("correctly rounded", "-", (1,), (0,), "clr_ref and the exact rates", "1 rate, all correctly rounded"),
        ("error_bound", "-", (1, 999), (9, 9), "our copy and the exact rates", "1,000 rates, within the allowed error"),
        ("error_bound", "xla", (0,), (9,), "TFA's record and the exact rates", "0 rates, within the allowed error"),
        ("0 ULP", "eager", (2,), (0,), "our copy and TFA's record, eager mode", "2 rates, the same bits"),
        ("power_budget", "all", (2,), (0,), "our copy and TFA's record, exp_range", "2 rates, the same bits"),
        ("power_budget", "all", (2, 2), (1, 0), "our copy and TFA's record, exp_range", "4 rates, at most 1 float apart"),
        ("power_budget", "all", (2, 2), (1, 2), "our copy and TFA's record, exp_range", "4 rates, at most 2 floats apart"),
        ("sha256", "all", (2000,), (0,), "our copy and TFA's record", "2 checksums of 1,000 rates, the same"),
    ],
)
def test_what_is_compared(
    bound: str, mode: str, values: tuple[int, ...], ulps: tuple[float, ...], compared: str, holds: str
) -> None:
    verdicts: Any = tuple(
        SimpleNamespace(bound=bound, mode=mode, values=number, worst_ulp=ulp, holds=True)
        for number, ulp in zip(values, ulps, strict=True)
    )
    store: Any = SimpleNamespace(digest_steps=1000)
    check = importlib.import_module("clr_ref.cli.verify")._check(verdicts, store)
    assert (check.compared, check.holds, check.all_hold) == (compared, holds, True)
    failed = check.fails
    assert failed == "nothing to compare" if not sum(values) else failed.startswith(holds.split(",")[0])
    verdicts[-1].holds = False
    assert not check.all_hold


def test_json_of_one_case() -> None:
    document = json.loads(call("--case", "triangular-7", "--json", "--verbose").stdout)
    assert document["holds"] is True
    assert document["store"] == {"pairs": 42, "cases": 38, "values_files": 239}
    assert {"subject", "tier", "mode", "bound", "cases", "values", "worst_ulp", "worst_share", "holds", "first", "note"} <= set(
        document["verdicts"][0]
    )


def test_a_failure_names_all_that_is_needed_to_find_it(planted: Path) -> None:
    result = call("--case", "triangular-2", "--golden", str(planted))
    assert result.exit_code == 1
    assert "FAILS  our copy and TFA's record, eager mode: 42 rates, not all the same bits" in result.stdout
    name = synthetic.values_of(planted, SECOND, "triangular-2", kind="python int")
    repeat = shlex.join(["clr-ref", "verify", "--case", "triangular-2", "--golden", str(planted)])
    part = result.stdout.partition("FAILS: our copy and TFA's record, eager mode\n")[2].partition("\n\n")[0]
    expected = (
        "case triangular-2: triangular, float32 step 8 (cycle 3, phase 0 of 2 half cycles) "
        "expected 0.00010000002 (0x1.a36e34p-14), from TFA's record "
        "actual 0.0001 (0x1.a36e2ep-14), from our copy of TFA's formula "
        "distance -3 ULP (floats) allowed 0 ULP "
        f"file {planted / name} recorded with steps of type python int, by TF 2.15.1 TFA 0.23.0 repeat {repeat}"
    )
    assert in_one_line(part) == expected
    assert part.splitlines()[-1].endswith(repeat)  # in one line, so that it can be copied
    assert "What to do: if you changed clr_ref or the record" in result.stdout
    document = json.loads(call("--case", "triangular-2", "--golden", str(planted), "--json").stdout)
    (failed,) = [v for v in document["verdicts"] if v["bound"] == "0 ULP" and v["mode"] == "eager"]
    assert failed["origin"] == {"file": name, "step_dtype": "python int", "pairs": [SECOND]}
    assert failed["first"]["repeat"] == repeat
    keys = {"policy", "tier", "step", "cycle", "phase", "expected", "actual", "ulp", "bound", "repeat"}
    assert keys <= set(failed["first"])


def test_a_checksum_claims_no_step(planted: Path) -> None:
    output = call("--case", "triangular-2", "--golden", str(planted)).stdout
    part = in_one_line(output.partition("FAILS: our copy and TFA's record, checksums, eager mode\n")[2].partition("\n\n")[0])
    assert "steps 0 to 7; a checksum does not say at which step the rates differ" in part
    assert "cycle" not in part
    assert "records/tf-2.14.1_tfa-0.22.0.json recorded with steps of type int64, by TF 2.14.1 TFA 0.22.0" in part


def test_what_cannot_be_compared_is_no_success(planted: Path) -> None:
    """The synthetic store comes from a CPU whose graphs are unknown."""
    output = call("--case", "triangular-2", "--golden", str(planted)).stdout
    assert "FAILS  our copy and TFA's record, XLA: nothing to compare\n" in output
    assert "nothing to compare: files skipped, from CPUs whose graphs cannot be replayed: 6" in in_one_line(output)


def test_the_default_store_needs_no_option_to_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    original = eager.evaluate
    monkeypatch.setattr(eager, "evaluate", lambda *a, **k: original(*a, **k) * 2)
    output = call("--case", "triangular-7").stdout
    assert output.count("  repeat    clr-ref verify --case triangular-7\n") == 5
    assert "5 of 7 checks failed, in " in output
    assert "by all pairs" in output
    assert "All" not in output


def test_a_bound_that_fails_is_not_100_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    original = bounds.error_bound
    monkeypatch.setattr(bounds, "error_bound", lambda *a, **k: original(*a, **k) / 50)
    output = call("--case", "triangular-2000", "--verbose").stdout
    shares = [float(share.replace(",", "")) for share in re.findall("largest error: ([0-9.,]+) % of the allowed error", output)]
    assert len(shares) == 4
    assert all(share > 100 for share in shares)
    assert "from TFA's record" in output.partition("FAILS: TFA's record and the exact rates, XLA")[2]


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_damaged_store(tmp_path: Path, options: list[str]) -> None:
    folder = synthetic.write_store(tmp_path / "my store")
    victim = folder / synthetic.values_of(folder, SECOND, "triangular-2")
    victim.write_bytes(victim.read_bytes().replace(b"0x1.", b"0x1,", 1))
    result = call("--golden", str(folder), *options)
    assert result.exit_code == 1
    lines = in_one_line(result.stderr)
    assert lines.startswith(
        f"The golden store {folder} is damaged or incomplete: nothing was compared. {victim.relative_to(folder)}: "
    )
    assert f"`git -C {shlex.quote(str(folder))} checkout -- .`" in lines
    assert f"`clr-ref golden accept --golden {shlex.quote(str(folder))}`" in lines
    if options:
        document = json.loads(result.stdout)
        assert (document["holds"], document["problems"]) == (False, golden.problems(folder))
    else:
        assert result.stdout == ""


def test_many_problems_are_counted(tmp_path: Path) -> None:
    folder = synthetic.write_store(tmp_path / "golden")
    for path in (folder / "values").rglob("*.csv"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    found = golden.problems(folder)
    assert len(found) == 23
    result = call("--golden", str(folder))
    assert result.stderr.count("values/") == 10
    assert "... and 13 more; --json prints all" in result.stderr


def test_an_installed_store_is_restored_by_installing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "default_folder", lambda: tmp_path / "data")
    result = call()
    assert result.exit_code == 1
    assert "`pip install --force-reinstall .`" in result.stderr
    assert "git" not in result.stderr


@pytest.mark.parametrize(
    "command", ["verify", *(f"golden {name}" for name in ("show", "diff", "accept", "record", "train", "probe"))]
)
@pytest.mark.parametrize("folder", ["nowhere", "empty", "cases.json", "empty/cases.json"])
def test_a_folder_that_holds_no_store_is_a_wrong_call(tmp_path: Path, command: str, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cases.json").write_text("{}")
    path = tmp_path / folder
    result = CliRunner().invoke(main, [*command.split(), "--golden", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Invalid value for '--golden'" in result.stderr
    assert repr(str(path)) in result.stderr


@pytest.mark.parametrize("options", [[], ["-v"]], ids=["default", "verbose"])
def test_in_a_terminal(planted: Path, options: list[str]) -> None:
    code, text = terminal.in_terminal("verify", "--golden", str(planted), *options)
    assert code == 1
    wide = [line for line in terminal.too_wide(text) if str(planted.parent) not in line]  # no word of a path is cut
    assert wide == []
    assert "FAILS  our copy and TFA's record, eager mode: 81 rates, not all the same bits" in text
    assert ("What the figures mean:" in text) is bool(options)
