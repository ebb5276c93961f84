"""``clr-ref tutorial``."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clr_ref._files import reason_against_folder
from clr_ref.cli.common import (
    Progress,
    check_outputs,
    data_option,
    json_option,
    new_table,
    output_option,
    print_json,
    print_table,
    require_extras,
)
from clr_ref.cli.frameworks import quiet
from clr_ref.cli.lines import say

if TYPE_CHECKING:
    from clr_ref.training import tutorial as tutorials


@click.command()
@click.option("--epochs", type=click.IntRange(1), default=10, help="Passes over the data.")
@click.option(
    "--subset",
    type=click.IntRange(1),
    metavar="N",
    help="Train on the first N pictures only, N >= 64, at higher rates.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    help="Seed of weights, order and dropout.",
)
@output_option(
    "--out",
    folder=True,
    default=Path("clr-tutorial"),
    help="Folder for pictures, tables, pages and checkpoints. An interrupted run resumes from there.",
)
@data_option
@json_option
def tutorial(epochs: int, subset: int | None, seed: int, out: Path, source: Path | None, as_json: bool) -> None:
    r"""Train the network of TFA's tutorial, and compare the tutorial's claims with what is measured.

    The network is trained on Fashion-MNIST twice, without and with the cyclical rate. Needs TensorFlow and clr-ref[plot].
    Exit code 1 if the applied rates do not have the schedule's cycles; other claims that fail do not change the exit code.

    \b
    Example:
      clr-ref tutorial --subset 3200 --epochs 4
    """
    from clr_ref.training import tutorial as training

    check_outputs("--out", [out / name for name in training.FILES])
    for name in ("plain", "clr"):
        if (reason := reason_against_folder(out / name)) is not None:
            raise click.BadParameter(f"cannot write {str(out / name)!r}: {reason}", param_hint="--out")
    require_extras("plot", framework=True)
    with quiet():
        result, written = _trained(epochs, subset, seed, out, source)
    holds = result.claims[0].verdict != "FAILS"
    if as_json:
        document = {
            "holds": holds,
            "claims": [dataclasses.asdict(claim) for claim in result.claims],
            "files": [str(path) for path in written],
            "history": {"plain": list(result.plain.history), "clr": list(result.clr.history)},
            "digests": {"plain": result.plain.digests(), "clr": result.clr.digests()},
        }
        print_json(document)
    else:
        table = new_table("epoch", ">val. loss, plain", ">val. loss, CLR", ">accuracy, plain", ">accuracy, CLR")
        for one, two in zip(result.plain.history, result.clr.history, strict=True):
            cells = [f"{run['val_loss']:.4f}" for run in (one, two)] + [f"{run['val_accuracy']:.2%}" for run in (one, two)]
            table.add_row(str(one["epoch"]), *cells)
        print_table(table)
        for claim in result.claims:
            say(f"{claim.verdict}: {claim.claim} Measured: {claim.measured}.", hang="  ")
        if result.setting.times > 1:
            say(
                f"The rates were {result.setting.times} times those of the tutorial, so that the runs learn in fewer steps.",
                hang="  ",
            )
        if result.remark:
            say(result.remark, hang="  ")
        say(f"wrote {', '.join(path.name for path in written)} in {out}", hang="  ")
    sys.exit(0 if holds else 1)


def _trained(epochs: int, subset: int | None, seed: int, out: Path, source: Path | None) -> tuple[tutorials.Result, list[Path]]:
    """Train both runs with a bar, and write the files."""
    from clr_ref.training import checkpoint, data, determinism, tutorial as training

    try:
        chosen = training.setting(data.load(source), epochs=epochs, subset=subset, seed=seed, times=None)
        determinism.prepare()
    except (data.DataError, ImportError, ValueError, RuntimeError) as error:
        raise click.UsageError(str(error)) from None
    out.mkdir(parents=True, exist_ok=True)
    per_epoch = chosen.steps // epochs
    done = {"plain": 0, "clr": 0}
    with Progress(2 * chosen.steps) as progress:

        def on_step(name: str, step: int) -> None:
            progress.advance(step - done[name])  # more than one step after resuming from a checkpoint
            done[name] = step
            progress.start(f"{name}, epoch {(step - 1) // per_epoch + 1} of {epochs}")
            if step % per_epoch == 0:
                progress.tell(f"{name}: epoch {step // per_epoch} of {epochs} is done")

        try:
            result = training.run(chosen, out, on_step)
        except checkpoint.CheckpointError as error:
            raise click.UsageError(f"{error}\nGive another --out, or the options of that run.") from None
        except KeyboardInterrupt:
            click.echo("interrupted: the same command resumes after the last complete epoch", err=True)
            raise click.Abort from None
    return result, training.write(result, out)
