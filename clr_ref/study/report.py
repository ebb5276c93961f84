"""The files about the verdict of a study: a page in Markdown and in HTML, a picture, tables, and JSON.

from clr_ref.study import report
verdict = report.write(outcomes, Path("my-study/report"))
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from clr_ref._files import finite, json_text, remove_leftovers, write_text
from clr_ref.study import report_html, report_markdown, words
from clr_ref.study.outcome import Outcome
from clr_ref.study.statistics import Interval
from clr_ref.study.verdict import Verdict, judge

__all__ = ["FILES", "as_json", "comparisons_csv", "runs_csv", "write"]

FORMAT = 1
PICTURE = "curves.png"
#: The names of all files that ``write`` writes.
FILES = (PICTURE, "report.md", "report.html", "comparisons.csv", "runs.csv", "report.json")


def __dir__() -> list[str]:
    return __all__


def write(outcomes: Sequence[Outcome], folder: Path, *, baseline: str | None = None, target: float | None = None) -> Verdict:
    """Write FILES into a folder, each whole or not at all, and return the verdict. Needs SciPy and matplotlib.

    Args:
        outcomes: the runs. Arms stay in the order in which they first appear.
        folder: it is made if it does not exist.
        baseline: the arm that all others are compared with. Default: the first.
        target: the validation accuracy of which the report says when it is reached. Default: the baseline's lower quartile.

    Raises:
        ImportError: SciPy or matplotlib is not installed.
        TypeError, ValueError: as ``judge``.
        WriteError: a file cannot be written.
    """
    try:
        import matplotlib  # noqa: F401  # before anything is computed or written
        import scipy  # noqa: F401
    except ImportError as error:
        raise ImportError(f"a report of a study needs SciPy and matplotlib: install clr-ref[study,plot] ({error})") from error
    from clr_ref.study import picture

    verdict = judge(outcomes, baseline=baseline, target=target)
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        remove_leftovers(folder / name)
    picture.save(verdict, folder / PICTURE)
    texts = {
        "report.md": report_markdown.page(verdict, PICTURE, picture.CAPTION),
        "report.html": report_html.page(verdict, (folder / PICTURE).read_bytes(), picture.CAPTION),
        "comparisons.csv": comparisons_csv(verdict),
        "runs.csv": runs_csv(verdict),
        "report.json": json_text(as_json(verdict)) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return verdict


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as a JSON value, with the findings in words.

    Infinite numbers, which JSON does not have, are the strings "inf" and "-inf".
    """
    found = {"findings": [text for _, text in words.findings(verdict)], "remarks": words.remarks(verdict)}
    document: dict[str, Any] = finite({"format": FORMAT, **found, **dataclasses.asdict(verdict)})
    return document


def comparisons_csv(verdict: Verdict) -> str:
    """Return the comparisons, with a line for each arm and metric. What does not exist is empty."""
    head = ["arm", "baseline", "metric", "seeds", "finding", "mean", "median", "decided_by", "low", "high"]
    head += [
        "mean_low",
        "mean_high",
        "median_low",
        "median_high",
        "probability",
        "probability_low",
        "probability_high",
        "seeds_needed",
    ]
    rows = []
    for one in verdict.comparisons:
        for found in one.differences:
            row = [one.arm, verdict.baseline, found.metric, len(one.seeds), found.finding, found.mean, found.median]
            row += [found.decided_by, *_ends(found.interval), *_ends(found.mean_interval), *_ends(found.median_interval)]
            rows.append([*row, found.probability, *_ends(found.probability_interval), found.seeds_needed])
    return _csv(head, rows)


def runs_csv(verdict: Verdict) -> str:
    """Return the runs, with a line for each. Loss and accuracy are empty for a run that diverged."""
    head = ("arm", "seed", "epochs", "diverged", "val_loss", "val_accuracy", "epochs_to_target")
    rows = []
    for arm in verdict.arms:
        for run in arm.runs:
            last = ("", "") if run.diverged else (run.val_loss, run.val_accuracy)
            rows.append((arm.name, run.seed, run.epochs, run.diverged, *last, run.reached))
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _ends(found: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if found is None else (found.low, found.high)
