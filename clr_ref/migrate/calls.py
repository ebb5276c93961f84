"""What changes on purpose where TFA's schedules are constructed: arguments that TFA takes otherwise, or cannot take."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import metadata

from clr_ref.migrate.facts import ARGUMENTS
from clr_ref.migrate.names import Source, dotted

_NAME_IT = 'to load a saved optimizer, register a name for it: clr_ref.register_scale_fn("NAME", FUNCTION)'


def call_of(source: Source, node: cst.BaseExpression) -> cst.Call | None:
    """Return the call of a class, or that of ``functools.partial`` which keeps some of its arguments; None for another use."""
    above = source.parent(node)
    call = source.parent(above) if isinstance(above, cst.Arg) else above
    return call if isinstance(call, cst.Call) and (call.func is node or _is_partial(call, node)) else None


def warnings_of(source: Source, call: cst.Call, node: cst.BaseExpression, kind: str) -> Iterator[str]:
    """Yield what will differ from TFA, for a call of one of the four classes.

    Args:
        source: the file.
        call: what ``call_of`` returned.
        node: the class.
        kind: its name.
    """
    is_partial = call.func is not node
    given, complete = _arguments(call.args[1:] if is_partial else call.args, kind)
    for name, value in given.items():
        number = _literal(source, value)
        if name not in ARGUMENTS[kind]:
            yield f"{name} is no argument of {kind}: a TypeError, as in TFA 0.23"
        elif name == "scale_mode" and isinstance(number, str) and number not in ("cycle", "iterations"):
            yield f'scale_mode={number!r} is a ValueError; TFA takes it for "iterations"'
        elif name == "step_size" and isinstance(number, int | float) and number <= 0:
            effect = "makes every rate NaN" if number == 0 else "accepts it"
            yield f"step_size={source.code(value)} is a ValueError, since it must be greater than 0; TFA {effect}"
        elif name == "initial_learning_rate" and isinstance(number, int):
            yield f"{name}={number} is taken as {float(number)}; TFA raises an error for an int when a rate is computed"
        elif name == "scale_fn" and source.code(value).strip() == "None":
            yield "scale_fn=None is a TypeError; TFA raises it when a rate is computed"
        elif name == "scale_fn" and not isinstance(number, str) and not _has_name(source, value):
            yield f"scale_fn is {_described(source, value)} without a registered name: {_NAME_IT}"
        elif isinstance(value, cst.Call) and dotted(value.func).split(".")[-1] == "Variable":
            yield f'{name} is a variable: a TypeError unless you add arithmetic="tfa", which follows it as TFA does'
    if kind == "ExponentialCyclicalLearningRate" and complete and "gamma" not in given and not is_partial:
        yield "gamma is left out: the rates are those of triangular, as in TFA, and now with a warning"


def _is_partial(call: cst.Call, node: cst.BaseExpression) -> bool:
    return dotted(call.func).split(".")[-1] == "partial" and bool(call.args) and call.args[0].value is node


def _arguments(arguments: Sequence[cst.Arg], kind: str) -> tuple[dict[str, cst.BaseExpression], bool]:
    """Return the arguments by their names, and whether these are all: not with ``*a`` or ``**b``."""
    given: dict[str, cst.BaseExpression] = {}
    names = iter(ARGUMENTS[kind])
    for argument in arguments:
        if argument.star == "*":
            names = iter(())
        elif argument.keyword is not None:
            given[argument.keyword.value] = argument.value
        elif not argument.star and (name := next(names, None)) is not None:
            given[name] = argument.value
    return given, not any(argument.star for argument in arguments)


def _literal(source: Source, value: cst.BaseExpression) -> object:
    """Return the value of a literal; None for any other expression, and for True and False."""
    try:
        found = ast.literal_eval(source.code(value).strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return None if isinstance(found, bool) else found


def _assigned(source: Source, value: cst.Name) -> list[cst.CSTNode]:
    scope = source.scope(value)
    assignments = scope[value.value] if scope is not None else set()
    return [found.node for found in assignments if isinstance(found, metadata.Assignment)]


def _has_name(source: Source, value: cst.BaseExpression) -> bool:
    """Return whether a function of this file is registered where it is defined."""
    functions = (
        [node for node in _assigned(source, value) if isinstance(node, cst.FunctionDef)] if isinstance(value, cst.Name) else []
    )
    return any("register_" in source.code(decorator) for function in functions for decorator in function.decorators)


def _described(source: Source, value: cst.BaseExpression) -> str:
    if isinstance(value, cst.Lambda):
        return "a lambda"
    if isinstance(value, cst.Name) and any(isinstance(node, cst.FunctionDef) for node in _assigned(source, value)):
        return f"the function {value.value}"
    return f"{' '.join(source.code(value).split())}"
