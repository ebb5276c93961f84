"""Python code that uses TFA's cyclical learning rates, and what has to change in it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import libcst as cst
import libcst.matchers as m
from libcst import metadata

from clr_ref.migrate import imports
from clr_ref.migrate.calls import call_of, warnings_of
from clr_ref.migrate.edits import Edit, applied
from clr_ref.migrate.facts import ARGUMENTS, OURS, TFA, is_cyclical, known
from clr_ref.migrate.names import (
    ParseError,
    Reference,
    Source,
    alias_of,
    aliases_of,
    check_syntax,
    imports_in,
    local,
    module_of,
    target,
)
from clr_ref.migrate.report import Finding, Kind, Use

#: What a text without any of these does not use.
_MENTIONS = re.compile("|".join((TFA, *(rf"\b{name}\b" for name in ARGUMENTS))))


@dataclasses.dataclass(frozen=True)
class Changes:
    """What has to change in a text, and what was found in it."""

    edits: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()
    uses: tuple[Use, ...] = ()


def changes(text: str, opaque: Iterable[str] = ()) -> Changes:
    """Return what has to change in Python code.

    Args:
        text: the code.
        opaque: other code that may use the same names and cannot be read, such as cells of a notebook. What it may use
            stays imported.

    Raises:
        ParseError: the text is no Python that can be parsed.
    """
    if not _MENTIONS.search(text):
        check_syntax(text)
        return Changes()
    source = Source(text)
    words = set(re.findall(r"\w+", " ".join(opaque))) | _strings(source)
    try:
        return _Migration(source, words).changes()
    except RecursionError:
        raise ParseError("it is nested too deeply") from None


def mentions(text: str) -> bool:
    """Return whether a text names TFA or one of the four classes."""
    return bool(_MENTIONS.search(text))


class _Migration:
    def __init__(self, source: Source, words: set[str]) -> None:
        self.source = source
        self.words = words
        self.references = source.references()
        #: The scopes in which our module will be imported: its name hides that of an outer scope there.
        self.homes = {r.binding.scope for r in self.references if r.is_cyclical and _needs_module(r)}
        self.found: list[Finding] = []
        self.root, self.module = _our_name(source, self.homes)

    def changes(self) -> Changes:
        moving: list[Reference] = []
        staying: list[Reference] = []
        for reference in self.references:
            reason = self._reason(reference) if reference.is_cyclical else ""
            (moving if reference.is_cyclical and not reason else staying).append(reference)
            if reason:
                self._tell(reference.node, "by hand", f"{reference.name.rpartition('.')[2]} was left alone: {reason}")
            elif reference.is_text and any(name in self.source.code(reference.node) for name in ARGUMENTS):
                self._tell(reference.node, "by hand", "a string that is an annotation was left alone")
        edits = [self._renamed(reference) for reference in moving if _needs_module(reference)]
        edits += self._imports(moving, staying)
        for reference in moving:
            if (call := call_of(self.source, reference.node)) is not None:
                for text in warnings_of(self.source, call, reference.node, reference.name.rpartition(".")[2]):
                    self._tell(call, "warning", text)
        self._strangers()
        self._stars()
        self._texts()
        self._guards(moving, staying)
        if edits:
            edits = self._checked(edits)
        uses = self._uses(bool(edits))
        return Changes(tuple(edits), tuple(sorted(set(self.found))), uses)

    def _tell(self, node: cst.CSTNode, kind: Kind, text: str) -> None:
        self.found.append(Finding(self.source.start(node).line, kind, text))

    def _reason(self, reference: Reference) -> str:
        """Return why a use of one of the four classes has to be changed by hand, or ""."""
        if not _needs_module(reference):
            return ""  # the import alone changes, whatever the name also refers to
        if reference.binding.unsure:
            return reference.binding.unsure
        if isinstance(reference.node, cst.Attribute) and "#" in self.source.code(reference.node.value):
            return "a comment stands inside the name"
        inner: metadata.Scope = reference.scope
        while inner is not reference.binding.scope and inner is not inner.parent:
            if inner in self.homes:
                return "a function uses TFA's schedules by its own import and by one outside"
            inner = inner.parent
        return ""

    def _renamed(self, reference: Reference) -> Edit:
        assert isinstance(reference.node, cst.Attribute)
        value = reference.node.value
        return Edit(self.source.start(value), self.source.end(value), self.root)

    def _imports(self, moving: list[Reference], staying: list[Reference]) -> list[Edit]:
        """Return the changes of imports: of those whose names are rewritten, and of those of the classes themselves."""
        used = {reference.binding for reference in staying}
        dropped: dict[cst.Import | cst.ImportFrom, set[cst.ImportAlias]] = {}
        for binding in {reference.binding for reference in moving if _needs_module(reference)}:
            stays = binding in used or binding.name in self.words or isinstance(binding.scope, metadata.ClassScope)
            for statement, alias in binding.imports:
                dropped.setdefault(statement, set()).update(() if stays else (alias,))
        edits = []
        for statement in imports_in(self.source.module):
            # Only from-imports bind a class.
            if statement in dropped or any(is_cyclical(target(statement, alias) or "") for alias in aliases_of(statement)):
                module = self.module if statement in dropped else ""
                edits += imports.changes(self.source, statement, dropped.get(statement, set()), module)
        return edits

    def _strangers(self) -> None:
        """Find attributes that are named like the four classes, of something that may be TFA."""
        handled = {reference.node for reference in self.references}
        about_tfa = TFA in self.source.text
        for node in m.findall(self.source.module, m.Attribute()):
            if not isinstance(node, cst.Attribute) or node.attr.value not in ARGUMENTS or node in handled:
                continue
            root: cst.BaseExpression = node
            while isinstance(root, cst.Attribute):
                root = root.value
            scope = self.source.scope(root)
            known_as = scope[root.value] if isinstance(root, cst.Name) and scope is not None else set()
            packages = {_imported_from(one) for one in known_as if isinstance(one, metadata.ImportAssignment)}
            if packages & {"clr_ref", TFA}:
                continue
            if packages:  # one of the user's may pass TFA on
                if ".optimizers." in f".{self.source.code(node)}":
                    self._tell(node, "by hand", f"{node.attr.value} was left alone: what stands before it may be TFA")
                continue
            if not known_as and isinstance(root, cst.Name):
                self._tell(node, "by hand", f"{node.attr.value} was left alone: {root.value} is not imported in this file")
            elif about_tfa:
                self._tell(node, "by hand", f"{node.attr.value} was left alone: what stands before it may be TFA")

    def _stars(self) -> None:
        """Find star imports of TFA, and the classes that may come from one."""
        stars = [
            statement
            for statement in imports_in(self.source.module)
            if isinstance(statement, cst.ImportFrom)
            and isinstance(statement.names, cst.ImportStar)
            and (module_of(statement) or "").split(".")[0] == TFA
        ]
        for statement in stars:
            self._tell(statement, "note", f"a star import of {module_of(statement)} was left alone")
        for scope in self.source.scopes if stars else ():
            for access in scope.accesses:
                if isinstance(access.node, cst.Name) and access.node.value in ARGUMENTS and not access.referents:
                    text = f"{access.node.value} was left alone: it may come from a star import; import it from {OURS}"
                    self._tell(access.node, "by hand", text)

    def _texts(self) -> None:
        """Find the four classes where a string names them: for ``getattr``, or in full, as for ``mock.patch``."""
        in_full = re.compile(rf"{TFA}(\.\w+)*\.({'|'.join(ARGUMENTS)})")
        for node in m.findall(self.source.module, m.SimpleString()):
            text = node.raw_value if isinstance(node, cst.SimpleString) else ""
            argument = self.source.parent(node)
            call = self.source.parent(argument) if isinstance(argument, cst.Arg) else None
            if isinstance(call, cst.Call) and m.matches(call.func, m.Name("getattr")) and argument in call.args[1:2]:
                if text in ARGUMENTS and TFA in self.source.text:
                    self._tell(node, "by hand", f"{text} was left alone: getattr looks it up")
            elif isinstance(text, str) and in_full.fullmatch(text):
                self._tell(node, "by hand", f"{text.rpartition('.')[2]} was left alone: a string names it")

    def _guards(self, moving: list[Reference], staying: list[Reference]) -> None:
        """Find tests whether TFA could be imported, of code that needs it no longer."""
        moved = {reference.binding for reference in moving}
        tests = m.If() | m.IfExp() | m.While() | m.Assert() | m.Comparison() | m.UnaryOperation() | m.BooleanOperation()
        for reference in staying:
            above = self.source.parent(reference.node)
            if reference.binding in moved and isinstance(reference.node, cst.Name) and above and m.matches(above, tests):
                text = f"{reference.node.value} decides here whether TFA is there, which the schedules need no longer"
                self._tell(reference.node, "by hand", text)

    def _uses(self, changed: bool) -> tuple[Use, ...]:
        """Return the names of TFA that stay, in the order of their first lines."""
        lines: dict[str, set[int]] = {}
        for reference in self.references:
            if not reference.is_cyclical and not reference.is_text:
                lines.setdefault(known(reference.name)[0], set()).add(self.source.start(reference.node).line)
        used = {(id(statement), local(alias)) for r in self.references for statement, alias in r.binding.imports}
        for statement in imports_in(self.source.module):
            for alias in aliases_of(statement):
                name = target(statement, alias)
                if name is None or is_cyclical(name):
                    continue
                line = self.source.start(statement).line
                if isinstance(statement, cst.ImportFrom) and known(name)[1] is not None:
                    lines.setdefault(known(name)[0], set()).add(line)
                elif changed and (id(statement), local(alias)) not in used:
                    self.found.append(Finding(line, "note", f"{name} is imported, and nothing in this file uses it"))
        uses = [Use(name, tuple(sorted(at)), known(name)[1]) for name, at in lines.items()]
        return tuple(sorted(uses, key=lambda use: (use.lines, use.name)))

    def _checked(self, edits: list[Edit]) -> list[Edit]:
        """Return the changes if the text can still be parsed with them."""
        try:
            check_syntax(applied(self.source.text, edits))
        except ParseError:
            self.found.append(Finding(1, "by hand", "the changes would not be valid Python; the file was left alone"))
            return []
        return edits


def _needs_module(reference: Reference) -> bool:
    """Return whether our module has to be imported for a name: not where the class itself is imported by its name."""
    return not is_cyclical(min(reference.binding.targets))


def _our_name(source: Source, homes: set[metadata.Scope]) -> tuple[str, str]:
    """Return how our module is called in a file, and the statement that imports it: no other name is hidden by it."""
    taken: set[str] = set()
    hides = any(not isinstance(home, metadata.GlobalScope) for home in homes)
    for scope in source.scopes:
        for assignment in scope.assignments:
            statement = assignment.node if isinstance(assignment, metadata.ImportAssignment) else None
            is_ours = isinstance(statement, cst.Import) and "clr_ref" in map(_package, statement.names)
            if not is_ours or (hides and scope not in homes):  # a function would no longer see the import outside
                taken.add(assignment.name)
    if "clr_ref" not in taken:
        return OURS, f"import {OURS}"
    name = next(name for name in ("clr_ref_keras", *(f"clr_ref_keras_{n}" for n in range(2, 99))) if name not in taken)
    return name, f"import {OURS} as {name}"


def _strings(source: Source) -> set[str]:
    """Return the strings of a file, such as the names in ``__all__``."""
    found = m.findall(source.module, m.SimpleString())
    return {str(node.raw_value) for node in found if isinstance(node, cst.SimpleString)}


def _imported_from(assignment: metadata.ImportAssignment) -> str:
    """Return the package that a name is imported from, or "" for a relative import."""
    statement = assignment.node
    if isinstance(statement, cst.ImportFrom):
        return (module_of(statement) or "").split(".")[0]
    alias = alias_of(statement, assignment.name) if isinstance(statement, cst.Import) else None
    return "" if alias is None else _package(alias)


def _package(alias: cst.ImportAlias) -> str:
    return str(alias.evaluated_name).split(".")[0]
