"""Which names of a Python file are TFA's: what each name refers to, found by LibCST's scopes."""

from __future__ import annotations

import ast
import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any

import libcst as cst
from libcst import metadata

from clr_ref.migrate.edits import Place
from clr_ref.migrate.facts import TFA, is_cyclical

#: A file whose syntax tree is deeper is not parsed. The visitors of LibCST reach a third of it.
_DEEPEST = 1_000


class ParseError(Exception):
    """A text is no Python that can be parsed; the message says where."""


@dataclasses.dataclass(frozen=True, eq=False)
class Binding:
    """A name in one scope that imports bind to TFA or to something in it.

    Attributes:
        scope: the scope of the name.
        name: the name in the file, such as "tfa".
        targets: what each import binds it to, such as "tensorflow_addons".
        imports: the import statements, with the alias in each that binds the name.
        unsure: why the name may also be something else, or "".
    """

    scope: metadata.Scope
    name: str
    targets: frozenset[str]
    imports: tuple[tuple[cst.Import | cst.ImportFrom, cst.ImportAlias], ...]
    unsure: str


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """A use of a name that is bound to TFA.

    Attributes:
        node: the name with the attributes that follow; it ends with the class where that is one of the four. Or a string.
        name: the full name, such as "tensorflow_addons.optimizers.AdamW"; of a string, that of its root.
        binding: what the root of the name refers to.
        scope: the scope in which it stands.
    """

    node: cst.BaseExpression
    name: str
    binding: Binding
    scope: metadata.Scope

    @property
    def is_cyclical(self) -> bool:
        return is_cyclical(self.name) and not self.is_text

    @property
    def is_text(self) -> bool:
        return isinstance(self.node, cst.SimpleString | cst.ConcatenatedString)


class Source:
    """A parsed file, with its places and scopes."""

    _scopes: Any
    _positions: Any
    _parents: Any

    def __init__(self, text: str) -> None:
        check_syntax(text)
        try:
            self.text = text
            self.module = cst.parse_module(text)
            wrapper = metadata.MetadataWrapper(self.module, unsafe_skip_copy=True)
            providers = (metadata.ScopeProvider, metadata.PositionProvider, metadata.ParentNodeProvider)
            self._scopes, self._positions, self._parents = map(wrapper.resolve_many(providers).__getitem__, providers)
        except cst.ParserSyntaxError as error:
            raise ParseError(_first_line(error)) from None
        except RecursionError:
            raise ParseError("it is nested too deeply") from None
        self.scopes: list[metadata.Scope] = [scope for scope in dict.fromkeys(self._scopes.values()) if scope is not None]

    def scope(self, node: cst.CSTNode) -> metadata.Scope | None:
        found: metadata.Scope | None = self._scopes.get(node)
        return found

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        found: cst.CSTNode | None = self._parents.get(node)
        return found

    def start(self, node: cst.CSTNode) -> Place:
        return Place(self._positions[node].start.line, self._positions[node].start.column)

    def end(self, node: cst.CSTNode) -> Place:
        return Place(self._positions[node].end.line, self._positions[node].end.column)

    def code(self, node: cst.CSTNode) -> str:
        return str(self.module.code_for_node(node))

    def references(self) -> list[Reference]:
        """Return all uses of TFA's names, in their order; those inside strings that are annotations too."""
        bindings: dict[tuple[metadata.Scope, str], Binding] = {}
        found: dict[cst.CSTNode, Reference] = {}
        for scope in self.scopes:
            for access in scope.accesses:
                for name in {_root(access.node)} - {None} or {referent.name for referent in access.referents}:
                    binding = self._binding(access.scope, str(name), bindings)
                    if binding is not None:
                        reference = self._reference(access.node, binding, access.scope)
                        found.setdefault(reference.node, reference)
        return sorted(found.values(), key=lambda reference: self.start(reference.node))

    def _binding(self, scope: metadata.Scope, name: str, known: dict[tuple[metadata.Scope, str], Binding]) -> Binding | None:
        assignments = scope[name]
        imports, others = [], []
        home = scope
        for assignment in assignments:
            home = assignment.scope
            statement = assignment.node if isinstance(assignment, metadata.ImportAssignment) else None
            alias = alias_of(statement, name) if isinstance(statement, cst.Import | cst.ImportFrom) else None
            if alias is not None and isinstance(statement, cst.Import | cst.ImportFrom) and target(statement, alias):
                imports.append((statement, alias))
            elif not self._is_none(assignment):
                others.append(assignment)
        if not imports:
            return None
        if (home, name) not in known:
            targets = frozenset(str(target(statement, alias)) for statement, alias in imports)
            unsure = ""
            if others or len(targets) > 1:
                unsure = f"{name} is also bound to something else"
            elif any(self.scope(statement) is not home for statement, _ in imports):
                unsure = f"{name} is imported by a function for another scope"
            ordered = tuple(sorted(imports, key=lambda pair: self.start(pair[1])))
            known[home, name] = Binding(home, name, targets, ordered, unsure)
        return known[home, name]

    def _is_none(self, assignment: metadata.BaseAssignment) -> bool:
        """Return whether an assignment is ``name = None``, as where an import has failed: it has no attributes to use."""
        node = assignment.node if isinstance(assignment, metadata.Assignment) else None
        wide = self.parent(self.parent(node) or node) if node is not None else None
        return isinstance(wide, cst.Assign) and isinstance(wide.value, cst.Name) and wide.value.value == "None"

    def _reference(self, node: Any, binding: Binding, scope: metadata.Scope) -> Reference:
        (full, *_) = sorted(binding.targets)
        if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
            return Reference(node, full, binding, scope)
        while isinstance(node, cst.Attribute):
            node = node.value
        above = self.parent(node)
        while not is_cyclical(full) and isinstance(above, cst.Attribute) and above.value is node:
            node, full, above = above, f"{full}.{above.attr.value}", self.parent(above)
        return Reference(node, full, binding, scope)


