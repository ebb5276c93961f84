"""The arithmetic of the page "Try a schedule" (docs/try/schedule.js), run in Node and compared with the reference."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clr_ref
from tests.midpoints import near_midpoints

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
#: Where CLR_REF_EXPECT_NODE promises Node, a missing one is a failure.
pytestmark = pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_NODE") and NODE is None, reason="the page's script runs in Node, which is not installed"
)
RATES = ["tests/site/rates.js"]
LAST = 2**63 - 1
ORDINARY = {"initial_learning_rate": "0.0001", "maximal_learning_rate": "0.01", "step_size": "1874", "gamma": "0.99994"}


def run_node(script: list[str], given: str) -> Any:
    assert NODE, "CLR_REF_EXPECT_NODE promises Node, and no node is on PATH"
    done = subprocess.run([NODE, *script], input=given, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def schedule_of(fields: dict[str, str]) -> clr_ref.CyclicalLearningRate:
    """The schedule of the page's fields, each number read as Python reads a literal."""
    policy = fields["policy"]
    numbers = {
        key: int(text) if text.lstrip("+-").isdigit() else float(text) for key, text in fields.items() if key in ORDINARY
    }
    gamma = numbers.pop("gamma")
    plain = getattr(clr_ref, policy)(**numbers, **({"gamma": gamma} if policy == "exp_range" else {}))
    return clr_ref.CyclicalLearningRate(
        **numbers,
        scale_fn=plain.scale_fn,
        scale_mode=fields.get("scaleMode", plain.scale_mode),
        dtype=fields.get("dtype", "float32"),
    )


def differences(questions: Iterable[tuple[dict[str, str], list[int]]]) -> Iterator[str]:
    """One line for each cycle, rate or decimal of the page that is not that of the reference."""
    questions = list(questions)
    given = json.dumps([{"fields": fields, "steps": [str(step) for step in steps]} for fields, steps in questions])
    for (fields, steps), result in zip(questions, run_node(RATES, given), strict=True):
        schedule = schedule_of(fields)
        expected = schedule(np.array(steps, np.int64))
        assert len(result["rows"]) == len(steps)
        for step, rate, (text, cycle, rounded, decimal) in zip(steps, expected, result["rows"], strict=True):
            true_cycle = 1 + step // (2 * Fraction(schedule.step_size))
            if (int(text), int(cycle), rounded) != (step, true_cycle, float(rate).hex()):
                yield f"{fields}, step {step}: cycle {cycle} and rate {rounded}, expected {true_cycle} and {float(rate).hex()}"
            shortest = Fraction(repr(rate.item())) if schedule.dtype == "float64" and np.isfinite(rate) else None
            if type(rate)(decimal) != rate or (shortest is not None and Fraction(decimal) != shortest):
                yield f"{fields}, step {step}: decimal {decimal}, expected {rate}"


def first(lines: Iterable[str], most: int = 5) -> list[str]:
    return [line for line, _ in zip(lines, range(most), strict=False)]


def golden_questions() -> Iterator[tuple[dict[str, str], list[int]]]:
    for case in json.loads((ROOT / "golden" / "cases.json").read_text("utf-8"))["cases"]:
        numbers = {name: repr(float.fromhex(value["hex"])) for name, value in case["inputs"].items()}
        fields = {**ORDINARY, **numbers, "policy": case["policy"], "scaleMode": case["scale_mode"], "dtype": case["dtype"]}
        yield fields, [step for start, stop in case["steps"] for step in range(start, stop)]


def test_every_step_of_the_golden_cases() -> None:
    questions = list(golden_questions())
    assert {(fields["policy"], fields["dtype"]) for fields, _ in questions} == {
        (policy, dtype) for policy in ("triangular", "triangular2", "exp_range") for dtype in ("float32", "float64")
    }
    assert first(differences(questions)) == []


