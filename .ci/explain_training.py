"""Why releases of TensorFlow train to other bits: the generated part of docs/TRAINING.md.

python .ci/explain_training.py trace FOLDER CASE    # with the TensorFlow and Keras of this environment
python .ci/explain_training.py write FOLDER PAGE    # from golden/training, and from the traces in FOLDER

Each release is compared with the one before it, so a row names the release in which something changed.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from clr_ref.golden import store
from clr_ref.pages import markdown
from clr_ref.trace import words
from clr_ref.trace.compare import compare
from clr_ref.trace.comparison import Comparison
from clr_ref.trace.format import Reader
from clr_ref.training import determinism

BEGIN = "<!-- From here to the next such line: tox run -m explain-training. -->\n"
END = "<!-- Written by hand again. -->\n"
STEPS = 20
#: The traced cases: the run of golden/training, whether oneDNN is on, and the title on the page.
CASES = {
    "no dropout": ("triangular2", False, "Without dropout:"),
    "dropout": ("triangular2-dropout", False, "With dropout:"),
    "oneDNN": ("triangular2", True, "Without dropout, with oneDNN, which `prepare()` switches off:"),
}
_SOFTMAX = (
    "softmax, from the same logits. The loss and its gradient come from the logits, with a softmax of TensorFlow's own: the "
    "weights differ only if that does too"
)
#: What computes a tensor, by its stage and name, and whether both sides have one of the same shape.
REASONS = {
    ("forward", "dense_1", True): _SOFTMAX,
    ("forward", "spatial_dropout2d", True): "the dropout layer: another mask from the same state of its generator",
    ("random", "spatial_dropout2d", True): (
        "the seed of the layer's generator. Keras draws seeds from one sequence: that of this layer is the first in 2.9, and "
        "the third in others"
    ),
    ("random", "spatial_dropout2d", False): "Keras 3 has another generator than tf.keras",
    ("forward", "conv2d", True): "oneDNN's convolution of one channel",
    ("forward", "conv2d_1", True): "oneDNN's convolution of 16 channels",
    ("gradient", "conv2d/kernel", True): "oneDNN's gradient of a convolution; all outputs are the same",
}


class Versions(NamedTuple):
    """A TensorFlow with its Keras; they sort in the order of the releases."""

    tensorflow: tuple[int, ...]
    kind: int
    keras: str

    def __str__(self) -> str:
        name = ".".join(map(str, self.tensorflow))
        return name if self.keras.startswith("tf.keras-") else f"{name} ({self.keras.replace('keras-3', 'Keras 3')})"


def versions(tensorflow: str, keras: str, **_: str) -> Versions:
    kind = ("tf.keras", "tf-keras", "keras").index(keras.rpartition("-")[0])
    return Versions(tuple(map(int, tensorflow.split("."))), kind, keras.replace("tf-keras-", "tf-keras "))


def trace(folder: Path, case: str) -> None:
    """Trace a case into FOLDER/CASE."""
    run, onednn, _ = CASES[case]
    determinism.prepare(onednn=onednn)
    from clr_ref.trace.record import record
    from clr_ref.training import data, digests, provenance

    chosen, found = digests.RUNS[run], data.load()
    about = provenance.versions()
    path = folder / case / f"{about['tensorflow']} {about['keras']}.trace"
    path.parent.mkdir(parents=True, exist_ok=True)
    train, test = found.train.first(chosen.pictures), found.test.first(64)
    if not record(path, chosen.experiment, train, test, steps=STEPS, keep=range(1)).faithful:
        sys.exit(f"{path}: tracing changed the results")


@functools.cache
def recorded() -> dict[Versions, store.TrainingRecord]:
    """The records of golden/training by their versions."""
    return {versions(**one.provenance["versions"]): one for one in store.read().training.values()}


def groups() -> Iterator[Sequence[str]]:
    """Each run of golden/training, with the groups of releases that end with the same weights."""
    order = sorted(recorded())
    for run in ("triangular2", "plain", "triangular2-dropout"):
        same: dict[str, list[Versions]] = {}
        for one in order:
            same.setdefault(recorded()[one].runs[run]["weights_sha256"], []).append(one)
        yield f"`{run}`", "; ".join(spans(group, order) for group in same.values())


def spans(chosen: Sequence[Versions], order: Sequence[Versions]) -> str:
    """The versions, those that follow each other as "first to last"."""
    places = enumerate(order.index(one) for one in chosen)
    runs = [[order[place] for _, place in run] for _, run in itertools.groupby(places, lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def partings(folder: Path, case: str) -> Iterator[Sequence[str]]:
    """Each release of a case whose first steps differ from those of the release before."""
    for (before, a), (after, b) in itertools.pairwise(traced(folder / case)):
        found = compare(a, b)
        if found.first is not None:
            yield f"{before} and {after}", *explained(found)


def with_and_without(folder: Path) -> Iterator[Sequence[str]]:
    """The releases that differ with oneDNN from themselves without it, in the same tensor."""
    without = dict(traced(folder / "no dropout"))
    found: dict[Sequence[str], list[Versions]] = {}
    for one, path in traced(folder / "oneDNN"):
        found.setdefault(tuple(explained(compare(without[one], path), figures=False)), []).append(one)
    return ((spans(chosen, list(without)), *row) for row, chosen in found.items())


def traced(folder: Path) -> list[tuple[Versions, Path]]:
    return sorted((versions(**Reader(path).header.made_of["versions"]), path) for path in folder.glob("*.trace"))


def explained(found: Comparison, *, figures: bool = True) -> tuple[str, str, str]:
    """The first tensor that differs, what the difference reaches, and what computes the tensor."""
    first = found.first
    if first is None:
        return "none", "", ""
    told = words.difference(first if figures else dataclasses.replace(first, elements=None, note=""))
    reached = [("the loss", found.reaches_loss), ("the weights", found.reaches_weights)]
    reaches = ", ".join(f"{what} in step {step}" for what, step in reached if step is not None)
    return (
        f"step {first.step}: {told}",
        reaches or f"nothing in {found.steps} steps",
        REASONS[first.stage, first.tensor, first.comparable],
    )


def part(folder: Path) -> Iterator[str]:
    """The generated part, a block at a time."""
    yield (
        "The releases of a group end with the same weights, bit for bit. A semicolon separates two groups. The records come "
        "from two CPUs; each names its own."
    )
    yield markdown.table(("run", "groups"), groups())
    yield "### Why they differ"
    yield (
        f"[Traces](TRACES.md) of the first {STEPS} steps name the first tensor with other bits. A release that is not named "
        "differs in no tensor from the one before."
    )
    columns = ("releases", "first difference", "it reaches", "what computes it")
    for case, (_, _, title) in CASES.items():
        yield title
        yield markdown.table(columns, partings(folder, case))
    yield "The same release with and without oneDNN:"
    yield markdown.table(columns, with_and_without(folder))


def missing(folder: Path) -> list[str]:
    """Each case and release of golden/training without a trace. The page would say that it differs in no tensor."""
    found = {case: {one[:2] for one, _ in traced(folder / case)} for case in CASES}
    return [f"{case}: {one}" for case, have in found.items() for one in sorted(recorded()) if one[:2] not in have]


def write(folder: Path, page: Path) -> None:
    """Replace the generated part of the page."""
    if lacking := missing(folder):
        sys.exit(f"{folder} has no trace of {'; '.join(lacking)}: run `tox run -m explain-training`")
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{page} must have the two lines between which it is generated: {BEGIN.strip()} and {END.strip()}")
    blocks = (block if block.startswith("|") else textwrap.fill(block, 128) for block in part(folder))
    page.write_text(before + BEGIN + "\n" + "\n\n".join(blocks) + "\n\n" + END + after, "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Trace a case, or write the generated part of docs/TRAINING.md.")
    commands = parser.add_subparsers(required=True, dest="command")
    for name, last, kind in (("trace", "case", str), ("write", "page", Path)):
        chosen = commands.add_parser(name)
        chosen.add_argument("folder", type=Path)
        chosen.add_argument(last, type=kind, choices=CASES if last == "case" else None)
    options = parser.parse_args()
    if options.command == "trace":
        trace(options.folder, options.case)
    else:
        write(options.folder, options.page)
