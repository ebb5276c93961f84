"""What the commands share: options, tables, progress, and how a command ends."""

from __future__ import annotations

import contextlib
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
    """SIGTERM ends the command as Ctrl-C does, so that temporary files go; a file that cannot be written is a wrong call.

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
    """An option that names a file, or a folder, to write to. That it can be written is checked before the command begins."""

    def check(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
        reason = None if path is None else reason_against_folder(path) if folder else reason_against(path)
        if reason is not None:
            raise click.BadParameter(f"cannot write {str(path)!r}: {reason}", context, parameter)
        return path

    kind = click.Path(path_type=Path, file_okay=not folder, dir_okay=folder)
    return click.option(name, **{"type": kind, "metavar": "DIR" if folder else "FILE", **settings}, callback=check)


def check_outputs(option: str, paths: Iterable[Path]) -> None:
    """See that all files which a command writes are different ones, and that those which it names itself can be written.

    Raises:
        click.BadParameter: two are the same, or one cannot be written.
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
        help="The golden store. Default: the one that came with clr_ref.",
    )(function)


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data",
        "source",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=None,
        metavar="DIR",
        help="Where the four .gz files of Fashion-MNIST are. Default: Keras's cache, the Debian package's folder, or a "
        "download.",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")(function)


class Progress:
    """Progress on stderr: a bar on a terminal, a line per finished item elsewhere."""

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
    """A store that is damaged or unreadable is a failed verdict, not a wrong call."""
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
    """JSON has no NaN and no infinity: they become strings."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return [finite(value) for value in document]
    return str(document) if isinstance(document, float) and not np.isfinite(document) else document


def new_table(*columns: str) -> Table:
    """A table without frame; a column that starts with '>' is set flush right."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
    return table


def print_table(table: Table) -> None:
    console = Console()
    # Into a pipe or a file the table is as wide as it needs to be: nothing is cut for a terminal that is not there.
    Console(width=console.width if console.is_terminal else 400, highlight=False).print(table)
