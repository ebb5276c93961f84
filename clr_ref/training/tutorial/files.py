"""The files about a tutorial: pictures, tables, the report, and a page in Markdown and in HTML."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from clr_ref import pages
from clr_ref._files import json_text, remove_leftovers, write_text
from clr_ref.pages.html import Markup, tag
from clr_ref.training.log import EPOCH
from clr_ref.training.tutorial.runs import BATCH_SIZE, Result

#: File names of the pictures, and what they show.
_CAPTIONS = {"schedule.png": "Learning rate over steps", "curves.png": "Loss and accuracy over epochs"}
PICTURES = tuple(_CAPTIONS)
#: The names of all files that ``write`` writes.
FILES = (*PICTURES, "epochs.csv", "steps.csv", "report.json", "tutorial.md", "tutorial.html")
TITLE = "The tutorial, measured"


def write(result: Result, folder: Path) -> list[Path]:
    """Write the files, each whole or not at all, and return their paths. Needs matplotlib.

    Raises:
        WriteError: a file cannot be written.
    """
    from clr_ref.training.tutorial import pictures

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
    return json_text(document)


def epochs_csv(result: Result) -> str:
    """The histories, with a line for each run and epoch."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ("run", *EPOCH), lineterminator="\n")
    writer.writeheader()
    for name, report in (("plain", result.plain), ("clr", result.clr)):
        writer.writerows({"run": name, **epoch} for epoch in report.history)
    return out.getvalue()


def steps_csv(result: Result) -> str:
    """The applied rates and the losses of the batches, with a line for each step.

    The decimals are the shortest that give the same float32.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", "plain_rate", "clr_rate", "plain_loss", "clr_loss"])
    series = (result.plain.rates, result.clr.rates, result.plain.losses, result.clr.losses)
    for step, row in enumerate(zip(*series, strict=True)):
        writer.writerow([step, *(np.format_float_scientific(np.float32(value), trim="-") for value in row)])
    return out.getvalue()


def markdown(result: Result) -> str:
    """The page in Markdown, which refers to the pictures beside it."""
    blocks = [f"# {TITLE}", _introduction(result)]
    for title, columns, rows in _tables(result):
        blocks += [f"## {title}", pages.markdown.table(columns, rows)]
        if title == "Claims":
            blocks += [f"![{caption}]({name})" for name, caption in _CAPTIONS.items()]
    return pages.markdown.page(blocks)


def page(result: Result, images: Mapping[str, bytes]) -> str:
    """The page in HTML, which holds the pictures. Claims that fail stand first.

    Args:
        result: the tutorial.
        images: the PNG files by the names of PICTURES.
    """
    versions = result.clr.versions
    about = f"Trained with TensorFlow {versions['tensorflow']} by clr_ref {versions['clr_ref']}; written {pages.html.now()}."
    body = [tag("p", _introduction(result))]
    for title, columns, rows in _tables(result):
        if title == "Claims":
            # The verdict comes second, where a narrow window shows it too.
            ordered = [(claim, _verdict(verdict), measured) for claim, measured, verdict in sorted(rows, key=_holds)]
            shown = pages.html.table(("claim", "verdict", "measured"), ordered)
            pictures = [(caption, base64.b64encode(images[name]).decode()) for name, caption in _CAPTIONS.items()]
            drawn = [tag("img", alt=caption, src=f"data:image/png;base64,{data}") for caption, data in pictures]
            body += [tag("h2", title), shown, *(tag("div", image, "picture", tabindex=0) for image in drawn)]
        else:
            numbers = [[row[0], *map(pages.html.number, row[1:])] if title == "Epochs" else row for row in rows]
            body += [tag("h2", title), pages.html.table(columns, numbers)]
    return pages.html.page(TITLE, about, body)


def _holds(claim: Sequence[str]) -> bool:
    return claim[2] != "FAILS"


def _verdict(verdict: str) -> Markup:
    return tag("td", verdict, {"holds": "holds", "FAILS": "fails", "not measured": "skipped"}.get(verdict, ""))


def _introduction(result: Result) -> str:
    chosen = result.setting
    schedule = chosen.schedule
    initial, maximal = schedule.initial_learning_rate, schedule.maximal_learning_rate
    times = (
        f" The rates are {chosen.times} times those of the tutorial, because its steps are fewer." if chosen.times > 1 else ""
    )
    epochs = f"{chosen.epochs} epoch{'' if chosen.epochs == 1 else 's'}"
    return (
        f"The network is trained twice on {len(chosen.train):,} pictures of Fashion-MNIST, for {epochs}, with seed "
        f"{chosen.seed}. One run is plain SGD at a rate of {chosen.plain:g}. The other has a cyclical rate: {initial:g} to "
        f"{maximal:g}, step_size {chosen.step_size:,}, triangular2. Both have the same initial weights and the same batches of "
        f"{BATCH_SIZE}. Loss and accuracy are measured on {len(chosen.test):,} other pictures."
        f"{times}{' ' if result.remark else ''}{result.remark}"
    )


def _tables(result: Result) -> list[tuple[str, Sequence[str], list[Sequence[str]]]]:
    """The tables of both pages: title, columns and rows."""
    epochs: list[Sequence[str]] = []
    for plain, clr in zip(result.plain.history, result.clr.history, strict=True):
        losses = (f"{run[key]:.4f}" for key in ("loss", "val_loss") for run in (plain, clr))
        epochs.append((str(plain["epoch"]), *losses, *(f"{run['val_accuracy']:.2%}" for run in (plain, clr))))
    both = [f"{quantity}, {run}" for quantity in ("loss", "val. loss", "val. accuracy") for run in ("plain", "CLR")]
    versions = result.clr.versions
    ran_on = [
        ("TensorFlow", versions["tensorflow"]),
        ("Keras", versions["keras"]),
        ("NumPy, Python, clr_ref", ", ".join(versions[name] for name in ("numpy", "python", "clr_ref"))),
        ("CPU", result.clr.cpu["model"]),
        ("final weights, plain", f"sha256 {result.plain.weights_sha256[:16]}"),
        ("final weights, CLR", f"sha256 {result.clr.weights_sha256[:16]}"),
    ]
    return [
        ("Claims", ("claim", "measured", "verdict"), [(c.claim, c.measured, c.verdict) for c in result.claims]),
        ("Epochs", ("epoch", *both), epochs),
        ("Ran on", ("what", "which"), [*ran_on]),
    ]
