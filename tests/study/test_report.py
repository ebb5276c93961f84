"""The files of a study's report: what they say, and that the tables, JSON and CSV agree with the verdict."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the verdict of a study needs SciPy: clr_ref[study]")
pytest.importorskip("matplotlib", reason="pictures need matplotlib: clr_ref[plot]", exc_type=ImportError)

from clr_ref.study import report, report_html, report_markdown, words
from clr_ref.study.outcome import Outcome
from clr_ref.study.tables import tables
from clr_ref.study.verdict import Verdict, judge
from tests.study.made_up import NAN, run, study, without_accuracy

SEEDS = np.arange(8)
BASE = 0.5 + 0.01 * np.sin(SEEDS)
NOISE = 0.002 * np.cos(5.0 * SEEDS)
ARMS = {"plain": BASE, "good": BASE - 0.1 + NOISE, "bad": BASE + 0.1 + NOISE, "same": BASE + NOISE, "equal": BASE}


def every_kind() -> list[Outcome]:
    """Better, worse, not distinguishable, equal, with a diverged run, with another seed, without a common one."""
    lost = [run("lost", seed, [NAN if seed == 3 else float(BASE[seed])]) for seed in range(8)]
    return [*study(**ARMS), *lost, run("lost", 12, [1.0]), run("apart", 99, [1.0])]


VERDICT = judge(every_kind())


def sentences(verdict: Verdict) -> str:
    return "\n".join(words.lines(verdict))


def test_all_files_are_written_and_agree(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    (folder / ".curves.png.clr-ref-new-killed").mkdir(parents=True)
    verdict = report.write(every_kind(), folder)
    assert verdict == VERDICT
    assert {path.name for path in folder.iterdir()} == set(report.FILES)
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "report.json").read_text("utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    assert text == json.dumps(document, indent=1) + "\n"
    assert document["format"] == 1
    assert document == json.loads(json.dumps(report.as_json(verdict)))
    markdown, page = (folder / "report.md").read_text("utf-8"), (folder / "report.html").read_text("utf-8")
    for text in words.lines(verdict):
        assert f"- {text}\n" in markdown
        assert text in page
        assert text in document["findings"] + document["remarks"]
    assert "](curves.png)" in markdown
    assert "data:image/png;base64," in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_report_without_accuracies(tmp_path: Path) -> None:
    verdict = report.write(without_accuracy(every_kind()), tmp_path)
    assert "accuracy" not in sentences(verdict)
    assert ",,\n" in (tmp_path / "runs.csv").read_text("utf-8"), "no accuracy, and no epochs to a target"


def test_the_words_of_each_finding() -> None:
    said = sentences(VERDICT)
    assert "good is better than plain with 8 seeds: its validation loss is lower. The mean difference is -0.09992, with" in said
    assert (
        "good is better than plain with 8 seeds: its validation accuracy is higher. The mean difference is +0.009992, with"
        in said
    )
    assert "bad is worse than plain with 8 seeds: its validation loss is higher." in said
    assert "bad is worse than plain with 8 seeds: its validation accuracy is lower." in said
    found = re.search(
        r"same and plain are not distinguishable with 8 seeds in their validation loss\. .* About ([\d,]+) seeds", said
    )
    assert found
    assert int(found[1].replace(",", "")) == VERDICT.comparisons[2].differences[0].seeds_needed
    assert "equal and plain are not distinguishable with 8 seeds in their validation loss." in said
    assert "Both are the same with every seed." in said
    assert "lost: 1 of 9 runs diverged: 1 seed (3)." in said
    assert "lost and plain are compared without 1 seed (12), which only lost has." in said
    assert "apart and plain have no common seed, so they are not compared." in said
    assert "plain and apart are compared without" not in said
    assert "Runs diverged, so that the number of seeds that would be needed cannot be estimated." in said


def test_findings_that_distinguish_come_first() -> None:
    found = [difference.finding if difference else None for difference, _ in words.findings(VERDICT)]
    assert found[:4] == ["better", "better", "worse", "worse"]
    assert not {"better", "worse"} & set(found[4:])
    order = judge(study(plain=ARMS["plain"], same=ARMS["same"], bad=ARMS["bad"]))
    assert [difference.finding for difference, _ in words.findings(order) if difference][:2] == ["worse", "worse"]


def test_the_words_about_one_seed_and_one_arm() -> None:
    said = sentences(judge(study(plain=[1.0], clr=[0.5])))
    assert "clr and plain are not distinguishable with 1 seed in their validation loss." in said
    assert "The mean difference is -0.5, for which there is no interval. One seed cannot show a difference." in said
    assert sentences(judge(study(plain=[1.0]))) == "plain is the only arm, so nothing is compared."


def test_the_words_about_a_difference_that_is_too_small() -> None:
    assert "More than 10,000 seeds would be needed" in sentences(judge(study(plain=[0, 0, 0], clr=[1, -1, 1e-5])))


@pytest.mark.parametrize(
    ("seeds", "text"),
    [((0,), "1 seed (0)"), ((0, 1, 2), "3 seeds (0 to 2)"), ((0, 2, 3, 9), "4 seeds (0, 2 to 3, 9)")],
)
def test_seeds_are_shortened(seeds: tuple[int, ...], text: str) -> None:
    assert words.seeds(seeds) == text


def test_a_number_of_seeds() -> None:
    assert [words.of_seeds(n) for n in (0, 1, 2, 1000)] == ["0 seeds", "1 seed", "2 seeds", "1,000 seeds"]


def test_the_method_is_said_for_the_seeds_that_there_are() -> None:
    one, two, few, many = (" ".join(words.method(judge(study(plain=BASE[:n], clr=BASE[:n] + NOISE[:n])))) for n in (1, 2, 5, 6))
    assert "widened for skewed differences" not in one
    assert "widened for skewed differences" in two
    assert "All 2 intervals of this report together hold with 95 %: each holds with 97.5 % (Bonferroni)." in few
    assert "widened for skewed differences" in few
    assert "bootstrap" not in few
    assert "scipy.stats.bootstrap" in many
    assert "widened for skewed differences" not in many
    single = words.method(judge(without_accuracy(study(plain=BASE[:6], clr=BASE[:6]))))
    assert single[1].startswith("The interval of this report holds with 95 %. Two arms are not distinguishable where this")
    with_target = words.method(judge(study(plain=BASE[:6], clr=BASE[:6]), target=0.5))
    assert with_target[-1] == "The target of the epochs is a validation accuracy of 0.5."
    assert "target" not in " ".join(words.method(judge(without_accuracy(study(plain=BASE[:6], clr=BASE[:6])))))


def test_the_comparisons_read_back_from_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(report.comparisons_csv(VERDICT))))
    found = [(one, difference) for one in VERDICT.comparisons for difference in one.differences]
    assert len(rows) == len(found) == 10
    for row, (one, difference) in zip(rows, found, strict=True):
        assert (row["arm"], row["baseline"], row["metric"]) == (one.arm, "plain", difference.metric)
        assert (row["finding"], int(row["seeds"])) == (difference.finding, len(one.seeds))
        assert row["mean"] == ("" if difference.mean is None else repr(difference.mean))
        for name, ends in (
            ("", difference.interval),
            ("mean_", difference.mean_interval),
            ("median_", difference.median_interval),
            ("probability_", difference.probability_interval),
        ):
            expected = ("", "") if ends is None else (str(ends.low), str(ends.high))
            assert (row[f"{name}low"], row[f"{name}high"]) == expected
        assert float(row["probability"]) == difference.probability
        assert row["seeds_needed"] == ("" if difference.seeds_needed is None else str(difference.seeds_needed))


def test_the_runs_read_back_from_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(report.runs_csv(VERDICT))))
    assert len(rows) == len(every_kind())
    assert rows[0] == {
        "arm": "plain",
        "seed": "0",
        "epochs": "1",
        "diverged": "False",
        "val_loss": "0.5",
        "val_accuracy": "0.85",
        "epochs_to_target": "1",
    }
    (lost,) = [row for row in rows if row["diverged"] == "True"]
    assert (lost["arm"], lost["seed"], lost["val_loss"], lost["val_accuracy"]) == ("lost", "3", "", "")


def test_numbers_are_flush_right_and_findings_have_their_colour() -> None:
    text = report_html.page(VERDICT, b"", "caption")
    shown = re.findall("<tbody>(.*?)</tbody>", text, re.DOTALL)
    kinds = {"better": "holds", "worse": "fails", "not distinguishable": "not"}
    assert len(shown) == len(tables(VERDICT)) == 4
    for table, part in zip(tables(VERDICT), shown, strict=True):
        rows = [re.findall(r'<td(?: class="(\w+)")?', row) for row in part.split("<tr>")[1:]]
        columns = ["number" if name.startswith(">") else "" for name in table.columns]
        for row, found in zip(table.rows, rows, strict=True):
            assert found == [kinds.get(text, kind) for text, kind in zip(row, columns, strict=True)]


def test_names_of_arms_break_no_page() -> None:
    odd = "<b>|a\n$x$_" + "y" * 90
    verdict = judge(study(**{odd: BASE, f"{odd}2": BASE - 0.1 + NOISE}))
    assert "<b>" not in report_html.page(verdict, b"", "caption")
    assert "<b>" not in report_markdown.page(verdict, "curves.png", "caption")
    assert {
        line.count("|") - line.count("\\|") for line in report_markdown.page(verdict, "", "").splitlines() if "| better" in line
    } == {8}


def test_an_odd_name_and_a_diverged_arm_can_be_drawn(tmp_path: Path) -> None:
    outcomes = [run(name, seed, [2.0, NAN if name == "_$x" else 1.0]) for name in ("_$x", "b" * 90) for seed in range(3)]
    report.write(outcomes, tmp_path)
    from matplotlib.figure import Figure

    from clr_ref.study import picture

    panels = Figure().subplots(1, 2)
    picture.draw(judge(outcomes, target=0.5), panels)
    left, right = panels
    assert [line.get_ydata().tolist() for line in left.get_lines()][1] == [2.0, 1.0]
    assert np.isnan(left.get_lines()[0].get_ydata()[1])
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("epoch", "validation loss", "validation accuracy")
    assert (len(left.texts), [(text.get_text(), text.xy) for text in right.texts]) == (0, [("target", (1, 0.5))])
    assert (left.get_xlim(), right.get_lines()[-1].get_ydata()) == ((0.5, 2.5), [0.5, 0.5])
    assert [text.strip() for text in left.get_legend_handles_labels()[1]] == [r"_\$x", "b" * 37 + "..."]


def test_a_missing_package_is_named_before_anything_is_written(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from pathlib import Path\n"
        "from clr_ref.study import report\n"
        f"report.write([], Path({str(tmp_path / 'out')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError: a report of a study needs SciPy and matplotlib: install clr-ref[study,plot]" in done.stderr
    assert not (tmp_path / "out").exists()