def random_questions(seed: int, count: int) -> Iterator[tuple[dict[str, str], list[int]]]:
    """Schedules of every magnitude that float32 has, with steps of every magnitude and at the last one."""
    source = random.Random(seed)
    for _ in range(count):
        policy = source.choice(["triangular", "triangular2", "exp_range"])
        near_one = repr(1 + source.choice([-1, 1]) * 2.0 ** -source.uniform(1, 53))
        fields = {
            "policy": policy,
            "initial_learning_rate": repr(source.choice([0.0, 1e-4, source.uniform(-1, 1) * 2.0 ** source.randint(-149, 127)])),
            "maximal_learning_rate": repr(source.uniform(-1, 1) * 2.0 ** source.randint(-149, 127)),
            "step_size": repr(
                source.choice([source.randint(1, 5000), 2.0 ** source.uniform(-140, 120), source.uniform(0.1, 99)])
            ),
            "gamma": source.choice([near_one, near_one, repr(2.0 ** source.uniform(-1074, 1023)), "5e-324", "1"]),
        }
        yield fields, [*(int(2 ** source.uniform(0, 63)) for _ in range(5)), source.randrange(3 * 10**4), 0, LAST]


def test_schedules_and_steps_of_every_magnitude() -> None:
    assert first(differences(random_questions(0, 400))) == []


def test_rates_next_to_a_midpoint_of_two_floats() -> None:
    def questions() -> Iterator[tuple[dict[str, str], list[int]]]:
        for schedule, step, _ in near_midpoints():
            numbers = {name: repr(value) for name, value in dataclasses.asdict(schedule).items() if name in ORDINARY}
            yield {**ORDINARY, "policy": "triangular", **numbers}, [step]

    assert len(list(questions())) >= 10
    assert first(differences(questions())) == []


def test_rates_at_a_midpoint_of_two_floats_are_rounded_to_even() -> None:
    """A height of one half and a power of gamma that is a power of two lead to an exact midpoint."""
    questions = []
    for initial, ulps, gamma in itertools.product((0, 1), (1, 3), ("1", "0.5")):
        maximal = repr(initial + ulps * (2.0**-23 if initial else 2.0**-148))
        numbers = {"initial_learning_rate": str(initial), "maximal_learning_rate": maximal, "step_size": "2", "gamma": gamma}
        questions.append(({"policy": "exp_range", **numbers}, [1, 2, 3]))
    # 3 * odd has 25 bits; odd**2, which a height with the denominator odd divides again, is longer than the first interval.
    odd = 11_000_001
    numbers = {"initial_learning_rate": "0", "maximal_learning_rate": "3", "step_size": str(odd), "gamma": repr(odd / 2**24)}
    midpoint = schedule_of({"policy": "exp_range", **numbers}).exact(2)
    assert midpoint == Fraction(3 * odd, 2**47)
    questions.append(({"policy": "exp_range", **numbers}, [2]))
    assert first(differences(questions)) == []


def test_numbers_are_rounded_to_float32_as_python_literals_are() -> None:
    """A whole number is rounded once, any other number to float64 first."""
    questions = []
    for number in (2**60 + 2**36 + 1, 2**24 + 1, 2.0**60 + 2.0**36, 33.3, 0.5):
        # One argument at a time: with both, their roundings cancel in the quotient.
        for name in ("maximal_learning_rate", "step_size"):
            questions.append(({**ORDINARY, "policy": "triangular", name: repr(number)}, [1, 1874, 2**24 + 1, 2**59 + 5]))
    assert first(differences(questions)) == []


def test_the_curve_has_every_turning_point_between_two_drawn_steps() -> None:
    all_fields = [{**ORDINARY, "policy": "triangular", "step_size": size} for size in ("0.3", "33.3", "1874", "1e30")]
    results = run_node(RATES, json.dumps([{"fields": fields, "steps": []} for fields in all_fields]))
    for fields, result in zip(all_fields, results, strict=True):
        steps = [int(text) for text in result["curve"]]
        half = Fraction(schedule_of(fields).step_size)
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (0, min(LAST, math.ceil(6 * half)))
        turns = [int(half * turn) for turn in range(7)]
        assert {step for turn in turns for step in (turn, turn + 1) if step <= steps[-1]} <= set(steps)


WRONG = [
    ("initial_learning_rate", "", "a finite number of float32, got nothing"),
    ("initial_learning_rate", "0,1", 'a finite number of float32, got "0,1"'),
    ("initial_learning_rate", "1e39", 'a finite number of float32, got "1e39"'),
    ("maximal_learning_rate", "NaN", 'a finite number of float32, got "NaN"'),
    ("maximal_learning_rate", "0x10", 'a finite number of float32, got "0x10"'),
    ("step_size", "0", 'a finite number of float32 > 0, got "0"'),
    ("step_size", "-1", 'a finite number of float32 > 0, got "-1"'),
    ("step_size", "1e-46", 'a finite number of float32 > 0, got "1e-46"'),
    ("gamma", "0", 'a finite number of float64 > 0, got "0"'),
    ("gamma", "1e309", 'a finite number of float64 > 0, got "1e309"'),
    ("gamma", "1" + "0" * 60, None),
]


