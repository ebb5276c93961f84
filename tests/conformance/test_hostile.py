"""Implementations that attack the kit by accident or on purpose: each gets a verdict, and the kit goes on."""

from __future__ import annotations

import json
import os
import re
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clr_ref.cli import main
from clr_ref.conformance import subject

#: The textbook, with a place for an attack in ``make``, and one in the schedule.
TEXTBOOK = """
import json, math, os, sys, time

def make(policy, *, initial_learning_rate, maximal_learning_rate, step_size, gamma=1.0):
{in_make}
    if not (0 < step_size < math.inf and 0 < gamma < math.inf and math.isfinite(initial_learning_rate + maximal_learning_rate)):
        raise ValueError("wrong arguments")

    def rate(step):
{in_rate}
        if step < 0 or step % 1 or step >= 2**63:
            raise ValueError("no step")
        cycle = step // (2 * step_size)
        height = 1 - abs(step / step_size - 2 * cycle - 1)
        scale = {{"triangular": 1.0, "triangular2": math.ldexp(1, -min(int(cycle), 5000)), "exp_range": gamma**step}}[policy]
        return initial_learning_rate + (maximal_learning_rate - initial_learning_rate) * height * scale

    return rate
"""
EVIL_NUMBER = "return type('Evil', (), {{'as_integer_ratio': lambda self: {}}})()"
GARBAGE = """
for fd in range(3, 30):
    try:
        os.write(fd, b"{}\\n" * 3)
    except OSError:
        pass
"""
FORK = "os.fork() or time.sleep(600); os._exit(7)"


Conform = Callable[..., Result]


@pytest.fixture
def conform(tmp_path: Path) -> Conform:
    def call(*options: str, in_make: str = "pass", in_rate: str = "pass") -> Result:
        path = tmp_path / "hostile.py"
        source = TEXTBOOK.format(in_make=textwrap.indent(in_make, " " * 4), in_rate=textwrap.indent(in_rate, " " * 8))
        path.write_text(source, "utf-8")
        return CliRunner().invoke(main, ["conform", f"{path}:make", "--max-examples", "1", *options])

    return call


def printed(result: Result) -> str:
    return " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("raise SystemExit(0)", "raised SystemExit: 0"),
        ("raise KeyboardInterrupt", "the process died: killed by SIGINT, KeyboardInterrupt"),
        ("raise GeneratorExit('x')", "raised GeneratorExit: x"),
        ("os._exit(0)", "the process died: exit code 0"),
        ("os.kill(os.getpid(), 11)", "killed by SIGSEGV"),
        ("return float('inf')", "returned inf"),
        ("return -math.inf", "returned -inf"),
        ("return 10**400", "returned inf"),
        ("return -(10**5000)", "returned -inf"),
        (EVIL_NUMBER.format("(1, 0)"), "whose as_integer_ratio() is no ratio of integers"),
        (EVIL_NUMBER.format("('x', 'y')"), "whose as_integer_ratio() is no ratio of integers"),
        (EVIL_NUMBER.format("7"), "whose as_integer_ratio() is no ratio of integers"),
        (r"raise ValueError('\ud800')", r"raised ValueError: \ud800"),
        (r"raise ValueError('\x1b[31mred\x07')", r"raised ValueError: \x1b[31mred\x07"),
        (r"raise type('A\x1bB', (Exception,), {})()", r"raised A\x1bB"),
        ("raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()", "its text raises ZeroDivisionError"),
        ("raise ValueError('x' * 50_000_000)", "(50,000,000 characters)"),
        (GARBAGE.format("garbage"), "it wrote into the pipe of the kit"),
        (GARBAGE.format("7"), "it wrote into the pipe of the kit"),
        (GARBAGE.format('[\\"float64\\", \\"x\\"]'), "it wrote into the pipe of the kit"),
        ("os.closerange(0, 30)", "the process died: exit code 1"),
        (FORK, "the process died: exit code 7"),
    ],
)
def test_an_attack_in_the_schedule_is_a_verdict(conform: Conform, attack: str, words: str) -> None:
    result = conform("--policy", "triangular", in_rate=attack)
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert words in printed(result)
    assert not re.search(r"[^\n -~]", result.stdout), "a terminal would obey it"
    assert len(result.stdout) < 20_000


