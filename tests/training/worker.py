"""Train what a JSON file lists, in a process of its own: determinism is for good, and comes before TensorFlow.

python -m tests.training.worker jobs.json results.json
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import clr_ref
from clr_ref.training import data, determinism, experiment as experiments
from clr_ref.training.digests import RUNS
from clr_ref.training.model import build, initial_weights


def experiment(job: dict[str, Any]) -> experiments.Experiment:
    if "case" in job:
        return RUNS[job["case"]].experiment
    options = dict(job["experiment"])
    if isinstance(options["schedule"], dict):
        options["schedule"] = clr_ref.CyclicalLearningRate.from_json(json.dumps(options["schedule"]))
    return experiments.Experiment(**options)


def train(job: dict[str, Any]) -> dict[str, Any]:
    found = data.load(download=False)
    chosen = experiment(job)
    pictures = RUNS[job["case"]].pictures if "case" in job else job["pictures"]
    report = experiments.run(
        chosen,
        found.train.first(pictures),
        found.test.first(pictures // 10),
        learning_rate=tfa(chosen.schedule) if job.get("tfa") else None,
        folder=Path(job["folder"]) if "folder" in job else None,
        until=job.get("until"),
    )
    return {**json.loads(report.to_json()), "resumed_at": report.resumed_at}


def tfa(schedule: Any) -> Any:
    """TFA's own class for a schedule, as a user of TFA writes it."""
    import tensorflow_addons

    optimizers = tensorflow_addons.optimizers
    arguments = (schedule.initial_learning_rate, schedule.maximal_learning_rate, schedule.step_size)
    policy = schedule.scale_fn.name
    if policy == "triangular":
        return optimizers.TriangularCyclicalLearningRate(*arguments)
    if policy == "triangular2":
        return optimizers.CyclicalLearningRate(*arguments, scale_fn=lambda x: 1 / (2.0 ** (x - 1)))  # as in the tutorial
    return optimizers.ExponentialCyclicalLearningRate(*arguments, gamma=schedule.scale_fn.gamma)


def network() -> list[Any]:
    """The layers of the network, with what the tutorial sets of each."""
    shown = ("filters", "kernel_size", "pool_size", "units", "rate", "scale", "offset")
    found = []
    for layer in build(initial_weights(0)).layers:
        config = layer.get_config()
        settings = {key: config[key] for key in shown if key in config}
        if "activation" in config:
            settings["activation"] = config["activation"]
        found.append([type(layer).__name__, settings])
    return found


def too_late(job: dict[str, Any]) -> str:
    import tensorflow

    if job["after"] == "a switch":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    if job["after"] == "op":
        tensorflow.constant(1) + 1
    try:
        determinism.prepare()
    except determinism.TooLateError as error:
        return str(error)
    return "not too late"


def command(job: dict[str, Any]) -> dict[str, Any]:
    """What the command line answers; "interrupt" presses Ctrl-C after so many steps."""
    from click.testing import CliRunner

    from clr_ref.cli import common, main as cli

    steps = 0
    advance = common.Progress.advance

    def counted(self: Any, items: int = 1) -> None:
        nonlocal steps
        steps += 1
        advance(self, items)
        if steps == job.get("interrupt"):
            raise KeyboardInterrupt

    common.Progress.advance = counted  # type: ignore[method-assign]
    try:
        result = CliRunner().invoke(cli, job["command"])
    finally:
        common.Progress.advance = advance  # type: ignore[method-assign]
    return {"exit": result.exit_code, "stdout": result.stdout, "stderr": result.stderr, "steps": steps}


def answer(job: Any) -> Any:
    if "after" in job:
        return too_late(job)
    determinism.prepare()
    if job == "network":
        return network()
    if "command" in job:
        return command(job)
    try:
        return train(job)
    except TypeError as error:
        if not job.get("tfa"):
            raise
        return {"error": str(error)}


def main(jobs: str, results: str) -> None:
    found = {name: answer(job) for name, job in json.loads(Path(jobs).read_text("utf-8")).items()}
    Path(results).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
