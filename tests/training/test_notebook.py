"""docs/tutorial.ipynb runs from top to bottom, as it stands, on its subset."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clr_ref.training import data

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"

#: nbclient, in a process of its own: what Jupyter's parts warn of is between them.
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_NOTEBOOK")
    and any(importlib.util.find_spec(name) is None for name in ("nbclient", "ipykernel", "tensorflow")),
    reason="the notebook needs nbclient, ipykernel and TensorFlow; the environment py313-tf221 has them",
)
def test_the_notebook_runs(fashion_mnist: data.FashionMnist, tmp_path: Path) -> None:
    done = tmp_path / "done.ipynb"
    root = str(NOTEBOOK.parents[1])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXECUTE, str(NOTEBOOK), str(done)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "IPYTHONDIR": str(tmp_path / "ipython"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    cells = [cell for cell in json.loads(done.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    printed = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")
    assert "1,280 pictures, 20 steps an epoch, step_size 40" in printed
    assert "holds: A cycle takes 2 * step_size = 80 steps" in printed
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_the_notebook_is_stored_without_outputs() -> None:
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
