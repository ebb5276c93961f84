"""What TFA's tutorial on cyclical learning rates does and claims, done again and measured.

Two runs from the same initial weights, over the same batches: plain SGD at Keras's default rate, and SGD with the cyclical
rate. ``claims`` holds what the tutorial says against what the runs show; a claim may fail.
"""

from __future__ import annotations

import base64
import csv
import dataclasses
import html
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import clr_ref
from clr_ref._files import remove_leftovers, write_text
from clr_ref.training import experiment as experiments
from clr_ref.training.data import FashionMnist, Split
from clr_ref.training.experiment import Experiment, Report

BATCH_SIZE = 64
INITIAL, MAXIMAL = 1e-4, 1e-2
#: What SGD uses where it is told nothing.
PLAIN = 0.01


@dataclasses.dataclass(frozen=True)
class Setting:
    """The tutorial with so many epochs, on the first ``len(train)`` pictures."""

    train: Split
    test: Split
    epochs: int
    seed: int

    @property
    def step_size(self) -> int:
        """Two epochs of whole batches, as the tutorial reckons: 2 * 937."""
        return 2 * (len(self.train) // BATCH_SIZE)

    @property
    def schedule(self) -> clr_ref.CyclicalLearningRate:
        return clr_ref.triangular2(INITIAL, MAXIMAL, self.step_size)

    @property
    def steps(self) -> int:
        """Optimizer steps of one run: Keras trains on the last, smaller batch of an epoch too."""
        return -(-len(self.train) // BATCH_SIZE) * self.epochs


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim or question of the tutorial, what was measured, and the verdict.

    A claim "holds" or "FAILS"; "not measured" where the runs are too short to tell. A question is answered.
    """

    claim: str
    measured: str
    verdict: str


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """Both runs and the verdicts on them."""

    setting: Setting
    plain: Report
    clr: Report
    claims: tuple[Claim, ...]


def setting(found: FashionMnist, *, epochs: int = 10, subset: int | None = None, seed: int = 0) -> Setting:
    """The tutorial, on the whole data or on the first ``subset`` pictures, and a sixth as many to test with.

    Raises:
        ValueError: an argument outside its range; a subset of less than one batch.
    """
    train, test = found.train, found.test
    if subset is not None:
        if not BATCH_SIZE <= subset <= len(train):
            raise ValueError(f"subset must be a whole number {BATCH_SIZE} .. {len(train)}, got {subset!r}")
        train, test = train.first(subset), test.first(min(len(test), max(1, subset // 6)))
    Experiment(PLAIN, epochs=epochs, seed=seed)  # raises where they are out of range
    return Setting(train, test, epochs, seed)


def run(chosen: Setting, folder: Path | None = None, on_step: Callable[[str, int], None] | None = None) -> Result:
    """Train both. With a folder, each has a checkpoint there, and goes on from it.

    Args:
        chosen: what to train.
        folder: of the checkpoints, in ``plain/`` and ``clr/``; made where it is not there.
        on_step: called after every step with the run's name and the number of its steps so far.

    Raises:
        CheckpointError, TooLateError: as ``experiment.run`` does.
    """
    reports = {}
    for name, schedule in (("plain", PLAIN), ("clr", chosen.schedule)):
        where = None
        if folder is not None:
            where = folder / name
            where.mkdir(parents=True, exist_ok=True)
        reports[name] = experiments.run(
            Experiment(schedule, epochs=chosen.epochs, batch_size=BATCH_SIZE, seed=chosen.seed),
            chosen.train,
            chosen.test,
            folder=where,
            on_step=None if on_step is None else _named(on_step, name),
        )
    return Result(chosen, reports["plain"], reports["clr"], tuple(claims(reports["plain"], reports["clr"], chosen.step_size)))


def _named(on_step: Callable[[str, int], None], name: str) -> Callable[[int], None]:
    return lambda step: on_step(name, step)


def claims(plain: Report, clr: Report, step_size: int) -> list[Claim]:
    """The tutorial's claims against the reports of the two runs."""
    return [_cycle(clr, step_size), _starts_higher(plain, clr), _stabilises(plain, clr), _ends_better(plain, clr)]


def _verdict(holds: Any) -> str:
    return "holds" if holds else "FAILS"


def _cycle(clr: Report, step_size: int) -> Claim:
    """Turning points of the applied rates, whose distance nobody told."""
    says = f"A cycle takes 2 * step_size = {2 * step_size:,} steps: up in {step_size:,}, down in {step_size:,}."
    turns = np.flatnonzero(np.diff(np.sign(np.diff(clr.rates)))) + 1
    expected = np.arange(step_size, len(clr.rates) - 1, step_size)
    if not len(expected):
        return Claim(says, f"the {len(clr.rates):,} applied rates end before the top of a cycle", "not measured")
    shown = ", ".join(f"{t:,}" for t in turns)
    measured = f"the applied rate starts at {clr.rates[0]:.6g} and turns at the steps {shown or '(none)'}"
    return Claim(says, measured, _verdict(np.array_equal(turns, expected)))


def _starts_higher(plain: Report, clr: Report) -> Claim:
    ours, theirs = clr.history[0]["loss"], plain.history[0]["loss"]
    return Claim(
        "The loss starts higher with the cyclical rate.",
        f"training loss over the first epoch: {ours:.4f} with it, {theirs:.4f} without",
        _verdict(ours > theirs),
    )


def _stabilises(plain: Report, clr: Report) -> Claim:
    says = "It then stabilises: from epoch to epoch the validation loss moves less in the second half than in the first."
    if len(clr.history) < 4:
        return Claim(says, f"{len(clr.history)} epochs have no halves to compare", "not measured")
    (early, late), (plain_early, plain_late) = _moves(clr), _moves(plain)
    measured = (
        f"mean change per epoch with it: {early:.4f} in the first half, {late:.4f} in the second; without: {plain_early:.4f}, "
        f"{plain_late:.4f}"
    )
    return Claim(says, measured, _verdict(late < early))


def _moves(report: Report) -> tuple[float, float]:
    """The mean change of the validation loss from epoch to epoch, in the first half and in the second."""
    moves = np.abs(np.diff([epoch["val_loss"] for epoch in report.history]))
    return float(moves[: len(moves) // 2].mean()), float(moves[len(moves) // 2 :].mean())


def _ends_better(plain: Report, clr: Report) -> Claim:
    ours, theirs = clr.history[-1], plain.history[-1]
    return Claim(
        "Which run ends with the lower validation loss?",
        f"validation loss {ours['val_loss']:.4f} with the cyclical rate, {theirs['val_loss']:.4f} without; accuracy "
        f"{ours['val_accuracy']:.2%} with it, {theirs['val_accuracy']:.2%} without",
        "with CLR" if ours["val_loss"] < theirs["val_loss"] else "without CLR",
    )


# --- what is written -------------------------------------------------------------------------------------------------


PICTURES = ("schedule.png", "curves.png")
#: All that ``write`` writes.
FILES = (*PICTURES, "epochs.csv", "steps.csv", "report.json", "tutorial.md", "tutorial.html")


def write(result: Result, folder: Path) -> list[Path]:
    """Write pictures, tables, report and pages, each whole, and return their paths. Needs matplotlib.

    Raises:
        WriteError: a file cannot be written.
    """
    from clr_ref.training import pictures

    for name in FILES:
        remove_leftovers(folder / name)
    for name, draw in zip(PICTURES, (pictures.schedule, pictures.curves), strict=True):
        draw(result, folder / name)
    texts = {
        "epochs.csv": epochs_csv(result),
        "steps.csv": steps_csv(result),
        "report.json": to_json(result) + "\n",
        "tutorial.md": markdown(result),
        "tutorial.html": page(result, {name: (folder / name).read_bytes() for name in PICTURES}),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in FILES]


def to_json(result: Result) -> str:
    """Claims and both reports, as one JSON object."""
    document = {
        "claims": [dataclasses.asdict(claim) for claim in result.claims],
        "step_size": result.setting.step_size,
        "plain": json.loads(result.plain.to_json()),
        "clr": json.loads(result.clr.to_json()),
    }
    return json.dumps(document, indent=1)


def epochs_csv(result: Result) -> str:
    """One line per run and epoch: the histories."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ("run", *experiments.EPOCH), lineterminator="\n")
    writer.writeheader()
    for name, report in (("plain", result.plain), ("clr", result.clr)):
        writer.writerows({"run": name, **epoch} for epoch in report.history)
    return out.getvalue()


def steps_csv(result: Result) -> str:
    """One line per step: what was applied, and the loss of the batch. Decimals are the shortest of the float32."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", "plain_rate", "clr_rate", "plain_loss", "clr_loss"])
    series = (result.plain.rates, result.clr.rates, result.plain.losses, result.clr.losses)
    for step, row in enumerate(zip(*series, strict=True)):
        writer.writerow([step, *(np.format_float_scientific(np.float32(value), trim="-") for value in row)])
    return out.getvalue()


_INTRODUCTION = (
    "Plain SGD at a rate of 0.01 against SGD with a cyclical learning rate ({initial:g} to {maximal:g}, step_size {size:,}, "
    "the amplitude halved with every cycle), from the same initial weights and over the same batches of {batch}: {epochs} "
    "epochs on {train:,} pictures of Fashion-MNIST, measured on {test:,} others; seed {seed}."
)


def _introduction(result: Result) -> str:
    chosen = result.setting
    return _INTRODUCTION.format(
        initial=INITIAL,
        maximal=MAXIMAL,
        size=chosen.step_size,
        batch=BATCH_SIZE,
        epochs=chosen.epochs,
        train=len(chosen.train),
        test=len(chosen.test),
        seed=chosen.seed,
    )


def _tables(result: Result) -> list[tuple[str, list[Sequence[str]]]]:
    """(title, header and rows), for both pages."""
    head = (
        "epoch",
        "loss, plain",
        "loss, CLR",
        "val. loss, plain",
        "val. loss, CLR",
        "val. accuracy, plain",
        "val. accuracy, CLR",
    )
    rows: list[Sequence[str]] = [head]
    for one, two in zip(result.plain.history, result.clr.history, strict=True):
        losses = (f"{run[key]:.4f}" for key in ("loss", "val_loss") for run in (one, two))
        rows.append((str(one["epoch"]), *losses, *(f"{run['val_accuracy']:.2%}" for run in (one, two))))
    versions = result.clr.versions
    ran: list[Sequence[str]] = [
        ("what", "which"),
        ("TensorFlow", versions["tensorflow"]),
        ("Keras", versions["keras"]),
        ("NumPy, Python, clr_ref", ", ".join(versions[name] for name in ("numpy", "python", "clr_ref"))),
        ("CPU", result.clr.cpu["model"]),
        ("final weights, plain", f"sha256 {result.plain.weights_sha256[:16]}"),
        ("final weights, CLR", f"sha256 {result.clr.weights_sha256[:16]}"),
    ]
    return [
        ("Claims", [("claim", "measured", "verdict"), *((c.claim, c.measured, c.verdict) for c in result.claims)]),
        ("Epochs", rows),
        ("Ran on", ran),
    ]


def markdown(result: Result) -> str:
    """The page in Markdown, which refers to the pictures beside it."""
    parts = ["# The tutorial, measured", _introduction(result)]
    for title, (header, *rows) in _tables(result):
        lines = ["| " + " | ".join(cells) + " |" for cells in (header, ["---"] * len(header), *rows)]
        parts.append(f"## {title}\n\n" + "\n".join(lines))
        if title == "Claims":
            parts.append("![Learning rate over steps](schedule.png)\n\n![Loss and accuracy over epochs](curves.png)")
    return "\n\n".join(parts) + "\n"


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}th{background:#f4f4f4}img{max-width:100%}"
)


def page(result: Result, images: dict[str, bytes]) -> str:
    """The page in HTML, self-contained: ``images`` are PNG files by name."""
    parts = ["<h1>The tutorial, measured</h1>", f"<p>{html.escape(_introduction(result))}</p>"]
    for title, (header, *rows) in _tables(result):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        if title == "Claims":
            for name, description in (
                ("schedule.png", "Learning rate over steps"),
                ("curves.png", "Loss and accuracy over epochs"),
            ):
                data = base64.b64encode(images[name]).decode()
                parts.append(f'<p><img alt="{description}" src="data:image/png;base64,{data}"></p>')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The tutorial, measured</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