@pytest.mark.parametrize(
    "harmless",
    [
        "json.dumps = json.loads = json.JSONEncoder.encode = lambda *_, **__: 'patched'",
        "print('noise' * 1000); sys.stdin.read(); os.read(0, 10)",
        "sys.stdout.close()",
    ],
)
def test_what_does_not_concern_the_kit_holds(conform: Conform, harmless: str) -> None:
    result = conform("--policy", "triangular", in_make=harmless)
    assert "refuses a step size of 0" not in result.stdout.replace("FAILS 1.2 refuses a step size of 0", "")
    assert "follows the formula" not in result.stdout


@pytest.mark.parametrize("attack", ["os._exit(3)", "raise SystemExit(0)", "1 / 0"])
def test_a_policy_that_cannot_be_made_stops_no_other(conform: Conform, attack: str) -> None:
    result = conform(in_make=f"if policy == 'triangular': {attack}")
    assert result.exit_code == 1
    assert re.search(r"triangular +FAILS", result.stdout)
    assert re.search(r"triangular2 +holds", result.stdout)
    assert conform("--policy", "triangular2", in_make=f"if policy == 'triangular': {attack}").exit_code == 0


def test_a_policy_that_was_not_chosen_is_not_made(conform: Conform, tmp_path: Path) -> None:
    attack = f"if policy != 'triangular2': open({str(tmp_path / 'made')!r}, 'w')"
    assert conform("--policy", "triangular2", in_make=attack).exit_code == 0
    assert not (tmp_path / "made").exists()


def test_each_policy_has_the_whole_time_limit(conform: Conform, monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework that is imported in ``make`` takes seconds; three times as long is no hang either."""
    monkeypatch.setattr(subject, "STEP_TIMEOUT", 4.0)
    slow = "if policy not in vars(make): setattr(make, policy, time.sleep(1.5))"
    result = conform(in_make=slow)
    assert "did not return" not in result.stdout


def test_the_time_for_imports_does_not_count(conform: Conform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch imports hundreds of modules when the first optimizer is made."""
    for number in range(5):
        (tmp_path / f"slow_{number}.py").write_text("import time; time.sleep(0.6)", "utf-8")
    monkeypatch.setattr(subject, "STEP_TIMEOUT", 2.0)
    imports = "for number in range(5): __import__(f'slow_{number}')"
    for place in ({"in_make": imports}, {"in_rate": imports}):
        result = conform("--policy", "triangular", **place)
        assert result.exit_code == 0, result.output


def test_what_imports_forever_hangs(conform: Conform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "STEP_TIMEOUT", 1.0)
    attack = "while True:\n    try:\n        import no_such_module\n    except ImportError:\n        time.sleep(0.1)"
    monkeypatch.setattr(subject, "IMPORT_TIMEOUT", 3.0)
    assert "did not return within 1 s" in conform("--policy", "triangular", in_rate=attack).stdout


def test_a_crash_in_every_call_ends_after_a_few(conform: Conform) -> None:
    """Each one costs a new process, and hundreds of calls would take minutes."""
    document = json.loads(conform("--policy", "triangular", "--json", in_rate="os._exit(7)").stdout)
    words = [verdict["finding"]["words"] for verdict in document["verdicts"] if verdict["finding"]]
    assert "the process died 5 times, the last time: exit code 7" in words
    assert len(words) < 10
    assert {verdict["status"] for verdict in document["verdicts"]} == {"fails", "not asked"}
    assert "not judged any further: the process died 5 times" in document["verdicts"][-1]["reason"]


def test_no_process_outlives_the_kit(conform: Conform, tmp_path: Path) -> None:
    children = tmp_path / "children"
    attack = f"child = os.fork()\nif not child: time.sleep(600)\nprint(child, file=open({str(children)!r}, 'a'), flush=True)\n"
    conform("--policy", "triangular", in_make=attack + "os._exit(7)")
    pids = [int(line) for line in children.read_text("utf-8").split()]
    assert len(pids) >= 5
    deadline = time.monotonic() + 10  # the system removes them after they were killed
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in pids):
        time.sleep(0.05)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_raises_always_refuses_nothing(conform: Conform) -> None:
    result = conform("--policy", "triangular", "--json", in_make="1 / 0")
    assert result.exit_code == 1
    assert '"status": "holds"' not in result.stdout
