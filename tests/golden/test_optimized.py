"""``python -OO`` drops asserts and docstrings: no check may be an assert, and no clause a docstring."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from clr_ref.golden import store as golden
from tests.golden import synthetic
from tests.golden.synthetic import FIRST


def test_without_asserts_and_docstrings_the_verdicts_are_the_same(folder: Path) -> None:
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from clr_ref.cli import main\n"
        "sound, damaged = sys.argv[1:]\n"
        "calls = [('verify', '--case', 'triangular-2', '--golden', store, '--json') for store in (sound, damaged)]\n"
        "made = 'clr_ref.conformance.peers.reference:make'\n"
        "calls += [('conform', made, '--policy', 'triangular', '--max-examples', '2', '--json')]\n"
        "results = [CliRunner().invoke(main, call) for call in calls]\n"
        "print(json.dumps([(result.exit_code, json.loads(result.stdout)) for result in results]))\n"
    )
    synthetic.edit(folder / "records" / f"{FIRST}.json", lambda data: data["provenance"].update(os=5))
    stores = [str(golden.default_folder()), str(folder)]
    runs = [
        subprocess.run(
            [sys.executable, *options, "-W", "ignore", "-c", code, *stores], capture_output=True, text=True, check=True
        )
        for options in ([], ["-OO"])
    ]
    assert runs[0].stdout == runs[1].stdout
    codes = [code for code, _ in json.loads(runs[1].stdout)]
    assert codes == [0, 1, 0]
