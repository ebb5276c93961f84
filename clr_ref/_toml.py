"""TOML files that users write."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from clr_ref._files import said

#: The largest file that is read, in bytes.
_LARGEST = 2**20
#: The most dots in a line: tomllib takes minutes for a key of 50,000 parts.
_DOTS = 1000


class TomlError(ValueError):
    """A file cannot be read, or is no TOML; the message names it."""


def read(path: Path, extra: str) -> dict[str, Any]:
    """Return the document in a TOML file.

    Args:
        path: the file.
        extra: the extra of clr-ref that installs what reads TOML in Python 3.10.

    Raises:
        TomlError: it cannot be read, or is no TOML.
    """
    try:
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        # A terminal or a pipe without a writer would be read forever, and /dev/zero would fill the memory.
        if path.exists() and not path.is_file() and str(path) != os.devnull:
            raise TomlError(f"{path}: is no regular file")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise TomlError(f"{path}: must have at most {_LARGEST:,} bytes, got more")
        text = content.decode("utf-8")
        if any(line.count(".") > _DOTS for line in text.splitlines()):
            raise RecursionError
        return tomllib.loads(text)
    except OSError as error:
        raise TomlError(f"{path}: {said(error)}") from None
    except ImportError as error:
        raise TomlError(f"{path} cannot be read without tomli: pip install clr-ref[{extra}] ({error})") from None
    except RecursionError:
        raise TomlError(f"{path}: its values are nested too deeply") from None
    except ValueError as error:  # no UTF-8, no TOML, a number of thousands of digits
        raise error if isinstance(error, TomlError) else TomlError(f"{path}: is no TOML: {error}") from None