def test_wrong_inputs_are_named() -> None:
    questions = [{"fields": {**ORDINARY, "policy": "exp_range", name: text}, "steps": []} for name, text, _ in WRONG]
    results = run_node(RATES, json.dumps(questions))
    expected = [{name: f"{name} must be {message}"} if message else None for name, _, message in WRONG]
    assert [result.get("errors") for result in results] == expected


def test_every_wrong_input_is_named_at_once_and_only_exp_range_reads_gamma() -> None:
    wrong = dict.fromkeys(ORDINARY, "x")
    questions = [{"fields": {**wrong, "policy": policy}, "steps": []} for policy in ("exp_range", "triangular")]
    with_gamma, without = run_node(RATES, json.dumps(questions))
    assert set(with_gamma["errors"]) == set(ORDINARY)
    assert set(without["errors"]) == set(ORDINARY) - {"gamma"}


STEPS = {
    f"0, 1874 3748\n{LAST}": ["0", "1874", "3748", str(LAST)],
    "": "got nothing",
    str(LAST + 1): f'got "{LAST + 1}"',
    "1 -1": 'got "-1"',
    "1.5": 'got "1.5"',
    "1 " * 101: "got 101 numbers",
}


def test_steps_are_read_or_named() -> None:
    script = """require("./docs/try/schedule.js");
        const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const results = texts.map((text) => clrRef.parseWholes("steps", text));
        console.log(JSON.stringify(results.map(({ error, values }) => error ?? values.map(String))))"""
    message = f"steps must be 1 to 100 whole numbers 0 .. {LAST}, "
    expected = [message + result if isinstance(result, str) else result for result in STEPS.values()]
    assert run_node(["-e", script], json.dumps(list(STEPS))) == expected


@pytest.mark.parametrize(
    ("policy", "changes"),
    [
        ("exp_range", {"initial_learning_rate": "0.001", "maximal_learning_rate": "0.006", "step_size": "2000", "gamma": gamma})
        for gamma in ("1e-11", "1e-12", "1e-13", "1e-300")
    ]
    + [
        ("triangular", {"initial_learning_rate": "1", "maximal_learning_rate": "2", "step_size": "5e34"}),
        ("triangular", {"initial_learning_rate": "1", "maximal_learning_rate": "1.0000001192092896"}),
        ("triangular", {"initial_learning_rate": "-1", "maximal_learning_rate": "-1"}),
        ("triangular2", {"initial_learning_rate": "0", "maximal_learning_rate": "1e-40"}),
        ("triangular2", {}),
    ],
)
def test_the_curve_is_drawn_with_few_labels_however_near_its_rates_are(policy: str, changes: dict[str, str]) -> None:
    fields = {"policy": policy, **ORDINARY, **changes, "steps": "0 7", "cycles": "4"}
    (drawn,) = run_node(["tests/site/draw.js"], json.dumps([fields]))
    (points,) = drawn["points"]
    assert len(points.split()) > 5
    assert all(0 <= float(y) <= 300 for y in (point.split(",")[1] for point in points.split()))
    assert 2 <= len(drawn["rates"]) <= 11
    assert all(0 <= y <= 300 for y in drawn["rates"])
    labels = drawn["labels"][: len(drawn["rates"])]
    assert len(set(labels)) == len(labels)


def test_decimals_of_powers_of_two_are_as_short_as_those_of_numpy() -> None:
    """Floats lie denser below a power of two, so that the shortest decimal may be one that no rounding of the number gives."""
    powers = [2.0**exponent for exponent in range(-149, 128)]
    numbers = [*powers, *(-power for power in powers)]
    script = "JSON.parse(require('fs').readFileSync(0)).map((number) => clrRef.decimal(number, 'float32'))"
    program = f"require('./docs/try/schedule.js'); process.stdout.write(JSON.stringify({script}))"

    def digits(text: str) -> int:
        return len(text.lstrip("-").partition("e")[0].replace(".", "").strip("0"))

    for text, number in zip(run_node(["-e", program], json.dumps(numbers)), numbers, strict=True):
        assert np.float32(text) == number
        assert digits(text) == digits(str(np.float32(number)))