def check_syntax(text: str) -> None:
    """Check that a text is Python, also of a newer version than the running one.

    Raises:
        ParseError: it is not.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like, which are no matter of ours
            level: list[ast.AST] = [ast.parse(text)]
        for _ in range(_DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise RecursionError  # LibCST would end the process
    except (MemoryError, RecursionError):
        raise ParseError("it is nested too deeply") from None
    except (SyntaxError, ValueError) as error:
        if "too many nested" in str(error) or "null bytes" in str(error):
            raise ParseError(_first_line(error)) from None
        try:
            cst.parse_module(text)
        except cst.ParserSyntaxError:
            raise ParseError(_first_line(error)) from None


def imports_in(module: cst.Module) -> Iterator[cst.Import | cst.ImportFrom]:
    """Yield the import statements of a file, also those in functions and blocks, in their order."""
    stack: list[cst.CSTNode] = [module]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Import | cst.ImportFrom):
            yield node
        elif not isinstance(node, cst.BaseExpression):
            stack += reversed(node.children)


def module_of(statement: cst.ImportFrom) -> str | None:
    """Return the dotted module of a from-import; None if it is relative."""
    return None if statement.relative or statement.module is None else dotted(statement.module)


def aliases_of(statement: cst.Import | cst.ImportFrom) -> tuple[cst.ImportAlias, ...]:
    return () if isinstance(statement.names, cst.ImportStar) else tuple(statement.names)


def alias_of(statement: cst.Import | cst.ImportFrom, name: str) -> cst.ImportAlias | None:
    """Return the last alias of an import that binds a name."""
    found = [alias for alias in aliases_of(statement) if local(alias) == name]
    return found[-1] if found else None


def local(alias: cst.ImportAlias) -> str:
    """Return the name that an alias binds: of ``import a.b`` it is a."""
    return str(alias.evaluated_alias or alias.evaluated_name).split(".")[0]


def target(statement: cst.Import | cst.ImportFrom, alias: cst.ImportAlias) -> str | None:
    """Return the full name that an alias binds its name to, if it is TFA or something in it."""
    if isinstance(statement, cst.ImportFrom):
        module = module_of(statement)
        name = "" if module is None else f"{module}.{alias.evaluated_name}"
    else:
        name = alias.evaluated_name if alias.asname is not None else alias.evaluated_name.split(".")[0]
    return name if name.split(".")[0] == TFA else None


def dotted(node: cst.BaseExpression) -> str:
    """Return a name with its attributes, such as "a.b.c"; "" for any other expression."""
    if isinstance(node, cst.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr.value}" if before else ""
    return node.value if isinstance(node, cst.Name) else ""


def _root(node: cst.CSTNode) -> str | None:
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else None


def _first_line(error: Exception) -> str:
    if isinstance(error, cst.ParserSyntaxError):
        return f"line {error.raw_line}: {error.message.splitlines()[0]}"
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: {error.msg}"
    return str(error)
