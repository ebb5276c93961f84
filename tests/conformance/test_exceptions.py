"""Exceptions files that are malformed, too deep, too large or no files."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from clr_ref.conformance.exceptions import ExceptionsError, read
from tests.conformance.test_conform import conform


@pytest.mark.parametrize(
    "content",
    [
        '[[deviation]]\nclause = "3.1"\nskip = true\n',
        '[[deviation]]\nclause = "3.1"\nskip = true\nreason = " "\n',
        '[[deviation]]\nskip = true\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\ncase = "step-0"\nskip = true\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nskip = true\nxfail = true\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nxfail = false\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nulp = 0\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nulp = true\nreason = "x"\n',
        '[[deviation]]\nclause = "3.1"\nskip = true\nreason = "x"\nulps = 3\n',
        '[[deviation]]\nclause = "3.1"\npolicy = "cosine"\nskip = true\nreason = "x"\n',
        '[deviation]\nclause = "3.1"\n',
        '[[deviations]]\nclause = "3.1"\n',
        "not TOML",
        "deviation = 3\n",
        "deviation = [3]\n",
        "[[deviation]]\nclause = 3.1\nskip = true\nreason = 'x'\n",
        "[[deviation]]\nclause = '3.1'\nskip = true\nreason = ['x']\n",
        "[[deviation]]\nclause = '3.1'\nskip = true\nreason = 'x'\npolicy = {a = 1}\n",
        "[[deviation]]\nclause = '3.1'\nulp = nan\nreason = 'x'\n",
        f"[[deviation]]\nclause = '3.1'\nulp = 0x{'f' * 5000}\nreason = 'x'\n",
        f"a = {'1' * 5000}\n",
        f"a = {'[' * 100_000}\n",
        f"a = {'{a = ' * 100_000}\n",
        f"a{'.a' * 100_000} = 1\n",
        "\0",
        "\udcff",
        "#" * (2**20 + 1),
    ],
)
def test_a_malformed_exceptions_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ExceptionsError, match=re.escape(str(path))) as error:
        read(path)
    assert len(str(error.value)) < 1000
    assert conform(tmp_path / "any.py", "--exceptions", str(path)).exit_code == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no devices and pipes that are files")
def test_what_is_no_regular_file_is_not_read_forever(tmp_path: Path) -> None:
    assert read(Path(os.devnull)) == ()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ExceptionsError, match=f"{path}: is no regular file"):
            read(path)
