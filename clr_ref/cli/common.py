"""Options, tables, progress, and the end of a command, which all commands share."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clr_ref._files import WriteError, reason_against, reason_against_folder
from clr_ref.golden import store as golden


@contextlib.contextmanager
def ending_clearly() -> Iterator[None]:
    """End the command at SIGTERM as at Ctrl-C, so that temporary files are removed.

    A file that cannot be written is a wrong call.

    Raises:
        click.UsageError: a file cannot be written.
    """

    def end(*_: object) -> NoReturn:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end) if threading.current_thread() is threading.main_thread() else None
    try:
        yield
    except WriteError as error:
        raise click.UsageError(str(error)) from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def output_option(name: str, *, folder: bool = False, **settings: Any) -> Callable[..., Any]:
    """Return an option for an output file or folder. Before the command begins, it is checked that it can be written."""

    def check(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
        reason = None if path is None else reason_against_folder(path) if folder else reason_against(path)
        if reason is not None:
            raise click.BadParameter(f"cannot write {str(path)!r}: {reason}", context, parameter)
        return path

    kind = click.Path(path_type=Path, file_okay=not folder, dir_okay=folder)
    return click.option(name, **{"type": kind, "metavar": "DIR" if folder else "FILE", **settings}, callback=check)


def check_outputs(option: str, paths: Iterable[Path]) -> None:
    """Check that all output files of a command are different, and that each of them can be written.

    Raises:
        click.BadParameter: two files are the same, or one cannot be written.
    """
    seen: set[str] = set()
    for path in paths:
        if os.path.realpath(path) in seen and (path.is_file() or not path.exists()):  # not /dev/null
            raise click.BadParameter(f"{str(path)!r} would be written twice", param_hint=option)
        seen.add(os.path.realpath(path))
        if path.parent.exists() and (reason := reason_against(path)) is not None:
            raise click.BadParameter(f"cannot write {str(path)!r}: {reason}", param_hint=option)


def golden_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--golden",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        metavar="DIR",
        help="Folder of the golden store. Default: the one that is installed with clr_ref.",
    )(function)


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data",
        "source",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=None,
        metavar="DIR",
        help="Folder with the four .gz files of Fashion-MNIST. Default: Keras's cache, the Debian package's folder, or a "
        "download.",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")(function)


class Progress:
    """Progress on stderr: a bar on a terminal, elsewhere a line for each finished item."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)
        self._title = ""

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._bar.disable:  # rich before 14.3 prints an empty line at the end of a bar that is disabled
            self._bar.stop()

    def start(self, title: str) -> None:
        self._title = title
        self.say("")

    def say(self, text: str) -> None:
        self._bar.update(self._task, description=escape(f"{self._title} {text}"))

    def tell(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def advance(self, items: int = 1) -> None:
        self._bar.advance(self._task, items)

    def done(self, text: str) -> None:
        self.tell(text)
        self.advance()


def read_store(folder: Path | None, as_json: bool) -> golden.Store:
    try:
        return golden.read(folder)
    except golden.StoreError as error:
        fail(str(error), as_json)


def fail(message: str, as_json: bool) -> NoReturn:
    """End with exit code 1: a store that is damaged or unreadable is a failed verdict, not a wrong call."""
    if as_json:
        click.echo(json.dumps({"holds": False, "problems": message.splitlines()}, indent=1))
    click.echo(message, err=True)
    sys.exit(1)


def plotting_module() -> Any:
    try:
        from clr_ref import plot as plotting
    except ImportError as error:
        raise click.UsageError(f"drawing needs matplotlib: install clr-ref[plot] ({error})") from None
    return plotting


def short(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else str(number)


def finite(document: Any) -> Any:
    """Return a document with strings for NaN and infinity, which JSON does not have."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [finite(value) for value in document]
    return str(document) if isinstance(document, float) and not np.isfinite(document) else document


def new_table(*columns: str) -> Table:
    """Return a table without frame; a column whose name starts with '>' is aligned to the right."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    console = Console()
    # Without a terminal the table is as wide as its content; otherwise rich would cut it at 80 columns.
    Console(width=console.width if console.is_terminal else 400, highlight=False).print(table)


def require_extras(*extras: str, framework: bool = False) -> None:
    """Check that the packages of extras, and Keras with a backend if ``framework``, are installed.

    Raises:
        click.UsageError: some are not; the message names all of them in one line.
    """
    modules = {"conformance": "hypothesis", "plot": "matplotlib", "training": "pooch", "record": "uv"}
    missing = [extra for extra in extras if not _is_installed(modules[extra])]
    lacking = [f"clr-ref[{','.join(missing)}]"] if missing else []
    if framework and not (
        _is_installed("tensorflow") or (_is_installed("keras") and any(map(_is_installed, ("jax", "torch"))))
    ):
        lacking.append("tensorflow")
    if lacking:
        raise click.UsageError(f"packages are missing: pip install {' '.join(lacking)}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # sys.modules holds None for it
        return False
