"""Run docs/tutorial.ipynb and store it with its outputs; needs nbclient, ipykernel and TensorFlow, and clr-ref[plot]."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("tutorial.ipynb")

if __name__ == "__main__":
    notebook = nbformat.read(NOTEBOOK, nbformat.NO_CONVERT)
    # Times would differ in every run, and so would the file.
    NotebookClient(notebook, timeout=900, kernel_name="python3", record_timing=False).execute()
    # What the kernel says about its Python.
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, NOTEBOOK)
