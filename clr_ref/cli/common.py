"""Options, tables, progress, and the end of a command, which all commands share."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click
import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from clr_ref._files import WriteError, json_text, reason_against, reason_against_folder, said
from clr_ref.cli.lines import say
from clr_ref.golden import store as golden

#: So many problems of a store are printed; a checkout with other line ends has hundreds.
MOST_PROBLEMS = 10


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


@contextlib.contextmanager
def writing_clearly() -> Iterator[None]:
    """End a command clearly if its output cannot be written, such as on a full disk: with one message, and exit code 2.

    click ends the command, without a message and with exit code 1, if the reader of a pipe has gone.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # The name of a file need not be text in the encoding of the output; it would end the command at its last line.
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except OSError as error:
        for stream in (sys.stdout, sys.stderr):
            _drop_what_is_left(stream)
        place = "the output" if error.filename is None else repr(error.filename)
        with contextlib.suppress(OSError):
            click.echo(f"Error: {place} cannot be read or written: {said(error)}", err=True)
        _drop_what_is_left(sys.stderr)
        sys.exit(2)


def _drop_what_is_left(stream: Any) -> None:
    """Drop what a stream could not write: Python would try it again at its exit, and print a second error."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError):  # such as a stream without a file
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    except AttributeError:  # None: there is no such stream
        pass


def output_option(*names: str, folder: bool = False, **settings: Any) -> Callable[..., Any]:
    """Return an option for an output file or folder. Before the command begins, it is checked that it can be written."""

    def check(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
        reason = None if path is None else reason_against_folder(path) if folder else reason_against(path)
        if reason is not None:
            raise click.BadParameter(f"cannot write {str(path)!r}: {reason}", context, parameter)
        return path

    kind = click.Path(path_type=Path, file_okay=not folder, dir_okay=folder)
    return click.option(*names, **{"type": kind, "metavar": "DIR" if folder else "FILE", **settings}, callback=check)


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


def check_inputs_stay(option: str, output: Path | None, inputs: Iterable[str | Path | None]) -> None:
    """Check that an output file is none of the files that the command reads.

    Args:
        option: the option that names the output.
        output: the output, or None without one.
        inputs: files; a function ``FILE.py:NAME``; names of other things, and None.

    Raises:
        click.BadParameter: the output is one of them.
    """
    if output is None or not output.exists():
        return
    for given in map(str, filter(None, inputs)):
        for place in (given, given.rpartition(":")[0]):
            if os.path.isfile(place) and os.path.samefile(place, output):
                raise click.BadParameter(f"{str(output)!r} is what the command reads", param_hint=option)


def golden_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --golden. A folder that is missing or holds no store is a wrong call; a damaged store is found when it is read."""

    def check(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
        if path is not None and not os.path.isdir(path):
            raise click.BadParameter(f"there is no folder {str(path)!r}", context, parameter)
        if path is not None and not os.path.isfile(path / "cases.json"):
            advice = "It holds no cases.json. Give the folder golden/ of a checkout, or a copy of it."
            raise click.BadParameter(f"{str(path)!r} is no golden store\n{advice}", context, parameter)
        return path

    return click.option(
        "--golden",
        "folder",
        type=click.Path(path_type=Path),
        metavar="DIR",
        callback=check,
        help="Folder of the golden store. Default: the one that is installed with clr_ref.",
    )(function)


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data",
        "source",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Folder with the four .gz files of Fashion-MNIST. Default: Keras's cache, the Debian package's folder, or a "
        "download.",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")(function)


def status_line(text: str) -> Status:
    """Return a line on stderr that says what is done now. Without a terminal nothing is printed."""
    return Console(stderr=True).status(text)


class Progress:
    """Progress on stderr: a bar on a terminal, elsewhere a line for each finished item."""

    def __init__(self, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.table import Column

        self._console = Console(stderr=True)
        self._bar = Progress(
            # By default rich cuts a description that is too long for the terminal.
            TextColumn("{task.description}", table_column=Column(overflow="fold")),
            BarColumn(20),
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


def read_store(folder: Path | None, as_json: bool, undone: str) -> golden.Store:
    """Return the store, or end as ``fail`` does."""
    try:
        return golden.read(folder)
    except golden.StoreError as error:
        fail(error, folder, as_json, undone)


def fail(error: Exception, folder: Path | None, as_json: bool, undone: str) -> NoReturn:
    """End with exit code 1. If the store is damaged, say how to restore it: that is a failed verdict, not a wrong call.

    Args:
        error: a line for each problem.
        folder: the folder that was given with --golden.
        as_json: whether the problems are also printed to stdout, as JSON.
        undone: what did not happen, e.g. "nothing was compared".
    """
    problems, damaged = str(error).splitlines(), isinstance(error, golden.StoreError)
    if as_json:
        print_json({"holds": False, "problems": problems})
    store = folder or golden.default_folder()
    headline = f"The golden store {store} is damaged or incomplete: {undone}." if damaged else f"{undone.capitalize()}:"
    say(headline, err=True)
    for problem in problems[:MOST_PROBLEMS]:
        say(problem, first="  ", then="    ", err=True)
    if len(problems) > MOST_PROBLEMS:
        say(f"... and {len(problems) - MOST_PROBLEMS:,} more; --json prints all", first="  ", err=True)
    if damaged:
        say("How to restore it:", err=True)
        for advice in _restoring(store, given=folder is not None):
            say(advice, first="  - ", err=True)
    sys.exit(1)


#: The modules that an extra of pyproject.toml installs. Those of "conformance" are missed where an exceptions file is read.
_EXTRAS = {
    "migrate": ("libcst", "nbformat"),
    "plot": ("matplotlib",),
    "record": ("uv",),
    "study": ("distributed", "scipy"),
    "training": ("pooch",),
}


def require_extras(*extras: str, framework: bool = False) -> None:
    """Check that a command has all that it needs besides clr_ref, before it begins. Nothing is imported.

    Args:
        extras: extras of clr-ref: "migrate", "plot", "record", "study", "training".
        framework: the command also needs TensorFlow, or Keras with one of its backends.

    Raises:
        click.UsageError: something is not installed. The one line names everything that is missing, and what installs it.
    """
    missing = [extra for extra in extras if not all(map(_is_installed, _EXTRAS[extra]))]
    without_framework = framework and not (_is_installed("tensorflow") or _is_installed("keras"))
    if not missing and not without_framework:
        return
    names = [f"clr-ref[{','.join(missing)}]"] if missing else []
    packages = [f'"{name}"' for name in names]
    if without_framework:
        names, packages = [*names, "TensorFlow"], [*packages, "tensorflow"]
    raise click.UsageError(f"this command needs {' and '.join(names)}: pip install {' '.join(packages)}")


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _restoring(store: Path, *, given: bool) -> list[str]:
    if not given and store.name == "data":
        return ["Install clr_ref again, for example with `pip install --force-reinstall .` in its checkout."]
    git = shlex.join(["git", "-C", str(store)])
    accept = "clr-ref golden accept" + (f" --golden {shlex.quote(str(store))}" if given else "")
    return [
        f"In a git checkout, `{git} checkout -- .` restores changed and missing files, and `{git} clean -d -i .` removes "
        "those that do not belong there.",
        f"If you edited cases.json on purpose, run `{accept}`. After new or other inputs or steps, run `tox run -m record` "
        "first.",
    ]


def plotting_module() -> Any:
    """Return ``clr_ref.plot``.

    Raises:
        click.UsageError: matplotlib is not installed, or cannot be imported.
    """
    require_extras("plot")
    try:
        from clr_ref import plot
    except ImportError as error:
        raise click.UsageError(f"matplotlib cannot be imported: {error}") from None
    return plot


def short(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else str(number)


def counted(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}" + ("" if number == 1 else "s")


def print_json(document: Any) -> None:
    click.echo(json_text(document))


def new_table(*columns: str) -> Table:
    """Return a table without frame; a column whose name starts with '>' is aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table


def print_table(table: Table) -> None:
    """Print a table. In a terminal that is too narrow for it, columns wrap between words, or rows become lines.

    Without a terminal, the table is as wide as its content.
    """
    terminal = Console()
    if terminal.is_terminal:
        cells = [[str(column.header), *map(str, column.cells)] for column in table.columns]
        widths = _fitted(cells, terminal.width)
        if widths is None:
            _print_rows_as_lines(cells, terminal.width)
            return
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
    # Markup and emoji codes would change cells such as "[a]" or ":b:".
    Console(width=sys.maxsize, markup=False, emoji=False).print(table)


def _fitted(cells: list[list[str]], width: int) -> list[int] | None:
    """Return widths of columns that fit: the widest columns give way, down to their longest word. None if none do."""
    widths = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in cells]
    shortest = [max(cell_len(word) for cell in column for word in ("", *cell.split())) for column in cells]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        able = [place for place, each in enumerate(widths) if each > shortest[place]]
        if not able:
            return None
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _print_rows_as_lines(cells: list[list[str]], width: int) -> None:
    """Print each row as a block of lines, a line for each column. A longer value continues below its beginning."""
    names, *rows = zip(*cells, strict=True)
    console = Console(width=width, markup=False, emoji=False)
    for number, row in enumerate(rows):
        block = Table.grid(padding=(0, 2))
        block.add_column(justify="right", style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for name, cell in zip(names, row, strict=True):
            block.add_row(name, cell)
        if number:
            console.print()
        console.print(block)
