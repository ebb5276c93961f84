"""docs/tutorial.ipynb runs from top to bottom, and is stored with the outputs of a run. To write them again:

python docs/notebook.py
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clr_ref.training import data

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
#: A smaller subset than that of the stored run, which takes minutes.
SMALL = "EPOCHS, SUBSET = 4, 1280"

#: nbclient, in a process of its own: what Jupyter's parts warn of is between them.
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def code_cells(notebook: Path) -> list[Any]:
    return [cell for cell in json.loads(notebook.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def printed(cell: Any) -> str:
    return "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")


def kinds(cell: Any) -> list[str]:
    """What a cell shows: text that it printed, or a picture."""
    return [output.get("name") or "picture" for output in cell["outputs"] if "text" in output or "image/png" in output["data"]]


@pytest.mark.skipif(
    not os.environ.get("CLR_REF_EXPECT_NOTEBOOK")
    and any(importlib.util.find_spec(name) is None for name in ("nbclient", "ipykernel", "tensorflow")),
    reason="the notebook needs nbclient, ipykernel and TensorFlow; the environment py313-tf221 has them",
)
def test_the_notebook_runs(fashion_mnist: data.FashionMnist, tmp_path: Path) -> None:
    small, done = tmp_path / "small.ipynb", tmp_path / "done.ipynb"
    text, found = re.subn(r"EPOCHS, SUBSET = \d+, [\d_]+", SMALL, NOTEBOOK.read_text("utf-8"))
    assert found == 1
    small.write_text(text, "utf-8")
    root = str(NOTEBOOK.parents[1])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXECUTE, str(small), str(done)],
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
    cells = code_cells(done)
    text = "".join(map(printed, cells))
    assert "1,280 pictures, 20 steps an epoch, step_size 40" in text
    assert "holds: A cycle takes 2 * step_size = 80 steps" in text
    # Each cell shows the same kinds of output as in the stored run, whose numbers are those of a larger subset.
    assert [kinds(cell) for cell in cells] == [kinds(cell) for cell in code_cells(NOTEBOOK)]


def test_the_notebook_is_stored_with_its_outputs() -> None:
    cells = code_cells(NOTEBOOK)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert [kind for cell in cells for kind in kinds(cell)].count("picture") == 2
    [subset] = map(int, re.search(r"EPOCHS, SUBSET = \d+, ([\d_]+)", "".join(cells[0]["source"])).groups())  # type: ignore[union-attr]
    assert f"{subset:,} pictures, {-(-subset // 64)} steps an epoch" in printed(cells[1])
    shown = json.dumps([cell["outputs"] for cell in cells])
    for wrong in ("stderr", "Traceback", "Warning", "WARNING", str(NOTEBOOK.parents[1]), "/tmp/", "/root/", "/home/"):
        assert wrong not in shown, wrong
    assert all(cell["metadata"] == {} for cell in cells)
