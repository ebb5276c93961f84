"""The changes of import statements: TFA's classes come from ours, and what else they import stays."""

from __future__ import annotations

import re
from collections.abc import Sequence

import libcst as cst

from clr_ref.migrate.edits import Edit, Place, lines_of
from clr_ref.migrate.facts import OURS, is_cyclical
from clr_ref.migrate.names import Source, aliases_of, target

_BLANK = re.compile(r"[ \t\f]*")


def changes(source: Source, statement: cst.Import | cst.ImportFrom, dropped: set[cst.ImportAlias], module: str) -> list[Edit]:
    """Return the changes of an import statement.

    Args:
        source: the file.
        statement: an import of TFA, or of something in it.
        dropped: those aliases of modules that nothing uses any longer.
        module: the import of our module that is needed beside what the statement imports, or "".
    """
    aliases = aliases_of(statement)
    if isinstance(statement, cst.Import):
        if dropped:
            first = next(alias for alias in aliases if alias in dropped)
            ours = Edit(*_span(source, first), module.removeprefix("import "))
            return [ours, *_removals(source, aliases, dropped - {first})]
        return [_inserted(source, statement, module)] if module else []
    cyclical = {alias for alias in aliases if is_cyclical(str(target(statement, alias)))}
    if cyclical == set(aliases) and statement.module is not None:
        return [Edit(source.start(statement.module), source.end(statement.module), OURS)]
    names = ", ".join(_code(alias) for alias in aliases if alias in cyclical)
    new = [text for text in (module, f"from {OURS} import {names}" if names else "") if text]
    if not cyclical | dropped:
        return [_inserted(source, statement, text) for text in new]
    if cyclical | dropped == set(aliases):
        last = Edit(source.start(statement), source.end(statement), new[-1])
        return [*(_inserted(source, statement, text) for text in new[:-1]), last]
    return [_inserted(source, statement, text) for text in new] + _removals(source, aliases, cyclical | dropped)


def _inserted(source: Source, statement: cst.CSTNode, text: str) -> Edit:
    """Return the insertion of a statement before another: on a line of its own where the other begins one."""
    at = source.start(statement)
    line = lines_of(source.text)[at.line - 1]
    before = line[: at.column]
    if not _BLANK.fullmatch(before):
        return Edit(at, at, f"{text}; ")
    end = line[len(line.rstrip("\r\n")) :] or "\n"
    return Edit(at, at, f"{text}{end}{before}")


def _removals(source: Source, aliases: Sequence[cst.ImportAlias], removed: set[cst.ImportAlias]) -> list[Edit]:
    """Return the deletions of some names of an import, of which others stay."""
    edits = []
    lines = lines_of(source.text)
    for number, alias in enumerate(aliases):
        if alias not in removed:
            continue
        start, end = _span(source, alias)
        around = lines[start.line - 1][: start.column] + lines[end.line - 1][end.column :]
        if re.fullmatch(r"\s*,?\s*(#.*)?\s*", around) and not lines[start.line - 2].rstrip().endswith("\\"):
            edits.append(Edit(Place(start.line, 0), Place(end.line + 1, 0), ""))  # a line of its own, in brackets
        elif any(later not in removed for later in aliases[number:]):
            stop = source.start(aliases[number + 1].name)
            if stop.line > end.line and "#" in (after := lines[end.line - 1][end.column :]):
                stop = Place(end.line, end.column + after.index(",") + 1)  # a comment stays
            edits.append(Edit(start, stop, ""))
        else:
            begin = source.end(_last(aliases[number - 1]))
            if start.line > begin.line and "#" in lines[begin.line - 1][begin.column :]:
                begin = start  # a comment stays, and so does the comma before it
            edits.append(Edit(begin, end, ""))
    return edits


def _span(source: Source, alias: cst.ImportAlias) -> tuple[Place, Place]:
    return source.start(alias.name), source.end(_last(alias))


def _last(alias: cst.ImportAlias) -> cst.CSTNode:
    return alias.asname.name if alias.asname is not None else alias.name


def _code(alias: cst.ImportAlias) -> str:
    return f"{alias.evaluated_name} as {alias.evaluated_alias}" if alias.asname is not None else str(alias.evaluated_name)
